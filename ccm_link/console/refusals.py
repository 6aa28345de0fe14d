"""Exceptions into answers. Nothing that was sent is repeated, but to the person who typed it."""

from __future__ import annotations

import logging
from dataclasses import replace
from urllib.parse import quote

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from ccm_link.console import problems, rendering
from ccm_link.console.entrance import sessions
from ccm_link.console.json_api import api_description
from ccm_link.console.posted import forms
from ccm_link.console.problems import Refused
from ccm_link.errors import CcmLinkError

log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Teach the application its answers to what can be raised."""
    app.exception_handler(Refused)(_refused)
    app.exception_handler(CcmLinkError)(_refused_below)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_by_status)
    app.exception_handler(psycopg.OperationalError)(_unavailable)


async def _refused(request: Request, error: Refused) -> Response:
    if error.problem is problems.SIGNED_OUT:
        return await _signed_out(request)
    return problems.response(error.problem, request.scope)


async def _signed_out(request: Request) -> Response:
    """Lead to the sign-in; a form that was filled in meanwhile is kept on the page to be sent again."""
    is_page = not problems.is_for_programs(request.scope)
    if is_page and request.method == "GET":
        going_to = request.scope["path"]
        if request.url.query:
            going_to += f"?{request.url.query}"
        answer: Response = RedirectResponse(f"/sign-in?going_to={quote(going_to)}", 303)
    elif is_page:
        try:
            fields = await forms.posted(request)
        except Refused as error:
            return problems.response(error.problem, request.scope)
        if any(forms.is_secret(name) for name in fields):
            answer = RedirectResponse(
                "/sign-in", 303
            )  # a password is typed again, never kept on a page
        else:
            page = rendering.render("signed_out.html", action=request.scope["path"], fields=fields)
            answer = HTMLResponse(page, 401)
    else:
        answer = problems.response(problems.SIGNED_OUT, request.scope)
    if sessions.has_cookie(request):
        sessions.clear_cookie(request, answer)
    return answer


async def _refused_below(request: Request, error: CcmLinkError) -> Response:
    return problems.response(problems.of_error(error), request.scope)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    if any(one["loc"][0] == "path" for one in found):
        problem = problems.NOT_FOUND  # an id that cannot be is answered like one that is not there
    elif any(one["type"] == "json_invalid" for one in found):
        problem = problems.BAD_JSON
    elif any(one["loc"] == ("body",) for one in found) and not _is_json(request):
        problem = problems.WRONG_TYPE
    else:
        problem = problems.invalid(forms.complaints(found))
    return problems.response(problem, request.scope)


async def _by_status(request: Request, error: HTTPException) -> Response:
    otherwise = problems.BAD_JSON if error.status_code < 500 else problems.FAILED
    problem = problems.BY_STATUS.get(error.status_code, otherwise)
    if problem is problems.NOT_ALLOWED and problems.is_fhir(request.scope):
        problem = problems.READ_ONLY
    answer = problems.response(replace(problem, status=error.status_code), request.scope)
    answer.headers.update(error.headers or {})
    if error.status_code == problems.NOT_ALLOWED.status:
        # Starlette names the methods of the first route alone, where an address has several.
        methods = api_description.methods_of(request.app, request.scope["path"])
        answer.headers["Allow"] = ", ".join(methods)
    return answer


async def _unavailable(request: Request, error: psycopg.OperationalError) -> Response:
    log.error("database_unavailable", extra={"sqlstate": error.sqlstate})
    return problems.response(problems.UNAVAILABLE, request.scope)


def _is_json(request: Request) -> bool:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return content_type == "application/json" or content_type.endswith("+json")
