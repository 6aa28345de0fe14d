"""Passwords against their hashes. A check costs the same for a name that nobody has, a closed account, no password."""

from __future__ import annotations

import secrets
import threading
from typing import Final

import argon2

from ingest.credentials import StaffAccount

_HASHER: Final = argon2.PasswordHasher()
# An unknown name costs the same work as a known one: this stands in for the hash that is not there.
_NOBODYS_HASH: Final = _HASHER.hash(secrets.token_urlsafe(32))
# Each check takes 64 MiB for a moment; a crowd at the door waits instead of eating the machine's memory.
_AT_THE_DOOR: Final = threading.BoundedSemaphore(4)


def is_password_of(account: StaffAccount | None, password: str) -> bool:
    """Check a password; takes as long where there is nothing to check it against."""
    kept = None if account is None or account.disabled_at is not None else account.password_argon2
    with _AT_THE_DOOR:
        try:
            _HASHER.verify(_NOBODYS_HASH if kept is None else kept, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return kept is not None


def hash_of(password: str) -> str:
    """Return what is kept of a password."""
    with _AT_THE_DOOR:
        return _HASHER.hash(password)
