"""Backups of both engines are whole or not there, and what was restored is what was backed up."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy import (
    backup,
    backup_contents,
    backup_folder,
    backup_manifest,
    backup_programs,
    cli,
    errors,
)
from ingest import audit_anchor, audit_sealer
from ingest.audit_anchor import AnchorFile
from tests import audit_trail
from tests.made_up_practice import MadeUp

pytestmark = pytest.mark.db

_numbers = itertools.count()


@pytest.fixture
def config(database: Any, made_up: MadeUp, tmp_path: Path) -> Path:
    """Settings of the section audit; a practice with three months in it, and a sealed trail."""
    audit_trail.seal_all(database)
    audit_trail.filled(database)
    file = tmp_path / "server.toml"
    file.write_text(
        f'[audit]\ndatabase = "{database.conninfo("homevitals_sealer")}"\n'
        f'anchor_file = "{tmp_path / "anchors.jsonl"}"\n'
        f'signing_key_file = "{tmp_path / "anchors.key"}"\n'
    )
    return file


@pytest.fixture
def made(config: Path, database: Any, tmp_path: Path) -> Path:
    """Return a finished backup."""
    out = tmp_path / "backup"
    assert create(config, database, out) == 0
    return out


def run(config: Path, *words: object) -> int:
    return cli.main(["backup", *map(str, words), "--config", str(config)])


def create(config: Path, database: Any, out: Path, *words: object) -> int:
    source = database.conninfo("postgres")
    return run(config, "create", out, "--database", source, *words)


def restore(config: Path, folder: Path, target: Any, *words: object) -> int:
    return run(config, "restore", folder, "--into", target.conninfo("postgres"), *words)


def anchor(config: Path, database: Any) -> None:
    """Sign the heads of the chains, as the sealer does."""
    file = config.with_name("anchors.jsonl")
    key = audit_anchor.signing_key(config.with_name("anchors.key"), file)
    with audit_trail.sealer(database) as connection, connection.cursor() as cur:
        AnchorFile(file, key).add(audit_sealer.heads(cur), datetime.now(UTC))


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if ".unfinished-" in path.name]


def rewrite(folder: Path, **contents: Any) -> None:
    """Write a manifest anew, with a hash that fits: as somebody would who means it."""
    manifest, _ = backup_folder.read_manifest(folder)
    changed = replace(manifest, contents=replace(manifest.contents, **contents))
    (folder / "manifest.json").write_bytes(backup_manifest.encode(changed))


def test_a_backup_is_one_instant_of_everything_for_its_owner_only(
    made: Path, database: Any
) -> None:
    manifest, _ = backup_folder.read_manifest(made)
    contents = manifest.contents
    assert contents.engine == database.engine
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()} == {0o600}
    with database.connect() as admin:
        for table in ("ingest.reading_series", "ccm.time_entry", "ingest.audit_link"):
            counted = admin.execute(f"select count(*) from {table}").fetchone()
            found = sum(content.rows for content in contents.tables[table].values())
            assert (found,) == counted
            assert found > 0
    # Divided by month: a difference can be found.
    assert len(contents.tables["ingest.reading_series"]) > 3
    assert all(len(head) == 2 for head in contents.audit_heads.values())
    assert leftovers(made.parent) == []


def test_a_copy_of_everything_leaves_its_line_in_every_trail(made: Path, database: Any) -> None:
    with database.connect() as admin:
        lines = admin.execute(
            "select practice_id, outcome from ingest.audit_event"
            " where kind = 'export' and resource = 'database'"
        ).fetchall()
        practices = admin.execute("select practice_id from ingest.practice").fetchall()
    assert sorted(lines) == sorted((practice_id, "success") for (practice_id,) in practices)


def test_without_a_line_in_the_trail_nothing_is_copied(
    config: Path, database: Any, tmp_path: Path
) -> None:
    with database.connect() as admin:
        admin.execute("revoke insert on ingest.audit_event from homevitals_sealer")
    assert create(config, database, tmp_path / "out") == 3
    assert not (tmp_path / "out").exists()


def test_a_role_for_backups_that_is_no_superuser_copies_everything(
    config: Path, database: Any, tmp_path: Path
) -> None:
    role = f"copier_{next(_numbers)}"
    with psycopg.connect(database.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(f"create role {role} login bypassrls")
        admin.execute(f"grant pg_read_all_data to {role}")
        try:
            out, source = tmp_path / "out", database.conninfo(role)
            assert run(config, "create", out, "--database", source) == 0
            whole, _ = backup_folder.read_manifest(out)
            assert create(config, database, tmp_path / "other") == 0
            other, _ = backup_folder.read_manifest(tmp_path / "other")
            # The second one's own line in the trail came in between.
            assert {
                table: content
                for table, content in whole.contents.tables.items()
                if not table.startswith("ingest.audit_")
            }.items() <= other.contents.tables.items()
        finally:
            admin.execute(f"drop role {role}")


@pytest.mark.parametrize("role", ["homevitals_owner", "homevitals_console"])
def test_a_role_behind_the_walls_makes_no_backup(
    config: Path, database: Any, tmp_path: Path, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = database.conninfo(role)
    assert run(config, "create", tmp_path / "out", "--database", source) == 3
    assert "bypassrls" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert leftovers(tmp_path) == []


def test_a_dump_of_what_a_wall_lets_through_fails_by_itself(
    config: Path, database: Any, tmp_path: Path
) -> None:
    with (
        psycopg.connect(database.conninfo("postgres"), autocommit=True) as admin,
        backup_contents.snapshot(admin) as held,
        pytest.raises(errors.BackupError, match="row-level security"),
    ):
        backup_programs.dump(
            database.conninfo("homevitals_owner"),
            held.connected.server_major,
            held.name,
            tmp_path / "dump",
            lambda: None,
        )


def test_a_table_that_somebody_holds_ends_the_backup_instead_of_waiting(
    config: Path,
    database: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(backup, "SESSION", "-c lock_timeout=200ms")
    with database.connect() as other:
        other.execute("lock table ingest.patient in access exclusive mode")
        assert create(config, database, tmp_path / "out") == 1
    assert "run the backup again" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with database.connect() as admin:
        outcomes = admin.execute(
            "select distinct outcome from ingest.audit_event where resource = 'database' order by 1"
        ).fetchall()
    assert outcomes == [("failed",), ("success",)]


def test_nothing_is_overwritten(config: Path, database: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    assert create(config, database, out) == 1
    assert out.read_text() == "mine"


def test_a_password_does_not_stand_among_the_arguments_of_a_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    program = tmp_path / "pg_dump"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && {{ echo "pg_dump (PostgreSQL) 99"; exit; }}\n'
        f'echo "$@ / $PGPASSWORD" > {seen}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    secret = "dbname=x password=Tr0ub4dor"
    backup_programs.dump(secret, 99, "snapshot", tmp_path / "dump", lambda: None)
    arguments, _, password = seen.read_text().strip().partition(" / ")
    assert "dbname=x" in arguments
    assert "Tr0ub4dor" not in arguments
    assert password == "Tr0ub4dor"


def test_a_kill_leaves_nothing_that_looks_finished(
    config: Path, database: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["backup", "create", str(out), "--database", database.conninfo("postgres")]
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", *words, "--config", str(config)]
    ) as process:
        deadline_s = time.monotonic() + 20
        while not any((folder / "database.dump").exists() for folder in leftovers(tmp_path)):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert not out.exists()
    (left,) = leftovers(tmp_path)
    assert run(config, "verify", left) == 1
    assert create(config, database, out) == 0


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_a_killed_restore_keeps_services_out(
    made: Path, config: Path, database: Any, empty_database: Any
) -> None:
    words = ["backup", "restore", str(made), "--into", empty_database.conninfo("postgres")]
    begun = "select to_regnamespace('ingest') is not null"
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", *words, "--config", str(config)]
    ) as process:
        deadline_s = time.monotonic() + 20
        with psycopg.connect(empty_database.conninfo("postgres"), autocommit=True) as admin:
            while admin.execute(begun).fetchone() == (False,):
                assert process.poll() is None
                assert time.monotonic() < deadline_s
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        psycopg.connect(empty_database.conninfo("homevitals_ingest"))


def damage_cut(folder: Path) -> None:
    os.truncate(folder / "database.dump", (folder / "database.dump").stat().st_size - 1)


def damage_byte(folder: Path) -> None:
    path = folder / "database.dump"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_manifest(folder: Path) -> None:
    members = json.loads((folder / "manifest.json").read_bytes())
    members["contents"]["database"] = "another"
    (folder / "manifest.json").write_text(json.dumps(members))


def damage_and_hide_it(folder: Path) -> None:
    """Cut the dump, and write a manifest that fits what is left."""
    damage_cut(folder)
    os.truncate(folder / "database.dump", (folder / "database.dump").stat().st_size // 2)
    manifest, _ = backup_folder.read_manifest(folder)
    files = {"database.dump": backup_folder.measure(folder / "database.dump", lambda *_: None)}
    (folder / "manifest.json").write_bytes(backup_manifest.encode(replace(manifest, files=files)))


def lose_dump(folder: Path) -> None:
    (folder / "database.dump").unlink()


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


DAMAGES = (damage_cut, damage_byte, damage_manifest, damage_and_hide_it, lose_dump, lose_manifest)


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_a_damaged_backup_is_found_and_not_restored(
    made: Path, config: Path, empty_database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "verify", made) == 0
    for damage in DAMAGES:
        damaged = made.with_name(damage.__name__)
        shutil.copytree(made, damaged)
        damage(damaged)
        capsys.readouterr()
        assert run(config, "verify", damaged) == 1, damage
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("homevitals: ")
        assert restore(config, damaged, empty_database) == 1, damage
    with empty_database.connect() as admin:
        assert admin.execute("select to_regnamespace('ingest')").fetchone() == (None,)


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_an_exchanged_backup_is_not_the_one_whose_hash_was_kept(
    made: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, sha256 = backup_folder.read_manifest(made)
    assert run(config, "verify", made, "--expect", sha256) == 0
    rewrite(made, database="another")
    assert run(config, "verify", made) == 0
    assert run(config, "verify", made, "--expect", sha256) == 1
    assert "not the backup whose hash was kept" in capsys.readouterr().err


def test_a_backup_is_proved_by_restoring_it(
    config: Path, database: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = database.postgres.conninfo("postgres", "postgres")
    assert create(config, database, tmp_path / "out", "--restore-on", server) == 0
    assert "every row, definition and audit chain is the same" in capsys.readouterr().out
    assert run(config, "verify", tmp_path / "out", "--restore-on", server) == 0
    with psycopg.connect(server) as admin:
        assert (
            admin.execute(
                "select from pg_database where datname like 'homevitals_check_%'"
            ).fetchall()
            == []
        )


@pytest.mark.parametrize("database", ["timescaledb"], indirect=True)
def test_packed_chunks_and_kept_summaries_are_part_of_it(
    config: Path, database: Any, tmp_path: Path
) -> None:
    with psycopg.connect(database.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(
            "select compress_chunk(chunk) from show_chunks('ingest.reading_series') as chunk"
        )
        admin.execute("call refresh_continuous_aggregate('ingest.day_sums', null, null)")
    server = database.postgres.conninfo("postgres", "postgres")
    assert create(config, database, tmp_path / "out", "--restore-on", server) == 0
    tables = backup_folder.read_manifest(tmp_path / "out")[0].contents.tables
    (kept,) = (months for name, months in tables.items() if "_materialized_" in name)
    assert sum(content.rows for content in kept.values()) > 50
    assert sum(content.rows for content in tables["ingest.reading_series"].values()) > 100


def test_a_backup_that_is_not_proved_does_not_get_its_name(
    config: Path, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper_behind(monkeypatch, "delete from ccm.time_entry")
    server = database.postgres.conninfo("postgres", "postgres")
    assert create(config, database, tmp_path / "out", "--restore-on", server) == 1
    assert not (tmp_path / "out").exists()
    assert leftovers(tmp_path) == []


def tamper_behind(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    """Change the copy between the end of pg_restore and the comparison."""
    restored = backup_programs.restore

    def and_changed(dump: Path, connection_string: str, *rest: Any) -> None:
        restored(dump, connection_string, *rest)
        with psycopg.connect(connection_string, autocommit=True) as admin:
            admin.execute("set timescaledb.restoring = off")
            admin.execute("set session_replication_role = replica")
            for statement in statements:
                admin.execute(statement)

    monkeypatch.setattr(backup_programs, "restore", and_changed)


# What is done to a copy → how it is told.
TAMPERING = {
    "update ingest.patient set display_name = 'X' where record_number = 'MFP-100482'":
        "table ingest.patient: 4 rows, but not all of them as they were",
    "update ingest.reading_series set systolic_mmhg = systolic_mmhg + 1 where measured_at >= '2026-10-01'"
    " and measured_at < '2026-11-01'": "table ingest.reading_series, 2026-10: ",
    "delete from ingest.reading_series where measured_at < '2026-09-01'":
        "table ingest.reading_series, 2026-08: 0 rows instead of",
    "insert into ccm.task_event overriding system value select * from ccm.task_event limit 1":
        "table ccm.task_event: ",
    "drop policy practice_wall on ingest.patient": "policy ingest.patient practice_wall is missing",
    "alter table ingest.patient no force row level security":
        "the definition of relation ingest.patient is another",
    "alter table ingest.audit_event disable trigger keep_audit":
        "trigger ingest.audit_event keep_audit is another",
    "grant select on ingest.staff to homevitals_ingest":
        "the definition of relation ingest.staff is another",
    "delete from ingest.audit_link where position = 8": "the head of the audit chain of practice",
    "create table ingest.more (x int)": "table ingest.more should not be there",
}  # fmt: skip


def test_a_copy_that_is_not_the_same_is_found_and_stays_closed(
    made: Path,
    config: Path,
    empty_database: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tamper_behind(monkeypatch, *TAMPERING)
    assert restore(config, made, empty_database) == 1
    said = capsys.readouterr()
    assert [told for told in TAMPERING.values() if told not in said.err] == []
    assert "stays closed to services" in said.err
    assert "missing: everything" not in said.out
    for role in ("homevitals_console", "homevitals_ingest", "homevitals_owner"):
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(empty_database.conninfo(role))
    assert restore(config, made, empty_database) == 3  # not empty any more


def test_services_find_everything_in_the_copy_and_nobody_is_signed_in(
    made: Path, config: Path, database: Any, empty_database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, sha256 = backup_folder.read_manifest(made)
    assert restore(config, made, empty_database, "--expect", sha256) == 0
    said = capsys.readouterr().out
    assert "--since " in said
    assert "missing: everything from " in said
    with empty_database.connect() as admin:
        assert admin.execute(
            "select datconnlimit, pg_get_userbyid(datdba), shobj_description(oid, 'pg_database')"
            " from pg_database where datname = current_database()"
        ).fetchone() == (-1, "homevitals_owner", None)
        assert admin.execute("select count(*) from ingest.session").fetchone() == (0,)
        assert admin.execute(
            "select count(*) from ingest.one_time_code where used_at is null and voided_at is null"
        ).fetchone() == (0,)
        lines = admin.execute(
            "select practice_id, detail ->> 'backup_sha256', detail ->> 'lost_from',"
            " detail ->> 'lost_audit_events' from ingest.audit_event where kind = 'restored'"
        ).fetchall()
        practices = admin.execute("select practice_id from ingest.practice").fetchall()
        taken_at = manifest.contents.taken_at.isoformat()
        assert sorted(lines) == sorted((p, sha256, taken_at, None) for (p,) in practices)
        if database.engine == "timescaledb":
            assert admin.execute("show timescaledb.restoring").fetchone() == ("off",)
    count = "select count(*) from ingest.reading"
    (practice_id, *_) = practices[0]
    with (
        empty_database.connect("homevitals_console", practice_id) as copy,
        database.connect("homevitals_console", practice_id) as source,
    ):
        assert copy.execute(count).fetchone() == source.execute(count).fetchone()
    with empty_database.connect("homevitals_ingest") as ingest:
        ingest.execute("select ingest.ensure_series(now(), now() + interval '40 days')")
    # The sealer goes on with the chains, and begins an anchor file.
    audit_trail.seal_all(empty_database, datetime.now(UTC))
    anchor(config, empty_database)
    empty_config = config.with_name("restored.toml")
    empty_config.write_text(config.read_text().replace(database.name, empty_database.name))
    assert cli.main(["audit", "verify", "--config", str(empty_config)]) == 0


def test_what_anchors_know_beyond_the_backup_is_the_gap(
    made: Path, config: Path, database: Any, empty_database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    audit_trail.record(database, [audit_trail.event(number) for number in range(101, 104)])
    audit_trail.seal_all(database)
    anchor(config, database)
    assert restore(config, made, empty_database) == 0
    # Three looks, and of the two practices the line of the backup itself: it waited for the sealer then.
    assert "the anchors know of 5 audit events" in capsys.readouterr().out


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_an_anchor_that_does_not_fit_the_copy_is_tampering(
    made: Path, config: Path, database: Any, empty_database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config.with_name("anchors.jsonl")
    key = audit_anchor.signing_key(config.with_name("anchors.key"), file)
    with audit_trail.sealer(database) as connection, connection.cursor() as cur:
        heads = audit_sealer.heads(cur)
    forged = {
        practice_id: replace(head, position=head.position - 1)
        for practice_id, head in heads.items()
    }
    AnchorFile(file, key).add(forged, datetime.now(UTC))
    assert restore(config, made, empty_database) == 1
    assert "written anew" in capsys.readouterr().err


def test_a_database_with_anything_in_it_is_refused_and_left_alone(
    made: Path, config: Path, database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore(config, made, database) == 3
    assert "not empty" in capsys.readouterr().err
    database.connect("homevitals_console").close()


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_one_thing_is_enough_not_to_be_empty(made: Path, config: Path, empty_database: Any) -> None:
    for kind, made_as in {
        "table": "table mine (x int)",
        "schema": "schema mine",
        "type": "type mine as enum ('x')",
        "function": "function mine() returns int language sql as 'select 1'",
    }.items():
        with psycopg.connect(empty_database.conninfo("postgres"), autocommit=True) as admin:
            admin.execute(f"create {made_as}")
            assert restore(config, made, empty_database) == 3, kind
            admin.execute(f"drop {kind} mine")


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_only_a_superuser_restores(
    made: Path, config: Path, empty_database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = empty_database.conninfo("homevitals_owner")
    assert run(config, "restore", made, "--into", owner) == 3
    assert "no superuser" in capsys.readouterr().err


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_a_server_that_cannot_take_it_is_refused_and_the_database_stays_as_it_was(
    made: Path,
    config: Path,
    empty_database: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, _ = backup_folder.read_manifest(made)
    monkeypatch.setattr(backup_programs, "read_whole", lambda *_: all_tables(made))
    monkeypatch.setattr(backup_programs, "find", lambda name, _: Path(f"/nowhere/{name}"))
    for name, changed, status, told in (
        ("roles", ("nobody_here",), 3, "nobody_here"),
        ("server_version", 990001, 3, "take 99 or later"),
        ("extensions", {"timescaledb": "1.0.0"}, 4, "TimescaleDB 1.0.0"),
    ):
        rewrite(made, **{name: changed})
        assert restore(config, made, empty_database) == status
        assert told in capsys.readouterr().err
        rewrite(made, **{name: getattr(before.contents, name)})
    empty_database.connect("homevitals_console").close()


def all_tables(folder: Path) -> set[str]:
    return set(backup_folder.read_manifest(folder)[0].contents.tables)


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_an_open_way_is_refused(config: Path, database: Any, made: Path, tmp_path: Path) -> None:
    far = "host=db.example.org dbname=homevitals user=postgres"
    assert run(config, "create", tmp_path / "out", "--database", far) == 3
    assert run(config, "verify", made, "--restore-on", far) == 3
    assert run(config, "restore", made, "--into", far) == 3
    assert run(config, "create", tmp_path / "out") == 3
