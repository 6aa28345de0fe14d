"""How a gateway's configuration travels: signed on the way down, answered on the way up.

- **SignedConfiguration** (server → gateway, kept by the broker): the bytes of a `GatewayConfiguration`, an Ed25519
  signature over them, and which key made it. The bytes travel as base64, so that nobody in between can write the
  same configuration in another way.
- **ConfigurationAnswer** (gateway → server): which version is in force, and why the one that came was refused.

Signing and verifying are done by both ends; this package has no cryptography.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_profiles import errors, strict_json
from firmware_profiles.errors import WireReason
from firmware_profiles.gateway_configuration import MAX_NUMBER
from firmware_profiles.wire_fields import MAX_INTEGER, Fields

VERSION: Final = 1
MAX_BYTES: Final = 256 * 1024  # of one message, as everywhere on the wire
MAX_DETAIL_CHARACTERS: Final = 400

# So that a signature made for a configuration can never be one for anything else.
_LABEL: Final = b"homevitals gateway configuration v1\n"
_SIGNATURE_BYTES: Final = 64
_KEY_ID: Final = re.compile(r"[0-9a-f]{64}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_DETAIL: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{0,{MAX_DETAIL_CHARACTERS}}}")


class ConfigurationRefusal(StrEnum):
    """Why a gateway does not follow a configuration."""

    UNREADABLE = "unreadable"  # no signed configuration at all
    UNKNOWN_KEY = (
        "unknown_key"  # signed by a key that the gateway has not learned yet, or no longer
    )
    BAD_SIGNATURE = "bad_signature"
    OTHER_GATEWAY = "other_gateway"
    OTHER_FORMAT = "other_format"  # the gateway is older than the server
    OLDER = "older"  # a newer one was in force already
    SAME_NUMBER = "same_number"  # another one of the same number was in force already
    BROKEN_PROFILE = "broken_profile"  # the detail says file, line and reason
    UNKNOWN_PROFILE = (
        "unknown_profile"  # a peripheral is to be talked to by a profile that is not there
    )
    SWITCHED_OFF = "switched_off"  # the gateway's own settings refuse all configurations
    NOT_STORED = "not_stored"  # the disk refused


@dataclass(frozen=True, slots=True)
class SignedConfiguration:
    """A configuration on its way.

    Attributes:
        key_id: `key_id` of the public key that its signature is checked with.
        signature: over `signed_bytes` of the content.
        content: `gateway_configuration.encode`.
    """

    key_id: str
    signature: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A configuration that the gateway does not follow.

    Attributes:
        number: which one; None where nobody can say.
        reason: why.
        detail: what to correct, in words; "" where the reason says it all.
    """

    number: int | None
    reason: ConfigurationRefusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationAnswer:
    """What a gateway follows.

    Attributes:
        applied: number of the version in force; 0: none, its own settings alone.
        refused: the last one that came, if it is not followed.
    """

    applied: int
    refused: Refused | None = None


def key_id(public_key_der: bytes) -> str:
    """Return what a public key (SubjectPublicKeyInfo, DER) is called: its SHA-256, hexadecimal."""
    return hashlib.sha256(public_key_der).hexdigest()


def signed_bytes(content: bytes) -> bytes:
    """Return what is signed for a content."""
    return _LABEL + content


def encode(signed: SignedConfiguration) -> bytes:
    """Write a signed configuration.

    Raises:
        WireError: it breaks the format.
    """
    payload = _payload(
        {
            "version": VERSION,
            "key_id": signed.key_id,
            "signature": _base64(signed.signature),
            "content": _base64(signed.content),
        }
    )
    decode(payload)
    return payload


def decode(payload: bytes) -> SignedConfiguration:
    """Read a signed configuration; whether the signature holds is not looked at.

    Raises:
        WireError: it is none.
    """
    fields = _envelope(payload)
    signature = _bytes_of(fields, "signature")
    if len(signature) != _SIGNATURE_BYTES:
        raise errors.WireError(
            WireReason.OUT_OF_RANGE, f"signature must have {_SIGNATURE_BYTES} bytes"
        )
    return SignedConfiguration(
        key_id=fields.text("key_id", _KEY_ID, "64 hexadecimal digits"),
        signature=signature,
        content=_bytes_of(fields, "content"),
    )


def encode_answer(answer: ConfigurationAnswer) -> bytes:
    """Write an answer.

    Raises:
        WireError: it breaks the format.
    """
    refused = answer.refused
    payload = _payload(
        {
            "version": VERSION,
            "applied": answer.applied,
            "refused": None
            if refused is None
            else {"number": refused.number, "reason": refused.reason, "detail": refused.detail},
        }
    )
    decode_answer(payload)
    return payload


def decode_answer(payload: bytes) -> ConfigurationAnswer:
    """Read an answer.

    Raises:
        WireError: it breaks the format.
    """
    fields = _envelope(payload)
    node = fields.get("refused")
    return ConfigurationAnswer(
        applied=fields.whole("applied", 0, MAX_NUMBER),
        refused=None if node is None else _refused(Fields(node, "refused")),
    )


def _refused(fields: Fields) -> Refused:
    number = fields.get("number")
    return Refused(
        number=None if number is None else fields.whole("number", 1, MAX_NUMBER),
        reason=fields.choice("reason", ConfigurationRefusal),
        detail=fields.text(
            "detail", _DETAIL, f"one line of at most {MAX_DETAIL_CHARACTERS} characters"
        ),
    )


def _envelope(payload: bytes) -> Fields:
    fields = Fields(strict_json.parse_object(payload, max_bytes=MAX_BYTES), "the payload")
    if fields.whole("version", 0, MAX_INTEGER) != VERSION:
        raise errors.WireError(
            WireReason.WRONG_VERSION, f"version must be {VERSION}; update the older of both ends"
        )
    return fields


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes_of(fields: Fields, name: str) -> bytes:
    text = fields.text(name, _BASE64, "base64")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise errors.WireError(WireReason.OUT_OF_RANGE, f"{name} must be base64") from None


def _payload(members: Mapping[str, object]) -> bytes:
    return json.dumps(members, allow_nan=False, separators=(",", ":")).encode("ascii")
