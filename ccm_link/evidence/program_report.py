"""What a program does for its patients and asks of its people over a span of time: whole, and group by group.

Everything is loaded as rows of patients, and groups are made of patients: of a practitioner, of a care manager. What
nobody measured or wrote down is in no mean and no share; how many it is about stands beside each number.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from ccm_link import store
from ccm_link.billing.fees import Fees
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.evidence", "program_report")

GOAL_MMHG: Final = (130.0, 80.0)
"""Home blood pressure below which it counts as controlled: systolic and diastolic, mmHg.

Source: 2025 AHA/ACC guideline for high blood pressure in adults, goal of treatment below 130/80 mmHg.
"""
FEWEST_READINGS: Final = 12
FEWEST_DAYS: Final = 3
"""Fewer say nothing about a month: 12 readings on 3 days.

Source: Stergiou et al., Journal of Hypertension 39, 1293-1302, 2021, minimum for a home blood pressure.
"""
LAST_DAYS: Final = 30
"""The first and the last so many days in care are compared."""
ENOUGH_DAYS_OF_30: Final = 16
"""Days of 30 with a reading from which measuring counts as kept up: the days of CPT 99454, CMS 2019."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InPanel:
    """A patient who was in care in the span: the days of it, since when, and whose they are now."""

    patient_id: UUID
    days: float
    from_at: datetime
    practitioner: str | None
    care_manager: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many enrolments stand in a state, and how many of them came to it within the span."""

    program: str
    state: str
    close_reason: str | None
    enrolments: int
    in_span: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """A patient's mean blood pressure at the beginning, or in the end, in mmHg."""

    patient_id: UUID
    is_last: bool
    systolic_mmhg: float
    diastolic_mmhg: float
    readings: int
    days: int

    @property
    def is_controlled(self) -> bool:
        """Whether it lies below the goal."""
        return self.systolic_mmhg < GOAL_MMHG[0] and self.diastolic_mmhg < GOAL_MMHG[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glucose:
    """How many of a patient's readings lay within 70 to 180 mg/dL, at the beginning or in the end."""

    patient_id: UUID
    is_last: bool
    in_range: int
    readings: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """One alert task: seconds until a person touched it and until it was done; None: not yet."""

    patient_id: UUID
    severity: str
    seen_after_s: float | None
    done_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one person worked for one patient."""

    patient_id: UUID
    staff_name: str
    seconds: int
    was_reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Units of one code for one patient's month."""

    patient_id: UUID
    state: str
    code: str
    units: int
    last_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All rows that a report is made of; see the statements of the same names."""

    panel: Sequence[InPanel]
    states: Sequence[Standing] = ()
    measuring: Mapping[UUID, int] = field(default_factory=dict)
    pressures: Sequence[Pressure] = ()
    glucose: Sequence[Glucose] = ()
    triage: Sequence[Triage] = ()
    work: Sequence[Work] = ()
    claimed: Sequence[Claimed] = ()
    paid: Mapping[UUID, int] = field(default_factory=dict)
    fees: Fees | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A share at the beginning and in the end, of the patients of whom both are known."""

    patients: int
    first_percent: float | None
    last_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The report on one group of patients.

    Attributes:
        name: the practice, or a person; None: of nobody.
        engaged: patients who were spoken with.
        days_measured: of `days`, with a reading that a device sent.
        kept_up: patients who measured on as many days as `ENOUGH_DAYS_OF_30` asks of their time in the span.
        systolic_change_mmhg: mean change of the systolic mean, of the patients of `pressure`.
        seen_after_s: median, likewise `done_after_s`; None where there is none.
        projected_cents: of all claims that were not given up, by the site's fees; None: there are no fees.
        unpriced: codes without a fee, which the sum leaves out.
    """

    name: str | None
    patients: int
    days: float
    engaged: int
    days_measured: int
    kept_up: int
    pressure: Compared
    systolic_change_mmhg: float | None
    glucose: Compared
    tasks: int
    seen_after_s: float | None
    done_after_s: float | None
    worked_s: int
    projected_cents: int | None
    unpriced: tuple[str, ...]
    paid_cents: int

    @property
    def tasks_per_100_patient_days(self) -> float | None:
        """Alert tasks for a hundred days of a patient in care."""
        return 100 * self.tasks / self.days if self.days else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report: the whole practice, and groups by practitioner and by care manager."""

    since_on: date
    until_on: date
    states: Sequence[Standing]
    whole: Group
    by_practitioner: Sequence[Group]
    by_care_manager: Sequence[Group]
    worked_s_by_person: Mapping[str, int]


def report(facts: Facts, since_on: date, until_on: date) -> Report:
    """Make a report of rows. Pure."""
    by_person: defaultdict[str, int] = defaultdict(int)
    for one in facts.work:
        by_person[one.staff_name] += one.seconds
    return Report(
        since_on=since_on,
        until_on=until_on,
        states=facts.states,
        whole=_group("", facts.panel, facts),
        by_practitioner=_groups(facts, lambda one: one.practitioner),
        by_care_manager=_groups(facts, lambda one: one.care_manager),
        worked_s_by_person=dict(sorted(by_person.items())),
    )


def _groups(facts: Facts, key: Callable[[InPanel], str | None]) -> list[Group]:
    members: defaultdict[str | None, list[InPanel]] = defaultdict(list)
    for one in facts.panel:
        members[key(one)].append(one)
    names = sorted(members, key=lambda name: (name is None, name))
    return [_group(name, members[name], facts) for name in names]


def _group(name: str | None, panel: Sequence[InPanel], facts: Facts) -> Group:
    ids = {one.patient_id for one in panel}
    tasks = [one for one in facts.triage if one.patient_id in ids]
    work = [one for one in facts.work if one.patient_id in ids]
    claimed = [one for one in facts.claimed if one.patient_id in ids and one.state != "denied"]
    measured = {one.patient_id: facts.measuring.get(one.patient_id, 0) for one in panel}
    pressures = _pairs(one for one in facts.pressures if one.patient_id in ids)
    glucose = _pairs(one for one in facts.glucose if one.patient_id in ids)
    projected, unpriced = _projected(claimed, facts.fees)
    return Group(
        name=name,
        patients=len(panel),
        days=sum(one.days for one in panel),
        engaged=len({one.patient_id for one in work if one.was_reached}),
        days_measured=sum(measured.values()),
        kept_up=sum(
            measured[one.patient_id] * 30 >= ENOUGH_DAYS_OF_30 * one.days > 0 for one in panel
        ),
        pressure=Compared(
            patients=len(pressures),
            first_percent=_percent([first.is_controlled for first, _ in pressures]),
            last_percent=_percent([last.is_controlled for _, last in pressures]),
        ),
        systolic_change_mmhg=_mean(
            [last.systolic_mmhg - first.systolic_mmhg for first, last in pressures]
        ),
        glucose=Compared(
            patients=len(glucose),
            first_percent=_mean([100 * first.in_range / first.readings for first, _ in glucose]),
            last_percent=_mean([100 * last.in_range / last.readings for _, last in glucose]),
        ),
        tasks=len(tasks),
        seen_after_s=_median(one.seen_after_s for one in tasks),
        done_after_s=_median(one.done_after_s for one in tasks),
        worked_s=sum(one.seconds for one in work),
        projected_cents=projected,
        unpriced=unpriced,
        paid_cents=sum(cents for patient_id, cents in facts.paid.items() if patient_id in ids),
    )


def _pairs(rows: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Pair each patient's beginning with the end, where both rest on enough."""
    found: defaultdict[UUID, dict[bool, Any]] = defaultdict(dict)
    for one in rows:
        if one.readings >= FEWEST_READINGS and one.days >= FEWEST_DAYS:
            found[one.patient_id][one.is_last] = one
    return [(both[False], both[True]) for both in found.values() if both.keys() == {False, True}]


def _projected(claimed: Sequence[Claimed], fees: Fees | None) -> tuple[int | None, tuple[str, ...]]:
    if fees is None:
        return None, ()
    priced = [(one, fees.of(one.code, one.last_on)) for one in claimed]
    unpriced = {one.code for one, fee in priced if fee is None}
    return sum(fee.cents * one.units for one, fee in priced if fee), tuple(sorted(unpriced))


def _percent(truths: Sequence[bool]) -> float | None:
    return 100 * sum(truths) / len(truths) if truths else None


def _mean(numbers: Sequence[float]) -> float | None:
    return statistics.fmean(numbers) if numbers else None


def _median(numbers: Iterable[float | None]) -> float | None:
    known = [one for one in numbers if one is not None]
    return statistics.median(known) if known else None


def of_practice(
    cur: Cursor,
    practice_id: UUID,
    zone: ZoneInfo,
    fees: Fees | None,
    since_on: date,
    until_on: date,
) -> Report:
    """Report on a span of days, of the patients whom the person sees.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        zone: The practice's.
        fees: What a unit pays; None: the site does not say.
        since_on: First day, the practice's.
        until_on: The day after the last.
    """
    last_from_on = max(since_on, until_on - timedelta(days=LAST_DAYS))
    span = {
        "practice_id": practice_id,
        "since_on": since_on,
        "until_on": until_on,
        "last_from_on": last_from_on,
        "since_at": datetime.combine(since_on, time(), zone),
        "until_at": datetime.combine(until_on, time(), zone),
        "last_from_at": datetime.combine(last_from_on, time(), zone),
    }
    facts = Facts(
        panel=store.rows(cur, InPanel, _Q.panel, **span),
        states=store.rows(cur, Standing, _Q.states, **span),
        measuring=dict(store.rows(cur, _measuring, _Q.measuring, **span)),
        pressures=store.rows(cur, Pressure, _Q.pressures, **span),
        glucose=store.rows(cur, Glucose, _Q.glucose, **span),
        triage=store.rows(cur, Triage, _Q.triage, **span),
        work=store.rows(cur, Work, _Q.work, **span),
        claimed=store.rows(cur, Claimed, _Q.claimed, **span),
        paid=dict(store.rows(cur, _paid, _Q.paid, **span)),
        fees=fees,
    )
    return report(facts, since_on, until_on)


def _measuring(*, patient_id: UUID, days: int) -> tuple[UUID, int]:
    return patient_id, days


def _paid(*, patient_id: UUID, cents: int) -> tuple[UUID, int]:
    return patient_id, cents
