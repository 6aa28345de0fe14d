"""Spans of time in words, for people in front of a terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def words(span: timedelta) -> str:
    """Write a span in its largest unit, rounded down: "3 days", "1 hour", "less than a minute".

    A clock that was set back makes spans that never were; they count as nothing.
    """
    seconds = span.total_seconds()
    for unit, length_s in _UNITS:
        count = int(seconds // length_s)
        if count >= 1:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a minute"
