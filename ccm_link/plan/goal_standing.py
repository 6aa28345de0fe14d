"""How a goal stands: against the limits that alerts use, and against what was measured at home. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np

from alerts.courses import Courses
from alerts.limits import Line, line_of
from alerts.measures import Comparison, Measure
from alerts.rules import Rule
from ccm_link.plan.plan_document import Goal
from ingest import home_blood_pressure, minimum_data
from ingest.minimum_data import Lack, NotGiven

WINDOW_DAYS: Final = 30
"""Of so many days, the current one included, a goal is judged by the mean; ours."""

MIN_DAYS: Final = home_blood_pressure.MIN_DAYS
_MIN_READINGS: Final = {
    Measure.SYSTOLIC_MMHG: home_blood_pressure.MIN_READINGS,
    Measure.DIASTOLIC_MMHG: home_blood_pressure.MIN_READINGS,
}
_MIN_READINGS_OF_OTHERS: Final = 3
"""One a day on the fewest days; ours, for no guideline names a number."""


class Reached(StrEnum):
    """Whether the mean lies on the goal's side."""

    YES = "yes"
    NOT_YET = "not_yet"
    UNKNOWN = "unknown"  # too little was measured


@dataclass(frozen=True, slots=True)
class Standing:
    """How a goal stands against the readings of the last days.

    Attributes:
        mean: in the unit of the measure; None where ``not_given`` says why.
        readings: with a number, of which the mean is.
        days: on so many local days.
        beyond_range: “HI” and “LO”: they are in no mean.
        is_over: the day until which it should be reached is over.
    """

    reached: Reached
    mean: float | None
    readings: int
    days: int
    beyond_range: int
    not_given: NotGiven | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class GoalLimit:
    """A rule in force that asks about a goal's measure, and what is wrong between the two.

    Attributes:
        rule: as it is in force for the patient.
        line: its limit.
        contradiction: in one sentence; "" where goal and limit agree.
    """

    rule: Rule
    line: Line
    contradiction: str


def standing(goal: Goal, courses: Iterable[Courses], today: date) -> Standing | None:
    """Return how a goal stands; None where no number of home readings tells.

    Args:
        goal: of the plan.
        courses: the patient's readings of the last `WINDOW_DAYS`, a course for each kind that may carry the measure.
        today: the patient's.
    """
    if goal.measure is None or goal.target is None:
        return None
    series = [one.of(goal.measure) for one in courses]
    numbers = np.concatenate([np.empty(0), *(one.values for one in series)])
    days = np.concatenate([np.empty(0, dtype=np.int64), *(one.local_day for one in series)])
    is_number = np.isfinite(numbers)
    counted = numbers[is_number]
    day_count = len(np.unique(days[is_number]))
    needed = _MIN_READINGS.get(goal.measure, _MIN_READINGS_OF_OTHERS)
    lack = minimum_data.first_lack(
        (Lack.TOO_FEW_DAYS, MIN_DAYS, day_count), (Lack.TOO_FEW_READINGS, needed, len(counted))
    )
    mean = None if lack else float(np.mean(counted))
    return Standing(
        reached=_reached(goal, mean),
        mean=mean,
        readings=len(counted),
        days=day_count,
        beyond_range=len(numbers) - len(counted),
        not_given=lack,
        is_over=goal.by_on is not None and today > goal.by_on,
    )


def _reached(goal: Goal, mean: float | None) -> Reached:
    if mean is None or goal.target is None:
        return Reached.UNKNOWN
    is_below = mean < goal.target
    return Reached.YES if is_below is (goal.side is Comparison.BELOW) else Reached.NOT_YET


def limits_of(goal: Goal, in_force: Iterable[Rule]) -> tuple[GoalLimit, ...]:
    """Return the limits in force for the measure of a goal, in the order of the rules."""
    return tuple(_limits(goal, in_force))


def _limits(goal: Goal, in_force: Iterable[Rule]) -> Iterator[GoalLimit]:
    for rule in in_force:
        line = line_of(rule.spec.signal)
        if rule.is_asked and line is not None and line.measure is goal.measure:
            yield GoalLimit(rule, line, _contradiction(goal, rule, line))


def _contradiction(goal: Goal, rule: Rule, line: Line) -> str:
    """Say where numbers that reach the goal breach the limit: from some on, or all of them.

    A limit on the goal's own side, such as one for pressures that are too low, only contradicts a goal when nothing
    reaches the goal without a breach.
    """
    if goal.target is None:
        return ""
    is_below = goal.side is Comparison.BELOW
    if goal.side is line.comparison:
        covers = line.level >= goal.target if is_below else line.level <= goal.target
        return (
            f"Everything that reaches the goal breaches the limit “{rule.spec.title}”."
            if covers
            else ""
        )
    overlaps = line.level < goal.target if is_below else line.level > goal.target
    if not overlaps:
        return ""
    unit = line.measure.unit
    called, reached = (
        (f"from {line.level:g} {unit} on", f"below {goal.target:g}")
        if is_below
        else (f"below {line.level:g} {unit}", f"{goal.target:g} or more")
    )
    return f"The limit “{rule.spec.title}” calls somebody {called}, but {reached} reaches the goal."
