from __future__ import annotations

from ingest.canary import PATIENCE_S, PERIOD_S, Canary


def test_canary_is_due_when_it_is_new_and_after_each_period() -> None:
    canary = Canary()
    assert canary.is_due(100.0)

    canary.sent(100.0)

    assert not canary.is_due(100.0 + PERIOD_S - 1)
    assert canary.is_due(100.0 + PERIOD_S)


def test_canary_is_lost_when_the_oldest_unheard_one_is_overdue() -> None:
    canary = Canary()
    for at_s in (0.0, 30.0, 60.0, 90.0):
        canary.sent(at_s)

    assert not canary.is_lost(PATIENCE_S)
    assert canary.is_lost(PATIENCE_S + 1)


def test_canary_is_not_lost_when_a_later_one_came_back() -> None:
    canary = Canary()
    canary.sent(0.0)
    canary.sent(30.0)
    canary.heard()

    assert not canary.is_lost(1000.0)


def test_canary_is_forgotten_when_the_connection_is_new() -> None:
    canary = Canary()
    canary.sent(0.0)
    canary.restart()

    assert not canary.is_lost(1000.0)
    assert canary.is_due(0.0)
