"""A set of rules tried on history: how often it would have called somebody, and what hangs on its limits. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final, TypeVar

import numpy as np

from alerts.courses import Courses
from alerts.limits import limit_of, with_limit
from alerts.measures import Severity
from alerts.replay import Replay, ReplayedEpisode, apart, gathered, replay
from alerts.rule_set import RuleSpec
from alerts.verdicts import verdicts
from firmware_profiles.readings import Kind

# By how much a limit is moved to see what hangs on it, towards more calls and towards fewer.
SHIFTS_PERCENT: Final = (-10, -5, 5, 10)
_MOST_PATIENTS: Final = 10

_Key = TypeVar("_Key", bound=str)


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
        unit: of the limit.
        limits: each limit tried, the rule's own in the middle.
        episodes: how many of the rule's subject begin at each.
    """

    rule: str
    unit: str
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
        by_severity: the highest severity that each episode reached, of those that the rules have.
        by_family: each subject.
        by_rule: each subject's episodes by the highest severity that they reached, under the rule's name.
        most_of_a_patient: episodes of each of the ten patients who have most, most first.
        compared: what came of the compared rules; None where nothing was compared.
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
    by_rule: Mapping[str, Burden]
    most_of_a_patient: tuple[int, ...]
    compared: Backtest | None
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
        with_sensitivity: whether each limit is moved and its rule asked again; takes three times as long.
    """
    asked = [rule for rule in rules if rule.kind is kind]
    found = replay(asked, courses)
    ours = _came_to(asked, kind, courses, found)
    if with_sensitivity:
        ours = replace(ours, sensitivity=tuple(_sensitivity(asked, courses, found)))
    if compared is None:
        return ours
    others = [rule for rule in compared if rule.kind is kind]
    other = replay(others, courses)
    return replace(
        ours,
        compared=_came_to(others, kind, courses, other),
        only_here=len(apart(found.episodes, other.episodes)),
        only_there=len(apart(other.episodes, found.episodes)),
    )


def together(parts: Iterable[Backtest]) -> Backtest:
    """Return what came of one trial that was made in parts, a share of the patients in each.

    Args:
        parts: at least one; of the same rules and kind, no patient in two of them.
    """
    return reduce(_added, parts)


def _came_to(rules: Sequence[RuleSpec], kind: Kind, courses: Courses, found: Replay) -> Backtest:
    """Count what a replay found."""
    days = patient_days(courses)
    of_patient = Counter(one.patient for one in found.episodes)
    return Backtest(
        kind=kind,
        readings=len(courses),
        patients=len(np.unique(courses.patient)),
        patient_days=days,
        total=_burden(found.episodes, days),
        by_severity={
            severity: _burden([one for one in found.episodes if one.severity is severity], days)
            for severity in Severity
            if any(rule.severity is severity for rule in rules)
        },
        by_family={
            family: _burden([one for one in found.episodes if one.family == family], days)
            for family in dict.fromkeys(rule.family for rule in rules)
        },
        by_rule={
            rule.name: _burden(
                [
                    one
                    for one in found.episodes
                    if one.family == rule.family and one.severity is rule.severity
                ],
                days,
            )
            for rule in rules
        },
        most_of_a_patient=tuple(count for _, count in of_patient.most_common(_MOST_PATIENTS)),
        compared=None,
        only_here=None,
        only_there=None,
        sensitivity=(),
    )


def _added(some: Backtest, more: Backtest) -> Backtest:
    days = some.patient_days + more.patient_days
    most = sorted(some.most_of_a_patient + more.most_of_a_patient, reverse=True)
    return Backtest(
        kind=some.kind,
        readings=some.readings + more.readings,
        patients=some.patients + more.patients,
        patient_days=days,
        total=_sum(some.total, more.total, days),
        by_severity=_sums(some.by_severity, more.by_severity, days),
        by_family=_sums(some.by_family, more.by_family, days),
        by_rule=_sums(some.by_rule, more.by_rule, days),
        most_of_a_patient=tuple(most[:_MOST_PATIENTS]),
        compared=None
        if some.compared is None or more.compared is None
        else _added(some.compared, more.compared),
        only_here=_sum_if_known(some.only_here, more.only_here),
        only_there=_sum_if_known(some.only_there, more.only_there),
        sensitivity=tuple(
            replace(one, episodes=tuple(map(sum, zip(one.episodes, other.episodes, strict=True))))
            for one, other in zip(some.sensitivity, more.sensitivity, strict=True)
        ),
    )


def _sums(
    some: Mapping[_Key, Burden], more: Mapping[_Key, Burden], days: int
) -> dict[_Key, Burden]:
    return {key: _sum(some[key], more[key], days) for key in some}


def _sum(some: Burden, more: Burden, days: int) -> Burden:
    return _over(
        days,
        episodes=some.episodes + more.episodes,
        patients=some.patients + more.patients,
        returns=some.returns + more.returns,
        breaches=some.breaches + more.breaches,
    )


def _sum_if_known(some: int | None, more: int | None) -> int | None:
    return None if some is None or more is None else some + more


def patient_days(courses: Courses) -> int:
    """Return the days from each patient's first reading to the last, both included."""
    if not len(courses):
        return 0
    _, firsts, counts = np.unique(courses.patient, return_index=True, return_counts=True)
    lasts = firsts + counts - 1
    return int(np.sum(courses.local_day[lasts] - courses.local_day[firsts] + 1))


def _burden(episodes: Sequence[ReplayedEpisode], days: int) -> Burden:
    return _over(
        days,
        episodes=len(episodes),
        patients=len({one.patient for one in episodes}),
        returns=sum(one.returns for one in episodes),
        breaches=sum(one.breaches for one in episodes),
    )


def _over(days: int, *, episodes: int, patients: int, returns: int, breaches: int) -> Burden:
    return Burden(
        episodes=episodes,
        patients=patients,
        returns=returns,
        breaches=breaches,
        per_100_patient_days=100 * episodes / days if days else 0.0,
    )


def _sensitivity(
    rules: Sequence[RuleSpec], courses: Courses, found: Replay
) -> Iterable[Sensitivity]:
    for rule in rules:
        limit = limit_of(rule.signal)
        if limit is None:
            continue
        family = [one for one in rules if one.family == rule.family]
        episodes = {limit.number: sum(one.family == rule.family for one in found.episodes)}
        for percent in SHIFTS_PERCENT:
            moved = limit.number * (1 + percent / 100)
            asked = with_limit(rule, moved).signal
            breached = found.breached | {rule.name: verdicts(asked, courses).breached}
            episodes[moved] = len(gathered(family, breached, courses))
        limits = sorted(episodes)
        yield Sensitivity(
            rule.name,
            limit.unit,
            tuple(round(tried, 2) for tried in limits),
            tuple(episodes[tried] for tried in limits),
        )
