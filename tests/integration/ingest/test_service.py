from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy import ports
from firmware_profiles.wire import ReceiptStatus
from ingest.settings import IngestSettings
from tests.ingest_workers import NAMES, Processes

pytestmark = [pytest.mark.db, pytest.mark.broker]


def count(owner: psycopg.Connection[Any], table: str) -> int:
    row = owner.execute(f"select count(*) from ingest.{table}").fetchone()
    assert row is not None
    return int(row[0])


def stream(home: Any, batches: int) -> list[bytes]:
    """Batches of three records, each with a good one, a bad one and a repetition of an earlier one."""
    return [
        home.payload(
            [
                home.record(3 * number + 1),
                home.record(3 * number + 2, raw=b"\0"),
                home.record(3 * number + 3, raw=home.record(3 * (number // 2) + 1).raw),
            ]
        )
        for number in range(batches)
    ]


def test_rows_are_exact_and_all_is_receipted_when_the_worker_is_killed_again_and_again(
    processes: Processes, gateway: Any, gateway_home: Any, owner: psycopg.Connection[Any]
) -> None:
    batches = 240
    payloads = stream(gateway_home, batches)
    worker = processes.start()
    assert ports.wait_until(lambda: processes.has_said("broker_connected"), timeout_s=30)

    for part in range(4):
        for payload in payloads[part * 60 : part * 60 + 60]:
            gateway.publish(payload)
            gateway.publish(b"{poison")
        stored = 60 * part + 10
        assert ports.wait_until(
            lambda least=stored: count(owner, "reading_series") >= least, timeout_s=30
        )
        worker.kill()
        worker.wait(10)
        worker = processes.start()

    everything = {(gateway_home.epoch, seq) for seq in range(1, 3 * batches + 1)}

    def is_all_receipted() -> bool:
        """Do as a gateway does: what is not receipted is sent again."""
        if ports.wait_until(lambda: gateway.receipted().keys() == everything, timeout_s=5):
            return True
        for number, payload in enumerate(payloads):
            if (gateway_home.epoch, 3 * number + 1) not in gateway.receipted():
                gateway.publish(payload)
        return False

    assert ports.wait_until(is_all_receipted, timeout_s=60)
    assert count(owner, "reading_series") == count(owner, "record_key") == batches
    assert count(owner, "evaluation_queue") == batches
    told = gateway.receipted()
    good, bad = range(1, 3 * batches, 3), range(2, 3 * batches, 3)
    assert all(
        told[gateway_home.epoch, seq] <= {ReceiptStatus.STORED, ReceiptStatus.DUPLICATE}
        for seq in good
    )
    assert all(told[gateway_home.epoch, seq] == {ReceiptStatus.QUARANTINED} for seq in bad)
    reasons = owner.execute("select reason, count(*) from ingest.quarantine group by 1 order by 1")
    assert reasons.fetchall() == [("not_json", 1), ("short_frame", batches)]


def start_two(processes: Processes) -> dict[str, subprocess.Popen[bytes]]:
    started = {name: processes.start(name, sessions=2) for name in NAMES}
    assert ports.wait_until(
        lambda: all(
            processes.sessions(name) == [name] and processes.has_said("broker_connected", name)
            for name in NAMES
        ),
        timeout_s=30,
    )
    return started


def taken_in(processes: Processes, name: str) -> int:
    return sum(
        line["count"] for line in processes.log(name) if line["event"] == "messages_taken_in"
    )


def test_two_workers_share_the_messages_and_rows_are_exact(
    processes: Processes, gateway: Any, gateway_home: Any, owner: psycopg.Connection[Any]
) -> None:
    batches = 60
    start_two(processes)

    for payload in stream(gateway_home, batches):
        gateway.publish(payload)

    everything = {(gateway_home.epoch, seq) for seq in range(1, 3 * batches + 1)}
    assert ports.wait_until(lambda: gateway.receipted().keys() == everything, timeout_s=60)
    shares = [taken_in(processes, name) for name in NAMES]
    assert sum(shares) == batches  # each message to one of them
    assert all(shares)
    assert count(owner, "reading_series") == count(owner, "record_key") == batches
    assert count(owner, "evaluation_queue") == batches
    assert count(owner, "quarantine") == batches


def test_what_a_dead_worker_held_is_taken_in_by_the_other_and_it_gets_its_session_back(
    processes: Processes, gateway: Any, gateway_home: Any, owner: psycopg.Connection[Any]
) -> None:
    batches = 60
    workers = start_two(processes)
    # Alive for broker and database, but it takes nothing in: what it is given now is in its hands when it dies.
    workers["ingest-2"].send_signal(signal.SIGSTOP)
    for number in range(batches):
        gateway.publish(gateway_home.payload([gateway_home.record(number + 1)]))
    assert ports.wait_until(lambda: taken_in(processes, "ingest-1") > 0, timeout_s=30)
    held = batches - count(owner, "reading_series")
    workers["ingest-2"].kill()
    workers["ingest-2"].wait(10)

    # No gateway sends anything again here.
    assert ports.wait_until(lambda: count(owner, "reading_series") == batches, timeout_s=30)
    assert held > 0
    assert processes.sessions("ingest-1") == ["ingest-1", "ingest-2"]

    processes.start("ingest-2", sessions=2)
    assert ports.wait_until(
        lambda: (
            processes.sessions("ingest-1") == ["ingest-1"]
            and processes.sessions("ingest-2") == ["ingest-2"]
        ),
        timeout_s=30,
    )
    gateway.publish(gateway_home.payload([gateway_home.record(batches + 1)]))
    gateway.publish(gateway_home.payload([gateway_home.record(batches + 2)]))
    assert ports.wait_until(lambda: count(owner, "reading_series") == batches + 2, timeout_s=30)


def test_worker_ends_in_order_when_it_is_told_to(
    processes: Processes, gateway: Any, gateway_home: Any, owner: psycopg.Connection[Any]
) -> None:
    worker = processes.start()
    assert ports.wait_until(lambda: processes.has_said("broker_connected"), timeout_s=30)
    gateway.publish(gateway_home.payload([gateway_home.record(1)]))
    assert ports.wait_until(lambda: count(owner, "reading_series") == 1, timeout_s=30)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(30) == 0
    assert processes.has_said("ingest_stopped")
    assert not any(line["level"] in {"error", "critical"} for line in processes.log())


def test_worker_ends_although_the_broker_was_never_there(
    ingest_settings: Callable[..., IngestSettings], database: Any, tmp_path: Path
) -> None:
    def unreachable(**changes: Any) -> IngestSettings:
        return ingest_settings(broker_port=ports.free_port(), **changes)

    processes = Processes(unreachable, database.conninfo("homevitals_ingest"), tmp_path)
    worker = processes.start()
    try:
        assert ports.wait_until(lambda: processes.has_said("broker_unreachable"), timeout_s=30)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
