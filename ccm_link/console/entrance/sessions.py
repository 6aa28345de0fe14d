"""Sessions: tokens, cookies, and the lines that signing in and out leave in the audit trail.

The cookie holds 256 random bits, the database their SHA-256: who reads the table cannot sign in with it. A token is
made at every sign-in and at every new proof of who somebody is, and never before, so none can be planted.

A session and the line about it are written in one transaction: a sign-in that cannot be written down fails.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import UUID

from fastapi import Request, Response

from ccm_link.console import surroundings
from ccm_link.console.entrance import cookies
from ingest import audit, session_store, tenancy
from ingest.audit import Action, Agent, AgentKind, Event, Kind, Outcome, Purpose
from ingest.credentials import StaffAccount
from ingest.people import HomePerson, SignedIn, SignedInBy
from ingest.session_store import Cursor

Account: TypeAlias = StaffAccount | HomePerson

_TOKEN_BYTES: Final = 32
_COOKIE: Final = "homevitals"
# Source: W3C Clear Site Data, section 3.1. Not "cookies": that would reach beyond this host. Nothing is stored.
_FORGET: Final = '"cache", "storage"'


@contextmanager
def entrance(request: Request) -> Iterator[Cursor]:
    """Open a transaction of the entrance, which sees accounts, sessions and codes of all practices."""
    pool = surroundings.of(request).entrance
    with pool.connection() as connection, connection.cursor() as cur:
        yield cur


def signed_in(request: Request) -> SignedIn | None:
    """Return whose living session the request's cookie names, and keep the session alive."""
    token = cookies.one(request, _COOKIE)
    if token is None:
        return None
    with entrance(request) as cur:
        return session_store.session(cur, _digest(token), surroundings.of(request).clock())


def still_signed_in(request: Request, who: SignedIn) -> bool:
    """Say whether the request's session lives, as the same person in the same role; asking does not keep it alive."""
    token = cookies.one(request, _COOKIE)
    if token is None:
        return False
    with entrance(request) as cur:
        found = session_store.look_at_session(cur, _digest(token), surroundings.of(request).clock())
    return found is not None and (found.role, found.staff_id, found.person_id) == (
        who.role,
        who.staff_id,
        who.person_id,
    )


def open_for(
    request: Request, cur: Cursor, account: Account, signed_in_by: SignedInBy
) -> str | None:
    """Open a session in the entrance's transaction, ending the one that the browser may still have.

    Returns:
        The cookie's new token; None where the account is not there or disabled: nothing was opened or written then.
    """
    now = surroundings.of(request).clock()
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    ended = session_store.open_session(
        cur,
        account.practice_id,
        staff_id=account.staff_id if isinstance(account, StaffAccount) else None,
        person_id=account.person_id if isinstance(account, HomePerson) else None,
        token_sha256=_digest(token),
        signed_in_by=signed_in_by,
        at=now,
    )
    if ended is None:
        return None
    left = _leave(request, cur)
    agent = agent_of(request, account)
    mark = audit.session_mark(_digest(token))
    events = [
        _event(
            request,
            account.practice_id,
            Kind.SIGN_IN,
            replace(agent, session=mark),
            detail={"by": signed_in_by.value},
        ),
        *ended_events(request, account.practice_id, agent, ended, reason="too_many"),
    ]
    record(cur, [*left, *events])
    return token


def refuse(
    request: Request,
    cur: Cursor,
    practice_id: UUID,
    account: Account | None,
    *,
    by: SignedInBy,
    reason: str,
) -> None:
    """Write down, in the entrance's transaction, that somebody was not let in.

    Args:
        request: What was asked.
        cur: Open cursor.
        practice_id: The practice that was named; :data:`ingest.tenancy.NOBODYS` where there is none.
        account: The account that was named, if there is one.
        by: What they tried it with.
        reason: A word of ours; nothing that was typed.
    """
    agent = agent_of(request, account)
    detail = {"by": by.value, "reason": reason}
    record(
        cur,
        [_event(request, practice_id, Kind.SIGN_IN, agent, outcome=Outcome.REFUSED, detail=detail)],
    )


def sign_out(request: Request) -> None:
    """End the session that the request's cookie names, if there is one."""
    with entrance(request) as cur:
        record(cur, _leave(request, cur))


def prove_again(request: Request, who: SignedIn, signed_in_by: SignedInBy) -> str | None:
    """Put a session under a new token, because its person proved again who they are.

    Returns:
        The cookie's new token; None where the session has ended.
    """
    former = cookies.one(request, _COOKIE)
    if former is None:
        return None
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    now = surroundings.of(request).clock()
    with entrance(request) as cur:
        is_proved = session_store.prove_again(
            cur,
            who,
            token_sha256=_digest(former),
            new_token_sha256=_digest(token),
            signed_in_by=signed_in_by,
            at=now,
        )
        if not is_proved:
            return None
        detail = {"by": signed_in_by.value, "again": True, "former_session": who.session_mark}
        mark = audit.session_mark(_digest(token))
        agent = replace(agent_of(request, who), session=mark)
        record(cur, [_event(request, who.practice_id, Kind.SIGN_IN, agent, detail=detail)])
    return token


def own_sha256(request: Request) -> bytes | None:
    """Return the hash under which the request's own session is kept."""
    token = cookies.one(request, _COOKIE)
    return None if token is None else _digest(token)


def record(cur: Cursor, events: Sequence[Event]) -> None:
    """Write events of the entrance, which works for their practices while it does.

    Raises:
        psycopg.Error: they cannot be written; what they tell about must not happen.
    """
    if events:
        tenancy.enter(cur, tenancy.Scope(tuple({event.practice_id for event in events})))
        audit.record(cur, events)


def ended_events(
    request: Request, practice_id: UUID, agent: Agent, ended: Sequence[bytes], *, reason: str
) -> list[Event]:
    """Return the lines about sessions that ended without their person's doing."""
    return [
        _event(
            request,
            practice_id,
            Kind.SESSION_ENDED,
            agent,
            detail={"reason": reason, "ended_session": audit.session_mark(token_sha256)},
        )
        for token_sha256 in ended
    ]


def agent_of(request: Request, account: Account | SignedIn | None) -> Agent:
    """Return who is acting, as the trail says it."""
    network = surroundings.network_of(request)
    if account is None:
        return Agent(AgentKind.NOBODY, network=network)
    if isinstance(account, StaffAccount):
        return Agent(AgentKind.STAFF, str(account.staff_id), account.role, network)
    if isinstance(account, HomePerson):
        return Agent(AgentKind.HOME_PERSON, str(account.person_id), account.role, network)
    kind = AgentKind.HOME_PERSON if account.staff_id is None else AgentKind.STAFF
    agent_id = str(account.staff_id or account.person_id)
    return Agent(kind, agent_id, account.role, network, account.session_mark)


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Hand the token to the browser; it forgets it when it is closed."""
    cookies.put(request, response, _COOKIE, token)


def clear_cookie(request: Request, response: Response) -> None:
    """Make the browser forget the token."""
    cookies.clear(request, response, _COOKIE)


def forget(request: Request, response: Response) -> None:
    """Make the browser forget the token and whatever it kept of the pages."""
    clear_cookie(request, response)
    response.headers["Clear-Site-Data"] = _FORGET


def cookie_name(request: Request) -> str:
    """Return what the session's cookie is called where this request came from."""
    return cookies.name_of(request, _COOKIE)


def has_cookie(request: Request) -> bool:
    """Say whether the browser sent any session cookie, good or not."""
    return cookies.has(request, _COOKIE)


def _leave(request: Request, cur: Cursor) -> list[Event]:
    """End the session that the browser has; return the line about it, if it was a living one."""
    token = cookies.one(request, _COOKIE)
    if token is None:
        return []
    who = session_store.session(cur, _digest(token), surroundings.of(request).clock())
    session_store.close_session(cur, _digest(token))
    if who is None:
        return []
    return [_event(request, who.practice_id, Kind.SIGN_OUT, agent_of(request, who))]


def _event(
    request: Request,
    practice_id: UUID,
    kind: Kind,
    agent: Agent,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    detail: Mapping[str, object] | None = None,
) -> Event:
    return Event(
        practice_id=practice_id,
        at=surroundings.of(request).clock(),
        kind=kind,
        action=Action.EXECUTE,
        agent=agent,
        outcome=outcome,
        purpose=Purpose.OPERATIONS,
        resource="session",
        detail=detail or {},
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
