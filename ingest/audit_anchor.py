r"""Anchors: heads of all chains, signed and added to a file outside the database.

Who owns the database can compute every chain anew; who cannot sign cannot make an earlier anchor fit. A line is one
JSON object in the canonical form of :mod:`ingest.audit_chain`, ended by a line feed::

    {"at": …, "heads": {practice: [position, chain_sha256 in hex]}, "previous": SHA-256 of the line before in hex,
     "torn": null, "signature": base64 of Ed25519 over "homevitals audit anchor v1\n" + the object without "signature"}

A crash can leave half a line behind the last whole one. It stays; the next line says by its hash, in "torn", that it
was there. Anything else between two lines, and a "previous" that does not fit, is tampering.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ingest import audit_chain, audit_key
from ingest.errors import AnchorError, AnchorReason

log = logging.getLogger(__name__)

FIRST_PREVIOUS: Final = "0" * 64
_SIGNED: Final = b"homevitals audit anchor v1\n"
_BLOCK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain."""

    position: int
    chain_sha256: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """One line of the file."""

    at: str
    heads: Mapping[UUID, Head]
    previous: str
    torn: str | None


def encode(anchor: Anchor, key: Ed25519PrivateKey) -> bytes:
    """Return a signed line, without its line end."""
    unsigned = {
        "at": anchor.at,
        "heads": {
            str(practice_id): [head.position, head.chain_sha256.hex()]
            for practice_id, head in anchor.heads.items()
        },
        "previous": anchor.previous,
        "torn": anchor.torn,
    }
    signature = key.sign(_SIGNED + audit_chain.canonical_bytes(unsigned))
    return audit_chain.canonical_bytes(
        unsigned | {"signature": base64.b64encode(signature).decode()}
    )


def decode(line: bytes, key: Ed25519PublicKey) -> Anchor | None:
    """Return what a line says, or None where it is not exactly what the key signed."""
    try:
        found = json.loads(line)
        signature = base64.b64decode(found.pop("signature"), validate=True)
        unsigned = audit_chain.canonical_bytes(found)
        key.verify(signature, _SIGNED + unsigned)
        anchor = _anchor(found)
        # One content, one text: no second way to write a line, no key twice.
        written = audit_chain.canonical_bytes(
            found | {"signature": base64.b64encode(signature).decode()}
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
        return None
    except InvalidSignature:
        return None
    return anchor if written == line else None


def sha256(line: bytes) -> str:
    """Return a line's hash as the next line names it."""
    return hashlib.sha256(line).hexdigest()


def is_whole_object(line: bytes) -> bool:
    """Tell whether a line is a whole JSON object, which half a line never is."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def signing_key(key_file: Path, anchor_file: Path) -> Ed25519PrivateKey:
    """Read the key; make one where nothing was ever signed.

    Raises:
        AnchorError: the key is missing and there are anchors of it, or it cannot be used.
    """
    if not key_file.exists() and not anchor_file.exists():
        log.info("audit_key_made")
        return audit_key.make(key_file)
    return audit_key.private(key_file)


class AnchorFile:
    """The file, for the one who adds to it. Several processes may, one line after the other."""

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        self._path = path
        self._key = key
        # Where the last line that this process wrote begins and ends, and its hash.
        self._own: tuple[int, int, str] | None = None

    def add(self, heads: Mapping[UUID, Head], at: datetime) -> bool:
        """Add an anchor and wait until the disk has it; False where no chain has moved since the last one.

        Raises:
            AnchorError: the end of the file is no work of this key.
            OSError: the disk refuses; the lines before are as they were.
        """
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end = self._end(descriptor)
            previous = self._previous(descriptor, end)
            has_moved = end.anchor is None or end.anchor.heads != heads
            if not (has_moved or end.torn or previous != end.previous):
                return False
            torn = sha256(end.torn) if end.torn else None
            self._write(descriptor, end, Anchor(audit_chain.instant(at), heads, previous, torn))
        finally:
            os.close(descriptor)
        if is_new:
            audit_key.sync_folder(self._path.parent)
        return True

    def check(self) -> None:
        """See that the file can be continued; one that is not there yet can.

        Raises:
            AnchorError: its end is no work of this key.
            OSError: it cannot be read.
        """
        if self._path.exists():
            descriptor = os.open(self._path, os.O_RDONLY)
            try:
                self._end(descriptor)
            finally:
                os.close(descriptor)

    def _write(self, descriptor: int, end: _End, anchor: Anchor) -> None:
        line = encode(anchor, self._key)
        before = b"" if end.is_closed else b"\n"
        content = before + line + b"\n"
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:])
        os.fsync(descriptor)
        start = end.size + len(before)
        self._own = (start, start + len(line), sha256(line))

    def _previous(self, descriptor: int, end: _End) -> str:
        """Name the line before; where the own last line is gone, still that one: the gap has to be seen for ever."""
        if self._own is not None:
            start, stop, own_sha256 = self._own
            if sha256(os.pread(descriptor, stop - start, start)) != own_sha256:
                log.error("audit_anchors_altered")
                return own_sha256
        return end.previous

    def _end(self, descriptor: int) -> _End:
        """Find the last whole line, reading backwards, and what a crash left behind it."""
        size = os.fstat(descriptor).st_size
        length = _BLOCK_BYTES
        while True:
            start = max(0, size - length)
            lines = os.pread(descriptor, size - start, start).split(b"\n")
            # What stands before the first line end may be half of a line that begins further up.
            first = 0 if start == 0 else 1
            for number in range(len(lines) - 1, first - 1, -1):
                anchor = decode(lines[number], self._key.public_key())
                if anchor is not None:
                    return _End(size, anchor, sha256(lines[number]), tuple(lines[number + 1 :]))
                if is_whole_object(lines[number]):
                    raise self._altered()
            if start == 0:
                return _End(size, None, FIRST_PREVIOUS, tuple(lines))
            length *= 4

    def _altered(self) -> AnchorError:
        return AnchorError(
            f"the last anchors in {self._path} were altered, or signed by another key; keep the file as evidence, "
            "see “homevitals audit verify”, and begin a new one",
            AnchorReason.FILE_ALTERED,
        )


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the file: its size, the last anchor and its hash, and the pieces between line ends behind it."""

    size: int
    anchor: Anchor | None
    previous: str
    behind: tuple[bytes, ...]

    @property
    def torn(self) -> bytes:
        return b"\n".join(self.behind)

    @property
    def is_closed(self) -> bool:
        return self.size == 0 or self.behind == (b"",)


def _anchor(found: dict[str, Any]) -> Anchor:
    if set(found) != {"at", "heads", "previous", "torn"}:
        raise ValueError("not the columns of an anchor")
    heads = {
        UUID(practice_id): Head(int(position), bytes.fromhex(chain_sha256))
        for practice_id, (position, chain_sha256) in found["heads"].items()
    }
    return Anchor(str(found["at"]), heads, str(found["previous"]), found["torn"])
