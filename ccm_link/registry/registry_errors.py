"""What can go wrong with what is known of a patient; each message ends with what the person can do.

::

    errors.CcmLinkError
    └── RegistryError
        ├── RegistryConflict
        │   ├── CoverageOverlaps
        │   ├── CoverageChanged
        │   ├── IdentifierTaken
        │   ├── RecordedAlready
        │   └── ParticularEnded
        ├── BadCoverage (ValueError)
        ├── BadIdentifier (ValueError)
        └── BadTelecom (ValueError)
"""

from __future__ import annotations

from ccm_link.errors import CcmLinkError


class RegistryError(CcmLinkError):
    """What is known of the patient could not be changed. Load the page again and look."""


class RegistryConflict(RegistryError):
    """This contradicts what is recorded. Load the page again and look."""


class CoverageOverlaps(RegistryConflict):
    """Another payer has this place in the order on one of these days. End that one first, or choose another place."""


class CoverageChanged(RegistryConflict):
    """This coverage is withdrawn, or ends so already, or begins later than that. Load the page again and look."""


class IdentifierTaken(RegistryConflict):
    """Somebody of the practice has this number already. Look whether it is this patient, or whose record is wrong."""


class RecordedAlready(RegistryConflict):
    """This is recorded already and not ended. End it first if it has to be recorded anew."""


class ParticularEnded(RegistryConflict):
    """This is ended already, or is not the patient's. Load the page again and look."""


class BadCoverage(RegistryError, ValueError):
    """This is no coverage. Its last day is not before its first, and every payer but the patient has a name."""


class BadIdentifier(RegistryError, ValueError):
    """This number cannot be one of its kind. Write an MBI as on the card, and every other one with its system."""


class BadTelecom(RegistryError, ValueError):
    """This cannot be reached. Write a telephone number with its country (+1 …), or an e-mail address."""
