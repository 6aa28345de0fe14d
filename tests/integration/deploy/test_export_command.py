"""“homevitals ingest export”: what is stored comes out whole, streamed, and the trail says so before."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyarrow import parquet

from deploy import cli
from firmware_profiles.readings import Kind, Result
from ingest import store, tenancy
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import Origin, StoredReading
from ingest.tenancy import Scope
from tests import imported_files, scopes

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
    """Run “homevitals ingest …”; return its exit status and what it printed."""
    with database.connect("homevitals_owner") as connection, connection.cursor() as cur:
        for slug in ("elm", "oak"):
            imported_files.add_practice(cur, slug, ("R-1", "=2"))
    for name, conninfo in environment(database).items():
        monkeypatch.setenv(name, conninfo)

    def command(*words: object) -> tuple[int, str, str]:
        status = cli.main(["ingest", *map(str, words)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


def rows(database: Any, statement: str) -> list[tuple[Any, ...]]:
    with database.connect("postgres") as connection:
        return list(connection.execute(statement).fetchall())


def fill(database: Any) -> None:
    """Store readings of every sort of a device, and one that was corrected, for the practice “elm”."""
    with database.connect("homevitals_ingest") as connection, connection.cursor() as cur:
        ((practice_id, patient_id),) = rows(
            database,
            "select practice_id, patient_id from ingest.patient join ingest.practice using (practice_id)"
            " where slug = 'elm' and record_number = 'R-1'",
        )
        ((other_id,),) = rows(
            database,
            "select patient_id from ingest.patient join ingest.practice using (practice_id)"
            " where slug = 'elm' and record_number = '=2'",
        )
        tenancy.enter(cur, Scope((practice_id,)))
        at = datetime(2026, 3, 5, 12, 30, 15, 250000, tzinfo=UTC)
        store.ensure_series(cur, at, at)
        cuff = StoredReading(
            practice_id=practice_id,
            reading_id=uuid4(),
            patient_id=patient_id,
            peripheral_id=uuid4(),
            user_slot=None,
            kind=Kind.BLOOD_PRESSURE,
            result=Result.MEASURED,
            measured_at=at,
            time_method=TimeMethod.DEVICE_CLOCK,
            time_quality=TimeQuality.UNCERTAIN,
            device_time=None,
            device_clock_offset_s=None,
            gateway_received_at=at,
            stored_at=at,
            systolic_mmhg=128.5,
            diastolic_mmhg=79.0,
            mean_arterial_mmhg=95.25,
            pulse_bpm=61.0,
            glucose_mg_dl=None,
            sequence_number=None,
            qualifiers=("irregular_pulse", "body_movement"),
            profile_id="standard-cuff",
            profile_version=1,
            characteristic="2a35",
            raw=b"\0",
            gateway_id="gw-aaaa1111",
            outbox_epoch="e" * 32,
            outbox_seq=1,
            message_id=uuid4(),
            origin=Origin.DEVICE,
            measured_day=at.date(),
        )
        meter = cuff._replace(
            reading_id=uuid4(),
            patient_id=other_id,
            kind=Kind.GLUCOSE,
            systolic_mmhg=None,
            diastolic_mmhg=None,
            mean_arterial_mmhg=None,
            pulse_bpm=None,
            glucose_mg_dl=99.0858,
            qualifiers=(),
        )
        without = {"systolic_mmhg": None, "diastolic_mmhg": None, "mean_arterial_mmhg": None}
        store.add_readings(
            cur,
            [
                cuff,
                cuff._replace(
                    reading_id=uuid4(),
                    result=Result.NOT_MEASURABLE,
                    pulse_bpm=None,
                    **without,
                ),
                meter,
                meter._replace(reading_id=uuid4(), result=Result.ABOVE_RANGE, glucose_mg_dl=None),
                cuff._replace(reading_id=uuid4(), patient_id=None, measured_day=None),
            ],
        )
    with database.connect("postgres") as connection:  # as a correction leaves it
        former = cuff._replace(reading_id=uuid4(), superseded_at=at, systolic_mmhg=140.0)
        scopes.work_for(connection, practice_id)
        store.add_readings(connection.cursor(), [former._replace(superseded_at=None)])
        connection.execute(
            "update ingest.reading_series set superseded_at = %s where reading_id = %s",
            (at, former.reading_id),
        )


def same(database: Any, slug: str) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "select record_number, measured_at, kind, result, systolic_mmhg, diastolic_mmhg, mean_arterial_mmhg,"
        " pulse_bpm, glucose_mg_dl, qualifiers, time_quality, measured_day from ingest.reading_series"
        " join ingest.patient using (practice_id, patient_id) join ingest.practice using (practice_id)"
        f" where slug = '{slug}' and superseded_at is null order by 1, 2, 3, 4",
    )


def test_an_export_comes_back_as_the_same_readings(database: Any, run: Run, tmp_path: Path) -> None:
    fill(database)
    file = tmp_path / "all.csv"
    status, _, told = run("export", file, "--practice", "elm")
    assert status == 0, told
    assert "4 readings written" in told
    assert file.stat().st_mode & 0o777 == 0o600
    status, told, _ = run("import", file, "--practice", "oak", "--apply")
    assert status == 0, told
    assert same(database, "oak") == same(database, "elm")
    assert len(same(database, "oak")) == 4
    # Where they came from, a device had sent them.
    assert "4 already there from a device" in run("import", file, "--practice", "elm")[1]


def test_csv_has_units_in_names_utc_times_and_no_formulas(
    database: Any, run: Run, tmp_path: Path
) -> None:
    fill(database)
    file = tmp_path / "all.csv"
    run("export", file, "--practice", "elm", "--all-versions")
    content = file.read_bytes()
    assert content.count(b"\r\n") == 6
    found = list(csv.DictReader(io.StringIO(content.decode())))
    assert {row["record_number"] for row in found} == {"R-1", "'=2"}
    assert {row["measured_at"] for row in found} == {"2026-03-05T12:30:15.250000Z"}
    assert sorted(row["systolic_mmhg"] for row in found) == ["", "", "", "128.5", "140"]
    assert [row["superseded_at"] != "" for row in found].count(True) == 1
    assert {row["origin"] for row in found} == {"device"}


def test_parquet_has_types_and_units(database: Any, run: Run, tmp_path: Path) -> None:
    fill(database)
    file = tmp_path / "all.parquet"
    assert run("export", file, "--practice", "elm", "--format", "parquet")[0] == 0
    table = parquet.read_table(file)
    assert table.num_rows == 4
    assert table.schema.field("systolic_mmhg").metadata == {b"unit": b"mm[Hg]"}
    assert str(table.schema.field("measured_at").type) == "timestamp[us, tz=UTC]"
    (pressures,) = [row for row in table.to_pylist() if row["systolic_mmhg"] is not None]
    assert pressures["systolic_mmhg"] == 128.5
    assert pressures["qualifiers"] == ["irregular_pulse", "body_movement"]
    assert pressures["measured_at"] == datetime(2026, 3, 5, 12, 30, 15, 250000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--patient", "R-1"), 2),
        (("--patient", "R-9"), 0),
        (("--kind", "glucose"), 2),
        (("--from", "2026-03-06"), 0),
        (("--to", "2026-03-06"), 4),
        (("--from", "2026-03-05T12:30:15.25Z", "--to", "2026-03-05T12:30:15.3Z"), 4),
    ],
)
@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_only_what_is_asked_for_is_taken(
    database: Any, run: Run, tmp_path: Path, words: tuple[str, ...], count: int
) -> None:
    fill(database)
    status, _, told = run("export", tmp_path / "some.csv", "--practice", "elm", *words)
    assert (status, told) == (0, f"{count} readings written\n")


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_the_trail_names_whose_data_was_taken(database: Any, run: Run, tmp_path: Path) -> None:
    fill(database)
    run("export", tmp_path / "all.csv", "--practice", "elm", "--patient", "R-1")
    assert rows(
        database,
        "select kind, action, outcome, resource, detail ->> 'format',"
        " (select array_agg(record_number) from ingest.patient where patient_id = any (patient_ids))"
        " from ingest.audit_event",
    ) == [("export", "R", "success", "readings", "csv", ["R-1"])]


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_where_the_trail_cannot_be_written_nothing_leaves(
    database: Any, run: Run, tmp_path: Path
) -> None:
    fill(database)
    with database.connect("postgres") as connection:
        connection.execute("revoke insert on ingest.audit_event from homevitals_console")
    with pytest.raises(Exception, match="permission denied"):
        run("export", tmp_path / "all.csv", "--practice", "elm")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["partitions"], indirect=True)
@pytest.mark.usefixtures("run")
def test_forty_thousand_rows_need_little_more_memory_than_a_thousand(
    database: Any, tmp_path: Path
) -> None:
    peaks: dict[int, list[float]] = {}
    for count in (1_000, 40_000):
        fill_up_to(database, count)
        file = tmp_path / f"{count}.csv"
        file.write_text(imported_files.generic(count))
        peaks[count] = [
            peak_mib(database, "import", file, "--practice", "elm"),
            peak_mib(database, "export", tmp_path / f"{count}.out", "--practice", "oak"),
            peak_mib(
                database,
                *(
                    "export",
                    tmp_path / f"{count}.parquet",
                    "--practice",
                    "oak",
                    "--format",
                    "parquet",
                ),
            ),
        ]
        assert parquet.ParquetFile(tmp_path / f"{count}.parquet").metadata.num_rows == count
    looked, exported, exported_as_parquet = (
        large - small for small, large in zip(*peaks.values(), strict=True)
    )
    # Its readings as Python objects have more than 40 MiB. Of Parquet one group of 20 000 rows is held.
    assert max(looked, exported) < 20
    assert exported_as_parquet < 80


def fill_up_to(database: Any, count: int) -> None:
    with database.connect("postgres") as connection:
        connection.execute(
            "select ingest.ensure_series(month, month) from generate_series"
            "('2023-03-01'::timestamptz, '2025-03-01', '1 month') month"
        )
        connection.execute(
            "insert into ingest.reading_series (practice_id, reading_id, patient_id, kind, result, measured_at,"
            " time_method, time_quality, gateway_received_at, stored_at, systolic_mmhg, diastolic_mmhg, profile_id,"
            " profile_version, characteristic, raw, origin)"
            " select practice_id, gen_random_uuid(), patient_id, 'blood_pressure', 'measured',"
            " '2023-03-02'::timestamptz + n * interval '10 minutes', 'imported', 'good', now(), now(), 121, 81, 'p', 1,"
            " '', '', 'import' from ingest.patient join ingest.practice using (practice_id),"
            " generate_series((select count(*) + 1 from ingest.reading_series), %s) n"
            " where slug = 'oak' and record_number = 'R-1'",
            (count,),
        )


def peak_mib(database: Any, *words: object) -> float:
    # Not getrusage: its peak begins with what the process had that started this one.
    script = (
        "import re, sys; from pathlib import Path; from deploy import cli\n"
        "status = cli.main(['ingest', *sys.argv[1:]])\n"
        "kib = re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]\n"
        "print('peak', int(kib) / 1024, file=sys.stderr)\n"
        "sys.exit(status)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=ROOT,
        env=os.environ | environment(database),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return float(ended.stderr.rsplit("peak ", 1)[1])
