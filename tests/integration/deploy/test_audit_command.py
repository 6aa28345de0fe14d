from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from deploy import cli
from deploy.commands import audit as audit_command
from ingest import audit_anchor, audit_key, audit_sealer
from ingest.audit_anchor import AnchorFile
from tests import audit_trail
from tests.audit_trail import ONE, OTHER, PATIENT, SECOND_PATIENT, event

# The trail knows nothing of how readings are stored: one engine is enough.
pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]

SLUG = "elm-street"
WINDOW = ["--from", "2026-11-12", "--to", "2026-11-13"]


@pytest.fixture
def config(database: Any, tmp_path: Path) -> Path:
    """Settings of the section audit; a practice with eight sealed events."""
    with psycopg.connect(database.conninfo("postgres")) as admin:
        admin.execute(
            "insert into ingest.practice (practice_id, name, time_zone, slug) values (%s, 'Elm', 'UTC', %s)",
            (ONE, SLUG),
        )
    audit_trail.filled(database)
    file = tmp_path / "server.toml"
    file.write_text(
        f'[audit]\ndatabase = "{database.conninfo("homevitals_sealer")}"\n'
        f'anchor_file = "{tmp_path / "anchors.jsonl"}"\nsigning_key_file = "{tmp_path / "anchors.key"}"\n'
        'site = "homevitals.example"\n'
    )
    return file


@pytest.fixture
def anchored(config: Path, database: Any) -> Path:
    """Return the anchor file, with one anchor of now."""
    file = config.with_name("anchors.jsonl")
    key = audit_anchor.signing_key(config.with_name("anchors.key"), file)
    with audit_trail.sealer(database) as connection, connection.cursor() as cur:
        AnchorFile(file, key).add(audit_sealer.heads(cur), datetime.now(UTC))
    return file


def run(config: Path, *words: str) -> int:
    return cli.main(["audit", *words, "--config", str(config)])


def tamper(database: Any, statement: str) -> None:
    with psycopg.connect(database.conninfo("postgres"), autocommit=True) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(statement)


def test_a_whole_trail_is_exit_status_0(
    config: Path, anchored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "verify") == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "the trail is whole"
    assert "held against 1 anchors" in told.out
    assert told.err == ""


def test_a_tampered_trail_is_exit_status_1_with_its_place(
    config: Path, anchored: Path, database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(
        database,
        f"update ingest.audit_event set resource = 'x' where event_id = '{event(3).event_id}'",
    )
    assert run(config, "verify") == 1
    assert f"practice {ONE}, position 3: event" in capsys.readouterr().out
    assert run(config, "verify", "--json") == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["place"], finding["position"]) == ("event_changed", 3)


def test_a_deleted_anchor_file_does_not_pass_for_one_that_never_was(
    config: Path, anchored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The links were sealed, by their own word, days ago.
    anchored.unlink()
    assert run(config, "verify") == 1
    told = capsys.readouterr().out
    assert "only internal consistency was checked" in told
    assert "no anchor although there was time for one" in told


def test_a_copy_of_the_anchors_with_its_public_key_is_taken(
    config: Path, anchored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copy, public = elsewhere / "copy.jsonl", elsewhere / "key.pub"
    anchored.rename(copy)
    audit_key.public_file(config.with_name("anchors.key")).rename(public)
    assert run(config, "verify", "--anchors", str(copy), "--public-key", str(public)) == 0
    capsys.readouterr()
    assert run(config, "verify", "--anchors", str(copy)) != 0
    assert "public key of the anchors is missing" in capsys.readouterr().err
    audit_key.make(elsewhere / "other.key")
    other = str(elsewhere / "other.pub")
    assert run(config, "verify", "--anchors", str(copy), "--public-key", other) == 1
    assert "anchor file, line 1: changed, or signed by another key" in capsys.readouterr().out


def test_an_anchor_file_that_is_not_there_is_wrong_use(config: Path) -> None:
    assert run(config, "verify", "--anchors", "/nowhere/anchors.jsonl") == 3


def test_an_export_is_one_fhir_resource_a_line(
    config: Path, database: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit_trail.record(
        database, [event(20, patient_ids=(PATIENT, SECOND_PATIENT)), event(9, OTHER)]
    )
    out = tmp_path / "out.ndjson"
    assert run(config, "export", "--practice", SLUG, *WINDOW, "--out", str(out)) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    resources = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(resources) == 10
    for resource in resources:
        AuditEvent.model_validate(resource)
    assert [resource["id"] for resource in resources[:8]] == [
        str(event(number).event_id) for number in range(1, 9)
    ]
    assert resources[0]["source"]["site"] == "homevitals.example"
    assert "10 resources" in capsys.readouterr().err


def exports(database: Any) -> list[tuple[str, ...]]:
    with psycopg.connect(database.conninfo("postgres")) as admin:
        return admin.execute(
            "select practice_id, outcome, agent_kind, detail ->> 'from', detail ->> 'to' from ingest.audit_event"
            " where kind = 'export' order by at"
        ).fetchall()


def test_an_export_is_in_the_trail_itself(config: Path, database: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out.ndjson")
    assert run(config, "export", "--practice", SLUG, *WINDOW, "--out", out) == 0
    assert exports(database) == [
        (ONE, "success", "command_line", "2026-11-12T00:00:00+00:00", "2026-11-13T00:00:00+00:00")
    ]
    assert audit_trail.seal_all(database) == 1


def test_without_a_line_in_the_trail_nothing_is_exported(
    config: Path, database: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database.conninfo("postgres")) as admin:
        admin.execute("revoke insert on ingest.audit_event from homevitals_sealer")
    out = tmp_path / "out.ndjson"
    assert run(config, "export", "--practice", SLUG, *WINDOW, "--out", str(out)) == 3
    assert "homevitals_sealer" in capsys.readouterr().err
    assert not out.exists()


def test_an_export_that_breaks_off_leaves_no_half_file_and_says_so_in_the_trail(
    config: Path, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit_command, "_write", full)
    out = tmp_path / "out.ndjson"
    assert run(config, "export", "--practice", SLUG, *WINDOW, "--out", str(out)) == 1
    assert not out.exists()
    assert [row[1] for row in exports(database)] == ["success", "failed"]


def test_an_export_never_overwrites(
    config: Path, database: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.ndjson"
    out.write_text("mine")
    assert run(config, "export", "--practice", SLUG, *WINDOW, "--out", str(out)) == 1
    assert "is there already" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert exports(database) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--practice", "nobody", *WINDOW],
        ["--practice", SLUG, "--from", "2026-11-13", "--to", "2026-11-12"],
    ],
    ids=["unknown practice", "backwards"],
)
def test_a_wrong_export_is_refused_before_anything_is_made(
    config: Path, database: Any, tmp_path: Path, words: list[str]
) -> None:
    out = tmp_path / "out.ndjson"
    assert run(config, "export", *words, "--out", str(out)) == 3
    assert not out.exists()
    assert exports(database) == []
