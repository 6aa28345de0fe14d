"""What came of a trial of rules as a chart's specification: calls beside those of other rules, and moved limits. Pure.

Nothing hangs on colour: whose a bar is says its filling and a word, how severe a rule is says its name, and every
number is written out.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alerts.backtest import Backtest, Burden, Sensitivity
from alerts.measures import Severity
from ccm_link.chart.chart_look import FONT, Look
from ccm_link.chart.charts import Spec
from deploy import backtest_report

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_COLUMNS: Final = 3  # of small charts beside each other
_GAP_PX: Final = 40
_LETTER_PX: Final = 7  # as wide as letters are on average


@dataclass(frozen=True, slots=True)
class Names:
    """What the rules that were tried, and those that they are held against, are called beside their bars."""

    tried: str = "these rules"
    compared: str = "rules in force"


def chart(found: Sequence[Backtest], names: Names, look: Look) -> Spec:
    """Return the chart of a rule set's trials, one below the other.

    Args:
        found: a trial for each kind of reading.
        names: what the two sets of rules are called.
        look: size and colours; it stands on white, as a file of its own.

    Returns:
        A Vega-Lite 6 specification with its data inside, and in ``description`` what it shows in words.
    """
    return {
        "$schema": _SCHEMA,
        "description": "\n".join(line for one in found for line in words(one, names)),
        "background": "white",
        "padding": 12,
        "spacing": _GAP_PX,
        "vconcat": [part for one in found for part in _trial(one, names, look)],
        "config": _config(look),
    }


def words(found: Backtest, names: Names) -> Iterator[str]:
    """Yield all that the chart of a trial shows, in sentences."""
    yield f"{backtest_report.heading(found)}. Episodes for 100 patient-days:"
    for line, ours, theirs in _telling(found):
        numbers = [
            f"{name} {burden.per_100_patient_days:.2f}"
            for name, burden in ((names.tried, ours), (names.compared, theirs))
            if burden is not None
        ]
        yield f"{line}: {', '.join(numbers)}."
    yield from filter(None, _below_heading(found, names))
    if found.sensitivity:
        yield "Episodes of each rule's subject if its limit is moved (limit: episodes):"
        for moved in backtest_report.sensitivity(found):
            yield f"{moved}."


def _trial(found: Backtest, names: Names, look: Look) -> Iterator[Spec]:
    yield _bars(found, names, look)
    moved = [one for one in found.sensitivity if any(one.episodes)]
    if moved:
        unmoved = [one.rule for one in found.sensitivity if not any(one.episodes)]
        yield _small_charts(moved, unmoved, look)


def _lines(found: Backtest) -> Iterator[tuple[str, Burden | None, Burden | None]]:
    """Yield the name of each pair of bars, and both burdens; None where one set of rules has no such rule."""
    other = found.compared
    yield "all rules", found.total, None if other is None else other.total
    yield from _pairs(found.by_severity, {} if other is None else other.by_severity)
    yield from _pairs(found.by_rule, {} if other is None else other.by_rule)


def _pairs(
    ours: Mapping[Any, Burden], theirs: Mapping[Any, Burden]
) -> Iterator[tuple[str, Burden | None, Burden | None]]:
    for name in dict.fromkeys([*ours, *theirs]):
        yield str(name), ours.get(name), theirs.get(name)


def _telling(found: Backtest) -> list[tuple[str, Burden | None, Burden | None]]:
    """Return the lines but those of nothing at all; that of all rules always."""
    lines = list(_lines(found))
    return lines[:1] + [line for line in lines[1:] if _has_episodes(line)]


def _has_episodes(line: tuple[str, Burden | None, Burden | None]) -> bool:
    return any(burden is not None and burden.episodes for burden in line[1:])


def _bars(found: Backtest, names: Names, look: Look) -> Spec:
    rows: list[dict[str, Any]] = [
        {
            "line": line,
            "whose": whose,
            "per_100": round(burden.per_100_patient_days, 4),
            # In the first pair of bars the word stands beside the number.
            "label": f"{burden.per_100_patient_days:.2f}" + (f" ({whose})" if number == 0 else ""),
            "colour": _colour(line, look),
        }
        for number, (line, ours, theirs) in enumerate(_telling(found))
        for whose, burden in ((names.tried, ours), (names.compared, theirs))
        if burden is not None
    ]
    whose = [names.tried] if found.compared is None else [names.tried, names.compared]
    y = {
        "y": {
            "field": "line",
            "type": "nominal",
            "sort": None,
            "scale": {"paddingInner": 0.3},
            "axis": {"title": None, "labelLimit": 300, "ticks": False, "domain": False},
        },
        "yOffset": {"field": "whose", "type": "nominal", "scale": {"domain": whose}},
    }
    x = {
        "field": "per_100",
        "type": "quantitative",
        "title": "episodes for 100 patient-days",
        "scale": {"domain": [0, _round_up(max(row["per_100"] for row in rows))], "nice": False},
        "axis": {"labelOverlap": False},
    }
    colour = {"field": "colour", "type": "nominal", "scale": None, "legend": None}
    return {
        "title": {
            "text": backtest_report.heading(found),
            "subtitle": [
                part
                for line in (_legend(found, names), *_below_heading(found, names))
                for part in textwrap.wrap(line, look.frame.width_px // _LETTER_PX)
            ],
        },
        "width": round(look.frame.width_px * 0.65),
        "height": {"step": look.frame.font_px + 1, "for": "offset"},
        "data": {"values": rows},
        "layer": [
            {
                "transform": [{"filter": {"field": "whose", "equal": names.tried}}],
                "mark": {"type": "bar"},
                "encoding": {**y, "x": x, "color": colour},
            },
            {
                "transform": [{"filter": {"field": "whose", "equal": names.compared}}],
                "mark": {"type": "bar", "fillOpacity": 0, "strokeWidth": 1.5},
                "encoding": {**y, "x": x, "stroke": colour},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "baseline": "middle"},
                "encoding": {**y, "x": x, "text": {"field": "label"}},
            },
        ],
    }


def _legend(found: Backtest, names: Names) -> str:
    filled = f"Filled: {names.tried}."
    return filled if found.compared is None else f"{filled} Hollow: {names.compared}."


def _below_heading(found: Backtest, names: Names) -> tuple[str, ...]:
    new = ""
    if found.compared is not None:
        new = (
            f"Without any counterpart within three days: {found.only_here:,} episodes of {names.tried},"
            f" {found.only_there:,} of {names.compared}."
        )
    silent = [
        line[0]
        for line in _pairs(found.by_rule, {} if found.compared is None else found.compared.by_rule)
        if not _has_episodes(line)
    ]
    nothing = f"No episode: {', '.join(silent)}." if silent else ""
    return new, backtest_report.most(found), nothing


def _small_charts(moved: Sequence[Sensitivity], unmoved: Sequence[str], look: Look) -> Spec:
    below = "Diamond: the rule's own limit."
    if unmoved:
        below += f" No episode at any limit tried: {', '.join(unmoved)}."
    return {
        "title": {
            "text": "Episodes of a rule's subject if its limit is moved",
            "subtitle": textwrap.wrap(below, look.frame.width_px // _LETTER_PX),
        },
        "columns": _COLUMNS,
        "spacing": _GAP_PX,
        "concat": [_small_chart(one, look) for one in moved],
    }


def _small_chart(moved: Sensitivity, look: Look) -> Spec:
    own = len(moved.limits) // 2
    rows = [
        {
            "limit": limit,
            "episodes": count,
            "label": f"{count:,}",
            "shape": "diamond" if number == own else "circle",
            "size": 130 if number == own else 45,
        }
        for number, (limit, count) in enumerate(zip(moved.limits, moved.episodes, strict=True))
    ]
    margin = (moved.limits[-1] - moved.limits[0]) / 10
    x = {
        "field": "limit",
        "type": "quantitative",
        "title": moved.unit,
        "scale": {
            "domain": [moved.limits[0] - margin, moved.limits[-1] + margin],
            "nice": False,
            "zero": False,
        },
        "axis": {
            "values": list(moved.limits),
            "format": ".6~g",
            "grid": False,
            "labelOverlap": False,
        },
    }
    y = {
        "field": "episodes",
        "type": "quantitative",
        # Room for the numbers above the points.
        "scale": {"domain": [0, 1.25 * max(moved.episodes)], "nice": False},
        "axis": None,
    }
    return {
        "title": {"text": moved.rule, "fontSize": look.frame.font_px, "fontWeight": "normal"},
        "width": (look.frame.width_px - (_COLUMNS - 1) * _GAP_PX) // _COLUMNS,
        "height": look.frame.height_px // 3,
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 1.5, "color": look.palette.muted},
                "encoding": {"x": x, "y": y},
            },
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "color": look.palette.ink},
                "encoding": {
                    "x": x,
                    "y": y,
                    "shape": {"field": "shape", "type": "nominal", "scale": None, "legend": None},
                    "size": {
                        "field": "size",
                        "type": "quantitative",
                        "scale": None,
                        "legend": None,
                    },
                },
            },
            {
                "mark": {"type": "text", "dy": -13},
                "encoding": {"x": x, "y": y, "text": {"field": "label"}},
            },
        ],
    }


def _colour(line: str, look: Look) -> str:
    if Severity.URGENT.value in line:
        return look.palette.urgent
    return look.palette.clinical if Severity.CLINICAL.value in line else look.palette.ink


def _round_up(most: float) -> float:
    """Leave room for the words beside the longest bar."""
    return math.ceil(most * 1.25 * 10) / 10 or 1.0


def _config(look: Look) -> dict[str, Any]:
    text = {"font": FONT, "fontSize": look.frame.font_px, "color": look.palette.ink}
    words_of_axes = {
        "labelFont": FONT,
        "titleFont": FONT,
        "labelFontSize": look.frame.font_px,
        "titleFontSize": look.frame.font_px,
        "titleFontWeight": "normal",
    }
    return {
        "font": FONT,
        "view": {"stroke": None},
        "text": text,
        "title": {
            "font": FONT,
            "anchor": "start",
            "fontSize": look.frame.font_px + 2,
            "color": look.palette.ink,
            "subtitleFont": FONT,
            "subtitleFontSize": look.frame.font_px,
            "subtitleColor": look.palette.muted,
            "subtitlePadding": 4,
            "offset": 10,
        },
        "axis": {
            **words_of_axes,
            "labelColor": look.palette.muted,
            "titleColor": look.palette.muted,
            "gridColor": look.palette.grid,
            "domainColor": look.palette.muted,
            "tickColor": look.palette.muted,
        },
    }
