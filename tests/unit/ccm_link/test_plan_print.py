from __future__ import annotations

import json
from dataclasses import asdict
from html import unescape
from importlib import resources

import pytest
import typst

from ccm_link.plan import plan_print
from ccm_link.plan.plan_print import PrintedPlan, PrintedSection

# What typst's markup, code and mathematics begin with, what ends our template's own, and what no font may have.
HOSTILE = (
    "#let x = 1",
    '#read("/etc/passwd")',
    '#import "@preview/cetz:0.3.0": *',
    "#sys.inputs",
    "]#panic()[",
    "*bold* _emphasis_ `raw` $x^2$",
    "= heading",
    "- a list",
    "@reference <label>",
    "\\u{41} \\ // comment /* block */",
    "#set page(width: 1pt)",
    "<script>alert(1)</script>",
    "نور Þórdís 中 🙂 \u0301",
)


def plan(*lines: str) -> PrintedPlan:
    return PrintedPlan("Care plan", (("For", lines[0]),), (PrintedSection(lines[-1], lines),), "f")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_person_writes_is_shown_as_it_was_written(text: str) -> None:
    # typst's own HTML of the same template holds the text that the PDF only draws.
    template = (resources.files("ccm_link.plan") / "care_plan.typ").read_bytes()
    inputs = {"plan": json.dumps(asdict(plan(text)))}
    html = typst.compile(template, format="html", sys_inputs=inputs)
    assert unescape(html.decode()).count(text) == 3  # in the head, as a heading, in a line
    assert plan_print.pdf(plan(text)).startswith(b"%PDF-")


def test_the_same_plan_is_the_same_file_and_another_one_is_not() -> None:
    assert plan_print.pdf(plan(*HOSTILE)) == plan_print.pdf(plan(*HOSTILE))
    assert plan_print.pdf(plan("a")) != plan_print.pdf(plan("b"))
