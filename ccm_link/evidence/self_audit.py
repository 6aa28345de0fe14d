"""A practice's own claims, looked at as a regulator would before they leave or while they can be corrected.

Nothing here asks the engine that proposed the claims: what is found comes from the claims, the time log and the
registers themselves. A finding is no verdict; what is not known is said to be unknown and flags nothing.

Source of the five measures of monitoring: HHS-OIG, "Billing for Remote Patient Monitoring in Medicare",
OEI-02-23-00261, August 2025. It names what stood out; where it gives no number the limit is ours, and says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from ccm_link import store
from ccm_link.billing.rows import FirstMinutes, FurtherMinutes, SetUp, SupplyDays
from ccm_link.billing.rule_book import Rules
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.evidence", "self_audit")

PROGRAM: Final = "rpm"
"""The program of monitoring that the regulator's measures are about."""
LONGEST_DAY_S: Final = 12 * 3600
"""Seconds of one person's day beyond which it is looked at; our limit, for no text gives one."""

_REPORT: Final = "HHS-OIG OEI-02-23-00261, August 2025"
_OURS: Final = "our own limit"
_CLAIMS_REPORTS: Final = "HHS-OIG A-07-17-05101, 2019, and A-07-19-05122, 2021"
# Findings of one kind that are listed; how many there are beyond that is not counted.
_MOST_LISTED: Final = 100
_FEWEST_ENTRIES: Final = 10
_FEWEST_PATIENTS: Final = 3
_SHORTEST_NOTE: Final = 20
_ROUND_PERCENT: Final = 80.0
# A month counts as sudden from so many patients on, and so many times the median of the six months before.
_SUDDEN_PATIENTS: Final = 10
_SUDDEN_TIMES: Final = 3.0
_MONTHS_BEFORE: Final = 6


class Subject(StrEnum):
    """What a measure or a finding is about."""

    SUDDEN_START = "sudden_start"
    NO_RELATIONSHIP = "no_relationship"
    NO_MANAGEMENT = "no_management"
    SHARED = "shared"
    SEVERAL_DEVICES = "several_devices"
    SET_UP_WITHOUT_SUPPLY = "set_up_without_supply"
    CLAIMED_TWICE = "claimed_twice"
    SECOND_CLAIMED_TWICE = "second_claimed_twice"
    WITHOUT_GROUND = "without_ground"
    LONG_DAY = "long_day"
    ROUND_ENTRIES = "round_entries"
    SAME_NOTES = "same_notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """A patient for whom monitoring is claimed.

    Attributes:
        first_on: service day of the first line in the span.
        was_seen_before: whether a visit to a practitioner is recorded before it.
        is_shared: whether it is recorded that another practice bills it too.
        most_supplies_a_month: units of supply in one calendar month; None: none is claimed.
    """

    patient_id: UUID
    first_on: date
    has_set_up: bool
    has_supply: bool
    has_management: bool
    was_seen_before: bool
    is_shared: bool
    most_supplies_a_month: int | None


@dataclass(frozen=True, slots=True)
class MonthBegun:
    """How many patients' monitoring began in a month."""

    month_on: date
    patients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number with what it is held against.

    Attributes:
        count: how many of `of` it is about; of `SUDDEN_START` the patients of the month that stood out most.
        of: the whole; 0: there is nothing to measure.
        limit_percent: flagged above it; None where it is no share.
        is_flagged: None where nothing can be said.
        patient_ids: whom it is about, as far as it is about patients.
    """

    subject: Subject
    count: int
    of: int
    limit_percent: float | None
    is_flagged: bool | None
    source: str
    patient_ids: tuple[UUID, ...] = ()
    month_on: date | None = None

    @property
    def percent(self) -> float | None:
        """The share; None where there is nothing to share."""
        return 100 * self.count / self.of if self.of and self.limit_percent is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at.

    Attributes:
        seconds: that it is about, or that were logged.
        entries: time entries that it is about, of `of`.
        why: of `WITHOUT_GROUND`, in one word of the statement.
    """

    subject: Subject
    source: str
    claim_id: UUID | None = None
    patient_id: UUID | None = None
    entry_id: UUID | None = None
    staff_name: str = ""
    code: str = ""
    on: date | None = None
    seconds: int = 0
    entries: int = 0
    of: int = 0
    patients: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class SelfAudit:
    """What was found in claims and entries from ``since_on`` until before ``until_on``."""

    since_on: date
    until_on: date
    measures: tuple[Measure, ...]
    findings: tuple[Finding, ...]


def measures(monitored: Sequence[Monitored], begun: Sequence[MonthBegun]) -> tuple[Measure, ...]:
    """Return the regulator's five measures, and how many patients lack a part of the service. Pure.

    Args:
        monitored: patients with claims of monitoring.
        begun: patients by the month in which their monitoring began, oldest first; months without any are left out.
    """
    supplied = [one for one in monitored if one.has_supply]
    return (
        _sudden(begun),
        # More than 80 % of a practice's patients without a relationship before.
        _share(Subject.NO_RELATIONSHIP, monitored, _unseen(monitored), 80.0, _REPORT),
        # Supply without any management for more than 75 %.
        _share(
            Subject.NO_MANAGEMENT,
            supplied,
            [one for one in supplied if not one.has_management],
            75.0,
            _REPORT,
        ),
        _share(
            Subject.SHARED, monitored, [one for one in monitored if one.is_shared], 0.0, _REPORT
        ),
        _share(
            Subject.SEVERAL_DEVICES,
            supplied,
            [one for one in supplied if (one.most_supplies_a_month or 0) > 1],
            0.0,
            _REPORT,
        ),
        _share(
            Subject.SET_UP_WITHOUT_SUPPLY,
            [one for one in monitored if one.has_set_up],
            [one for one in monitored if one.has_set_up and not one.has_supply],
            0.0,
            "HHS-OIG OEI-02-23-00260, September 2024",
        ),
    )


def _unseen(monitored: Sequence[Monitored]) -> list[Monitored]:
    return [one for one in monitored if not one.was_seen_before]


def _share(
    subject: Subject,
    all_of: Sequence[Monitored],
    found: Sequence[Monitored],
    limit_percent: float,
    source: str,
) -> Measure:
    return Measure(
        subject=subject,
        count=len(found),
        of=len(all_of),
        limit_percent=limit_percent,
        is_flagged=100 * len(found) / len(all_of) > limit_percent if all_of else None,
        source=source,
        patient_ids=tuple(one.patient_id for one in found),
    )


def _sudden(begun: Sequence[MonthBegun]) -> Measure:
    """Hold each month against the median of the six before it; the first six months are held against nothing."""
    counts = {one.month_on.year * 12 + one.month_on.month: one for one in begun}
    worst: MonthBegun | None = None
    is_flagged: bool | None = None
    for number, one in counts.items():
        if number - _MONTHS_BEFORE < min(counts):
            continue
        before = [
            counts[past].patients if past in counts else 0
            for past in range(number - _MONTHS_BEFORE, number)
        ]
        usual = max(1.0, statistics.median(before))
        is_sudden = one.patients >= _SUDDEN_PATIENTS and one.patients > _SUDDEN_TIMES * usual
        is_flagged = bool(is_flagged) or is_sudden
        if worst is None or one.patients > worst.patients:
            worst = one
    return Measure(
        subject=Subject.SUDDEN_START,
        count=worst.patients if worst else 0,
        of=sum(one.patients for one in begun),
        limit_percent=None,
        is_flagged=is_flagged,
        source=f"{_REPORT}; from {_SUDDEN_PATIENTS} patients and {_SUDDEN_TIMES:g} times the months before: {_OURS}",
        month_on=worst.month_on if worst else None,
    )


def of_practice(
    cur: Cursor, practice_id: UUID, zone: ZoneInfo, rules: Rules, since_on: date, until_on: date
) -> SelfAudit:
    """Look at the claims and entries of a span of days, of the patients whom the person sees.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        zone: The practice's.
        rules: The billing rules, for which codes are set-up, supply and management.
        since_on: First day, the practice's.
        until_on: The day after the last.
    """
    firsts = {one.row.name for one in rules.of(FirstMinutes) if one.row.program == PROGRAM}
    further = {one.row.name for one in rules.of(FurtherMinutes) if one.row.after in firsts}
    span = {
        "practice_id": practice_id,
        "program": PROGRAM,
        "since_on": since_on,
        "until_on": until_on,
        "since_at": datetime.combine(since_on, time(), zone),
        "until_at": datetime.combine(until_on, time(), zone),
        "limit": _MOST_LISTED,
        "set_up_codes": [one.row.name for one in rules.of(SetUp)],
        "supply_codes": [
            one.row.name for one in rules.of(SupplyDays) if one.row.program == PROGRAM
        ],
        "management_codes": sorted(firsts | further),
        "longest_s": LONGEST_DAY_S,
        "fewest": _FEWEST_ENTRIES,
        "round_percent": _ROUND_PERCENT,
        "shortest": _SHORTEST_NOTE,
    }
    return SelfAudit(
        since_on,
        until_on,
        measures(
            store.rows(cur, Monitored, _Q.monitored, **span),
            store.rows(cur, MonthBegun, _Q.begun_by_month, **span),
        ),
        (
            *store.rows(cur, _twice, _Q.claimed_twice, **span),
            *store.rows(cur, _second_twice, _Q.second_claimed_twice, **span),
            *store.rows(cur, _without_ground, _Q.claimed_without_ground, **span),
            *store.rows(cur, _long_day, _Q.long_days, **span),
            *store.rows(cur, _round, _Q.round_entries, **span),
            *store.rows(cur, _same, _Q.same_notes, **{**span, "fewest": _FEWEST_PATIENTS}),
        ),
    )


def _twice(*, last_on: date, **columns: Any) -> Finding:
    return Finding(subject=Subject.CLAIMED_TWICE, source=_CLAIMS_REPORTS, on=last_on, **columns)


def _second_twice(*, from_at: datetime, until_at: datetime, **columns: Any) -> Finding:
    return Finding(
        subject=Subject.SECOND_CLAIMED_TWICE,
        source=_CLAIMS_REPORTS,
        seconds=int((until_at - from_at).total_seconds()),
        **columns,
    )


def _without_ground(*, from_at: datetime, until_at: datetime, **columns: Any) -> Finding:
    return Finding(
        subject=Subject.WITHOUT_GROUND,
        source="42 CFR 410.26; CMS FAQ on chronic care management, 2022",
        seconds=int((until_at - from_at).total_seconds()),
        **columns,
    )


def _long_day(*, day: date, **columns: Any) -> Finding:
    return Finding(subject=Subject.LONG_DAY, source=_OURS, on=day, **columns)


def _round(**columns: Any) -> Finding:
    return Finding(subject=Subject.ROUND_ENTRIES, source=_OURS, **columns)


def _same(**columns: Any) -> Finding:
    return Finding(subject=Subject.SAME_NOTES, source=_OURS, **columns)
