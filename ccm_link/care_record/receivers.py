"""Looking after the link of one practice: where things go, what did not arrive, who a patient is in the EHR.

Every function takes an open cursor in the practice's scope; whoever opened the transaction commits it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from alerts.channels import addresses
from ccm_link import link_errors
from ccm_link.care_record import outbox
from ccm_link.care_record.outbox import ReceiverKind
from ccm_link.care_record.port import Failure, Found, Match
from ccm_link.minutes import time_log
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.care_record", "receivers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a receiver stands. Times are aware UTC.

    Attributes:
        name: Of an EHR: as the operator calls it.
        address: Of a webhook.
        events: What a webhook is told.
        failures: In a row, of the receiver as a whole.
        held: Waits for a person who says who the patient is.
        dead: Is tried no more until a person says so.
    """

    receiver_id: UUID
    kind: ReceiverKind
    name: str
    address: str
    events: Sequence[str]
    has_patient_data: bool
    paused_at: datetime | None
    failures: int
    failure: str
    failing_since: datetime | None
    waiting: int
    oldest_at: datetime | None
    held: int
    dead: int
    last_sent_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", ReceiverKind(self.kind))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What did not arrive. ``kind`` and ``failure`` are words of ours; nothing of what was sent is kept."""

    outgoing_id: UUID
    receiver_id: UUID
    receiver_name: str
    kind: str
    subject_id: UUID
    queued_at: datetime
    settled_at: datetime
    attempts: int
    failure: Failure

    def __post_init__(self) -> None:
        object.__setattr__(self, "failure", Failure(self.failure))


@dataclass(frozen=True, slots=True)
class UnmatchedPatient:
    """A patient about whom something is held; ``state`` None: nobody has looked yet."""

    receiver_id: UUID
    patient_id: UUID
    display_name: str
    record_number: str
    born_on: date
    state: Match | None
    looked_at: datetime | None
    held: int
    oldest_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", None if self.state is None else Match(self.state))


def standings(cur: Cursor, practice_id: UUID) -> list[Standing]:
    """Return how each receiver stands, the EHR first."""
    return statements.rows(cur, Standing, _Q.standing, {"practice_id": practice_id})


def connect_ehr(
    cur: Cursor,
    practice_id: UUID,
    name: str,
    *,
    known: Collection[str],
    added_by: UUID,
    at: datetime,
) -> UUID:
    """Send what happens from now on to an EHR; a practice has one at most.

    Raises:
        link_errors.UnknownEhr: The operator has none of this name.
        link_errors.ReceiverThere: The practice has one already.
    """
    if name not in known:
        raise link_errors.UnknownEhr
    return _add(cur, practice_id, ReceiverKind.EHR, name, "", added_by, at)


def add_webhook(
    cur: Cursor,
    practice_id: UUID,
    address: str,
    *,
    name: str,
    events: Sequence[str],
    has_patient_data: bool,
    added_by: UUID,
    at: datetime,
) -> UUID:
    """Tell another platform what happens from now on; nothing goes to a host that the operator does not allow.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        address: Where to post.
        name: What people call it.
        events: What it is told, words of :data:`to_webhook.EVENTS`.
        has_patient_data: Whether the practice has agreed that it is told who the patient is.
        added_by: Who.
        at: Now, aware UTC.

    Raises:
        link_errors.BadAddress: Nothing could be posted there.
        link_errors.ReceiverThere: The practice has it already.
    """
    if not addresses.is_web(address):
        raise link_errors.BadAddress
    return _add(
        cur,
        practice_id,
        ReceiverKind.WEBHOOK,
        name,
        address,
        added_by,
        at,
        events=events,
        has_patient_data=has_patient_data,
    )


def pause(cur: Cursor, practice_id: UUID, receiver_id: UUID, *, paused_at: datetime | None) -> None:
    """Send nothing for a while, or (None) go on; what happens meanwhile is queued.

    Raises:
        link_errors.UnknownReceiver: There is none.
    """
    asked = {"practice_id": practice_id, "receiver_id": receiver_id, "paused_at": paused_at}
    if cur.execute(_Q.pause, asked).fetchone() is None:
        raise link_errors.UnknownReceiver


def end(
    cur: Cursor, practice_id: UUID, receiver_id: UUID, *, by: UUID, reason: str, at: datetime
) -> None:
    """Send nothing more there; what waits is given up with the reason.

    Raises:
        link_errors.UnknownReceiver: There is none.
        errors.MissingWords: The reason is empty.
    """
    asked = {
        "practice_id": practice_id,
        "receiver_id": receiver_id,
        "by": by,
        "reason": time_log.words(reason),
        "at": at,
    }
    if cur.execute(_Q.end_receiver, asked).fetchone() is None:
        raise link_errors.UnknownReceiver
    cur.execute(_Q.give_all_up, asked)


def queue_test(cur: Cursor, practice_id: UUID, receiver_id: UUID, at: datetime) -> None:
    """Queue a message that only tries a webhook out.

    Raises:
        link_errors.UnknownReceiver: There is no such webhook.
    """
    asked = {"practice_id": practice_id, "receiver_id": receiver_id, "at": at}
    if cur.execute(_Q.queue_test, asked).fetchone() is None:
        raise link_errors.UnknownReceiver


def dead_letters(cur: Cursor, practice_id: UUID, limit: int) -> list[DeadLetter]:
    """Return what did not arrive and is tried no more, newest first."""
    return statements.rows(
        cur, DeadLetter, _Q.dead_letters, {"practice_id": practice_id, "limit": limit}
    )


def redrive(
    cur: Cursor,
    practice_id: UUID,
    now: datetime,
    *,
    outgoing_id: UUID | None = None,
    failure: Failure | None = None,
    overwrites: bool = False,
) -> list[UUID]:
    """Send dead letters again: one, all of a failure, or all; return which.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        now: Aware UTC.
        outgoing_id: This one alone.
        failure: Only those that failed for it.
        overwrites: Whether what was changed in the EHR meanwhile is replaced by what we say.
    """
    asked = {
        "practice_id": practice_id,
        "now": now,
        "outgoing_id": outgoing_id,
        "failure": failure,
        "overwrites": overwrites,
    }
    cur.execute(_Q.redrive, asked)
    return [found for (found,) in cur.fetchall()]


def give_up(
    cur: Cursor, practice_id: UUID, outgoing_id: UUID, *, by: UUID, reason: str, at: datetime
) -> None:
    """Send a dead letter never.

    Raises:
        link_errors.LetterSettled: It is none any more.
        errors.MissingWords: The reason is empty.
    """
    asked = {
        "practice_id": practice_id,
        "outgoing_id": outgoing_id,
        "by": by,
        "reason": time_log.words(reason),
        "now": at,
    }
    if cur.execute(_Q.give_up, asked).fetchone() is None:
        raise link_errors.LetterSettled


def unmatched(cur: Cursor, practice_id: UUID, limit: int) -> list[UnmatchedPatient]:
    """Return patients of whom nobody knows who they are in the EHR, those who wait longest first."""
    return statements.rows(
        cur, UnmatchedPatient, _Q.unmatched, {"practice_id": practice_id, "limit": limit}
    )


def match_by_hand(
    cur: Cursor, practice_id: UUID, patient_id: UUID, remote_id: str, *, by: UUID, at: datetime
) -> None:
    """Say who a patient is in the practice's EHR, and let go what was held.

    Raises:
        link_errors.UnknownReceiver: The practice has no EHR.
        link_errors.PatientTaken: Another patient here is that one there.
    """
    found = cur.execute(_Q.ehr_of, {"practice_id": practice_id}).fetchone()
    if found is None:
        raise link_errors.UnknownReceiver
    (receiver_id,) = found
    if not outbox.note_patient(
        cur,
        practice_id,
        receiver_id,
        patient_id,
        Found(Match.MATCHED, remote_id),
        matched_by=by,
        now=at,
    ):
        raise link_errors.PatientTaken


def _add(
    cur: Cursor,
    practice_id: UUID,
    kind: ReceiverKind,
    name: str,
    address: str,
    added_by: UUID,
    at: datetime,
    *,
    events: Sequence[str] = (),
    has_patient_data: bool = False,
) -> UUID:
    asked: Mapping[str, Any] = {
        "practice_id": practice_id,
        "kind": kind,
        "name": name,
        "address": address,
        "events": list(events),
        "has_patient_data": has_patient_data,
        "added_by": added_by,
        "at": at,
    }
    found = cur.execute(_Q.add_receiver, asked).fetchone()
    if found is None:
        raise link_errors.ReceiverThere
    return UUID(str(found[0]))
