"""The gateways that a practice expects, trusts and no longer trusts.

A person makes a gateway expected and hands out a claim code; the box claims with it and renews by itself from then on
(:mod:`ingest.gateway_certificates`); a person revokes it, and the broker's guard cuts it off. Each step checks and acts
in one statement.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import audit, errors, named_queries, one_time_code, statements
from ingest.directory import Standing
from ingest.errors import EnrolmentReason
from ingest.one_time_code import Purpose
from ingest.signing import RevokedSerial

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "fleet")

_ID_LETTERS: Final = string.ascii_lowercase + string.digits
_ID_LENGTH: Final = 8
_MOST_DRAWS: Final = (
    20  # one id of millions is taken; this often in a row means that something else is wrong
)
RESOURCE: Final = "gateway"  # what audit events about the fleet are about


@dataclass(frozen=True, slots=True)
class ToCutOff:
    """A revoked gateway that the broker has not let go of yet. ``revoked_at`` is aware UTC."""

    practice_id: UUID
    gateway_id: str
    revoked_at: datetime


def expect(cur: Cursor, practice_id: UUID, label: str, at: datetime) -> str:
    """Add a gateway that has to be claimed yet; return the id that was drawn for it.

    Raises:
        StoreError: no free id was drawn.
    """
    parameters = {"practice_id": practice_id, "label": label, "at": at}
    for _ in range(_MOST_DRAWS):
        gateway_id = "gw-" + "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
        if cur.execute(_Q.expect, parameters | {"gateway_id": gateway_id}).fetchone() is not None:
            return gateway_id
    raise errors.StoreError


def standing(cur: Cursor, practice_id: UUID, gateway_id: str) -> Standing | None:
    """Return how a gateway of the practice stands; None where the practice has none of that id."""
    which = {"practice_id": practice_id, "gateway_id": gateway_id}
    row = cur.execute(_Q.standing, which).fetchone()
    return None if row is None else Standing(row[0])


def claim_code(
    cur: Cursor, practice_id: UUID, gateway_id: str, *, created_by: UUID | None, at: datetime
) -> str:
    """Issue the code that a box claims its place with, also for one that was installed anew.

    A claim does not end the certificates that the gateway had. A box that was stolen is revoked, and its successor is
    a gateway of its own.

    Returns:
        The code, for the only time; earlier ones of this gateway are void. The caller writes CODE_ISSUED.

    Raises:
        EnrolmentRefused: the practice has no such gateway, or it was revoked.
    """
    found = standing(cur, practice_id, gateway_id)
    if found is None:
        raise errors.EnrolmentRefused(
            "the practice has no such gateway; check its id", EnrolmentReason.UNKNOWN_GATEWAY
        )
    if found is Standing.REVOKED:
        raise errors.EnrolmentRefused(
            "the gateway was revoked for good; add a new one", EnrolmentReason.REVOKED
        )
    return one_time_code.issue(
        cur, practice_id, Purpose.CLAIM_GATEWAY, gateway_id, created_by=created_by, at=at
    )


def revoke(
    cur: Cursor,
    practice_id: UUID,
    gateway_id: str,
    at: datetime,
    *,
    by: audit.Agent | None = None,
) -> bool:
    """Stop trusting a gateway, for good and at once; void its codes and wake the broker's guard.

    Args:
        cur: Cursor of the console or the owner, in the practice's scope.
        practice_id: Whose gateway it is.
        gateway_id: Which.
        at: Now, aware UTC.
        by: Who does it, for the audit trail; None where the caller writes GATEWAY_REVOKED itself.

    Returns:
        False where the practice has no such gateway, or it was revoked already.
    """
    which = {"practice_id": practice_id, "gateway_id": gateway_id, "at": at}
    if cur.execute(_Q.revoke, which).fetchone() is None:
        return False
    cur.execute(_Q.void_claim_codes, which)
    cur.execute(_Q.wake_guard)
    if by is not None:
        event = audit.Event(
            practice_id=practice_id,
            at=at,
            kind=audit.Kind.GATEWAY_REVOKED,
            action=audit.Action.UPDATE,
            agent=by,
            purpose=audit.Purpose.SYSTEM_ADMINISTRATION,
            resource=RESOURCE,
            resource_id=gateway_id,
        )
        audit.record(cur, [event])
    return True


def to_cut_off(cur: Cursor) -> list[ToCutOff]:
    """Return the revoked gateways, of all practices, that the broker has not let go of; role guard."""
    return statements.rows(cur, ToCutOff, _Q.to_cut_off, {})


def revoked_serials(cur: Cursor, at: datetime | None = None) -> list[RevokedSerial]:
    """Return the certificates of revoked gateways, of all practices; role guard.

    Args:
        cur: Open cursor.
        at: Leave out what has expired by then; None returns all.
    """
    return statements.rows(cur, RevokedSerial, _Q.revoked_serials, {"at": at})


def mark_cut_off(cur: Cursor, practice_id: UUID, gateway_id: str, at: datetime) -> bool:
    """Note that the broker has let go of a revoked gateway; False where that is noted already. Role guard."""
    which = {"practice_id": practice_id, "gateway_id": gateway_id, "at": at}
    return cur.execute(_Q.mark_cut_off, which).fetchone() is not None
