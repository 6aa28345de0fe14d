"""Everything that can go wrong on the gateway.

::

    GatewayError
    ├── ConfigurationError  the settings file or a home file cannot be used
    ├── OutboxError         the durable store refused (reason: StorageReason)
    ├── IdentityError       key and certificate of this gateway cannot be used (reason: IdentityReason)
    ├── EnrolmentError      the server gave no certificate (reason: EnrolmentReason)
    │   └── ServerAwayError     it could not be asked
    ├── ControlError        the running gateway refused a request of this machine
    │   └── GatewayAwayError    it could not be asked
    ├── AdapterError        there is no working Bluetooth adapter (reason: AdapterReason)
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


class IdentityReason(StrEnum):
    """Why there is no identity to use."""

    ABSENT = "absent"  # never enrolled
    DAMAGED = "damaged"  # there is one, but no whole one
    KEY_EXPOSED = "key_exposed"  # others on this machine may read the key
    STORAGE = "storage"  # the disk refused


class IdentityError(GatewayError):
    """This gateway has no identity to show; enrol it with `homevitals-gateway enrol`."""

    exit_code = ExitCode.CONFIGURATION

    def __init__(self, reason: IdentityReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class EnrolmentReason(StrEnum):
    """Why the server gave no certificate, or why it was not asked."""

    ENROLLED = "enrolled"  # there is an identity already
    RECORDS_WAIT = "records_wait"  # they belong to the identity that would go
    OTHER_OWNER = "other_owner"  # the state folder is another user's
    BAD_CODE = "bad_code"  # nothing that could be a claim code
    UNREACHABLE = "unreachable"
    TLS = "tls"
    CLOCK = "clock"  # the server's certificate is outside its dates, as this clock has it
    NO_ANSWER = "no_answer"  # asked, but nobody knows what became of it
    REFUSED = "refused"
    KEY_USED = "key_used"
    REQUEST_REFUSED = "request_refused"
    BUSY = "busy"
    SERVER_FAILED = "server_failed"
    NOT_THE_SERVER = "not_the_server"  # something else answers there
    BAD_ANSWER = "bad_answer"
    OTHER_GATEWAY = "other_gateway"  # the certificate is for another gateway than expected


class EnrolmentError(GatewayError):
    """The server gave no certificate; the identity of before, if there was one, is still in place."""

    def __init__(self, reason: EnrolmentReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class ServerAwayError(EnrolmentError):
    """The enrolment server could not be asked; check its address and the network, then try again."""

    exit_code = ExitCode.UNREACHABLE


class ControlError(GatewayError):
    """The running gateway refused; its log says more."""


class GatewayAwayError(ControlError):
    """The gateway does not run; start it, then try again."""

    exit_code = ExitCode.UNREACHABLE


class AdapterReason(StrEnum):
    """Why a radio cannot be used."""

    ABSENT = "absent"  # no such adapter, or none at all
    BLOCKED = "blocked"  # switched off for the whole machine (rfkill)
    REFUSED = "refused"  # the system does not let us
    SILENT = "silent"  # the Bluetooth service, or the controller, does not answer
    BUSY = "busy"  # something is “in progress” that does not end
    DEAF = "deaf"  # it scans, and hears nothing at all
    HANGS = "hangs"  # it cannot be switched off and on
    LOST = "lost"  # it was there
    FAILED = "failed"  # any other


class AdapterError(GatewayError):
    """There is no working Bluetooth adapter; check `adapter` in the configuration and that the radio is on."""

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, reason: AdapterReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class SessionReason(StrEnum):
    """Why a conversation ended early."""

    UNREACHABLE = "unreachable"
    ADAPTER_BUSY = "adapter_busy"  # the system does something else with the adapter, or says so
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

    def __init__(
        self, reason: UplinkReason, message: str | None = None, reason_code: str | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.reason_code = reason_code  # the name that MQTT gives to the broker's own reason
