"""The kinds of text, number and time that may be posted, each read strictly.

Numbers are plain digits, times are written out, and texts may be in any script but hold nothing invisible that could
make them read differently from what they are.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
)

FROM_FORM: Final = {"sent_as": "form"}  # the validation context in which numbers come as text
MOST_CHARACTERS: Final = 4_000  # two pages: more belongs into the chart of the practice
_YEARS: Final = range(2000, 2101)  # outside of it arithmetic on instants can leave the calendar
# Direction marks that start an embedding or an override: the text behind them reads differently from what is stored.
# Source: Unicode Technical Report 36, section 2.5.2; Boucher and Anderson, "Trojan Source", 2021.
_DIRECTION_CHANGES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_BREAKS_AND_TABS: Final = frozenset("\n\t")


def readable(text: str) -> str:
    """Return the text with plain line ends; refuse control characters and changes of direction."""
    text = text.replace("\r\n", "\n")
    if any(
        (unicodedata.category(sign) == "Cc" and sign not in _LINE_BREAKS_AND_TABS)
        or sign in _DIRECTION_CHANGES
        for sign in text
    ):
        raise ValueError("There are invisible control characters in it. Type the text again.")
    return text


def one_line(text: str) -> str:
    """Return the text; refuse it where it goes over lines or has columns."""
    if not _LINE_BREAKS_AND_TABS.isdisjoint(text):
        raise ValueError("Write it in one line.")
    return text


def written(pattern: str, words: str) -> BeforeValidator:
    """Refuse text of another form before it is read; anything that is not text is left to the type.

    Args:
        pattern: What the whole text has to match.
        words: What the person is told.
    """
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
    AfterValidator(readable),
]
# Words that may be left out.
FewWords = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MOST_CHARACTERS),
    AfterValidator(readable),
]
Ticked = Literal["yes"] | None
YesOrNo = Literal["yes", "no"]
RowVersion = Annotated[
    int,
    _digits(int, "[0-9]{1,9}", "Write a whole number."),
    Field(strict=True, ge=1, le=2**31 - 1),
]
# How long something may wait: a week at most, as alerts.lifecycle.SNOOZE_LIMITS says.
WaitMinutes = Annotated[
    int,
    _digits(int, "[0-9]{1,5}", "Choose one of the list."),
    Field(strict=True, ge=1, le=7 * 24 * 60),
]
# Of a version that was looked at; 0 where there was none.
BasedOn = Annotated[
    int,
    _digits(int, "[0-9]{1,9}", "Write a whole number."),
    Field(strict=True, ge=0, le=2**31 - 1),
]
Seconds = Annotated[
    float,
    _digits(float, r"[0-9]{1,4}(\.[0-9]{1,2})?", "Write a number of seconds like 30 or 0.5."),
    Field(strict=True, ge=0, le=9999),
]
UserSlot = Annotated[
    int,
    _digits(int, "[0-9]{1,3}", "Write the number that the peripheral shows for the user."),
    # Source: Bluetooth GATT Specification Supplement, Blood Pressure Measurement, User ID; 255 is "unknown user".
    Field(strict=True, ge=0, le=254),
]
# Of a ladder's rung; a week at most.
Minutes = Annotated[
    int,
    _digits(int, "[0-9]{1,5}", "Write a whole number of minutes."),
    Field(strict=True, ge=0, le=10_080),
]
# The place of a payer in the order of billing.
Rank = Annotated[
    int,
    _digits(int, "[1-9]", "Write a number from 1 to 9."),
    Field(strict=True, ge=1, le=9),
]
DaysLater = Annotated[
    int,
    _digits(int, "[0-9]{1,2}", "Write a number of days from 0 to 7."),
    Field(strict=True, ge=0, le=7),
]
EveryWeeks = Annotated[
    int,
    _digits(int, "[0-9]{1,2}", "Write a number of weeks from 1 to 26."),
    Field(strict=True, ge=1, le=26),
]
SessionReadings = Annotated[
    int, _digits(int, "[0-9]", "Write a number from 0 to 9."), Field(strict=True, ge=0, le=9)
]
WeekReadings = Annotated[
    int,
    _digits(int, "[0-9]{1,2}", "Write a number from 1 to 50."),
    Field(strict=True, ge=1, le=50),
]
# After which a plan or a medication list is looked at again.
Months = Annotated[
    int,
    _digits(int, "[0-9]{1,2}", "Write a number of months from 1 to 12."),
    Field(strict=True, ge=1, le=12),
]
# Of something in a short list, from 0.
Place = Annotated[
    int, _digits(int, "[0-9]{1,2}", "Choose one of the list."), Field(strict=True, ge=0, le=99)
]
LimitNumber = Annotated[
    float,
    _digits(float, r"[0-9]{1,4}(\.[0-9]{1,2})?", "Write a number like 160 or 160.5."),
    Field(strict=True, gt=0, lt=2000),
]
Instant = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_on_the_calendar)]
LocalDay = Annotated[
    date, written(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", "Write a date like 2026-11-03.")
]
LocalTime = Annotated[time, written(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", "Write a time like 09:30.")]
RequestKey = Annotated[
    str,
    written("[A-Za-z0-9_-]{1,64}", "Write 1 to 64 letters, digits, dashes or underlines."),
]


def local_instant(day: date, wall: time, zone: ZoneInfo) -> datetime | None:
    """Return the instant (aware UTC) at which the zone's clocks showed a time; ``None`` where they skipped it.

    In the hour that autumn repeats it is the first one.
    """
    # In UTC, because the difference of two times in one zone is that of their wall clocks, not what went by.
    at = datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)
    shown = at.astimezone(zone)
    return at if (shown.date(), shown.time()) == (day, wall) else None
