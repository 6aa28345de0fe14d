"""Proving again who one is, before something that an unlocked workstation must not be enough for.

Whoever has a password shows it, and a code where there is a second factor; the session goes on under a new token.
Whoever signed in through an OpenID provider signs in there again: a session is proved for some minutes after that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request

from ccm_link.console import problems, rate_limits, surroundings
from ccm_link.console.entrance import passwords, sessions, totp
from ccm_link.console.problems import Problem
from ccm_link.console.rate_limits import Deed
from ingest import credentials
from ingest.credentials import StaffAccount
from ingest.people import SignedIn, SignedInBy

RECENT: Final = timedelta(minutes=5)

NOT_PROVED: Final = Problem(
    403,
    "This did not prove that it is you",
    "The password is not yours, or the code of your second factor did not work. A code counts only once.",
    "Type your password again, and the next code that the authenticator app shows.",
    "not_proved",
)
PROVE_AT_PROVIDER: Final = Problem(
    403,
    "Sign in again first",
    "You sign in through your practice's own sign-in, some time ago.",
    "Sign out, sign in again, and come back here within five minutes.",
    "not_proved",
)


@dataclass(frozen=True, slots=True)
class Proved:
    """It is them. ``token`` goes into the cookie of the answer (:func:`sessions.set_cookie`); None: it stays."""

    token: str | None = None


def is_recent(who: SignedIn, now: datetime) -> bool:
    """Say whether somebody proved who they are a moment ago."""
    return now - who.proved_at < RECENT


def prove(request: Request, who: SignedIn, *, password: str, code: str) -> Proved | Problem:
    """Check again who is asking.

    Args:
        request: The request.
        who: Who is signed in.
        password: As typed; "" where the person has none here.
        code: As typed; "" where there is no second factor.

    Returns:
        The proof, or what to tell.

    Raises:
        Refused: 403, a person at home asks; 503, the console has no keys to check a code with.
    """
    if who.staff_id is None:
        raise problems.Refused(problems.FORBIDDEN)
    now = surroundings.of(request).clock()
    if who.signed_in_by is SignedInBy.OPENID_PROVIDER:
        return Proved() if is_recent(who, now) else PROVE_AT_PROVIDER
    limits, key = rate_limits.of(request), f"proof/{who.staff_id}"
    wait_s = rate_limits.count(request, Deed.CODE, account=key) or limits.begin(
        key, rate_limits.address_of(request), is_known=True
    )
    if wait_s is not None:
        return rate_limits.too_many(wait_s)
    with sessions.entrance(request) as cur:
        account = credentials.staff_account(cur, who.practice_id, who.staff_id)
    is_right = passwords.is_password_of(account, password)
    by = _checked(request, account, code, now) if is_right and account else None
    if by is None:
        with sessions.entrance(request) as cur:
            sessions.refuse(
                request,
                cur,
                who.practice_id,
                account,
                by=SignedInBy.PASSWORD,
                reason="code" if is_right else "password",
            )
        return NOT_PROVED
    limits.note_right(key, rate_limits.address_of(request))
    token = sessions.prove_again(request, who, by)
    return problems.SIGNED_OUT if token is None else Proved(token)


def _checked(
    request: Request, account: StaffAccount, code: str, now: datetime
) -> SignedInBy | None:
    if account.totp_confirmed_at is None:
        return SignedInBy.PASSWORD
    with sessions.entrance(request) as cur:
        is_right = totp.use(cur, request, account, code, now)
    return SignedInBy.PASSWORD_AND_TOTP if is_right else None
