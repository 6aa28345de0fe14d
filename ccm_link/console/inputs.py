"""What may be posted: one model per action, the same for forms and for the JSON API.

Numbers are plain digits, times are written out, unknown fields are refused, and texts may be in any script but hold
nothing invisible that could make them read differently from what they are.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from ccm_link.work import Activity, Disposition
from firmware_profiles.readings import Kind

FROM_FORM: Final = {"sent_as": "form"}  # the validation context in which numbers come as text
MOST_CHARACTERS: Final = 4_000  # two pages: more belongs into the chart of the practice
_LONGEST_RANGE: Final = timedelta(days=400)  # a year and the month around its ends
_YEARS: Final = range(2000, 2101)  # outside of it arithmetic on instants can leave the calendar
# Direction marks that start an embedding or an override: the text behind them reads differently from what is stored.
# Source: Unicode Technical Report 36, section 2.5.2; Boucher and Anderson, "Trojan Source", 2021.
_DIRECTION_CHANGES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_BREAKS_AND_TABS: Final = frozenset("\n\t")


def _readable(text: str) -> str:
    """Return the text with plain line ends; refuse control characters and changes of direction."""
    text = text.replace("\r\n", "\n")
    if any(
        (unicodedata.category(sign) == "Cc" and sign not in _LINE_BREAKS_AND_TABS)
        or sign in _DIRECTION_CHANGES
        for sign in text
    ):
        raise ValueError("There are invisible control characters in it. Type the text again.")
    return text


def _written(pattern: str, words: str) -> BeforeValidator:
    """Refuse text of another form before it is read; anything that is not text is left to the type."""
    form = re.compile(pattern)

    def check(given: object) -> object:
        if isinstance(given, str) and not form.fullmatch(given):
            raise ValueError(words)
        return given

    return BeforeValidator(check)


def _digits(number: type[int | float], pattern: str, words: str) -> BeforeValidator:
    """Read a form's plain digits as a number; JSON has numbers of its own, and text in their place stays text."""
    form = re.compile(pattern)

    def read(given: object, context: ValidationInfo) -> object:
        if context.context != FROM_FORM or not isinstance(given, str):
            return given
        if not form.fullmatch(given):
            raise ValueError(words)
        return number(given)

    return BeforeValidator(read)


def _text_only(given: object) -> object:
    if isinstance(given, int | float | bytes):
        raise ValueError("Write it out as text.")  # noqa: TRY004 - pydantic collects ValueError
    return given


def _on_the_calendar(at: datetime) -> datetime:
    if at.year not in _YEARS:
        raise ValueError("This is too far away.")
    return at


Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARACTERS),
    AfterValidator(_readable),
]
RowVersion = Annotated[
    int,
    _digits(int, "[0-9]{1,9}", "Write a whole number."),
    Field(strict=True, ge=1, le=2**31 - 1),
]
LimitNumber = Annotated[
    float,
    _digits(float, r"[0-9]{1,4}(\.[0-9]{1,2})?", "Write a number like 160 or 160.5."),
    Field(strict=True, gt=0, lt=2000),
]
Instant = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_on_the_calendar)]
LocalDay = Annotated[
    date, _written(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", "Write a date like 2026-11-03.")
]
LocalTime = Annotated[time, _written(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", "Write a time like 09:30.")]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class SignIn(_Input):
    """Name and password."""

    sign_in_name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class SignInForm(SignIn):
    """The same from the page, with where to go afterwards."""

    going_to: Annotated[str, StringConstraints(max_length=500)] = ""


class ClaimTask(_Input):
    """The version of the task that was looked at."""

    row_version: RowVersion


class ReleaseTask(_Input):
    """The version of the task that was looked at, and why it is given back."""

    row_version: RowVersion
    note: Words


class CompleteTask(_Input):
    """What became of the task."""

    row_version: RowVersion
    disposition: Disposition
    note: Words


class StartTimer(_Input):
    """What the time goes into."""

    activity: Activity


class StopTimer(_Input):
    """What was done, and when it really ended if that was before now."""

    note: Words
    ended_at: Instant | None = None


class StopTimerForm(_Input):
    """The same from the page, in the practice's wall clock time."""

    note: Words
    ended_on: LocalDay | None = None
    ended: LocalTime | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.ended_on is None) != (self.ended is None):
            raise ValueError("Say both the day and the time of the end.")
        return self


class DiscardTimer(_Input):
    """Why the timer's time does not count."""

    reason: Words


class TimeEntry(_Input):
    """A span of one's own work that no timer held."""

    patient_id: UUID
    task_id: UUID | None = None
    started_at: Instant
    ended_at: Instant
    activity: Activity
    note: Words
    reason: Words


class TimeEntryForm(_Input):
    """The same from a task's page, in the practice's wall clock time."""

    worked_on: LocalDay
    started: LocalTime
    ended: LocalTime
    activity: Activity
    note: Words
    reason: Words


class VoidEntry(_Input):
    """Why the entry does not count."""

    reason: Words


class SetLimit(_Input):
    """A limit for one patient: which question, how much, why."""

    question: Annotated[str, _written("[a-z_]+/[a-z_]+/[a-z]+", "Choose one of the list.")]
    limit: LimitNumber
    reason: Words


class ReadingsQuery(_Input):
    """Which readings of a patient: a kind and a span of at most 400 days."""

    kind: Kind
    from_at: Annotated[Instant, Field(alias="from")]
    until_at: Annotated[Instant, Field(alias="to")]

    @model_validator(mode="after")
    def _some_span(self) -> Self:
        if not timedelta(0) < self.until_at - self.from_at <= _LONGEST_RANGE:
            raise ValueError("“to” has to be later than “from”, by 400 days at most.")
        return self


def local_instant(day: date, wall: time, zone: ZoneInfo) -> datetime | None:
    """Return the instant (aware UTC) at which the zone's clocks showed a time; ``None`` where they skipped it.

    In the hour that autumn repeats it is the first one.
    """
    # In UTC, because the difference of two times in one zone is that of their wall clocks, not what went by.
    at = datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)
    shown = at.astimezone(zone)
    return at if (shown.date(), shown.time()) == (day, wall) else None
