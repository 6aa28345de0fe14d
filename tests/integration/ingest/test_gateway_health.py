"""What gateways say of themselves is kept: the last word, a slim past, and what damaged outboxes took along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from deploy import scheduler
from deploy.settings import SchedulerSettings
from firmware_profiles import topics, wire, wire_health
from firmware_profiles.wire_health import (
    AdapterHealth,
    AdapterState,
    Bond,
    Closure,
    Health,
    Machine,
    OutboxHealth,
    PeripheralHealth,
    SalvageReport,
    Software,
    Trouble,
    UplinkHealth,
)
from ingest import arrivals, gateway_health, named_queries, tenancy
from ingest.arrivals import Arrival, Opened
from ingest.commit import Committer
from ingest.gateway_health import LastWord, Past, SalvagedOutbox

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
BOOT, OLD, NEW = "b" * 32, "0" * 32, "f" * 32
CUFF = PeripheralHealth(
    "AA:BB:CC:DD:EE:0F", "standard-cuff", AT, -71, AT, 80, AT, Bond.BONDED, None, 0
)
HEALTH = Health(
    software=Software("0.1.0", None, "Debian 12", "5.66"),
    machine=Machine(AT, wire.GatewayClock.SYNCHRONISED, 10**9, 48.5, 60 * 2**20),
    outbox=OutboxHealth(NEW, AT - timedelta(minutes=5), AT, 49152, 2**26, 15_552_000, None, ()),
    uplink=UplinkHealth(AT, Trouble("quota_exceeded", AT), None),
    adapters=(AdapterHealth("hci0", AdapterState.UP, AT, None),),
    peripherals=(CUFF,),
)


@pytest.fixture
def committer(database: Any) -> Iterator[Committer]:
    conninfo = database.conninfo("homevitals_ingest")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield Committer(connection)


def said(
    home: Any, at: datetime, health: Health | None = HEALTH, *, is_retained: bool = False
) -> Opened:
    status = wire.GatewayStatus(online=True, boot_id=BOOT, at=at, waiting_records=7, health=health)
    payload = wire.encode_status(status)
    topic = topics.status(home.gateway_id)
    return arrivals.open_message(Arrival(uuid4(), topic, payload, 1, at, is_retained=is_retained))


def last(database: Any, home: Any) -> LastWord | None:
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, home.practice_id) as cur,
    ):
        return gateway_health.last(cur, home.practice_id).get(home.gateway_id)


def past(database: Any, home: Any) -> list[Past]:
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, home.practice_id) as cur,
    ):
        since = AT - timedelta(days=900)
        return gateway_health.past(cur, home.practice_id, home.gateway_id, since)


def salvages(database: Any, home: Any) -> list[SalvagedOutbox]:
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, home.practice_id) as cur,
    ):
        return gateway_health.salvages(cur, home.practice_id, home.gateway_id)


def test_last_word_is_kept_whole(committer: Committer, home: Any, database: Any) -> None:
    committer.take_in([said(home, AT)], AT)
    assert last(database, home) == LastWord(home.gateway_id, AT, AT, BOOT, 7, HEALTH)
    (row,) = past(database, home)
    assert (row.received_at, row.oldest_waiting_s, row.closed) == (AT, 300, None)
    assert (row.temperature_c, row.adapters, row.adapters_up) == (48.5, 1, 1)


@pytest.mark.parametrize(("health", "is_retained"), [(None, False), (HEALTH, True)])
def test_nothing_is_learned_from_a_will_or_from_what_the_broker_has_kept(
    committer: Committer, home: Any, database: Any, health: Health | None, is_retained: bool
) -> None:
    committer.take_in([said(home, AT, health, is_retained=is_retained)], AT)
    assert last(database, home) is None


def test_word_that_was_overtaken_changes_nothing(
    committer: Committer, home: Any, database: Any
) -> None:
    hot = replace(HEALTH, machine=replace(HEALTH.machine, temperature_c=80.0))
    committer.take_in([said(home, AT, hot)], AT)
    committer.take_in([said(home, AT - timedelta(seconds=1))], AT)
    word = last(database, home)
    assert word is not None
    assert word.health == hot


def test_word_of_a_later_version_is_shown_as_unreadable(
    committer: Committer, home: Any, database: Any, owner: psycopg.Connection[Any]
) -> None:
    committer.take_in([said(home, AT)], AT)
    owner.execute("update ingest.gateway_health set health = '{\"version\": 2}'")
    word = last(database, home)
    assert word is not None
    assert (word.health, word.waiting_records) == (None, 7)


def test_past_has_a_row_an_hour_and_one_for_each_change(
    committer: Committer, home: Any, database: Any
) -> None:
    closed = replace(HEALTH, outbox=replace(HEALTH.outbox, closed=Closure.SIZE))
    for minutes, health in ((0, HEALTH), (1, HEALTH), (30, closed), (31, closed), (60, HEALTH)):
        at = AT + timedelta(minutes=minutes)
        committer.take_in([said(home, at, health)], at)
    at = AT + timedelta(minutes=119)
    committer.take_in([said(home, at)], at)
    at = AT + timedelta(minutes=121)
    committer.take_in([said(home, at)], at)
    kept = [
        (int((row.received_at - AT).total_seconds() / 60), row.closed)
        for row in past(database, home)
    ]
    assert kept == [(121, None), (60, None), (30, "size"), (0, None)]


def test_oldest_record_is_no_age_below_zero_when_the_clock_was_set_back(
    committer: Committer, home: Any, database: Any
) -> None:
    ahead = replace(HEALTH, outbox=replace(HEALTH.outbox, oldest_waiting_at=AT + timedelta(days=1)))
    committer.take_in([said(home, AT, ahead)], AT)
    assert past(database, home)[0].oldest_waiting_s == 0


def test_what_a_damaged_outbox_took_along_is_what_was_neither_saved_nor_has_arrived(
    committer: Committer, home: Any, database: Any
) -> None:
    committer.take_in([home.message([home.record(seq) for seq in (1, 2, 5)], OLD)], AT)
    salvage = SalvageReport(OLD, AT, "bad_pages", 3, 8, 5, ((1, 2), (5, 6), (8, 8)))
    repaired = replace(HEALTH, outbox=replace(HEALTH.outbox, salvages=(salvage,)))
    for minutes in (0, 1):
        at = AT + timedelta(minutes=minutes)
        committer.take_in([said(home, at, repaired)], at)
    (one,) = salvages(database, home)
    assert (one.epoch, one.saved, one.highest_seq, one.unsaved_count) == (OLD, 3, 8, 5)
    assert (one.named_count, one.lost_count) == (5, 2)
    assert list(zip(one.firsts, one.lasts, strict=True)) == [(6, 6), (8, 8)]
    # It was under way when the disk failed: then nothing is lost of it after all.
    committer.take_in([home.message([home.record(8)], OLD)], AT)
    assert salvages(database, home)[0].lost_count == 1


def test_repair_is_kept_when_nobody_knows_what_was_in_the_outbox(
    committer: Committer, home: Any, database: Any
) -> None:
    salvage = SalvageReport(None, AT, "sqlite_notadb", 0, None, 0, ())
    repaired = replace(HEALTH, outbox=replace(HEALTH.outbox, salvages=(salvage,)))
    committer.take_in([said(home, AT, repaired)], AT)
    (one,) = salvages(database, home)
    assert (one.epoch, one.highest_seq, one.lost_count) == (None, None, 0)


def test_other_practices_gateways_are_not_there(
    committer: Committer, home: Any, other_home: Any, database: Any
) -> None:
    committer.take_in([said(home, AT)], AT)
    assert last(database, other_home) is None
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, other_home.practice_id) as cur,
    ):
        assert gateway_health.last(cur, home.practice_id, home.gateway_id) == {}
        assert gateway_health.past(cur, home.practice_id, home.gateway_id, AT) == []


def test_past_is_deleted_when_it_is_old_and_the_last_word_stays(
    committer: Committer, home: Any, database: Any
) -> None:
    for days in (0, 80):
        at = AT + timedelta(days=days)
        committer.take_in([said(home, at)], at)
    with database.connect("homevitals_scheduler") as connection:
        scheduler.old_heartbeats(connection, SchedulerSettings(), AT + timedelta(days=91))
    assert [row.received_at for row in past(database, home)] == [AT + timedelta(days=80)]
    assert last(database, home) is not None


ID = uuid4()
COLUMNS = {
    name: []
    for name in (
        "practice_ids", "gateway_ids", "received_ats", "said_ats", "boot_ids", "waiting", "healths", "oldest_waiting_s",
        "outbox_bytes", "closed", "clocks", "disk_free_bytes", "temperatures_c", "resident_bytes", "adapters",
        "adapters_up", "found_ats", "epochs", "reasons", "saved", "highest_seqs", "unsaved_counts", "unsaved",
        "reported_ats",
    )
}  # fmt: skip
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "note_last": ("homevitals_ingest", COLUMNS),
    "note_past": ("homevitals_ingest", COLUMNS),
    "note_salvages": ("homevitals_ingest", COLUMNS),
    "last": ("homevitals_console", {"practice_id": ID, "gateway_id": None}),
    "past": (
        "homevitals_console",
        {"practice_id": ID, "gateway_id": "gw-aaaa1111", "since": AT, "limit": 10},
    ),
    "salvages": ("homevitals_console", {"practice_id": ID, "gateway_id": "gw-aaaa1111"}),
    "delete_past": ("homevitals_scheduler", {"before_at": AT}),
}


@pytest.mark.parametrize("name", list(named_queries.load("ingest", "gateway_health")))
def test_statement_runs_in_the_role_that_needs_it(database: Any, name: str) -> None:
    role, parameters = RUNS[name]
    statement = getattr(named_queries.load("ingest", "gateway_health"), name)
    with database.connect(role) as connection:
        connection.execute(statement, parameters)


def test_what_is_stored_is_what_the_wire_said(
    committer: Committer, home: Any, owner: psycopg.Connection[Any]
) -> None:
    committer.take_in([said(home, AT)], AT)
    row = owner.execute("select health from ingest.gateway_health").fetchone()
    assert row is not None
    assert row[0] == json.loads(json.dumps(wire_health.members(HEALTH)))
