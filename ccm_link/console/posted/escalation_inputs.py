"""What may be posted about whom a practice has called: ladders, shifts, addresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self, cast
from uuid import UUID

from pydantic import StringConstraints, create_model, model_validator

from alerts.channels.message import Channel
from alerts.ladders import Rung, Whom
from alerts.on_call import Duty
from ccm_link.console.posted.input_types import (
    BasedOn,
    DaysLater,
    EveryWeeks,
    LocalDay,
    LocalTime,
    Minutes,
    Ticked,
    Words,
)
from ccm_link.console.posted.inputs import Input

# In a form's list of people: nobody in particular.
PRACTICE_LINE: Final = UUID(int=0)

RUNGS: Final = ("first", "second", "third", "fourth", "fifth")
"""What the rungs of a ladder are called in its form, from the lowest on."""

_Duty = Literal["cover", "clinician"]


class _LadderForm(Input):
    based_on: BasedOn
    reason: Words

    def rungs(self) -> tuple[Rung, ...]:
        """Return the rungs that are filled in."""
        return tuple(
            Rung(
                timedelta(minutes=getattr(self, f"{name}_after")),
                Whom(getattr(self, f"{name}_whom")),
                tuple(one for one in Channel if getattr(self, f"{name}_{one}")),
            )
            for name in RUNGS
            if getattr(self, f"{name}_whom") is not None
        )

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield field and complaint of each rung that is filled in by half."""
        for name in RUNGS:
            is_used = getattr(self, f"{name}_whom") is not None
            after = getattr(self, f"{name}_after")
            if is_used and after is None:
                yield f"{name}_after", "Fill this in."
            if not is_used and after is not None:
                yield f"{name}_whom", "Choose whom to call, or leave the minutes empty."
            if is_used and not any(getattr(self, f"{name}_{one}") for one in Channel):
                yield f"{name}_{Channel.CONSOLE}", "Choose a channel."


_FIELDS: Final[dict[str, Any]] = {
    f"{name}_{what}": (kind, None)
    for name in RUNGS
    for what, kind in (
        ("after", Minutes | None),
        ("whom", Whom | None),
        *((channel.value, Ticked) for channel in Channel),
    )
}
SetLadder = cast("type[_LadderForm]", create_model("SetLadder", __base__=_LadderForm, **_FIELDS))
"""A ladder: for each rung after how many minutes, whom, and a tick for each channel; and why it is so."""


class AddShift(Input):
    """Who is on duty from when until when, in the practice's wall clock time."""

    duty: _Duty
    staff_id: UUID
    from_on: LocalDay
    from_time: LocalTime
    until_on: LocalDay
    until_time: LocalTime

    @model_validator(mode="after")
    def _some_span(self) -> Self:
        if (self.until_on, self.until_time) <= (self.from_on, self.from_time):
            raise ValueError("The end has to be later than the beginning.")
        return self

    def of(self) -> Duty:
        """Return the duty."""
        return Duty(self.duty)


class AddWeeklyShift(Input):
    """Who is on duty in every week, or in every so many of them."""

    duty: _Duty
    staff_id: UUID
    first_on: LocalDay
    starts: LocalTime
    days_later: DaysLater
    ends: LocalTime
    every_weeks: EveryWeeks
    last_on: LocalDay | None = None

    def of(self) -> Duty:
        """Return the duty."""
        return Duty(self.duty)


class AddContact(Input):
    """Where somebody, or the practice line, is reached."""

    staff_id: UUID
    channel: Literal["email", "sms", "webhook"]
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]

    @property
    def person(self) -> UUID | None:
        """Return whose it is; None for the practice line."""
        return None if self.staff_id == PRACTICE_LINE else self.staff_id
