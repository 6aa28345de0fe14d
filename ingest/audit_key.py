"""The key pair that signs anchors of the audit trail: Ed25519, in files that the database knows nothing of."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ingest.errors import AnchorError, AnchorReason


def public_file(key_file: Path) -> Path:
    """Return where the public half of a key is: beside it."""
    return key_file.with_suffix(".pub")


def make(key_file: Path) -> Ed25519PrivateKey:
    """Make a key pair: the private half for its owner's eyes only, the public half beside it.

    Raises:
        AnchorError: a key is there already; nothing is ever overwritten.
        OSError: the folder does not take it.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        _write_new(key_file, private, 0o600)
    except FileExistsError:
        raise AnchorError(
            f"there is a key already: {key_file}; it is not overwritten", AnchorReason.KEY_THERE
        ) from None
    public_file(key_file).unlink(missing_ok=True)  # of a key that is gone
    _write_new(public_file(key_file), public, 0o644)
    return key


def private(key_file: Path) -> Ed25519PrivateKey:
    """Read the private half.

    Raises:
        AnchorError: it is missing, no Ed25519 key, or open to other users of the machine.
    """
    try:
        if key_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise AnchorError(
                f"{key_file} is open to other users of this machine; run chmod 600 on it",
                AnchorReason.KEY_OPEN,
            )
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except FileNotFoundError:
        raise AnchorError(
            f"the key that signs the anchors is missing: {key_file}; put it back, anchors of another key "
            "do not continue these",
            AnchorReason.KEY_MISSING,
        ) from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise _unusable(key_file) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(key_file)
    return key


def public(file: Path) -> Ed25519PublicKey:
    """Read the public half.

    Raises:
        AnchorError: it is missing or no Ed25519 key.
    """
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except FileNotFoundError:
        raise AnchorError(
            f"the public key of the anchors is missing: {file}; name it with --public-key",
            AnchorReason.KEY_MISSING,
        ) from None
    except (OSError, ValueError, UnsupportedAlgorithm):
        raise _unusable(file) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _unusable(file)
    return key


def _unusable(file: Path) -> AnchorError:
    return AnchorError(
        f"{file} is no Ed25519 key in PEM that this user can read", AnchorReason.KEY_UNUSABLE
    )


def _write_new(file: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        os.fchmod(opened.fileno(), mode)
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make names that were created in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
