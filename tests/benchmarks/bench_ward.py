"""A ward of one peripheral with a full memory, for ``deploy/bench gateway``, in a process of its own.

Prints the port of its radio; each line on standard input fills the memory again and is answered with “full”.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.ward import home
from gateway.ward.memory import Memory, StoredRecord
from gateway.ward.process import Ward
from gateway.ward.virtual_peripheral import Stamp

ADDRESS = "C4:65:1B:00:00:01"
_READINGS = {
    "standard-cuff": ("home_bp_one_adult.csv", "2019-05-01T00:00:00"),
    "standard-glucometer": ("home_glucose_adult_20.csv", "1991-05-20T00:00:00"),
}


def fill(peripheral: Any, count: int) -> None:
    """Put so many unsent records into a peripheral's memory, each a minute after the one before."""
    rows = peripheral._series.rows
    if hasattr(rows[0], "meal"):
        rows = [replace(row, meal=None) for row in rows]  # no context: a frame is a record
    start = datetime.now().replace(microsecond=0) - timedelta(minutes=count)  # noqa: DTZ005 - a wall clock
    records = [
        StoredRecord.of(
            number,
            peripheral._encode(
                rows[number % len(rows)], Stamp(number, start + timedelta(minutes=number), 0)
            ),
        )
        for number in range(count)
    ]
    peripheral.memory._contents = replace(
        peripheral.memory.contents, records=tuple(records), next_sequence=count
    )


async def serve(model: str, folder: Path, count: int) -> None:
    """Run the ward until standard input ends."""
    readings, live_from = _READINGS[model]
    plan = home.Home(
        home.WardSettings(port=0, state_folder=folder, time_zone="UTC"),
        (
            home.PeripheralSettings(
                model=model,
                address=ADDRESS,
                name="Bench",
                readings=readings,
                live_from=live_from,
                backlog_days=0.0,
                live_every_s=1e9,
            ),
        ),
    )
    ward = Ward(plan, lambda: datetime.now(UTC))
    (peripheral,) = ward.peripherals
    # A real cuff writes no file and waits for no disk.
    peripheral.memory._save = lambda contents: setattr(peripheral.memory, "_contents", contents)  # type: ignore[method-assign]
    assert isinstance(peripheral.memory, Memory)
    fill(peripheral, count)
    print(await ward.start(), flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while await lines.readline():
        # What it does last, after the host has gone, concerns the memory of before.
        while peripheral.connection is not None or peripheral.memory.has_unsent:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        fill(peripheral, count)
        await peripheral._advertise_if_needed()
        print("full", flush=True)
    await ward.stop()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
