"""How a contact was made, with whom, and what came of it; unknown where nobody said, as in entries of before. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from ccm_link.minutes import time_errors


class Method(StrEnum):
    """How it was made; ``CHART_WORK`` is no contact."""

    PHONE = "phone"
    VIDEO = "video"
    IN_PERSON = "in_person"
    PORTAL_MESSAGE = "portal_message"
    TEXT_MESSAGE = "text_message"
    LETTER = "letter"
    CHART_WORK = "chart_work"
    UNKNOWN = "unknown"


class Counterpart(StrEnum):
    """With whom."""

    PATIENT = "patient"
    CAREGIVER = "caregiver"
    PROVIDER = "provider"
    PHARMACY = "pharmacy"
    AGENCY = "agency"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What came of it."""

    REACHED = "reached"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    NOT_A_CONTACT = "not_a_contact"
    UNKNOWN = "unknown"


_NOT_REACHED: Final = frozenset({Outcome.VOICEMAIL, Outcome.NO_ANSWER, Outcome.WRONG_NUMBER})


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of a contact.

    Raises:
        time_errors.BadContact: The three contradict each other.
    """

    method: Method
    counterpart: Counterpart
    outcome: Outcome

    def __post_init__(self) -> None:
        no_contact = (
            self.method is Method.CHART_WORK,
            self.counterpart is Counterpart.NOBODY,
            self.outcome is Outcome.NOT_A_CONTACT,
        )
        unknown = (
            self.method is Method.UNKNOWN,
            self.counterpart is Counterpart.UNKNOWN,
            self.outcome is Outcome.UNKNOWN,
        )
        is_call = self.method in {Method.PHONE, Method.VIDEO}
        if (
            any(no_contact) != all(no_contact)
            or any(unknown) != all(unknown)
            or (self.outcome in _NOT_REACHED and not is_call)
        ):
            raise time_errors.BadContact

    @classmethod
    def of(cls, method: str, counterpart: str, outcome: str) -> Self:
        """Return a contact in the words of the store.

        Raises:
            time_errors.BadContact: The three contradict each other.
            ValueError: A word is none of the closed lists.
        """
        return cls(Method(method), Counterpart(counterpart), Outcome(outcome))


CHART_WORK: Final = Contact(Method.CHART_WORK, Counterpart.NOBODY, Outcome.NOT_A_CONTACT)
UNKNOWN: Final = Contact(Method.UNKNOWN, Counterpart.UNKNOWN, Outcome.UNKNOWN)
