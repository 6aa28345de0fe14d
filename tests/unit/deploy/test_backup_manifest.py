from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy import backup_manifest
from deploy.backup_manifest import Content, Contents, File, Manifest
from deploy.errors import BackupError

CONTENTS = Contents(
    taken_at=datetime(2026, 11, 28, 3, 17, tzinfo=UTC),
    database="homevitals",
    server_version=180004,
    extensions={"plpgsql": "1.0"},
    engine="partitions",
    migrations=("ingest/0001 aa",),
    tables={
        "ingest.reading_series": {"2026-10": Content(3, "1 2"), "2026-11": Content(2, "3 4")},
        "ingest.patient": {"": Content(1, "5 6")},
        "ingest.session": {},
    },
    sequences={"ingest.queue": 7},
    structure={"policy ingest.patient practice_wall": "ab"},
    audit_heads={"p": (9, "cd")},
    roles=("homevitals_owner",),
)
MANIFEST = Manifest("1.0", CONTENTS, {"database.dump": File(10, "ef")})


def test_what_was_written_is_read_again() -> None:
    found, sha256 = backup_manifest.decode(backup_manifest.encode(MANIFEST))
    assert found == MANIFEST
    assert len(sha256) == 64
    assert found.contents.rows == 6


@pytest.mark.parametrize(
    "changed",
    [
        lambda members: members["contents"].update(database="other"),
        lambda members: members["files"]["database.dump"].update(bytes=11),
        lambda members: members.update(format="homevitals backup 2"),
        lambda members: members.pop("sha256"),
        lambda members: members.update(more=1),
    ],
    ids=["contents", "files", "format", "no hash", "more"],
)
def test_an_altered_manifest_is_refused(changed: Any) -> None:
    members = json.loads(backup_manifest.encode(MANIFEST))
    changed(members)
    with pytest.raises(BackupError):
        backup_manifest.decode(json.dumps(members).encode())


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'{"sha256": "x"}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(BackupError):
        backup_manifest.decode(text)


def changed_table(name: str, months: dict[str, Content] | None) -> dict[str, Any]:
    tables = {**CONTENTS.tables}
    if months is None:
        del tables[name]
    else:
        tables[name] = months
    return {"tables": tables}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"taken_at": datetime(2027, 1, 1, tzinfo=UTC), "database": "copy"}, []),
        ({"sequences": {"ingest.queue": 8}}, []),
        (
            {"sequences": {"ingest.queue": 6}},
            ["sequence ingest.queue stands at 6, before 7"],
        ),
        (
            changed_table("ingest.patient", {"": Content(1, "5 7")}),
            ["table ingest.patient: 1 rows, but not all of them as they were"],
        ),
        (changed_table("ingest.patient", {}), ["table ingest.patient: 0 rows instead of 1"]),
        (changed_table("ingest.patient", None), ["table ingest.patient is missing"]),
        (changed_table("mine", {}), ["table mine should not be there"]),
        (
            changed_table("ingest.reading_series", {"2026-10": Content(3, "1 2")}),
            ["table ingest.reading_series, 2026-11: 0 rows instead of 2"],
        ),
        ({"engine": "timescaledb"}, ["the series are in timescaledb, not in partitions"]),
        ({"migrations": ()}, ["the migrations are not the same"]),
        (
            {"structure": {}},
            ["the definition of policy ingest.patient practice_wall is missing"],
        ),
        ({"structure": {}, "server_version": 190000}, []),
        (
            {"audit_heads": {"p": (8, "cd")}},
            ["the head of the audit chain of practice p is another"],
        ),
    ],
)
def test_differences_are_told_in_words(change: dict[str, Any], told: list[str]) -> None:
    assert backup_manifest.differences(CONTENTS, replace(CONTENTS, **change)) == told


def test_many_differences_are_counted() -> None:
    many = replace(CONTENTS, tables={f"t{number:02}": {} for number in range(50)})
    told = backup_manifest.differences(CONTENTS, many)
    assert len(told) == 21
    assert told[-1] == "and 33 more"
