"""The guide to alerts names every form that a rule can have, and every severity."""

from __future__ import annotations

from pathlib import Path

from alerts.measures import Severity
from alerts.signals import FORMS

GUIDE = (Path(__file__).parents[3] / "docs/alerts.md").read_text(encoding="utf-8")


def test_every_form_and_severity_has_its_line() -> None:
    forms = {line.split("`")[1] for line in GUIDE.splitlines() if line.startswith("| `")}
    assert forms == set(FORMS)
    assert all(f"| {severity} |" in GUIDE for severity in Severity)
