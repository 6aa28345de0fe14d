"""How the console says what a month may be billed as: fates of seconds, holds, claims. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ccm_link.billing import words
from ccm_link.billing.device_days import NotCounted
from ccm_link.billing.fates import Fate
from ccm_link.billing.proposal import BlockCount, Missing, Proposal, Why
from ccm_link.billing.rows import Certainty, Program
from ccm_link.billing.rule_book import Rules
from ccm_link.claim.claim_records import ClaimLine
from ccm_link.claim.claim_states import ClaimState
from ccm_link.claim.month_states import Reached
from ccm_link.claim_files.contents import Format

FIELDS: Final = {
    "started_on": "First day of monitoring",
    "set_up_billed": "Was the set-up billed before?",
    "end-monitoring-ended_on": "Last day of monitoring",
    "diagnoses": "Diagnoses, the one that matters most first",
    "vouched": "Attestation",
    "reference": "Reference of the payer",
    "denial_codes": "Denial codes",
    "paid": "Amount paid, in dollars",
    "remark": "Remark",
    "site": "Kind of site",
    "prefers_personal": "Bill the practitioner’s own minutes where they reach a code of their own",
    "legal_name": "Legal name",
    "npi": "National Provider Identifier",
    "tax_number": "Tax number (EIN)",
    "zip_code": "ZIP code with its last four digits",
    "place_of_service": "Place of service",
    "contact_name": "Contact for claims",
    "contact_phone": "Phone of the contact",
    "names-staff_id": "Practitioner",
    "names-family_name": "Family name",
    "names-given_names": "Given names",
    "file_format": "Kind of file",
    "leave_out": "Incomplete claims",
    "again": "Claims that are in a file already",
    "submitter_id": "Your number at the receiver",
    "receiver_id": "Number of the receiver",
    "receiver_name": "Name of the receiver",
}

FATES: Final[Mapping[Fate, str]] = {
    Fate.NO_SPAN: "no span of time at all",
    Fate.TOO_LONG: "longer than a working day",
    Fate.IN_THE_FUTURE: "in the future",
    Fate.VOIDED: "voided",
    Fate.NOT_APPROVED: "not approved yet",
    Fate.NO_PROGRAM: "for no program",
    Fate.UNKNOWN_PROGRAM: "for a program without rules in this month",
    Fate.NOT_CLINICAL: "not by clinical staff",
    Fate.UNKNOWN_ROLE: "by somebody whose role then is not known",
    Fate.OTHER_WORK: "work that does not count for the program",
    Fate.NOT_ENROLLED: "outside of the enrolment",
    Fate.NO_CONSENT: "before a consent was documented",
    Fate.AFTER_REVOCATION: "after the consent was taken back",
    Fate.AFTER_DEATH: "after the patient’s death",
    Fate.INPATIENT: "while the patient was an inpatient",
    Fate.OUTSIDE_PERIOD: "in another month or block",
    Fate.TWO_PROGRAMS: "claimed by two programs: somebody has to decide",
    Fate.TWO_PATIENTS: "worked for two patients at once: somebody has to decide",
    Fate.DECIDED_AGAINST: "decided in favor of another entry",
    Fate.COUNTED_ALREADY: "counted by another entry already",
}

NOT_COUNTED: Final[Mapping[str, str]] = {
    NotCounted.BY_HAND: "typed by hand",
    NotCounted.IMPORTED: "imported",
    NotCounted.UNKNOWN_ORIGIN: "of unknown origin",
    NotCounted.UNKNOWN_TIME: "without a known time",
    NotCounted.IN_THE_FUTURE: "with a time in the future",
    NotCounted.OUTSIDE_EPISODE: "outside of the episode",
    NotCounted.NOT_ADMITTED: "before enrolment or consent",
}

WHYS: Final[Mapping[Why, str]] = {
    Why.CONSENT: "Consent",
    Why.REQUIREMENT: "Requirement",
    Why.BLOCKER: "Billed beside it",
    Why.EXCLUSION: "Two programs",
    Why.SITE: "Kind of site",
    Why.COVERAGE: "Coverage",
    Why.CONFLICT: "Conflict",
    Why.BAD_ENTRY: "Time entry",
    Why.UNSURE_RULE: "Rule that is not sure",
    Why.UNKNOWN_RULE: "No rule known",
    Why.CAP: "Cap",
    Why.CHOICE: "Choice",
    Why.SET_UP: "Set-up",
    Why.YEAR_CROSSED: "Turn of the year",
}

CERTAINTIES: Final[Mapping[str, str]] = {
    Certainty.PRIMARY: "read in the rule-maker’s own text",
    Certainty.SEVERAL: "several guides agree",
    Certainty.ONE: "one guide only",
    Certainty.CONTRADICTORY: "guides contradict each other",
    Certainty.UNCONFIRMED: "not confirmed",
    Certainty.UNKNOWN: "not known",
}

STATES: Final[Mapping[ClaimState, str]] = {
    ClaimState.PROPOSED: "Proposed",
    ClaimState.ATTESTED: "Attested",
    ClaimState.EXPORTED: "In a file",
    ClaimState.SUBMITTED: "Submitted by the practice",
    ClaimState.PAID: "Paid",
    ClaimState.DENIED: "Denied",
    ClaimState.CORRECTED: "Corrected by another claim",
    ClaimState.VOID: "Void",
}

FORMATS: Final[Mapping[Format, str]] = {
    Format.CSV: "Table (CSV)",
    Format.FHIR: "FHIR Claim and ChargeItem",
    Format.X12: "X12 837P, draft",
}


@dataclass(frozen=True, slots=True)
class Meter:
    """How far a program's time is towards the next code, of which it says how far that is.

    Attributes:
        title: of the program.
        seconds: that count.
        next_code: None where no further one can be reached.
        goal_s: seconds at which it would be reached.
        words: what is missing.
    """

    title: str
    seconds: int
    next_code: str | None
    goal_s: int
    words: str


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of a block; ``readings`` is how many of it count."""

    day: date
    readings: int
    is_to_come: bool


duration = words.duration


def meters(proposal: Proposal, programs: Iterable[str], rules: Rules) -> list[Meter]:
    """Return a meter for each program that counts time and that the patient is in."""
    return [_meter(proposal, name, rules) for name in dict.fromkeys(programs)]


def _meter(proposal: Proposal, name: str, rules: Rules) -> Meter:
    program = rules.find(Program, name)
    counted = proposal.counted.get(name)
    seconds = counted.seconds if counted else 0
    by_time = [one for one in proposal.missing if one.program == name and not one.days]
    nearest = next((one for one in by_time if one.can_be_reached), None)
    reached = [line for line in proposal.proposed if line.program == name]
    reached += [line for line in proposal.held if line.program == name]
    said = ", ".join(f"{line.code} × {line.count}" for line in reached) or "no code yet"
    return Meter(
        title=program.row.title if program else name,
        seconds=seconds,
        next_code=nearest.code if nearest else None,
        goal_s=seconds + nearest.seconds if nearest else max(seconds, 1),
        words=f"Reached: {said}. " + _ahead(nearest, by_time),
    )


def _ahead(nearest: Missing | None, by_time: list[Missing]) -> str:
    if nearest is not None:
        return f"For {nearest.code}: {nearest.words}."
    if by_time:
        return f"{by_time[0].code} cannot be reached any more."
    return "Nothing further can be reached with time."


def calendar(found: BlockCount, today: date) -> Iterator[CalendarDay]:
    """Yield the 30 days of a block."""
    by_day = {one.day: len(one.reading_ids) for one in found.days}
    day = found.block.first_on
    while day <= found.block.last_on:
        yield CalendarDay(day, by_day.get(day, 0), day > today)
        day += timedelta(days=1)


def dollars(cents: int) -> str:
    """Return whole cents as dollars.

    Example:
        >>> dollars(123456)
        '$1,234.56'
    """
    return f"${cents // 100:,}.{cents % 100:02}"


def of_lines(lines: Iterable[ClaimLine]) -> str:
    """Return the codes of a claim's lines with their units."""
    return reached((line.code, line.units) for line in lines)


def of_reached(codes: Iterable[Reached]) -> str:
    """Return what a row of a list has reached."""
    return reached((one.code, one.units) for one in codes)


def distance(seconds: int, days: int) -> str:
    """Return what a code still takes: "4 min 10 s", "3 days"."""
    parts = ([words.duration(seconds)] if seconds else []) + (
        [words.counted(days, "day")] if days else []
    )
    return " and ".join(parts) or "its other requirements"


def reached(codes: Iterable[tuple[str, int]]) -> str:
    """Return codes with their units: "99490, 99439 × 2"."""
    return ", ".join(code if units == 1 else f"{code} × {units}" for code, units in codes)
