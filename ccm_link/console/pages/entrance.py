"""Signing in and out, and whether the console is alive."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from ccm_link.console import problems, rate_limits, rendering, surroundings
from ccm_link.console.desk import AtDesk
from ccm_link.console.entrance import sessions, sign_in, totp
from ccm_link.console.entrance.sign_in import Halfway, Opened, Wait, Wrong
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted
from ccm_link.console.problems import Problem
from ccm_link.console.routes import places

router = APIRouter(include_in_schema=False)

_CODE, _SET_UP = "/sign-in/code", "/sign-in/second-factor"


@router.get("/healthz")
def healthz() -> PlainTextResponse:
    """Say that the process answers."""
    return PlainTextResponse("ok\n")


@router.get("/")
def start(desk: AtDesk) -> RedirectResponse:
    """Lead to the first place that the person's role includes."""
    return RedirectResponse(places.start(desk.who), 303)


@router.get("/sign-in")
def sign_in_page(going_to: str = "/") -> HTMLResponse:
    """Show the sign-in form."""
    return _form(going_to)


@router.post("/sign-in")
def take_first_step(request: Request, fields: Posted) -> Response:
    """Check name and password; a wrong pair and an incomplete form get the same answer."""
    given, _ = forms.check(inputs.SignInForm, fields)
    going_to = sign_in.own_address(fields.get("going_to", "/"))
    if given is None:
        return _form(going_to, problems.WRONG_SIGN_IN)
    outcome = sign_in.by_password(request, given.sign_in_name, given.password, going_to=going_to)
    if isinstance(outcome, Halfway):
        answer = RedirectResponse(_SET_UP if outcome.lacks_second_factor else _CODE, 303)
        sign_in.keep_halfway(request, answer, outcome)
        return answer
    if isinstance(outcome, Opened):
        return _in(request, outcome, going_to)
    if isinstance(outcome, Wait):
        return _form(going_to, rate_limits.too_many(outcome.wait_s), outcome)
    return _form(going_to, problems.WRONG_SIGN_IN)


@router.get("/sign-in/code")
def code_page(request: Request) -> Response:
    """Ask for the code of the second factor."""
    halfway = sign_in.halfway_of(request)
    return _to_start() if halfway is None else _code_form()


@router.post("/sign-in/code")
def take_second_step(request: Request, fields: Posted) -> Response:
    """Check the code, and open the session."""
    halfway = sign_in.halfway_of(request)
    if halfway is None:
        return _to_start()
    given, _ = forms.check(inputs.Code, fields)
    outcome = Wrong() if given is None else sign_in.by_code(request, halfway, given.code)
    if isinstance(outcome, Opened):
        return _in(request, outcome, halfway.going_to)
    if isinstance(outcome, Wait):
        return _code_form(rate_limits.too_many(outcome.wait_s), outcome)
    return _code_form(sign_in.WRONG_CODE)


@router.get("/sign-in/second-factor")
def set_up_page(request: Request) -> Response:
    """Show a secret for an authenticator app to whoever needs a second factor and has none."""
    halfway = sign_in.halfway_of(request)
    if halfway is None or not halfway.lacks_second_factor:
        return _to_start()
    return _set_up_form(request, halfway)


@router.post("/sign-in/second-factor")
def set_up(request: Request, fields: Posted) -> Response:
    """Keep the second factor if its first code is right, and open the session."""
    halfway = sign_in.halfway_of(request)
    if halfway is None or not halfway.lacks_second_factor:
        return _to_start()
    given, _ = forms.check(inputs.SecondFactor, fields)
    if given is None:
        return _set_up_form(request, halfway, sign_in.WRONG_CODE, fields.get("proposal", ""))
    outcome = sign_in.by_setting_up(request, halfway, sealed=given.proposal, code=given.code)
    if isinstance(outcome, Opened):
        return _in(request, outcome, halfway.going_to)
    if isinstance(outcome, Wait):
        refusal = rate_limits.too_many(outcome.wait_s)
        return _set_up_form(request, halfway, refusal, given.proposal, outcome)
    return _set_up_form(request, halfway, sign_in.WRONG_CODE, given.proposal)


@router.post("/sign-out")
def sign_out(request: Request) -> RedirectResponse:
    """End the session; also for a browser whose session has ended already."""
    sessions.sign_out(request)
    answer = RedirectResponse("/sign-in", 303)
    sessions.forget(request, answer)
    return answer


def _in(request: Request, opened: Opened, going_to: str) -> RedirectResponse:
    answer = RedirectResponse(going_to, 303)
    sign_in.welcome(request, answer, opened)
    return answer


def _to_start() -> RedirectResponse:
    """Lead back to the first step: it was too long ago, or never taken."""
    return RedirectResponse("/sign-in", 303)


def _form(going_to: str, refusal: Problem | None = None, wait: Wait | None = None) -> HTMLResponse:
    return page_of("sign_in.html", refusal, wait, going_to=sign_in.own_address(going_to))


def _code_form(refusal: Problem | None = None, wait: Wait | None = None) -> HTMLResponse:
    return page_of("sign_in_code.html", refusal, wait)


def _set_up_form(
    request: Request,
    halfway: Halfway,
    refusal: Problem | None = None,
    sealed: str = "",
    wait: Wait | None = None,
) -> HTMLResponse:
    now = surroundings.of(request).clock()
    proposal = totp.proposed(request, halfway.account, sealed, now) or totp.propose(
        request, halfway.account, now
    )
    return page_of("sign_in_second_factor.html", refusal, wait, proposal=proposal)


def page_of(
    template: str, refusal: Problem | None = None, wait: Wait | None = None, **shown: object
) -> HTMLResponse:
    """Return a page for somebody who is not signed in, with what was refused before."""
    page = rendering.render(template, refusal=refusal, nothing_refused=NOTHING_REFUSED, **shown)
    headers = rate_limits.headers(wait.wait_s) if wait else None
    return HTMLResponse(page, refusal.status if refusal else 200, headers)
