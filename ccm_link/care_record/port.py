"""What is asked of a record of care that lies elsewhere, and why it may not take something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

Json: TypeAlias = dict[str, Any]


class Failure(StrEnum):
    """Why something was not taken, in words of ours: what the other side said may hold what was sent."""

    # Of the other side as a whole: it is asked again after a rest, and nothing else is sent meanwhile.
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    BUSY = "busy"  # it says so itself: 429 or 503
    SIGN_IN = "sign_in"  # no token, or it is not taken
    SETTINGS = "settings"  # a secret or file of ours cannot be read
    REDIRECTED = "redirected"
    NOT_ALLOWED = "not_allowed"  # the settings do not let anything go there
    # Of the one thing that was sent.
    SERVER_FAULT = "server_fault"  # 500: tried again, then a dead letter
    BAD_ANSWER = "bad_answer"  # taken or not, what it says is no FHIR: likewise
    REFUSED = "refused"  # 400, 403, 422: it will be refused again
    CHANGED_THERE = "changed_there"  # somebody changed it in the EHR; a person decides
    TWICE_THERE = "twice_there"  # the EHR has several under our identifier
    GONE_THERE = "gone_there"  # it was deleted in the EHR
    NOTHING_HERE = "nothing_here"  # what it was about is not there any more
    NOT_BUILT = "not_built"  # it cannot be written as a resource: a fault of ours
    # Of the patient: what is about them is held.
    PATIENT_UNKNOWN = "patient_unknown"
    PATIENT_AMBIGUOUS = "patient_ambiguous"
    PATIENT_DIFFERS = "patient_differs"
    UNKNOWN = "unknown"  # a fault of ours


class Consequence(StrEnum):
    """What follows from a failure."""

    REST = "rest"  # the receiver is left alone for a while; what waits goes on waiting, however long it takes
    RETRY = "retry"  # it is tried again some times, then it is a dead letter
    DEAD = "dead"  # a dead letter at once


CONSEQUENCES: Mapping[Failure, Consequence] = {
    Failure.UNREACHABLE: Consequence.REST,
    Failure.TIMEOUT: Consequence.RETRY,  # one that is too large for the other side must not hold up all others
    Failure.TLS: Consequence.REST,
    Failure.BUSY: Consequence.REST,
    Failure.SIGN_IN: Consequence.REST,
    Failure.SETTINGS: Consequence.REST,
    Failure.REDIRECTED: Consequence.REST,
    Failure.NOT_ALLOWED: Consequence.REST,
    Failure.SERVER_FAULT: Consequence.RETRY,
    Failure.BAD_ANSWER: Consequence.RETRY,
    Failure.REFUSED: Consequence.DEAD,
    Failure.CHANGED_THERE: Consequence.DEAD,
    Failure.TWICE_THERE: Consequence.DEAD,
    Failure.GONE_THERE: Consequence.DEAD,
    Failure.NOTHING_HERE: Consequence.DEAD,
    Failure.NOT_BUILT: Consequence.DEAD,
    Failure.UNKNOWN: Consequence.RETRY,
}


class NotTaken(Exception):
    """Something was not taken, or nobody knows whether it was.

    Attributes:
        failure: Why.
        retry_after_s: What the other side asked for; None: nothing.
    """

    def __init__(self, failure: Failure, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"not taken ({failure.replace('_', ' ')})")
        self.failure, self.retry_after_s = failure, retry_after_s


class Match(StrEnum):
    """Whether a patient was found in the record."""

    MATCHED = "matched"
    UNKNOWN = "unknown"  # there is nobody under the identifier
    AMBIGUOUS = "ambiguous"  # there are several
    DIFFERS = "differs"  # there is one, who was born on another day


@dataclass(frozen=True, slots=True)
class SoughtPatient:
    """By what a patient is looked for.

    Attributes:
        value: The patient's identifier in the system that the record knows; "" where we know none.
        born_on: Whoever is found has to be born on this day.
    """

    value: str
    born_on: date


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for a patient came to; ``remote_id`` where it is one."""

    match: Match
    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What the record holds of ours: under which id, and which version we wrote last."""

    remote_id: str
    remote_version: str


class CareRecord(Protocol):
    """A record that is not this system's own database, which holds everything already."""

    def find_patient(self, sought: SoughtPatient) -> Found:
        """Look for a patient.

        Raises:
            NotTaken: It could not be asked.
        """
        ...

    def write(self, resource: Json, last: Written | None, *, overwrites: bool) -> Written:
        """Have the record hold a resource as it is now; doing so twice is like doing it once.

        Args:
            resource: FHIR R4, without an id; its first identifier is ours and names nothing else.
            last: What it held when we last wrote it; None: as far as we know nothing.
            overwrites: Whether it replaces what somebody else has made of it meanwhile.

        Raises:
            NotTaken: It did not, or nobody knows.
        """
        ...
