"""What can go wrong while putting the system together.

DeployError
├── ConfigurationError   a settings file cannot be used
├── MissingProgram       a program that the stack needs is not installed
├── ProcessFailed        a process of the stack ended or did not become ready
├── BackupError          a backup cannot be made, is damaged, or was not restored as it was
├── SupplyChainError     a lock, a bill of materials or a list of weaknesses cannot be used
├── GuardError           the broker's guard could not do its work and tries again
│   ├── AnotherGuard         another guard is at work
│   ├── BadRevocationList    the signer's revocation list cannot be used
│   ├── BrokerAway           the broker cannot be reached or made to reload
│   └── GatewayReturned      a revoked gateway connected again
├── SeriesMoveError      the readings were not moved to TimescaleDB
├── SignerUnreachable    the signer does not answer
└── WayEnded             ``up --check``: the reading did not reach the next station
"""

from __future__ import annotations


class DeployError(Exception):
    """The system could not be put together. The message says what to do."""

    exit_code = 1


class ConfigurationError(DeployError):
    """The settings cannot be used. Correct what the message names and start again."""

    exit_code = 3


class MissingProgram(DeployError):
    """A program is missing. Install what the message names and start again."""

    exit_code = 4


class ProcessFailed(DeployError):
    """A process of the stack failed. Its log file is named in the message."""


class WayEnded(DeployError):
    """The reading stopped on its way. The message names the station and what to look at."""

    def __init__(self, station: str, message: str) -> None:
        super().__init__(f"stopped at station “{station}”: {message}")
        self.station = station


class BackupError(DeployError):
    """A backup cannot be made, is damaged, or was not restored as it was. The message says what to do."""


class SupplyChainError(DeployError):
    """A lock, a bill of materials or a list of weaknesses cannot be used. Do what the message says."""


class GuardError(DeployError):
    """The guard could not do its work; it tries again. Look at the log lines before this one."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class AnotherGuard(GuardError):
    """Another guard is at work; this one stands by until it ends."""


class BadRevocationList(GuardError):
    """The revocation list or the authority's certificates cannot be used; check the signer's folder."""


class BrokerAway(GuardError):
    """The broker cannot be reached; start it, and check the section [guard]."""


class GatewayReturned(GuardError):
    """A revoked gateway connected again; check that the broker reads the guard's crl_file."""


class SeriesMoveError(DeployError):
    """The readings were not moved to TimescaleDB; all are where they were. The message says what to do."""


class SignerUnreachable(DeployError):
    """The signer does not answer; start “homevitals signer” and check signer_socket of the section that asks."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)
