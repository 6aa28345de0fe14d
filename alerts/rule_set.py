"""Rule sets: files of rules that can be read, tried on history, and adopted under a clinician's name.

A file has the keys of `Head` at its top and one ``[[rule]]`` for each rule, whose ``signal`` is a table of one of the
forms of `alerts.signals`. Rules of one ``family`` are one subject in different severities: the severest that is
breached speaks for all of them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib import resources
from typing import Any, Final

from alerts import errors, schedule, signals
from alerts.clock_signals import ClockSignal
from alerts.measures import Measure, Severity
from alerts.schedule import Schedule
from alerts.signals import Combination, Flagged, Mode, ReadingSignal, Signal, TooFrequent
from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from firmware_profiles.settings import REQUIRED, setting
from firmware_profiles.toml_tables import Mistake, TomlTables

_NAME: Final = re.compile(r"[a-z0-9-]{1,64}")
_MAX_CHARACTERS: Final = 200_000
_MAX_DEPTH: Final = 3

OF_THE_CLOCK: Final = frozenset({Severity.OUTREACH, Severity.TECHNICAL})
"""The severities of what no reading tells: it wakes nobody, and waits for quiet hours to end."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a rule set."""

    name: str = setting(REQUIRED, help="1 to 64 of a-z, 0-9 and dash")
    version: str = setting(REQUIRED, help="as its authors number it, for example 2026-01")
    title: str = setting(REQUIRED, help="what a person calls it")
    condition: str = setting(REQUIRED, help="whom it is for, in words")
    note: str = setting(REQUIRED, help="what a clinician must know before adopting it")


@dataclass(frozen=True, slots=True)
class _RuleTable:
    """A ``[[rule]]`` without its signal."""

    family: str = setting(REQUIRED, help="the subject: 1 to 64 of a-z, 0-9 and dash")
    title: str = setting(REQUIRED, help="becomes the title of the task")
    severity: Severity = setting(REQUIRED, help="how soon somebody has to look")
    due_within_minutes: int = setting(
        REQUIRED, unit="min", minimum=1, maximum=31 * 24 * 60, help="how soon the task is due"
    )
    source: str = setting(REQUIRED, help="where each number comes from: guideline, section, date")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """One rule of a set.

    Attributes:
        family: rules of one family are one subject; there is one episode of it at a time.
        title: becomes the title of the task.
        kind: the readings that it is asked about; None: the clock asks it, of no reading.
        due_within: how long after the episode opens its task is due.
        signal: what it watches for.
        source: where its numbers come from.
    """

    family: str
    title: str
    severity: Severity
    kind: Kind | None
    due_within: timedelta
    signal: Signal
    source: str

    @property
    def name(self) -> str:
        """Name it within its set."""
        return f"{self.family} ({self.severity})"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A checked rule set."""

    head: Head
    rules: tuple[RuleSpec, ...]
    schedules: tuple[Schedule, ...] = ()


class RuleSetError(errors.BadRule):
    """A rule set has mistakes; correct every one of them."""

    def __init__(self, name: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistake.text(name) for mistake in self.mistakes))


def shipped() -> dict[str, str]:
    """Return the rule sets that we ship: text by name."""
    folder = resources.files("alerts").joinpath("rule_sets")
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }


def parse(name: str, toml_text: str) -> RuleSet:
    """Read a rule set.

    Args:
        name: of the file, for messages.
        toml_text: its text.

    Raises:
        RuleSetError: with every mistake in it and its line.
    """
    tables = TomlTables(toml_text, _MAX_CHARACTERS)
    found = None if tables.mistakes else _rule_set(tables)
    if found is None or tables.mistakes:
        raise RuleSetError(name, tables.mistakes)
    return found


def shipped_set(name: str) -> RuleSet:
    """Return one of the rule sets that we ship.

    Raises:
        KeyError: There is none of that name.
    """
    return parse(f"{name}.toml", shipped()[name])


def definition(rule: RuleSpec) -> dict[str, Any]:
    """Return a rule as JSON, with the keys of its table in a rule set; `of_definition` reads it."""
    return {
        "family": rule.family,
        "title": rule.title,
        "severity": rule.severity.value,
        "due_within_minutes": round(rule.due_within / timedelta(minutes=1)),
        "source": rule.source,
        "signal": _signal_table(rule.signal),
    }


def of_definition(name: str, table: Mapping[str, Any]) -> RuleSpec:
    """Read what `definition` wrote, as strictly as a file.

    Args:
        name: What it is called in messages.
        table: The JSON.

    Raises:
        RuleSetError: It is no rule that this version knows.
    """
    tables = TomlTables("", _MAX_CHARACTERS)
    rule = _rule(tables, table, 1)
    if rule is None or tables.mistakes:
        raise RuleSetError(name, tables.mistakes)
    return rule


@functools.lru_cache(maxsize=4096)
def of_json(definition_json: str) -> RuleSpec:
    """Read a stored definition, each text once: versions never change, and every batch of readings asks for them.

    Raises:
        RuleSetError: It is no rule that this version knows.
    """
    return of_definition("rule", json.loads(definition_json))


def _signal_table(signal: Signal) -> dict[str, Any]:
    form = {"form": next(word for word, cls in signals.FORMS.items() if cls is type(signal))}
    if isinstance(signal, Combination):
        return form | {"mode": signal.mode.value, "of": [_signal_table(one) for one in signal.of]}
    return form | {field.name: getattr(signal, field.name) for field in fields(signal)}


def _rule_set(tables: TomlTables) -> RuleSet | None:
    listed = {"rule", "schedule"}
    head_keys = {key: entry for key, entry in tables.document.items() if key not in listed}
    head = tables.load(Head, head_keys, "", 1)
    if head is not None and not _NAME.fullmatch(head.name):
        tables.note("", 1, "name", "expected 1 to 64 of a-z, 0-9 and dash")
    rules = [_rule(tables, table, number) for table, number in tables.tables("rule")]
    if not rules:
        tables.note("", 1, "", "at least one [[rule]] is needed")
    seen: set[tuple[str, Severity]] = set()
    for number, rule in enumerate(rules, start=1):
        if rule is None:
            continue
        if (rule.family, rule.severity) in seen:
            tables.note("rule", number, "family", f"there is another {rule.severity} rule of it")
        seen.add((rule.family, rule.severity))
    schedules = _schedules(tables)
    if head is None or tables.mistakes:
        return None
    return RuleSet(head, tuple(rule for rule in rules if rule is not None), schedules)


def _schedules(tables: TomlTables) -> tuple[Schedule, ...]:
    found = [
        schedule.read(tables, table, "schedule", number)
        for table, number in tables.tables("schedule")
    ]
    sound = tuple(one for one in found if one is not None)
    if len({one.kind for one in sound}) < len(sound):
        tables.note("schedule", len(found), "kind", "there is another schedule of it")
    if any(not one.occasions for one in sound):
        tables.note("schedule", 1, "occasion", "at least one [[schedule.occasion]] is needed")
    return sound


def _rule(tables: TomlTables, table: Mapping[str, Any], number: int) -> RuleSpec | None:
    plain = {key: entry for key, entry in table.items() if key != "signal"}
    rule = tables.load(_RuleTable, plain, "rule", number)
    signal = _signal(tables, table.get("signal"), number, depth=1)
    if rule is not None and not _NAME.fullmatch(rule.family):
        tables.note("rule", number, "family", "expected 1 to 64 of a-z, 0-9 and dash")
    if signal is None or rule is None:
        return None
    for key, reason in signals.mistakes(signal):
        tables.note("rule", number, key, reason)
    kind = None
    if isinstance(signal, ClockSignal):
        if rule.severity not in OF_THE_CLOCK:
            tables.note("rule", number, "severity", "what the clock asks is outreach or technical")
    else:
        watched = kinds_of(signal)
        if len(watched) != 1:
            tables.note("rule", number, "signal", "watches readings of different kinds, or of none")
            return None
        (kind,) = watched
    return RuleSpec(
        family=rule.family,
        title=rule.title,
        severity=rule.severity,
        kind=kind,
        due_within=timedelta(minutes=rule.due_within_minutes),
        signal=signal,
        source=rule.source,
    )


def _signal(tables: TomlTables, table: object, number: int, *, depth: int) -> Signal | None:
    if not isinstance(table, dict) or depth > _MAX_DEPTH:
        tables.note(
            "rule", number, "signal", "expected a table with its form, nested twice at most"
        )
        return None
    form = table.get("form")
    cls = signals.FORMS.get(form) if isinstance(form, str) else None
    if cls is None:
        tables.note("rule", number, "form", f"expected one of {', '.join(signals.FORMS)}")
        return None
    fields = {key: entry for key, entry in table.items() if key != "form"}
    if cls is not Combination:
        return tables.load(cls, fields, "rule", number)
    parts, mode = fields.get("of"), fields.get("mode")
    if not isinstance(parts, list) or len(parts) < 2 or mode not in set(Mode):
        tables.note("rule", number, "of", "expected two signals or more, and mode all or any")
        return None
    found = [_signal(tables, part, number, depth=depth + 1) for part in parts]
    if any(isinstance(part, ClockSignal) for part in found):
        tables.note("rule", number, "of", "what the clock asks cannot be a part of a combination")
    sound = (part for part in found if part is not None and not isinstance(part, ClockSignal))
    return Combination(Mode(mode), tuple(sound))


def kinds_of(signal: ReadingSignal) -> frozenset[Kind]:
    """Return the kinds of readings that a signal can be asked about.

    A mark such as an irregular pulse is a cuff's. A number that two kinds have, such as the pulse, means the one that
    has it first.
    """
    match signal:
        case Combination(of=parts):
            return frozenset().union(*(kinds_of(part) for part in parts))
        case Flagged():
            return frozenset({Kind.BLOOD_PRESSURE})
        case TooFrequent(kind=kind):
            return frozenset({Kind(kind)}) if kind in set(Kind) else frozenset()
        case _:
            return frozenset({kind_of(signal.measure)})


def is_about(rule: RuleSpec, kind: Kind) -> bool:
    """Tell whether a rule is asked about readings of a kind: its own, or another that carries all its numbers.

    So a rule about the pulse is asked about a cuff's pulse and about an oximeter's, each by itself.
    """
    if rule.kind is None or rule.kind is kind:
        return rule.kind is kind
    measures = _measures(rule.signal)
    return measures is not None and all(measure.is_of(kind) for measure in measures)


def _measures(signal: Signal) -> tuple[Measure, ...] | None:
    """Return the numbers that a signal looks at; None where it looks at something else too."""
    if isinstance(signal, Combination):
        found = [_measures(part) for part in signal.of]
        if any(each is None for each in found):
            return None
        return tuple(measure for each in found if each is not None for measure in each)
    measure = getattr(signal, "measure", None)
    return (measure,) if isinstance(measure, Measure) else None


def kind_of(measure: Measure) -> Kind:
    """Return the kind whose readings carry a number."""
    return next(kind for kind in kinds.OF if measure.is_of(kind))
