"""Limits: whether a new one makes sense by itself and beside the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from alerts.limits import Line, line_of
from alerts.measures import Comparison, Measure, Severity
from alerts.rules import Rule

# What a limit for a living person can be: inside of what cuffs and meters measure, outside of what would call
# somebody all day or never. Ours, wider than any guideline's number; an entry beyond it is a slip of the finger or
# the wrong unit (mmol/L glucose, kPa pressure).
SENSIBLE: Final = {
    Measure.SYSTOLIC_MMHG: (70, 250),
    Measure.DIASTOLIC_MMHG: (40, 150),
    Measure.PULSE_BPM: (30, 200),
    Measure.GLUCOSE_MG_DL: (40, 500),
    Measure.WEIGHT_KG: (20, 300),
    Measure.SPO2_PERCENT: (70, 100),
    Measure.TEMPERATURE_CELSIUS: (33, 42),
    Measure.KETONE_MMOL_L: (0.3, 8),
}


def objection(changed: Rule, limit: float, in_force: Iterable[Rule]) -> str | None:
    """Return why a limit cannot be set, or ``None``.

    Args:
        changed: Whose limit.
        limit: In the unit of the measure.
        in_force: The rules that hold for the patient now; the one that is changed is left out.
    """
    line = line_of(changed.spec.signal)
    if line is None:
        return None
    low, high = SENSIBLE[line.measure]
    if not low <= limit <= high:
        return (
            f"A limit for {line.measure.words} lies between {low} and {high} {line.measure.unit}."
        )
    for other in in_force:
        theirs = line_of(other.spec.signal)
        if theirs is None or theirs.measure is not line.measure:
            continue
        if other.question == changed.question:
            continue
        if not _fits(line, changed.spec.severity, limit, theirs, other.spec.severity):
            return (
                f"This contradicts “{other.spec.title}” ({theirs.level:g} {line.measure.unit}): "
                "low limits lie below high ones, and urgent limits outside of clinical ones."
            )
    return None


def _fits(line: Line, severity: Severity, limit: float, other: Line, theirs: Severity) -> bool:
    if other.comparison is not line.comparison:
        is_lower = line.comparison is Comparison.BELOW
        return limit < other.level if is_lower else limit > other.level
    if severity is theirs:
        return True
    is_upper = line.comparison is Comparison.AT_OR_ABOVE
    # The limit of the severer of two lies further out.
    is_severer = severity.rank > theirs.rank
    return limit > other.level if is_upper is is_severer else limit < other.level
