"""One's own account: a new password, a second factor."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from ccm_link.console import problems, rate_limits, surroundings
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.entrance import password_rules, passwords, sessions, sign_in, totp
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.rate_limits import Deed
from ccm_link.console.routes.permissions import Resource
from ingest import audit, credentials, session_store
from ingest.credentials import StaffAccount
from ingest.people import SignedInBy

router = APIRouter(include_in_schema=False)

_SAID: Final = {
    "password": "Your password is changed. Wherever else you were signed in, you no longer are.",
    "second-factor": "Your second factor is set up. The next sign-in asks for a code of it.",
}


@router.get("/account")
def account_page(desk: AtDesk, said: str = "") -> Response:
    """Show one's own account."""
    return _page(desk, said=_SAID.get(said, ""))


@router.post("/account/password")
def change_password(desk: AtDesk, fields: Posted) -> Response:
    """Replace one's password, given the one until now; all other sessions of the account end."""
    given, complaints = forms.check(inputs.ChangePassword, fields)
    if given is None:
        return _page(desk, Refusal("password", {}, complaints))
    with desk.transaction() as cur:
        account = _account(cur, desk)
    settings = surroundings.of(desk.request).settings
    objection = password_rules.objection(
        given.new_password, context=account.context, breached_file=settings.breached_passwords_file
    )
    if objection is not None:
        return _page(desk, Refusal("password", {}, {"new_password": objection}))
    key = str(desk.staff_id)
    wait_s = rate_limits.count(desk.request, Deed.CODE, account=f"password/{key}")
    if wait_s is not None:
        raise rate_limits.TooMany(wait_s)
    if not passwords.is_password_of(account, given.password):
        return _page(desk, Refusal("password", {}, {"password": "This is not your password."}))
    password_argon2 = passwords.hash_of(given.new_password)
    with desk.transaction() as cur:
        if not credentials.set_password(cur, account, password_argon2):
            raise problems.Refused(problems.FORBIDDEN)
        ended = session_store.end_sessions(
            cur,
            desk.practice_id,
            staff_id=desk.staff_id,
            kept_sha256=sessions.own_sha256(desk.request),
        )
        desk.changed(
            Resource.OWN_ACCOUNT,
            desk.staff_id,
            before={"password": "set"},
            after={"password": "new"},
        )
        for token_sha256 in ended:
            desk.did(
                audit.Kind.SESSION_ENDED,
                reason="new_password",
                ended_session=audit.session_mark(token_sha256),
            )
    return _renewed(desk, desk.who.signed_in_by, "/account?said=password")


@router.get("/account/second-factor")
def second_factor_page(desk: AtDesk) -> Response:
    """Show a secret for an authenticator app."""
    return _second_factor(desk)


@router.post("/account/second-factor")
def set_up(desk: AtDesk, fields: Posted) -> Response:
    """Keep the second factor if its first code is right."""
    given, complaints = forms.check(inputs.SecondFactor, fields)
    if given is None:
        return _second_factor(desk, Refusal("set-up", {}, complaints), fields.get("proposal", ""))
    rate_limits.check(desk.request, Deed.CODE, account=str(desk.staff_id))
    with desk.transaction() as cur:
        account = _account(cur, desk)
        is_set = totp.confirm(
            cur, desk.request, account, sealed=given.proposal, code=given.code, now=desk.now
        )
        if is_set:
            desk.changed(
                Resource.OWN_ACCOUNT,
                desk.staff_id,
                before={"second_factor": "none"},
                after={"second_factor": "totp"},
            )
    if not is_set:
        refusal = Refusal("set-up", problem=sign_in.WRONG_CODE)
        return _second_factor(desk, refusal, given.proposal)
    return _renewed(desk, SignedInBy.PASSWORD_AND_TOTP, "/account?said=second-factor")


def _renewed(desk: Desk, by: SignedInBy, going_to: str) -> Response:
    """Lead on with a session under a new token, because what the account rests on has changed."""
    token = sessions.prove_again(desk.request, desk.who, by)
    if token is None:
        raise problems.Refused(problems.SIGNED_OUT)
    answer = RedirectResponse(going_to, 303)
    sessions.set_cookie(desk.request, answer, token)
    return answer


def _page(desk: Desk, refusal: Refusal = NOTHING_REFUSED, said: str = "") -> Response:
    status = 200 if refusal is NOTHING_REFUSED else refusal.status
    with desk.transaction() as cur:
        return desk.page(
            cur,
            "account.html",
            status=status,
            account=_account(cur, desk),
            can_set_up=totp.is_available(desk.request),
            refusal=refusal,
            said_sentence=said,
        )


def _second_factor(desk: Desk, refusal: Refusal = NOTHING_REFUSED, sealed: str = "") -> Response:
    status = 200 if refusal is NOTHING_REFUSED else refusal.status
    with desk.transaction() as cur:
        account = _account(cur, desk)
        if account.totp_confirmed_at is not None or account.password_argon2 is None:
            return RedirectResponse("/account", 303)
        proposal = totp.proposed(desk.request, account, sealed, desk.now) or totp.propose(
            desk.request, account, desk.now
        )
        return desk.page(
            cur, "account_second_factor.html", status=status, proposal=proposal, refusal=refusal
        )


def _account(cur: Cursor, desk: Desk) -> StaffAccount:
    account = credentials.staff_account(cur, desk.practice_id, desk.staff_id)
    if account is None:
        raise problems.Refused(problems.SIGNED_OUT)
    return account
