"""A change of rules tried on history before it is in force: which episodes it would bring, and which take away. Pure.

Each patient is asked about with the rules that hold for that patient, before the change and after it: rules for a
condition, a program or one patient stay in force around a change of the practice's. Only the subjects that change are
asked about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from alerts import windows
from alerts.backtest import patient_days
from alerts.courses import Courses
from alerts.measures import Severity
from alerts.replay import ReplayedEpisode, apart, replay
from alerts.rule_set import RuleSpec
from alerts.rules import Memberships, Question, Rule, RuleProposal, Scope, in_force
from firmware_profiles.readings import Kind

DAYS: Final = 30
"""Long enough for a rule that calls once a week to show, short enough to be the patients as they are now."""
_LONGEST_LEAD_IN: Final = timedelta(days=90)

Holding = Mapping[int, tuple[RuleSpec, ...]]
"""By number of the patient: the rules that hold."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The episodes of one subject that reached one severity in the end, before the change and after it."""

    family: str
    severity: Severity
    before: int
    after: int


@dataclass(slots=True)
class Trial:
    """What a change would have made of the last days.

    Attributes:
        readings: how many were asked about.
        patients: of how many patients.
        patient_days: from each patient's first reading of these days to the last, both included, added up.
        new: episodes that only the changed rules have, with nothing about the same patient within three days.
        gone: likewise, episodes that only the rules of now have.
        before: episodes by subject and severity, under the rules of now.
        after: likewise, with the change.
        untried: subjects that ask about no readings: history cannot say what they would do.
    """

    readings: int = 0
    patients: int = 0
    patient_days: int = 0
    new: int = 0
    gone: int = 0
    before: Counter[Question] = field(default_factory=Counter)
    after: Counter[Question] = field(default_factory=Counter)
    untried: tuple[str, ...] = ()

    @property
    def subjects(self) -> list[Subject]:
        """Return each subject with what the change does to it, the severest first."""
        asked = sorted(
            self.before.keys() | self.after.keys(), key=lambda one: (-one[1].rank, one[0])
        )
        return [
            Subject(*question, self.before[question], self.after[question]) for question in asked
        ]

    def add(self, courses: Courses, before: Holding, after: Holding, since: datetime) -> None:
        """Try the change on the readings of some patients.

        Args:
            courses: of one kind, with what lies before these days as far as the rules look back.
            before: the rules of that kind that hold for each patient now.
            after: likewise, with the change.
            since: when these days began, aware.
        """
        since_s = int(since.timestamp())
        shown = _only(courses, courses.at_s >= since_s)
        self.readings += len(shown)
        self.patients += len(np.unique(shown.patient))
        self.patient_days += patient_days(shown)
        of_now, of_then = _episodes(courses, before, since_s), _episodes(courses, after, since_s)
        self.new += len(apart(of_then, of_now))
        self.gone += len(apart(of_now, of_then))
        self.before.update((one.family, one.severity) for one in of_now)
        self.after.update((one.family, one.severity) for one in of_then)


def changed(
    rules: Iterable[Rule], practice_id: UUID, proposals: Iterable[RuleProposal], now: datetime
) -> list[Rule]:
    """Return the rules as they would be if somebody put the proposals in force now."""
    return [
        *rules,
        *(
            Rule(
                practice_id=practice_id,
                rule_id=UUID(int=0),
                version=1,
                scope=proposal.scope,
                scope_key=proposal.scope_key,
                spec=proposal.spec,
                is_asked=proposal.is_asked,
                in_force_from=now,
                in_force_until=None,
                set_by="",
                reason="",
            )
            for proposal in proposals
        ),
    ]


def holding(
    rules: Iterable[Rule],
    kind: Kind,
    families: Collection[str],
    patients: Sequence[UUID],
    memberships: Mapping[UUID, Memberships],
    now: datetime,
) -> Holding:
    """Return which rules of a kind and of some subjects hold for each of some patients, by their numbers."""
    shared: list[Rule] = []
    own: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.spec.family in families:
            of_one = rule.scope is Scope.PATIENT
            (own.setdefault(rule.scope_key, []) if of_one else shared).append(rule)
    # Most patients have no rule of their own, and the same hold for all of them with the same conditions.
    known: dict[Memberships, tuple[RuleSpec, ...]] = {}
    found: dict[int, tuple[RuleSpec, ...]] = {}
    for number, patient_id in enumerate(patients):
        member = memberships.get(patient_id, Memberships())
        theirs = own.get(str(patient_id), [])
        held = None if theirs else known.get(member)
        if held is None:
            asked = in_force([*shared, *theirs], patient_id, member, now)
            held = tuple(rule.spec for rule in asked if rule.spec.kind is kind)
        if not theirs:
            known[member] = held
        found[number] = held
    return found


def lead_in(rules: Iterable[RuleSpec]) -> timedelta:
    """Return how much history before the days tried the rules need, 90 days at most."""
    needed = (windows.lookback(rule.signal) for rule in rules)
    return min(max(needed, default=timedelta()), _LONGEST_LEAD_IN)


def _episodes(courses: Courses, held: Holding, since_s: int) -> list[ReplayedEpisode]:
    """Ask about patients for whom the same rules hold together, and return what began in the days tried."""
    together: dict[tuple[RuleSpec, ...], list[int]] = {}
    for patient, rules in held.items():
        together.setdefault(rules, []).append(patient)
    return [
        episode
        for rules, patients in together.items()
        for episode in replay(rules, _only(courses, np.isin(courses.patient, patients))).episodes
        if episode.opened_at_s >= since_s
    ]


def _only(courses: Courses, chosen: NDArray[np.bool_]) -> Courses:
    return Courses(
        patient=courses.patient[chosen],
        at_s=courses.at_s[chosen],
        local_day=courses.local_day[chosen],
        numbers={measure: numbers[chosen] for measure, numbers in courses.numbers.items()},
        flags={name: flags[chosen] for name, flags in courses.flags.items()},
        until_s=courses.until_s,
    )
