"""Everything that can go wrong on the gateway.

::

    GatewayError
    ├── ConfigurationError  the settings file or a home file cannot be used
    ├── OutboxError         the durable store refused (reason: StorageReason)
    ├── AdapterError        there is no working Bluetooth adapter
    ├── SessionError        one conversation with one peripheral failed (reason: SessionReason)
    └── UplinkError         the connection to the broker failed (reason: UplinkReason)

Texts name peripherals and files, never a measured value: they end up in logs.
"""

from __future__ import annotations

import inspect
from enum import IntEnum, StrEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the command tells the shell."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


class GatewayError(Exception):
    """The gateway cannot go on; the log line before this one says at what."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILURE

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


class ConfigurationError(GatewayError, ValueError):
    """The configuration cannot be used; correct what is listed and run `homevitals-gateway config check`."""

    exit_code = ExitCode.CONFIGURATION


class StorageReason(StrEnum):
    """Why the outbox refused."""

    IN_USE = "in_use"  # another gateway process holds the lock
    KEY_EXPOSED = "key_exposed"  # others on this machine may read the key file
    KEY_UNUSABLE = "key_unusable"
    FULL = "full"  # no space left; room may come back
    FAILED = "failed"  # the disk did not take a write: the process must not go on as if it had
    ABSENT = "absent"
    NEWER = "newer"  # written by a later version than this


class OutboxError(GatewayError):
    """The outbox refused; free space or replace the disk, then start the gateway again."""

    def __init__(self, reason: StorageReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class AdapterError(GatewayError):
    """There is no working Bluetooth adapter; check `adapter` in the configuration and that the radio is on."""

    exit_code = ExitCode.UNREACHABLE


class SessionReason(StrEnum):
    """Why a conversation ended early."""

    UNREACHABLE = "unreachable"
    PAIRING_REFUSED = "pairing_refused"
    MISSING_CHARACTERISTIC = "missing_characteristic"
    REFUSED = "refused"
    LINK_LOST = "link_lost"
    TOO_SLOW = "too_slow"
    STORAGE = "storage"


class SessionError(GatewayError):
    """The peripheral did not finish the conversation; it keeps its records and is asked again later."""

    def __init__(self, reason: SessionReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class UplinkReason(StrEnum):
    """Why the broker cannot be used."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    REFUSED = "refused"
    SUBSCRIPTION_REFUSED = "subscription_refused"
    SILENT = "silent"
    LOST = "lost"


class UplinkError(GatewayError):
    """The broker cannot be used; records stay in the outbox and are sent when it can."""

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, reason: UplinkReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
