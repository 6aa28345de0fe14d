"""Sessions of staff and of people at home in PostgreSQL: opened, used, ended.

Only the SHA-256 of a cookie's token is stored. The cursor is the entrance's unless a function says otherwise; whoever
opened the transaction commits it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from ingest import audit, named_queries
from ingest.people import Role, SignedIn, SignedInBy

if TYPE_CHECKING:
    from typing import LiteralString

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "session_store")

# Source: 45 CFR 164.312(a)(2)(iii), automatic logoff; NIST SP 800-63B-4 (August 2025), AAL2:
# re-authentication at the latest after 24 hours and after an hour of inactivity. A practice's
# workstations are shared, hence shorter: a shift, and the time between two patients. At home
# it is a person's own telephone.
STAFF_IDLE: Final = timedelta(minutes=15)
STAFF_LIFETIME: Final = timedelta(hours=12)
HOME_IDLE: Final = timedelta(minutes=30)
HOME_LIFETIME: Final = timedelta(hours=24)
# A desk, a telephone, a room or two: who has more open has forgotten some. The oldest end.
MOST_SESSIONS: Final = 5


def open_session(
    cur: Cursor,
    practice_id: UUID,
    *,
    staff_id: UUID | None = None,
    person_id: UUID | None = None,
    token_sha256: bytes,
    signed_in_by: SignedInBy,
    at: datetime,
) -> list[bytes] | None:
    """Open a session of one account; of more than :data:`MOST_SESSIONS` the oldest end.

    Args:
        cur: Open cursor.
        practice_id: The account's practice.
        staff_id: The member of staff, or
        person_id: the person at home: one of the two.
        token_sha256: SHA-256 of the cookie's token.
        signed_in_by: How the person proved who they are.
        at: Now, aware UTC.

    Returns:
        The hashes of the sessions that ended for it; None where the account is not there or disabled, and no session
        was opened.
    """
    account = {"practice_id": practice_id, "staff_id": staff_id, "person_id": person_id}
    cur.execute(_Q.one_sign_in_at_a_time, {"account_id": staff_id or person_id})
    opened = cur.execute(
        _Q.open_session,
        account | {"token_sha256": token_sha256, "signed_in_by": signed_in_by, "at": at},
    ).fetchone()
    if opened is None:
        return None
    return _hashes(cur.execute(_Q.end_oldest_sessions, account | {"kept": MOST_SESSIONS}))


def session(cur: Cursor, token_sha256: bytes, at: datetime) -> SignedIn | None:
    """Return whose session it is and keep it alive, in one statement.

    None if there is no such session, the account was disabled, nobody used it for the idle time of its kind, or it is
    older than the lifetime of its kind.
    """
    parameters = {"token_sha256": token_sha256, "at": at, **_ended_since(at)}
    return _signed_in(cur, _Q.use_session, parameters)


def look_at_session(cur: Cursor, token_sha256: bytes, at: datetime) -> SignedIn | None:
    """Return whose living session it is without keeping it alive: for what goes on while nobody does anything."""
    return _signed_in(cur, _Q.look_at_session, {"token_sha256": token_sha256, **_ended_since(at)})


def _signed_in(
    cur: Cursor, statement: LiteralString, parameters: dict[str, Any]
) -> SignedIn | None:
    with cur.connection.cursor(row_factory=dict_row) as found:
        row = found.execute(statement, parameters).fetchone()
    if row is None:
        return None
    own = {"role": Role(row["role"]), "signed_in_by": SignedInBy(row["signed_in_by"])}
    mark = audit.session_mark(parameters["token_sha256"])
    return SignedIn(**row | own, session_mark=mark)


def prove_again(
    cur: Cursor,
    who: SignedIn,
    *,
    token_sha256: bytes,
    new_token_sha256: bytes,
    signed_in_by: SignedInBy,
    at: datetime,
) -> bool:
    """Put a member of staff's session under a new token, because they proved again who they are.

    False where the session has ended meanwhile, or is somebody else's.
    """
    parameters = {
        "practice_id": who.practice_id,
        "staff_id": who.staff_id,
        "token_sha256": token_sha256,
        "new_token_sha256": new_token_sha256,
        "signed_in_by": signed_in_by,
        "at": at,
    }
    return cur.execute(_Q.prove_again, parameters).fetchone() is not None


def close_session(cur: Cursor, token_sha256: bytes) -> None:
    """End a session; no error if it had ended already."""
    cur.execute(_Q.close_session, {"token_sha256": token_sha256})


def end_sessions(
    cur: Cursor,
    practice_id: UUID,
    *,
    staff_id: UUID | None = None,
    person_id: UUID | None = None,
    kept_sha256: bytes | None = None,
) -> list[bytes]:
    """End all sessions of one account but the one at hand; return their hashes. Also for the console and the owner."""
    parameters = {
        "practice_id": practice_id,
        "staff_id": staff_id,
        "person_id": person_id,
        "kept_sha256": kept_sha256,
    }
    return _hashes(cur.execute(_Q.end_sessions, parameters))


def delete_ended_sessions(cur: Cursor, at: datetime) -> int:
    """Delete the sessions that can never be used again; return how many. The cursor is the scheduler's."""
    cur.execute(_Q.delete_ended_sessions, _ended_since(at))
    return cur.rowcount


def _hashes(found: Cursor) -> list[bytes]:
    return [bytes(token_sha256) for (token_sha256,) in found.fetchall()]


def _ended_since(at: datetime) -> dict[str, datetime]:
    return {
        "staff_idle_since": at - STAFF_IDLE,
        "staff_created_since": at - STAFF_LIFETIME,
        "home_idle_since": at - HOME_IDLE,
        "home_created_since": at - HOME_LIFETIME,
    }
