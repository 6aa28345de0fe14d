"""Timers and time entries as the store holds them. All ``*_at`` are aware datetimes on whole seconds.

Names of people are here for pages; they never go into logs or error texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from ccm_link.billing.facts import StaffRole
from ccm_link.minutes.contact import Contact, Counterpart, Method, Outcome
from ccm_link.work import Activity


class Entered(StrEnum):
    """How a time entry came to be."""

    TIMER = "timer"
    BY_HAND = "by_hand"
    AUTOMATIC = "automatic"  # by a program that watched the work, with a person there
    EXTERNAL = "external"  # another system reported it


@dataclass(frozen=True, slots=True)
class Limits:
    """When a timer is not believed.

    Attributes:
        longest: a span that ran longer needs its end to be said.
        idle: a span is cut at the last sign of work where none was seen for longer; None: never.
    """

    longest: timedelta
    idle: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer that runs or waits; the server holds it, a page only shows it.

    Attributes:
        program: for which program the time is; None: for none.
        running_at: since when the span runs that is not closed yet.
        seen_at: the last sign of work.
        paused_at: since when it waits; None: it runs.
        is_idle: whether it waits because nothing was seen for too long.
        closed_s: seconds of the spans before.
        dropped_s: seconds that were dropped because nothing was seen.
    """

    practice_id: UUID
    staff_id: UUID
    timer_id: UUID
    patient_id: UUID
    patient_name: str
    task_id: UUID | None
    program: str | None
    activity: Activity
    started_at: datetime
    running_at: datetime
    seen_at: datetime
    paused_at: datetime | None
    is_idle: bool
    closed_s: int
    dropped_s: int

    def seconds(self, now: datetime) -> int:
        """Elapsed whole seconds of work until an instant, pauses and dropped spans left out."""
        open_s = 0 if self.paused_at else int((now - self.running_at).total_seconds())
        return self.closed_s + max(open_s, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedTime:
    """Seconds of a timer, [from_at, until_at), in which nothing was seen for longer than the limit."""

    practice_id: UUID
    dropped_id: UUID
    timer_id: UUID
    staff_id: UUID
    patient_id: UUID
    patient_name: str
    from_at: datetime
    until_at: datetime
    idle_limit_s: int
    claimed_by: UUID | None  # the entry that claims them back

    @property
    def seconds(self) -> int:
        """Elapsed whole seconds."""
        return int((self.until_at - self.from_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry:
    """One person's work for one patient, [started_at, ended_at); never changed, at most voided.

    Attributes:
        staff_role: what the person could do in the console when it was entered.
        billing_role: what the person was for billing at its beginning, as far as it was recorded then.
        reason: why it was entered by hand, or late, or who reported it; empty for a timer.
        timer_id: spans of one timer, between its pauses, have the same.
        is_late: its month was locked when it was added.
        is_approved: what another person said; None: nobody has.
        dropped_s: seconds of its timer that were dropped because nothing was seen.
    """

    practice_id: UUID
    entry_id: UUID
    staff_id: UUID
    staff_name: str
    staff_role: str
    credential: str
    billing_role: StaffRole
    employer: str
    supervisor_name: str | None
    patient_id: UUID
    patient_name: str
    task_id: UUID | None
    program: str | None
    activity: Activity
    contact: Contact
    started_at: datetime
    ended_at: datetime
    zone: str
    note: str
    entered: Entered
    reason: str
    entered_at: datetime
    timer_id: UUID | None
    claims_dropped_id: UUID | None
    replaces: UUID | None  # the voided entry that this one corrects
    needs_approval: bool
    is_late: bool
    is_approved: bool | None
    approval_note: str | None
    approved_by_name: str | None
    voided_at: datetime | None
    voided_by: UUID | None
    voided_by_name: str | None
    void_reason: str | None
    dropped_s: int
    amendment_count: int

    @property
    def seconds(self) -> int:
        """Elapsed whole seconds; a clock change in between makes no difference."""
        return int((self.ended_at - self.started_at).total_seconds())

    @property
    def method(self) -> Method:
        """How contact was made."""
        return self.contact.method

    @property
    def counterpart(self) -> Counterpart:
        """With whom."""
        return self.contact.counterpart

    @property
    def outcome(self) -> Outcome:
        """What came of it."""
        return self.contact.outcome

    @property
    def waits(self) -> bool:
        """Whether another person has to approve it first."""
        return self.needs_approval and self.is_approved is None and self.voided_at is None

    @property
    def counts_by_itself(self) -> bool:
        """Whether it can count, as far as the log knows: neither void, nor refused, nor waiting."""
        return self.voided_at is None and (not self.needs_approval or self.is_approved is True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedTimer:
    """What became of a timer.

    Attributes:
        entries: its spans, oldest first; none: nothing was worked, and it is kept as discarded.
        discarded_because: why, where nothing became of it.
    """

    timer: Timer
    entries: tuple[TimeEntry, ...] = ()
    discarded_because: str = ""
