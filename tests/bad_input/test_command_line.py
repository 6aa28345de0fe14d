"""Files and words at the command line that are wrong: rows 91 to 105 of the catalogue of bad input.

==== =============================================== ===================================================================
Row  Input                                           State
==== =============================================== ===================================================================
91   empty CSV, header only                          empty: no header, refused; header only: “0 rows”, status 0
92   wrong, reordered, duplicate header              matched by name; duplicate, missing or unknown is refused
93   BOM, CRLF, semicolons, UTF-16                   BOM and CRLF are read; the others are named in the refusal
94   ragged row, unclosed quote, 10 MB field         line and reason; 64 KiB a row
95   formula cells                                   imported as text; exports escape them
96   03/04/2026, comma decimal                       refused; vendors' dates with one meaning are read as they document
97   record number unknown or of another practice    a fault of the row, in the same words for both
98   one bad row of 10 000                           nothing is stored; “--partial” keeps it in a file of rejects
99   same file again                                 “0 new”
100  “..”, symbolic link, device, “-”                regular files by a direct name, or standard input
101  unknown flag, missing argument, both of two     status 2 and the usage, for every command
102  Ctrl-C, SIGTERM in mid-import                   whole batches or nothing; 130, 143 (and test_import_command.py)
103  standard output closed                          quiet end, status 0, every command
104  output exists, disk full                        not overwritten; renamed when whole; nothing left behind
105  locale C, no terminal, no HOME, wide letters    works; a letter that cannot be written is written as its number
==== =============================================== ===================================================================
"""

from __future__ import annotations

import csv
import io
import json
import os
import resource
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

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

ROOT = Path(__file__).parents[2]
HEADER = imported_files.GENERIC_HEADER
GOOD = "R-1,2025-03-05T07:30:00Z,121,81,61,"
Run = Callable[..., tuple[int, str, str]]
Import = Callable[..., tuple[int, str]]


def environment(database: Any) -> dict[str, str]:
    return {
        "HOMEVITALS_INGEST_DATABASE": database.conninfo("homevitals_ingest"),
        "HOMEVITALS_CCM_LINK_DATABASE": database.conninfo("homevitals_console"),
        "HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE": database.conninfo("homevitals_entrance"),
    }


@pytest.fixture
def run(database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a database with two practices; return its status, output and errors."""
    with database.connect("homevitals_owner") as connection, connection.cursor() as cur:
        imported_files.add_practice(cur, "elm", ("R-1", "=1+1", "Ünïcode-患者"))
        imported_files.add_practice(cur, "oak", ("R-77",))
    for name, conninfo in environment(database).items():
        monkeypatch.setenv(name, conninfo)

    def command(*words: object) -> tuple[int, str, str]:
        status = cli.main([str(word) for word in words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


@pytest.fixture
def take_in(run: Run, tmp_path: Path) -> Import:
    """Import bytes and apply; return the status and all that was said."""

    def command(content: bytes | str, *words: object) -> tuple[int, str]:
        file = tmp_path / "given.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        words = (file, "--practice", "elm", "--apply", *words)
        status, told, error = run("ingest", "import", *words)
        return status, told + error

    return command


def stored(database: Any) -> int:
    with database.connect("postgres") as connection:
        (found,) = connection.execute("select count(*) from ingest.reading_series").fetchone()
    return int(found)


def start(
    database: Any, *words: object, environ: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # Whoever runs the tests in the background of a shell has them ignore Ctrl-C, and so would what they start.
        ["env", "--default-signal=INT", sys.executable, "-m", "deploy.cli", *map(str, words)],
        cwd=ROOT,
        env=(os.environ if environ is None else environ) | environment(database),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_row_91_a_file_without_rows_has_zero_rows(take_in: Import) -> None:
    status, told = take_in(HEADER)
    assert (status, "0 rows" in told, "0 new" in told) == (0, True, True)
    assert take_in(HEADER + "\r\n\r\n \r\n")[0] == 0
    status, told = take_in(b"")
    assert status == 1
    assert "the file is empty" in told
    status, told = take_in('{"resourceType": "Bundle", "type": "collection"}')
    assert (status, "0 rows" in told) == (0, True)


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("measured_at,diastolic_mmhg,record_number,systolic_mmhg", None, "stored 1"),
        (" Measured_At ,SYSTOLIC_MMHG,diastolic_mmhg,record_number", None, "stored 1"),
        (
            "record_number,measured_at,systolic_mmhg,diastolic_mmhg,systolic_mmhg",
            None,
            "are the same",
        ),
        ("record_number,measured_at,systolic_mmhg,diastolic", None, "the header is not known"),
        (
            "record_number,measured_at,systolic_mmhg,diastolic_mmhg,pin",
            None,
            "column 5 of the header",
        ),
        ("R-1,2025-03-05T07:30:00Z,121,81", None, "the header is not known"),
    ],
    ids=["reordered", "other case", "duplicate", "missing", "unknown", "no header"],
)
def test_row_92_columns_go_by_name(
    take_in: Import, header: str, row: str | None, words: str
) -> None:
    cells = {
        "record_number": "R-1",
        "measured_at": "2025-03-05T07:30:00Z",
        "systolic_mmhg": "121",
        "diastolic_mmhg": "81",
    }
    names = [name.strip().lower() for name in header.split(",")]
    row = ",".join(cells.get(name, "12") for name in names)
    status, told = take_in(f"{header}\n{row}\n")
    assert words in told
    assert status == (0 if words.startswith("stored") else 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"\ufeff{HEADER}\n{GOOD}\n".encode(), "stored 1"),
        (f"{HEADER}\r\n{GOOD}\r\n".encode(), "stored 1"),
        (f"{HEADER}\n{GOOD}".replace(",", ";").encode(), "--delimiter semicolons"),
        (f"{HEADER}\n{GOOD}".encode("utf-16"), "UTF-16"),
        (f"{HEADER}\n{GOOD}".encode("utf-16-le"), "UTF-16 or binary"),
        (f"{HEADER}\n{GOOD}\0".encode(), "line 2: holds a NUL"),
        (f"{HEADER}\n{GOOD}é".encode("latin-1"), "line 2: is not UTF-8 at its byte"),
        (f"{HEADER}\r{GOOD}\r".encode(), "line"),
    ],
    ids=["BOM", "CRLF", "semicolons", "UTF-16", "UTF-16 without BOM", "NUL", "Latin-1", "CR"],
)
def test_row_93_encodings_and_separators(take_in: Import, content: bytes, words: str) -> None:
    status, told = take_in(content)
    assert words in told
    assert status == (0 if words == "stored 1" else 1)


def test_row_93_semicolons_are_read_where_they_are_said(take_in: Import) -> None:
    status, told = take_in(f"{HEADER}\n{GOOD}".replace(",", ";"), "--delimiter", "semicolons")
    assert (status, "stored 1" in told) == (0, True)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("R-1,2025-03-05T07:30:00Z,121", "line 3: has 3 cells, the header has 6"),
        (GOOD + ",7,8", "line 3: has 8 cells"),
        (
            '"R-1,2025-03-05T07:30:00Z,121,81,61,',
            "line 3: a quotation mark is opened and not closed",
        ),
        ("x" * 10_000_000, "line 3: longer than 64 KiB"),
        (f'"{"x" * 10_000_000}",,,,,', "line 3: longer than 64 KiB"),
        ('"' + "x\n" * 5_000_000 + '",,,,,', "line 3: a quotation mark is opened and not closed"),
    ],
    ids=["short", "long", "unclosed", "10 MB", "10 MB quoted", "10 MB of lines"],
)
def test_row_94_a_row_that_is_none_has_its_line(
    database: Any, take_in: Import, row: str, words: str
) -> None:
    status, told = take_in(f"{HEADER}\n{GOOD}\n{row}\n")
    assert status == 1
    assert words in told
    assert len(told) < 2000
    assert stored(database) == 0


def test_row_95_formulas_are_text_and_leave_escaped(
    database: Any, run: Run, take_in: Import, tmp_path: Path
) -> None:
    note = "=HYPERLINK(1)"
    header = f"{HEADER},note"
    status, told = take_in(f"{header}\n{GOOD.replace('R-1', '=1+1')},{note}\n")
    assert status == 0, told
    output = tmp_path / "out.csv"
    run("ingest", "export", output, "--practice", "elm")
    (row,) = csv.DictReader(io.StringIO(output.read_text()))
    assert row["record_number"] == "'=1+1"
    assert not any(cell[:1] in tuple("=+-@\t\r") for cell in row.values() if cell)
    # What was escaped is read back as what it was.
    assert "1 already there" in run("ingest", "import", output, "--practice", "elm")[1]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("R-1,03/04/2026,121,81,61,", "line 2, measured_at: expected a time like 2026-03-05T07:30"),
        ("R-1,2025-03-05 07:30:00 PM,121,81,61,", "line 2, measured_at"),
        ("R-1,2025-02-30T07:30:00Z,121,81,61,", "line 2, measured_at"),
        ("R-1,1970-01-01T00:00:00Z,121,81,61,", "line 2, measured_at: expected a year from 2000"),
        ("R-1,2099-01-01T00:00:00Z,121,81,61,", "line 2, measured_at: the time is in the future"),
        ('R-1,2025-03-05T07:30:00Z,,,,"5,5"', "with a decimal point, not a comma"),
        ("R-1,2025-03-05T07:30:00Z,12l,81,61,", "line 2, systolic_mmhg: expected a number"),
        ("R-1,2025-03-05T07:30:00Z,1e2,81,61,", "line 2, systolic_mmhg: expected a number"),
        ("R-1,2025-03-05T07:30:00Z,nan,81,61,", "line 2, systolic_mmhg: expected a number"),
        ("R-1,2025-03-05T07:30:00Z,１２１,81,61,", "line 2, systolic_mmhg: expected a number"),
        ("R-1,2025-03-05T07:30:00Z,401,81,61,", "line 2, systolic_mmhg: expected 0 to 400"),
        ("R-1,2025-03-05T07:30:00Z,,,,2001", "line 2, glucose_mg_dl: expected 0 to 2000"),
    ],
)
def test_row_96_what_can_be_read_in_two_ways_is_refused(
    database: Any, take_in: Import, row: str, words: str
) -> None:
    status, told = take_in(f"{HEADER}\n{row}\n")
    assert status == 1
    assert words in told
    assert stored(database) == 0


def test_row_96_a_vendors_date_with_two_meanings_waits_for_somebody_to_say(take_in: Import) -> None:
    file = imported_files.omron("03/04/2025,07:30,121,81,61,-,-,-,-")
    status, told = take_in(file, "--patient", "R-1")
    assert status == 1
    assert "line 2, date: day and month cannot be told apart" in told
    status, told = take_in(file, "--patient", "R-1", "--date-order", "day-first")
    assert status == 0
    assert "2025-04-03" in told


def test_row_97_another_practices_number_is_as_unknown_as_any(
    database: Any, take_in: Import
) -> None:
    def told_of(record_number: str) -> str:
        status, told = take_in(f"{HEADER}\n{GOOD.replace('R-1', record_number)}\n")
        assert status == 1
        return told

    assert told_of("R-77") == told_of("R-78")
    assert "line 2, record_number: the practice has no patient" in told_of("R-77")
    status, told = take_in(f"{HEADER}\n{GOOD}\n{GOOD}\n")
    assert status == 0
    assert "1 say the same as an earlier row" in told
    assert stored(database) == 1


def test_row_98_one_bad_row_of_ten_thousand(database: Any, take_in: Import, tmp_path: Path) -> None:
    lines = imported_files.generic(10_000).splitlines()
    lines[6_000] = "R-1,2025-03-05T07:30:00Z,81,121,61,"
    file = "\n".join(lines)
    status, told = take_in(file)
    assert status == 1
    assert "9999 new" in told
    assert "line 6001, diastolic_mmhg" in told
    assert stored(database) == 0
    rejects = tmp_path / "rejects.csv"
    status, told = take_in(file, "--partial", "--rejects", rejects)
    assert status == 0, told
    assert stored(database) == 9_999
    assert rejects.read_text().splitlines() == [HEADER, lines[6_000]]


def test_row_99_the_same_file_again_is_no_news(database: Any, take_in: Import) -> None:
    file = f"{HEADER}\n{GOOD}\n"
    assert take_in(file)[0] == 0
    status, told = take_in(file)
    assert (status, "0 new" in told) == (0, True)
    # Other columns in another order, another way to write the instant: the same measurement.
    other = "note,measured_at,diastolic_mmhg,systolic_mmhg,pulse_bpm,record_number"
    status, told = take_in(f"{other}\nx,2025-03-05T02:30:00.000-05:00,81.0,121,61,R-1\n")
    assert (status, "0 new" in told) == (0, True)
    assert stored(database) == 1


def _linked(folder: Path) -> Path:
    (folder / "link.csv").symlink_to(folder / "a.csv")
    return folder / "link.csv"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / ".." / folder.name / "a.csv", "without “..”"),
        (_linked, "is a symbolic link"),
        (lambda folder: Path("/dev/zero"), "is no regular file"),
        (lambda folder: Path("/dev/tty"), ""),
        (lambda folder: folder, "is no regular file"),
        (_pipe, "is no regular file"),
        (lambda folder: folder / "none.csv", "No such file"),
        (lambda folder: folder / ("x" * 300), "cannot be read"),
    ],
    ids=["dots", "link", "device", "terminal", "folder", "pipe", "missing", "long name"],
)
def test_row_100_only_regular_files_are_read(
    run: Run, tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    status, told, error = run("ingest", "import", make(tmp_path), "--practice", "elm")
    assert (status, told) == (1, "")
    assert words in error


@pytest.mark.usefixtures("run")
def test_row_100_a_dash_is_standard_input(database: Any) -> None:
    words = ("ingest", "import", "-", "--practice", "elm", "--apply", "--json")
    process = start(database, *words, stdin=subprocess.PIPE)
    told, error = process.communicate(f"{HEADER}\n{GOOD}\n".encode(), timeout=60)
    assert process.returncode == 0, error
    assert json.loads(told)["new"] == 1
    assert stored(database) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "import"),
        ("ingest", "import", "a", "b"),
        ("ingest", "import", "a", "--frobnicate"),
        ("ingest", "import", "a", "--format", "excel"),
        ("ingest", "import", "a", "--time-zone", "Mars/Olympus"),
        ("ingest", "import", "a", "--date-order", "perhaps"),
        ("ingest", "import", "a", "--delimiter", "|"),
        ("ingest", "export"),
        ("ingest", "export", "-", "--from", "03/04/2026"),
        ("ingest", "export", "-", "--from", "2026-03-05T07:30:00"),
        ("ingest", "export", "-", "--kind", "weight"),
        ("ingest", "frobnicate"),
        ("ingest", "import", "a", "--partial"),
        ("ingest", "import", "a", "--rejects", "b"),
        ("quarantine", "redrive", "--all", "--reason", "empty_frame"),
        ("way",),
        ("packet",),
        ("packet", "write", "a", "2026-11"),
        ("audit",),
        ("staff", "add"),
        ("practice", "add", "--slug"),
        ("config", "--frobnicate"),
        ("profiles", "a", "b", "c"),
        ("migrate", "--frobnicate"),
        ("frobnicate",),
    ],
    ids=" ".join,
)
def test_row_101_wrong_words_end_with_the_usage(
    capsys: pytest.CaptureFixture[str], database: Any, words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: homevitals")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.usefixtures("run")
def test_row_102_a_signal_while_looking_stores_nothing(
    database: Any, tmp_path: Path, number: int, status: int
) -> None:
    file = tmp_path / "large.csv"
    file.write_text(imported_files.generic(60_000))
    process = start(database, "ingest", "import", file, "--practice", "elm", "--apply")
    with database.connect("postgres") as connection:
        connection.autocommit = True
        deadline = time.monotonic() + 60
        # It is at work as soon as its connection is there.
        while (
            time.monotonic() < deadline
            and not connection.execute(
                "select from pg_stat_activity where usename = 'homevitals_ingest' and datname = current_database()"
            ).fetchall()
        ):
            time.sleep(0.01)
    process.send_signal(number)
    told, error = process.communicate(timeout=60)
    assert process.returncode == status, error
    assert b"Traceback" not in error
    assert b"nothing was stored" in told
    assert stored(database) == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.usefixtures("run")
def test_row_102_a_signal_in_mid_export_leaves_no_file(
    database: Any, tmp_path: Path, number: int, status: int
) -> None:
    with database.connect("postgres") as connection:
        connection.execute("lock table ingest.reading_series in access exclusive mode")
        process = start(database, "ingest", "export", tmp_path / "out.csv", "--practice", "elm")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(tmp_path.iterdir()):
            time.sleep(0.01)
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == status, error
    assert b"Traceback" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "export", "-", "--practice", "elm"),
        ("ingest", "export", "-", "--practice", "elm", "--format", "parquet"),
        ("ingest", "import", "-", "--practice", "elm"),
        ("profiles",),
        ("config", "check"),
        ("quarantine", "--practice", "elm", "--json"),
        ("--help",),
        ("ingest", "import", "--help"),
    ],
    ids=" ".join,
)
def test_row_103_a_closed_pipe_ends_quietly(
    database: Any, take_in: Import, words: tuple[str, ...]
) -> None:
    take_in(imported_files.generic(2000))
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words],
        cwd=ROOT,
        env=os.environ | environment(database),
        input=f"{HEADER}\n{GOOD}\n".encode(),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert ended.returncode == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b"Exception" not in ended.stderr


def test_row_104_what_is_there_stays_and_half_a_file_does_not(
    database: Any, run: Run, take_in: Import, tmp_path: Path
) -> None:
    take_in(imported_files.generic(2000))
    folder = tmp_path / "out"
    folder.mkdir()
    output = folder / "out.csv"
    output.write_text("mine")
    export = ("ingest", "export", output, "--practice", "elm")
    status, _, error = run(*export)
    assert (status, output.read_text()) == (1, "mine")
    assert "is there already; name another file or add --force" in error
    assert run(*export, "--force")[0] == 0
    assert len(output.read_text().splitlines()) == 2001
    for name, words in (("link", "symbolic link"), ("folder", "no regular file")):
        target = folder / name
        target.symlink_to(output) if name == "link" else target.mkdir()
        status, _, error = run("ingest", "export", target, "--practice", "elm", "--force")
        assert (status, words in error) == (1, True)
    assert sorted(path.name for path in folder.iterdir()) == ["folder", "link", "out.csv"]
    assert run("ingest", "export", tmp_path / "no" / "x", "--practice", "elm")[0] == 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_row_104_a_full_disk_leaves_nothing_behind(
    database: Any, take_in: Import, tmp_path: Path, form: str
) -> None:
    take_in(imported_files.generic(2000))
    folder = tmp_path / "out"
    folder.mkdir()
    words = ("ingest", "export", folder / "out", "--practice", "elm", "--format", form)
    process = start(
        database,
        *words,
        # What the system says of a disk without room, it says of a file above its limit too.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1, error
    assert b"cannot be written" in error
    assert b"nothing was left behind" in error
    assert b"Traceback" not in error
    assert list(folder.iterdir()) == []
    with database.connect("postgres") as connection:
        outcomes = connection.execute(
            "select outcome from ingest.audit_event where kind = 'export' order by at"
        ).fetchall()
    assert outcomes == [("success",), ("failed",)]


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb"},
    ],
    ids=["C", "POSIX without UTF-8", "ASCII", "dumb"],
)
@pytest.mark.usefixtures("run")
def test_row_105_bare_surroundings_are_enough(
    database: Any, tmp_path: Path, environ: dict[str, str]
) -> None:
    file = tmp_path / "患者.csv"
    content = f"{HEADER}\n{GOOD.replace('R-1', 'Ünïcode-患者')}\n{GOOD.replace('121', 'x')}\n"
    file.write_text(content, encoding="utf-8")
    bare = {"PATH": os.environ["PATH"], **environ}
    process = start(
        database,
        "ingest",
        "import",
        file,
        "--practice",
        "elm",
        environ=bare,
        stdin=subprocess.DEVNULL,
    )
    told, error = process.communicate(timeout=60)
    assert process.returncode == 1, error
    assert b"line 3, systolic_mmhg: expected a number" in told
    assert b"1 new" in told
    assert b"Traceback" not in error
    process = start(database, "config", "check", environ=bare, stdin=subprocess.DEVNULL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error


def test_nothing_that_was_given_is_repeated(take_in: Import) -> None:
    """What stands in a file is a patient's; the report has places and reasons."""
    marks = ("zq9", "Zq8", "ZQ7")
    rows = [
        f"{marks[0]},2025-03-05T07:30:00Z,121,81,61,",
        f"R-1,{marks[1]},121,81,61,",
        f"R-1,2025-03-05T07:30:00Z,{marks[2]},81,61,",
    ]
    for words in ((), ("--json",)):
        status, told = take_in("\n".join([HEADER, *rows]), *words)
        assert status == 1
        assert not any(mark in told for mark in marks)
