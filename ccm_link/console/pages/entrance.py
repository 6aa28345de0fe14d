"""Signing in and out, and whether the console is alive."""

from __future__ import annotations

import re
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from ccm_link.console import forms, inputs, permissions, problems, rendering, sessions
from ccm_link.console.desk import AtDesk
from ccm_link.console.forms import NOTHING_REFUSED, Posted
from ccm_link.console.problems import Problem

router = APIRouter(include_in_schema=False)

# Where a sign-in may lead: one of our own pages. A second slash at the front would name another host.
_OWN_ADDRESS: Final = re.compile(r"/(?!/)[A-Za-z0-9/_.?=&-]*")


@router.get("/healthz")
def healthz() -> PlainTextResponse:
    """Say that the process answers."""
    return PlainTextResponse("ok\n")


@router.get("/")
def start(desk: AtDesk) -> RedirectResponse:
    """Lead to the first place that the person's role includes."""
    first = next(
        place
        for place in ("/worklist", "/gateways", "/time")
        if permissions.may(desk.who, f"GET {place}")
    )
    return RedirectResponse(first, 303)


@router.get("/sign-in")
def sign_in_page(going_to: str = "/") -> HTMLResponse:
    """Show the sign-in form."""
    return _form(going_to)


@router.post("/sign-in")
def sign_in(request: Request, fields: Posted) -> Response:
    """Check name and password; a wrong pair and an incomplete form get the same answer."""
    given, _ = forms.check(inputs.SignInForm, fields)
    opened = given and sessions.sign_in(request, given.sign_in_name, given.password)
    if not given or not opened:
        return _form(fields.get("going_to", "/"), problems.WRONG_SIGN_IN)
    _, token = opened
    answer = RedirectResponse(_own(given.going_to), 303)
    sessions.set_cookie(request, answer, token)
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> RedirectResponse:
    """End the session; also for a browser whose session has ended already."""
    sessions.sign_out(request)
    answer = RedirectResponse("/sign-in", 303)
    sessions.clear_cookie(request, answer)
    # Source: W3C Clear Site Data, section 3.1; "cache" alone, for "cookies" would reach beyond this host.
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def _form(going_to: str, refusal: Problem | None = None) -> HTMLResponse:
    page = rendering.render(
        "sign_in.html", going_to=_own(going_to), refusal=refusal, nothing_refused=NOTHING_REFUSED
    )
    return HTMLResponse(page, refusal.status if refusal else 200)


def _own(address: str) -> str:
    return address if _OWN_ADDRESS.fullmatch(address) else "/"
