"""What can go wrong with programs; each message ends with what the person can do.

::

    errors.CcmLinkError
    └── ProgramError
        ├── UnknownProgram (ValueError)
        ├── UnknownEnrolment
        ├── ProgramConflict
        │   ├── EnrolmentChanged
        │   ├── AlreadyRecorded
        │   ├── AlreadyEnded
        │   └── NotCaredForHere
        ├── NoSuchStep
        ├── BadCloseReason (ValueError)
        ├── RequirementsMissing
        ├── NoPractitioner
        ├── NotSuited
        ├── NoConsent
        ├── BadConsent (ValueError)
        ├── BadScript (ValueError)
        ├── BadAttempt (ValueError)
        └── BadDay (ValueError)
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from ccm_link.errors import CcmLinkError
from ingest.errors import Reasoned


class ProgramError(CcmLinkError):
    """The patient's program could not be changed. Load the page again and look."""


class UnknownProgram(ProgramError, ValueError):
    """There is no such program in force. Choose one of the list."""


class UnknownEnrolment(ProgramError):
    """The patient has no such enrolment. Load the patient's page again and look."""


class ProgramConflict(ProgramError):
    """Somebody was faster. Load the page again and look."""


class EnrolmentChanged(ProgramConflict):
    """This enrolment changed after the page was drawn, maybe by this very form. Load the page again, and look."""


class AlreadyRecorded(ProgramConflict):
    """The same is recorded already. Load the page again and look."""


class AlreadyEnded(ProgramConflict):
    """This is ended or withdrawn already, or is not the patient's. Load the page again and look."""


class NotCaredForHere(ProgramConflict):
    """The patient died or was transferred. Where that is not so, mend it in the patient's record first."""


class NoSuchStep(ProgramError):
    """No step leads there from where the enrolment stands. Load the page again, and take the next step."""


class BadCloseReason(ProgramError, ValueError):
    """It cannot be closed for this reason. Who has not consented declines; who has takes the consent back."""


class RequirementsMissing(ProgramError):
    """The program asks for more than is there. See on the patient's page what is missing, and come back."""

    def __init__(self, missing: Sequence[str] = ()) -> None:
        """Keep the titles of what is missing."""
        said = "; ".join(missing)
        super().__init__(
            f"The program asks for more than is there. Missing: {said}." if said else ""
        )
        self.missing = tuple(missing)


class NoPractitioner(ProgramError):
    """It is not known who bills the program. Choose the billing practitioner first."""


class NotSuited(ProgramError):
    """This colleague cannot stand there. Choose one of a suitable role, with an open account, who sees the patient."""


class NoConsent(ProgramError):
    """There is no consent that could be taken back. Load the page again and look."""


class ConsentReason(StrEnum):
    """What is wrong with a consent."""

    IN_THE_FUTURE = "in_the_future"
    BEFORE_BIRTH = "before_birth"
    NOT_ALL_TOLD = "not_all_told"
    NO_EVIDENCE = "no_evidence"
    NO_CARER = "no_carer"
    REVOKED_BEFORE_GIVEN = "revoked_before_given"
    REVOKED_IN_THE_FUTURE = "revoked_in_the_future"
    BEFORE_PRACTITIONER = "before_practitioner"


class BadConsent(Reasoned[ConsentReason], ProgramError, ValueError):
    """The consent cannot stand like this. Check what was filled in."""

    _WORDS: ClassVar = {
        ConsentReason.IN_THE_FUTURE: "A consent cannot be given in the future. Check day and time.",
        ConsentReason.BEFORE_BIRTH: "The patient was not born then. Check the day.",
        ConsentReason.NOT_ALL_TOLD: "The patient has to be told all of it before consenting. Tick what was said, "
        "or call again.",
        ConsentReason.NO_EVIDENCE: "This was more than a day ago. Say where it is documented.",
        ConsentReason.NO_CARER: "Somebody else consented for the patient. Say who, and why they may.",
        ConsentReason.REVOKED_BEFORE_GIVEN: "The consent was not given yet by then. Check day and time.",
        ConsentReason.REVOKED_IN_THE_FUTURE: "That time is to come. Record it when the patient has said so.",
        ConsentReason.BEFORE_PRACTITIONER: "The patient consented before this practitioner took over. Ask for consent "
        "to the new one.",
    }


class BadScript(ProgramError, ValueError):
    """The script lacks an element that patients have to be told. Write words for each of them."""


class AttemptReason(StrEnum):
    """What is wrong with an attempt to reach somebody."""

    IN_THE_FUTURE = "in_the_future"
    NO_CONVERSATION = "no_conversation"
    WITH_WHOM = "with_whom"
    NOT_SENT = "not_sent"
    NEXT_IS_OVER = "next_is_over"


class BadAttempt(Reasoned[AttemptReason], ProgramError, ValueError):
    """This attempt cannot stand like this. Check what was filled in."""

    _WORDS: ClassVar = {
        AttemptReason.IN_THE_FUTURE: "The attempt lies in the future. Record it when it was made.",
        AttemptReason.NO_CONVERSATION: "A message or letter is sent, which is no conversation. Choose another outcome.",
        AttemptReason.WITH_WHOM: "Whoever was reached is the patient or a carer. Say who, and only then.",
        AttemptReason.NOT_SENT: "Calls and visits are not sent. Choose another outcome.",
        AttemptReason.NEXT_IS_OVER: "That time is over. Choose one to come for the next attempt, or none.",
    }


class DayReason(StrEnum):
    """What is wrong with a day or an instant."""

    IN_THE_FUTURE = "in_the_future"
    BEFORE_BIRTH = "before_birth"
    ENDS_BEFORE_START = "ends_before_start"
    BEFORE_ENROLMENT = "before_enrolment"


class BadDay(Reasoned[DayReason], ProgramError, ValueError):
    """This day cannot be. Check the days."""

    _WORDS: ClassVar = {
        DayReason.IN_THE_FUTURE: "That is to come. Record it when it has happened.",
        DayReason.BEFORE_BIRTH: "The patient was not born then. Check the day.",
        DayReason.ENDS_BEFORE_START: "The end lies before the beginning. Check both days.",
        DayReason.BEFORE_ENROLMENT: "The enrolment had not begun by then. Check the day.",
    }
