"""Panels that are wrong: rows 91 to 100 of the catalogue, as “homevitals patients import” meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy import cli
from tests import imported_files, panel_files

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

Import = Callable[[bytes], tuple[int, str]]
HEADER = b"record_number,display_name,born_on"
GOOD = b"P-1,Ada Quist,1950-02-03"
SENTINEL = "Thornquist"


@pytest.fixture
def take_in(
    database: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Import:
    """Import bytes and apply; return the status and all that was said, which never holds what stands in the file."""
    with database.connect("homevitals_owner") as connection, connection.cursor() as cur:
        imported_files.add_practice(cur)
    for name, role in (("", "homevitals_console"), ("ENTRANCE_", "homevitals_entrance")):
        monkeypatch.setenv(f"HOMEVITALS_CCM_LINK_{name}DATABASE", database.conninfo(role))
    file = tmp_path / "panel"

    def command(content: bytes) -> tuple[int, str]:
        file.write_bytes(content)
        status = cli.main(["patients", "import", str(file), "--apply"])
        told = capsys.readouterr()
        assert SENTINEL not in told.out + told.err
        assert "Traceback" not in told.err
        return status, " ".join((told.out + told.err).split())

    return command


def lines(*rows: bytes) -> bytes:
    return b"\n".join((HEADER, *rows)) + b"\n"


NO_PANEL = {
    "empty": (b"", "the file is empty"),
    "zeros": (bytes(4096), "UTF-16 or binary"),
    "utf-16": ("record_number,born_on\n".encode("utf-16"), "UTF-16 or binary"),
    "no header": (GOOD + b"\n", "column 1 of the header is none of a panel"),
    "a column twice": (HEADER + b",born_on\n" + GOOD + b",x\n", "columns 3 and 4"),
    "a column missing": (b"record_number,display_name\nP-1,Ada\n", "no column born_on"),
    "an unknown column": (HEADER + b",blood_type\n", "column 4 of the header"),
    "semicolons": (HEADER.replace(b",", b";") + b"\n", "--delimiter semicolons"),
    "an open quotation mark": (lines(b'P-1,"Thornquist,1950-02-03' + b"x" * 70_000), "line 2"),
    "1 MB in a field": (lines(b"P-1," + b"x" * 1_000_000 + b",1950-02-03"), "longer than 64 KiB"),
    "half a bundle": (b'{"resourceType": "Bundle", "entry": [', "no FHIR bundle in JSON"),
    "another resource": (b'{"resourceType": "Patient"}', "resourceType is not"),
    "a list": (b"{}[]", "no FHIR bundle"),
}


def test_row_91_what_is_no_panel_is_refused_by_what_it_seems_to_be(
    database: Any, take_in: Import, subtests: pytest.Subtests
) -> None:
    for case, (content, words) in NO_PANEL.items():
        with subtests.test(case):
            status, told = take_in(content)
            assert status == 1, told
            assert words in told
    assert count(database) == 0


FAULTY = {
    "ragged": (b"P-1,Thornquist", "line 2: has 2 cells, the header has 3"),
    "not UTF-8": (b"P-1,Thornquist \xff,1950-02-03", "line 2: is not UTF-8"),
    "a NUL": (b"P-1,Thornquist\0,1950-02-03", "line 2: holds a NUL"),
    "a quotation mark inside": (b'P-1,"Thorn"quist,1950-02-03', "line 2: quotation marks"),
    "a formula": (b"=1+1,Thornquist,1950-02-03", "line 2, record_number: begins like a formula"),
    "a formula in a name": ("P-1,＝Thornquist,1950-02-03".encode(), "line 2, display_name"),
    "no record number": (b",Thornquist,1950-02-03", "line 2, record_number: Fill this in."),
    "two lines in a number": (b'"P-\n1",Thornquist,1950-02-03', "record_number: Write it in one"),
    "changed direction": ("P-1,Thornquist \u202e,1950-02-03".encode(), "invisible control"),
    "another order of the date": (b"P-1,Thornquist,03/04/1950", "Write a date like"),
    "a day that is none": (b"P-1,Thornquist,1950-02-30", "line 2, born_on"),
    "born in the year 1066": (b"P-1,Thornquist,1066-10-14", "line 2, born_on"),
    "other digits": ("P-1,Thornquist,١٩٥٠-٠٢-٠٣".encode(), "line 2, born_on"),
}


def test_row_94_a_faulty_row_is_told_by_its_line_and_nothing_is_stored(
    database: Any, take_in: Import, subtests: pytest.Subtests
) -> None:
    for case, (row, words) in FAULTY.items():
        with subtests.test(case):
            status, told = take_in(lines(row, GOOD.replace(b"P-1", b"P-2")))
            assert status == 1, told
            assert words in told, told
            assert "nothing was stored" in told
    assert count(database) == 0


def test_row_93_marks_and_line_ends_of_other_systems_are_read(
    database: Any, take_in: Import
) -> None:
    status, told = take_in(b"\xef\xbb\xbf" + lines(GOOD).replace(b"\n", b"\r\n"))
    assert (status, "stored 1 patients" in told) == (0, True), told
    assert take_in(HEADER + b"\n") == (
        0,
        "patients 0 new 0 changed 0 unchanged 0 faulty 0 stored 0 patients",
    )
    assert count(database) == 1


def test_row_94_resources_that_are_none_are_told_by_their_entry(
    database: Any, take_in: Import
) -> None:
    good = panel_files.patient(1)
    nonsense: list[Any] = [
        {"resourceType": "Coverage", "status": SENTINEL},
        {"resourceType": "Patient", "birthDate": 7},
        {"resourceType": "Patient", "name": [{"family": [SENTINEL]}]},
        {"resourceType": "Patient"},  # nobody
    ]
    status, told = take_in(panel_files.bundle(*nonsense, good).encode())
    assert status == 1
    for entry in range(1, 5):
        assert f"entry {entry}" in told
    assert "entry 5" not in told
    assert count(database) == 0


def test_row_94_what_points_at_nobody_or_at_two_is_nobodys(database: Any, take_in: Import) -> None:
    one, other = panel_files.patient(1), {**panel_files.patient(2), "id": "p1"}
    codes = [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]
    points_at = [{"display": SENTINEL}, {"reference": "None"}, {"reference": "Patient/p1"}]
    conditions = [
        {"resourceType": "Condition", "subject": at, "code": {"coding": codes}} for at in points_at
    ]
    bundle = json.loads(panel_files.bundle(*conditions, one, other))
    for entry in bundle["entry"]:
        del entry["fullUrl"]
    status, told = take_in(json.dumps(bundle).encode())
    assert status == 1
    for number in range(1, 4):
        assert f"entry {number}, subject: points at no patient of the bundle" in told
    assert count(database) == 0


def count(database: Any) -> int:
    with database.connect("postgres") as connection:
        row = connection.execute(
            "select count(*) from ingest.patient where record_number like 'P-%'"
        ).fetchone()
    assert row is not None
    return int(row[0])
