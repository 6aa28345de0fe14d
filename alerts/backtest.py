"""A set of rules tried on history: how often it would have called somebody, and what hangs on its limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alerts.courses import Courses
from alerts.replay import Replay, ReplayedEpisode, apart, gathered, replay
from alerts.rule_set import RuleSpec
from alerts.rules import Severity
from alerts.verdicts import limit_of, verdicts
from firmware_profiles.readings import Kind

# By how much a limit is moved to see what hangs on it, towards more calls and towards fewer.
SHIFTS_PERCENT: Final = (-10, -5, 5, 10)


@dataclass(frozen=True, slots=True)
class Burden:
    """How much a rule, or a set of them, would have asked of people.

    Attributes:
        episodes: how many began.
        patients: of how many patients.
        returns: how often one came back after it was dealt with.
        breaches: readings that breached a rule: the calls there would be with one call for each.
        per_100_patient_days: episodes for a hundred days of one patient under observation.
    """

    episodes: int
    patients: int
    returns: int
    breaches: int
    per_100_patient_days: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What moving a rule's limit would do.

    Attributes:
        rule: its name.
        limits: each limit tried, the rule's own in the middle.
        episodes: how many begin at each.
    """

    rule: str
    limits: tuple[float, ...]
    episodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of a trial.

    Attributes:
        kind: the readings that were asked about.
        readings: how many.
        patients: of how many patients.
        patient_days: days under observation, from each patient's first reading to the last, both included.
        total: of all rules together.
        by_severity: the highest severity that each episode reached.
        by_family: each subject.
        only_here: episodes near which the compared rules have none; None where nothing was compared.
        only_there: episodes of the compared rules near which these have none.
        sensitivity: of each rule that has one limit.
    """

    kind: Kind
    readings: int
    patients: int
    patient_days: int
    total: Burden
    by_severity: Mapping[Severity, Burden]
    by_family: Mapping[str, Burden]
    only_here: int | None
    only_there: int | None
    sensitivity: tuple[Sensitivity, ...]


def backtest(
    rules: Iterable[RuleSpec],
    kind: Kind,
    courses: Courses,
    compared: Iterable[RuleSpec] | None = None,
    *,
    with_sensitivity: bool = True,
) -> Backtest:
    """Try the rules of one kind on its readings.

    Args:
        rules: a set of rules; those of other kinds are left out.
        kind: the kind that the courses are of.
        courses: the history.
        compared: the rules in force, or none.
        with_sensitivity: whether each limit is moved and the trial repeated; takes four times as long.
    """
    asked = [rule for rule in rules if rule.kind is kind]
    found = replay(asked, courses)
    days = patient_days(courses)
    other = None
    if compared is not None:
        other = replay([rule for rule in compared if rule.kind is kind], courses)
    return Backtest(
        kind=kind,
        readings=len(courses),
        patients=len(np.unique(courses.patient)),
        patient_days=days,
        total=_burden(found.episodes, days),
        by_severity={
            severity: _burden([one for one in found.episodes if one.severity is severity], days)
            for severity in Severity
        },
        by_family={
            family: _burden([one for one in found.episodes if one.family == family], days)
            for family in dict.fromkeys(rule.family for rule in asked)
        },
        only_here=None if other is None else len(apart(found.episodes, other.episodes)),
        only_there=None if other is None else len(apart(other.episodes, found.episodes)),
        sensitivity=tuple(_sensitivity(asked, courses, found)) if with_sensitivity else (),
    )


def patient_days(courses: Courses) -> int:
    """Return the days from each patient's first reading to the last, both included."""
    if not len(courses):
        return 0
    _, firsts, counts = np.unique(courses.patient, return_index=True, return_counts=True)
    lasts = firsts + counts - 1
    return int(np.sum(courses.local_day[lasts] - courses.local_day[firsts] + 1))


def _burden(episodes: Sequence[ReplayedEpisode], days: int) -> Burden:
    return Burden(
        episodes=len(episodes),
        patients=len({one.patient for one in episodes}),
        returns=sum(one.returns for one in episodes),
        breaches=sum(one.breaches for one in episodes),
        per_100_patient_days=100 * len(episodes) / days if days else 0.0,
    )


def _sensitivity(
    rules: Sequence[RuleSpec], courses: Courses, found: Replay
) -> Iterable[Sensitivity]:
    for rule in rules:
        limit = limit_of(rule.signal)
        if limit is None:
            continue
        family = [one for one in rules if one.family == rule.family]
        own = sum(one.family == rule.family for one in found.episodes)
        counts = {}
        for percent in SHIFTS_PERCENT:
            moved = _with_limit(rule, limit[1] * (1 + percent / 100))
            breached = found.breached | {rule.name: verdicts(moved.signal, courses).breached}
            counts[percent] = len(gathered(family, breached, courses))
        limits = [(limit[1] * (1 + percent / 100), counts[percent]) for percent in SHIFTS_PERCENT]
        limits = sorted([*limits, (limit[1], own)])
        yield Sensitivity(
            rule.name,
            tuple(round(moved, 1) for moved, _ in limits),
            tuple(count for _, count in limits),
        )


def _with_limit(rule: RuleSpec, limit_value: float) -> RuleSpec:
    """Move the limit, and what must lie beyond it or before it by as much."""
    signal = rule.signal
    fields = {"limit_value": limit_value}
    own = getattr(signal, "limit_value")  # noqa: B009  # the forms with a limit, see `limit_of`
    for name in ("clear_value", "never_wait_value"):
        other = getattr(signal, name, 0.0)
        if other:
            fields[name] = other + limit_value - own
    return replace(rule, signal=replace(signal, **fields))  # type: ignore[arg-type]
