"""How the console speaks of programs: labels, closed lists, confirmations. Pure; no colour, no markup."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ccm_link.billing.facts import By
from ccm_link.billing.rows import Program
from ccm_link.billing.rule_book import Rules
from ccm_link.program import consent_script, requirements
from ccm_link.program.care_team import TeamRole
from ccm_link.program.consents import GivenBy, Method
from ccm_link.program.eligibility import Verdict
from ccm_link.program.enrolment_states import CloseReason, Event, State
from ccm_link.program.outreach import Method as TryMethod
from ccm_link.program.outreach import Outcome, SpokeWith
from ccm_link.program.practitioner_visits import Answer, Kind

_ELEMENTS: Final[Mapping[str, str]] = {
    one.name: one.title for script in consent_script.shipped().values() for one in script.elements
}
FIELDS: Final = {
    **{f"told_{name}": title for name, title in _ELEMENTS.items()},
    **{f"words_{name}": title for name, title in _ELEMENTS.items()},
    "program": "Program",
    "identify-reason": "Why it would suit the patient",
    "happened_on": "On the day",
    "happened_time": "At the time",
    "try_method": "How",
    "outcome": "What came of it",
    "spoke_with": "Who was reached",
    "try_note": "What was said",
    "next_on": "Try again on the day",
    "next_time": "Try again at",
    "biller_id": "Who bills the program",
    "consent_method": "How the patient agreed",
    "given_by": "Who agreed",
    "carer": "Who agreed for the patient, and why they may",
    "witness": "Witness",
    "evidence": "Where it is documented",
    "to_state": "Next step",
    "close_reason": "Why it ends",
    "close_on": "Last day",
    "close_words": "In your own words",
    "requirement": "What is there",
    "is_met": "Is it there?",
    "basis": "What that rests on",
    "practitioner_id": "Practitioner",
    "visited_on": "Day of the visit",
    "visit_kind": "Kind of visit",
    "was_discussed": "Care management was talked about",
    "what": "What is billed or agreed on",
    "by_whom": "By whom",
    "beside-source": "Where it is known from",
    "care-manager-staff_id": "Care manager",
    "colleague-staff_id": "Colleague",
    "colleague_role": "As what",
    "outside_role": "As what",
    "outside_name": "Name",
    "organisation": "Practice, pharmacy, agency",
    "phone": "Telephone",
    "outside-note": "What they do for the patient",
    "called_on": "Day of the call",
    "called_time": "Time of the call",
    "call_record": "Record number of the patient",
    "caller": "Who called",
    "answered_by": "Who answered",
    "answered_on": "Answered on the day",
    "answered_time": "Answered at",
    "said": "What it was about, and what was done",
    "line-phone": "Number that patients call at any hour",
}

# Within a sentence; the tables have titles, and a site may add programs to them.
NAMES: Final[Mapping[str, str]] = {
    "ccm": "chronic care management",
    "pcm": "principal care management",
    "rpm": "remote physiologic monitoring",
    "data_review": "interpretation of data",
}
STATES: Final[Mapping[State, str]] = {
    State.IDENTIFIED: "Identified",
    State.CONTACTED: "Contacted",
    State.CONSENTED: "Consented",
    State.PLANNED: "Planned",
    State.ACTIVE: "Active",
    State.CLOSED: "Closed",
}
NEXT: Final[Mapping[State, str]] = {
    State.IDENTIFIED: "Reach the patient",
    State.CONTACTED: "Take the consent",
    State.CONSENTED: "Write and sign the care plan, then begin",
    State.PLANNED: "Complete what is missing, then begin",
    State.ACTIVE: "Nothing: the patient is in the program",
    State.CLOSED: "Nothing: it is closed",
}
CLOSE_REASONS: Final[Mapping[CloseReason, str]] = {
    CloseReason.DECLINED: "The patient does not want it",
    CloseReason.OPTED_OUT: "The patient took the consent back",
    CloseReason.DECEASED: "The patient died",
    CloseReason.TRANSFERRED: "The patient is cared for elsewhere",
    CloseReason.NO_LONGER_ELIGIBLE: "The program does not suit any more",
    CloseReason.MOVED_PROGRAM: "The patient changes to another program",
    CloseReason.OTHER: "Something else",
}
EVENTS: Final[Mapping[Event, str]] = {
    Event.IDENTIFIED: "identified the patient",
    Event.CONTACTED: "reached the patient",
    Event.CONSENTED: "took the consent",
    Event.PLANNED: "found the plan in force",
    Event.ACTIVATED: "began the program",
    Event.CLOSED: "closed it",
    Event.PRACTITIONER_SET: "set the billing practitioner",
    Event.CONSENT_RENEWED: "took the consent anew",
    Event.CARRIED_OVER: "carried it over from elsewhere",
}
METHODS: Final[Mapping[TryMethod, str]] = {
    TryMethod.PHONE: "Phone call",
    TryMethod.VIDEO: "Video call",
    TryMethod.IN_PERSON: "In person",
    TryMethod.PORTAL_MESSAGE: "Message in the portal",
    TryMethod.TEXT_MESSAGE: "Text message",
    TryMethod.LETTER: "Letter",
}
OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.REACHED: "Reached",
    Outcome.VOICEMAIL: "Voicemail",
    Outcome.NO_ANSWER: "No answer",
    Outcome.BUSY: "Busy",
    Outcome.WRONG_NUMBER: "Wrong number",
    Outcome.LEFT_WITH_SOMEBODY: "Left word with somebody",
    Outcome.SENT: "Sent",
}
SPOKE_WITH: Final[Mapping[SpokeWith, str]] = {
    SpokeWith.PATIENT: "The patient",
    SpokeWith.CAREGIVER: "A carer",
}
CONSENT_METHODS: Final[Mapping[Method, str]] = {
    Method.VERBAL: "In words",
    Method.WRITTEN: "In writing",
    Method.ELECTRONIC: "Electronically",
    Method.NOT_RECORDED: "Not recorded here",
}
GIVEN_BY: Final[Mapping[GivenBy, str]] = {
    GivenBy.PATIENT: "The patient",
    GivenBy.CARER: "Somebody who may decide for the patient",
    GivenBy.NOT_RECORDED: "not recorded here by whom",
}
VISITS: Final[Mapping[Kind, str]] = {
    Kind.EVALUATION: "Evaluation visit",
    Kind.ANNUAL_WELLNESS: "Annual wellness visit",
    Kind.INITIAL_PREVENTIVE: "Initial preventive examination",
    Kind.TRANSITIONAL_CARE: "Transitional care visit",
    Kind.OTHER: "Another visit",
}
BY_WHOM: Final[Mapping[By, str]] = {
    By.US: "Our practitioner",
    By.OTHERS: "Somebody else",
    By.UNKNOWN: "Not known by whom",
}
ROLES: Final[Mapping[TeamRole, str]] = {
    TeamRole.CARE_MANAGER: "Care manager",
    TeamRole.NURSE: "Nurse",
    TeamRole.MEDICAL_ASSISTANT: "Medical assistant",
    TeamRole.PHARMACIST: "Pharmacist",
    TeamRole.CLINICIAN: "Clinician",
    TeamRole.SPECIALIST: "Specialist",
    TeamRole.PHARMACY: "Pharmacy",
    TeamRole.HOME_HEALTH_AGENCY: "Home health agency",
    TeamRole.HOSPICE: "Hospice",
    TeamRole.COMMUNITY_SERVICE: "Community service",
    TeamRole.THERAPIST: "Therapist",
    TeamRole.OTHER: "Somebody else",
}
_COLLEAGUES: Final = frozenset(
    {
        TeamRole.NURSE,
        TeamRole.MEDICAL_ASSISTANT,
        TeamRole.PHARMACIST,
        TeamRole.CLINICIAN,
        TeamRole.THERAPIST,
        TeamRole.OTHER,
    }
)
_INSIDE: Final = _COLLEAGUES - {TeamRole.THERAPIST, TeamRole.OTHER}
COLLEAGUES: Final = [(one.value, words) for one, words in ROLES.items() if one in _COLLEAGUES]
"""As what a colleague can be added to a patient's team; the care manager is named."""

OUTSIDE: Final = [
    (one.value, words)
    for one, words in ROLES.items()
    if one not in _INSIDE and one is not TeamRole.CARE_MANAGER
]
"""As what somebody outside of the practice can be."""

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.SUITS: "May suit",
    Verdict.BLOCKED: "Something stands in the way",
    Verdict.TOO_FEW: "Too few conditions",
}


class Said(StrEnum):
    """What a page confirms after an action."""

    IDENTIFIED = "identified"
    TRIED = "tried"
    PRACTITIONER_SET = "practitioner-set"
    CONSENT_NEEDED = "consent-needed"
    CONSENTED = "consented"
    TAKEN_BACK = "taken-back"
    STEP_TAKEN = "step-taken"
    CLOSED = "closed"
    ATTESTED = "attested"
    VISIT_RECORDED = "visit-recorded"
    VISIT_WITHDRAWN = "visit-withdrawn"
    BESIDE_RECORDED = "beside-recorded"
    BESIDE_ENDED = "beside-ended"
    TEAM_CHANGED = "team-changed"
    CALL_LOGGED = "call-logged"
    LINE_SET = "line-set"
    SCRIPT_SET = "script-set"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        return _SENTENCES[self]


_SENTENCES: Final[Mapping[Said, str]] = {
    Said.IDENTIFIED: "The patient is identified for the program. Next: reach the patient.",
    Said.TRIED: "The attempt is logged.",
    Said.PRACTITIONER_SET: "The billing practitioner is set.",
    Said.CONSENT_NEEDED: "The billing practitioner changed. A consent is for one practitioner: take a new one.",
    Said.CONSENTED: "The consent is on record.",
    Said.TAKEN_BACK: "The consent is taken back. It holds until the end of that month, and the enrolment ends with it.",
    Said.STEP_TAKEN: "The step is taken.",
    Said.CLOSED: "The enrolment is closed. Whoever comes back is enrolled anew.",
    Said.ATTESTED: "It is on record, under your name.",
    Said.VISIT_RECORDED: "The visit is recorded.",
    Said.VISIT_WITHDRAWN: "The visit is withdrawn.",
    Said.BESIDE_RECORDED: "It is recorded, and shown wherever it matters.",
    Said.BESIDE_ENDED: "It has its end.",
    Said.TEAM_CHANGED: "The care team is changed.",
    Said.CALL_LOGGED: "The call is logged.",
    Said.LINE_SET: "The number is in force.",
    Said.SCRIPT_SET: "The practice's own words are in force from now on.",
}


def programs(rules: Rules) -> list[tuple[str, str]]:
    """Return name and title of the programs in force, for a form."""
    return [(one.row.name, one.row.title) for one in rules.of(Program)]


def title(program: str, rules: Rules) -> str:
    """Return what a program is called; one that is in force no more keeps its name."""
    found = rules.find(Program, program)
    return found.row.title if found else program


def attestable(program: str, rules: Rules) -> list[tuple[str, str]]:
    """Return name and title of what a person can vouch for of a patient in a program."""
    return [
        (name, requirements.title_of(name, rules))
        for name in (*requirements.of(program, rules).requires, *sorted(requirements.OF_MONTH))
        if name not in requirements.FOUND_OUT
    ]


def answered(answer: Answer) -> str:
    """Return whether something is there: "There", "Missing" or "Not known"."""
    if answer.is_met is None:
        return "Not known"
    return "There" if answer.is_met else "Missing"
