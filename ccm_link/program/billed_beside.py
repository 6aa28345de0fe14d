"""What else is billed or agreed on for a patient, as far as the practice knows, with days and where it is known from.

The words are those of the blockers in the billing tables, which say what it does to programs of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from ccm_link import store
from ccm_link.billing.facts import By
from ccm_link.billing.rows import Blocker
from ccm_link.billing.rule_book import Rules
from ccm_link.program import program_errors
from ccm_link.program.program_errors import DayReason
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "billed_beside")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBeside:
    """Something that stands beside our programs.

    Attributes:
        what: in the words of the tables.
        from_on: its first day, in the practice's days.
        until_on: its last day; None: no end is known.
        source: where it is known from.
    """

    what: str
    by_whom: By
    from_on: date
    until_on: date | None
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_whom", By(self.by_whom))


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledBeside(NewBeside):
    """The same as it was recorded; ``until_on`` before ``from_on`` says that it was recorded by mistake."""

    beside_id: UUID
    recorded_by: str
    recorded_at: datetime
    ended_by: str | None
    end_reason: str | None

    @property
    def is_mistake(self) -> bool:
        """Whether it never was."""
        return self.until_on is not None and self.until_on < self.from_on


def kinds(rules: Rules) -> dict[str, str]:
    """Return what can stand beside programs on a day, by its word in the tables: what a person calls it. Pure."""
    return {one.row.what: one.row.title for one in rules.of(Blocker)}


def record(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    new: NewBeside,
    *,
    recorded_by: str,
    at: datetime,
) -> UUID:
    """Record it, and return its id.

    Raises:
        program_errors.AlreadyRecorded: The same is recorded and has no end.
        program_errors.BadDay: It ends before it begins.
    """
    if new.until_on is not None and new.until_on < new.from_on:
        raise program_errors.BadDay(DayReason.ENDS_BEFORE_START)
    beside_id = store.scalar(
        cur,
        _Q.record,
        practice_id=practice_id,
        patient_id=patient_id,
        what=new.what,
        by_whom=new.by_whom,
        from_on=new.from_on,
        until_on=new.until_on,
        source=new.source,
        recorded_by=recorded_by,
        at=at,
    )
    if beside_id is None:
        raise program_errors.AlreadyRecorded
    return cast("UUID", beside_id)


def end(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    beside_id: UUID,
    *,
    until_on: date | None,
    reason: str,
    ended_by: str,
) -> None:
    """Say when it ended, or, without a day, that it was recorded by mistake. Once.

    Raises:
        program_errors.AlreadyEnded: That was said before, or the patient has none under this id.
        program_errors.BadDay: It ends before it begins.
    """
    held = next(
        (one for one in of_patient(cur, practice_id, patient_id) if one.beside_id == beside_id),
        None,
    )
    if held is None:
        raise program_errors.AlreadyEnded
    if until_on is not None and until_on < held.from_on:
        raise program_errors.BadDay(DayReason.ENDS_BEFORE_START)
    ended = store.changed(
        cur,
        _Q.end_beside,
        practice_id=practice_id,
        patient_id=patient_id,
        beside_id=beside_id,
        until_on=until_on or held.from_on - timedelta(days=1),
        reason=reason,
        ended_by=ended_by,
    )
    if not ended:
        raise program_errors.AlreadyEnded


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[BilledBeside]:
    """Return all that was ever recorded of a patient, what has no end first, then the newest."""
    return store.rows(
        cur, BilledBeside, _Q.of_patient, practice_id=practice_id, patient_id=patient_id
    )
