"""Quarantined records go through ingest again as they arrived, and end once, whoever tries and when."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import psycopg
import pytest

from deploy import cli
from firmware_profiles import models, topics, wire
from firmware_profiles.wire import GatewayStatus
from ingest import arrivals, follower, held_records, intake, redrive, redrive_requests, tenancy
from ingest.audit import Agent, AgentKind
from ingest.commit import Committer
from ingest.follower import Follower
from ingest.quarantine import IngestReason
from ingest.redrive import Redriver, Wanted
from ingest.redrive_message import Obstacle, To
from tests import gateway_rows, profile_versions, scopes

pytestmark = pytest.mark.db

ME = Agent(AgentKind.COMMAND_LINE, "ada")
NEWER = replace(models.by_id("standard-cuff", 1), version=2)

Owner = psycopg.Connection[Any]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def connection(database: Any) -> Iterator[psycopg.Connection[Any]]:
    conninfo = database.conninfo("homevitals_ingest")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture
def committer(connection: psycopg.Connection[Any]) -> Committer:
    return Committer(connection)


@pytest.fixture
def redriver(connection: psycopg.Connection[Any], home: Any) -> Redriver:
    return Redriver(connection, home.practice_id, ME, "ada")


def now() -> datetime:
    return datetime.now(UTC)


def held(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.execute(
        "select reason, redriven_to, redriven_reason, redriven_by from ingest.quarantine order by received_at, reason"
    ).fetchall()


def ids(owner: Owner) -> list[UUID]:
    rows = owner.execute(
        "select quarantine_id from ingest.quarantine where redriven_to is null order by received_at"
    )
    return [one for (one,) in rows]


def count(owner: Owner, table: str) -> int:
    row = owner.execute(f"select count(*) from ingest.{table}").fetchone()
    assert row is not None
    return int(row[0])


def of_newer_profile(home: Any, committer: Committer, seq: int = 1, **changes: Any) -> Any:
    """Take in a record that names a profile this release does not have."""
    record = home.record(seq, profile_version=2, **changes)
    opened = home.message([record])
    committer.take_in([opened], now())
    return opened


def test_record_is_taken_in_as_it_arrived_once_its_profile_is_known(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    opened = of_newer_profile(home, committer, device_clock_offset_s=12.5)
    (quarantine_id,) = ids(owner)

    with profile_versions.known(NEWER):
        result = redriver.redrive(quarantine_id, now() + timedelta(days=3))

    assert result is not None
    assert (result.to, result.reason, result.held_for) == (To.STORED, None, "unknown_profile")
    (row,) = owner.execute(
        "select patient_id, measured_at, time_method, gateway_id, outbox_epoch, outbox_seq, message_id, raw,"
        " profile_version from ingest.reading"
    ).fetchall()
    record = opened.content.records[0]
    assert row == (
        home.patient_id,
        home.now - timedelta(minutes=1) + timedelta(seconds=12.5),
        "device_clock_corrected",
        home.gateway_id,
        home.epoch,
        1,
        opened.arrival.message_id,
        record.raw,
        2,
    )
    assert held(owner) == [("unknown_profile", "stored", None, "ada")]
    assert count(owner, "evaluation_queue") == 1
    (event,) = owner.execute(
        "select kind, action, agent_id, resource, resource_id, detail->>'to' from ingest.audit_event"
    ).fetchall()
    assert event == ("change", "E", "ada", "quarantine", str(quarantine_id), "stored")


def test_gateway_is_not_taken_as_heard_by_a_second_try(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    of_newer_profile(home, committer)
    owner.execute("update ingest.gateway set last_seen_at = null, is_online = false")
    with profile_versions.known(NEWER):
        redriver.redrive(ids(owner)[0], now())
    assert owner.execute("select last_seen_at, is_online from ingest.gateway").fetchall() == [
        (None, False)
    ]


def test_what_came_again_meanwhile_is_a_duplicate(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    opened = of_newer_profile(home, committer)
    with profile_versions.known(NEWER):
        again = replace(opened.arrival, message_id=uuid4(), received_at=now())
        committer.take_in([arrivals.open_message(again)], now())
        result = redriver.redrive(ids(owner)[0], now())
    assert result is not None
    assert result.to is To.DUPLICATE
    assert count(owner, "record_key") == 1
    assert ids(owner) == []


def test_conflict_stays_held_and_says_that_it_was_tried(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    record = home.record(1, dated=False)
    committer.take_in([home.message([record])], now())
    committer.take_in(
        [home.message([replace(record, raw=home.record(1, 150, dated=False).raw)])], now()
    )
    (quarantine_id,) = ids(owner)

    result = redriver.redrive(quarantine_id, now())

    assert result is not None
    assert (result.to, result.reason) == (None, "record_conflict")
    assert held(owner) == [("record_conflict", None, "record_conflict", "ada")]
    assert count(owner, "record_key") == 1


def test_what_fails_for_another_reason_is_held_under_that_one(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    of_newer_profile(home, committer, raw=b"\0")
    (quarantine_id,) = ids(owner)

    with profile_versions.known(NEWER):
        result = redriver.redrive(quarantine_id, now())
        assert result is not None
        assert (result.to, result.reason) == (To.QUARANTINED, "short_frame")
        (other_id,) = ids(owner)
        assert other_id != quarantine_id
        # Again under the same reason: still one open row.
        again = redriver.redrive(other_id, now())
        assert again is not None
        assert (again.to, again.reason) == (None, "short_frame")
        assert ids(owner) == [other_id]

    # An older release again, by mistake: the first reason holds, and the record stays open under it.
    back = redriver.redrive(other_id, now())
    assert back is not None
    assert (back.to, back.reason) == (To.QUARANTINED, "unknown_profile")
    assert ids(owner) == [quarantine_id]


def test_text_of_a_record_that_a_later_version_can_read_is_taken_in(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    payload = home.payload([home.record(1), home.record(2)])
    broken = payload.replace(b'"link":"encrypted"', b'"link":"quantum"', 1)
    assert broken != payload
    committer.take_in([home.opened(broken)], now())
    (quarantine_id,) = ids(owner)
    assert count(owner, "record_key") == 1
    owner.execute(
        "update ingest.quarantine"
        " set raw = convert_to(replace(convert_from(raw, 'UTF8'), 'quantum', 'encrypted'), 'UTF8')"
    )

    result = redriver.redrive(quarantine_id, now())

    assert result is not None
    assert result.to is To.STORED
    assert count(owner, "record_key") == 2


def test_whole_message_is_taken_in_and_each_bad_record_gets_a_row_of_its_own(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    payload = home.payload([home.record(1), home.record(2, raw=b"\0"), home.record(3)])
    with mock.patch.object(arrivals.wire, "decode_batch", side_effect=KeyError):
        opened = _open_failing(home, payload)
    committer.take_in([opened], now())
    owner.execute("update ingest.quarantine set practice_id = %s", (home.practice_id,))
    (quarantine_id,) = ids(owner)

    result = redriver.redrive(quarantine_id, now())

    assert result is not None
    assert result.to is To.STORED
    assert count(owner, "record_key") == 2
    assert held(owner) == [
        ("processing_failed", "stored", None, "ada"),
        ("short_frame", None, None, None),
    ]


def _open_failing(home: Any, payload: bytes) -> Any:
    arrival = arrivals.Arrival(
        uuid4(), topics.readings(home.gateway_id), payload, 1, now(), is_retained=False
    )
    return arrivals.Opened(arrival, None, None)


def test_status_message_is_outdated_and_changes_no_gateway(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    topic = topics.status(home.gateway_id)
    committer.take_in([home.opened(b"{", topic)], now())
    readable = GatewayStatus(online=True, boot_id="0123456789abcdef", at=now(), waiting_records=0)
    owner.execute("update ingest.quarantine set raw = %s", (wire.encode_status(readable),))
    before = owner.execute("select is_online, last_seen_at from ingest.gateway").fetchall()

    result = redriver.redrive(ids(owner)[0], now())

    assert result is not None
    assert result.to is To.OUTDATED
    assert owner.execute("select is_online, last_seen_at from ingest.gateway").fetchall() == before
    assert ids(owner) == []


def test_defect_of_ingest_leaves_the_record_where_it_is(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    of_newer_profile(home, committer)
    with (
        profile_versions.known(NEWER),
        mock.patch.object(intake.decode, "decode_record", side_effect=ZeroDivisionError),
    ):
        result = redriver.redrive(ids(owner)[0], now())
    assert result is not None
    assert (result.to, result.reason) == (To.QUARANTINED, IngestReason.PROCESSING_FAILED)
    assert len(ids(owner)) == 1
    assert count(owner, "record_key") == 0


def test_killed_between_taking_in_and_noting_it_ends_as_a_duplicate(
    committer: Committer, redriver: Redriver, home: Any, owner: Owner
) -> None:
    of_newer_profile(home, committer)
    (quarantine_id,) = ids(owner)
    with profile_versions.known(NEWER):
        with (
            mock.patch.object(Redriver, "_settle", side_effect=KeyboardInterrupt),
            pytest.raises(KeyboardInterrupt),
        ):
            redriver.redrive(quarantine_id, now())
        assert count(owner, "record_key") == 1
        assert ids(owner) == [quarantine_id]
        result = redriver.redrive(quarantine_id, now())
    assert result is not None
    assert result.to is To.DUPLICATE
    assert count(owner, "reading_series") == 1
    assert ids(owner) == []


def test_two_at_once_end_in_one_reading(
    committer: Committer, home: Any, owner: Owner, database: Any
) -> None:
    for seq in range(1, 6):
        of_newer_profile(home, committer, seq)
    wanted, start = ids(owner), threading.Barrier(2)
    found: list[To | None] = []

    def run() -> None:
        conninfo = database.conninfo("homevitals_ingest")
        with psycopg.connect(conninfo, autocommit=True) as own:
            other = Redriver(own, home.practice_id, ME, "ada")
            for quarantine_id in wanted:
                start.wait(10)
                result = other.redrive(quarantine_id, now())
                found.append(result and result.to)

    with profile_versions.known(NEWER):
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert found.count(To.STORED) == 5
    assert set(found) <= {To.STORED, To.DUPLICATE, None}
    assert count(owner, "reading_series") == 5
    assert held(owner) == [("unknown_profile", "stored", None, "ada")] * 5


STRANGER = "gw-cccc3333"


@pytest.fixture
def strangers_record(home: Any, committer: Committer) -> None:
    """A record of a gateway that no practice knows."""
    committer.take_in([replace(home, gateway_id=STRANGER).message([home.record(1)])], now())


@pytest.mark.usefixtures("strangers_record")
def test_record_of_an_unknown_gateway_goes_into_the_practice_that_enrolled_it(
    connection: Any, redriver: Redriver, home: Any, other_home: Any, owner: Owner
) -> None:
    (quarantine_id,) = ids(owner)
    first = redriver.redrive(quarantine_id, now())
    assert first is not None
    assert (first.to, first.reason) == (None, Obstacle.GATEWAY_NOT_ACTIVE)
    with owner.cursor() as cur:
        gateway_rows.add_gateway(cur, home.practice_id, gateway_id=STRANGER, label="Hall")
    wanted = Wanted(home.practice_id, of_unknown_gateways=True)
    with tenancy.transaction(connection, home.practice_id) as cur:
        assert redrive.to_redrive(cur, wanted) == [(quarantine_id, "unknown_gateway")]
    elsewhere = Redriver(connection, other_home.practice_id, ME, "eve")
    refused = elsewhere.redrive(quarantine_id, now())
    assert refused is not None
    assert refused.to is None

    result = redriver.redrive(quarantine_id, now())

    assert result is not None
    assert result.to is To.STORED
    # The way back to the wire is the practice's too.
    (found,) = owner.execute(
        "select r.practice_id, m.practice_id, r.patient_id from ingest.reading_series r"
        " join ingest.message m using (message_id)"
    ).fetchall()
    assert found == (home.practice_id, home.practice_id, home.patient_id)
    (who,) = owner.execute(
        "select practice_id, detail->>'decided_by' from ingest.audit_event where detail->>'to' = 'stored'"
    ).fetchall()
    assert who == (home.practice_id, "ada")


@pytest.mark.parametrize("status", ["expected", "revoked"])
@pytest.mark.usefixtures("strangers_record")
def test_gateway_that_is_not_trusted_brings_nothing_in(
    redriver: Redriver, home: Any, owner: Owner, status: str
) -> None:
    with owner.cursor() as cur:
        gateway_rows.add_gateway(cur, home.practice_id, gateway_id=STRANGER, label="Hall")
    owner.execute(
        "update ingest.gateway set status = %s,"
        " enrolled_at = case when %s = 'expected' then null else enrolled_at end,"
        " revoked_at = case when %s = 'revoked' then now() end where gateway_id = %s",
        (status, status, status, STRANGER),
    )
    result = redriver.redrive(ids(owner)[0], now())
    assert result is not None
    assert (result.to, result.reason) == (None, Obstacle.GATEWAY_NOT_ACTIVE)
    assert count(owner, "record_key") == 0


def test_other_practices_record_is_not_there(
    connection: Any, committer: Committer, home: Any, other_home: Any, owner: Owner
) -> None:
    of_newer_profile(home, committer)
    elsewhere = Redriver(connection, other_home.practice_id, ME, "eve")
    with profile_versions.known(NEWER):
        assert elsewhere.redrive(ids(owner)[0], now()) is None
    assert len(ids(owner)) == 1


def test_what_people_ask_for_is_tried_and_the_next_one_too_when_one_fails(
    connection: Any, committer: Committer, home: Any, owner: Owner, database: Any
) -> None:
    for seq in (1, 2):
        of_newer_profile(home, committer, seq)
    with database.connect("homevitals_console", home.practice_id) as console:
        for number, quarantine_id in enumerate(ids(owner)):
            at = now() + timedelta(seconds=number)
            asked = (console.cursor(), home.practice_id, quarantine_id, "staff-1", at)
            assert held_records.ask_for_redrive(*asked)
            assert not held_records.ask_for_redrive(*asked)
    try_again = Redriver.redrive

    def first_fails(self: Redriver, quarantine_id: UUID, at: datetime) -> Any:
        if quarantine_id == first:
            raise ZeroDivisionError
        return try_again(self, quarantine_id, at)

    first, second = ids(owner)
    with profile_versions.known(NEWER), mock.patch.object(Redriver, "redrive", first_fails):
        assert redrive_requests.follow(connection, now()) == 2
    assert redrive_requests.follow(connection, now()) == 0
    assert ids(owner) == [first]
    assert held(owner) == [
        ("unknown_profile", None, "failed", "staff-1"),
        ("unknown_profile", "stored", None, "staff-1"),
    ]
    assert second


def test_service_follows_requests_beside_its_work(
    committer: Committer, home: Any, owner: Owner, database: Any
) -> None:
    of_newer_profile(home, committer)
    owner.execute("update ingest.quarantine set redrive_asked_at = now(), redrive_asked_by = 's'")
    requests = Follower("redrive", redrive_requests.follow, 0.05)
    with (
        profile_versions.known(NEWER),
        follower.following(database.conninfo("homevitals_ingest"), requests),
    ):
        for _ in range(200):
            if not ids(owner):
                break
            threading.Event().wait(0.05)
    assert ids(owner) == []


@pytest.fixture
def run(database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
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


def test_command_lists_shows_and_tries_again(
    committer: Committer, home: Any, owner: Owner, run: Run
) -> None:
    of_newer_profile(home, committer)
    committer.take_in([home.message([home.record(2, raw=b"\0")])], now())

    status, out, _ = run("quarantine")
    assert status == 0
    assert "unknown_profile" in out
    assert run("quarantine", "list", "--limit", "1")[1].count("bytes:") == 1
    (first, _second) = (str(one) for one in ids(owner))
    status, out, _ = run("quarantine", "show", first)
    assert status == 0
    assert "standard-cuff version 2, not known to this server" in out
    assert "00000000  1e" in out or "00000000  02" in out
    with profile_versions.known(NEWER):
        assert "version 2, known to" in run("quarantine", "show", first)[1]
        status, out, err = run("quarantine", "redrive", "--reason", "unknown_profile", "--json")
        assert status == 0
        assert [one["to"] for one in json.loads(out)] == ["stored"]
        status, out, err = run("quarantine", "redrive", "--all")
    assert status == 1
    assert "short_frame: still held" in out
    assert "1 still held" in err
    assert json.loads(run("quarantine", "show", first, "--json")[1])["redriven_to"] == "stored"
    assert "unknown_profile" not in run("quarantine")[1]


def test_matter_of_security_is_tried_only_when_it_is_named(
    committer: Committer, home: Any, owner: Owner, run: Run
) -> None:
    record = home.record(1, dated=False)
    committer.take_in([home.message([record])], now())
    other = replace(record, raw=home.record(1, 150, dated=False).raw)
    committer.take_in([home.message([other])], now())

    status, _, err = run("quarantine", "redrive", "--all")
    assert status == 0
    assert "1 left out, a matter of security" in err
    assert held(owner)[0][3] is None
    assert run("quarantine", "redrive", "--reason", "record_conflict")[0] == 1
    assert held(owner)[0][3] is not None


def test_command_takes_records_of_a_gateway_that_is_known_now(
    strangers_record: None, home: Any, owner: Owner, run: Run
) -> None:
    with owner.cursor() as cur:
        gateway_rows.add_gateway(cur, home.practice_id, gateway_id=STRANGER, label="Hall")
    assert "unknown_gateway" in run("quarantine", "--unknown-gateways")[1]
    (quarantine_id,) = ids(owner)
    assert STRANGER in run("quarantine", "show", str(quarantine_id), "--unknown-gateways")[1]
    status, _, err = run(
        "quarantine", "redrive", "--unknown-gateways", "--reason", "unknown_gateway"
    )
    assert (status, err.strip()) == (0, "1 stored")


def test_id_that_is_not_open_is_told_and_nothing_is_tried(
    committer: Committer, home: Any, owner: Owner, run: Run
) -> None:
    of_newer_profile(home, committer)
    nobodys = str(uuid4())
    with profile_versions.known(NEWER):
        status, _, err = run("quarantine", "redrive", str(ids(owner)[0]), nobodys)
    assert status == 1
    assert nobodys in err
    assert len(ids(owner)) == 1
    assert run("quarantine", "show", nobodys)[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--limit", "0"),
        ("show",),
        ("show", "7"),
        ("redrive",),
        ("redrive", "x"),
        ("redrive", "--reason", "because"),
        ("redrive", "--all", "--reason", "empty"),
        ("frobnicate",),
    ],
)
def test_words_that_are_none_are_wrong_use(words: tuple[str, ...], run: Run) -> None:
    with pytest.raises(SystemExit) as ended:
        run("quarantine", *words)
    assert ended.value.code == 2


def test_scope_is_needed_to_see_what_is_held(
    committer: Committer, home: Any, database: Any
) -> None:
    of_newer_profile(home, committer)
    with database.connect("homevitals_console") as console:
        assert held_records.still_open(console.cursor(), home.practice_id, 10) == []
        scopes.work_for(console, home.practice_id)
        assert len(held_records.still_open(console.cursor(), home.practice_id, 10)) == 1
