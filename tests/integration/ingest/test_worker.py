from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import psycopg
import pytest

from deploy import ports
from firmware_profiles import decode, wire
from firmware_profiles.wire import ReceiptStatus
from ingest import arrivals
from ingest.arrivals import Arrival, Opened
from ingest.inbox import Delivery
from ingest.sessions import Sessions
from ingest.settings import IngestSettings
from ingest.worker import Worker

pytestmark = pytest.mark.db

Owner = psycopg.Connection[Any]
POISON = 222  # mmHg


class Broker:
    """Stands in for the consumer: hands out deliveries, remembers what was said back."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.acknowledged: list[Delivery] = []
        self.fates: dict[tuple[str, int], tuple[ReceiptStatus, str | None]] = {}
        self.is_served = threading.Event()

    def send(self, *messages: Opened) -> None:
        self.waiting += [Delivery(opened.arrival, qos=1, connection=1) for opened in messages]

    def take(self, limit: int, most_bytes: int, timeout_s: float) -> list[Delivery]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        self.acknowledged += deliveries

    def publish_all(self, publications: Sequence[tuple[str, bytes]]) -> None:
        for topic, payload in publications:
            for item in wire.decode_receipt(payload).items:
                for seq in range(item.first_seq, item.last_seq + 1):
                    self.fates[topic, seq] = (item.status, item.reason)
        if not self.waiting:
            self.is_served.set()

    def check(self) -> None:
        pass

    @property
    def by_seq(self) -> dict[int, tuple[ReceiptStatus, str | None]]:
        return {seq: fate for (_, seq), fate in self.fates.items()}


class Run:
    """A worker in a thread of its own."""

    def __init__(self, conninfo: str) -> None:
        self.broker = Broker()
        self.stop = threading.Event()
        settings = IngestSettings(database=conninfo)
        self.worker = Worker(settings, cast(Sessions, self.broker), self.stop)
        self._thread = threading.Thread(target=self.worker.run)

    def __enter__(self) -> Run:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def serve(self, *messages: Opened) -> None:
        self.broker.is_served.clear()
        self.broker.send(*messages)
        assert self.broker.is_served.wait(30)


@pytest.fixture
def run(database: Any) -> Run:
    return Run(database.conninfo("homevitals_ingest"))


def count(owner: Owner, table: str) -> int:
    row = owner.execute(f"select count(*) from ingest.{table}").fetchone()
    assert row is not None
    return int(row[0])


STORED = (ReceiptStatus.STORED, None)


def test_messages_are_committed_acknowledged_and_receipted(
    run: Run, home: Any, owner: Owner
) -> None:
    messages = [home.message([home.record(seq), home.record(seq + 1)]) for seq in (1, 3, 5)]

    with run:
        run.serve(*messages)

    assert count(owner, "reading_series") == 6
    assert [d.arrival for d in run.broker.acknowledged] == [m.arrival for m in messages]
    topic = f"hv/1/down/{home.gateway_id}/receipts"
    assert run.broker.fates == {(topic, seq): STORED for seq in range(1, 7)}


def test_only_the_refused_record_is_left_out_when_the_database_refuses_one(
    run: Run, home: Any, owner: Owner
) -> None:
    owner.execute(
        f"alter table ingest.reading_series add constraint no check (systolic_mmhg <> {POISON})"
    )
    messages = [
        home.message([home.record(1), home.record(2)]),
        home.message([home.record(3), home.record(4, POISON), home.record(5)]),
        home.message([home.record(6)]),
    ]

    with run:
        run.serve(*messages)

    assert len(run.broker.acknowledged) == 3
    assert run.broker.by_seq[4] == (ReceiptStatus.QUARANTINED, "storage_refused")
    assert {run.broker.by_seq[seq] for seq in (1, 2, 3, 5, 6)} == {STORED}
    assert count(owner, "reading_series") == count(owner, "record_key") == 5
    assert count(owner, "message") == 3
    kept = owner.execute("select reason, detail, raw, outbox_seq from ingest.quarantine").fetchall()
    assert kept == [("storage_refused", "sqlstate 23514", home.record(4, POISON).raw, 4)]


def test_only_the_record_that_trips_a_defect_is_left_out(
    run: Run, home: Any, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = home.record(2, POISON).raw
    decode_record = decode.decode_record

    def defective(profile: Any, characteristic: str, raw: bytes) -> Any:
        if raw == poison:
            raise ZeroDivisionError("secret")
        return decode_record(profile, characteristic, raw)

    monkeypatch.setattr(decode, "decode_record", defective)

    with run:
        run.serve(home.message([home.record(1), home.record(2, POISON), home.record(3)]))

    assert run.broker.by_seq == {
        1: STORED,
        2: (ReceiptStatus.QUARANTINED, "processing_failed"),
        3: STORED,
    }
    kept = owner.execute("select detail, raw from ingest.quarantine").fetchall()
    assert kept == [("ZeroDivisionError in ingest", poison)]


def test_message_is_kept_whole_when_reading_it_trips_a_defect(
    run: Run, home: Any, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_message = arrivals.open_message

    def defective(arrival: Arrival) -> Opened:
        if arrival.payload == b"poison":
            raise ZeroDivisionError
        return open_message(arrival)

    poison = home.opened(b"poison")
    monkeypatch.setattr(arrivals, "open_message", defective)

    with run:
        run.serve(poison, home.message([home.record(1)]))

    assert run.broker.by_seq == {1: STORED}
    assert len(run.broker.acknowledged) == 2
    kept = owner.execute("select reason, raw from ingest.quarantine").fetchall()
    assert kept == [("processing_failed", b"poison")]


def test_month_is_made_again_when_its_partition_went_away(
    run: Run, home: Any, owner: Owner, database: Any
) -> None:
    with run:
        run.serve(home.message([home.record(1)]))
        if database.engine == "partitions":
            owner.execute(f"drop table ingest.reading_{home.now:%Y_%m}")
            owner.execute("delete from ingest.record_key")
        run.serve(home.message([home.record(2)]))

    assert run.broker.by_seq[2] == STORED
    assert count(owner, "quarantine") == 0


@pytest.fixture
def set_reachable(database: Any) -> Callable[[bool], None]:
    """Cut the database off from everybody, or let them in again."""

    def set_reachable(is_reachable: bool) -> None:
        conninfo = database.postgres.conninfo("postgres", "postgres")
        with psycopg.connect(conninfo, autocommit=True) as admin:
            admin.execute(f"alter database {database.name} allow_connections {is_reachable}")
            if not is_reachable:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
                    (database.name,),
                )

    return set_reachable


def failures(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.message == "database_failed" for record in caplog.records)


def test_messages_wait_unacknowledged_while_the_database_is_away(
    run: Run,
    home: Any,
    database: Any,
    set_reachable: Callable[[bool], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "ingest")

    with run:
        run.serve(home.message([home.record(1)]))
        set_reachable(False)
        run.broker.is_served.clear()
        run.broker.send(home.message([home.record(2)]))
        assert ports.wait_until(lambda: failures(caplog) >= 3, timeout_s=30)
        assert len(run.broker.acknowledged) == 1
        set_reachable(True)
        assert run.broker.is_served.wait(40)

    assert len(run.broker.acknowledged) == 2
    assert run.broker.by_seq == {1: STORED, 2: STORED}
    with database.connect() as owner:
        assert count(owner, "reading_series") == 2
    assert not [record for record in caplog.records if record.exc_info]


def test_nothing_is_acknowledged_when_stopped_while_the_database_is_away(
    run: Run,
    home: Any,
    set_reachable: Callable[[bool], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "ingest")
    set_reachable(False)

    with run:
        run.broker.send(home.message([home.record(1)]))
        assert ports.wait_until(lambda: failures(caplog) >= 1, timeout_s=30)

    assert run.broker.acknowledged == []
    assert run.broker.fates == {}
    assert "stopped_without_database" in [record.message for record in caplog.records]
