from __future__ import annotations

from pathlib import Path

import pytest

from deploy import backup_programs, errors


def program(folder: Path, told: str) -> Path:
    folder.mkdir()
    path = folder / "pg_dump"
    path.write_text(f"#!/bin/sh\necho '{told}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[int, Path]:
    """Programs of several versions, in no order, and one that is none."""
    found = {
        version: program(tmp_path / f"v{version}", f"pg_dump (PostgreSQL) {version}.2 (Debian)")
        for version in (18, 15, 17)
    }
    found[0] = program(tmp_path / "v0", "what?")
    monkeypatch.setattr(backup_programs, "_candidates", lambda _: iter(found.values()))
    return found


@pytest.mark.parametrize(("server", "chosen"), [(15, 15), (16, 17), (17, 17), (18, 18)])
def test_the_lowest_version_that_is_not_below_the_servers_is_taken(
    programs: dict[int, Path], server: int, chosen: int
) -> None:
    assert backup_programs.find("pg_dump", server) == programs[chosen]


def test_only_older_programs_are_as_good_as_none(programs: dict[int, Path]) -> None:
    with pytest.raises(errors.MissingProgram, match="there is only version 18") as refused:
        backup_programs.find("pg_dump", 19)
    assert refused.value.exit_code == 4


def test_without_a_program_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_programs, "_candidates", lambda _: iter(()))
    with pytest.raises(errors.MissingProgram, match="and there is none; install"):
        backup_programs.find("pg_restore", 18)


def test_a_restore_that_stops_names_the_object_and_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "pg_restore"
    broken.write_text(
        "#!/bin/sh\n"
        "echo 'pg_restore: from TOC entry 3452; 0 16405 TABLE DATA patient homevitals_owner' >&2\n"
        "echo 'pg_restore: error: COPY failed for table: DETAIL: (Amalia Thornquist)' >&2\n"
        "exit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(backup_programs, "find", lambda *_: broken)
    with pytest.raises(errors.BackupError) as refused:
        backup_programs.restore(tmp_path / "dump", "dbname=x", 18, lambda: None)
    assert str(refused.value) == "pg_restore failed at TABLE DATA patient"
