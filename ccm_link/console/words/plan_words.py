"""How the console speaks of care plans and what belongs to them: labels, closed lists, confirmations. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from alerts.measures import Comparison
from ccm_link.plan import plan_document
from ccm_link.plan.education import CHECKLISTS, Learner, Topic
from ccm_link.plan.education import Method as TeachMethod
from ccm_link.plan.goal_standing import Reached, Standing
from ccm_link.plan.medication import Source
from ccm_link.plan.plan_document import Goal, Section
from ccm_link.plan.plan_sharing import Method, Recipient
from ccm_link.plan.review_clock import Due, ReviewClock
from ccm_link.plan.stays import Kind
from ingest.minimum_data import Lack

_SECTION_FIELDS: Final[Mapping[str, str]] = {one.value: one.heading for one in Section}
FIELDS: Final = {
    **{f"draft-{name}": heading for name, heading in _SECTION_FIELDS.items()},
    "draft-interventions": plan_document.INTERVENTIONS,
    "draft-contributors": plan_document.CONTRIBUTORS,
    "review_months": "Months until the plan is looked at again",
    "medication_months": "Months until the medication is reviewed again",
    "goal-what": "What shall be reached",
    "goal-measure": "Which home reading tells",
    "goal-side": "Reached when it is",
    "goal-target": "Number to reach",
    "goal-by_on": "Until the day",
    "plan-review-note": "What you looked at",
    "share-method": "How",
    "share-recipient": "To whom",
    "recipient_name": "Name of the carer",
    "given_on": "On the day",
    "given_time": "At the time",
    "medication-name": "Medication",
    "rxnorm_code": "Code of RxNorm",
    "dose": "Dose, and how often",
    "taken_from_on": "Taken since",
    "medication-source": "Where it is known from",
    "prescriber": "Prescribed by",
    "medication-ended_on": "Last day on which it was taken",
    "from_patient": "The list was held against",
    "discrepancies": "What did not agree",
    "stay_kind": "What kind of stay",
    "facility": "Where",
    "stay-source": "Who told of it",
    "admitted_on": "Day of admission",
    "admitted_time": "Time of admission",
    "discharged_on": "Day of discharge",
    "discharged_time": "Time of discharge",
    "topic": "What was taught",
    "taught_how": "How",
    "learner": "Who was taught",
    "taught_on": "On the day",
    "taught_time": "At the time",
    "teach_back": "Said or shown back in their own words",
    "education-note": "Remark",
    "peripheral_id": "Device",
    "set_up_on": "Set up on the day",
    "set_up_time": "Set up at the time",
    "set-up-taught_on": "Taught on the day",
    "set-up-taught_time": "Taught at the time",
}

DRAFT_FIELDS: Final = frozenset(
    name.removeprefix("draft-") for name in FIELDS if name.startswith("draft-")
)
"""What a page shows again that was typed into a draft which is none any more."""

GOALS: Final = plan_document.GOALS
SIDES: Final[Mapping[str, str]] = {Comparison.BELOW: "below", Comparison.AT_OR_ABOVE: "at or above"}
METHODS: Final[Mapping[str, str]] = {
    Method.PRINTED: "Printed, handed over",
    Method.POSTED: "Sent by post",
    Method.SECURE_MESSAGE: "Secure message",
    Method.OWN_RECORD: "Shown how to read it when signed in from home",
}
RECIPIENTS: Final[Mapping[str, str]] = {
    Recipient.PATIENT: "The patient",
    Recipient.CARER: "A carer",
}
SOURCES: Final[Mapping[str, str]] = {
    Source.PATIENT: "what the patient says",
    Source.CARER: "what a carer says",
    Source.PACKAGES_AT_HOME: "packages at home",
    Source.PHARMACY: "the pharmacy’s list",
    Source.DISCHARGE_PAPERS: "discharge papers",
    Source.HEALTH_RECORD: "the health record",
    Source.OTHER_PRACTICE: "another practice’s list",
}
STAYS: Final[Mapping[str, str]] = {one.value: one.words for one in Kind}
TOPICS: Final[Mapping[str, str]] = {
    Topic.BLOOD_PRESSURE_TECHNIQUE: "Measuring blood pressure",
    Topic.GLUCOSE_TECHNIQUE: "Measuring glucose",
    Topic.SYMPTOMS_TO_REPORT: "Symptoms to report",
    Topic.LOW_GLUCOSE: "Low glucose",
    Topic.MEDICATION: "Medication",
    Topic.FOOD_AND_SALT: "Food and salt",
    Topic.MOVEMENT: "Movement",
    Topic.TOBACCO_AND_ALCOHOL: "Tobacco and alcohol",
    Topic.FOOT_CARE: "Foot care",
    Topic.DEVICE_USE: "Using the device",
    Topic.CARE_PLAN: "The care plan",
    Topic.AFTER_DISCHARGE: "After a stay in hospital",
}
TAUGHT_HOW: Final[Mapping[str, str]] = {
    TeachMethod.IN_PERSON: "In person",
    TeachMethod.PHONE: "By phone",
    TeachMethod.VIDEO: "By video",
    TeachMethod.WRITTEN: "In writing",
}
LEARNERS: Final[Mapping[str, str]] = {
    Learner.PATIENT: "The patient",
    Learner.CARER: "A carer",
    Learner.BOTH: "Both",
}
YES_OR_NO: Final[Mapping[str, str]] = {"yes": "Yes", "no": "No"}
POINTS: Final = {TOPICS[topic]: points for topic, points in CHECKLISTS.items()}

_REACHED: Final = {
    Reached.YES: "reached",
    Reached.NOT_YET: "not reached yet",
    Reached.UNKNOWN: "too little was measured to say",
}
_LACKS: Final = {
    Lack.TOO_FEW_READINGS: "readings",
    Lack.TOO_FEW_DAYS: "days with readings",
}


class Said(StrEnum):
    """What a page confirms after an action."""

    SAVED = "saved"
    SIGNED = "signed"
    DISCARDED = "discarded"
    REVIEWED = "reviewed"
    SHARED = "shared"
    LISTED = "listed"
    TAKEN_OFF = "taken-off"
    RECONCILED = "reconciled"
    STAY_RECORDED = "stay-recorded"
    DISCHARGED = "discharged"
    STAY_VOIDED = "stay-voided"
    TAUGHT = "taught"
    SET_UP = "set-up"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    Said.SAVED: "The draft is saved.",
    Said.SIGNED: "The plan is signed and in force. It has to be given to the patient now.",
    Said.DISCARDED: "The draft is discarded. What was in force goes on.",
    Said.REVIEWED: "The review is recorded; the next one is counted from today.",
    Said.SHARED: "It is recorded that the plan was given.",
    Said.LISTED: "It is on the list.",
    Said.TAKEN_OFF: "It is off the list, and stands below.",
    Said.RECONCILED: "The reconciliation is recorded with the list as it stands.",
    Said.STAY_RECORDED: "The stay is recorded.",
    Said.DISCHARGED: "The discharge is recorded, and there is a task to speak with the patient.",
    Said.STAY_VOIDED: "The stay counts for nothing any more.",
    Said.TAUGHT: "The lesson is recorded.",
    Said.SET_UP: "The set-up is recorded.",
}


def review(clock: ReviewClock) -> str:
    """Return how a review stands: "due in 40 days", "3 days overdue"."""
    days = f"{abs(clock.days_left)} {'day' if abs(clock.days_left) == 1 else 'days'}"
    match clock.state:
        case Due.OVERDUE:
            return f"{days} overdue"
        case Due.TODAY:
            return "due today"
        case _:
            return f"due in {days}"


def standing(goal: Goal, found: Standing) -> str:
    """Return how a goal stands against what was measured, with the numbers that it rests on."""
    unit = goal.measure.unit if goal.measure else ""
    counted = f"{found.readings} readings on {found.days} days"
    beyond = (
        f"; {found.beyond_range} beyond the meter’s range are in no mean"
        if found.beyond_range
        else ""
    )
    if found.mean is None:
        lack = found.not_given
        needed = f", at least {lack.needed} {_LACKS[lack.reason]} are needed" if lack else ""
        return f"{_REACHED[found.reached]}: {counted}{needed}{beyond}"
    return f"{_REACHED[found.reached]}: mean {found.mean:.1f} {unit} of {counted}{beyond}"
