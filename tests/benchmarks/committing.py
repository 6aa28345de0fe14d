"""Commits readings as an ingest worker does, paced, in a process of its own, for ``deploy/bench alerts``.

It is told on standard input, as a JSON object, which homes measure what and when from its start; it says “ready”,
begins with the next line, and prints as a JSON object when each home's reading was committed. Times are those of the
machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from ingest import arrivals, time_ordered_id
from ingest.arrivals import Arrival, Opened
from ingest.commit import Committer
from tests.benchmarks import load

_LARGEST_BATCH: Final = 500
_A_MOMENT_S: Final = 0.01


@dataclass(frozen=True)
class Measured:
    """One reading that a home sends.

    Attributes:
        home: its number.
        after_s: how long after the start.
        systolic_mmhg: what was measured.
    """

    home: int
    after_s: float
    systolic_mmhg: int


@dataclass(frozen=True)
class Plan:
    """What is to be committed.

    Attributes:
        conninfo: as which role, where.
        run: an outbox of its own; no two plans of one database share it.
        measured: in the order of time.
    """

    conninfo: str
    run: int
    measured: tuple[Measured, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> Plan:
        table = json.loads(text)
        measured = tuple(Measured(**one) for one in table.pop("measured"))
        return cls(**table, measured=measured)


def main() -> None:
    plan = Plan.of_json(sys.stdin.readline())
    opened = list(_messages(plan))
    with psycopg.connect(plan.conninfo, autocommit=True) as connection:
        committer = Committer(connection)
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(_commit(committer, plan.measured, opened)))


def _messages(plan: Plan) -> Iterable[Opened]:
    """Yield each home's message; no home sends two in one second of its clock."""
    sent: dict[int, int] = {}
    start = datetime.now(UTC)
    for one in plan.measured:
        sent[one.home] = sent.get(one.home, 0) + 1
        at = (start + timedelta(seconds=one.after_s)).replace(microsecond=0)
        pressures = (one.systolic_mmhg, min(75, one.systolic_mmhg - 20), 70)
        record = load.record(one.home, sent[one.home], at, at, "UTC", pressures)
        message = load.message(one.home, plan.run, at, [record])
        yield arrivals.open_message(
            Arrival(
                time_ordered_id.new(),
                message.topic,
                message.payload,
                packet_id=1,
                received_at=at,
                is_retained=False,
            )
        )


def _commit(
    committer: Committer, measured: Sequence[Measured], opened: Sequence[Opened]
) -> dict[str, Any]:
    """Commit what is due, then what has become due meanwhile, and so on."""
    started = time.monotonic()
    committed_at: dict[int, float] = {}
    done = 0
    while done < len(measured):
        due = done
        elapsed_s = time.monotonic() - started
        while (
            due < min(len(measured), done + _LARGEST_BATCH) and measured[due].after_s <= elapsed_s
        ):
            due += 1
        if due == done:
            time.sleep(min(_A_MOMENT_S, measured[done].after_s - elapsed_s))
            continue
        fates = committer.take_in(opened[done:due], datetime.now(UTC))
        now = time.monotonic()
        if {fate.status.value for fate in fates.values()} != {"stored"}:
            raise SystemExit("a reading was not stored")
        committed_at |= {one.home: now for one in measured[done:due]}
        done = due
    seconds = time.monotonic() - started
    return {"seconds": seconds, "committed_at": committed_at}


if __name__ == "__main__":
    main()
