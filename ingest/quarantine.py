"""Why bytes could not become data: the closed list, with what each reason means and asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from firmware_profiles.errors import FrameReason, WireReason


class IngestReason(StrEnum):
    """Reasons that only the server can have; the others come from frame and wire format."""

    UNKNOWN_GATEWAY = "unknown_gateway"
    UNCLAIMED_GATEWAY = "unclaimed_gateway"
    REVOKED_GATEWAY = "revoked_gateway"
    UNKNOWN_PROFILE = "unknown_profile"
    RECORD_CONFLICT = "record_conflict"
    STORAGE_REFUSED = "storage_refused"
    PROCESSING_FAILED = "processing_failed"


Reason: TypeAlias = FrameReason | WireReason | IngestReason


@dataclass(frozen=True, slots=True)
class Explanation:
    """One reason in words.

    Attributes:
        meaning: what happened.
        action: what an operator should do.
        is_security_event: whether somebody may be at work who should not be.
    """

    meaning: str
    action: str
    is_security_event: bool = False


_UPDATE_GATEWAY: Final = "Update the gateway's software; report it if it is up to date."
_REPORT_MODEL: Final = "Report the bytes with model and firmware; the profile may need a version."

EXPLANATIONS: Final[Mapping[Reason, Explanation]] = {
    FrameReason.EMPTY_FRAME: Explanation(
        "The peripheral sent a record without bytes.", "Measure again; replace it if it recurs."
    ),
    FrameReason.SHORT_FRAME: Explanation(
        "The frame ends before the fields it announces.", _REPORT_MODEL
    ),
    FrameReason.TRAILING_BYTES: Explanation(
        "Bytes follow after the fields that the frame announces.", _REPORT_MODEL
    ),
    FrameReason.RESERVED_VALUE: Explanation(
        "A field holds a code that its specification reserves.", _REPORT_MODEL
    ),
    FrameReason.IMPOSSIBLE_VALUE: Explanation(
        "A number or date in the frame cannot be.", "Check the peripheral; measure again."
    ),
    FrameReason.UNKNOWN_CHARACTERISTIC: Explanation(
        "Nobody knows how to read records of that characteristic.", _UPDATE_GATEWAY
    ),
    FrameReason.WRONG_PROFILE: Explanation(
        "The device profile has no such records.", "Check which profile the peripheral was given."
    ),
    WireReason.EMPTY: Explanation("The message has no content.", _UPDATE_GATEWAY),
    WireReason.TOO_LARGE: Explanation("The message is longer than allowed.", _UPDATE_GATEWAY),
    WireReason.NOT_UTF8: Explanation("The message is not UTF-8 text.", _UPDATE_GATEWAY),
    WireReason.NOT_JSON: Explanation("The message is not JSON, or cut off.", _UPDATE_GATEWAY),
    WireReason.NOT_OBJECT: Explanation("The message is not a JSON object.", _UPDATE_GATEWAY),
    WireReason.TOO_DEEP: Explanation("The message nests too deeply.", _UPDATE_GATEWAY),
    WireReason.DUPLICATE_KEY: Explanation("A field is there twice.", _UPDATE_GATEWAY),
    WireReason.NOT_FINITE: Explanation("A number is infinite or none at all.", _UPDATE_GATEWAY),
    WireReason.WRONG_VERSION: Explanation(
        "The gateway speaks another version of the wire format.",
        "Update the older of gateway and server.",
    ),
    WireReason.MISSING_FIELD: Explanation("A field is missing.", _UPDATE_GATEWAY),
    WireReason.WRONG_TYPE: Explanation("A field has the wrong type.", _UPDATE_GATEWAY),
    WireReason.OUT_OF_RANGE: Explanation("A field is outside its range.", _UPDATE_GATEWAY),
    WireReason.FORBIDDEN_FIELD: Explanation(
        "The sender names a patient or practice, which only the store may.",
        "Find out what sent it under this gateway's name.",
        is_security_event=True,
    ),
    WireReason.BAD_TIME: Explanation("A time is not a UTC time.", _UPDATE_GATEWAY),
    WireReason.BAD_TOPIC: Explanation(
        "The topic does not belong to the wire format.",
        "Check the broker's access list; find out what may publish there.",
        is_security_event=True,
    ),
    WireReason.GATEWAY_MISMATCH: Explanation(
        "The message names another gateway than its topic.",
        "Find out what sent it; revoke the gateway of the topic if it is not explained.",
        is_security_event=True,
    ),
    IngestReason.UNKNOWN_GATEWAY: Explanation(
        "No practice has a gateway of that name.",
        "Enrol the gateway, or find out who gave it a certificate.",
        is_security_event=True,
    ),
    IngestReason.UNCLAIMED_GATEWAY: Explanation(
        "The gateway sends although nobody has claimed its place with a code.",
        "Find out who gave it a certificate; revoke the gateway if that is not explained.",
        is_security_event=True,
    ),
    IngestReason.REVOKED_GATEWAY: Explanation(
        "The gateway was revoked but still reaches the broker.",
        "Put its certificate on the broker's revocation list and disconnect it.",
        is_security_event=True,
    ),
    IngestReason.UNKNOWN_PROFILE: Explanation(
        "This server does not have the device profile that read the record.",
        "Update the server, then process the record again.",
    ),
    IngestReason.RECORD_CONFLICT: Explanation(
        "The same record came before with other bytes; the first one stands.",
        "Compare both: two peripherals with one address, a reset counter, or a forgery.",
        is_security_event=True,
    ),
    IngestReason.STORAGE_REFUSED: Explanation(
        "The database refused the record.", "Report the error code; its bytes are kept here."
    ),
    IngestReason.PROCESSING_FAILED: Explanation(
        "Ingest failed on the record, which is a defect of ingest.",
        "Report it; process the record again after an update.",
    ),
}


def explain(reason: str) -> Explanation:
    """Return the explanation of a stored reason.

    Raises:
        KeyError: no release of this server wrote such a reason.
    """
    return EXPLANATIONS[_BY_NAME[reason]]


_BY_NAME: Final[Mapping[str, Reason]] = {reason.value: reason for reason in EXPLANATIONS}
