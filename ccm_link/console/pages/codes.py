"""What a one-time code opens: an invitation sets one's password, a code from the practice signs in from home."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import rate_limits, surroundings
from ccm_link.console.entrance import password_rules, passwords, sessions
from ccm_link.console.entrance.sign_in import Wait
from ccm_link.console.pages.entrance import page_of
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import Fields, Posted, Refusal
from ccm_link.console.problems import Problem
from ccm_link.console.rate_limits import Deed
from ingest import audit, credentials, one_time_code, people, session_store, tenancy
from ingest.audit import Action, Event, Kind
from ingest.credentials import StaffAccount
from ingest.one_time_code import Purpose
from ingest.people import SignedInBy
from ingest.session_store import Cursor

router = APIRouter(include_in_schema=False)

WRONG_CODE = Problem(
    401,
    "This code did not work",
    "It is mistyped, used, too old, or was replaced by a newer one.",
    "Check it letter by letter. After five wrong tries it is void: ask your practice for a new one.",
)


@router.get("/invitation")
def invitation_page() -> HTMLResponse:
    """Ask for the code of an invitation and for a password."""
    return page_of("invitation.html", form_refusal=forms.NOTHING_REFUSED)


@router.post("/invitation")
def accept(request: Request, fields: Posted) -> Response:
    """Set the password of the account that the code was issued for."""
    given, complaints = forms.check(inputs.Invitation, fields)
    if given is not None:
        objection = _objection(request, given.new_password)
        complaints = {} if objection is None else {"new_password": objection}
    if given is None or complaints:
        return _again(fields, complaints)
    wait_s = rate_limits.count(request, Deed.CODE)
    if wait_s is not None:
        return _again(fields, problem=rate_limits.too_many(wait_s), wait=Wait(wait_s))
    password_argon2 = passwords.hash_of(given.new_password)
    with sessions.entrance(request) as cur:
        now = surroundings.of(request).clock()
        redeemed = one_time_code.redeem(cur, Purpose.INVITE_STAFF, given.code, now)
        account = None if redeemed is None else _account(cur, redeemed)
        if account is None:
            cur.connection.commit()  # the wrong try counts
            return _again(fields, problem=WRONG_CODE)
        objection = _objection(request, given.new_password, account)
        is_set = objection is None and credentials.set_password(cur, account, password_argon2)
        if not is_set:
            cur.connection.rollback()  # the code is not used up
            if objection is None:
                return _again(fields, problem=WRONG_CODE)
            return _again(fields, {"new_password": objection})
        _note_new_password(request, cur, account, was_set=account.password_argon2 is not None)
    return page_of("invited.html", sign_in_name=f"{account.sign_in_name}@{account.slug}")


@router.get("/home-sign-in")
def home_page() -> HTMLResponse:
    """Ask for the code that the practice gave a patient or a carer."""
    return page_of("home_sign_in.html")


@router.post("/home-sign-in")
def sign_in_from_home(request: Request, fields: Posted) -> Response:
    """Open the session of the person whom the code was issued for."""
    given, _ = forms.check(inputs.Code, fields)
    if given is None:
        return page_of("home_sign_in.html", WRONG_CODE)
    wait_s = rate_limits.count(request, Deed.CODE)
    if wait_s is not None:
        return page_of("home_sign_in.html", rate_limits.too_many(wait_s), Wait(wait_s))
    token = None
    by = SignedInBy.ONE_TIME_CODE
    with sessions.entrance(request) as cur:
        now = surroundings.of(request).clock()
        redeemed = one_time_code.redeem(cur, Purpose.HOME_SIGN_IN, given.code, now)
        practice_id = tenancy.NOBODYS if redeemed is None else redeemed.practice_id
        person = (
            None
            if redeemed is None or isinstance(redeemed.subject, str)
            else people.home_person(cur, practice_id, redeemed.subject)
        )
        if person is not None:
            token = sessions.open_for(request, cur, person, by)
        if token is None:
            reason = "code" if person is None else "disabled"
            sessions.refuse(request, cur, practice_id, person, by=by, reason=reason)
    if token is None:
        return page_of("home_sign_in.html", WRONG_CODE)
    answer = RedirectResponse("/", 303)
    sessions.set_cookie(request, answer, token)
    return answer


def _account(cur: Cursor, redeemed: one_time_code.Redeemed) -> StaffAccount | None:
    if isinstance(redeemed.subject, str):
        return None
    return credentials.staff_account(cur, redeemed.practice_id, redeemed.subject)


def _objection(request: Request, password: str, account: StaffAccount | None = None) -> str | None:
    settings = surroundings.of(request).settings
    context = () if account is None else account.context
    return password_rules.objection(
        password, context=context, breached_file=settings.breached_passwords_file
    )


def _note_new_password(
    request: Request, cur: Cursor, account: StaffAccount, *, was_set: bool
) -> None:
    """End the account's sessions, which somebody else may have opened, and write both down."""
    ended = session_store.end_sessions(cur, account.practice_id, staff_id=account.staff_id)
    agent = sessions.agent_of(request, account)
    change = Event(
        practice_id=account.practice_id,
        at=surroundings.of(request).clock(),
        kind=Kind.CHANGE,
        action=Action.UPDATE if was_set else Action.CREATE,
        agent=agent,
        purpose=audit.Purpose.OPERATIONS,
        resource="own_account",
        resource_id=str(account.staff_id),
        detail={"changed": "password", "by": "invitation"},
    )
    sessions.record(
        cur,
        [
            change,
            *sessions.ended_events(
                request, account.practice_id, agent, ended, reason="new_password"
            ),
        ],
    )


def _again(
    fields: Fields,
    complaints: dict[str, str] | None = None,
    *,
    problem: Problem | None = None,
    wait: Wait | None = None,
) -> HTMLResponse:
    """Show the form with what was wrong; the code stays, because it is long, passwords do not."""
    kept = {"code": fields.get("code", "")[:100]}
    refusal = Refusal("invitation", kept, complaints or {}, problem)
    answer = page_of("invitation.html", problem, wait, form_refusal=refusal)
    answer.status_code = refusal.status
    return answer
