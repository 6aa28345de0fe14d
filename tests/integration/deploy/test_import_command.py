"""“homevitals ingest import”: from a file to readings that no device sent, once, whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy import cli
from tests import imported_files

pytestmark = pytest.mark.db

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[3]


def environment(database: Any) -> dict[str, str]:
    return {
        "HOMEVITALS_INGEST_DATABASE": database.conninfo("homevitals_ingest"),
        "HOMEVITALS_CCM_LINK_DATABASE": database.conninfo("homevitals_console"),
        "HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE": database.conninfo("homevitals_entrance"),
    }


@pytest.fixture
def run(database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run “homevitals ingest import”; return its exit status and what it printed."""
    with database.connect("homevitals_owner") as connection, connection.cursor() as cur:
        imported_files.add_practice(cur)
    for name, conninfo in environment(database).items():
        monkeypatch.setenv(name, conninfo)

    def command(*words: object) -> tuple[int, str, str]:
        status = cli.main(["ingest", "import", *map(str, words)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


def rows(database: Any, statement: str) -> list[tuple[Any, ...]]:
    with database.connect("postgres") as connection:
        return list(connection.execute(statement).fetchall())


def count(database: Any, what: str = "ingest.reading_series") -> int:
    ((found,),) = rows(database, f"select count(*) from {what}")
    return int(found)


def written(folder: Path, text: str, name: str = "readings.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_dry_run_tells_and_stores_nothing(database: Any, run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, imported_files.generic(3))
    status, told, _ = run(file)
    assert status == 0
    assert "3 new" in told
    assert "dry run" in told
    assert count(database) == count(database, "ingest.import_run") == 0
    assert rows(database, "select kind, resource, agent_kind from ingest.audit_event") == [
        ("read", "import", "command_line")
    ]


def test_what_is_stored_says_that_no_device_sent_it(
    database: Any, run: Run, tmp_path: Path
) -> None:
    file = written(tmp_path, imported_files.generic(1200))
    status, told, _ = run(file, "--apply")
    assert status == 0, told
    assert "stored 1200 readings" in told
    found = rows(
        database,
        "select distinct origin, time_method, time_quality, peripheral_id, gateway_id, profile_id, profile_version,"
        " characteristic from ingest.reading_series",
    )
    assert found == [("import", "imported", "good", None, None, "import-generic-csv", 1, "")]
    ((raw, day),) = rows(
        database,
        "select raw, measured_day from ingest.reading_series order by measured_at limit 1",
    )
    assert bytes(raw) == b"R-1,2023-03-01T07:30:00Z,110,60,55,\n"
    assert str(day) == "2023-03-01"
    assert count(database, "ingest.imported_reading") == 1200
    assert count(database, "ingest.evaluation_queue") == 1200
    assert rows(
        database, "select rows_done, stored_count, finished_at is null from ingest.import_run"
    ) == [(1200, 1200, False)]
    assert rows(
        database, "select count(*) from ingest.audit_event where kind = 'change' and action = 'C'"
    ) == [(3,)]


def test_the_same_file_again_brings_nothing_new(database: Any, run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, imported_files.generic(10))
    run(file, "--apply")
    status, told, _ = run(file, "--apply")
    assert status == 0
    assert "0 new" in told
    assert "10 already there: imported before" in told
    assert count(database) == 10
    assert count(database, "ingest.import_run") == 1


def test_one_faulty_row_keeps_the_whole_file_out(database: Any, run: Run, tmp_path: Path) -> None:
    lines = imported_files.generic(600).splitlines()
    lines[500] = "R-1,2025-03-22T02:30:00Z,80,120,60,"
    status, told, _ = run(written(tmp_path, "\n".join(lines)), "--apply")
    assert status == 1
    assert "line 501, diastolic_mmhg: the diastolic pressure is above the systolic" in told
    assert "nothing was stored" in told
    assert count(database) == 0


def test_partial_stores_the_good_rows_and_keeps_the_others_for_mending(
    database: Any, run: Run, tmp_path: Path
) -> None:
    lines = imported_files.generic(20).splitlines()
    lines[7] = "R-9,2025-03-01T13:30:00Z,120,80,60,"
    rejects = tmp_path / "rejects.csv"
    words = ("--apply", "--partial", "--rejects", rejects)
    file = written(tmp_path, "\n".join(lines))
    status, told, _ = run(file, *words)
    assert status == 0, told
    assert count(database) == 19
    assert rejects.read_text().splitlines() == [imported_files.GENERIC_HEADER, lines[7]]
    status, _, error = run(file, *words)
    assert status == 1
    assert "--force" in error
    # Mended, the rejected row comes in too.
    mended = written(tmp_path, rejects.read_text().replace("R-9", "R-2"), "mended.csv")
    assert run(mended, "--apply")[0] == 0
    assert count(database) == 20


def test_rejected_entries_of_a_bundle_make_a_bundle(
    database: Any, run: Run, tmp_path: Path
) -> None:
    text = imported_files.bundle(
        imported_files.panel(), imported_files.panel(status="preliminary"), imported_files.glucose()
    )
    rejects = tmp_path / "rejects.json"
    file = written(tmp_path, text, "bundle.json")
    status, told, _ = run(file, "--apply", "--partial", "--rejects", rejects)
    assert status == 0, told
    assert "entry[1].status" in told
    assert count(database) == 2
    rejected = json.loads(rejects.read_text())
    assert [entry["resource"]["status"] for entry in rejected["entry"]] == ["preliminary"]


def test_wall_clocks_are_the_patients_and_summer_time_leaves_doubt(
    database: Any, run: Run, tmp_path: Path
) -> None:
    file = written(
        tmp_path,
        imported_files.omron(
            "Mar 8 2025,09:00 am,121,81,61,-,-,-,-",
            "Mar 9 2025,02:30,122,82,62,-,-,-,-",  # skipped in New York
            "Nov 2 2025,01:30,123,83,63,-,-,-,-",  # twice there
        ),
    )
    assert run(file, "--apply")[0] == 1  # whose?
    status, told, _ = run(file, "--patient", "R-1", "--apply")
    assert status == 0, told
    found = rows(
        database,
        "select systolic_mmhg, measured_at at time zone 'UTC', time_quality, profile_id"
        " from ingest.reading_series order by 1",
    )
    assert [(int(row[0]), f"{row[1]:%m-%d %H:%M}", row[2]) for row in found] == [
        (121, "03-08 14:00", "good"),
        (122, "03-09 07:30", "uncertain"),
        (123, "11-02 05:30", "uncertain"),
    ]
    assert {row[3] for row in found} == {"import-omron-csv"}
    assert "3 new" in run(file, "--patient", "R-1", "--time-zone", "Europe/Paris")[1]


def test_what_a_device_sent_already_is_not_stored_beside_it(
    database: Any, run: Run, tmp_path: Path
) -> None:
    file = written(tmp_path, imported_files.omron("Mar 8 2025,09:00,121,81,61,-,-,-,-"))
    with database.connect("postgres") as connection:
        connection.execute("select ingest.ensure_series('2025-03-01', '2025-03-02')")
        connection.execute(
            "insert into ingest.reading_series (practice_id, reading_id, patient_id, peripheral_id, kind, result,"
            " measured_at, time_method, time_quality, gateway_received_at, stored_at, systolic_mmhg, diastolic_mmhg,"
            " pulse_bpm, profile_id, profile_version, characteristic, raw, gateway_id, outbox_epoch, outbox_seq,"
            " message_id)"
            " select practice_id, gen_random_uuid(), patient_id, gen_random_uuid(), 'blood_pressure', 'measured',"
            " '2025-03-08T14:00:42Z', 'device_clock', 'good', now(), now(), 121, 81, 61, 'standard-cuff', 1, '2a35',"
            " '\\x00', 'gw-aaaa1111', 'e', 1, gen_random_uuid() from ingest.patient where record_number = 'R-1'"
        )
    status, told, _ = run(file, "--patient", "R-1", "--apply")
    assert status == 0
    assert "1 already there from a device" in told
    assert count(database) == 1
    # Somebody else's are somebody else's.
    assert "1 new" in run(file, "--patient", "R-2")[1]


def test_the_rules_are_asked_about_imports_and_nobody_is_called(
    database: Any, run: Run, tmp_path: Path
) -> None:
    from dataclasses import replace
    from datetime import UTC, datetime

    from alerts import evaluator
    from alerts.settings import AlertsSettings
    from ccm_link.care_side import CARE_SIDE
    from tests import single_limits

    now = datetime.now(UTC)
    at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    file = written(tmp_path, f"{imported_files.GENERIC_HEADER}\nR-1,{at},190,110,60,\n")
    with database.connect("postgres") as connection, connection.cursor() as cur:
        (practice_id,) = cur.execute("select practice_id from ingest.practice").fetchone()
        single_limits.adopt(cur, practice_id, set_by="s", at=datetime(2020, 1, 1, tzinfo=UTC))
    assert run(file, "--apply")[0] == 0

    def sink(*_: Any) -> None:
        raise AssertionError("nobody is called for history")

    with database.connect("homevitals_alerts") as connection:
        assert (
            evaluator.evaluate_batch(
                connection, AlertsSettings(), replace(CARE_SIDE, open_task=sink), now
            )
            == 1
        )
    assert rows(database, "select outcome, silence from alerts.evaluation") == [
        ("silent", "imported")
    ]
    assert count(database, "alerts.episode") == count(database, "ingest.evaluation_queue") == 0


def start(database: Any, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", "ingest", "import", *map(str, words)],
        cwd=ROOT,
        env=os.environ | environment(database),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_readings(database: Any, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if count(database, "ingest.imported_reading"):
            return
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)],
    ids=["killed", "terminated", "interrupted"],
)
@pytest.mark.usefixtures("run")
def test_an_import_that_was_ended_goes_on_without_doubling(
    database: Any, run: Run, tmp_path: Path, number: int, status: int
) -> None:
    file = written(tmp_path, imported_files.generic(10_000))
    process = start(database, file, "--apply")
    wait_for_readings(database, process)
    process.send_signal(number)
    told, error = process.communicate(timeout=60)
    assert process.returncode == status, told + error
    before = count(database)
    assert 0 < before < 10_000
    assert before == count(database, "ingest.imported_reading")
    if number != signal.SIGKILL:
        assert f"{before} readings stored; the same command goes on from there" in told
    assert "Traceback" not in error
    assert run(file, "--apply")[0] == 0
    assert count(database) == count(database, "ingest.record_key") == 10_000
    assert rows(
        database, "select rows_done, stored_count, finished_at is null from ingest.import_run"
    ) == [(10_000, 10_000, False)]


def test_the_way_of_an_imported_reading_begins_in_its_file(
    database: Any, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(written(tmp_path, imported_files.generic(3)), "--apply")[0] == 0
    ((reading_id,),) = rows(
        database, "select reading_id from ingest.imported_reading where row_number = 3"
    )
    assert cli.main(["way", str(reading_id)]) == 0
    told = capsys.readouterr().out
    assert "row 3 of a file in the format “generic”" in told
    assert "imported, not sent by a device" in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("generic.csv", ()),
        ("omron.csv", ("--patient", "MADE-UP-1")),
        ("and.csv", ("--format", "and", "--patient", "MADE-UP-1")),
        ("bundle.json", ()),
    ],
)
@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_the_examples_of_the_documents_can_be_imported(
    database: Any, run: Run, name: str, words: tuple[str, ...]
) -> None:
    with database.connect("homevitals_owner") as connection, connection.cursor() as cur:
        imported_files.add_practice(cur, "docs", ("MADE-UP-1", "MADE-UP-2"))
    file = ROOT / "docs" / "examples" / name
    status, told, _ = run(file, "--practice", "docs", "--apply", *words)
    assert status == 0, told
    assert "stored" in told
