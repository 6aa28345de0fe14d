"""Sealing: what only this console can read, and nobody can change, wherever it is kept meanwhile.

Sealed are the secrets of second factors in the database, and what a browser carries for a few minutes between two
steps of signing in. Each purpose has a key of its own, derived from the key file; what is sealed for one person does
not open for another.

Source: NIST SP 800-38D (AES-GCM), November 2007; RFC 5869 (HKDF), May 2010.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import os
import secrets
import threading
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Request

from ccm_link.console import surroundings
from firmware_profiles import secret_file
from firmware_profiles.errors import SettingsError

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MAKING: Final = threading.Lock()


class Purpose(StrEnum):
    """What is sealed; each has a key of its own."""

    TOTP_SECRET = "totp_secret"  # noqa: S105 - a word, not a secret
    HALFWAY = "halfway"  # between password and second factor
    PROVIDER = "provider"  # between here and the OpenID provider, and back
    LINKING = "linking"  # between an identity and the invitation that links it
    PROPOSAL = "proposal"  # a second factor that was shown and not confirmed yet
    KNOWN_BROWSER = "known_browser"
    PLACE = "place"  # in a list of readings
    POSITION = "position"  # in the stream of new readings


class Seal:
    """Keys that seal and open. The first key seals, all open: keys are replaced by putting one in front."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def close(self, purpose: Purpose, content: bytes, bound_to: str = "") -> bytes:
        """Return sealed content that opens for the same purpose and the same ``bound_to`` alone."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AESGCM(_derived(self._keys[0], purpose))
        return nonce + cipher.encrypt(nonce, content, bound_to.encode())

    def open(self, purpose: Purpose, sealed: bytes, bound_to: str = "") -> bytes | None:
        """Return the content, or None where it was not sealed here for this."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in self._keys:
            try:
                return AESGCM(_derived(key, purpose)).decrypt(nonce, rest, bound_to.encode())
            except (InvalidTag, ValueError):
                continue
        return None

    def close_note(
        self, purpose: Purpose, note: dict[str, Any], until: datetime, bound_to: str = ""
    ) -> str:
        """Return a note as text for a cookie or a form, good until an instant (aware)."""
        content = json.dumps({**note, "until": until.timestamp()}).encode()
        sealed = self.close(purpose, content, bound_to)
        # Without padding: “=” would have to be quoted in a cookie.
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open_note(
        self, purpose: Purpose, text: str | None, now: datetime, bound_to: str = ""
    ) -> dict[str, Any] | None:
        """Return a note, or None where it is none of ours or its time is over."""
        try:
            padded = (text or "") + "=" * (-len(text or "") % 4)
            sealed = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        content = self.open(purpose, sealed, bound_to)
        if content is None:
            return None
        note: dict[str, Any] = json.loads(content)
        return note if now.timestamp() < note.pop("until") else None


def of_file(path: Path) -> Seal:
    """Read the keys of the console.

    Raises:
        SettingsError: the file is not there, is open to others, or holds no such keys.
    """
    keys = []
    for number, line in enumerate(secret_file.read(path).splitlines(), start=1):
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES:
            raise SettingsError(
                [f"{path}: line {number} is no key; draw one with “openssl rand -base64 32”"]
            )
        keys.append(key)
    return Seal(keys)


def make_if_missing(path: Path) -> None:
    """Draw the first key where there is no file yet, for its owner's eyes alone; a file that is there stays.

    Raises:
        SettingsError: the file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise SettingsError(
            [f"{path} is missing and cannot be made here: {error.strerror}; write one key into it"]
        ) from None
    with os.fdopen(descriptor, "w") as file:
        file.write(new_key() + "\n")


def lasting(request: Request) -> Seal | None:
    """Return what seals for years, or None where the operator gave the console no keys."""
    return _lasting(surroundings.of(request).settings.secrets_key_file)


def passing(request: Request) -> Seal:
    """Return what seals for minutes, under a key of this process that is written down nowhere."""
    state = request.app.state
    with _MAKING:
        if not hasattr(state, "passing_seal"):
            state.passing_seal = Seal([secrets.token_bytes(_KEY_BYTES)])
        seal: Seal = state.passing_seal
    return seal


def new_key() -> str:
    """Draw a key, as a line of the key file."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


@functools.lru_cache(maxsize=8)
def _lasting(path: Path) -> Seal | None:
    return of_file(path) if path.exists() else None


@functools.lru_cache(maxsize=64)
def _derived(key: bytes, purpose: Purpose) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"homevitals {purpose} v1".encode()).derive(
        key
    )
