"""When an adapter is switched off and on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.adapter_health import AdapterHealth, Task


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_adapter_is_deaf_when_it_scans_and_hears_nothing_for_the_limit() -> None:
    clock = Clock()
    health = AdapterHealth(600.0, clock)
    assert health.deaf_in_s() is None  # it does not scan yet
    health.note_scanning()
    clock.now_s += 599.0
    assert (health.deaf_in_s(), health.needs_power_cycle()) == (1.0, False)
    clock.now_s += 1.0
    assert health.needs_power_cycle()


def test_adapter_is_well_when_anybody_is_heard() -> None:
    clock = Clock()
    health = AdapterHealth(600.0, clock)
    health.note_scanning()
    clock.now_s += 599.0
    health.note_heard()
    clock.now_s += 599.0
    assert not health.needs_power_cycle()


def test_silence_means_nothing_when_it_is_switched_off_in_the_settings() -> None:
    clock = Clock()
    health = AdapterHealth(0.0, clock)
    health.note_scanning()
    clock.now_s += 1_000_000.0
    assert health.deaf_in_s() is None
    assert not health.needs_power_cycle()


def test_power_cycles_come_less_and_less_often_when_they_do_not_help() -> None:
    clock = Clock()
    health = AdapterHealth(600.0, clock)
    limits_s = []
    for _ in range(6):
        health.note_scanning()
        limit_s = health.deaf_in_s()
        assert limit_s is not None
        limits_s.append(limit_s)
        clock.now_s += limit_s
        assert health.needs_power_cycle()
        health.note_power_cycled()
        assert not health.needs_power_cycle()
    assert limits_s == [600.0, 1200.0, 2400.0, 4800.0, 4800.0, 4800.0]
    health.note_scanning()
    health.note_heard()
    assert health.deaf_in_s() == 600.0


@pytest.mark.parametrize(
    ("count", "every_s", "is_needed"),
    [
        pytest.param(20, 1.0, False, id="often-but-short"),
        pytest.param(2, 60.0, False, id="long-but-seldom"),
        pytest.param(5, 15.0, True, id="it-does-not-end"),
    ],
)
def test_adapter_hangs_when_it_is_in_progress_without_end(
    count: int, every_s: float, *, is_needed: bool
) -> None:
    clock = Clock()
    health = AdapterHealth(600.0, clock)
    for _ in range(count):
        health.note_busy(Task.CONNECT)
        clock.now_s += every_s
    health.note_scanning()  # that works
    health.note_heard()
    assert health.needs_power_cycle() is is_needed
    health.note_worked(Task.CONNECT)
    assert not health.needs_power_cycle()
