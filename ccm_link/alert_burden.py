"""What alerts ask of people, and how much of it was worth asking: episodes, outcomes and delays of each rule.

An outcome is known once a task is done. Whether a call helped where the patient was not reached is not known, nor what
an open task will come to: both are counted apart and stand in no share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg

from alerts.measures import Severity
from alerts.rules import Scope
from ccm_link import store
from ccm_link.work import Disposition
from ingest import named_queries
from ingest.people import Role

Cursor = psycopg.Cursor[Any]
_Row = TypeVar("_Row")

_Q: Final = named_queries.load("ccm_link", "alert_burden")

ACTIONABLE: Final = frozenset(
    {
        Disposition.REACHED_ADVISED,
        Disposition.REACHED_ESCALATED,
        Disposition.EMERGENCY_SERVICES_ADVISED,
    }
)
"""Somebody had something to say to the patient."""
NOT_ACTIONABLE: Final = frozenset(
    {
        Disposition.TECHNIQUE_ERROR,
        Disposition.DEVICE_FAULT,
        Disposition.EXPECTED_THRESHOLD_REVIEWED,
    }
)
"""The call was for nothing, or for the limit alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What came of the tasks of one rule.

    Attributes:
        opened: tasks opened in the span of time.
        done: of those, how many are done by now.
        by_disposition: how each of the done ended.
        seen_after_s: median time until a person first touched one, in seconds; None where nobody has.
        done_after_s: median time until one was done, in seconds; None where none is.
    """

    opened: int
    done: int
    by_disposition: Mapping[Disposition, int]
    seen_after_s: float | None
    done_after_s: float | None

    @property
    def still_open(self) -> int:
        """Return how many are not done: nobody knows yet what they will come to."""
        return self.opened - self.done

    @property
    def not_reached(self) -> int:
        """Return how many ended with nobody reached."""
        return self.by_disposition.get(Disposition.NOT_REACHED, 0)

    @property
    def actionable(self) -> int:
        """Return after how many somebody had something to say to the patient."""
        return sum(self.by_disposition.get(one, 0) for one in ACTIONABLE)

    @property
    def decided(self) -> int:
        """Return of how many it is known whether they were worth it."""
        return self.actionable + sum(self.by_disposition.get(one, 0) for one in NOT_ACTIONABLE)

    @property
    def actionable_percent(self) -> float | None:
        """Return the share of those that were worth it; None where of none it is known.

        Of 8 done, 3 advised, 1 expected, 4 not reached: 3 of 4, so 75.
        """
        return 100 * self.actionable / self.decided if self.decided else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionOutcomes:
    """The outcomes of one version of a rule; of all rules for single patients together where ``rule_id`` is None."""

    rule_id: UUID | None
    rule_version: int | None
    scope: Scope
    title: str
    outcomes: Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcomes:
    """The outcomes of one subject in one severity, whichever rules asked, and of each version that did."""

    family: str
    severity: Severity
    title: str
    outcomes: Outcomes
    versions: tuple[VersionOutcomes, ...]


@dataclass(frozen=True, slots=True)
class DayLoad:
    """The tasks opened on one of the practice's days."""

    day: date
    tasks: int
    urgent: int


@dataclass(frozen=True, slots=True)
class PersonLoad:
    """The tasks that one member of staff has finished and holds."""

    staff_id: UUID
    display_name: str
    role: Role
    done: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """What the alerts of a practice asked for in a span of time.

    Attributes:
        since: from when on, aware.
        until: until before when, aware.
        patients: who was enrolled in some part of the time.
        patient_days: days that they were enrolled, added up.
        rules: those that opened the most tasks first.
        days: days with tasks.
        people: who worked on them.
    """

    since: datetime
    until: datetime
    patients: int
    patient_days: float
    rules: tuple[RuleOutcomes, ...]
    days: tuple[DayLoad, ...]
    people: tuple[PersonLoad, ...]

    @property
    def tasks(self) -> int:
        """Return how many tasks were opened."""
        return sum(rule.outcomes.opened for rule in self.rules)

    @property
    def per_100_patient_days(self) -> float | None:
        """Return how many for a hundred days of one patient in the program; None where nobody was in it."""
        return 100 * self.tasks / self.patient_days if self.patient_days else None

    @property
    def tasks_a_day(self) -> float:
        """Return how many on a mean day, days without any included."""
        return self.tasks / ((self.until - self.since).total_seconds() / 86_400)

    @property
    def busiest(self) -> DayLoad | None:
        """Return the day with the most."""
        return max(self.days, key=lambda one: one.tasks, default=None)

    @property
    def tasks_a_day_and_person(self) -> float | None:
        """Return how many on a mean day for each who worked on any; None where nobody did."""
        return self.tasks_a_day / len(self.people) if self.people else None


@dataclass(frozen=True, slots=True)
class PracticeLoad:
    """The numbers of one practice, for the log."""

    practice_id: UUID
    tasks: int
    actionable: int
    not_actionable: int
    patient_days: float


def of_practice(cur: Cursor, practice_id: UUID, since: datetime, until: datetime) -> Burden:
    """Return what the alerts of a practice asked for, of the patients whom the asker sees.

    Args:
        cur: in a transaction that works for the practice.
        practice_id: which practice.
        since: tasks opened from then on, aware.
        until: tasks opened before then, aware.
    """
    asked = {"practice_id": practice_id, "since": since, "until": until}
    (enrolled,) = store.rows(cur, _Enrolled, _Q.patient_days, **asked)
    return Burden(
        since=since,
        until=until,
        patients=enrolled.patients,
        patient_days=enrolled.patient_days,
        rules=_rules(
            store.rows(cur, _Counted, _Q.by_rule, **asked),
            store.rows(cur, _Ended, _Q.dispositions, **asked),
        ),
        days=tuple(store.rows(cur, DayLoad, _Q.by_day, **asked)),
        people=tuple(store.rows(cur, _person, _Q.by_person, **asked)),
    )


def of_practices(cur: Cursor, since: datetime, until: datetime) -> list[PracticeLoad]:
    """Return the numbers of every practice with enrolled patients; for the scheduler, which sees nobody's tasks."""
    asked = {
        "since": since,
        "until": until,
        "actionable": sorted(ACTIONABLE),
        "not_actionable": sorted(NOT_ACTIONABLE),
    }
    return store.rows(cur, PracticeLoad, _Q.of_practices, **asked)


@dataclass(frozen=True, slots=True)
class _Enrolled:
    patients: int
    patient_days: float


@dataclass(frozen=True, slots=True)
class _Counted:
    family: str
    severity: str
    is_total: bool
    rule_id: UUID | None
    rule_version: int | None
    title: str
    scope: str | None
    opened: int
    done: int
    seen_after_s: float | None
    done_after_s: float | None


@dataclass(frozen=True, slots=True)
class _Ended:
    family: str
    severity: str
    rule_id: UUID | None
    rule_version: int | None
    disposition: str
    tasks: int


def _rules(counted: list[_Counted], ended: list[_Ended]) -> tuple[RuleOutcomes, ...]:
    ends: dict[tuple[object, ...], Counter[Disposition]] = defaultdict(Counter)
    for one in ended:
        subject = (one.family, one.severity)
        for key in (subject, (*subject, one.rule_id, one.rule_version)):
            ends[key][Disposition(one.disposition)] += one.tasks
    versions: dict[tuple[str, str], list[VersionOutcomes]] = defaultdict(list)
    for row in counted:
        if not row.is_total:
            how = ends[row.family, row.severity, row.rule_id, row.rule_version]
            versions[row.family, row.severity].append(
                VersionOutcomes(
                    rule_id=row.rule_id,
                    rule_version=row.rule_version,
                    scope=Scope(row.scope or Scope.PATIENT),
                    title=row.title,
                    outcomes=_outcomes(row, how),
                )
            )
    return tuple(
        RuleOutcomes(
            family=row.family,
            severity=Severity(row.severity),
            title=row.title,
            outcomes=_outcomes(row, ends[row.family, row.severity]),
            versions=tuple(versions[row.family, row.severity]),
        )
        for row in counted
        if row.is_total
    )


def _outcomes(row: _Counted, by_disposition: Mapping[Disposition, int]) -> Outcomes:
    return Outcomes(
        opened=row.opened,
        done=row.done,
        by_disposition=by_disposition,
        seen_after_s=row.seen_after_s,
        done_after_s=row.done_after_s,
    )


def _person(*, role: str, **columns: Any) -> PersonLoad:
    return PersonLoad(role=Role(role), **columns)
