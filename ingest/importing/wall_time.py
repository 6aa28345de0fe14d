"""Dates and times as files write them, and the instant that a wall clock means. Pure.

A date is read where its form leaves one meaning: the year first, or the month as a word. Day and month as two numbers
(03/04/2026) are refused until somebody says which comes first; no row is asked whether it could be told from its
neighbours.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from ingest.importing.imported_row import FaultReason, RowRefused

# Meters and cuffs for the home with a memory and an export are not older; an unset clock is.
EARLIEST_YEAR: Final = 2000
_LATEST_YEAR: Final = 2100

_MONTH_WORDS: Final = (
    ("jan", "january", "januar", "jän"),
    ("feb", "february", "februar"),
    ("mar", "march", "märz", "mär"),
    ("apr", "april"),
    ("may", "mai"),
    ("jun", "june", "juni"),
    ("jul", "july", "juli"),
    ("aug", "august"),
    ("sep", "sept", "september"),
    ("oct", "october", "okt", "oktober"),
    ("nov", "november"),
    ("dec", "december", "dez", "dezember"),
)
_MONTHS: Final[Mapping[str, int]] = {
    word: number for number, words in enumerate(_MONTH_WORDS, start=1) for word in words
}
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})", re.ASCII)
_MONTH_WORD_FIRST: Final = re.compile(r"([^\W\d_]{3,9})\.? ([0-9]{1,2}),? ([0-9]{4})")
_DAY_THEN_WORD: Final = re.compile(r"([0-9]{1,2})\.? ([^\W\d_]{3,9})\.?,? ([0-9]{4})")
_TWO_NUMBERS: Final = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_TIME: Final = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?([ap])\.?m\.?)?", re.IGNORECASE | re.ASCII
)
# Source: RFC 3339, section 5.6 (July 2002). Fractions beyond microseconds could not be kept.
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?P<seconds>:[0-9]{2}(?P<fraction>\.[0-9]{1,6})?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)

MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)
EXACT: Final = timedelta(microseconds=1)


class DateOrder(StrEnum):
    """Which of two numbers comes first in 03/04/2026."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


def day(text: str, order: DateOrder | None, name: str) -> date:
    """Read a date whose form has one meaning, or two that ``order`` decides.

    Raises:
        RowRefused: it is none, or it could be two.
    """
    text = text.strip()
    if found := _YEAR_FIRST.fullmatch(text):
        return _date(int(found[1]), int(found[3]), int(found[4]), name)
    if found := _MONTH_WORD_FIRST.fullmatch(text):
        return _date(int(found[3]), _month(found[1], name), int(found[2]), name)
    if found := _DAY_THEN_WORD.fullmatch(text):
        return _date(int(found[3]), _month(found[2], name), int(found[1]), name)
    if found := _TWO_NUMBERS.fullmatch(text):
        if order is None:
            words = "day and month cannot be told apart; say which comes first with --date-order"
            raise RowRefused(FaultReason.AMBIGUOUS_DATE, words, name)
        first, second = int(found[1]), int(found[3])
        numbers = (second, first) if order is DateOrder.DAY_FIRST else (first, second)
        return _date(int(found[4]), *numbers, name)
    raise _no_date(name)


def clock(text: str, name: str) -> tuple[time, timedelta]:
    """Read a time of day, of 24 hours or with am and pm; return it with what it is exact to.

    Raises:
        RowRefused: it is none.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise _no_time(name)
    hour, half = int(found[1]), (found[4] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise _no_time(name)
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, int(found[2]), int(found[3] or 0)), SECOND if found[3] else MINUTE
    except ValueError:
        raise _no_time(name) from None


def rfc_3339(text: str, name: str) -> tuple[datetime, timedelta]:
    """Read date and time of RFC 3339; return them, naive without a zone, with what they are exact to.

    Raises:
        RowRefused: it is anything else.
    """
    text = text.strip()
    found = _RFC_3339.fullmatch(text)
    try:
        at = None if found is None else datetime.fromisoformat(text.upper())
    except ValueError:
        at = None
    if found is None or at is None:
        words = "expected a time like 2026-03-05T07:30:00-05:00 (RFC 3339)"
        raise RowRefused(FaultReason.BAD_TIME, words, name)
    _check_year(at.year, name)
    if found["fraction"]:
        return at, EXACT
    return at, SECOND if found["seconds"] else MINUTE


def zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return a zone by its IANA name, or None for a name that the tz database does not have."""
    return _zone(name) if re.fullmatch(r"[A-Za-z0-9_+/-]{1,64}", name) else None


def instant(wall_clock: datetime, its_zone: zoneinfo.ZoneInfo) -> tuple[datetime, bool]:
    """Return the instant (aware UTC) that a wall clock means, and whether that is certain.

    In the hour that the end of summer time repeats, the first of both instants is taken; in the hour that its
    beginning skips, the wall clock is read as if it had not been changed yet. Both are uncertain.
    """
    first, second = (
        wall_clock.replace(tzinfo=its_zone, fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    return first, first == second


@functools.lru_cache(maxsize=256)
def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of the database
        return None


def _month(word: str, name: str) -> int:
    number = _MONTHS.get(word.lower())
    if number is None:
        raise _no_date(name)
    return number


def _date(year: int, month: int, day_of_month: int, name: str) -> date:
    _check_year(year, name)
    try:
        return date(year, month, day_of_month)
    except ValueError:
        raise _no_date(name) from None


def _check_year(year: int, name: str) -> None:
    if not EARLIEST_YEAR <= year <= _LATEST_YEAR:
        words = f"expected a year from {EARLIEST_YEAR}; the clock may never have been set"
        raise RowRefused(FaultReason.BAD_TIME, words, name)


def _no_date(name: str) -> RowRefused:
    words = "expected a date like 2026-03-05 or Mar 5 2026"
    return RowRefused(FaultReason.BAD_TIME, words, name)


def _no_time(name: str) -> RowRefused:
    return RowRefused(FaultReason.BAD_TIME, "expected a time of day like 07:30 or 07:30 am", name)
