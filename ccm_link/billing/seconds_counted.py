"""Which seconds of the time entries count for which program, and what becomes of every other one. Pure.

Each second of an entry has one fate: it counts, another entry counts it already, it lies outside of the period, or it
is set aside for a named reason. A second counts for one program at most. Where two programs claim it, or one person
worked for two patients at once, it counts for none until a person has decided.

Source:
    CMS, Chronic Care Management frequently asked questions, 2022-08: time of two people at once counts once, time as an
    inpatient does not count. Staff: 42 CFR 410.26(a)(1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from ccm_link.billing import admission, disputes, intervals
from ccm_link.billing.admission import Admission
from ccm_link.billing.facts import (
    LONGEST_ENTRY_S,
    Counterpart,
    Outcome,
    PatientMonth,
    StaffRole,
    Worked,
)
from ccm_link.billing.fates import Fate, SetAside, Share
from ccm_link.billing.intervals import Spans
from ccm_link.billing.rows import Program
from ccm_link.billing.rule_book import InForce, Rules

_ROLES: Final = frozenset({StaffRole.CLINICAL_STAFF, StaffRole.QUALIFIED_PROFESSIONAL})


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts for one program, oldest first.

    Attributes:
        shares: of everybody's work.
        personal: of the qualified professionals' own work alone; the same seconds again, not further ones.
        live: entries with a live interaction of which seconds count.
    """

    shares: tuple[Share, ...]
    personal: tuple[Share, ...]
    live: tuple[UUID, ...]

    @property
    def seconds(self) -> int:
        """Seconds of everybody."""
        return sum(share.seconds for share in self.shares)

    @property
    def personal_seconds(self) -> int:
        """Seconds of the qualified professionals."""
        return sum(share.seconds for share in self.personal)

    def within(self, spans: Spans) -> Counted:
        """Return the part that lies in spans."""
        return Counted(_cut(self.shares, spans), _cut(self.personal, spans), self.live)


NOTHING: Final = Counted((), (), ())


@dataclass(frozen=True, slots=True)
class Account:
    """All seconds of all entries.

    Attributes:
        programs: by name; those without a counted second are left out.
        logged_twice: seconds in which two entries of one person for one program overlap, with the entries.
    """

    programs: Mapping[str, Counted]
    set_aside: tuple[SetAside, ...]
    logged_twice: tuple[tuple[frozenset[UUID], Spans], ...]


def account(
    known: PatientMonth,
    admitted: Mapping[str, Admission],
    rules: Rules,
    windows: Mapping[str, Spans],
    at: datetime,
) -> Account:
    """Give every second of every entry its fate.

    Args:
        known: the patient's month.
        admitted: to which programs the patient is, by name.
        rules: in force in it.
        windows: the period of each program; of a program without one nothing counts.
        at: now, aware.
    """
    fates: list[SetAside] = []
    eligible: list[tuple[Worked, Spans]] = []
    for entry in sorted(known.worked, key=lambda one: (one.started_at, one.ended_at, one.entry_id)):
        whole = intervals.between(entry.started_at, entry.ended_at)
        refusal = _refusal(entry, whole, rules, at)
        if refusal is not None:
            fates.append(SetAside(entry.entry_id, refusal, whole))
            continue
        found = admitted.get(str(entry.program), admission.NONE)
        fates += (SetAside(entry.entry_id, *each) for each in found.refused(whole))
        eligible.append((entry, intervals.common(whole, found.allowed)))
    claims = disputes.claims(eligible)
    free: list[tuple[Worked, Spans]] = []
    for entry, spans in eligible:
        window = windows.get(str(entry.program), intervals.NEVER)
        outside = intervals.without(spans, window)
        fates.append(SetAside(entry.entry_id, Fate.OUTSIDE_PERIOD, outside))
        rest = intervals.common(spans, window)
        for fate, disputed in disputes.disputes(entry, known, claims):
            fates.append(SetAside(entry.entry_id, fate, intervals.common(rest, disputed)))
            rest = intervals.without(rest, disputed)
        free.append((entry, rest))
    counted: dict[str, Counted] = {}
    for program in sorted({str(entry.program) for entry, spans in free if spans}):
        of_program = [(entry, spans) for entry, spans in free if entry.program == program]
        counted[program] = _counted(of_program, rules.find(Program, program))
        fates += _repeated(of_program)
    return Account(
        programs=counted,
        set_aside=tuple(one for one in fates if one.spans or one.fate is Fate.NO_SPAN),
        logged_twice=_logged_twice(free),
    )


def _cut(shares: Sequence[Share], spans: Spans) -> tuple[Share, ...]:
    return tuple(
        Share(part, share.entry_id)
        for share in shares
        for part in intervals.common((share.span,), spans)
    )


def _refusal(entry: Worked, whole: Spans, rules: Rules, at: datetime) -> Fate | None:
    """Return why a whole entry cannot count, whatever is known of the patient."""
    program = rules.find(Program, entry.program) if entry.program is not None else None
    refusals = (
        (entry.is_voided, Fate.VOIDED),
        (not entry.is_approved, Fate.NOT_APPROVED),
        (not whole, Fate.NO_SPAN),
        (intervals.seconds(whole) > LONGEST_ENTRY_S, Fate.TOO_LONG),
        (entry.ended_at > at, Fate.IN_THE_FUTURE),
        (entry.role is StaffRole.UNKNOWN, Fate.UNKNOWN_ROLE),
        (entry.role not in _ROLES, Fate.NOT_CLINICAL),
        (entry.program is None, Fate.NO_PROGRAM),
        (program is None, Fate.UNKNOWN_PROGRAM),
        (program is not None and entry.activity not in program.row.activities, Fate.OTHER_WORK),
    )
    return next((fate for is_so, fate in refusals if is_so), None)


def _counted(found: Sequence[tuple[Worked, Spans]], program: InForce[Program] | None) -> Counted:
    methods = program.row.live_methods if program is not None else ()
    return Counted(
        shares=_shares(found),
        personal=_shares(
            [each for each in found if each[0].role is StaffRole.QUALIFIED_PROFESSIONAL]
        ),
        live=tuple(entry.entry_id for entry, spans in found if spans and _is_live(entry, methods)),
    )


def _is_live(entry: Worked, methods: Collection[str]) -> bool:
    return (
        entry.method in methods
        and entry.outcome is Outcome.REACHED
        and entry.counterpart in {Counterpart.PATIENT, Counterpart.CAREGIVER}
    )


def _shares(found: Sequence[tuple[Worked, Spans]]) -> tuple[Share, ...]:
    """Give each second to the entry that came to it first; oldest first."""
    taken: Spans = ()
    shares: list[Share] = []
    for entry, spans in found:
        shares += (Share(span, entry.entry_id) for span in intervals.without(spans, taken))
        taken = intervals.union((*taken, *spans))
    return tuple(sorted(shares))


def _repeated(found: Sequence[tuple[Worked, Spans]]) -> Iterator[SetAside]:
    taken: Spans = ()
    for entry, spans in found:
        yield SetAside(entry.entry_id, Fate.COUNTED_ALREADY, intervals.common(spans, taken))
        taken = intervals.union((*taken, *spans))


def _logged_twice(
    found: Sequence[tuple[Worked, Spans]],
) -> tuple[tuple[frozenset[UUID], Spans], ...]:
    """Return where one person's entries for one program overlap; neighbours in time are enough to see it."""
    twice = []
    last: dict[tuple[UUID, str | None], tuple[Worked, Spans]] = {}
    for entry, spans in found:
        key = (entry.staff_id, entry.program)
        former, taken = last.get(key, (entry, intervals.NEVER))
        overlap = intervals.common(spans, taken)
        if overlap:
            twice.append((frozenset({former.entry_id, entry.entry_id}), overlap))
        if former is entry or entry.ended_at > former.ended_at:
            last[key] = (entry, spans)
    return tuple(twice)
