"""What can go wrong while putting the system together.

DeployError
├── ConfigurationError   a settings file cannot be used
├── MissingProgram       a program that the stack needs is not installed
├── ProcessFailed        a process of the stack ended or did not become ready
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
