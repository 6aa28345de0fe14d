"""The guide to billing rules: its examples are read, and it names every section, form and certainty."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from ccm_link.billing import rows, rule_book

GUIDE = (Path(__file__).parents[3] / "docs/billing-rules.md").read_text(encoding="utf-8")
NEXT_YEAR, OVERLAY = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)


def test_its_examples_are_tables() -> None:
    book = rule_book.read({**rule_book.shipped(), "2027": NEXT_YEAR})
    assert book.on(date(2027, 6, 30)).find(rows.Code, "99445") is not None
    assert book.on(date(2027, 7, 1)).find(rows.Code, "99445") is None
    assert book.with_payer("a-payer", OVERLAY).on(date(2026, 6, 1)).of(rows.Coverage)


def test_it_names_each_section_form_and_certainty() -> None:
    named = {line.split("`")[1] for line in GUIDE.splitlines() if line.startswith("| `")}
    assert named == set(rows.SECTIONS) | set(rows.CODE_FORMS) | set(rows.Certainty)
