"""The outbox as stored: what waits for which receiver, who has it in hand, what became of it.

Every function takes an open cursor; whoever opened the transaction commits it. What is due is found among all
practices, which the sender's role may see by its ids; everything else happens in the scope of one practice. Rows come
from triggers (migration 0015), in the transaction in which something happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link.care_record.port import Failure, Found, Match, SoughtPatient, Written
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.care_record", "outbox")


# A sender waits for a turn that comes within a second, and leaves others to whoever looks next.
_SOON: Final = timedelta(seconds=1)


class ReceiverKind(StrEnum):
    """What sort of system takes what leaves."""

    EHR = "ehr"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where something is due; ``failures`` are those in a row."""

    practice_id: UUID
    receiver_id: UUID
    kind: ReceiverKind
    name: str
    address: str
    has_patient_data: bool
    failures: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", ReceiverKind(self.kind))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in this sender's hands.

    Attributes:
        kind: What it tells of, a word of ``ccm.outgoing``.
        subject_at: Of a reading: when it was measured.
        attempts: That failed for a reason of its own.
        overwrites: Whether it replaces what was changed in the EHR.
    """

    practice_id: UUID
    receiver_id: UUID
    outgoing_id: UUID
    kind: str
    subject_id: UUID
    subject_at: datetime | None
    patient_id: UUID | None
    queued_at: datetime
    attempts: int
    overwrites: bool
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class PatientThere:
    """Who a patient is in the EHR, as far as is known; ``looked_at`` is aware UTC."""

    match: Match
    remote_id: str | None
    looked_at: datetime


# Sending


def receivers_due(cur: Cursor, now: datetime) -> list[Receiver]:
    """Return receivers of all practices for which something is due, those that wait longest first."""
    return statements.rows(cur, Receiver, _Q.receivers_due, {"now": now, "soon": now + _SOON})


def take_turn(
    cur: Cursor, receiver: Receiver, *, now: datetime, pace: timedelta
) -> datetime | None:
    """Take a receiver's next turn and return when it comes; None where others have all near ones, or it rests."""
    asked = {**_of(receiver), "now": now, "soon": now + _SOON, "pace": pace}
    found = cur.execute(_Q.take_turn, asked).fetchone()
    return None if found is None else found[0]


def claim(cur: Cursor, receiver: Receiver, *, now: datetime, until: datetime) -> Claimed | None:
    """Claim the oldest message that is due; until then nobody else sends it, nor a later one of the same patient."""
    asked = {**_of(receiver), "now": now, "until": until}
    return statements.first(cur, Claimed, _Q.claim, asked)


def told_by_one(cur: Cursor, claimed: Claimed) -> list[UUID]:
    """Return the messages that wait about the same subject, the claimed one among them."""
    cur.execute(_Q.told_by_one, _about(claimed))
    return [outgoing_id for (outgoing_id,) in cur.fetchall()]


def settle(cur: Cursor, claimed: Claimed, outgoing_ids: Collection[UUID], now: datetime) -> None:
    """Note that messages were sent."""
    asked = {"practice_id": claimed.practice_id, "outgoing_ids": list(outgoing_ids), "now": now}
    cur.execute(_Q.settle, asked)


def try_again(
    cur: Cursor, claimed: Claimed, failure: Failure, *, next_at: datetime, counts: bool
) -> None:
    """Note that a message was not taken; ``counts``: for a reason of its own."""
    asked = {**_named(claimed), "failure": failure, "next_at": next_at, "attempts": int(counts)}
    cur.execute(_Q.try_again, asked)


def bury(cur: Cursor, claimed: Claimed, failure: Failure, now: datetime) -> bool:
    """Make a dead letter of a message; False where somebody else has it by now."""
    asked = {**_named(claimed), "failure": failure, "now": now}
    return cur.execute(_Q.bury, asked).fetchone() is not None


def hold(cur: Cursor, claimed: Claimed, failure: Failure, now: datetime) -> None:
    """Hold everything that waits about a patient whom the EHR does not know, or not as one."""
    cur.execute(_Q.hold, {**_about(claimed), **_named(claimed), "failure": failure, "now": now})


def rest(
    cur: Cursor, receiver: Receiver, failure: Failure, *, until: datetime, now: datetime
) -> None:
    """Leave a receiver alone until an instant."""
    cur.execute(_Q.rest, {**_of(receiver), "failure": failure, "until": until, "now": now})


def works(cur: Cursor, receiver: Receiver) -> None:
    """Note that a receiver takes what is sent."""
    cur.execute(_Q.works, _of(receiver))


def how_far(cur: Cursor) -> tuple[datetime | None, int]:
    """Return since when the oldest message is due, of all practices, and how many dead letters there are."""
    found: tuple[datetime | None, int] = cur.execute(_Q.how_far).fetchone() or (None, 0)
    return found


def forget_sent(cur: Cursor, before: datetime) -> int:
    """Forget some of what was sent before an instant, of all practices; return how much."""
    return cur.execute(_Q.forget_sent, {"before": before}).rowcount


# What an EHR holds


def written(cur: Cursor, claimed: Claimed, kind: str, subject_id: UUID) -> Written | None:
    """Return what the EHR of a message holds of one thing of ours."""
    asked = {**_about(claimed), "kind": kind, "subject_id": subject_id}
    return statements.first(cur, Written, _Q.written, asked)


def note_written(
    cur: Cursor, claimed: Claimed, kind: str, subject_id: UUID, what: Written, now: datetime
) -> None:
    """Remember what the EHR holds now."""
    told = {"remote_id": what.remote_id, "remote_version": what.remote_version, "now": now}
    asked = {**_about(claimed), **told, "kind": kind, "subject_id": subject_id}
    cur.execute(_Q.note_written, asked)


def known_there(
    cur: Cursor, claimed: Claimed, subject_ids: Sequence[UUID]
) -> Mapping[tuple[str, UUID], str]:
    """Return under which ids the EHR holds our subjects, by kind and our id."""
    cur.execute(_Q.known_there, {**_about(claimed), "subject_ids": list(subject_ids)})
    return {(kind, subject_id): remote_id for kind, subject_id, remote_id in cur.fetchall()}


# Patients


def patient_there(cur: Cursor, claimed: Claimed) -> PatientThere | None:
    """Return who a message's patient is in the EHR; None where nobody has looked yet."""
    found = cur.execute(_Q.patient_there, _about(claimed)).fetchone()
    if found is None:
        return None
    state, remote_id, looked_at = found
    return PatientThere(Match(state), remote_id, looked_at)


def sought(
    cur: Cursor, practice_id: UUID, patient_id: UUID, *, system: str, knows_record_numbers: bool
) -> SoughtPatient | None:
    """Return by what a patient is looked for; None where the practice has no such patient."""
    asked: dict[str, Any] = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "system": system,
        "knows_record_numbers": knows_record_numbers,
    }
    found: tuple[str, date] | None = cur.execute(_Q.sought, asked).fetchone()
    return None if found is None else SoughtPatient(*found)


def note_patient(
    cur: Cursor,
    practice_id: UUID,
    receiver_id: UUID,
    patient_id: UUID,
    found: Found,
    *,
    matched_by: UUID | None,
    now: datetime,
) -> bool:
    """Remember who a patient is in the EHR, and let go what was held; False where that patient there is another's.

    Args:
        cur: Open cursor.
        practice_id: Whose patient.
        receiver_id: Which EHR.
        patient_id: Who, here.
        found: Who, there.
        matched_by: The member of staff who says so; None: a search, which does not change what a person said.
        now: Aware UTC.
    """
    asked = {
        "practice_id": practice_id,
        "receiver_id": receiver_id,
        "patient_id": patient_id,
        "state": found.match,
        "remote_id": found.remote_id,
        "matched_by": matched_by,
        "now": now,
    }
    try:
        with cur.connection.transaction():
            cur.execute(_Q.note_patient, asked)
    except psycopg.errors.UniqueViolation:
        return False
    if found.match is Match.MATCHED:
        cur.execute(_Q.release, asked)
    return True


def _of(receiver: Receiver) -> dict[str, Any]:
    return {"practice_id": receiver.practice_id, "receiver_id": receiver.receiver_id}


def _named(claimed: Claimed) -> dict[str, Any]:
    return {
        "practice_id": claimed.practice_id,
        "outgoing_id": claimed.outgoing_id,
        "leased_until": claimed.leased_until,
    }


def _about(claimed: Claimed) -> dict[str, Any]:
    return {
        "practice_id": claimed.practice_id,
        "receiver_id": claimed.receiver_id,
        "patient_id": claimed.patient_id,
        "kind": claimed.kind,
        "subject_id": claimed.subject_id,
    }
