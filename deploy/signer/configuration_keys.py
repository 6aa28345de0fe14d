"""The keys that gateways' configurations are signed with, in the signer's folder: Ed25519, one file a generation.

A key's file is named after the day on which it was made. All keys that are there are handed out, to every gateway that
enrols or renews its certificate; the newest that every gateway with a living certificate must have learned signs. So a
key follows the one before without anybody's doing, and configurations of before stay good.

A key that somebody may have read is deleted and the signer started again: it makes another, which signs at once where
no other is left. Gateways that do not know it renew their certificate early, and forget the deleted one with that.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy import errors
from deploy.signer import authority
from firmware_profiles import signed_configuration
from firmware_profiles.signed_configuration import SignedConfiguration

_SUCCESSOR_AFTER: Final = timedelta(days=2 * 365)
# A gateway that has not renewed its certificate for so long has none that the broker takes.
_KNOWN_AFTER: Final = authority.CERTIFICATE_LIFETIME + timedelta(days=5)
_KEY_FILE: Final = re.compile(r"configuration-([0-9]{4}-[0-9]{2}-[0-9]{2})\.key")


@dataclass(frozen=True, slots=True)
class _Generation:
    made_on: date  # UTC
    key: Ed25519PrivateKey


class ConfigurationKeys:
    """Signs configurations; makes its first key when there is none.

    Args:
        folder: Where the keys lie; it is there, and nobody else may read it.
        clock: Returns now, aware UTC.

    Raises:
        ConfigurationError: a file is there that cannot be used, or that others may read.
        OSError: the folder does not take a new key.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock
        self._generations = sorted(
            (
                _Generation(_day(path, found[1]), _load(path))
                for path in folder.iterdir()
                if (found := _KEY_FILE.fullmatch(path.name))
            ),
            key=lambda one: one.made_on,
        )
        self._present()

    def sign(self, content: bytes) -> SignedConfiguration:
        """Sign the bytes of a configuration."""
        key = self._signing()
        return SignedConfiguration(
            key_id=signed_configuration.key_id(_public_der(key)),
            signature=key.sign(signed_configuration.signed_bytes(content)),
            content=content,
        )

    def public_keys(self) -> str:
        """Return the public halves (PEM) of all keys, latest first."""
        return "".join(
            one.key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode("ascii")
            for one in reversed(self._present())
        )

    def _present(self) -> list[_Generation]:
        """Return all keys, oldest first; make the next one when it is time."""
        today = self._clock().astimezone(UTC).date()
        newest = self._generations[-1] if self._generations else None
        if newest is None or today - newest.made_on >= _SUCCESSOR_AFTER:
            self._generations.append(_make(self._folder, today))
        return self._generations

    def _signing(self) -> Ed25519PrivateKey:
        today = self._clock().astimezone(UTC).date()
        present = self._present()
        known = [one for one in present if today - one.made_on >= _KNOWN_AFTER]
        return (known[-1] if known else present[0]).key


def _make(folder: Path, today: date) -> _Generation:
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # Under its name only when all of it is on the disk: half a key must not stop the next start.
    unfinished = folder / "configuration.new"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / f"configuration-{today.isoformat()}.key")
    return _Generation(today, key)


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise _unusable(path) from None
    if mode & 0o077:
        raise errors.ConfigurationError(
            f"{path} can be read by others (mode {mode:o}); make it 600, and think about who has read it"
        )
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(path)
    return key


def _day(path: Path, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise errors.ConfigurationError(
            f"{path} is named after a day that there is not; restore its name from a backup"
        ) from None


def _unusable(path: Path) -> errors.ConfigurationError:
    return errors.ConfigurationError(
        f"{path} cannot be read as an Ed25519 key (PEM); restore it from a backup, or move it away: gateways then"
        " learn the next key when they renew their certificates"
    )


def _public_der(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
