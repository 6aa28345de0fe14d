"""What can go wrong with credentials, approval, locked months and conflicts of the time log.

::

    errors.TimeLogError
    ├── BadContact (ValueError)
    ├── CredentialError
    │   ├── BadProviderNumber (ValueError)
    │   ├── BadCredential (ValueError)
    │   ├── CredentialOverlaps
    │   └── CredentialEnded
    ├── WhichProgram (ValueError)
    ├── TimerState
    ├── UnknownDroppedTime
    ├── MonthLocked
    ├── MonthNotLocked
    ├── MonthUnfinished
    ├── ApprovalError
    │   ├── NothingWaits
    │   ├── DecidedAlready
    │   └── OwnWork
    ├── BadAmendment (ValueError)
    └── ConflictError
        ├── NoConflict
        └── ConflictDecided
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from ccm_link.errors import TimeLogError
from ingest.errors import Reasoned


class BadContact(TimeLogError, ValueError):
    """Way of contact, counterpart and outcome contradict each other. Choose three that go together."""


class WhichProgram(TimeLogError, ValueError):
    """The patient is in several programs. Say for which of them this time is."""


class CredentialError(TimeLogError):
    """This credential could not be recorded. Load the page again and look."""


class BadProviderNumber(CredentialError, ValueError):
    """This is no National Provider Identifier. Check its ten digits; the last one is computed from the others."""


class CredentialReason(StrEnum):
    """What is wrong with a credential."""

    ROLE = "role"
    NUMBER = "number"
    SUPERVISOR = "supervisor"
    CHECKED_LATER = "checked_later"


class BadCredential(Reasoned[CredentialReason], CredentialError, ValueError):
    """This cannot be somebody's credential. Check what was chosen."""

    _WORDS: ClassVar = {
        CredentialReason.ROLE: "Only physicians, nurse practitioners, physician assistants, clinical nurse specialists "
        "and nurse-midwives bill in their own name. Choose another role or credential.",
        CredentialReason.NUMBER: "Whoever may bill is a qualified professional with a National Provider Identifier. "
        "Add the number, or take the mark away.",
        CredentialReason.SUPERVISOR: "Nobody supervises themselves. Choose a colleague.",
        CredentialReason.CHECKED_LATER: "The check against the exclusion lists lies in the future. Check its day.",
    }


class CredentialOverlaps(CredentialError):
    """Another credential of this person holds in that time. End it first, or choose another day."""


class CredentialEnded(CredentialError):
    """This credential is ended already, or would end before it begins. Load the page again and look."""


class TimerState(TimeLogError):
    """The timer runs already, or waits already. Load the page again and look."""


class UnknownDroppedTime(TimeLogError):
    """No seconds of yours were dropped there, or they are claimed already. Load the page again and look."""


class MonthLocked(TimeLogError):
    """The month of this time is locked. Amend the entry, or add it as a late entry that another person approves."""


class MonthNotLocked(TimeLogError):
    """The month of this entry is not locked. Void the entry and add the right one."""


class MonthUnfinished(TimeLogError):
    """The month cannot be locked yet. It has to be over, with no timer, approval or conflict of it left open."""


class ApprovalError(TimeLogError):
    """This could not be approved or refused. Load the page again and look."""


class NothingWaits(ApprovalError):
    """Nothing waits for approval there. Load the page again and look."""


class DecidedAlready(ApprovalError):
    """Somebody has approved or refused it already. Load the page again and look."""


class OwnWork(ApprovalError):
    """Nobody approves their own time. Ask a colleague of a supervising role."""


class BadAmendment(TimeLogError, ValueError):
    """This amendment changes nothing, or is of an entry that does not count. Look at the entry again."""


class ConflictError(TimeLogError):
    """This conflict could not be decided. Load the page again and look."""


class NoConflict(ConflictError):
    """These two entries do not claim the same seconds. Load the page again and look."""


class ConflictDecided(ConflictError):
    """A colleague has decided it meanwhile. Load the page again and look before you decide otherwise."""
