"""What readings mean under the rules that hold for their patients. Pure: the clock is an argument.

Rules are asked about all readings of a batch at once, each rule once, whoever it holds for. A rule that cannot be asked
is left out, named, and stops no other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from alerts import windows
from alerts.past_readings import Past, PastReading
from alerts.rule_set import is_about
from alerts.rules import Memberships, Rule, in_force
from alerts.sentences import sentence
from alerts.signals import Signal
from alerts.verdicts import Verdicts, verdicts

RuleVersion = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rule says about one reading.

    Attributes:
        computed: the number that was held against the limit; None where there was too little to say.
        entered: how many readings entered it.
        covered_by: the severer rule of the family that answers for this breach.
    """

    rule: Rule
    breached: bool
    computed: float | None
    entered: int
    sentence: str
    covered_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """That the patient is asked to measure again before anybody is called.

    Attributes:
        ask: what the patient is asked to do.
        until: until when an answer counts, aware UTC.
    """

    family: str
    ask: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Assessed:
    """One reading and what each rule in force says about it, the severest first."""

    reading: PastReading
    answers: tuple[Answer, ...]
    waiting: tuple[Waiting, ...]

    @property
    def breaches(self) -> tuple[Answer, ...]:
        """The breaches that somebody has to look at: one for each family."""
        return tuple(one for one in self.answers if one.breached and one.covered_by is None)

    @property
    def sentence(self) -> str:
        """What was found, for a person."""
        if not self.answers:
            return "No rule was in force for this reading when it was measured."
        if self.breaches:
            return " ".join(one.sentence for one in self.breaches)
        if self.waiting:
            return "Beyond a limit; the patient is asked to measure again before anybody is called."
        return f"Rules asked: {len(self.answers)}. None was breached."


@dataclass(frozen=True, slots=True)
class Assessment:
    """What came of asking.

    Attributes:
        assessed: by patient and then by time.
        failures: rules that could not be asked, with the kind of the error.
    """

    assessed: tuple[Assessed, ...]
    failures: Mapping[RuleVersion, str]


@dataclass(slots=True)
class _Asked:
    """The rules of one assessment, each asked once."""

    past: Past
    wanted: NDArray[np.bool_]
    found: dict[Signal, Verdicts | str] = field(default_factory=dict)

    def verdicts(self, signal: Signal) -> Verdicts | str:
        """Return what a signal says about the readings that are asked about, or the kind of error."""
        if signal not in self.found:
            try:
                self.found[signal] = verdicts(signal, self.past.courses, self.wanted)
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one rule must not stop the others
                self.found[signal] = type(error).__name__
        return self.found[signal]


def assess(
    past: Past,
    rules: Iterable[Rule],
    memberships: Mapping[UUID, Memberships],
    spans: Mapping[UUID, tuple[datetime, datetime]],
    now: datetime,
) -> Assessment:
    """Ask the rules about some of the readings.

    Args:
        past: readings of one kind, as far back as the rules look.
        rules: all versions that may hold.
        memberships: of each patient.
        spans: which readings of a patient are asked about, measured from–until, both included.
        now: aware UTC.
    """
    rules = list(rules)
    places = list(_asked_about(past, spans))
    asked = _Asked(past, _at([place for place, _ in places], len(past.readings)))
    failures: dict[RuleVersion, str] = {}
    assessed = []
    for place, reading in places:
        member = memberships.get(reading.patient_id, Memberships())
        holding = [
            rule
            for rule in in_force(rules, reading.patient_id, member, reading.measured_at)
            if is_about(rule.spec, reading.kind)
        ]
        answers, waiting = [], []
        for rule in holding:
            found = asked.verdicts(rule.spec.signal)
            if isinstance(found, str):
                failures[rule.rule_id, rule.version] = found
                continue
            answers.append(_answer(rule, reading, found, place))
            wanted = _waiting(rule, reading, past, place, now)
            if wanted is not None and not answers[-1].breached:
                waiting.append(wanted)
        assessed.append(Assessed(reading, _covered(answers), tuple(waiting)))
    return Assessment(tuple(assessed), failures)


def _at(places: Sequence[int], length: int) -> NDArray[np.bool_]:
    marked = np.zeros(length, dtype=np.bool_)
    marked[list(places)] = True
    return marked


def _asked_about(
    past: Past, spans: Mapping[UUID, tuple[datetime, datetime]]
) -> Iterator[tuple[int, PastReading]]:
    """Yield the readings within their patients' spans and their places."""
    patient, at_s = past.courses.patient, past.courses.at_s
    firsts = np.flatnonzero(np.diff(patient, prepend=-1)).tolist()
    for first, end in itertools.pairwise([*firsts, len(patient)]):
        span = spans.get(past.readings[first].patient_id)
        if span is None:
            continue
        earliest, latest = (int(instant.timestamp()) for instant in span)
        start = first + int(np.searchsorted(at_s[first:end], earliest, side="left"))
        stop = first + int(np.searchsorted(at_s[first:end], latest, side="right"))
        for place in range(start, stop):
            reading = past.readings[place]
            if span[0] <= reading.measured_at <= span[1]:  # to the microsecond
                yield place, reading


def _answer(rule: Rule, reading: PastReading, found: Verdicts, place: int) -> Answer:
    computed, entered = float(found.computed[place]), int(found.entered[place])
    return Answer(
        rule=rule,
        breached=bool(found.breached[place]),
        computed=computed if np.isfinite(computed) else None,
        entered=entered,
        sentence=sentence(rule.spec.signal, reading, computed, entered),
    )


def _covered(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Mark milder breaches of the same family; the answers come the severest first."""
    severest: dict[str, UUID] = {}
    marked = []
    for one in answers:
        family = one.rule.spec.family
        marked.append(replace(one, covered_by=severest.get(family)) if one.breached else one)
        if one.breached:
            severest.setdefault(family, one.rule.rule_id)
    return tuple(marked)


def _waiting(
    rule: Rule, reading: PastReading, past: Past, place: int, now: datetime
) -> Waiting | None:
    """Return what a reading beyond its limit still waits for."""
    signal = windows.asks(rule.spec.signal)
    if signal is None:
        return None
    until = reading.measured_at + timedelta(minutes=signal.within_minutes)
    number = float(past.courses.numbers[signal.measure][place])
    if until <= now or np.isnan(number) or not signal.is_beyond(number):
        return None
    numbers, patient = past.courses.numbers[signal.measure], past.courses.patient
    for following in range(place + 1, len(patient)):
        if patient[following] != patient[place]:
            break
        if not np.isnan(numbers[following]):
            return None  # answered
    return Waiting(rule.spec.family, signal.ask, until)


def trace(one: Assessed, now: datetime) -> dict[str, Any]:
    """Return why a reading led to what it led to: every rule that was asked, with number, limit and verdict; JSON."""
    reading = one.reading
    return {
        "sentence": one.sentence,
        "reading_id": str(reading.reading_id),
        "measured_at": _iso(reading.measured_at),
        "evaluated_at": _iso(now),
        "result": reading.result.value,
        "rules": [
            {
                "rule_id": str(answer.rule.rule_id),
                "version": answer.rule.version,
                "family": answer.rule.spec.family,
                "title": answer.rule.spec.title,
                "severity": answer.rule.spec.severity.value,
                "made_for": answer.rule.scope.value,
                "why": answer.rule.why,
                "computed": answer.computed,
                "entered": answer.entered,
                "breached": answer.breached,
                "covered_by": None if answer.covered_by is None else str(answer.covered_by),
                "sentence": answer.sentence,
            }
            for answer in one.answers
        ],
        "waiting": [{"family": each.family, "until": _iso(each.until)} for each in one.waiting],
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
