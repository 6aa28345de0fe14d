"""Charts of home readings as Vega-Lite specifications: arrays in, dictionaries out.

One definition serves screen, print and test. Nothing here draws: the console hands the specification to vl-convert.

The time axis is the patient's wall clock. Vega is told that it is UTC, so a drawing does not depend on the zone of
the machine that draws it; in the one doubled hour of autumn two readings may lie on top of each other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from alerts.measures import Comparison, Measure, Severity
from ccm_link.chart import series
from ccm_link.chart.chart_look import FONT, Look
from ccm_link.chart.series import BloodPressures, Instants, Mask, Numbers, Points
from ccm_link.local_days import Days
from firmware_profiles import kinds
from firmware_profiles.kinds import Number
from firmware_profiles.readings import Kind

Spec = dict[str, Any]
Rows = list[dict[str, Any]]  # what a layer draws; times are milliseconds of wall clock since 1970

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_NOON_HOUR: Final = 12
_X: Final = {"field": "at", "type": "temporal"}
_SIGNS: Final = {Comparison.AT_OR_ABOVE: "≥", Comparison.BELOW: "<"}
# What a limit is called beside its line: on a wide chart, on a narrow one.
_NAMES: Final = {
    Measure.SYSTOLIC_MMHG: ("systolic ", "sys "),
    Measure.DIASTOLIC_MMHG: ("diastolic ", "dia "),
    Measure.PULSE_BPM: ("pulse ", "pulse "),
}
_PRESSURE: Final = kinds.OF[Kind.BLOOD_PRESSURE].needed[0]


@dataclass(frozen=True, slots=True)
class Limit:
    """One threshold line: what it asks, and its level in the unit of the chart it is drawn into.

    Attributes:
        is_of_mean: The mean of some days is held against it, no single reading.
    """

    measure: Measure
    comparison: Comparison
    severity: Severity
    level: float
    is_of_mean: bool = False


def blood_pressure(
    readings: BloodPressures, limits: Sequence[Limit], days: Days, look: Look
) -> Spec:
    """Return the blood-pressure chart: a bar from systolic to diastolic per reading, 7-day means, limits.

    Readings older than the days shown may be passed and should be: the first means need the week before.

    Args:
        readings: One patient's blood pressures, mmHg.
        limits: Threshold lines, mmHg; those far from every reading are left out.
        days: The patient-local days on the time axis.
        look: Size and colours.

    Returns:
        A Vega-Lite 6 specification with its data inside.
    """
    shown = series.within(readings.at, days)
    bars = _bars(readings, shown, days)
    drawn = np.concatenate((readings.systolic_mmhg[shown], readings.diastolic_mmhg[shown]))
    limits = _near(limits, drawn)
    domain = _domain(drawn, limits, _PRESSURE)
    y = _y_scale(domain, _PRESSURE.unit)
    is_dense = len(bars) > look.frame.width_px / 10
    layers = [
        *_limit_layers(limits, domain, look),
        _bar_layer(bars, look, y, width_px=1.5 if is_dense else 3),
        {
            "data": {"values": _means(readings, shown, days)},
            "mark": {"type": "line", "strokeWidth": 2, "color": look.palette.ink},
            "encoding": {"x": _X, "y": {"field": "mean", **y}, "detail": {"field": "line"}},
        },
        _point_layer(bars, "systolic", look, y, size=22 if is_dense else 42),
        _text_layer(
            _edge_marks(readings.not_measured_at, days, domain[0]),
            "×",
            look,
            look.palette.muted,
            y,
            dy=-8,
        ),
    ]
    return _chart(layers, days, look)


def points(readings: Points, of: Number, limits: Sequence[Limit], days: Days, look: Look) -> Spec:
    """Return the chart of one number: a point per reading, limits, HI and LO and failed attempts at the edges.

    Args:
        readings: One patient's measurements of the number.
        of: The number.
        limits: Threshold lines, in its unit; those far from every reading are left out.
        days: The patient-local days on the time axis.
        look: Size and colours.

    Returns:
        A Vega-Lite 6 specification with its data inside.
    """
    shown = series.within(readings.at, days)
    measured = readings.numbers[shown]
    wall = series.wall_clock(readings.at[shown], days.zone)
    rows = [
        {"at": _epoch_ms(at), "number": float(number), "shape": "circle"}
        for at, number in zip(wall, measured, strict=True)
    ]
    limits = _near(limits, measured)
    domain = _domain(measured, limits, of)
    above = _edge_marks(readings.above_range_at, days, domain[1])
    below = _edge_marks(readings.below_range_at, days, domain[0])
    missed = _edge_marks(readings.not_measured_at, days, domain[0])
    y = _y_scale(domain, of.unit)
    layers = [
        *_limit_layers(limits, domain, look),
        _point_layer(rows, "number", look, y, size=42),
        _text_layer(above, "HI", look, look.palette.urgent, y, dy=8),
        _text_layer(below, "LO", look, look.palette.urgent, y, dy=-8),
        _text_layer(missed, "×", look, look.palette.muted, y, dy=-8),
    ]
    return _chart(layers, days, look)


def _bars(readings: BloodPressures, shown: Mask, days: Days) -> Rows:
    """Return a row per reading shown; the head's shape tells the half of the day."""
    wall = series.wall_clock(readings.at, days.zone)
    return [
        {
            "at": _epoch_ms(wall[i]),
            "systolic": float(readings.systolic_mmhg[i]),
            "diastolic": float(readings.diastolic_mmhg[i]),
            "shape": "circle" if _hour(wall[i]) < _NOON_HOUR else "square",
        }
        for i in np.flatnonzero(shown)
    ]


def _means(readings: BloodPressures, shown: Mask, days: Days) -> Rows:
    """Return a row per mean; rows of one unbroken run of one pressure make one line."""
    wall = series.wall_clock(readings.at, days.zone)
    runs = series.unbroken_runs(readings.at)
    return [
        {"at": _epoch_ms(wall[i]), "mean": float(means[i]), "line": f"{name} {runs[i]}"}
        for name, means in (
            ("systolic", series.trailing_mean(readings.at, readings.systolic_mmhg)),
            ("diastolic", series.trailing_mean(readings.at, readings.diastolic_mmhg)),
        )
        for i in np.flatnonzero(shown)
    ]


def _epoch_ms(wall: np.datetime64) -> int:
    return int(wall.astype(np.int64))


def _hour(wall: np.datetime64) -> int:
    return int(wall.astype("datetime64[h]").astype(np.int64)) % 24


def _day_ms(day: date) -> int:
    return _epoch_ms(np.datetime64(day, "ms"))


def _edge_marks(at: Instants, days: Days, level: float) -> Rows:
    shown = series.wall_clock(at[series.within(at, days)], days.zone)
    return [{"at": _epoch_ms(wall), "level": level} for wall in shown]


def _near(limits: Sequence[Limit], numbers: Numbers) -> list[Limit]:
    """Return the limits among the numbers and the next one on each side: one far off would flatten the rest."""
    if len(numbers) == 0:
        return list(limits)
    low, high = float(numbers.min()), float(numbers.max())
    above = [limit.level for limit in limits if limit.level > high]
    below = [limit.level for limit in limits if limit.level < low]
    first, last = max(below, default=low), min(above, default=high)
    return [limit for limit in limits if first <= limit.level <= last]


def _domain(numbers: Numbers, limits: Sequence[Limit], of: Number) -> tuple[float, float]:
    """Return the y axis' ends: all numbers and limits inside, rounded outwards to the steps of the number's axis."""
    inside = [*numbers.tolist(), *(limit.level for limit in limits)]
    if not inside:
        inside = [of.axis.low, of.axis.high]
    step = of.axis.step
    margin = 0.4 * step  # no reading lies on the frame
    low = math.floor((min(inside) - margin) / step) * step
    high = math.ceil((max(inside) + margin) / step) * step
    return max(low, 0.0), min(high, of.highest)


def _y_scale(domain: tuple[float, float], unit: str) -> Spec:
    return {
        "type": "quantitative",
        "scale": {"domain": list(domain), "nice": False, "zero": False},
        "title": unit,
    }


def _limit_layers(limits: Sequence[Limit], domain: tuple[float, float], look: Look) -> list[Spec]:
    """Return a line over the whole width for each limit, with its label right of the plot."""
    y = _y_scale(domain, "")
    lines: list[Spec] = []
    levels = _label_levels(limits, domain, look)
    for limit, label_level in zip(limits, levels, strict=True):
        is_urgent = limit.severity is Severity.URGENT
        colour = look.palette.urgent if is_urgent else look.palette.clinical
        lines.append(
            {
                "data": {"values": [{"level": limit.level}]},
                "mark": {
                    "type": "rule",
                    "color": colour,
                    "strokeWidth": 1.5,
                    "strokeDash": [2, 3] if is_urgent else [7, 4],
                },
                "encoding": {"y": {"field": "level", **y}},
            }
        )
        lines.append(
            {
                "data": {"values": [{"level": label_level}]},
                "mark": {
                    "type": "text",
                    "text": _label(limit, look),
                    "align": "left",
                    "baseline": "middle",
                    "color": colour,
                    "fontSize": look.frame.font_px,
                    "clip": False,
                },
                "encoding": {
                    "x": {"value": look.frame.width_px + 6},
                    "y": {"field": "level", **y},
                },
            }
        )
    return lines


def _label(limit: Limit, look: Look) -> str:
    name = _NAMES.get(limit.measure, ("", ""))[look.frame.has_short_names]
    mean = "mean " if limit.is_of_mean else ""
    return f"{mean}{name}{_SIGNS[limit.comparison]} {limit.level:g}"


def _label_levels(limits: Sequence[Limit], domain: tuple[float, float], look: Look) -> list[float]:
    """Return where each limit's label stands: at its line, or moved up as far as its neighbour needs."""
    step = (look.frame.font_px + 2) * (domain[1] - domain[0]) / look.frame.height_px
    order = sorted(range(len(limits)), key=lambda i: limits[i].level)
    levels = [limit.level for limit in limits]
    for below, above in itertools.pairwise(order):
        levels[above] = max(levels[above], levels[below] + step)
    return levels


def _bar_layer(rows: Rows, look: Look, y: Spec, *, width_px: float) -> Spec:
    colour = look.palette.reading
    return {
        "data": {"values": rows},
        "mark": {"type": "rule", "strokeWidth": width_px, "color": colour, "opacity": 0.75},
        "encoding": {
            "x": _X,
            "y": {"field": "diastolic", **y},
            "y2": {"field": "systolic"},
        },
    }


def _point_layer(rows: Rows, field: str, look: Look, y: Spec, *, size: int) -> Spec:
    return {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "opacity": 1, "color": look.palette.reading},
        "encoding": {
            "x": _X,
            "y": {"field": field, **y},
            "shape": {"field": "shape", "type": "nominal", "scale": None, "legend": None},
            "size": {"value": size},
        },
    }


def _text_layer(marks: Rows, text: str, look: Look, colour: str, y: Spec, *, dy: int) -> Spec:
    return {
        "data": {"values": marks},
        "mark": {
            "type": "text",
            "text": text,
            "color": colour,
            "dy": dy,
            "fontWeight": "bold",
            "fontSize": look.frame.font_px,
        },
        "encoding": {"x": _X, "y": {"field": "level", **y}},
    }


def _chart(layers: list[Spec], days: Days, look: Look) -> Spec:
    first_ms, end_ms = _day_ms(days.first_day), _day_ms(days.last_day + timedelta(days=1))
    step = math.ceil(days.count / look.frame.most_day_labels)
    ticks = [_day_ms(days.first_day + timedelta(days=n)) for n in range(0, days.count, step)]
    axis = {
        "values": ticks,
        "format": "%-d %b",
        "title": None,
        "labelOverlap": False,
        "labelAlign": "left",
        "labelOffset": 2,
    }
    frame = {
        # An empty layer that carries the time axis, so that a chart without readings still shows its days.
        "data": {"values": [{"at": first_ms}, {"at": end_ms}]},
        "mark": {"type": "point", "opacity": 0, "size": 0},
        "encoding": {
            "x": {
                **_X,
                "scale": {"type": "utc", "domain": [first_ms, end_ms], "nice": False},
                "axis": axis,
            }
        },
    }
    return {
        "$schema": _SCHEMA,
        "background": None,
        "width": look.frame.width_px,
        "height": look.frame.height_px,
        "padding": 4,
        "layer": [frame, *layers],
        "config": _config(look),
    }


def _config(look: Look) -> Spec:
    return {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": look.palette.muted,
            "titleColor": look.palette.muted,
            "gridColor": look.palette.grid,
            "domainColor": look.palette.muted,
            "tickColor": look.palette.muted,
            "labelFontSize": look.frame.font_px,
            "titleFontSize": look.frame.font_px,
            "titleFontWeight": "normal",
        },
        "axisX": {"grid": True},
        "axisY": {
            "tickCount": 6,
            "titleAngle": 0,
            "titleAlign": "left",
            "titleY": -10,
            "titleX": 0,
        },
        "text": {"font": FONT},
    }
