"""Signing in with a local account: name and password, then a code of the second factor.

Between the two steps there is no session, only a sealed note in a cookie of its own, good for five minutes and for the
second step alone. Whatever is wrong with name or password gets the same answer after the same work.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias
from uuid import UUID

from fastapi import Request, Response

from ccm_link.console import rate_limits, surroundings
from ccm_link.console.entrance import cookies, passwords, sealing, sessions, totp
from ccm_link.console.entrance.sealing import Purpose
from ccm_link.console.problems import Problem
from ccm_link.console.rate_limits import Deed
from ingest import credentials, people, tenancy
from ingest.credentials import StaffAccount
from ingest.people import SignedInBy
from ingest.session_store import Cursor

_HALFWAY_COOKIE: Final = "homevitals-halfway"
_HALFWAY: Final = timedelta(minutes=5)
_KNOWN_COOKIE: Final = "homevitals-known"
_KNOWN_FOR: Final = timedelta(days=180)
# Where a sign-in may lead: one of our own pages. A second slash at the front would name another host.
_OWN_ADDRESS: Final = re.compile(r"/(?!/)[A-Za-z0-9/_.?=&-]*")
_MOST_KNOWN: Final = 8  # people of one browser: a shared workstation

CODE_NEEDED: Final = Problem(
    401,
    "A code is needed too",
    "Name and password belong together, and the account has a second factor.",
    "Send the code that the authenticator app shows, as “code”, with the same name and password.",
    "code_needed",
)
SECOND_FACTOR_MISSING: Final = Problem(
    403,
    "A second factor is missing",
    "Name and password belong together, but a password alone signs nobody in here.",
    "Sign in on the console's page once: it sets up an authenticator app.",
    "second_factor_missing",
)
WRONG_CODE: Final = Problem(
    401,
    "This code did not work",
    "A code counts for about a minute and only once.",
    "Wait for the next code of the authenticator app and type that one. If the telephone is lost, an administrator of "
    "your practice can reset the second factor.",
)


@dataclass(frozen=True, slots=True)
class Opened:
    """Signed in; the token goes into the cookie."""

    account: StaffAccount
    token: str


@dataclass(frozen=True, slots=True)
class Halfway:
    """The password was right. Still to come: a code, or setting up a second factor (``lacks_second_factor``)."""

    account: StaffAccount
    going_to: str

    @property
    def lacks_second_factor(self) -> bool:
        """Say whether the account has no second factor yet and needs one."""
        return self.account.totp_confirmed_at is None


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many tries; nothing was checked."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not let in. What exactly is wrong stays here."""


Outcome: TypeAlias = Opened | Halfway | Wait | Wrong


def by_password(
    request: Request, sign_in_name: str, password: str, *, code: str = "", going_to: str = "/"
) -> Outcome:
    """Check name and password, and the code where one was sent along and the account needs one."""
    key = spelled(sign_in_name)
    name, _, slug = key.rpartition("@")
    limits, address = rate_limits.of(request), rate_limits.address_of(request)
    wait_s = limits.count(Deed.SIGN_IN, address=address, account=key, practice=slug)
    if wait_s is not None:
        return Wait(wait_s)
    with sessions.entrance(request) as cur:
        account = credentials.find_staff(cur, slug, name)
    wait_s = limits.begin(key, address, is_known=_is_known(request, account))
    if wait_s is not None:
        return Wait(wait_s)
    if not passwords.is_password_of(account, password) or account is None:
        limits.note_wrong(key)
        with sessions.entrance(request) as cur:
            _refuse(request, cur, slug, account, SignedInBy.PASSWORD, _why(account))
        return Wrong()
    if account.totp_confirmed_at is not None:
        halfway = Halfway(account, going_to)
        return by_code(request, halfway, code) if code else halfway
    if surroundings.of(request).settings.asks_second_factor:
        return Halfway(account, going_to)
    with sessions.entrance(request) as cur:
        return _open(request, cur, account, SignedInBy.PASSWORD)


def by_code(request: Request, halfway: Halfway, code: str) -> Opened | Wait | Wrong:
    """Take the second step with a code.

    Raises:
        Refused: the console has no keys to check it with.
    """
    account = halfway.account
    wait_s = _count_code(request, account)
    if wait_s is not None:
        return Wait(wait_s)
    now = surroundings.of(request).clock()
    with sessions.entrance(request) as cur:
        if account.totp_confirmed_at is not None and totp.use(cur, request, account, code, now):
            return _open(request, cur, account, SignedInBy.PASSWORD_AND_TOTP)
        _refuse(request, cur, account.slug, account, SignedInBy.PASSWORD_AND_TOTP, "code")
    return Wrong()


def by_setting_up(
    request: Request, halfway: Halfway, *, sealed: str, code: str
) -> Opened | Wait | Wrong:
    """Take the second step with the first code of a second factor that was just set up.

    Raises:
        Refused: the console has no keys to keep it with.
    """
    wait_s = _count_code(request, halfway.account)
    if wait_s is not None:
        return Wait(wait_s)
    now = surroundings.of(request).clock()
    with sessions.entrance(request) as cur:
        account = halfway.account
        if not totp.confirm(cur, request, account, sealed=sealed, code=code, now=now):
            return Wrong()
        return _open(request, cur, account, SignedInBy.PASSWORD_AND_TOTP)


def keep_halfway(request: Request, response: Response, halfway: Halfway) -> None:
    """Hand the browser what it brings back with the second step."""
    account = halfway.account
    note = {
        "practice_id": str(account.practice_id),
        "staff_id": str(account.staff_id),
        "password": _mark(account),
        "going_to": halfway.going_to,
    }
    until = surroundings.of(request).clock() + _HALFWAY
    sealed = sealing.passing(request).close_note(Purpose.HALFWAY, note, until)
    cookies.put(request, response, _HALFWAY_COOKIE, sealed, lifetime=_HALFWAY)


def halfway_of(request: Request) -> Halfway | None:
    """Return the first step that the browser took; None where it is too long ago or the account has changed since."""
    now = surroundings.of(request).clock()
    sealed = cookies.one(request, _HALFWAY_COOKIE)
    note = sealing.passing(request).open_note(Purpose.HALFWAY, sealed, now)
    if note is None:
        return None
    with sessions.entrance(request) as cur:
        account = credentials.staff_account(cur, UUID(note["practice_id"]), UUID(note["staff_id"]))
    if account is None or account.disabled_at is not None or _mark(account) != note["password"]:
        return None
    return Halfway(account, note["going_to"])


def welcome(request: Request, response: Response, opened: Opened) -> None:
    """Hand the browser its session, forget the first step, and remember that this person uses this browser."""
    sessions.set_cookie(request, response, opened.token)
    if cookies.has(request, _HALFWAY_COOKIE):
        cookies.clear(request, response, _HALFWAY_COOKIE)
    remember(request, response, opened.account)


def remember(request: Request, response: Response, account: StaffAccount) -> None:
    """Remember that this person signed in with this browser; it opens nothing."""
    known = [one for one in _known(request) if one != str(account.staff_id)]
    note = {"staff_ids": [str(account.staff_id), *known][:_MOST_KNOWN]}
    until = surroundings.of(request).clock() + _KNOWN_FOR
    sealed = _lasting(request).close_note(Purpose.KNOWN_BROWSER, note, until)
    cookies.put(request, response, _KNOWN_COOKIE, sealed, lifetime=_KNOWN_FOR)


def own_address(address: str) -> str:
    """Return an address if it is one of our own pages, and the start page's otherwise."""
    return address if _OWN_ADDRESS.fullmatch(address) else "/"


def spelled(sign_in_name: str) -> str:
    """Return a sign-in name in its one spelling."""
    return sign_in_name.strip().lower()


def _open(
    request: Request, cur: Cursor, account: StaffAccount, signed_in_by: SignedInBy
) -> Opened | Wrong:
    token = sessions.open_for(request, cur, account, signed_in_by)
    if token is None:
        _refuse(request, cur, account.slug, account, signed_in_by, "disabled")
        return Wrong()
    key = f"{account.sign_in_name}@{account.slug}"
    rate_limits.of(request).note_right(key, rate_limits.address_of(request))
    return Opened(account, token)


def _refuse(
    request: Request,
    cur: Cursor,
    slug: str,
    account: StaffAccount | None,
    by: SignedInBy,
    reason: str,
) -> None:
    if account is not None:
        practice_id = account.practice_id
    else:
        practice = people.practice_by_slug(cur, slug)
        practice_id = tenancy.NOBODYS if practice is None else practice.practice_id
    sessions.refuse(request, cur, practice_id, account, by=by, reason=reason)


def _why(account: StaffAccount | None) -> str:
    if account is None:
        return "unknown_name"
    if account.disabled_at is not None:
        return "disabled"
    return "no_password" if account.password_argon2 is None else "password"


def _count_code(request: Request, account: StaffAccount) -> float | None:
    return rate_limits.count(
        request, Deed.CODE, account=str(account.staff_id), practice=account.slug
    )


def _mark(account: StaffAccount) -> str:
    """Return what changes with the password."""
    return hashlib.sha256((account.password_argon2 or "").encode()).hexdigest()


def _is_known(request: Request, account: StaffAccount | None) -> bool:
    return account is not None and str(account.staff_id) in _known(request)


def _known(request: Request) -> list[str]:
    now = surroundings.of(request).clock()
    sealed = cookies.one(request, _KNOWN_COOKIE)
    note = _lasting(request).open_note(Purpose.KNOWN_BROWSER, sealed, now)
    return [] if note is None else list(note["staff_ids"])


def _lasting(request: Request) -> sealing.Seal:
    """Return what seals for long, or without keys until the process ends."""
    return sealing.lasting(request) or sealing.passing(request)
