"""How the console speaks of time: programs, contacts, who somebody was, what waits, what was dropped. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ccm_link.billing.facts import StaffRole
from ccm_link.minutes import credentials
from ccm_link.minutes.contact import Contact, Counterpart, Method, Outcome
from ccm_link.minutes.credentials import Credential
from ccm_link.minutes.time_decisions import Kind
from ccm_link.minutes.time_entry import Entered, TimeEntry
from ccm_link.minutes.time_programs import NONE
from ccm_link.work import Activity

_METHODS: Final[Mapping[Method, str]] = {
    Method.PHONE: "By phone",
    Method.VIDEO: "By video",
    Method.IN_PERSON: "In person",
    Method.PORTAL_MESSAGE: "Portal message",
    Method.TEXT_MESSAGE: "Text message",
    Method.LETTER: "Letter",
    Method.CHART_WORK: "No contact: work in the chart",
    Method.UNKNOWN: "Not said",
}
_COUNTERPARTS: Final[Mapping[Counterpart, str]] = {
    Counterpart.PATIENT: "the patient",
    Counterpart.CAREGIVER: "a caregiver",
    Counterpart.PROVIDER: "another provider",
    Counterpart.PHARMACY: "a pharmacy",
    Counterpart.AGENCY: "an agency",
    Counterpart.NOBODY: "nobody",
    Counterpart.UNKNOWN: "not said",
}
_OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.REACHED: "reached",
    Outcome.VOICEMAIL: "voicemail",
    Outcome.NO_ANSWER: "no answer",
    Outcome.WRONG_NUMBER: "wrong number",
    Outcome.NOT_A_CONTACT: "no contact",
    Outcome.UNKNOWN: "not said",
}
_ROLES: Final[Mapping[StaffRole, str]] = {
    StaffRole.CLINICAL_STAFF: "clinical staff",
    StaffRole.QUALIFIED_PROFESSIONAL: "qualified professional",
    StaffRole.NON_CLINICAL: "not clinical",
    StaffRole.UNATTENDED: "a program without a person",
    StaffRole.UNKNOWN: "role not recorded",
}
_ENTERED: Final[Mapping[Entered, str]] = {
    Entered.TIMER: "By timer",
    Entered.BY_HAND: "By hand",
    Entered.AUTOMATIC: "Automatically",
    Entered.EXTERNAL: "Reported by another system",
}
_KINDS: Final[Mapping[Kind, str]] = {
    Kind.TWO_PROGRAMS: "One patient, two programs",
    Kind.TWO_PATIENTS: "One person, two patients",
}
NOT_SAID: Final = ("unknown", "Not said")

FIELDS: Final = {
    "billing_role": "Role for billing",
    "by_hand_needs_approval": "Time entered by hand",
    "counterpart": "With whom",
    "credential": "Credential",
    "credential-from_on": "From the day",
    "employer": "Employed by",
    "exclusion_checked_on": "Checked against the exclusion lists on",
    "may_bill": "Bills in their own name",
    "method": "How contact was made",
    "month": "Month",
    "npi": "National Provider Identifier",
    "outcome": "What came of it",
    "program": "For which program",
    "supervisor_staff_id": "Supervised by",
    "verdict-note": "Why",
    "winner_id": "Which of the two counts",
}


def contact(of: Contact) -> str:
    """Return how contact was made: "By phone, the patient, reached"."""
    if of.method in {Method.CHART_WORK, Method.UNKNOWN}:
        return _METHODS[of.method]
    return f"{_METHODS[of.method]}, {_COUNTERPARTS[of.counterpart]}, {_OUTCOMES[of.outcome]}"


def role(of: StaffRole) -> str:
    """Return what somebody was for billing."""
    return _ROLES[of]


def credential(of: str) -> str:
    """Return what somebody is trained as, "" where it is not known."""
    return "" if of == "unknown" else credentials.NAMES[Credential(of)]


def entered(of: Entered) -> str:
    """Return how an entry came to be."""
    return _ENTERED[of]


def kind(of: Kind) -> str:
    """Return what two entries cannot both have."""
    return _KINDS[of]


def approval(of: TimeEntry) -> str:
    """Return how an entry stands with those who approve; "" where it needs nobody."""
    if not of.needs_approval or of.voided_at is not None:
        return ""
    if of.is_approved is None:
        return "Waits for approval"
    return "Approved" if of.is_approved else "Refused"


def program(of: str | None, titles: Mapping[str, str]) -> str:
    """Return for which program time is."""
    return "No program" if of is None else titles.get(of, of)


# What forms offer.


def activities() -> list[tuple[str, str]]:
    """Return all kinds of work."""
    return [(one.value, one.value.replace("_", " ").capitalize()) for one in Activity]


def methods() -> list[tuple[str, str]]:
    """Return the ways of contact, the one that says nothing first."""
    return [NOT_SAID, *_without(_METHODS.items(), Method.UNKNOWN)]


def counterparts() -> list[tuple[str, str]]:
    """Return with whom contact can be."""
    return [NOT_SAID, *_without(_COUNTERPARTS.items(), Counterpart.UNKNOWN)]


def outcomes() -> list[tuple[str, str]]:
    """Return what can come of a contact."""
    return [NOT_SAID, *_without(_OUTCOMES.items(), Outcome.UNKNOWN)]


def programs(offered: Iterable[str], titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the programs to choose from: those of the patient first, then the others, then none."""
    own = list(offered)
    named = {name: titles.get(name, name.replace("_", " ")) for name in (*own, *titles)}
    return [*named.items(), (NONE, "No program")]


def roles() -> list[tuple[str, str]]:
    """Return what a person can be for billing."""
    return [(one.value, _ROLES[one].capitalize()) for one in credentials.ROLES]


def _without(
    items: Iterable[tuple[Method | Counterpart | Outcome, str]],
    left_out: Method | Counterpart | Outcome,
) -> list[tuple[str, str]]:
    return [(one.value, words[0].upper() + words[1:]) for one, words in items if one != left_out]
