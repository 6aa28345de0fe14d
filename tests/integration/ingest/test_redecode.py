"""Stored bytes are read again with a newer profile: counted first, then replaced once, whatever comes in between."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import psycopg
import pytest

import ingest
from deploy import cli, ports
from firmware_profiles import models
from firmware_profiles.blood_pressure import BloodPressureMeasurement
from firmware_profiles.readings import BloodPressureReading
from firmware_profiles.wire import Record
from ingest import corrections, redecode, store, tenancy
from ingest.audit import Agent, AgentKind
from ingest.commit import Committer
from ingest.measured_at import TimeQuality
from ingest.redecode import Wanted
from tests import profile_versions

pytestmark = pytest.mark.db

ME = Agent(AgentKind.COMMAND_LINE, "ada")
CUFF = models.by_id("standard-cuff", 1)
# The same bytes with another meaning: the user number in them counts for nothing.
ONE_USER = replace(CUFF, version=2, user_slots=False)

Owner = psycopg.Connection[Any]


@pytest.fixture
def connection(database: Any) -> Iterator[psycopg.Connection[Any]]:
    conninfo = database.conninfo("homevitals_ingest")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


def with_user(record: Record, user_id: int) -> Record:
    raw = BloodPressureMeasurement.from_bytes(record.raw)
    return replace(record, raw=replace(raw, user_id=user_id).to_bytes())


@pytest.fixture
def stored(connection: Any, home: Any) -> int:
    """Four readings: two of the cuff's first user, whom nobody is, and two without a user."""
    records = [with_user(home.record(1), 1), with_user(home.record(2, 160), 1)]
    records += [home.record(3), home.record(4, 131)]
    Committer(connection).take_in([home.message(records)], datetime.now(UTC))
    return len(records)


def wanted(home: Any, **changes: Any) -> Wanted:
    return replace(Wanted(home.practice_id, "standard-cuff", 2), **changes)


def nothing(_more: int) -> None:
    pass


def versions(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.execute(
        "select outbox_seq, version, profile_version, patient_id, user_slot, superseded_at is null"
        " from ingest.reading_series order by outbox_seq, version"
    ).fetchall()


def count(owner: Owner, table: str) -> int:
    row = owner.execute(f"select count(*) from ingest.{table}").fetchone()
    assert row is not None
    return int(row[0])


def test_dry_run_says_what_would_change_and_changes_nothing(
    connection: Any, stored: int, home: Any, owner: Owner
) -> None:
    before = versions(owner)

    with profile_versions.known(ONE_USER):
        diff = redecode.dry_run(connection, wanted(home), nothing)

    assert (diff.read, diff.changed, diff.unchanged, diff.unreadable_count) == (stored, 2, 2, 0)
    assert {name: found.count for name, found in diff.fields.items()} == {
        "user_slot": 2,
        "patient_id": 2,
    }
    assert diff.example_patient_ids == {home.patient_id}
    assert str(home.patient_id) not in json.dumps(diff.as_json())
    assert versions(owner) == before
    assert count(owner, "correction") == 0


def test_new_versions_take_the_place_and_the_originals_stay(
    connection: Any, stored: int, home: Any, owner: Owner
) -> None:
    owner.execute("delete from ingest.evaluation_queue")

    with profile_versions.known(ONE_USER):
        diff = redecode.apply(connection, wanted(home), ME, nothing)
        again = redecode.apply(connection, wanted(home), ME, nothing)

    assert (diff.replaced, diff.overtaken) == (2, 0)
    assert (again.read, again.unchanged, again.replaced) == (2, 2, 0)
    assert versions(owner) == [
        (1, 1, 1, None, 1, False),
        (1, 2, 2, home.patient_id, None, True),
        (2, 1, 1, None, 1, False),
        (2, 2, 2, home.patient_id, None, True),
        (3, 1, 1, home.patient_id, None, True),
        (4, 1, 1, home.patient_id, None, True),
    ]
    # What became somebody's is judged by the rules.
    assert count(owner, "evaluation_queue") == 2
    ((made_by, detail),) = owner.execute("select made_by, detail from ingest.correction").fetchall()
    assert (made_by, detail) == ("ada", "read again with standard-cuff version 2")
    (event,) = owner.execute(
        "select kind, action, agent_id, resource, patient_ids, detail->>'readings' from ingest.audit_event"
    ).fetchall()
    assert event == ("change", "U", "ada", "reading", [home.patient_id], "2")
    ((new_id,),) = owner.execute(
        "select reading_id from ingest.reading where outbox_seq = 1"
    ).fetchall()
    with owner.cursor() as cur:
        first, second = corrections.history(cur, home.practice_id, new_id)
    assert (first.version, second.version, second.cause) == (1, 2, "profile")
    assert first.superseded_at == second.stored_at


def test_what_the_newer_profile_cannot_read_is_left_alone_and_listed(
    connection: Any, stored: int, home: Any, owner: Owner
) -> None:
    before = versions(owner)
    meter_now = replace(models.by_id("standard-glucometer", 1), profile_id="standard-cuff")

    with profile_versions.known(replace(meter_now, version=2)):
        diff = redecode.apply(connection, wanted(home), ME, nothing)

    assert (diff.read, diff.unreadable_count, diff.replaced) == (stored, stored, 0)
    assert {one.reason for one in diff.unreadable} == {"wrong_profile"}
    ids = {one for (one,) in owner.execute("select reading_id from ingest.reading").fetchall()}
    assert {one.reading_id for one in diff.unreadable} == ids
    assert versions(owner) == before


@contextmanager
def reads_otherwise() -> Iterator[None]:
    """A release that reads two millimetres more, and a device time that is forty days earlier."""
    decode_record = redecode.decode.decode_record

    def otherwise(*given: Any) -> Any:
        decoded = decode_record(*given)
        assert isinstance(decoded, BloodPressureReading)
        assert decoded.systolic_mmhg is not None
        device_time = decoded.device_time
        return replace(
            decoded,
            systolic_mmhg=decoded.systolic_mmhg + 2,
            device_time=device_time and device_time - timedelta(days=40),
        )

    with (
        profile_versions.known(replace(CUFF, version=2)),
        mock.patch.object(redecode.decode, "decode_record", otherwise),
    ):
        yield


def test_instant_moves_with_the_device_time_into_a_partition_that_is_made_for_it(
    connection: Any, home: Any, owner: Owner
) -> None:
    committer = Committer(connection)
    committer.take_in([home.message([home.record(1)])], datetime.now(UTC))

    with reads_otherwise():
        diff = redecode.apply(connection, wanted(home), ME, nothing)

    assert diff.replaced == 1
    assert diff.fields["systolic_mmhg"].smallest == diff.fields["systolic_mmhg"].largest == 2
    assert diff.fields["measured_at"].largest == -40 * 86_400
    with tenancy.transaction(connection, home.practice_id) as cur:
        ((reading_id,),) = cur.execute("select reading_id from ingest.reading").fetchall()
        found = store.reading(cur, home.practice_id, reading_id)
    assert found is not None
    assert found.measured_at == home.now - timedelta(minutes=1, days=40)
    # The zone of the cuff's clock is not stored: an hour of summer time may be wrong.
    assert found.time_quality is TimeQuality.UNCERTAIN
    assert found.measured_day is not None
    assert found.patient_id == home.patient_id


def test_instant_stays_where_it_came_from_a_reception(
    connection: Any, home: Any, owner: Owner
) -> None:
    # Five years and more behind: the cuff's clock was not believed.
    old = home.record(1)
    measurement = BloodPressureMeasurement.from_bytes(old.raw)
    assert measurement.time_stamp is not None
    unset = replace(measurement, time_stamp=replace(measurement.time_stamp, year=2015))
    committer = Committer(connection)
    committer.take_in([home.message([replace(old, raw=unset.to_bytes())])], datetime.now(UTC))

    with reads_otherwise():
        diff = redecode.apply(connection, wanted(home), ME, nothing)

    assert diff.undated == 1
    assert "measured_at" not in diff.fields


def test_reading_again_with_the_same_decoder_changes_nothing_of_any_kind(
    connection: Any, stored: int, home: Any
) -> None:
    with profile_versions.known(replace(CUFF, version=2)):
        diff = redecode.dry_run(connection, wanted(home), nothing)

    assert (diff.read, diff.unchanged) == (stored, stored)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"from_versions": (2, 3)}, 0),
        ({"from_versions": (1,)}, 4),
        ({"profile_id": "and-ua-651ble"}, 0),
        ({"to_version": 1}, 0),
        ({"practice_id": UUID(int=5)}, 0),
    ],
)
def test_only_what_is_wanted_is_read_again(
    connection: Any, stored: int, home: Any, changes: dict[str, Any], read: int
) -> None:
    and_too = replace(models.by_id("and-ua-651ble", 1), version=2)
    with profile_versions.known(ONE_USER, and_too):
        diff = redecode.dry_run(connection, wanted(home, **changes), nothing)
    assert diff.read == read
    with tenancy.transaction(connection, home.practice_id) as cur:
        assert redecode.count(cur, wanted(home, **changes)) == read


def test_span_of_time_includes_its_first_instant_only(
    connection: Any, stored: int, home: Any
) -> None:
    first, last = home.now - timedelta(minutes=3), home.now - timedelta(minutes=1)
    with profile_versions.known(ONE_USER):
        diff = redecode.dry_run(connection, wanted(home, from_at=first, until_at=last), nothing)
    assert diff.read == 2


def test_other_practice_is_not_touched(
    connection: Any, stored: int, home: Any, other_home: Any, owner: Owner
) -> None:
    with profile_versions.known(ONE_USER):
        diff = redecode.apply(connection, wanted(other_home), ME, nothing)
    assert diff.read == 0
    assert count(owner, "correction") == 0


def test_imported_readings_are_not_read_again(
    connection: Any, stored: int, home: Any, owner: Owner
) -> None:
    owner.execute("update ingest.reading_series set origin = 'import'")
    with profile_versions.known(ONE_USER):
        assert redecode.dry_run(connection, wanted(home), nothing).read == 0


def test_two_at_once_replace_each_reading_once(
    connection: Any, stored: int, home: Any, owner: Owner, database: Any
) -> None:
    start = threading.Barrier(2)
    replaced: list[int] = []

    def run() -> None:
        conninfo = database.conninfo("homevitals_ingest")
        with psycopg.connect(conninfo, autocommit=True) as own:
            start.wait(10)
            replaced.append(redecode.apply(own, wanted(home), ME, nothing).replaced)

    with profile_versions.known(ONE_USER):
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert sum(replaced) == 2
    assert [row[:2] for row in versions(owner)] == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1)]


PROCESS = """
import sys, time
from dataclasses import replace
from deploy import cli
from firmware_profiles import models
from ingest import redecode
from tests import profile_versions
redecode._BATCH = 10
replace_batch = redecode._replace
def slowly(*given):
    replaced = replace_batch(*given)
    time.sleep(0.05)
    return replaced
redecode._replace = slowly
newer = replace(models.by_id("standard-cuff", 1), version=2, user_slots=False)
with profile_versions.known(newer):
    sys.exit(cli.main(["ingest", "redecode", "standard-cuff", "--apply"]))
"""


def test_run_that_is_killed_is_finished_by_the_next(
    connection: Any, home: Any, owner: Owner, run: Any
) -> None:
    total = 300
    records = [with_user(home.record(seq), 1) for seq in range(1, total + 1)]
    committer = Committer(connection)
    for first in range(0, total, 100):
        committer.take_in([home.message(records[first : first + 100])], datetime.now(UTC))

    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS], cwd=Path(ingest.__file__).parents[1]
    )
    try:
        assert ports.wait_until(lambda: count(owner, "correction") > 2, timeout_s=60)
    finally:
        process.kill()
        process.wait(10)
    assert 0 < count(owner, "reading_version") < total

    with profile_versions.known(ONE_USER):
        status, out, _ = run("ingest", "redecode", "standard-cuff", "--apply", "--json")

    assert status == 0
    assert 0 < json.loads(out)["replaced"] < total
    assert count(owner, "reading_version") == total
    rows = owner.execute(
        "select version, count(*), count(superseded_at) from ingest.reading_series group by 1 order by 1"
    ).fetchall()
    assert rows == [(1, total, total), (2, total, 0)]


@pytest.fixture
def run(
    database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command; return its exit status and what it printed to standard output and error."""
    for name, role in (("INGEST", "ingest"), ("CCM_LINK", "console")):
        conninfo = database.conninfo(f"homevitals_{role}")
        monkeypatch.setenv(f"HOMEVITALS_{name}_DATABASE", conninfo)
    entrance = database.conninfo("homevitals_entrance")
    monkeypatch.setenv("HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE", entrance)

    def command(*words: str) -> tuple[int, str, str]:
        status = cli.main(words)
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


def test_command_prints_the_diff_and_leaves_its_look_in_the_trail(
    stored: int, home: Any, owner: Owner, run: Any
) -> None:
    with profile_versions.known(ONE_USER):
        status, out, err = run("ingest", "redecode", "standard-cuff")

    assert status == 0
    assert "changed                 2" in out
    assert "user_slot                       2" in out
    assert "“--apply” writes" in err
    assert "Pat Example" not in out
    assert count(owner, "reading_version") == 0
    (event,) = owner.execute(
        "select kind, resource, patient_ids, detail->>'readings' from ingest.audit_event"
    ).fetchall()
    assert event == ("read", "reading", [home.patient_id], str(stored))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("nobody",), 1, "no device profile 'nobody'"),
        (("standard-cuff", "--with-version", "7"), 1, "version 7"),
        (("standard-cuff", "--practice", "oak"), 1, "--practice"),
        (("standard-cuff", "--from", "2026-02-01", "--to", "2026-02-01"), 3, "before"),
    ],
)
def test_wrong_words_are_told_in_a_sentence(
    home: Any, run: Any, words: tuple[str, ...], status: int, said: str
) -> None:
    found, _, err = run("ingest", "redecode", *words)
    assert found == status
    assert said in err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("standard-cuff", "--with-version", "0"),
        ("standard-cuff", "--only-version", "x"),
        ("standard-cuff", "--from", "2026-02-30"),
        ("standard-cuff", "--to", "2026-02-01T08:00"),
        ("standard-cuff", "--frobnicate"),
    ],
)
def test_words_that_are_none_are_wrong_use(words: tuple[str, ...], run: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        run("ingest", "redecode", *words)
    assert ended.value.code == 2
