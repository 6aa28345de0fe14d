"""The chart of a trial shows every number in words too, and is drawn with nothing fetched."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from alerts import rule_set
from alerts.backtest import Backtest, backtest
from ccm_link.chart.chart_look import Look, Size, Theme
from ccm_link.console import drawing
from deploy import backtest_chart
from deploy.backtest_chart import Names
from firmware_profiles.readings import Kind
from tests.unit.alerts.test_backtest import some_patients

LOOK = Look.of(Theme.LIGHT, Size.WIDE)
NAMES = Names("ours", "theirs")


def trial(*, beside: str | None = "single-limits") -> Backtest:
    return backtest(
        rule_set.shipped_set("hypertension").rules,
        Kind.BLOOD_PRESSURE,
        some_patients(0, 12),
        None if beside is None else rule_set.shipped_set(beside).rules,
    )


def drawn_words(spec: Any) -> tuple[list[str], str]:
    root = ET.fromstring(drawing.described_svg(spec))
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    (description,) = root.iter("{http://www.w3.org/2000/svg}desc")
    return texts, description.text or ""


def test_every_number_that_is_drawn_stands_in_words_too() -> None:
    found = trial()
    texts, description = drawn_words(backtest_chart.chart([found], NAMES, LOOK))
    assert found.compared is not None
    for words in (
        f"{found.total.per_100_patient_days:.2f} (ours)",
        f"{found.compared.total.per_100_patient_days:.2f} (theirs)",
    ):
        assert words in texts
    assert f"all rules: ours {found.total.per_100_patient_days:.2f}," in description
    for moved in found.sensitivity:
        assert f"{moved.rule}, {moved.unit}: " in description
    decimals = {text.split()[0] for text in texts if re.fullmatch(r"\d+\.\d\d( .*)?", text)}
    assert len(decimals) > 5
    assert all(number in description for number in decimals)


def test_bars_differ_by_more_than_colour() -> None:
    filled, hollow, _ = backtest_chart.chart([trial()], NAMES, LOOK)["vconcat"][0]["layer"]
    assert "fillOpacity" not in filled["mark"]
    assert hollow["mark"]["fillOpacity"] == 0


def test_rule_that_calls_nobody_at_any_limit_is_named_and_not_drawn() -> None:
    found = trial()
    silent = [one.rule for one in found.sensitivity if not any(one.episodes)]
    assert silent
    spec = backtest_chart.chart([found], NAMES, LOOK)
    small = spec["vconcat"][1]
    assert len(small["concat"]) == len(found.sensitivity) - len(silent)
    assert all(rule in " ".join(small["title"]["subtitle"]) for rule in silent)


def test_trial_beside_nothing_and_of_nothing_is_drawn() -> None:
    alone = backtest_chart.chart([trial(beside=None)], NAMES, LOOK)
    texts, _ = drawn_words(alone)
    assert any("Filled: ours." in text and "Hollow" not in text for text in texts)
    nothing = backtest([], Kind.GLUCOSE, some_patients(0, 0), [])
    texts, description = drawn_words(backtest_chart.chart([nothing], NAMES, LOOK))
    assert "0.00 (ours)" in texts
    assert "0 patients" in description
