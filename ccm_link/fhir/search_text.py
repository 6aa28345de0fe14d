"""What search parameters say: codes, references, names, days and instants with their prefixes. Pure.

What cannot be understood is refused with words of ours, which never repeat what was sent.

Source: FHIR R4 (4.0.1), Search: prefixes, precision of dates (a day means all of it), “system|code”, alternatives with
commas; a zone that is missing is the one of the patient, or of the practice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_PREFIXES: Final = ("eq", "gt", "ge", "lt", "le", "sa", "eb")
_MOST_ALTERNATIVES: Final = 50
_MOST_CHARACTERS: Final = 200
_YEARS: Final = range(1900, 2200)
_WHEN: Final = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(?P<fraction>\.\d{1,9})?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DATE_WORDS: Final = (
    "a date like 2026-11-03 or 2026-11-03T08:00:00Z, with eq, gt, ge, lt, le, sa or eb before it"
)


class Unusable(ValueError):
    """A parameter's text cannot be used; carries what was expected, never what was sent."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Span:
    """From when until before when; None is no end."""

    from_at: datetime | None
    until_at: datetime | None

    def and_(self, other: Span) -> Span:
        """Return what lies in both."""
        begins = [one for one in (self.from_at, other.from_at) if one is not None]
        ends = [one for one in (self.until_at, other.until_at) if one is not None]
        return Span(max(begins, default=None), min(ends, default=None))

    def holds(self, at: datetime) -> bool:
        """Say whether an instant (aware) lies in it."""
        return (self.from_at is None or at >= self.from_at) and (
            self.until_at is None or at < self.until_at
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A code: its system (None: any, "": none) and the code itself (None: any of the system)."""

    system: str | None
    code: str | None

    def fits(self, system: str, code: str) -> bool:
        """Say whether a coding is meant."""
        return self.system in (None, system) and self.code in (None, code)


def span(text: str, zone: ZoneInfo) -> Span:
    """Return the time that a date parameter means.

    Raises:
        Unusable: It is no date, or has a prefix that is not understood.
    """
    found = _WHEN.fullmatch(text)
    if found is None:
        raise Unusable(f"expected {_DATE_WORDS}")
    prefix = found["prefix"] or "eq"
    if prefix not in _PREFIXES:
        raise Unusable("of the prefixes, eq, gt, ge, lt, le, sa and eb are understood here")
    begins, ends = _meant(found, zone)
    match prefix:
        case "eq":
            return Span(begins, ends)
        case "gt" | "sa":
            return Span(ends, None)
        case "ge":
            return Span(begins, None)
        case "le":
            return Span(None, ends)
        case _:
            return Span(None, begins)


def _meant(found: re.Match[str], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first instant that a date covers and the first behind it."""
    year = int(found["year"])
    if year not in _YEARS:
        raise Unusable("the year is too far away")
    try:
        first = date(year, int(found["month"] or 1), int(found["day"] or 1))
        if found["hour"] is None:
            return _midnight(first, zone), _midnight(_next(first, found), zone)
        fraction = found["fraction"]
        at = datetime(
            first.year,
            first.month,
            first.day,
            int(found["hour"]),
            int(found["minute"]),
            int(found["second"] or 0),
            int((fraction or ".0")[1:7].ljust(6, "0")),
            tzinfo=_zone(found["zone"], zone),
        )
    except ValueError:
        raise Unusable(f"expected {_DATE_WORDS}") from None
    if found["second"] is None:
        step = timedelta(minutes=1)
    else:
        step = timedelta(seconds=1) if fraction is None else _fraction_step(fraction)
    return at.astimezone(UTC), at.astimezone(UTC) + step


def _fraction_step(fraction: str) -> timedelta:
    digits = min(len(fraction) - 1, 6)  # the store knows microseconds
    return timedelta(microseconds=10 ** (6 - digits))


def _zone(text: str | None, otherwise: ZoneInfo) -> tzinfo | None:
    if text is None:
        return otherwise
    return datetime.fromisoformat(f"2000-01-01T00:00:00{text}").tzinfo


def _next(first: date, found: re.Match[str]) -> date:
    if found["day"] is not None:
        return first + timedelta(days=1)
    if found["month"] is not None:
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return date(first.year + 1, 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def alternatives(text: str) -> list[str]:
    """Return what a parameter gives to choose from; a comma that is meant as one has a backslash before it.

    Raises:
        Unusable: There are too many, one is empty, or one is very long.
    """
    found = [re.sub(r"\\(.)", r"\1", one) for one in re.split(r"(?<!\\),", text)]
    if len(found) > _MOST_ALTERNATIVES or any(len(one) > _MOST_CHARACTERS for one in found):
        raise Unusable(f"at most {_MOST_ALTERNATIVES} values of {_MOST_CHARACTERS} characters each")
    if "" in found:
        raise Unusable("expected a value")
    return found


def tokens(text: str) -> list[Token]:
    """Return the codes that a parameter gives to choose from.

    Raises:
        Unusable: As :func:`alternatives`.
    """
    return [_token(one) for one in alternatives(text)]


def _token(text: str) -> Token:
    system, bar, code = text.partition("|")
    if not bar:
        return Token(None, text)
    if not system and not code:
        raise Unusable("expected a code, with its system and | before it if need be")
    return Token(system, code or None)


def ids(text: str) -> list[str]:
    """Return the logical ids that a parameter gives to choose from.

    Raises:
        Unusable: One cannot be an id.
    """
    found = alternatives(text)
    if not all(_ID.fullmatch(one) for one in found):
        raise Unusable("expected ids")
    return found


def referenced(text: str, kind: str) -> str:
    """Return the id in a reference to a resource of a kind: the id alone, or with its kind before it.

    Raises:
        Unusable: It refers to something else, or to another server.
    """
    named, slash, resource_id = text.rpartition("/")
    if slash and named != kind:
        raise Unusable(f"expected one reference like {kind}/ and an id of this server")
    if not _ID.fullmatch(resource_id):
        raise Unusable(f"expected one reference like {kind}/ and an id of this server")
    return resource_id


def days(span: Span) -> tuple[date | None, date | None]:
    """Return a span of whole days in UTC as its first day and the first day after it.

    Raises:
        Unusable: It does not begin or end at midnight: a birthday has no time of day.
    """
    found: list[date | None] = []
    for at in (span.from_at, span.until_at):
        if at is not None and (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
            raise Unusable("expected a date without a time of day, like 1951-03-17")
        found.append(None if at is None else at.date())
    return found[0], found[1]
