"""Rule sets: what is read, and where a mistake is said to be."""

from __future__ import annotations

import json

import pytest

from alerts import rule_set, signals
from alerts.clock_signals import CLOCK_FORMS
from alerts.measures import Severity
from alerts.rule_set import RuleSetError
from firmware_profiles.readings import Kind

SHIPPED = rule_set.shipped()
TEXT = """name = "mine"
version = "1"
title = "Mine"
condition = "All"
note = "None"

[[rule]]
family = "low"
title = "Low"
severity = "urgent"
due_within_minutes = 60
source = "ours"
[rule.signal]
form = "single"
measure = "glucose_mg_dl"
comparison = "below"
limit_value = 54

[[rule]]
family = "low"
title = "Low again"
severity = "clinical"
due_within_minutes = 1440
source = "ours"
[rule.signal]
form = "k_of_n"
measure = "glucose_mg_dl"
comparison = "below"
limit_value = 70
k = 2
n = 3
within_days = 7
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_rules_that_we_ship_can_be_used_and_say_where_each_number_comes_from(name: str) -> None:
    found = rule_set.parse(name, SHIPPED[name])
    assert found.head.name == name
    assert all(len(rule.source) > 30 for rule in found.rules)
    assert "Not medical advice" in found.head.note


def test_reads_a_rule_set() -> None:
    first, second = rule_set.parse("mine.toml", TEXT).rules
    assert (first.family, first.severity, first.kind) == ("low", Severity.URGENT, Kind.GLUCOSE)
    assert second.name == "low (clinical)"
    assert isinstance(second.signal, signals.KOfN)


def line_of(text: str, beginning: str, nth: int = 1) -> int:
    lines = [
        number for number, line in enumerate(text.splitlines(), 1) if line.startswith(beginning)
    ]
    return lines[nth - 1]


@pytest.mark.parametrize(
    ("right", "wrong", "where", "words"),
    [
        pytest.param("k = 2", "k = 4", ("k", 1), "4 of 3 readings", id="cannot be"),
        pytest.param("n = 3\n", "", ("[[rule]]", 2), "n is missing", id="missing"),
        pytest.param('form = "single"', 'form = "simple"', ("form", 1), "one of single", id="form"),
        pytest.param(
            "limit_value = 54", "limit_value = -1", ("limit_value", 1), "at least", id="bound"
        ),
        pytest.param(
            '"glucose_mg_dl"', '"glucose"', ("measure", 1), "glucose_mg_dl", id="unknown number"
        ),
        pytest.param(
            'severity = "clinical"', 'severity = "urgent"', ("family", 2), "another", id="twice"
        ),
        pytest.param('family = "low"', 'family = "Low!"', ("family", 1), "a-z", id="name"),
        pytest.param(
            'title = "Mine"', 'titel = "Mine"', ("titel", 1), "did you mean", id="unknown key"
        ),
        pytest.param("[rule.signal]", "[rule.signal", ("[rule.signal", 1), "not TOML", id="syntax"),
    ],
)
def test_mistake_is_named_with_its_line(
    right: str, wrong: str, where: tuple[str, int], words: str
) -> None:
    text = TEXT.replace(right, wrong, 1)
    assert text != TEXT
    with pytest.raises(RuleSetError) as refused:
        rule_set.parse("mine.toml", text)
    found = [one.what for one in refused.value.mistakes if one.line == line_of(text, *where)]
    assert any(words in what for what in found), str(refused.value)


@pytest.mark.parametrize(
    "signal",
    [
        'form = "combination"\nmode = "all"\nof = []',
        (
            'form = "combination"\nmode = "some"\nof = [{form="flagged",qualifier="x",k=1,n=1,within_days=1},'
            '{form="flagged",qualifier="x",k=1,n=1,within_days=1}]'
        ),
        (
            'form = "combination"\nmode = "all"\nof = [{form="flagged",qualifier="x",k=1,n=1,within_days=1},'
            '{form="single",measure="glucose_mg_dl",comparison="below",limit_value=54}]'
        ),
        'form = "too_frequent"\nkind = "mood"\nmore_than = 3\nwithin_hours = 1',
        'form = "single"\nmeasure = "systolic_mmhg"\ncomparison = "below"\nlimit_value = 90\nclear_value = 80',
        (
            'form = "confirmed"\nmeasure = "systolic_mmhg"\ncomparison = "below"\nlimit_value = 90\nask = "again"\n'
            "within_minutes = 5\nnever_wait_value = 95"
        ),
        'form = "slope"\nmeasure = "systolic_mmhg"\ncomparison = "below"\nper_week = 5\ndays = 7\nmin_days = 8',
        (
            'form = "time_in_range"\nmeasure = "glucose_mg_dl"\nlow_value = 180\nhigh_value = 70\nbelow_percent = 70\n'
            "days = 14\nmin_readings = 10"
        ),
    ],
)
def test_signal_that_contradicts_itself_is_refused(signal: str) -> None:
    head = TEXT[: TEXT.index("[rule.signal]")]
    with pytest.raises(RuleSetError):
        rule_set.parse("mine.toml", head + "[rule.signal]\n" + signal + "\n")


@pytest.mark.parametrize("text", ["", "[" * 9000, "a = 1", "rule = 3"])
def test_refuses_what_is_no_rule_set(text: str) -> None:
    with pytest.raises(RuleSetError):
        rule_set.parse("mine.toml", text)


@pytest.mark.parametrize("name", sorted(rule_set.shipped()))
def test_every_shipped_rule_comes_back_from_its_definition(name: str) -> None:
    for spec in rule_set.shipped_set(name).rules:
        written = json.loads(json.dumps(rule_set.definition(spec)))
        assert rule_set.of_definition("x", written) == spec


SILENCE = SHIPPED["silence"]


def test_what_the_clock_asks_is_read_with_the_schedule_that_it_asks_against() -> None:
    found = rule_set.parse("silence.toml", SILENCE)
    assert {rule.kind for rule in found.rules} == {None}
    assert {rule.severity for rule in found.rules} == {Severity.OUTREACH, Severity.TECHNICAL}
    assert {type(rule.signal) for rule in found.rules} == set(CLOCK_FORMS.values())
    (agreed,) = found.schedules
    assert (agreed.kind, sum(one.readings for one in agreed.occasions)) == (Kind.BLOOD_PRESSURE, 4)


@pytest.mark.parametrize(
    ("right", "wrong", "where", "words"),
    [
        pytest.param(
            'severity = "technical"', 'severity = "urgent"', ("severity", 3), "outreach", id="wakes"
        ),
        pytest.param(
            'kind = "blood_pressure"\nmissed',
            'kind = "mood"\nmissed',
            ("kind", 2),
            "one of",
            id="kind",
        ),
        pytest.param("missed = 17", "missed = 0", ("missed", 1), "at least 1", id="bound"),
        pytest.param('of = "peripheral"', 'of = "wall"', ("of", 1), "peripheral", id="whose clock"),
        pytest.param(
            'from_time = "06:00"', 'from_time = "6"', ("from_time", 1), "a time like", id="hour"
        ),
    ],
)
def test_mistake_of_what_the_clock_asks_is_named_with_its_line(
    right: str, wrong: str, where: tuple[str, int], words: str
) -> None:
    text = SILENCE.replace(right, wrong, 1)
    assert text != SILENCE
    with pytest.raises(RuleSetError) as refused:
        rule_set.parse("mine.toml", text)
    found = [one.what for one in refused.value.mistakes if one.line == line_of(text, *where)]
    assert any(words in what for what in found), str(refused.value)


def test_what_the_clock_asks_is_no_part_of_a_combination() -> None:
    head = TEXT[: TEXT.index("[rule.signal]")]
    part = '{form="battery_low",at_or_below_percent=15}'
    with pytest.raises(RuleSetError, match="cannot be a part"):
        rule_set.parse(
            "mine.toml",
            f'{head}[rule.signal]\nform = "combination"\nmode = "any"\nof = [{part}, {part}]\n',
        )
