"""Signatures of webhooks: a secret for each receiver, and the headers that it checks. Pure.

Source: Standard Webhooks specification 1.0 (2023-12): HMAC-SHA256 over ``id.timestamp.body``, signatures
``v1,<base64>`` separated by blanks, secrets ``whsec_<base64>`` of 24 to 64 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

_LEAST_BYTES: Final = 24
# What the key makes here it makes nowhere else.
_PURPOSE: Final = b"homevitals webhook receiver\n"


def keys_of(text: str) -> list[bytes]:
    """Read the keys of a file, one a line.

    Raises:
        ValueError: a line is no base64, or of less than 24 bytes, or there is none.
    """
    try:
        found = [
            base64.b64decode(line.strip(), validate=True)
            for line in text.splitlines()
            if line.strip()
        ]
    except binascii.Error:
        raise ValueError("a line of the file is not base64") from None
    if not found or any(len(key) < _LEAST_BYTES for key in found):
        raise ValueError("a key has 24 bytes at least")
    return found


def receivers_secret(key: bytes, url: str) -> bytes:
    """Return the secret of one receiver: whoever has it can make up messages to that address alone."""
    return hmac.digest(key, _PURPOSE + url.encode(), hashlib.sha256)


def written(secret: bytes) -> str:
    """Return a secret as receivers' libraries take it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def headers(
    secrets: Sequence[bytes], message_id: UUID, body: bytes, at: datetime
) -> dict[str, str]:
    """Return the headers of a message.

    Args:
        secrets: Of the receiver, under each key; one of them has to be the one that it knows.
        message_id: Which message.
        body: Its bytes.
        at: Now, aware; receivers refuse what is minutes old.
    """
    name, timestamp = f"msg_{message_id}", str(int(at.timestamp()))
    signed = f"{name}.{timestamp}.".encode() + body
    signatures = (
        base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets
    )
    return {
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }
