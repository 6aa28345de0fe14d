"""What can go wrong with the link to other systems; each message ends with what the person can do.

::

    errors.CcmLinkError
    └── LinkError
        ├── UnknownEhr (ValueError)
        ├── ReceiverThere
        ├── UnknownReceiver
        ├── BadAddress (ValueError)
        ├── LetterSettled
        ├── PatientTaken
        ├── UnknownSystem
        ├── ReportConflict
        │   ├── ReportDiffers
        │   └── ReportVoided
        └── BadReport (ValueError)
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from ccm_link.errors import CcmLinkError
from ingest.errors import Reasoned


class LinkError(CcmLinkError):
    """The link could not be changed. Load the page again and look."""


class UnknownEhr(LinkError, ValueError):
    """The operator has set up no EHR of this name. Choose one of the list, or ask the operator."""


class ReceiverThere(LinkError):
    """The practice has such a receiver already. End that one first, or choose another address."""


class UnknownReceiver(LinkError):
    """There is no such receiver, or it was ended. Load the page again and look."""


class BadAddress(LinkError, ValueError):
    """Nothing can be posted to this address. Write one that begins with https://, without a name or password in it."""


class LetterSettled(LinkError):
    """This is no dead letter any more. Load the page again and look."""


class PatientTaken(LinkError):
    """Another patient of yours has this id in the EHR. Look both up there before you say who is who."""


class UnknownSystem(LinkError):
    """There is no such system, or it was revoked. Load the page again and look."""


class ReportReason(StrEnum):
    """Why a reported entry is not taken."""

    UNKNOWN_PATIENT = "unknown_patient"
    UNKNOWN_STAFF = "unknown_staff"
    UNKNOWN_ENTRY = "unknown_entry"


class BadReport(Reasoned[ReportReason], LinkError, ValueError):
    """The reported time cannot be taken. Correct it and report it again."""

    _WORDS: ClassVar = {
        ReportReason.UNKNOWN_PATIENT: "The practice has no patient of this record number. Correct it there and report "
        "it again.",
        ReportReason.UNKNOWN_STAFF: "Nobody in the practice is known by this id or NPI. Let its administrator say whom "
        "the id means, then report it again.",
        ReportReason.UNKNOWN_ENTRY: "Nothing was reported under this id. Report it first.",
    }


class ReportConflict(LinkError):
    """This was reported otherwise before. Look at what the first report said."""


class ReportDiffers(ReportConflict):
    """Something else was reported under this id before. Void that, and report the new one under another id."""


class ReportVoided(ReportConflict):
    """What was reported under this id was voided. Report what is right under another id."""
