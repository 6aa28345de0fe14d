"""Everything that ingest raises.

::

    IngestError
    ├── QueryFileError        a queries.sql that does not follow its own form
    ├── MigrationError        the database and the migration files do not agree (.reason)
    ├── StoreError            a statement did not do what its caller was promised
    ├── RefusedByStoreError   what was to be stored contradicts what is there (.reason)
    ├── BrokerError           the broker refuses what ingest cannot work without (.reason)
    ├── BrokerAway            the broker cannot be reached, so that nothing is known about it
    ├── EnrolmentRefused      a gateway gets no certificate (.reason)
    ├── ConfigurationRefused  a gateway gets no such configuration (.reason)
    ├── AccessRefused         a restriction, care team or emergency access cannot become so (.reason)
    ├── StandingRefused       a patient's standing cannot become so (.reason)
    ├── IdentityRefused       who a patient is was corrected meanwhile
    ├── FileRefused           a file cannot be imported at all
    ├── SignerAway            the process with the gateway authority's key does not answer
    └── AnchorError           the anchors of the audit trail cannot be written or read (.reason)

The docstring of a class is its default message.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

_Reason = TypeVar("_Reason", bound=StrEnum)


class IngestError(Exception):
    """Ingest could not go on; see the log line before this one."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class Reasoned(Exception, Generic[_Reason]):
    """Refused for one reason of a closed list, each with words of its own; stands before the error that it is.

    Attributes:
        reason: For callers that branch on it.
    """

    _WORDS: ClassVar[Mapping[Any, str]]

    def __init__(self, reason: _Reason) -> None:
        super().__init__(self._WORDS[reason])
        self.reason = reason


class QueryFileError(IngestError, ValueError):
    """A queries.sql is malformed: write “-- name: snake_case”, a comment, then one statement."""


class MigrationReason(StrEnum):
    """Why migrating stopped."""

    BAD_NAME = "bad_name"
    NUMBER_TWICE = "number_twice"
    EDITED = "edited"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    OPEN_TRANSACTION = "open_transaction"


class MigrationError(IngestError, ValueError):
    """The migrations do not fit the database; restore the files that were applied to it."""

    def __init__(self, message: str, reason: MigrationReason) -> None:
        super().__init__(message)
        self.reason = reason


class StoreError(IngestError):
    """A row that had to be there was not; roll back, and report the call that led here."""


class RefusalReason(StrEnum):
    """What a new row contradicts."""

    ALREADY_THERE = "already_there"
    UNKNOWN_REFERENCE = "unknown_reference"
    OVERLAPPING_ASSIGNMENT = "overlapping_assignment"
    IMPOSSIBLE = "impossible"


class RefusedByStoreError(IngestError, ValueError):
    """The store refuses the row; correct it and try again in a new transaction."""

    def __init__(self, message: str, reason: RefusalReason) -> None:
        super().__init__(message)
        self.reason = reason


class BrokerReason(StrEnum):
    """Why the broker is of no use as it is."""

    SUBSCRIPTION_REFUSED = "subscription_refused"
    RECEIVING_STOPPED = "receiving_stopped"
    BAD_CREDENTIALS = "bad_credentials"
    UNFIT = "unfit"  # it would lose messages; see ingest/broker_findings.py


class BrokerError(IngestError):
    """The broker does not serve this worker; check its access list and this worker's certificate."""

    def __init__(self, message: str, reason: BrokerReason) -> None:
        super().__init__(message)
        self.reason = reason


class BrokerAway(IngestError):
    """The broker cannot be reached, or went away meanwhile; start it and check host and port."""


class EnrolmentReason(StrEnum):
    """Why a gateway gets no certificate."""

    BAD_REQUEST = "bad_request"  # no certificate signing request that is taken
    KEY_USED = "key_used"
    NOT_TRUSTED = "not_trusted"  # certificate, signature or standing of who asks for a renewal
    UNKNOWN_GATEWAY = "unknown_gateway"
    REVOKED = "revoked"


class EnrolmentRefused(IngestError, ValueError):
    """The gateway gets no certificate; correct what the message names, or issue a new claim code."""

    def __init__(self, message: str, reason: EnrolmentReason, gateway_id: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.gateway_id = gateway_id  # who asked, where that is proven


class ConfigurationReason(StrEnum):
    """Why a gateway gets no such configuration."""

    UNKNOWN_GATEWAY = "unknown_gateway"
    REVOKED = "revoked"
    CHANGED_MEANWHILE = "changed_meanwhile"
    NO_PERIPHERALS = "no_peripherals"  # a first version, which would silence the home
    IMPOSSIBLE = "impossible"  # something in it has a form that the format does not have
    NAMES_A_PATIENT = "names_a_patient"
    BROKEN_PROFILE = "broken_profile"  # the message says file, line and reason
    PROFILE_NOT_HERE = "profile_not_here"  # ingest could not read what a gateway records by it
    UNKNOWN_PROFILE = "unknown_profile"


class ConfigurationRefused(IngestError, ValueError):
    """The gateway keeps the configuration that it has; correct what the message names."""

    def __init__(self, message: str, reason: ConfigurationReason) -> None:
        super().__init__(message)
        self.reason = reason


class StandingReason(StrEnum):
    """Why a patient's standing cannot become so."""

    UNKNOWN_PATIENT = "unknown_patient"
    CHANGED_MEANWHILE = "changed_meanwhile"
    HOLDS_ALREADY = "holds_already"
    DECEASED = "deceased"
    FUTURE = "future"
    BEFORE_THE_FORMER = "before_the_former"


class StandingRefused(Reasoned[StandingReason], IngestError, ValueError):
    """The patient's standing stays as it is. Load the page again and look."""

    _WORDS: ClassVar = {
        StandingReason.UNKNOWN_PATIENT: "The practice has no such patient. Start again from the list of patients.",
        StandingReason.CHANGED_MEANWHILE: "The patient's standing changed after the page was drawn. Load it again, "
        "look, and decide again.",
        StandingReason.HOLDS_ALREADY: "The patient stands so already. Nothing needs to be recorded.",
        StandingReason.DECEASED: "The patient is recorded as deceased. Where that was wrong, withdraw it.",
        StandingReason.FUTURE: "That is still to come. Record it when it is so.",
        StandingReason.BEFORE_THE_FORMER: "That is before the standing that holds now began. Withdraw that one first "
        "where it was wrong, or choose a later time.",
    }


class IdentityRefused(IngestError, ValueError):
    """Who the patient is was corrected after the page was drawn. Load it again, look, and decide again."""


class FileRefused(IngestError, ValueError):
    """The file cannot be imported; it is not in the format that was expected."""


class SignerAway(IngestError):
    """The signer does not answer; start “homevitals signer” and check “signer_socket” of whoever asks."""


class AnchorReason(StrEnum):
    """What is wrong with the anchors of the audit trail or their key."""

    KEY_MISSING = "key_missing"
    KEY_THERE = "key_there"
    KEY_OPEN = "key_open"  # others of the machine may read it
    KEY_UNUSABLE = "key_unusable"
    FILE_ALTERED = "file_altered"


class AnchorError(IngestError):
    """The anchors of the audit trail cannot be used; the message says why, “homevitals audit verify” where."""

    def __init__(self, message: str, reason: AnchorReason) -> None:
        super().__init__(message)
        self.reason = reason


class AccessReason(StrEnum):
    """Why a restriction, a care team or emergency access stays as it is."""

    RESTRICTED_ALREADY = "restricted_already"
    NOT_RESTRICTED = "not_restricted"
    NO_CARE_TEAM = "no_care_team"
    LAST_MEMBER = "last_member"  # or none at all
    NO_CANDIDATE = "no_candidate"  # belongs to it already, or is no clinical staff
    ONESELF = "oneself"
    NOT_HIDDEN = "not_hidden"
    NOT_TO_REVIEW = "not_to_review"


class AccessRefused(IngestError, ValueError):
    """Access stays as it is. Load the page again and look at what holds now."""

    def __init__(self, reason: AccessReason) -> None:
        super().__init__()
        self.reason = reason
