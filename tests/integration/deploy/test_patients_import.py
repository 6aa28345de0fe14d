"""“homevitals patients import”: a panel becomes patients, once, and what is wrong with it is told by its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy import cli
from tests import imported_files, panel_files

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    database: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Run:
    """Import a text, or bytes; return the exit status and all that was said."""
    with database.connect("homevitals_owner") as connection, connection.cursor() as cur:
        imported_files.add_practice(cur)
    for name, role in (("", "homevitals_console"), ("ENTRANCE_", "homevitals_entrance")):
        monkeypatch.setenv(f"HOMEVITALS_CCM_LINK_{name}DATABASE", database.conninfo(role))
    file = tmp_path / "panel"

    def command(text: str | bytes, *words: str) -> tuple[int, str]:
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        status = cli.main(["patients", "import", str(file), *words])
        told = capsys.readouterr()
        return status, " ".join(
            (told.out + told.err).split()
        ) if "--json" not in words else told.out

    return command


def rows(database: Any, statement: str) -> list[tuple[Any, ...]]:
    with database.connect("postgres") as connection:
        return list(connection.execute(statement).fetchall())


def test_a_panel_is_looked_at_stored_and_the_second_time_changes_nothing(
    database: Any, run: Run
) -> None:
    before = len(rows(database, "select from ingest.patient"))
    text = panel_files.table(210)  # more than one batch
    status, told = run(text, "--json")
    survey = json.loads(told)
    assert (status, survey["new"], survey["changed"], survey["faults"]) == (0, 210, 0, 0)
    assert len(rows(database, "select from ingest.patient")) == before
    assert rows(
        database, "select distinct kind, resource, patient_ids from ingest.audit_event"
    ) == [("read", "panel", [])]

    status, told = run(text, "--apply")
    assert (status, "stored 210 patients" in told) == (0, True), told
    assert len(rows(database, "select from ingest.patient")) == before + 210
    (counts,) = rows(
        database,
        "select (select count(*) from ccm.coverage), (select count(*) from ccm.condition),"
        " (select count(*) from ccm.condition where onset_on = '2015-03-01'), (select count(*) from ccm.telecom),"
        " (select count(*) from ccm.related_person), (select count(*) from ccm.talk_permission)",
    )
    assert counts == (280, 420, 210, 210, 70, 70)
    assert len(rows(database, "select from ingest.audit_event where kind = 'change'")) >= 2

    status, told = run(text, "--apply", "--json")
    survey = json.loads(told)
    assert (survey["new"], survey["changed"], survey["unchanged"]) == (0, 0, 210)
    assert rows(database, "select count(*) from ingest.patient_change") == [(0,)]

    lines = text.splitlines()
    lines[1] = lines[1].replace("Quist,1950-02-03", "Quist,1951-02-03").replace("E11.9", "N18.3")
    lines[2] = lines[2].removesuffix(",,") + ",deceased,2026-11-01"
    status, told = run("\n".join(lines), "--apply")
    assert status == 0, told
    assert "stored 2 patients" in told
    assert rows(database, "select before, after from ingest.patient_change") == [
        ({"born_on": "1950-02-03"}, {"born_on": "1951-02-03"})
    ]
    assert rows(
        database, "select record_number from ingest.patient where standing = 'deceased'"
    ) == [("P-2",)]
    # What a file does not say is not ended.
    assert rows(
        database,
        "select code from ccm.condition join ingest.patient using (patient_id)"
        " where record_number = 'P-1' and ended_at = 'infinity' order by code",
    ) == [("E11.9",), ("I10",), ("N18.3",)]


def test_one_fault_keeps_the_panel_out_and_partial_leaves_the_patient_out(
    database: Any, run: Run
) -> None:
    lines = panel_files.table(6).splitlines()
    lines[2] = lines[2].replace("1950-02-03", "sentinel-31.31.1950")
    lines[4] = lines[4].replace("P-4", "P-1").replace("(212) 555-0004", "sentinel")
    lines[5] = lines[5].replace("I10@2015-03-01", "sentinel@soon")
    text = "\n".join(lines)
    status, told = run(text, "--apply")
    assert status == 1
    assert "nothing was stored" in told
    assert "line 3, born_on: Write a date like 1951-11-03." in told
    assert "line 5, phone: This cannot be reached." in told
    assert "line 6, conditions: Write codes of ICD-10-CM" in told
    assert "sentinel" not in told
    before = len(rows(database, "select from ingest.patient"))
    status, told = run(text, "--apply", "--partial")
    assert (status, "stored 3 patients" in told) == (0, True), told
    assert len(rows(database, "select from ingest.patient")) == before + 3


def test_what_the_practice_refuses_is_told_before_anything_is_stored(
    database: Any, run: Run
) -> None:
    run(panel_files.table(2), "--apply")
    lines = panel_files.table(3).splitlines()
    lines[1] = lines[1].replace("medicare_part_b,Medicare,M1", "commercial,Oak Mutual,M1")
    lines[3] = lines[3].replace("P-3", "P-2")
    status, told = run("\n".join(lines))
    assert status == 1
    assert "line 2: Another payer has this place in the order" in told
    assert "line 4, record_number: the record number stands under 3 already" in told


def test_a_bundle_becomes_the_same_patients(database: Any, run: Run) -> None:
    text = panel_files.bundle(panel_files.patient(1), *panel_files.of_patient_one())
    status, told = run(text, "--apply")
    assert (status, "stored 1 patients" in told) == (0, True), told
    assert rows(
        database,
        "select display_name, family_name, administrative_gender, code, onset_on::text, kind, payer_name, name"
        " from ingest.patient join ccm.condition using (patient_id) join ccm.coverage using (patient_id)"
        " join ccm.related_person using (patient_id)",
    ) == [
        (
            "Ada B Quist",
            "Quist",
            "female",
            "E11.9",
            "2015-03-01",
            "medicare_part_b",
            "Medicare",
            "Bo Quist",
        )
    ]
    assert rows(database, "select kind, value from ccm.patient_identifier") == [
        ("MC", "1EG4TE5MK73")
    ]
    assert "unchanged 1" in run(text, "--apply")[1]

    no_code = {"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}
    nobodys = panel_files.of_patient_one()[0] | {"subject": {"reference": "Patient/p9"}}
    wrong = panel_files.patient(2, birthDate="sentinel")
    status, told = run(panel_files.bundle(panel_files.patient(1), no_code, nobodys, wrong))
    assert status == 1
    assert "entry 2, Condition: has no code of ICD-10-CM" in told
    assert "entry 3, subject: points at no patient of the bundle" in told
    assert "entry 4, birthDate: is not as FHIR R4 has it" in told
    assert "sentinel" not in told


def test_a_patient_who_was_corrected_here_keeps_what_the_file_does_not_say(
    database: Any, run: Run
) -> None:
    run("record_number,display_name,born_on\nP-1,Ada Quist,1950-02-03\n", "--apply")
    with database.connect("postgres") as connection, connection.cursor() as cur:
        cur.execute(
            "update ingest.patient set time_zone = 'Pacific/Honolulu', language = 'haw' where record_number = 'P-1'"
        )
    _, told = run("record_number,display_name,born_on\nP-1,Ada Quist,1950-02-03\n", "--apply")
    assert "unchanged 1" in told
    with database.connect("postgres") as connection, connection.cursor() as cur:
        row = cur.execute(
            "select time_zone, language from ingest.patient where record_number = 'P-1'"
        ).fetchone()
    assert row == ("Pacific/Honolulu", "haw")
