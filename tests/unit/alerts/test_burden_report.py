"""The report about the shipped rules is what they make of the readings."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks import burden

ROOT = Path(__file__).parents[3]


def test_report_is_what_the_rules_make_of_the_readings() -> None:
    committed = (ROOT / "deploy/docs/alert-burden.md").read_text(encoding="utf-8")
    assert committed == burden.report(), (
        "renew it: ./deploy/bench burden > deploy/docs/alert-burden.md"
    )


def test_shipped_rules_call_less_often_than_single_limits() -> None:
    for _, ours, single in burden.trials():
        assert 0 < ours.total.episodes < 0.6 * single.total.episodes
