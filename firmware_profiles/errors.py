"""Everything that can go wrong in this package.

::

    FirmwareProfilesError
    ├── FrameError     (ValueError)  a peripheral's bytes are not what their characteristic promises
    ├── WireError      (ValueError)  a message between gateway and server breaks the wire format
    ├── ProfileError   (ValueError)  a device profile does not exist or contradicts itself
    └── SettingsError  (ValueError)  a configuration has mistakes, all of them listed

No message repeats content: it names fields, lengths and limits, never a measured value, for error
texts end up in logs and in quarantine.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from enum import StrEnum


class FrameReason(StrEnum):
    """Why a frame was refused; stored as its reason in quarantine."""

    EMPTY_FRAME = "empty_frame"
    SHORT_FRAME = "short_frame"
    TRAILING_BYTES = "trailing_bytes"
    RESERVED_VALUE = "reserved_value"
    IMPOSSIBLE_VALUE = "impossible_value"
    UNKNOWN_CHARACTERISTIC = "unknown_characteristic"
    WRONG_PROFILE = "wrong_profile"


class WireReason(StrEnum):
    """Why a message, or a record in it, was refused; stored as its reason in quarantine."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    NOT_FINITE = "not_finite"
    WRONG_VERSION = "wrong_version"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    FORBIDDEN_FIELD = "forbidden_field"
    BAD_TIME = "bad_time"
    BAD_TOPIC = "bad_topic"
    GATEWAY_MISMATCH = "gateway_mismatch"


class FirmwareProfilesError(Exception):
    """Something is wrong with a peripheral or a message; report it with the log line before it."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


class FrameError(FirmwareProfilesError, ValueError):
    """The bytes do not follow their characteristic; compare them with the device profile."""

    def __init__(self, reason: FrameReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class WireError(FirmwareProfilesError, ValueError):
    """The message breaks wire format v1; compare the sender with wire_v1.schema.json."""

    def __init__(self, reason: WireReason, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class ProfileError(FirmwareProfilesError, ValueError):
    """There is no such device profile; `homevitals-gateway profiles list` shows those there are."""


class SettingsError(FirmwareProfilesError, ValueError):
    """The configuration has mistakes; correct every line listed and run `config check` again."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems) or None)
