"""A broker that dies with messages in its memory: gateways send them again, and no reading is half a minute late."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy import ports
from gateway import rotation
from gateway.following import Following
from gateway.outbox import Outbox
from gateway.settings import GatewaySettings
from gateway.uplink import Uplink
from tests.ingest_workers import NAMES, Processes
from tests.integration.gateway.far_end import captured, until
from tests.integration.ingest.conftest import add_home

pytestmark = [pytest.mark.db, pytest.mark.broker]

GATEWAY = "gw-outage01"
LONGEST_S = 30.0
RECORDS = 300


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_no_reading_is_lost_or_late_when_the_broker_is_killed_with_messages_in_its_memory(
    processes: Processes,
    broker: Any,
    owner: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    with owner.transaction(), owner.cursor() as cur:
        home = add_home(cur, GATEWAY)
    workers = [processes.start(name, sessions=2) for name in NAMES]
    assert ports.wait_until(
        lambda: all(processes.has_said("broker_connected", name) for name in NAMES), timeout_s=30
    )
    certificate_file, key_file = broker.credentials(GATEWAY)
    settings = GatewaySettings(  # with the pauses that homes have
        gateway_id=GATEWAY,
        broker_host=broker.host,
        broker_port=broker.port,
        ca_file=broker.ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        state_folder=tmp_path / "gateway",
        time_zone="UTC",
    )
    outbox = Outbox(settings.state_folder, datetime.now(UTC))

    async def measure_through_the_outage() -> float:
        identities = rotation.opened(settings)
        following = Following(settings, identities)
        uplink = Uplink(following, identities, outbox, lambda: datetime.now(UTC))
        sending = asyncio.create_task(uplink.run())
        # Nobody takes anything from the broker: what it has accepted is in its memory alone.
        for worker in workers:
            worker.send_signal(signal.SIGSTOP)
        for number in range(RECORDS):
            if number == RECORDS // 2:
                await asyncio.sleep(1.0)
                os.kill(broker.pid, signal.SIGKILL)
                killed_at = time.monotonic()
                for worker in workers:
                    worker.send_signal(signal.SIGCONT)
            raw = home.record(number + 1).raw
            outbox.append(replace(captured(number), peripheral=home.bluetooth_address, raw=raw))
            uplink.wake()
            await asyncio.sleep(0.002)
        await until(lambda: outbox.waiting_count == 0, timeout_s=2 * LONGEST_S)
        took_s = time.monotonic() - killed_at
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        return took_s

    try:
        took_s = asyncio.run(measure_through_the_outage())
    finally:
        outbox.close()
    assert took_s < LONGEST_S
    ledger = owner.execute(
        "select count(*), count(distinct outbox_seq), min(outbox_seq), max(outbox_seq)"
        " from ingest.reading_series"
    ).fetchone()
    assert ledger == (RECORDS, RECORDS, 1, RECORDS)
