"""What becomes of each second of a time entry: it counts as a share, or it is set aside for a named reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from ccm_link.billing import intervals
from ccm_link.billing.intervals import Span, Spans


class Fate(StrEnum):
    """Why seconds do not count, or not here."""

    NO_SPAN = "no_span"  # the entry ends before it began, or lasts no second
    TOO_LONG = "too_long"
    IN_THE_FUTURE = "in_the_future"
    VOIDED = "voided"
    NOT_APPROVED = "not_approved"  # another person has not approved it yet
    NO_PROGRAM = "no_program"
    UNKNOWN_PROGRAM = "unknown_program"
    NOT_CLINICAL = "not_clinical"
    UNKNOWN_ROLE = "unknown_role"
    OTHER_WORK = "other_work"  # the activity does not count for the program
    NOT_ENROLLED = "not_enrolled"
    NO_CONSENT = "no_consent"
    AFTER_REVOCATION = "after_revocation"
    AFTER_DEATH = "after_death"
    INPATIENT = "inpatient"
    OUTSIDE_PERIOD = "outside_period"
    TWO_PROGRAMS = "two_programs"  # held until a person decides
    TWO_PATIENTS = "two_patients"  # held until a person decides
    DECIDED_AGAINST = "decided_against"
    COUNTED_ALREADY = "counted_already"


HELD: Final = frozenset({Fate.TWO_PROGRAMS, Fate.TWO_PATIENTS})


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """Seconds of one entry, none of which any other share of the same kind holds."""

    span: Span
    entry_id: UUID

    @property
    def seconds(self) -> int:
        """Elapsed seconds."""
        return self.span.seconds


@dataclass(frozen=True, slots=True)
class SetAside:
    """Seconds of an entry that do not count; 0 where the entry is no span at all."""

    entry_id: UUID
    fate: Fate
    spans: Spans

    @property
    def seconds(self) -> int:
        """Elapsed seconds."""
        return intervals.seconds(self.spans)


def pieces(shares: Sequence[Share], sizes_s: Sequence[int]) -> tuple[tuple[Share, ...], ...]:
    """Cut shares into pieces of so many seconds, from the first second on.

    Raises:
        ValueError: There are not so many seconds.
    """
    rest = list(reversed(shares))
    found: list[tuple[Share, ...]] = []
    for size_s in sizes_s:
        piece: list[Share] = []
        open_s = size_s
        while open_s:
            if not rest:
                raise ValueError("fewer seconds than the pieces need")
            share = rest.pop()
            if share.seconds > open_s:
                middle_s = share.span.from_s + open_s
                rest.append(Share(Span(middle_s, share.span.until_s), share.entry_id))
                share = Share(Span(share.span.from_s, middle_s), share.entry_id)
            piece.append(share)
            open_s -= share.seconds
        found.append(tuple(piece))
    return tuple(found)
