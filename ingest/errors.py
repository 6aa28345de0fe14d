"""Everything that ingest raises.

::

    IngestError
    ├── QueryFileError        a queries.sql that does not follow its own form
    ├── MigrationError        the database and the migration files do not agree (.reason)
    ├── StoreError            a statement did not do what its caller was promised
    ├── RefusedByStoreError   what was to be stored contradicts what is there (.reason)
    └── BrokerError           the broker refuses what ingest cannot work without (.reason)

The docstring of a class is its default message.
"""

from __future__ import annotations

from enum import StrEnum


class IngestError(Exception):
    """Ingest could not go on; see the log line before this one."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


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


class BrokerError(IngestError):
    """The broker does not serve this worker; check its access list and this worker's certificate."""

    def __init__(self, message: str, reason: BrokerReason) -> None:
        super().__init__(message)
        self.reason = reason
