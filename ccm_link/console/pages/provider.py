"""Signing in through the practice's OpenID provider: there, and back again.

What the browser has to bring back travels in a sealed cookie, good for ten minutes and one return. It is “Lax”, for
the way back is a link from another site; the session's own cookie is “Strict”, so the page that hands it out leads on
by itself instead of redirecting: a redirect would still count as coming from the provider.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from joserfc.jwk import KeySet

from ccm_link.console import rate_limits, surroundings
from ccm_link.console.entrance import cookies, openid_connect, sealing, sessions, sign_in
from ccm_link.console.entrance.openid_connect import (
    Client,
    Identity,
    OpenIdError,
    Providers,
    Question,
)
from ccm_link.console.entrance.sealing import Purpose
from ccm_link.console.entrance.sign_in import Wait
from ccm_link.console.pages.codes import WRONG_CODE
from ccm_link.console.pages.entrance import page_of
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import Posted
from ccm_link.console.problems import Problem
from ccm_link.console.rate_limits import Deed
from firmware_profiles import secret_file
from firmware_profiles.errors import SettingsError
from ingest import audit, credentials, one_time_code
from ingest.audit import Action, Event, Kind
from ingest.credentials import IdentityProvider, StaffAccount
from ingest.errors import RefusedByStoreError
from ingest.people import SignedInBy
from ingest.session_store import Cursor

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

_COOKIE: Final = "homevitals-provider"
_LINK_COOKIE: Final = "homevitals-linking"
_AWAY: Final = timedelta(minutes=10)
_LINKING: Final = timedelta(minutes=15)
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{1,29}")
_MAKING: Final = threading.Lock()
_BY: Final = SignedInBy.OPENID_PROVIDER

NO_PROVIDER: Final = Problem(
    404,
    "This practice has no sign-in of its own here",
    "The short name may be mistyped, or the practice signs in with name and password.",
    "Check the short name, or sign in with name and password.",
)
UNREACHABLE: Final = Problem(
    502,
    "Your practice's sign-in does not answer",
    "The console asked it and got no usable answer. Nothing was changed.",
    "Try again in a moment; if it goes on, tell the operator the time of day.",
)
NOT_BELIEVED: Final = Problem(
    401,
    "This did not work",
    "What your practice's sign-in sent back is of no use: it was too late, used before, or meant for another browser.",
    "Start again from the sign-in page, in this window.",
)
NO_SECOND_FACTOR: Final = Problem(
    403,
    "A second factor is missing",
    "Your practice's sign-in let you in with a password alone. Health data needs more than that.",
    "Set up a second factor there, or ask whoever looks after it.",
)
UNKNOWN_PERSON: Final = Problem(
    403,
    "Nobody here knows you yet",
    "Your practice's sign-in knows you, but no account here is linked to you.",
    "An administrator of your practice can give you an invitation: type its code once.",
)
CLOSED: Final = Problem(
    403,
    "This account is closed",
    "The account that is linked to you was closed.",
    "Ask an administrator of your practice.",
)


@router.get("/sign-in/provider")
def leave(request: Request, practice: str = "", going_to: str = "/") -> Response:
    """Send the browser to the practice's provider."""
    slug = practice.strip().lower()
    provider = None
    if _SLUG.fullmatch(slug):
        wait_s = rate_limits.count(request, Deed.SIGN_IN, practice=slug)
        if wait_s is not None:
            return _refusal(rate_limits.too_many(wait_s), Wait(wait_s))
        with sessions.entrance(request) as cur:
            provider = credentials.identity_provider(cur, slug)
    if provider is None:
        return _refusal(NO_PROVIDER)
    question = openid_connect.ask()
    try:
        metadata = _providers(request).metadata(provider.issuer)
        client = _client(request, provider.slug, provider.client_id)
    except (OpenIdError, SettingsError) as error:
        _log(provider, error)
        return _refusal(UNREACHABLE)
    address = openid_connect.address_of(metadata, client, question)
    answer = page_of("provider.html", address=address)
    _keep(request, answer, provider, question, sign_in.own_address(going_to))
    return answer


@router.get("/sign-in/provider/return")
def come_back(request: Request) -> Response:
    """Take the provider's answer, and open the session of the account that is linked to who it names."""
    note = _note(request, _COOKIE, Purpose.PROVIDER)
    if note is None:
        return _once(request, _refusal(NOT_BELIEVED))
    provider = IdentityProvider(
        UUID(note["practice_id"]),
        note["slug"],
        note["issuer"],
        note["client_id"],
        tuple(note["second_factor_amr"]),
    )
    question = Question(note["state"], note["nonce"], note["verifier"])
    try:
        identity = _identity(request, provider, question, dict(request.query_params))
    except (OpenIdError, SettingsError) as error:
        _log(provider, error)
        reason = error.reason if isinstance(error, OpenIdError) else "client_secret"
        with sessions.entrance(request) as cur:
            sessions.refuse(request, cur, provider.practice_id, None, by=_BY, reason=reason)
        return _once(request, _refusal(_words(error)))
    return _once(request, _enter(request, provider, identity, note["going_to"]))


@router.post("/sign-in/link")
def link(request: Request, fields: Posted) -> Response:
    """Link an account to who the provider named, given the account's invitation."""
    note = _note(request, _LINK_COOKIE, Purpose.LINKING)
    if note is None:
        return _refusal(NOT_BELIEVED)
    given, _ = forms.check(inputs.Code, fields)
    if given is None:
        return page_of("link.html", WRONG_CODE)
    practice_id, identity = UUID(note["practice_id"]), Identity(note["issuer"], note["subject"])
    wait_s = rate_limits.count(request, Deed.CODE, practice=str(practice_id))
    if wait_s is not None:
        return page_of("link.html", rate_limits.too_many(wait_s), Wait(wait_s))
    try:
        with sessions.entrance(request) as cur:
            opened = _link(request, cur, practice_id, identity, given.code)
    except RefusedByStoreError:  # another account of the practice is linked to this person
        opened = None
    if opened is None:
        return page_of("link.html", WRONG_CODE)
    account, token = opened
    answer = RedirectResponse(sign_in.own_address(note["going_to"]), 303)
    cookies.clear(request, answer, _LINK_COOKIE)
    sessions.set_cookie(request, answer, token)
    sign_in.remember(request, answer, account)
    return answer


def _enter(
    request: Request, provider: IdentityProvider, identity: Identity, going_to: str
) -> Response:
    with sessions.entrance(request) as cur:
        account = credentials.find_linked_staff(
            cur, provider.practice_id, identity.issuer, identity.subject
        )
        token = None if account is None else sessions.open_for(request, cur, account, _BY)
        if token is None:
            reason = "unknown_subject" if account is None else "disabled"
            sessions.refuse(request, cur, provider.practice_id, account, by=_BY, reason=reason)
    if account is None:
        answer = page_of("link.html", UNKNOWN_PERSON)
        note = {
            "practice_id": str(provider.practice_id),
            "issuer": identity.issuer,
            "subject": identity.subject,
            "going_to": going_to,
        }
        until = surroundings.of(request).clock() + _LINKING
        sealed = sealing.passing(request).close_note(Purpose.LINKING, note, until)
        cookies.put(request, answer, _LINK_COOKIE, sealed, lifetime=_LINKING)
        return answer
    if token is None:
        return _refusal(CLOSED)
    answer = page_of("arrived.html", going_to=sign_in.own_address(going_to))
    sessions.set_cookie(request, answer, token)
    sign_in.remember(request, answer, account)
    return answer


def _link(
    request: Request, cur: Cursor, practice_id: UUID, identity: Identity, code: str
) -> tuple[StaffAccount, str] | None:
    """Use the invitation up, link its account and open a session; roll back where it is of no use here."""
    now = surroundings.of(request).clock()
    redeemed = one_time_code.redeem(cur, one_time_code.Purpose.INVITE_STAFF, code, now)
    if redeemed is None:
        return None
    account = None
    if redeemed.practice_id == practice_id and not isinstance(redeemed.subject, str):
        account = credentials.staff_account(cur, practice_id, redeemed.subject)
    if account is None or not credentials.link_identity(
        cur, account, identity.issuer, identity.subject
    ):
        cur.connection.rollback()
        return None
    sessions.record(
        cur,
        [
            Event(
                practice_id=practice_id,
                at=now,
                kind=Kind.CHANGE,
                action=Action.UPDATE,
                agent=sessions.agent_of(request, account),
                purpose=audit.Purpose.OPERATIONS,
                resource="own_account",
                resource_id=str(account.staff_id),
                detail={"changed": "identity", "by": "invitation"},
            )
        ],
    )
    token = sessions.open_for(request, cur, account, _BY)
    return None if token is None else (account, token)


def _identity(
    request: Request, provider: IdentityProvider, question: Question, answer: Mapping[str, str]
) -> Identity:
    """Return whom the provider names.

    Raises:
        OpenIdError: its answer cannot be used.
        SettingsError: our secret cannot be read.
    """
    providers = _providers(request)
    metadata = providers.metadata(provider.issuer)
    code = openid_connect.code_of(metadata, question, answer)
    client = _client(request, provider.slug, provider.client_id)
    token = openid_connect.redeem(metadata, client, question, code)
    keys: Callable[[bool], KeySet] = lambda again: providers.keys(metadata, again=again)  # noqa: E731
    return openid_connect.identity_in(
        token,
        keys,
        issuer=provider.issuer,
        client_id=provider.client_id,
        nonce=question.nonce,
        second_factors=provider.second_factor_amr,
        now=surroundings.of(request).clock(),
    )


def _keep(
    request: Request,
    answer: Response,
    provider: IdentityProvider,
    question: Question,
    going_to: str,
) -> None:
    note = {
        "practice_id": str(provider.practice_id),
        "slug": provider.slug,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "second_factor_amr": list(provider.second_factor_amr),
        "state": question.state,
        "nonce": question.nonce,
        "verifier": question.verifier,
        "going_to": going_to,
    }
    until = surroundings.of(request).clock() + _AWAY
    sealed = sealing.passing(request).close_note(Purpose.PROVIDER, note, until)
    cookies.put(request, answer, _COOKIE, sealed, lifetime=_AWAY, samesite="lax")


def _note(request: Request, cookie: str, purpose: Purpose) -> dict[str, Any] | None:
    now = surroundings.of(request).clock()
    return sealing.passing(request).open_note(purpose, cookies.one(request, cookie), now)


def _once(request: Request, answer: Response) -> Response:
    """Take the note away: whoever comes back a second time starts again."""
    cookies.clear(request, answer, _COOKIE)
    return answer


def _client(request: Request, slug: str, client_id: str) -> Client:
    here = surroundings.of(request)
    base = here.settings.public_url.removesuffix("/") or f"http://{request.url.netloc}"
    folder = here.settings.openid_secrets_folder
    file = Path(folder) / slug if folder else None
    secret = secret_file.read(file) if file is not None and file.exists() else ""
    return Client(client_id, secret, f"{base}/sign-in/provider/return")


def _providers(request: Request) -> Providers:
    state = request.app.state
    with _MAKING:
        if not hasattr(state, "openid_providers"):
            state.openid_providers = Providers()
        found: Providers = state.openid_providers
    return found


def _words(error: OpenIdError | SettingsError) -> Problem:
    if isinstance(error, SettingsError | openid_connect.ProviderUnreachable):
        return UNREACHABLE
    return NO_SECOND_FACTOR if error.reason == "no_second_factor" else NOT_BELIEVED


def _log(provider: IdentityProvider, error: OpenIdError | SettingsError) -> None:
    reason = error.reason if isinstance(error, OpenIdError) else "client_secret"
    log.warning(
        "openid_sign_in_failed", extra={"practice_id": provider.practice_id, "reason": reason}
    )


def _refusal(problem: Problem, wait: Wait | None = None) -> HTMLResponse:
    return page_of("sign_in.html", problem, wait, going_to="/")
