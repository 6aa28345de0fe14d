"""Spans of time in whole seconds: union, common part, rest and measure, exact over clock changes. Pure.

A span holds its first second and not its last instant, so neighbours touch without sharing a second. Instants are
counted in elapsed seconds of UTC: an hour that the clocks repeat or skip is as long as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_FAR_S: Final = 2**40


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The seconds [from_s, until_s), counted from 1970-01-01T00:00Z.

    Raises:
        ValueError: It would not hold a single second.
    """

    from_s: int
    until_s: int

    def __post_init__(self) -> None:
        if self.from_s >= self.until_s:
            raise ValueError("a span lasts at least a second")

    @property
    def seconds(self) -> int:
        """Elapsed seconds."""
        return self.until_s - self.from_s

    @property
    def from_at(self) -> datetime:
        """Its first instant, aware UTC."""
        return _EPOCH + self.from_s * _SECOND

    @property
    def until_at(self) -> datetime:
        """The instant at which it is over, aware UTC."""
        return _EPOCH + self.until_s * _SECOND

    @property
    def last_at(self) -> datetime:
        """The instant at which its last second begins, aware UTC; a span until midnight is of the day before it."""
        return _EPOCH + (self.until_s - 1) * _SECOND


Spans = tuple[Span, ...]
"""Spans as the functions here return them: in order, none touching the next, so each set of seconds has one form."""

NEVER: Final[Spans] = ()
ALWAYS: Final[Spans] = (Span(-_FAR_S, _FAR_S),)


def second_of(at: datetime) -> int:
    """Return the second that an aware instant lies in, from 1970 on."""
    return (at - _EPOCH) // _SECOND


def between(from_at: datetime, until_at: datetime) -> Spans:
    """Return the seconds between two aware instants, each cut to its second; none if the second is not behind."""
    from_s, until_s = second_of(from_at), second_of(until_at)
    return (Span(from_s, until_s),) if from_s < until_s else NEVER


def before(at: datetime) -> Spans:
    """Return every second before the one that an aware instant lies in."""
    return (Span(-_FAR_S, second_of(at)),)


def since(at: datetime) -> Spans:
    """Return every second from the one on that an aware instant lies in."""
    return (Span(second_of(at), _FAR_S),)


def union(spans: Iterable[Span]) -> Spans:
    """Return the seconds that at least one span holds.

    Example:
        >>> union([Span(30, 40), Span(0, 10), Span(5, 20), Span(20, 25)])
        (Span(from_s=0, until_s=25), Span(from_s=30, until_s=40))
    """
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.from_s <= found[-1].until_s:
            if span.until_s > found[-1].until_s:
                found[-1] = Span(found[-1].from_s, span.until_s)
        else:
            found.append(span)
    return tuple(found)


def common(some: Spans, others: Spans) -> Spans:
    """Return the seconds that both hold.

    Example:
        >>> common((Span(0, 10), Span(20, 30)), (Span(5, 25),))
        (Span(from_s=5, until_s=10), Span(from_s=20, until_s=25))
    """
    found: list[Span] = []
    mine = theirs = 0
    while mine < len(some) and theirs < len(others):
        one, other = some[mine], others[theirs]
        from_s, until_s = max(one.from_s, other.from_s), min(one.until_s, other.until_s)
        if from_s < until_s:
            found.append(Span(from_s, until_s))
        if one.until_s < other.until_s:
            mine += 1
        else:
            theirs += 1
    return tuple(found)


def without(some: Spans, others: Spans) -> Spans:
    """Return the seconds that the first hold and the second do not.

    Example:
        >>> without((Span(0, 10), Span(20, 30)), (Span(5, 25),))
        (Span(from_s=0, until_s=5), Span(from_s=25, until_s=30))
    """
    found: list[Span] = []
    theirs = 0
    for span in some:
        from_s = span.from_s
        while theirs < len(others) and others[theirs].until_s <= from_s:
            theirs += 1
        for other in others[theirs:]:
            if other.from_s >= span.until_s:
                break
            if from_s < other.from_s:
                found.append(Span(from_s, other.from_s))
            from_s = max(from_s, other.until_s)
        if from_s < span.until_s:
            found.append(Span(from_s, span.until_s))
    return tuple(found)


def seconds(spans: Spans) -> int:
    """Count the seconds of spans that share none."""
    return sum(span.seconds for span in spans)
