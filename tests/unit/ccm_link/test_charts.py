"""The specifications of the charts, what they draw, and what they say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from alerts.measures import Comparison, Measure, Severity
from ccm_link.chart import chart_sentences, charts, series
from ccm_link.chart.chart_look import Look, Size, Theme
from ccm_link.chart.charts import Limit
from ccm_link.chart.series import BloodPressures, Points
from ccm_link.console import drawing
from ccm_link.local_days import Days
from firmware_profiles import kinds
from firmware_profiles.readings import Kind

NEW_YORK = ZoneInfo("America/New_York")
DAYS = Days(date(2026, 10, 30), date(2026, 11, 12), NEW_YORK)
WIDE = Look.of(Theme.LIGHT, Size.WIDE)
NONE = series.instants([])


def limit(measure: Measure, comparison: Comparison, severity: Severity, level: float) -> Limit:
    return Limit(measure, comparison, severity, level)


URGENT = limit(Measure.SYSTOLIC_MMHG, Comparison.AT_OR_ABOVE, Severity.URGENT, 180)
CLINICAL = limit(Measure.SYSTOLIC_MMHG, Comparison.AT_OR_ABOVE, Severity.CLINICAL, 140)
DIASTOLIC = limit(Measure.DIASTOLIC_MMHG, Comparison.AT_OR_ABOVE, Severity.CLINICAL, 90)
LOW = limit(Measure.SYSTOLIC_MMHG, Comparison.BELOW, Severity.URGENT, 90)
(GLUCOSE,) = kinds.OF[Kind.GLUCOSE].needed
LIMITS = [URGENT, CLINICAL, DIASTOLIC, LOW]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of November 2026 at home (a day below 1 is one of October)."""
    local = datetime(2026, 10, 31, hour, minute, tzinfo=NEW_YORK) + timedelta(days=day)
    return local.astimezone(UTC)


def pressures(
    *readings: tuple[datetime, float, float], missed: list[datetime] | None = None
) -> BloodPressures:
    return BloodPressures(
        at=series.instants([one for one, _, _ in readings]),
        systolic_mmhg=np.array([one for _, one, _ in readings], dtype=np.float64),
        diastolic_mmhg=np.array([one for _, _, one in readings], dtype=np.float64),
        not_measured_at=series.instants(missed or []),
    )


COURSE = pressures(
    (at(-5, 7), 150, 95),  # before the days shown: counts for the means only
    (at(1, 7, 14), 131, 83),
    (at(1, 20), 126, 80),
    (at(5, 7), 144, 92),  # after a silence of more than two days
    (at(5, 12), 186, 108),
    missed=[at(6, 9)],
)


def layers(spec: charts.Spec, mark: str) -> list[dict[str, Any]]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == mark]


def rows(layer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = layer["data"]["values"]
    return found


def texts(spec: charts.Spec) -> list[str]:
    return [layer["mark"]["text"] for layer in layers(spec, "text")]


def test_a_reading_is_a_bar_from_diastolic_to_systolic_at_its_wall_clock_time() -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, WIDE)
    (bars,) = [layer for layer in layers(spec, "rule") if "y2" in layer["encoding"]]
    assert [(row["diastolic"], row["systolic"]) for row in rows(bars)] == [
        (83, 131),
        (80, 126),
        (92, 144),
        (108, 186),
    ]
    # 1 Nov 2026, 07:14 at home, written as if it were UTC.
    wall = datetime(2026, 11, 1, 7, 14, tzinfo=UTC)
    assert rows(bars)[0]["at"] == wall.timestamp() * 1000


def test_before_noon_is_a_circle_and_from_noon_on_a_square() -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, WIDE)
    (heads,) = [layer for layer in layers(spec, "point") if "shape" in layer["encoding"]]
    assert [row["shape"] for row in rows(heads)] == ["circle", "square", "circle", "square"]


def test_the_line_of_means_is_broken_where_nothing_was_measured_for_two_days() -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, WIDE)
    (line,) = layers(spec, "line")
    systolic = [
        (row["line"], row["mean"]) for row in rows(line) if row["line"].startswith("systolic")
    ]
    assert systolic == [
        ("systolic 1", pytest.approx((150 + 131) / 2)),
        ("systolic 1", pytest.approx((150 + 131 + 126) / 3)),
        (
            "systolic 2",
            pytest.approx((131 + 126 + 144) / 3),
        ),  # the first one is older than a week now
        ("systolic 2", pytest.approx((131 + 126 + 144 + 186) / 4)),
    ]


def test_limits_are_lines_with_their_names_beside_them() -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, WIDE)
    assert texts(spec)[:4] == [
        "systolic ≥ 180",
        "systolic ≥ 140",
        "diastolic ≥ 90",
        "systolic < 90",
    ]
    narrow = charts.blood_pressure(COURSE, LIMITS, DAYS, Look.of(Theme.LIGHT, Size.NARROW))
    assert texts(narrow)[:2] == ["sys ≥ 180", "sys ≥ 140"]
    goal = replace(CLINICAL, level=135, is_of_mean=True)
    assert texts(charts.blood_pressure(COURSE, [goal], DAYS, WIDE))[0] == "mean systolic ≥ 135"


def test_names_of_close_limits_do_not_lie_upon_each_other() -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, WIDE)
    labels = [layer for layer in layers(spec, "text") if layer["mark"]["text"] != "×"]
    levels = sorted(rows(layer)[0]["level"] for layer in labels)
    low, high = labels[0]["encoding"]["y"]["scale"]["domain"]
    pixels = np.diff(levels) * WIDE.frame.height_px / (high - low)
    assert pixels.min() >= WIDE.frame.font_px


def test_a_limit_far_from_all_readings_is_not_drawn() -> None:
    far = limit(Measure.GLUCOSE_MG_DL, Comparison.AT_OR_ABOVE, Severity.URGENT, 400)
    near = limit(Measure.GLUCOSE_MG_DL, Comparison.AT_OR_ABOVE, Severity.CLINICAL, 250)
    readings = Points(series.instants([at(2, 7)]), np.array([120.0]), NONE, NONE, NONE)
    spec = charts.points(readings, GLUCOSE, [far, near], DAYS, WIDE)
    assert "≥ 250" in texts(spec)
    assert "≥ 400" not in texts(spec)


def test_what_has_no_number_is_marked_at_the_edge() -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, WIDE)
    (crosses,) = [layer for layer in layers(spec, "text") if layer["mark"]["text"] == "×"]
    assert len(rows(crosses)) == 1
    at_once = [series.instants([at(day, 7)]) for day in (2, 3, 4)]
    readings = Points(NONE, np.array([]), *at_once)
    spec = charts.points(readings, GLUCOSE, [], DAYS, WIDE)
    drawn = {layer["mark"]["text"]: len(rows(layer)) for layer in layers(spec, "text")}
    assert drawn == {"HI": 1, "LO": 1, "×": 1}


@pytest.mark.parametrize(
    ("kind", "numbers", "domain"),
    [
        (Kind.GLUCOSE, [104.0, 131.0], [100.0, 140.0]),
        (Kind.BODY_WEIGHT, [78.4, 81.2], [75.0, 85.0]),
        (Kind.PULSE_OXIMETRY, [88.0, 99.0], [85.0, 100.0]),  # nothing is above 100 per cent
        (Kind.BODY_TEMPERATURE, [36.6, 38.9], [36.0, 40.0]),
        (Kind.KETONE, [0.1, 1.4], [0.0, 2.0]),  # and nothing below 0
        (Kind.BODY_TEMPERATURE, [], [35.0, 41.0]),
    ],
)
def test_the_axis_of_a_number_is_rounded_to_its_own_steps(
    kind: Kind, numbers: list[float], domain: list[float]
) -> None:
    readings = Points(
        series.instants([at(day, 7) for day in range(1, len(numbers) + 1)]),
        np.array(numbers),
        NONE,
        NONE,
        NONE,
    )
    (number, *_) = kinds.OF[kind].needed
    spec = charts.points(readings, number, [], DAYS, WIDE)
    (points,) = layers(spec, "point")[-1:]
    assert points["encoding"]["y"]["scale"]["domain"] == domain
    assert points["encoding"]["y"]["title"] == number.unit


@pytest.mark.parametrize("theme", Theme)
@pytest.mark.parametrize("size", Size)
def test_every_look_draws_without_the_network(theme: Theme, size: Size) -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, Look.of(theme, size))
    drawn = drawing.svg(spec)
    assert drawn.startswith("<svg")
    assert set(re.findall(r'https?://[^"]+', drawn)) == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "<script" not in drawn
    assert "tabindex" not in drawn  # nothing in a picture takes the focus


def test_drawing_fetches_nothing_from_the_network() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        drawing.svg(
            {
                "data": {"url": "http://127.0.0.1:9/data.json"},
                "mark": "point",
                "encoding": {"x": {"field": "a", "type": "quantitative"}},
            }
        )


def test_a_chart_without_readings_shows_its_days() -> None:
    drawn = drawing.svg(charts.blood_pressure(pressures(), [], DAYS, WIDE))
    assert "30 Oct" in drawn
    assert "NaN" not in drawn


def test_the_drawing_does_not_depend_on_the_servers_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = charts.blood_pressure(COURSE, LIMITS, DAYS, WIDE)
    here = drawing.svg(spec)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    assert drawing.svg(spec) == here


def test_the_sentence_says_what_the_chart_shows() -> None:
    assert chart_sentences.blood_pressure(COURSE, LIMITS, DAYS) == (
        "Blood pressure from 30 Oct to 12 Nov 2026: 4 readings on 2 of 14 days, mean 147 over 91 mmHg, "
        "systolic from 126 to 186, diastolic from 80 to 108; 2 readings reached a limit; "
        "the latest is 186 over 108 on 5 Nov at 12:00; 1 attempt gave no number."
    )


def test_the_sentence_says_that_nothing_was_measured() -> None:
    assert (
        chart_sentences.blood_pressure(pressures(), LIMITS, DAYS)
        == "Blood pressure from 30 Oct to 12 Nov 2026: no readings."
    )
    nothing = Points(NONE, np.array([]), NONE, series.instants([at(2, 7)]), NONE)
    assert chart_sentences.points(nothing, Kind.GLUCOSE, GLUCOSE, [], DAYS) == (
        "Glucose from 30 Oct to 12 Nov 2026: no readings with a number; 1 reading below the meter's range."
    )


def test_below_means_below_and_at_or_above_includes_the_limit() -> None:
    low = limit(Measure.GLUCOSE_MG_DL, Comparison.BELOW, Severity.CLINICAL, 70)
    high = limit(Measure.GLUCOSE_MG_DL, Comparison.AT_OR_ABOVE, Severity.CLINICAL, 250)
    readings = Points(
        series.instants([at(day, 7) for day in (1, 2, 3)]),
        np.array([70.0, 100.0, 250.0]),
        NONE,
        NONE,
        NONE,
    )

    def sentence(*limits: Limit) -> str:
        return chart_sentences.points(readings, Kind.GLUCOSE, GLUCOSE, limits, DAYS)

    assert "; 1 reading reached a limit;" in sentence(low, high)
    assert "; no reading reached a limit;" in sentence(low)
    assert "; no limits are set;" in sentence()
    goal = replace(low, level=200, is_of_mean=True)
    assert "; no reading reached a limit;" in sentence(low, goal)
    assert "; no limit for single readings is set;" in sentence(goal)


def test_a_sentence_shows_the_decimals_of_its_number() -> None:
    (weight,) = kinds.OF[Kind.BODY_WEIGHT].needed
    readings = Points(
        series.instants([at(1, 7), at(2, 7)]),
        np.array([78.45, 81.2]),
        NONE,
        NONE,
        series.instants([at(3, 7)]),
    )
    assert chart_sentences.points(readings, Kind.BODY_WEIGHT, weight, [], DAYS) == (
        "Weight from 30 Oct to 12 Nov 2026: 2 readings on 2 of 14 days, mean 79.8 kg, from 78.5 to 81.2; "
        "no limits are set; the latest is 81.2 on 2 Nov at 07:00; 1 attempt gave no number."
    )
