"""How often the rules that we ship would have called somebody on real home readings, beside single limits.

Deterministic: `deploy/docs/alert-burden.md` is what it prints, with a chart beside it for each rule set, and a test
compares them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from alerts import rule_set
from alerts.backtest import Backtest, backtest
from alerts.courses import DAY_S, Courses
from alerts.measures import Measure
from ccm_link.chart.chart_look import Look, Size, Theme
from ccm_link.console import drawing
from deploy import backtest_chart, backtest_report
from firmware_profiles.readings import Kind

_ROOT: Final = Path(__file__).parents[2]
_PRESSURES: Final = _ROOT / "gateway/ward/readings/home_bp_one_adult.csv"
_GLUCOSE: Final = _ROOT / "tests/data/home_glucose_35_adults.csv"
_NAMES: Final = backtest_chart.Names("our rules", "single limits")
# Codes of rows that are glucose measurements; see tests/data/README.md.
_MEASUREMENTS: Final = frozenset({"48", "57", "58", "59", "60", "61", "62", "63", "64"})


def report() -> str:
    """Return the whole report as Markdown."""
    return "\n".join(_lines()) + "\n"


def charts() -> Iterator[tuple[str, str]]:
    """Yield the charts beside the report: the file's name, and SVG."""
    look = Look.of(Theme.LIGHT, Size.WIDE)
    for name, found in trials():
        yield _chart_file(name), drawing.described_svg(backtest_chart.chart([found], _NAMES, look))


def write(folder: Path) -> None:
    """Write the report and its charts into a folder."""
    (folder / "alert-burden.md").write_text(report(), encoding="utf-8")
    for name, svg in charts():
        (folder / name).write_text(svg, encoding="utf-8")


def trials() -> Iterator[tuple[str, Backtest]]:
    """Yield for each rule set its name and its trial beside the limits for single readings."""
    single = rule_set.shipped_set("single-limits").rules
    for name, kind, courses in (
        ("hypertension", Kind.BLOOD_PRESSURE, pressures()),
        ("diabetes", Kind.GLUCOSE, glucose()),
    ):
        yield name, backtest(rule_set.shipped_set(name).rules, kind, courses, single)


def _chart_file(name: str) -> str:
    return f"alert-burden-{name}.svg"


def pressures() -> Courses:
    """Return one adult's blood pressures."""
    rows = _rows(_PRESSURES)
    measures = (Measure.SYSTOLIC_MMHG, Measure.DIASTOLIC_MMHG, Measure.PULSE_BPM)
    return _courses(
        ["1"] * len(rows),
        [row["local_time"] for row in rows],
        {measure: [float(row[measure]) for row in rows] for measure in measures},
    )


def glucose() -> Courses:
    """Return 35 adults' glucose; what is no number in the file is left out."""
    rows = [
        row
        for row in _rows(_GLUCOSE)
        if row["event_code"] in _MEASUREMENTS
        and row["value"].strip().isdecimal()
        and int(row["value"])
    ]
    return _courses(
        [row["patient"] for row in rows],
        [row["local_time"] for row in rows],
        {Measure.GLUCOSE_MG_DL: [float(row["value"]) for row in rows]},
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _courses(
    patients: Sequence[str], local_times: Sequence[str], numbers: dict[Measure, list[float]]
) -> Courses:
    # The files tell the wall clock alone, so it serves as the time line too.
    at_s = np.array(
        [int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) for time in local_times]
    )
    patient = np.array([int(one) for one in patients])
    order = np.lexsort((at_s, patient))
    return Courses(
        patient=patient[order],
        at_s=at_s[order],
        local_day=at_s[order] // DAY_S,
        numbers={measure: np.array(values)[order] for measure, values in numbers.items()},
        flags={},
        until_s=int(at_s.max()) + DAY_S,
    )


def _lines() -> Iterator[str]:
    yield "# How often the rules would have called somebody"
    yield ""
    yield (
        "Made by `./deploy/bench burden` from real home readings: the rules that we ship beside single limits, which"
        " ask about one reading alone."
    )
    yield (
        "A row's episodes are what somebody would have been called for; readings in breach are what there would be with"
        " a call for each."
    )
    for name, ours in trials():
        single = ours.compared
        assert single is not None
        yield ""
        yield f"## {name.capitalize()}"
        yield ""
        yield f"{backtest_report.heading(ours)}."
        yield ""
        yield f"![Bars and curves of the numbers in the table and the list below]({_chart_file(name)})"
        yield ""
        yield "| | " + " | ".join(backtest_report.COLUMNS) + " |"
        yield "| --- |" + " ---: |" * len(backtest_report.COLUMNS)
        for title, found in ((_NAMES.tried, ours), (_NAMES.compared, single)):
            for row in backtest_report.rows(found):
                yield f"| {title}: {row[0].strip()} | " + " | ".join(row[1:]) + " |"
        yield ""
        yield (
            f"For {ours.total.episodes} calls of ours there are {single.total.episodes} with single limits, and"
            f" {single.total.breaches} readings in breach of those. {ours.only_here} of ours have no single limit's"
            f" episode within three days, {ours.only_there} of theirs none of ours."
        )
        if most := backtest_report.most(ours):
            yield most
        yield ""
        yield "Episodes of each rule's subject if its limit is moved by 5 or 10 per cent (limit: episodes):"
        yield ""
        for line in backtest_report.sensitivity(ours):
            yield f"- {line}"
    yield ""
    yield "## What this does not show"
    yield ""
    yield (
        "One adult's blood pressures and insulin-treated adults of 1988–1991 are no cohort of a program of today."
        " Nobody knows which of these calls would have been worth a nurse's time: that a practice's own dispositions"
        " tell."
        " In the replay an episode is dealt with when its task is due, so a lasting breach comes back again and again."
    )
