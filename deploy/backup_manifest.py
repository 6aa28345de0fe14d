"""What a backup says of itself: the database's contents at one instant, and the hash of each of its files. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from deploy.errors import BackupError

FORMAT: Final = "homevitals backup 1"
_MOST_NAMED: Final = 20  # what is beyond is counted; the first few say where to look


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows there are, and what is in them: sums over their SHA-256, in whatever order they come."""

    rows: int
    sha256_sums: str


@dataclass(frozen=True, slots=True)
class Contents:
    """A database at one instant.

    Attributes:
        taken_at: The server's clock at the snapshot, aware UTC.
        database: Its name.
        server_version: As a number, 170010 for 17.10.
        extensions: Name → version.
        engine: What the series are stored in: ``timescaledb`` or ``partitions``.
        migrations: Each with its SHA-256.
        tables: Table → month (UTC, ``2026-11``; "" where it is not divided) → content.
        sequences: Sequence → how far it has counted.
        structure: Part (table, policy, trigger, right …) → hash of its definition.
        audit_heads: Practice → position and hash in hex of the last link of its audit chain.
        roles: Roles that own something or were given a right.
    """

    taken_at: datetime
    database: str
    server_version: int
    extensions: Mapping[str, str]
    engine: str
    migrations: tuple[str, ...]
    tables: Mapping[str, Mapping[str, Content]]
    sequences: Mapping[str, int]
    structure: Mapping[str, str]
    audit_heads: Mapping[str, tuple[int, str]]
    roles: tuple[str, ...]

    @property
    def server_major(self) -> int:
        """Return the major version of the server."""
        return self.server_version // 10000

    @property
    def rows(self) -> int:
        """Return how many rows there are in all tables."""
        return sum(content.rows for months in self.tables.values() for content in months.values())


@dataclass(frozen=True, slots=True)
class File:
    """One file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup: what was in the database, and in which files it is."""

    product_version: str
    contents: Contents
    files: Mapping[str, File]


def encode(manifest: Manifest) -> bytes:
    """Write a manifest as JSON; its last line holds the SHA-256 over all of the rest."""
    members = {"format": FORMAT} | asdict(manifest)
    members["contents"]["taken_at"] = manifest.contents.taken_at.isoformat()
    text = json.dumps(members | {"sha256": _sha256(members)}, indent=1, ensure_ascii=False)
    return text.encode() + b"\n"


def decode(text: bytes) -> tuple[Manifest, str]:
    """Return what a manifest says, and its SHA-256.

    Raises:
        BackupError: it is no manifest, or was altered.
    """
    try:
        members = json.loads(text)
        written = members.pop("sha256")
        if members["format"] != FORMAT:
            raise BackupError(
                f"the backup is not of the form “{FORMAT}”; restore it with its own version"
            )
        if written != _sha256(members):
            raise BackupError("the manifest was altered: it is not what its own hash says")
        return _manifest(members), written
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BackupError(
            "the manifest cannot be read; the backup is damaged or unfinished"
        ) from error


def _sha256(members: Mapping[str, Any]) -> str:
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _manifest(members: Mapping[str, Any]) -> Manifest:
    found = dict(members["contents"])
    found["taken_at"] = datetime.fromisoformat(found["taken_at"])
    found["tables"] = {
        table: {month: Content(**content) for month, content in months.items()}
        for table, months in found["tables"].items()
    }
    found["audit_heads"] = {
        practice: (position, sha256)
        for practice, (position, sha256) in found["audit_heads"].items()
    }
    found["migrations"] = tuple(found["migrations"])
    found["roles"] = tuple(found["roles"])
    files = {name: File(**file) for name, file in members["files"].items()}
    return Manifest(members["product_version"], Contents(**found), files)


def differences(expected: Contents, found: Contents) -> list[str]:
    """Return in what a restored database is not what was backed up, in words; empty where it is the same.

    Definitions are compared only between servers of one major version: another writes the same thing otherwise.
    """
    told = [
        *_differing_tables(expected.tables, found.tables),
        *(
            f"sequence {name} stands at {found.sequences.get(name)}, before {position}"
            for name, position in expected.sequences.items()
            if found.sequences.get(name, -1) < position
        ),
        *_differing(
            expected.audit_heads, found.audit_heads, "the head of the audit chain of practice"
        ),
    ]
    if expected.engine != found.engine:
        told.append(f"the series are in {found.engine}, not in {expected.engine}")
    if expected.migrations != found.migrations:
        told.append("the migrations are not the same")
    if expected.server_major == found.server_major:
        told += _differing(expected.structure, found.structure, "the definition of")
    if len(told) > _MOST_NAMED:
        told[_MOST_NAMED:] = [f"and {len(told) - _MOST_NAMED} more"]
    return told


def _differing_tables(
    expected: Mapping[str, Mapping[str, Content]], found: Mapping[str, Mapping[str, Content]]
) -> list[str]:
    told = []
    for table in sorted(expected.keys() | found.keys()):
        before, now = expected.get(table), found.get(table)
        if before is None or now is None:
            told.append(f"table {table} {'is missing' if now is None else 'should not be there'}")
            continue
        for month in sorted(before.keys() | now.keys()):
            there, here = before.get(month), now.get(month)
            if there == here:
                continue
            where = f"table {table}" + (f", {month}" if month else "")
            rows, rows_now = (there.rows if there else 0), (here.rows if here else 0)
            if rows != rows_now:
                told.append(f"{where}: {rows_now} rows instead of {rows}")
            else:
                told.append(f"{where}: {rows} rows, but not all of them as they were")
    return told


def _differing(expected: Mapping[str, Any], found: Mapping[str, Any], what: str) -> list[str]:
    return [
        f"{what} {name} {_how(expected, found, name)}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]


def _how(expected: Mapping[str, Any], found: Mapping[str, Any], name: str) -> str:
    if name not in found:
        return "is missing"
    return "is another" if name in expected else "should not be there"
