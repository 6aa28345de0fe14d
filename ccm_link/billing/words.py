"""Durations, days and what is missing, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ccm_link import local_days

_MINUTE_S = 60


def duration(seconds: int) -> str:
    """Say seconds in minutes and seconds, exactly: nothing is rounded.

    Example:
        >>> duration(250), duration(3600), duration(59)
        ('4 min 10 s', '60 min', '59 s')
    """
    minutes, rest = divmod(seconds, _MINUTE_S)
    parts = ([f"{minutes} min"] if minutes else []) + ([f"{rest} s"] if rest or not minutes else [])
    return " ".join(parts)


def counted(number: int, one: str) -> str:
    """Say a number of things.

    Example:
        >>> counted(1, "day"), counted(3, "day")
        ('1 day', '3 days')
    """
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def missing_seconds(
    seconds: int, needs: Sequence[str], by_on: date, *, is_over: bool, can_be_reached: bool
) -> str:
    """Say what is missing for a code of minutes.

    Args:
        seconds: still to be worked.
        needs: titles of requirements that are not there.
        by_on: the last day that counts.
        is_over: whether that day is over.
        can_be_reached: whether time enough is left.

    Example:
        >>> missing_seconds(250, [], date(2026, 11, 30), is_over=False, can_be_reached=True)
        '4 min 10 s by 30 November'
    """
    parts = ([duration(seconds)] if seconds else []) + list(needs)
    return _with_end(" and ".join(parts), by_on, is_over=is_over, can_be_reached=can_be_reached)


def missing_days(
    days: int, needs: Sequence[str], by_on: date, *, is_over: bool, can_be_reached: bool
) -> str:
    """Say what is missing for a code of days.

    Example:
        >>> missing_days(3, [], date(2026, 11, 27), is_over=False, can_be_reached=False)
        'needs 3 more days by 27 November, cannot be reached'
    """
    parts = ([counted(days, "more day")] if days else []) + list(needs)
    text = _with_end(" and ".join(parts), by_on, is_over=is_over, can_be_reached=can_be_reached)
    return text if is_over else f"needs {text}"


def _with_end(what: str, by_on: date, *, is_over: bool, can_be_reached: bool) -> str:
    day = local_days.in_full_words(by_on)
    if is_over:
        return f"{what} missing when the period ended on {day}"
    return f"{what} by {day}" + ("" if can_be_reached else ", cannot be reached")
