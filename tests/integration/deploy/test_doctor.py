"""What “homevitals doctor” finds in a real database, and in one that was made worse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy import certificates, cli, start_conditions
from deploy.settings import SECTIONS

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Findings = dict[str, dict[str, Any]]


@pytest.fixture
def settings_file(database, tmp_path: Path) -> Path:
    """Write settings under which every process may start."""
    authority = certificates.ThrowAwayAuthority(tmp_path / "ca", datetime.now(UTC))
    lines = []
    for section, declared in SECTIONS.items():
        lines.append(f"[{section}]")
        for name in start_conditions.database_names(section):
            role = getattr(declared(), name).partition("user=")[2]
            lines.append(f"{name} = {json.dumps(database.conninfo(role))}")
        if section in {"ingest", "guard"}:
            found = authority.credentials(f"{section}-1")
            lines += [
                f'ca_file = "{authority.ca_file}"',
                f'certificate_file = "{found.certificate_file}"',
                f'key_file = "{found.key_file}"',
            ]
    file = tmp_path / "server.toml"
    file.write_text("\n".join(lines))
    return file


@pytest.fixture
def examine(
    database, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, Findings]]:
    def ask() -> tuple[int, Findings]:
        status = cli.main(
            ["doctor", "--json", "--config", str(settings_file), "--database", database.conninfo()]
        )
        found = json.loads(capsys.readouterr().out)
        return status, {one["name"]: one for one in found}

    return ask


def test_a_whole_database_has_no_fault_but_its_release(
    examine: Callable[[], tuple[int, Findings]],
) -> None:
    _, found = examine()
    failed = {name for name, one in found.items() if one["state"] == "failed"}
    # The embedded server's release is not ours to choose, nor is the clock of the machine that runs the tests. No
    # broker runs here.
    assert failed <= {"server", "clock", "broker"}, found
    for role in (
        "ingest",
        "alerts",
        "console",
        "entrance",
        "scheduler",
        "sealer",
        "guard",
        "notifier",
    ):
        assert found[f"database as homevitals_{role}"]["state"] == "ok"
    for name in ("roles", "walls", "migrations", "server's clock", "certificate of ingest"):
        assert found[name]["state"] == "ok", found[name]
    assert found["disk encryption"]["state"] == "unknown"
    assert all(one["what_to_do"] for one in found.values() if one["state"] != "ok")


@pytest.fixture
def as_superuser(database) -> Iterator[Callable[[str], None]]:
    """Return a way to spoil the database; roles are shared by all tests, so they are put right again."""

    def run(statement: str) -> None:
        with database.connect("postgres") as connection:
            connection.execute(statement)

    yield run
    run("alter role homevitals_console nobypassrls; alter role homevitals_alerts nocreaterole")


SPOILT = {
    "a table without its wall": (
        "alter table ingest.patient disable row level security",
        "walls",
        "ingest.patient",
    ),
    "a wall that does not bind the owner": (
        "alter table ccm.task no force row level security",
        "walls",
        "ccm.task",
    ),
    "the series itself granted": (
        "grant select on ingest.reading_series to homevitals_console",
        "walls",
        "ingest.reading_series",
    ),
    "one column of it granted": (
        "grant select (systolic_mmhg) on ingest.reading_series to homevitals_alerts",
        "walls",
        "ingest.reading_series",
    ),
    "a view with its owner's rights": (
        """create view ccm.everybody as select * from ingest.patient;
        grant select on ccm.everybody to homevitals_console""",
        "walls",
        "ccm.everybody",
    ),
    "a role past the walls": (
        "alter role homevitals_console bypassrls",
        "roles",
        "homevitals_console may bypass row-level security",
    ),
    "a role that makes roles": (
        "alter role homevitals_alerts createrole",
        "roles",
        "homevitals_alerts may create roles",
    ),
    "a role that owns": (
        "create table public.mine (); alter table public.mine owner to homevitals_ingest",
        "roles",
        "homevitals_ingest owns something",
    ),
    "a call that nobody makes": (
        """set session_replication_role = replica;
        insert into alerts.climb values
            (gen_random_uuid(), gen_random_uuid(), '-infinity', now() - interval '1 hour')""",
        "calls",
        "is due for 3600 s",
    ),
    "an address that takes no messages": (
        """set session_replication_role = replica;
        insert into alerts.notification
            (practice_id, round_at, channel, contact_id, state, next_at, queued_at, settled_at)
        values (gen_random_uuid(), now(), 'email', gen_random_uuid(), 'given_up', now(), now(), now())""",
        "calls",
        "messages to 1 addresses do not arrive",
    ),
    "a dead letter": (
        """set session_replication_role = replica;
        insert into ccm.receiver (practice_id, receiver_id, kind, name, added_by, added_at)
        values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', 'ehr', 'main',
                gen_random_uuid(), now());
        insert into ccm.outgoing
            (practice_id, receiver_id, kind, subject_id, queued_at, next_at, state, settled_at)
        values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', 'task',
                gen_random_uuid(), now(), now(), 'dead', now())""",
        "link",
        "1 messages did not arrive",
    ),
    "a migration that did not run": (
        """delete from public.homevitals_migration
        where (package, name) in (select package, max(name) from public.homevitals_migration
                                  where package = 'ingest' group by package)""",
        "migrations",
        "ingest/",
    ),
    "a migration of a newer release": (
        "insert into public.homevitals_migration values ('ccm', '9999_pre_x.sql', '', now())",
        "migrations",
        "9999_pre_x.sql",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_was_made_worse_is_named_with_what_to_do(
    examine: Callable[[], tuple[int, Findings]], as_superuser: Callable[[str], None], case: str
) -> None:
    statement, name, words = SPOILT[case]
    as_superuser(statement)
    status, found = examine()
    assert status == 1
    assert found[name]["state"] == "failed"
    assert words in found[name]["found"]
    assert found[name]["what_to_do"]


def test_a_database_that_is_away_is_said_for_each_role(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = settings_file.read_text().replace("host=", "host=/nowhere").replace("@", "@/nowhere")
    settings_file.write_text(text)
    assert cli.main(["doctor", "--config", str(settings_file)]) == 1
    said = capsys.readouterr().out
    assert said.count("not reachable") >= 6
    assert "UNKNOWN  server" in said
    assert "UNKNOWN  migrations" in said
    assert "nowhere" not in said


@pytest.mark.broker
def test_the_broker_is_tried_out(
    examine: Callable[[], tuple[int, Findings]], settings_file: Path, broker: Any
) -> None:
    _, found = examine()
    assert found["broker"]["state"] == "failed"
    assert "not reachable" in found["broker"]["found"]

    certificate_file, key_file = broker.credentials("ingest-1")
    lines = [
        "[ingest]",
        f"broker_port = {broker.service_port}",
        f'ca_file = "{broker.ca_file}"',
        f'certificate_file = "{certificate_file}"',
        f'key_file = "{key_file}"',
    ]
    settings_file.write_text("\n".join(lines))
    _, found = examine()
    assert found["broker"]["state"] == "ok", found["broker"]
