"""Amendments: what an entry of a locked month should have been. The entry stays as it was; both are seen.

An amendment names its entry, what it becomes, why, and who says so. Once another person approved it, it counts in place
of the entry, in the month that its own span lies in; of several the last approved one holds. A withdrawn entry counts
for nothing. What was forgotten altogether is added as a late entry (:mod:`ccm_link.minutes.time_log`), which is
approved likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import errors, store
from ccm_link.billing.facts import StaffRole
from ccm_link.minutes import month_lock, time_errors, time_log
from ccm_link.minutes.contact import Contact
from ccm_link.work import Activity
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.minutes", "time_amendments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Becomes:
    """What an entry should have been, [started_at, ended_at)."""

    program: str | None
    activity: Activity
    contact: Contact
    billing_role: StaffRole
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """An amendment with the names that a person reads beside it.

    Attributes:
        staff_name: whose work it was.
        is_withdrawn: the entry should not have been there at all.
        is_approved: what another person said; None: nobody has.
    """

    practice_id: UUID
    amendment_id: UUID
    entry_id: UUID
    patient_id: UUID
    patient_name: str
    staff_id: UUID
    staff_name: str
    is_withdrawn: bool
    becomes: Becomes
    note: str
    reason: str
    amended_by: UUID
    amended_by_name: str
    amended_at: datetime
    is_approved: bool | None
    approval_note: str | None
    approved_by_name: str | None
    decided_at: datetime | None

    @property
    def seconds(self) -> int:
        """Elapsed whole seconds that count once it is approved."""
        if self.is_withdrawn:
            return 0
        return int((self.becomes.ended_at - self.becomes.started_at).total_seconds())


def amend(
    cur: Cursor,
    practice_id: UUID,
    entry_id: UUID,
    becomes: Becomes,
    *,
    is_withdrawn: bool,
    note: str,
    reason: str,
    amended_by: UUID,
    at: datetime,
) -> UUID:
    """Say what an entry of a locked month should have been, and return the amendment's id.

    Raises:
        errors.UnknownEntry: The practice has no such entry.
        errors.BadInterval: No second long, in the future, or longer than 8 hours.
        errors.MissingWords: Note or reason is empty.
        errors.OverlappingTime: It would overlap other work of the same person.
        time_errors.MonthNotLocked: The entry's month is not locked: void it and add the right one.
        time_errors.BadAmendment: It changes nothing, or the entry counts for nothing.
    """
    note, reason = time_log.words(note), time_log.words(reason)
    entry = time_log.known(cur, practice_id, entry_id)
    if not month_lock.is_span_locked(cur, practice_id, entry.started_at, entry.ended_at):
        raise time_errors.MonthNotLocked
    started_at, ended_at = time_log.span(becomes.started_at, becomes.ended_at, at)
    now = as_counted(cur, practice_id, entry_id)
    if now is None or (becomes == now and not is_withdrawn):
        raise time_errors.BadAmendment
    with cur.connection.transaction():
        amendment_id = store.scalar(
            cur,
            _Q.amend,
            practice_id=practice_id,
            entry_id=entry_id,
            is_withdrawn=is_withdrawn,
            program=becomes.program,
            activity=becomes.activity,
            method=becomes.contact.method,
            counterpart=becomes.contact.counterpart,
            outcome=becomes.contact.outcome,
            billing_role=becomes.billing_role,
            started_at=started_at,
            ended_at=ended_at,
            note=note,
            reason=reason,
            amended_by=amended_by,
            at=at,
        )
        refuse_overlap(cur, practice_id, cast("UUID", amendment_id))
    return cast("UUID", amendment_id)


def of_entry(cur: Cursor, practice_id: UUID, entry_id: UUID) -> list[Amendment]:
    """Return the amendments of an entry, oldest first."""
    return store.rows(cur, _amendment, _Q.amendments, practice_id=practice_id, entry_id=entry_id)


def waiting(cur: Cursor, practice_id: UUID) -> list[Amendment]:
    """Return the amendments that nobody has approved or refused, oldest first."""
    return store.rows(cur, _amendment, _Q.amendments, practice_id=practice_id, entry_id=None)


def as_counted(cur: Cursor, practice_id: UUID, entry_id: UUID) -> Becomes | None:
    """Return what an entry counts as now; None where it counts for nothing."""
    found = store.row(cur, dict[str, Any], _Q.counted, practice_id=practice_id, entry_id=entry_id)
    if found is None or found["is_voided"] or found["is_refused"]:
        return None
    return _becomes(found)


def refuse_overlap(cur: Cursor, practice_id: UUID, amendment_id: UUID) -> None:
    """Hold the person's other changes back, and refuse an amendment that would put them in two places.

    Raises:
        errors.OverlappingTime: It overlaps other work of the same person that counts.
    """
    asked = {"practice_id": practice_id, "amendment_id": amendment_id}
    found = store.row(cur, dict[str, Any], _Q.whose, **asked)
    if found is None:
        return
    store.lock_person(cur, found["staff_id"])
    if store.scalar(cur, _Q.does_overlap, **asked):
        raise errors.OverlappingTime("other work of the same person")


def _amendment(**columns: Any) -> Amendment:
    becomes = _becomes(columns)
    for name in (*Becomes.__dataclass_fields__, "method", "counterpart", "outcome"):
        columns.pop(name, None)
    return Amendment(becomes=becomes, **columns)


def _becomes(columns: dict[str, Any]) -> Becomes:
    return Becomes(
        program=columns["program"],
        activity=Activity(columns["activity"]),
        contact=Contact.of(columns["method"], columns["counterpart"], columns["outcome"]),
        billing_role=StaffRole(columns["billing_role"]),
        started_at=columns["started_at"],
        ended_at=columns["ended_at"],
    )
