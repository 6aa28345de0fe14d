"""What may be posted about agreed schedules, times of silence and quiet hours."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Final, Literal, Self

from pydantic import model_validator

from alerts import schedule
from alerts.quiet_hours import QuietHours
from alerts.schedule import Occasion, Per, Schedule
from alerts.silence_windows import Cause
from ccm_link.console.posted.input_types import (
    LocalDay,
    LocalTime,
    SessionReadings,
    WeekReadings,
    Words,
    written,
)
from ccm_link.console.posted.inputs import Input
from firmware_profiles.readings import Kind

_MIDNIGHT: Final = time()
_DAY: Final = f"({'|'.join(schedule.DAYS)})"
DayNames = Annotated[
    str, written(rf"{_DAY}(,? {_DAY})*", "Write days like “mon, wed, fri”, in small letters.")
]


def _days(names: str) -> tuple[str, ...]:
    named = names.replace(",", " ").split()
    return tuple(day for day in schedule.DAYS if day in named)


class AgreeForm(Input):
    """What a patient is expected to measure: in sessions of a day, so many times a week, or nothing."""

    kind: Kind
    how: Literal["sessions", "week", "nothing"]
    morning: SessionReadings = 0
    morning_from: LocalTime = time(6)
    morning_until: LocalTime = time(12)
    evening: SessionReadings = 0
    evening_from: LocalTime = time(18)
    evening_until: LocalTime = _MIDNIGHT
    a_week: WeekReadings = 3
    on_days: DayNames = ", ".join(schedule.DAYS)
    reason: Words

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.how == "sessions" and not self._occasions:
            raise ValueError("Say how many measurements a session has, or choose “nothing”.")
        if wrong := schedule.mistakes(self._occasions):
            raise ValueError(f"The hours do not fit together: {wrong[0][1]}.")
        return self

    @property
    def _occasions(self) -> tuple[Occasion, ...]:
        if self.how == "nothing":
            return ()
        if self.how == "week":
            return (Occasion(readings=self.a_week, per=Per.WEEK, days=_days(self.on_days)),)
        sessions = (
            (self.morning, self.morning_from, self.morning_until),
            (self.evening, self.evening_from, self.evening_until),
        )
        return tuple(
            Occasion(
                readings=readings,
                days=_days(self.on_days),
                from_time=f"{from_time:%H:%M}",
                until_time="24:00" if until_time == _MIDNIGHT else f"{until_time:%H:%M}",
            )
            for readings, from_time, until_time in sessions
            if readings
        )

    @property
    def agreed(self) -> Schedule:
        """Return the schedule."""
        return Schedule(self.kind, self._occasions, "agreed with the patient")


class EndScheduleForm(Input):
    """The kind whose own schedule ends, so that the practice's holds again."""

    kind: Kind


class WindowForm(Input):
    """From when until when silence is expected, in the practice's wall clock time, and why."""

    cause: Cause
    from_on: LocalDay
    from_time: LocalTime
    until_on: LocalDay
    until_time: LocalTime
    reason: Words

    @model_validator(mode="after")
    def _some_span(self) -> Self:
        if (self.until_on, self.until_time) <= (self.from_on, self.from_time):
            raise ValueError("The end has to be later than the beginning.")
        return self


class FleetWindowForm(WindowForm):
    """The same for a gateway, or for the whole practice."""

    whom: Annotated[str, written(r"practice|gw-[a-z0-9]{8}", "Choose one of the list.")]

    @property
    def gateway_id(self) -> str | None:
        """Return the gateway; None where it is the whole practice."""
        return None if self.whom == "practice" else self.whom


class QuietHoursForm(Input):
    """When the practice is closed for what may wait; the same time twice: no hours, only days."""

    from_time: LocalTime
    until_time: LocalTime
    quiet_days: DayNames | None = None
    reason: Words

    @model_validator(mode="after")
    def _some_day_is_open(self) -> Self:
        if len(self.hours.quiet_days) == len(schedule.DAYS):
            raise ValueError("On one day of the week at least somebody has to be there.")
        return self

    @property
    def hours(self) -> QuietHours:
        """Return the hours."""
        return QuietHours(self.from_time, self.until_time, _days(self.quiet_days or ""))
