"""What the rules that the clock asks say of homes: breached, fine or unknown; and why nobody is called, if nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from alerts import clock_verdicts, rule_set
from alerts.agreements import Agreement
from alerts.clock_breaches import AGAIN_AFTER, Run, Step
from alerts.clock_verdicts import Asked
from alerts.home_verdicts import ClockSilence, Finding, Practice
from alerts.homes import Gateway, Home, Measured, Peripheral
from alerts.measures import Severity
from alerts.missing_link import Link, OwnService
from alerts.rules import Memberships, Rule
from alerts.schedule import Occasion, Per, Schedule
from alerts.silence_windows import Cause, SilenceWindow
from firmware_profiles.readings import Kind
from firmware_profiles.wire_record import GatewayClock
from ingest.hearing import Hearing

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
PRESSURE = Kind.BLOOD_PRESSURE
BERLIN = ZoneInfo("Europe/Berlin")
ROSA, FINN = UUID(int=1), UUID(int=2)
SET = rule_set.shipped_set("silence")
BOX = Gateway("gw-aaaa1111", "Kitchen", NOW, GatewayClock.SYNCHRONISED, 0.0, 0, None)
CUFF = Peripheral(
    UUID(int=9), (PRESSURE,), NOW - 90 * DAY, NOW, NOW, 80, NOW, 0, None, BOX
)  # fmt: skip
MISSING, SILENT, BATTERY = "blood-pressure-missing", "gateway-silent", "battery-low"


@pytest.fixture
def rules(make_rule: Callable[..., Rule]) -> list[Rule]:
    return [make_rule(spec=spec, rule_id=uuid4()) for spec in SET.rules]


def agreed(schedule: Schedule = SET.schedules[0], patient_id: UUID | None = None) -> Agreement:
    return Agreement(
        patient_id=patient_id, version=1, schedule=schedule, in_force_from=NOW - 90 * DAY,
        in_force_until=None, set_by="Ada", reason="test",
    )  # fmt: skip


def measured(**days_ago: int) -> Measured:
    """Return both sessions, twice each, of some days before yesterday's evening."""
    ats = [
        datetime(2026, 3, 9, hour, minute, tzinfo=UTC) - day * DAY
        for day in days_ago.values()
        for hour in (6, 18)
        for minute in (0, 2)
    ]
    return Measured(tuple(sorted(ats)), 0.0)


def practice(peripherals: tuple[Peripheral, ...] = (CUFF,), **changes: Any) -> Practice:
    made: dict[str, Any] = {
        "homes": {who: Home(who, BERLIN, peripherals) for who in (ROSA, FINN)},
        "measured": {(who, PRESSURE): measured(a=0, b=1, c=2, d=3, e=4, f=5, g=6) for who in (ROSA, FINN)},
        "agreements": {None: [agreed()]},
        "windows": [],
        "memberships": {ROSA: Memberships(frozenset({"ccm"}))},
        "service": OwnService(Hearing(NOW - 30 * DAY, NOW), None),
        "is_quiet": False,
    }  # fmt: skip
    return Practice(**(made | changes))


def window(begin: timedelta, end: timedelta, **whom: Any) -> SilenceWindow:
    made = {"patient_id": None, "gateway_id": None} | whom
    return SilenceWindow(
        window_id=uuid4(), from_at=NOW + begin, until_at=NOW + end, cause=Cause.TRAVEL, reason="r", set_by="s", **made
    )  # fmt: skip


def by_family(asked: Asked, patient_id: UUID = ROSA) -> Mapping[str, Finding]:
    return {one.rule.spec.family: one for one in asked.findings if one.patient_id == patient_id}


def test_a_home_as_it_should_be_is_fine_in_every_respect(rules: list[Rule]) -> None:
    asked = clock_verdicts.ask(practice(), rules, NOW)
    assert asked.findings == ()
    assert {family for _, family in asked.fine} == {rule.spec.family for rule in rules}
    assert (asked.unknown, asked.failures) == (frozenset(), {})


def test_what_nobody_knows_is_not_called_fine(rules: list[Rule]) -> None:
    unread = replace(CUFF, battery_percent=None, gateway=replace(BOX, heard_at=None))
    asked = clock_verdicts.ask(practice((unread,), measured={}, agreements={}), rules, NOW)
    assert {family for _, family in asked.unknown} == {
        BATTERY, SILENT, "peripheral-clock", "gateway-clock",
    }  # fmt: skip
    assert asked.findings == ()


@pytest.mark.parametrize(
    ("cuff", "family", "told"),
    [
        ({"battery_percent": 15}, BATTERY, "cuff 15 % on 2026-03-10 13:00"),
        ({"gateway": replace(BOX, heard_at=NOW - timedelta(hours=27))}, SILENT, "since 2026-03-09 10:00"),
        ({"gateway": replace(BOX, clock_off_s=-3 * 3600.0)}, "gateway-clock", "is 3 h behind"),
        ({"gateway": replace(BOX, clock=GatewayClock.UNSYNCHRONISED)}, "gateway-clock", "not set"),
    ],
)  # fmt: skip
def test_technical_matters_are_found_and_said(
    rules: list[Rule], cuff: dict[str, Any], family: str, told: str
) -> None:
    found = by_family(clock_verdicts.ask(practice((replace(CUFF, **cuff),)), rules, NOW))
    assert list(found) == [family]
    assert told in found[family].sentence
    assert found[family].silence is None


def test_a_cuff_s_clock_is_wrong_by_the_difference_at_its_last_reading(rules: list[Rule]) -> None:
    late = replace(measured(a=0, b=1, c=2, d=3, e=4, f=5, g=6), clock_off_s=-3600.0)
    found = by_family(clock_verdicts.ask(practice(measured={(ROSA, PRESSURE): late}), rules, NOW))
    assert "cuff, 60 min ahead" in found["peripheral-clock"].sentence


@pytest.mark.parametrize(
    ("days", "is_breached"),
    [
        ({"a": 4, "b": 5, "c": 6}, False),  # 3 days of 4 are there: 16 of 28 are missing
        ({"a": 4, "b": 5}, True),
        ({"a": 0}, False),  # yesterday's evening was measured: whoever begins again is left alone
        ({}, True),
    ],
)
def test_missing_is_what_leaves_too_few_for_an_average(
    rules: list[Rule], days: dict[str, int], is_breached: bool
) -> None:
    found = by_family(
        clock_verdicts.ask(practice(measured={(ROSA, PRESSURE): measured(**days)}), rules, NOW)
    )
    assert (MISSING in found) is is_breached


def test_of_fewer_agreed_measurements_all_have_to_be_missing(rules: list[Rule]) -> None:
    weekly = Schedule(PRESSURE, (Occasion(readings=3, per=Per.WEEK),), "test")
    held = {None: [agreed()], ROSA: [agreed(weekly, ROSA)]}
    for taken, is_breached in (({}, True), ({"a": 2}, False)):
        at = practice(agreements=held, measured={(ROSA, PRESSURE): measured(**taken)})
        assert (MISSING in by_family(clock_verdicts.ask(at, rules, NOW))) is is_breached


@pytest.mark.parametrize(
    ("changes", "is_asked"),
    [
        ({"peripherals": ()}, False),  # the default is for those who have what measures it
        ({"peripherals": (replace(CUFF, assigned_from=NOW - 3 * DAY),)}, False),  # 12 of 28 since then
        ({"peripherals": (replace(CUFF, assigned_from=NOW - 6 * DAY),)}, True),
        ({"agreements": {}}, False),
        ({"memberships": {}}, False),  # nobody cares for them
    ],
)  # fmt: skip
def test_nothing_is_expected_that_could_not_be_or_was_not_agreed(
    rules: list[Rule], changes: dict[str, Any], is_asked: bool
) -> None:
    found = by_family(clock_verdicts.ask(practice(measured={}, **changes), rules, NOW))
    assert (MISSING in found) is is_asked


def test_windows_take_occasions_away_and_say_so(rules: list[Rule]) -> None:
    nothing: dict[str, Any] = {"measured": {}}
    away = window(-8 * DAY, -2 * DAY, patient_id=ROSA)
    silent = by_family(clock_verdicts.ask(practice(windows=[away], **nothing), rules, NOW))[MISSING]
    assert (silent.silence, silent.window_id) == (ClockSilence.SILENCE_WINDOW, away.window_id)

    for others in (
        window(-8 * DAY, DAY, patient_id=FINN),
        window(-8 * DAY, DAY, gateway_id="gw-other000"),
    ):
        found = by_family(clock_verdicts.ask(practice(windows=[others], **nothing), rules, NOW))
        assert found[MISSING].silence is None
    for covering in (window(-MINUTE, MINUTE), window(-MINUTE, MINUTE, gateway_id=BOX.gateway_id)):
        low = practice((replace(CUFF, battery_percent=3),), windows=[covering])
        found = by_family(clock_verdicts.ask(low, rules, NOW))
        assert found[BATTERY].silence is ClockSilence.SILENCE_WINDOW


def test_a_silent_gateway_explains_what_is_missing_and_quiet_hours_come_last(
    rules: list[Rule],
) -> None:
    silent = (replace(CUFF, gateway=replace(BOX, heard_at=NOW - 3 * DAY)),)
    both = {ROSA: Memberships(frozenset({"ccm"})), FINN: Memberships(frozenset({"ccm"}))}
    asked = clock_verdicts.ask(
        practice(silent, measured={}, memberships=both, told={(FINN, SILENT)}), rules, NOW
    )
    assert by_family(asked)[MISSING].silence is ClockSilence.GATEWAY_SILENT
    # Finn's episode is open already, so it goes on, and Rosa's home is told of there.
    assert by_family(asked)[SILENT].silence is ClockSilence.TOLD_FOR_ANOTHER
    assert by_family(asked, FINN)[SILENT].silence is None
    # Also while nobody would be called about Finn's now, for somebody was called before.
    away = window(-MINUTE, MINUTE, patient_id=FINN)
    asked = clock_verdicts.ask(
        practice(silent, memberships=both, windows=[away], told={(FINN, SILENT)}), rules, NOW
    )
    assert by_family(asked)[SILENT].silence is ClockSilence.TOLD_FOR_ANOTHER
    alone = [rule for rule in rules if rule.spec.family != SILENT]
    found = by_family(clock_verdicts.ask(practice(silent, measured={}), alone, NOW))[MISSING]
    assert (found.link, found.silence) == (Link.GATEWAY, None)
    quiet = clock_verdicts.ask(practice(silent, measured={}, is_quiet=True), rules, NOW)
    assert by_family(quiet)[SILENT].silence is ClockSilence.QUIET_HOURS
    assert by_family(quiet)[MISSING].silence is ClockSilence.GATEWAY_SILENT


def test_who_was_deaf_calls_no_gateway_silent(rules: list[Rule]) -> None:
    silent = (replace(CUFF, gateway=replace(BOX, heard_at=NOW - 3 * DAY)),)
    for hearing in (None, Hearing(NOW - DAY, NOW), Hearing(NOW - 30 * DAY, NOW - DAY)):
        asked = clock_verdicts.ask(practice(silent, service=OwnService(hearing, None)), rules, NOW)
        assert SILENT not in by_family(asked)
        assert (ROSA, SILENT) in asked.unknown


def test_a_rule_that_cannot_be_asked_is_named_and_stops_no_other(
    rules: list[Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("alerts.home_verdicts.HomeNow._battery_low", fail)
    asked = clock_verdicts.ask(practice(), rules, NOW)
    assert list(asked.failures.values()) == ["ZeroDivisionError"]
    assert (ROSA, BATTERY) in asked.unknown
    assert len(asked.fine) == len(rules) - 1


def run(found: Finding, **changes: Any) -> Run:
    made: dict[str, Any] = {
        "breach_id": uuid4(), "patient_id": ROSA, "family": BATTERY, "rule_id": uuid4(), "rule_version": 1,
        "severity": Severity.TECHNICAL, "sentence": found.sentence, "link": None, "next_step": found.next_step,
        "episode_id": uuid4(), "silence": None, "window_id": None, "closed_at": None,
    }  # fmt: skip
    return Run(**(made | changes))


def test_a_run_goes_on_without_a_word_until_something_changes(rules: list[Rule]) -> None:
    low = practice((replace(CUFF, battery_percent=3),))
    found = by_family(clock_verdicts.ask(low, rules, NOW))[BATTERY]
    quiet = replace(found, silence=ClockSilence.QUIET_HOURS)
    silent = run(found, episode_id=None, silence=ClockSilence.QUIET_HOURS)
    window_id = uuid4()
    away = replace(found, silence=ClockSilence.SILENCE_WINDOW, window_id=window_id)
    severer = replace(found.rule, spec=replace(found.rule.spec, severity=Severity.OUTREACH))
    for former, now, step in (
        (run(found), found, Step.NOTHING),
        (run(found), quiet, Step.NOTHING),  # somebody was called before the quiet began
        (run(found, sentence="Other."), found, Step.TELL),
        (run(found), replace(found, rule=severer), Step.CALL),
        (run(found, closed_at=NOW - AGAIN_AFTER + MINUTE), found, Step.NOTHING),
        (run(found, closed_at=NOW - AGAIN_AFTER), found, Step.CALL),
        (silent, quiet, Step.NOTHING),
        (silent, found, Step.CALL),
        (silent, away, Step.BE_SILENT),
    ):
        assert former.step(now, NOW) is step
