"""What can go wrong with a care plan and what belongs to it; each message ends with what the person can do.

::

    errors.CcmLinkError
    └── PlanError
        ├── PlanConflict
        │   ├── StaleDraft
        │   ├── DraftThere
        │   ├── NoDraft
        │   ├── NoPlan
        │   ├── OverlappingStay
        │   ├── StayChanged
        │   ├── MedicationEnded
        │   └── MedicationListed
        ├── UnknownVersion
        ├── NotAClinician
        ├── PlanNotReady
        ├── UnreadablePlan
        ├── BadGoal (ValueError)
        ├── BadPlanTime (ValueError)
        └── UnknownDevice
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from ccm_link.errors import CcmLinkError
from ingest.errors import Reasoned


class PlanError(CcmLinkError):
    """The care plan could not be changed. Load the page again and look."""


class PlanConflict(PlanError):
    """Somebody was faster. Load the page again and look."""


class StaleDraft(PlanConflict):
    """This draft changed after the page was drawn, maybe by this very form. Load it again, and write on that one."""


class DraftThere(PlanConflict):
    """There is a draft of this patient’s plan already. Go on with that one, or discard it first."""


class NoDraft(PlanConflict):
    """There is no draft any more: it was signed or discarded. Load the page again and look."""


class NoPlan(PlanConflict):
    """No plan is in force, or another version is by now. Load the page again and look."""


class OverlappingStay(PlanConflict):
    """The patient was somewhere else in that time. Check both times, or void the other stay first."""


class StayChanged(PlanConflict):
    """This stay has ended or is void already, or is not the patient’s. Load the page again and look."""


class MedicationEnded(PlanConflict):
    """This medication is ended already, or is not the patient’s. Load the page again and look."""


class MedicationListed(PlanConflict):
    """Exactly this stands on the list already. End that line first if it has to be written anew."""


class UnknownVersion(PlanError):
    """The patient has no such version of a plan. Go back to the plan and choose one there."""


class NotAClinician(PlanError):
    """Only a clinician can sign a plan. Ask the billing practitioner to look at the draft and sign it."""


class PlanNotReady(PlanError):
    """Something is still missing in the draft. Write it, or say in a line that nothing is needed there."""

    def __init__(self, lacks: Sequence[str] = ()) -> None:
        """Keep the titles of what is missing."""
        titles = "; ".join(lacks)
        said = f"Still missing in the draft: {titles}. Write it, or say in a line that nothing is needed there."
        super().__init__(said if lacks else "")
        self.lacks = tuple(lacks)


class UnreadablePlan(PlanError):
    """This version of the plan cannot be read here. Tell the operator; a newer release may have written it."""


class BadGoal(PlanError, ValueError):
    """A number to reach needs a measure, a side and a target together. Fill in all three, or none."""


class UnknownDevice(PlanError):
    """The patient does not measure with this device. Assign it first, on its own page."""


class TimeReason(StrEnum):
    """What is wrong with a time."""

    IN_THE_FUTURE = "in_the_future"
    ENDS_BEFORE_START = "ends_before_start"
    BEFORE_SIGNED = "before_signed"
    TAUGHT_BEFORE_SET_UP = "taught_before_set_up"


class BadPlanTime(Reasoned[TimeReason], PlanError, ValueError):
    """This time cannot be. Check day and time."""

    _WORDS: ClassVar = {
        TimeReason.IN_THE_FUTURE: "That time is to come. Record it when it has happened.",
        TimeReason.ENDS_BEFORE_START: "The end lies before the beginning. Check both times.",
        TimeReason.BEFORE_SIGNED: "This version was not signed yet by then. Check day and time.",
        TimeReason.TAUGHT_BEFORE_SET_UP: "Nobody can be taught on a device before it was set up. Check both times.",
    }
