from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from ingest import migrate
from ingest.errors import MigrationError, MigrationReason
from ingest.migrate import Migration


def migrations(*names: str) -> list[Migration]:
    return [Migration(name, b"select 1", name.encode()) for name in names]


def applied(*names: str) -> dict[str, bytes]:
    return {name: name.encode() for name in names}


@pytest.mark.parametrize(
    ("there", "done", "expected"),
    [
        (("0001_pre_a.sql",), (), ["0001_pre_a.sql"]),
        (("0001_pre_a.sql",), ("0001_pre_a.sql",), []),
        (("0001_pre_a.sql", "0002_post_b.sql"), ("0001_pre_a.sql",), ["0002_post_b.sql"]),
        ((), (), []),
    ],
    ids=["first", "nothing to do", "one more", "no files"],
)
def test_missing_migrations_are_named_in_order(
    there: tuple[str, ...], done: tuple[str, ...], expected: list[str]
) -> None:
    found = migrate.unapplied(migrations(*there), applied(*done))

    assert [migration.name for migration in found] == expected


@pytest.mark.parametrize(
    ("there", "done", "reason"),
    [
        (("0001_pre_a.sql",), {"0001_pre_a.sql": b"other"}, MigrationReason.EDITED),
        ((), applied("0001_pre_a.sql"), MigrationReason.MISSING),
        (
            ("0001_pre_a.sql", "0002_pre_b.sql"),
            applied("0002_pre_b.sql"),
            MigrationReason.OUT_OF_ORDER,
        ),
    ],
    ids=["edited", "gone", "inserted before"],
)
def test_history_is_refused_when_files_contradict_it(
    there: tuple[str, ...], done: dict[str, bytes], reason: MigrationReason
) -> None:
    with pytest.raises(MigrationError) as refused:
        migrate.unapplied(migrations(*there), done)

    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["1_pre_a.sql"], MigrationReason.BAD_NAME),
        (["0001_during_a.sql"], MigrationReason.BAD_NAME),
        (["0001_pre_A.sql"], MigrationReason.BAD_NAME),
        (["0001_pre_a.sql", "0001_pre_b.sql"], MigrationReason.NUMBER_TWICE),
    ],
    ids=["short number", "neither pre nor post", "upper case", "number twice"],
)
def test_folder_is_refused_when_a_name_is_wrong(
    tmp_path: Path, names: list[str], reason: MigrationReason
) -> None:
    for name in names:
        (tmp_path / name).write_text("select 1", encoding="utf-8")

    with pytest.raises(MigrationError) as refused:
        migrate.read(tmp_path)

    assert refused.value.reason is reason


def test_files_are_read_in_order_when_others_lie_beside_them(tmp_path: Path) -> None:
    for name in ("0002_pre_b.sql", "0001_pre_a.sql", "README.md"):
        (tmp_path / name).write_text("select 1", encoding="utf-8")

    assert [m.name for m in migrate.read(tmp_path)] == ["0001_pre_a.sql", "0002_pre_b.sql"]


@pytest.mark.parametrize(
    ("text", "is_outside"),
    [
        ("-- outside a transaction\ncreate index", True),
        ("-- outside a transaction\r\ncreate index", True),
        ("-- A table.\n-- outside a transaction\n", False),
    ],
    ids=["first line", "from Windows", "not the first line"],
)
def test_migration_runs_outside_a_transaction_when_its_first_line_says_so(
    text: str, is_outside: bool
) -> None:
    assert Migration("0001_pre_a.sql", text.encode(), b"").outside_a_transaction is is_outside


@pytest.mark.parametrize("package", ["ingest", "alerts", "ccm_link"])
def test_our_own_migrations_follow_the_form(package: str) -> None:
    assert migrate.read(resources.files(package) / "migrations")
