"""Whether a worker's memory stays flat: millions of readings through one worker, and its memory after each part."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from tests.benchmarks import ingest
from tests.benchmarks.stand import Stand, resident_mib

# Each part is an outbox of its own: a thousand messages of a hundred readings.
_MESSAGES: Final = 1000
_PER_MESSAGE: Final = 100
PART: Final = _MESSAGES * _PER_MESSAGE
_PATIENCE_S: Final = 900.0
# Counting the readings themselves would soon take longer than taking them in.
_ARRIVED: Final = "select coalesce(sum(upper(run) - lower(run)), 0) from ingest.outbox_epoch, unnest(positions) run"


def run(stand: Stand, readings: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Take in so many readings and return the worker's memory, MiB, by how many it had taken in.

    Raises:
        SystemExit: the store has one too many or too few, or the worker did not come to an end.
    """
    bench = ingest.Bench(stand, ingest.Sizes(), tell)
    memory_mib: dict[str, float] = {}
    started = time.monotonic()
    with bench.workers(["ingest-1"], 1) as (worker,):
        for part in range(1, readings // PART + 1):
            bench.load(_MESSAGES, _PER_MESSAGE)
            _until_stored(stand, part * PART)
            memory_mib[f"{part * PART:,}"] = round(resident_mib(worker.pid), 1)
            tell(f"{part * PART:,} readings: {memory_mib[f'{part * PART:,}']} MiB")
    seconds = time.monotonic() - started
    bench.check(readings)
    return {"memory_mib": memory_mib, "readings_per_s": round(readings / seconds)}


def _until_stored(stand: Stand, expected: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while stand.query(_ARRIVED) < expected:
        if time.monotonic() > deadline:
            raise SystemExit(f"{expected} readings were not stored in {_PATIENCE_S:.0f} s")
        time.sleep(0.5)
