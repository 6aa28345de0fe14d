"""Ingest from a message's bytes to its receipt, on a real database, with a look at what is kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from firmware_profiles import uuids, wire
from firmware_profiles.wire import ReceiptStatus, Record
from ingest import receipts, worker
from ingest.arrivals import Arrival, Opened
from ingest.commit import Committer

Told = dict[int, tuple[str, str | None]]
STORED = (ReceiptStatus.STORED.value, None)
DUPLICATE = (ReceiptStatus.DUPLICATE.value, None)
METER = "AA:BB:CC:DD:EE:02"
# Stands in what is sent and must stand in nothing that is said about it.
MARKER = "Zebra7731"


def quarantined(reason: str) -> tuple[str, str | None]:
    return (ReceiptStatus.QUARANTINED.value, reason)


class Door:
    """Takes messages in as a worker does, and looks into the store as the superuser."""

    def __init__(
        self, database: Any, home: Any, owner: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.home, self._owner, self._caplog = home, owner, caplog
        connection = psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True)
        self._committer = Committer(connection)

    def close(self) -> None:
        """Close, after a look at what was said on the way: nobody's bytes, and no traceback."""
        self._committer.close()
        for said in self._caplog.records:
            assert said.exc_info is None
            assert MARKER not in said.getMessage()
        for row in self.rows("quarantine"):
            assert MARKER not in row["detail"]
        for row in self.rows("security_event"):
            assert MARKER not in row["detail"]

    def take(self, *messages: Opened) -> Told:
        """Return what the gateways are told of each outbox position."""
        arrived = [worker._open(opened.arrival) for opened in messages]
        fates = self._committer.take_in(arrived, datetime.now(UTC))
        told: Told = {}
        for _, receipt in receipts.receipts(fates):
            for item in wire.decode_receipt(wire.encode_receipt(receipt)).items:
                for seq in range(item.first_seq, item.last_seq + 1):
                    told[seq] = (item.status.value, item.reason)
        return told

    def send(self, *records: Record, epoch: str | None = None) -> Told:
        """Take one batch of records in."""
        return self.take(self.home.message(records, epoch=epoch))

    def payload(self, payload: bytes, topic: str | None = None) -> Told:
        """Take some bytes in."""
        return self.take(self.home.opened(payload, topic))

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self._owner.cursor(row_factory=dict_row) as cur:
            return list(cur.execute(f"select * from ingest.{table}"))

    def readings(self) -> list[dict[str, Any]]:
        return sorted(self.rows("reading_series"), key=lambda row: row["outbox_seq"])

    def reading(self) -> dict[str, Any]:
        (only,) = self.readings()
        return only

    def events(self) -> list[str]:
        return [row["event"] for row in self.rows("security_event")]

    def queued(self) -> int:
        """Return how many readings wait for the rules."""
        return len(self.queued_measured_at())

    def queued_measured_at(self) -> list[datetime]:
        return [
            at for (at,) in self._owner.execute("select measured_at from ingest.evaluation_queue")
        ]

    def refuses(self, raw: bytes, reason: str, **changes: Any) -> None:
        """See a record refused with its bytes, its neighbours stored, and nothing piled up by a repetition."""
        home = self.home
        records = [home.record(1), home.record(2, raw=raw, **changes), home.record(3)]
        assert self.send(*records) == {1: STORED, 2: quarantined(reason), 3: STORED}
        assert self.send(*records) == {1: DUPLICATE, 2: quarantined(reason), 3: DUPLICATE}
        (kept,) = self.rows("quarantine")
        assert (kept["reason"], kept["outbox_seq"], kept["raw"]) == (reason, 2, raw)
        assert kept["practice_id"] == home.practice_id
        assert kept["record"]["profile_id"] == records[1].profile_id
        assert [row["outbox_seq"] for row in self.readings()] == [1, 3]
        assert self.queued() == 2

    def refuses_whole(
        self,
        payload: bytes,
        reason: str,
        topic: str | None = None,
        *,
        is_ours: bool = True,
        is_event: bool = False,
    ) -> None:
        """See a message kept whole under its reason, once; the next one is stored as ever."""
        for _ in range(2):
            assert self.payload(payload, topic) == {}
        (kept,) = self.rows("quarantine")
        assert (kept["reason"], kept["raw"], kept["record"]) == (reason, payload, None)
        assert kept["practice_id"] == (self.home.practice_id if is_ours else None)
        assert self.events() == ([reason] if is_event else [])
        assert self.send(self.home.record(9)) == {9: STORED}

    def refuses_element(self, element: str, reason: str, seq: int | None = 2) -> dict[str, Any]:
        """See one element of a batch kept with its text, its neighbours stored; return the row."""
        home = self.home
        good = home.payload([home.record(1), home.record(3)]).decode()
        payload = good.replace('},{"seq":3', f'}},{element},{{"seq":3').encode()
        told = {1: STORED, 3: STORED}
        if seq is not None:
            told[seq] = quarantined(reason)
        assert self.payload(payload) == told
        (kept,) = self.rows("quarantine")
        assert (kept["reason"], kept["outbox_seq"]) == (reason, seq)
        assert kept["raw"] == element.encode()
        assert [row["outbox_seq"] for row in self.readings()] == [1, 3]
        return kept


def meter(home: Any, seq: int, raw: bytes, **changes: Any) -> Record:
    """Return a record of a glucose meter."""
    return replace(
        home.record(seq, raw=raw),
        profile_id="standard-glucometer",
        characteristic=uuids.GLUCOSE_MEASUREMENT,
        peripheral=METER,
        **changes,
    )


def arrival(home: Any, payload: bytes, *, is_retained: bool = False) -> Arrival:
    opened: Opened = home.opened(payload)
    return replace(opened.arrival, is_retained=is_retained)


def doors(database: Any, home: Any, owner: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Door]:
    caplog.set_level(logging.INFO)
    door = Door(database, home, owner, caplog)
    yield door
    door.close()


def seqs(rows: Iterable[dict[str, Any]]) -> Sequence[int]:
    return sorted(row["outbox_seq"] for row in rows)
