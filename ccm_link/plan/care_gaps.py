"""What the care of a patient lacks, each with its numbers and what to do about it. Pure; the clock comes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from alerts.measures import Comparison, Measure
from alerts.signals import Slope
from ccm_link import local_days
from ccm_link.plan import plan_document
from ccm_link.plan.care_plan import Head
from ccm_link.plan.medication import LastReview
from ccm_link.plan.review_clock import ReviewClock

QUIET_AFTER: Final = timedelta(days=7)
"""So long without a reading is a gap, whatever schedule was agreed on; ours, as in ENGAGE-HF's message to patients."""

MEASURED_LOOK_BACK: Final = timedelta(days=90)
"""Older readings are not looked for; who has none since then is told as that."""

CONTACT_AFTER: Final = timedelta(days=31)
"""So long without speaking with anybody is a gap: a month of care management, whose minutes are counted by months."""

CONTACT_LOOK_BACK: Final = timedelta(days=366)
"""Older conversations are not looked for; who had none since then is told as that."""


def _rising(measure: Measure, *, per_week: float) -> Slope:
    return Slope(
        measure=measure,
        comparison=Comparison.AT_OR_ABOVE,
        per_week=per_week,
        days=28,
        min_days=12,
    )


TRENDS: Final = (
    # As the rule that we ship: alerts/rule_sets/hypertension.toml, “systolic-rising”; its source: ours.
    _rising(Measure.SYSTOLIC_MMHG, per_week=5),
    # Some 40 mg/dL in four weeks, from the middle of the range from 70 to 180 almost to its end; ours.
    _rising(Measure.GLUCOSE_MG_DL, per_week=10),
)
"""What counts as a rising trend: the slope of daily means, certain at 95 %."""


class GapKind(StrEnum):
    """What is lacking; the most pressing first."""

    RISING_TREND = "rising_trend"
    NO_READINGS = "no_readings"
    CONSENT_MISSING = "consent_missing"
    NO_PLAN = "no_plan"
    PLAN_REVIEW_OVERDUE = "plan_review_overdue"
    PLAN_NOT_SHARED = "plan_not_shared"
    MEDICATION_REVIEW_OVERDUE = "medication_review_overdue"
    NO_CONTACT = "no_contact"

    @property
    def heading(self) -> str:
        """What a person calls it."""
        return _TITLES[self]

    @property
    def to_do(self) -> str:
        """What to do about it."""
        return _TO_DO[self]


_TITLES: Final = {
    GapKind.RISING_TREND: "Rising trend",
    GapKind.NO_READINGS: "No readings",
    GapKind.CONSENT_MISSING: "Consent missing",
    GapKind.NO_PLAN: "No care plan",
    GapKind.PLAN_REVIEW_OVERDUE: "Plan review overdue",
    GapKind.PLAN_NOT_SHARED: "Plan not given to the patient",
    GapKind.MEDICATION_REVIEW_OVERDUE: "Medication review overdue",
    GapKind.NO_CONTACT: "No contact",
}
_TO_DO: Final = {
    GapKind.RISING_TREND: "Look at the course, and ask what has changed; then at goal and medication.",
    GapKind.NO_READINGS: "Look whether the gateway is heard, then call the patient.",
    GapKind.CONSENT_MISSING: "Ask for consent, and document it on the page of the programs.",
    GapKind.NO_PLAN: "Write a draft with the patient, and have a clinician sign it.",
    GapKind.PLAN_REVIEW_OVERDUE: "Go through the plan with the patient; record the review, or sign a new version.",
    GapKind.PLAN_NOT_SHARED: "Give the patient the plan, and record how.",
    GapKind.MEDICATION_REVIEW_OVERDUE: "Hold the list against what the patient has at home, and record it.",
    GapKind.NO_CONTACT: "Call the patient.",
}


@dataclass(frozen=True, slots=True)
class Trend:
    """A number that rises, beyond what chance explains.

    Attributes:
        per_week: in the unit of the measure.
        days: over so many days back.
    """

    measure: Measure
    per_week: float
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CareFacts:
    """What is known of one patient who is cared for. Instants are aware UTC.

    Attributes:
        device_since: since when the patient measures with a device of ours; None: has none.
        in_care_since: of the oldest enrolment beyond the first contacts; None: in no program.
        lacks_consent: an enrolment, or measuring without one, has no consent in force.
        contact_at: when the patient or a carer was last spoken with; None: not since `CONTACT_LOOK_BACK`, as recorded.
        measured_at: the newest reading whose time is known; None: none since `MEASURED_LOOK_BACK`.
        trends: those that rise.
        head: of the plan in force; None: there is none.
        reviewed: when the medication was last looked at.
    """

    patient_id: UUID
    display_name: str
    record_number: str
    time_zone: str
    device_since: datetime | None
    in_care_since: datetime | None
    lacks_consent: bool
    contact_at: datetime | None
    measured_at: datetime | None = None
    trends: tuple[Trend, ...] = ()
    head: Head | None = None
    reviewed: LastReview | None = None

    @property
    def since(self) -> datetime:
        """Return since when somebody cares for the patient."""
        known = [at for at in (self.in_care_since, self.device_since) if at is not None]
        return min(known)


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is lacking.

    Attributes:
        numbers: what was found, in one sentence with its numbers.
    """

    kind: GapKind
    numbers: str


@dataclass(frozen=True, slots=True)
class PatientGaps:
    """A patient with what is lacking, the most pressing first."""

    facts: CareFacts
    gaps: tuple[Gap, ...]


def gaps(patients: Iterable[CareFacts], now: datetime) -> list[PatientGaps]:
    """Return the patients who lack something: those with the most pressing gaps first, then in the given order.

    Args:
        patients: active ones.
        now: aware.
    """
    order = {kind: place for place, kind in enumerate(GapKind)}
    found = [PatientGaps(one, gaps_of(one, now)) for one in patients]
    lacking = [one for one in found if one.gaps]
    return sorted(lacking, key=lambda one: [order[gap.kind] for gap in one.gaps])


def gaps_of(facts: CareFacts, now: datetime) -> tuple[Gap, ...]:
    """Return what one patient lacks, the most pressing first."""
    return tuple(_gaps(facts, now))


def _gaps(facts: CareFacts, now: datetime) -> Iterator[Gap]:
    yield from (Gap(GapKind.RISING_TREND, _rises(one)) for one in facts.trends)
    if facts.device_since is not None:
        yield from _quiet(facts, facts.device_since, now)
    if facts.lacks_consent:
        yield Gap(GapKind.CONSENT_MISSING, "No consent is in force.")
    yield from _plan(facts, now)
    if facts.reviewed is not None:
        yield from _medication(facts, facts.reviewed, now)
    last_at = facts.contact_at or facts.since
    if now - last_at > CONTACT_AFTER:
        ago = _days(now - last_at)
        said = f"Last spoken with {ago} ago."
        looked_back = min(now - facts.since, CONTACT_LOOK_BACK)
        never = f"None is recorded in the last {_days(looked_back)}."
        yield Gap(GapKind.NO_CONTACT, said if facts.contact_at else never)


def _quiet(facts: CareFacts, device_since: datetime, now: datetime) -> Iterator[Gap]:
    if facts.measured_at is None:
        if now - device_since > QUIET_AFTER:
            looked_back = min(now - device_since, MEASURED_LOOK_BACK)
            yield Gap(GapKind.NO_READINGS, f"None in the last {_days(looked_back)}.")
    elif now - facts.measured_at > QUIET_AFTER:
        day = facts.measured_at.astimezone(ZoneInfo(facts.time_zone)).date()
        ago = _days(now - facts.measured_at)
        yield Gap(
            GapKind.NO_READINGS,
            f"The last one is of {local_days.in_words(day)} {day.year}, {ago} ago.",
        )


def _plan(facts: CareFacts, now: datetime) -> Iterator[Gap]:
    head = facts.head
    if head is None:
        yield Gap(GapKind.NO_PLAN, "None was ever signed.")
        return
    clock = head.review_clock(now)
    if clock.is_overdue:
        yield Gap(GapKind.PLAN_REVIEW_OVERDUE, f"Version {head.version}: {_overdue(clock)}.")
    if head.shared_at is None:
        days = (now - head.signed_at).days
        signed = f"{_count(days)} ago" if days else "today"
        yield Gap(GapKind.PLAN_NOT_SHARED, f"Version {head.version} was signed {signed}.")


def _medication(facts: CareFacts, reviewed: LastReview, now: datetime) -> Iterator[Gap]:
    months = facts.head.medication_months if facts.head else plan_document.MEDICATION_MONTHS
    clock = reviewed.clock(months, facts.since, now)
    if clock.is_overdue:
        seen = "Last one in time no more" if reviewed.reconciled_at else "None is recorded"
        yield Gap(GapKind.MEDICATION_REVIEW_OVERDUE, f"{seen}: {_overdue(clock)}.")


def _rises(trend: Trend) -> str:
    words = f"{trend.measure.words} by {trend.per_week:.1f} {trend.measure.unit} a week"
    return f"{words[0].upper()}{words[1:]} over {trend.days} days."


def _overdue(clock: ReviewClock) -> str:
    day = clock.due_on
    return f"due on {local_days.in_words(day)} {day.year}, {_count(-clock.days_left)} overdue"


def _days(span: timedelta) -> str:
    return _count(span.days)


def _count(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
