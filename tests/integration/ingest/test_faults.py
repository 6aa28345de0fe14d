"""Faults of the fault matrix, on the whole worker with a real broker; each ends with the ledger.

The ledger: every record that was sent is once in the store, as a reading or in quarantine, and its gateway was told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from deploy import ports
from firmware_profiles.wire import ReceiptStatus
from ingest import service
from ingest.settings import IngestSettings

pytestmark = [pytest.mark.db, pytest.mark.broker]

Owner = psycopg.Connection[Any]
Work = Callable[[], Any]


@pytest.fixture
def work(ingest_settings: Callable[..., IngestSettings], database: Any) -> Work:
    """Run an ingest worker."""

    @contextmanager
    def running() -> Iterator[None]:
        settings = ingest_settings(database=database.conninfo("homevitals_ingest"))
        stop = threading.Event()
        worker = threading.Thread(target=service.run, args=(settings, stop))
        worker.start()
        try:
            yield
        finally:
            stop.set()
            worker.join(30)
            assert not worker.is_alive()

    return running


class Ledger:
    """What was sent, against what the store has and the gateway was told."""

    def __init__(self, owner: Owner, gateway: Any, home: Any) -> None:
        self._owner, self._gateway, self.home = owner, gateway, home
        self._good: set[int] = set()
        self._bad: set[int] = set()
        self._payloads: dict[bytes, set[int]] = {}

    def send(self, *seqs: int, bad: tuple[int, ...] = ()) -> None:
        records = [
            self.home.record(seq, raw=b"\0") if seq in bad else self.home.record(seq)
            for seq in seqs
        ]
        payload = self.home.payload(records)
        self._payloads[payload] = set(seqs)
        self._gateway.publish(payload)
        self._good |= set(seqs) - set(bad)
        self._bad |= set(bad)

    def told(self) -> dict[int, set[ReceiptStatus]]:
        return {seq: said for (_, seq), said in self._gateway.receipted().items()}

    def is_settled(self) -> bool:
        """Do as a gateway does: what is not receipted after a while is sent again."""
        if ports.wait_until(lambda: self.told().keys() >= self._good | self._bad, timeout_s=4):
            return True
        for payload, seqs in self._payloads.items():
            if not seqs <= self.told().keys():
                self._gateway.publish(payload)
        return False

    def settles(self, within_s: float) -> None:
        """See the account come out even."""
        assert ports.wait_until(self.is_settled, timeout_s=within_s), self.told()
        assert self._seqs("reading_series") == self._good
        assert self._seqs("quarantine") == self._bad
        told = self.told()
        stored = {ReceiptStatus.STORED, ReceiptStatus.DUPLICATE}
        assert all(told[seq] <= stored for seq in self._good)
        assert all(told[seq] == {ReceiptStatus.QUARANTINED} for seq in self._bad)

    def _seqs(self, table: str) -> set[int]:
        rows = self._owner.execute(
            f"select outbox_seq from ingest.{table} where outbox_seq is not null"
        ).fetchall()
        assert len(rows) == len(set(rows)), "something is there twice"
        return {seq for (seq,) in rows}


@pytest.fixture
def ledger(owner: Owner, gateway: Any, gateway_home: Any) -> Ledger:
    return Ledger(owner, gateway, gateway_home)


def test_f34_good_messages_behind_poison_are_stored_at_once(
    work: Work, ledger: Ledger, gateway: Any, owner: Owner
) -> None:
    with work():
        ledger.send(1)
        ledger.settles(within_s=30)
        gateway.publish(b"\x1f\x8b poison")
        gateway.publish(b"[" * 100_000)
        ledger.send(2, 3, 4, bad=(3,))
        ledger.settles(within_s=5)
    found = owner.execute("select reason from ingest.quarantine where outbox_seq is null")
    assert {reason for (reason,) in found} == {"not_utf8", "too_deep"}


def test_f36_a_slow_store_costs_time_and_nothing_else(
    work: Work, ledger: Ledger, owner: Owner, caplog: pytest.LogCaptureFixture
) -> None:
    owner.execute(
        """create function public.slow() returns trigger language plpgsql as
           $$ begin perform pg_sleep(0.3); return null; end $$"""
    )
    owner.execute("grant execute on function public.slow to public")
    owner.execute(
        """create trigger slow after insert on ingest.message
           for each statement execute function public.slow()"""
    )
    with work():
        for seq in range(1, 201):
            ledger.send(seq)
        ledger.settles(within_s=60)
    assert "broker_disconnected" not in caplog.messages


def test_f38_a_database_that_may_only_be_read_holds_everything_back(
    work: Work, ledger: Ledger, database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def set_read_only(is_read_only: bool) -> None:
        # As after a failover to a standby: the connection works, and no transaction may write.
        conninfo = database.postgres.conninfo("postgres", "postgres")
        with psycopg.connect(conninfo, autocommit=True) as admin:
            admin.execute(
                f"alter database {database.name} set default_transaction_read_only = {is_read_only}"
            )
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = %s and usename = 'homevitals_ingest'",
                (database.name,),
            )

    with work():
        ledger.send(1)
        ledger.settles(within_s=30)
        set_read_only(True)
        ledger.send(2, 3, bad=(3,))
        assert ports.wait_until(
            lambda: sum(record.message == "database_failed" for record in caplog.records) >= 2,
            timeout_s=30,
        )
        assert ledger.told().keys() == {1}
        set_read_only(False)
        ledger.settles(within_s=40)


def test_f40_a_lock_held_by_somebody_else_delays_and_loses_nothing(
    work: Work, ledger: Ledger, database: Any
) -> None:
    with work():
        ledger.send(1)
        ledger.settles(within_s=30)
        with database.connect("postgres") as other:
            other.execute("lock table ingest.record_key in access exclusive mode")
            ledger.send(2, 3, bad=(3,))
            assert not ports.wait_until(lambda: len(ledger.told()) > 1, timeout_s=2)
            other.rollback()
        ledger.settles(within_s=30)


def test_f40_a_transaction_that_is_ended_for_a_deadlock_is_done_again(
    work: Work, ledger: Ledger, owner: Owner
) -> None:
    # Three times the store says what PostgreSQL says to the loser of a deadlock.
    owner.execute("create sequence public.losses")
    owner.execute("grant usage on sequence public.losses to public")
    owner.execute(
        """create function public.lose() returns trigger language plpgsql as $$ begin
           if nextval('public.losses') <= 3 then raise sqlstate '40P01'; end if; return null;
           end $$"""
    )
    owner.execute(
        """create trigger lose after insert on ingest.message
           for each statement execute function public.lose()"""
    )
    with work():
        ledger.send(1, 2, 3, bad=(2,))
        ledger.settles(within_s=30)
    (taken,) = owner.execute("select last_value from public.losses").fetchone() or (0,)
    assert taken > 3
