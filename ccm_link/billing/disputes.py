"""Seconds that two programs claim, or that one person worked for two patients at once: held until one decides. Pure.

A second counts for one program at most, and a person is in one place. A decision gives a span to one entry; two that
give the same second away twice leave it held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ccm_link.billing import intervals
from ccm_link.billing.facts import PatientMonth, Worked
from ccm_link.billing.fates import Fate
from ccm_link.billing.intervals import Span, Spans


@dataclass(frozen=True, slots=True)
class Claims:
    """Who claims which seconds, before anything is decided.

    Attributes:
        by_entry: entries with the seconds of them that could count.
        against: what the other programs claim, by program.
    """

    by_entry: Mapping[UUID, tuple[Worked, Spans]]
    against: Mapping[str, Spans]


def claims(eligible: Sequence[tuple[Worked, Spans]]) -> Claims:
    """Return who claims what, of entries with the seconds of them that could count."""
    return Claims(
        by_entry={entry.entry_id: (entry, spans) for entry, spans in eligible},
        against={
            program: intervals.union(
                span for entry, spans in eligible if entry.program != program for span in spans
            )
            for program in {str(entry.program) for entry, _ in eligible}
        },
    )


def disputes(
    entry: Worked, known: PatientMonth, claimed_by: Claims
) -> Iterator[tuple[Fate, Spans]]:
    """Yield the seconds that an entry's rivals claim too, unless a person gave them to the entry alone."""
    elsewhere = {
        one.entry_id: intervals.between(one.started_at, one.ended_at)
        for one in known.elsewhere
        if one.staff_id == entry.staff_id
    }
    other_patients = intervals.union(span for spans in elsewhere.values() for span in spans)
    other_programs = claimed_by.against[str(entry.program)]
    if not other_programs and not other_patients:
        return
    won: list[Span] = []
    lost: list[Span] = []
    for decision in known.decisions:
        decided = intervals.between(decision.from_at, decision.until_at)
        rival, claimed = claimed_by.by_entry.get(decision.entry_id, (None, intervals.NEVER))
        if decision.entry_id == entry.entry_id:
            won += decided
        elif rival is not None and rival.program != entry.program:
            lost += intervals.common(decided, claimed)
        else:
            lost += intervals.common(decided, elsewhere.get(decision.entry_id, intervals.NEVER))
    against = intervals.without(intervals.union(lost), intervals.union(won))
    given = intervals.without(intervals.union(won), intervals.union(lost))
    disputed = intervals.union((*other_programs, *other_patients))
    yield Fate.DECIDED_AGAINST, intervals.common(disputed, against)
    yield Fate.TWO_PROGRAMS, intervals.without(other_programs, given)
    yield Fate.TWO_PATIENTS, intervals.without(other_patients, given)
