"""Reads the anchor file for who checks the trail: every line that the key signed counts, wherever it stands."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ingest import audit_anchor
from ingest.audit_anchor import FIRST_PREVIOUS, Anchor

_SHA256_BYTES: Final = 32


class Fault(StrEnum):
    """What is wrong with a line of the file."""

    BAD_SIGNATURE = "bad_signature"  # a whole line that the key did not sign, or not so
    NOT_AN_ANCHOR = "not_an_anchor"
    LINE_MISSING = "line_missing"  # the line before is not the one that this line continues


@dataclass(frozen=True, slots=True)
class AnchorFault:
    """The first thing wrong with the file, by line number from 1."""

    line: int
    fault: Fault


@dataclass(slots=True)
class _Chain:
    """Anchored heads of one chain, packed: six years of anchors are hundreds of thousands."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    positions: array[int] = field(default_factory=lambda: array("q"))
    chain_sha256s: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """What one anchor says about one chain."""

    line: int
    position: int
    chain_sha256: bytes


class Anchors:
    """All that the file says.

    Attributes:
        count: How many anchors there are.
        fault: The first thing wrong with the file, if anything is.
        is_torn: Whether half a line stands at the end, as a crash leaves it; not a fault by itself.
        last_at: When the last anchor was signed, as written; "" without any.
    """

    def __init__(self) -> None:
        self.count = 0
        self.fault: AnchorFault | None = None
        self.is_torn = False
        self.last_at = ""
        self._chains: dict[UUID, _Chain] = {}

    def practice_ids(self) -> set[UUID]:
        """Return whose chains are anchored."""
        return set(self._chains)

    def of(self, practice_id: UUID) -> Iterator[AnchoredHead]:
        """Yield what is anchored of one chain, lowest position first."""
        chain = self._chains.get(practice_id)
        if chain is None:
            return
        for number in sorted(range(len(chain.positions)), key=chain.positions.__getitem__):
            start = number * _SHA256_BYTES
            yield AnchoredHead(
                chain.lines[number],
                chain.positions[number],
                bytes(chain.chain_sha256s[start : start + _SHA256_BYTES]),
            )

    def note_fault(self, line: int, fault: Fault) -> None:
        """Keep the first fault of the file."""
        if self.fault is None:
            self.fault = AnchorFault(line, fault)

    def note(self, line: int, anchor: Anchor) -> None:
        """Keep what an anchor says; a chain that has not moved since the last one needs no second entry."""
        self.count += 1
        self.last_at = anchor.at
        for practice_id, head in anchor.heads.items():
            chain = self._chains.setdefault(practice_id, _Chain())
            if (
                chain.positions
                and chain.positions[-1] == head.position
                and chain.chain_sha256s[-_SHA256_BYTES:] == head.chain_sha256
            ):
                continue
            chain.lines.append(line)
            chain.positions.append(head.position)
            chain.chain_sha256s += head.chain_sha256


def read(path: Path, key: Ed25519PublicKey) -> Anchors:
    """Read the file line by line.

    Raises:
        OSError: it cannot be read.
    """
    anchors = Anchors()
    previous = FIRST_PREVIOUS
    between: list[bytes] = []  # what is no anchor, since the last one
    begun_at_line, is_ended = 0, True
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            line, is_ended = raw.removesuffix(b"\n"), raw.endswith(b"\n")
            anchor = audit_anchor.decode(line, key)
            if anchor is None:
                begun_at_line = begun_at_line if between else number
                between.append(line)
                continue
            if anchor.torn != (audit_anchor.sha256(b"\n".join(between)) if between else None):
                anchors.note_fault(*_fault_between(between, begun_at_line or number))
            if anchor.previous != previous:
                anchors.note_fault(number, Fault.LINE_MISSING)
            previous, between = audit_anchor.sha256(line), []
            anchors.note(number, anchor)
    if between and (is_ended or len(between) > 1 or audit_anchor.is_whole_object(between[0])):
        anchors.note_fault(*_fault_between(between, begun_at_line))
    anchors.is_torn = bool(between)
    return anchors


def _fault_between(between: list[bytes], line: int) -> tuple[int, Fault]:
    if between and audit_anchor.is_whole_object(between[0]):
        return line, Fault.BAD_SIGNATURE
    return line, Fault.NOT_AN_ANCHOR if between else Fault.LINE_MISSING
