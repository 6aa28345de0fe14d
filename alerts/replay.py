"""What a set of rules would have made of readings: breaches, and the episodes that they gather into. Pure.

A family of rules has one episode of a patient at a time. Breaches join it, a severer one escalates it, a reading in
range never ends it: a person does. In a replay nobody is there, so somebody is assumed who deals with an episode when
its task is due. A breach within three days after that brings the same episode back; a later one is a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.courses import DAY_S, Courses
from alerts.measures import Severity
from alerts.rule_set import RuleSpec
from alerts.verdicts import verdicts

RETURNS_WITHIN_S: Final = 3 * DAY_S
"""A breach so soon after an episode was dealt with is the same story going on."""

_RANKS: Final = {severity: rank for rank, severity in enumerate(reversed(Severity))}


@dataclass(slots=True)
class ReplayedEpisode:
    """One episode that would have been.

    Attributes:
        patient: number of the patient in the courses.
        family: the subject.
        opened_at_s: when the first breach was measured, seconds since 1970 UTC.
        severity: the highest that it reached.
        dealt_with_at_s: when somebody is assumed to have dealt with it last.
        breaches: readings that breached one of its rules.
        returns: how often it came back.
        escalations: how often it became severer.
    """

    patient: int
    family: str
    opened_at_s: int
    severity: Severity
    dealt_with_at_s: int
    breaches: int = 1
    returns: int = 0
    escalations: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """What a set of rules would have made of some courses.

    Attributes:
        episodes: by family, then patient, then time.
        breached: by rule, bool (n), which readings breach it.
    """

    episodes: tuple[ReplayedEpisode, ...]
    breached: dict[str, NDArray[np.bool_]] = field(repr=False)


def replay(rules: Sequence[RuleSpec], courses: Courses) -> Replay:
    """Ask rules of one kind about every reading, and gather the breaches.

    Args:
        rules: all of the kind of reading that the courses are of.
        courses: the readings.
    """
    breached = {rule.name: verdicts(rule.signal, courses).breached for rule in rules}
    return Replay(gathered(rules, breached, courses), breached)


def gathered(
    rules: Sequence[RuleSpec], breached: Mapping[str, NDArray[np.bool_]], courses: Courses
) -> tuple[ReplayedEpisode, ...]:
    """Gather breaches into episodes, by family, then patient, then time.

    Args:
        rules: all of the kind of reading that the courses are of.
        breached: by rule, bool (n), which readings breach it.
        courses: the readings.
    """
    episodes: list[ReplayedEpisode] = []
    for family in dict.fromkeys(rule.family for rule in rules):
        members = sorted(
            (rule for rule in rules if rule.family == family),
            key=lambda rule: _RANKS[rule.severity],
        )
        episodes += _episodes(family, members, breached, courses)
    return tuple(episodes)


def _episodes(
    family: str,
    members: Sequence[RuleSpec],
    breached: Mapping[str, NDArray[np.bool_]],
    courses: Courses,
) -> Iterator[ReplayedEpisode]:
    """Gather one family's breaches; its members come mildest first."""
    worst = np.full(len(courses), -1)
    for number, rule in enumerate(members):
        worst[breached[rule.name]] = number
    places = np.flatnonzero(worst >= 0)
    due_within_s = [int(rule.due_within.total_seconds()) for rule in members]
    current: ReplayedEpisode | None = None
    for number, patient, at_s in zip(
        worst[places].tolist(),
        courses.patient[places].tolist(),
        courses.at_s[places].tolist(),
        strict=True,
    ):
        rule, due_at_s = members[number], at_s + due_within_s[number]
        if current is not None and (
            current.patient == patient and at_s <= current.dealt_with_at_s + RETURNS_WITHIN_S
        ):
            _join(current, rule, at_s, due_at_s)
            continue
        if current is not None:
            yield current
        current = ReplayedEpisode(patient, family, at_s, rule.severity, due_at_s)
    if current is not None:
        yield current


def _join(episode: ReplayedEpisode, rule: RuleSpec, at_s: int, due_at_s: int) -> None:
    episode.breaches += 1
    is_severer = _RANKS[rule.severity] > _RANKS[episode.severity]
    if is_severer:
        episode.escalations += 1
        episode.severity = rule.severity
    if at_s > episode.dealt_with_at_s:
        episode.returns += 1
        episode.dealt_with_at_s = due_at_s
    elif is_severer:
        episode.dealt_with_at_s = min(episode.dealt_with_at_s, due_at_s)


def apart(
    some: Iterable[ReplayedEpisode], others: Iterable[ReplayedEpisode]
) -> list[ReplayedEpisode]:
    """Return those episodes of which the others have nothing within three days about the same patient."""
    by_patient: dict[int, list[int]] = {}
    for episode in others:
        by_patient.setdefault(episode.patient, []).append(episode.opened_at_s)
    times = {patient: np.sort(np.array(found)) for patient, found in by_patient.items()}
    return [episode for episode in some if not _has_near(times.get(episode.patient), episode)]


def _has_near(times: NDArray[np.int64] | None, episode: ReplayedEpisode) -> bool:
    if times is None:
        return False
    first = np.searchsorted(times, episode.opened_at_s - RETURNS_WITHIN_S)
    return bool(first < len(times) and times[first] <= episode.opened_at_s + RETURNS_WITHIN_S)
