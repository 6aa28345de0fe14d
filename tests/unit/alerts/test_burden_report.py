"""The report about the shipped rules, and its charts, are what they make of the readings."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from tests.benchmarks import burden

DOCS = Path(__file__).parents[3] / "deploy/docs"
SVG = "{http://www.w3.org/2000/svg}"


def test_report_is_what_the_rules_make_of_the_readings() -> None:
    committed = (DOCS / "alert-burden.md").read_text(encoding="utf-8")
    assert committed == burden.report(), "renew it: ./deploy/bench burden --into deploy/docs"


def test_charts_are_those_of_the_report() -> None:
    for name, drawn in burden.charts():
        committed = (DOCS / name).read_text(encoding="utf-8")
        assert shown(committed) == shown(drawn), (
            "renew it: ./deploy/bench burden --into deploy/docs"
        )
        assert f"]({name})" in burden.report()


def shown(svg: str) -> tuple[list[str], list[str]]:
    """Return what does not hang on the fonts of the machine that draws: all words and numbers, and the marks."""
    root = ET.fromstring(svg)
    words = [
        element.text or "" for element in root.iter() if element.tag in (f"{SVG}text", f"{SVG}desc")
    ]
    marks = [
        path.get("d", "")
        for group in root.iter(f"{SVG}g")
        if "role-mark" in group.get("class", "")
        for path in group.iter(f"{SVG}path")
    ]
    assert words
    assert marks
    return words, marks


def test_shipped_rules_call_less_often_than_single_limits() -> None:
    for _, ours in burden.trials():
        assert ours.compared is not None
        assert 0 < ours.total.episodes < 0.6 * ours.compared.total.episodes
