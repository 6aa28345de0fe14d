from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest import migrate
from ingest.errors import MigrationError, MigrationReason

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture
def connection(empty_database: Any) -> Any:
    with psycopg.connect(empty_database.conninfo("postgres")) as connection:
        yield connection


def run(connection: psycopg.Connection[Any], folder: Path) -> list[str]:
    return migrate.migrate(connection, "zoo", folder, applied_at=AT)


def add(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def tables(connection: psycopg.Connection[Any]) -> set[str]:
    found = connection.execute("select tablename from pg_tables where tablename like '%cat'")
    return {name for (name,) in found}


def test_migrations_run_once_when_asked_twice(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_cats.sql", "create table cat (name text); create table tomcat (x int);")
    add(tmp_path, "0002_post_cats.sql", "alter table cat add paws int check (paws % 2 = 0);")

    assert run(connection, tmp_path) == ["0001_pre_cats.sql", "0002_post_cats.sql"]
    assert run(connection, tmp_path) == []
    assert tables(connection) == {"cat", "tomcat"}
    history = connection.execute(
        "select package, name, length(sha256), applied_at from public.homevitals_migration order by 2"
    ).fetchall()
    assert history == [("zoo", "0001_pre_cats.sql", 32, AT), ("zoo", "0002_post_cats.sql", 32, AT)]


def test_histories_of_packages_are_apart_when_their_files_have_one_name(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_a.sql", "select 1")

    assert migrate.migrate(connection, "zoo", tmp_path, applied_at=AT) == ["0001_pre_a.sql"]
    assert migrate.migrate(connection, "farm", tmp_path, applied_at=AT) == ["0001_pre_a.sql"]


def test_edited_history_is_refused_and_nothing_runs(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_cats.sql", "create table cat (name text);")
    run(connection, tmp_path)
    add(tmp_path, "0001_pre_cats.sql", "create table cat (name text, paws int);")
    add(tmp_path, "0002_pre_more.sql", "create table wildcat (name text);")

    with pytest.raises(MigrationError, match=r"0001_pre_cats\.sql") as refused:
        run(connection, tmp_path)

    assert refused.value.reason is MigrationReason.EDITED
    assert tables(connection) == {"cat"}


def test_failed_migration_leaves_nothing_and_can_be_repaired(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_cats.sql", "create table cat (name text);")
    add(tmp_path, "0002_pre_more.sql", "create table wildcat (name text); select 1 / 0;")

    with pytest.raises(psycopg.errors.DivisionByZero):
        run(connection, tmp_path)

    assert tables(connection) == {"cat"}
    connection.commit()
    add(tmp_path, "0002_pre_more.sql", "create table wildcat (name text);")
    assert run(connection, tmp_path) == ["0002_pre_more.sql"]


def test_statement_runs_outside_a_transaction_when_the_file_says_so(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_cats.sql", "create table cat (name text);")
    add(
        tmp_path,
        "0002_pre_index.sql",
        "-- outside a transaction\ncreate index concurrently if not exists cat_name on cat (name);",
    )

    assert len(run(connection, tmp_path)) == 2
    assert run(connection, tmp_path) == []


def test_mode_of_the_connection_is_kept_when_migrating(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_cats.sql", "select 1")

    run(connection, tmp_path)

    assert connection.autocommit is False
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_open_transaction_is_refused(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    connection.execute("select 1")

    with pytest.raises(MigrationError) as refused:
        run(connection, tmp_path)

    assert refused.value.reason is MigrationReason.OPEN_TRANSACTION


def test_second_process_waits_and_finds_nothing_to_do_when_two_start_at_once(
    empty_database: Any, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_cats.sql", "select pg_sleep(0.3); create table cat (name text);")
    applied: list[list[str]] = []

    def migrate_once() -> None:
        with psycopg.connect(empty_database.conninfo("postgres")) as own:
            applied.append(run(own, tmp_path))

    threads = [threading.Thread(target=migrate_once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(applied) == [[], [], ["0001_pre_cats.sql"]]
    assert tables(connection) == {"cat"}


def test_lock_is_given_back_when_migrating_fails(
    empty_database: Any, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    add(tmp_path, "0001_pre_cats.sql", "select 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        run(connection, tmp_path)
    add(tmp_path, "0001_pre_cats.sql", "select 1;")

    with psycopg.connect(empty_database.conninfo("postgres")) as other:
        other.execute("set lock_timeout = '2s'")
        other.commit()
        assert run(other, tmp_path) == ["0001_pre_cats.sql"]
