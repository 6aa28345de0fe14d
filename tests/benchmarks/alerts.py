"""``alerts``: how soon after a reading's commit its task is there, and how many readings an evaluator gets through.

The real evaluator runs as its own processes, against homes whose patients have measured for a month. One practice has
the rule sets that we ship in force, another limits for single readings: each figure is measured for both, in one run.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from tests.benchmarks import made_up_past
from tests.benchmarks.committing import Measured, Plan
from tests.benchmarks.stand import ROOT, Stand, cpu_s, resident_mib

# A month of everybody, up to two days ago: so no reading of a phase is asked about beside one of the past.
_PAST_DAYS: Final = 32
_GAP_DAYS: Final = 2
_FIRST_HOME: Final = 1_000  # the stand has homes of its own
_BEYOND_MMHG: Final = 225  # breaches at once, under either set of rules
_EACH_S: Final = 0.1  # idle: one reading after the other
_A_DAY: Final = 3  # so that the mean of a week is known in spite of the gap
_FIRST_RUN: Final = 1_000
_PATIENCE_S: Final = 300.0
_EVALUATORS: Final = "select count(*) from pg_stat_activity where usename = 'homevitals_alerts'"
_DUE: Final = "select count(*) from ingest.evaluation_queue where retry_at <= now()"

_HOMES: Final = """
insert into ingest.gateway (gateway_id, practice_id, label, status, enrolled_at)
select 'gw-' || lpad(n::text, 8, '0'), %(practice)s, 'Kitchen', 'active', now() - interval '400 days'
from generate_series(%(first)s::integer, %(last)s::integer) n;
insert into ingest.peripheral (practice_id, peripheral_id, bluetooth_address, profile_id)
select %(practice)s, ('40000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
       'AA:BB:CC:00:' || upper(lpad(to_hex(n / 256), 2, '0')) || ':' || upper(lpad(to_hex(n %% 256), 2, '0')),
       'standard-cuff'
from generate_series(%(first)s::integer, %(last)s::integer) n;
insert into ingest.assignment (practice_id, peripheral_id, user_slot, patient_id, valid_from, assigned_by)
select %(practice)s, ('40000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1,
       ('30000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now() - interval '400 days', 'bench'
from generate_series(%(first)s::integer, %(last)s::integer) n;
insert into ccm.enrolment (practice_id, patient_id, program, state, opened_at, consent_documented_at)
select practice_id, patient_id, 'ccm', 'active', now() - interval '400 days', now() - interval '400 days'
from ingest.patient where practice_id = %(practice)s
"""
# Delivered when the task is committed: from then on every other connection reads it.
_TELL_TASKS: Final = """
create function public.tell_task() returns trigger language plpgsql as
    $$ begin perform pg_notify('bench_task', new.patient_id::text); return null; end $$;
create trigger tell_task after insert on ccm.task for each row execute function public.tell_task()
"""


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        drained: readings that wait, each of a patient of its own.
        idle: readings that breach, one after the other.
        loaded_s: how long the load lasts.
        beyond: readings in it that breach.
    """

    drained: int = 4_000
    idle: int = 200
    loaded_s: float = 20.0
    beyond: int = 200


@dataclass(frozen=True)
class Practice:
    """A practice with rules in force.

    Attributes:
        name: what its figures are called.
        sets: names of the rule sets.
    """

    name: str
    slug: str
    practice_id: UUID
    sets: tuple[str, ...]


_OURS: Final = Practice(
    "rule sets", "ours", UUID("00000000-0000-4000-8000-0000000a1e57"), ("hypertension", "diabetes")
)
_SINGLE: Final = Practice(
    "single limits", "single", UUID("00000000-0000-4000-8000-0000000a1e58"), ("single-limits",)
)


class Watch:
    """Hears of every task that is there, over a connection of its own."""

    def __init__(self, conninfo: str) -> None:
        self.seen_at: dict[UUID, float] = {}
        self._stop = threading.Event()
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._connection.execute("listen bench_task")
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def _hear(self) -> None:
        # Without a database the phase at hand says what is wrong.
        with contextlib.suppress(psycopg.OperationalError):
            while not self._stop.is_set():
                for one in self._connection.notifies(timeout=0.2):
                    self.seen_at.setdefault(UUID(one.payload), time.monotonic())


class Bench:
    """The phases of one storage engine."""

    def __init__(self, stand: Stand, sizes: Sizes, tell: Callable[[str], None]) -> None:
        self._stand = stand
        self._sizes = sizes
        self._tell = tell
        self._draw = random.Random(1)
        self._run = 0
        self._last_home = _FIRST_HOME
        self._fresh: dict[str, Iterator[int]] = {}
        self._watch = Watch(stand.conninfo())

    def run(self) -> dict[str, Any]:
        """Measure everything."""
        with psycopg.connect(self._stand.conninfo(), autocommit=True) as owner:
            owner.execute(_TELL_TASKS)
            for practice in (_OURS, _SINGLE):
                self._tell(f"{practice.name}: a month of the past")
                self._add(owner, practice)
        found: dict[str, Any] = {}
        for practice in (_OURS, _SINGLE):
            for count in (1, 2):
                name = f"{practice.name}, {count} evaluator{'s' if count == 2 else ''}"
                self._tell(f"{name}: draining")
                homes = self._take(practice, self._sizes.drained)
                drained = self._drain(homes, count)
                with self._evaluators(count) as evaluators:
                    self._tell(f"{name}: idle")
                    idle = self._idle(practice)
                    # No home sends two readings in one second of its clock.
                    rate = min(drained["readings_per_s"] / 2, 0.9 * len(homes))
                    self._tell(f"{name}: {rate:.0f} readings a second")
                    loaded = self._loaded(practice, homes, rate)
                    memory_mib = max(resident_mib(one.pid) for one in evaluators)
                found[name] = {
                    "draining": drained,
                    "idle": idle,
                    "at half of that rate": loaded,
                    "evaluator_mib": round(memory_mib),
                }
        self._watch.close()
        return {"figures": found, "ratios": _ratios(found)}

    def _add(self, owner: psycopg.Connection[Any], practice: Practice) -> None:
        """Add a practice, its homes, and what they have measured so far."""
        sizes = self._sizes
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        homes = 2 * (sizes.drained + sizes.idle + sizes.beyond)
        first, last = self._last_home + 1, self._last_home + homes
        self._last_home = last
        self._fresh[practice.name] = iter(range(first, last + 1))
        made_up_past.add_practice(
            owner, practice.practice_id, practice.slug, practice.sets, today - timedelta(days=40)
        )
        made_up_past.add_patients(owner, practice.practice_id, first, homes)
        words = {"practice": practice.practice_id, "first": first, "last": last}
        for statement in _HOMES.split(";"):
            owner.execute(statement, words)  # type: ignore[arg-type]
        first_day = today - timedelta(days=_PAST_DAYS + _GAP_DAYS - 1)
        made_up_past.fill(
            owner, practice.practice_id, first_day, _PAST_DAYS, self._tell, a_day=_A_DAY
        )
        owner.execute("vacuum (analyze)")

    def _take(self, practice: Practice, count: int) -> list[int]:
        """Return homes that have sent nothing yet."""
        return list(itertools.islice(self._fresh[practice.name], count))

    def _drain(self, homes: Sequence[int], count: int) -> dict[str, Any]:
        """Let readings wait, then see how fast evaluators go, from their first commit on."""
        self._commit([Measured(home, 0.0, self._pressure(home)) for home in homes])
        with psycopg.connect(self._stand.conninfo(), autocommit=True) as looking:
            # Memory and connections of before are known, so what the evaluators cost is the difference.
            database_before_s = self._stand.database_cpu_s()
            with self._evaluators(count) as evaluators:
                waiting = len(homes)
                first = self._until(looking, lambda left: left < waiting)
                begun_s = time.monotonic()
                evaluators_before_s = sum(cpu_s(one.pid) for one in evaluators)
                self._until(looking, lambda left: left == 0)
                seconds = time.monotonic() - begun_s
                used_s = sum(cpu_s(one.pid) for one in evaluators) - evaluators_before_s
                database_s = self._stand.database_cpu_s() - database_before_s
        return {
            "readings_per_s": round(first / seconds),
            "cpu_us_per_reading": {
                "evaluators": round(used_s / first * 1e6),
                "database": round(database_s / waiting * 1e6),
            },
        }

    def _idle(self, practice: Practice) -> dict[str, float]:
        """Commit one reading after the other, each of which has to become a task."""
        homes = self._take(practice, self._sizes.idle)
        measured = [
            Measured(home, number * _EACH_S, _BEYOND_MMHG) for number, home in enumerate(homes)
        ]
        return self._latencies_ms(homes, self._commit(measured)["committed_at"])

    def _loaded(self, practice: Practice, ordinary: Sequence[int], rate: float) -> dict[str, float]:
        """Commit readings at a rate, some of which have to become a task."""
        beyond = self._take(practice, self._sizes.beyond)
        every = max(2, round(rate * self._sizes.loaded_s / len(beyond)))
        others = itertools.cycle(ordinary)
        measured = []
        for number in range(every * len(beyond)):
            is_beyond = number % every == every - 1
            home = beyond[number // every] if is_beyond else next(others)
            pressure = _BEYOND_MMHG if is_beyond else self._pressure(home)
            measured.append(Measured(home, number / rate, pressure))
        committed = self._commit(measured)
        found = self._latencies_ms(beyond, committed["committed_at"])
        return {"readings_per_s": round(len(measured) / committed["seconds"]), **found}

    def _pressure(self, home: int) -> int:
        return round(made_up_past.mean_mmhg(home) + self._draw.gauss(0, 9))

    def _commit(self, measured: Sequence[Measured]) -> Any:
        """Have readings committed by a process of its own."""
        self._run += 1
        plan = Plan(
            self._stand.conninfo("homevitals_ingest"), self._run + _FIRST_RUN, tuple(measured)
        )
        program = self._stand.program("tests.benchmarks.committing")
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(plan.to_json() + "\n")
        program.stdin.flush()
        assert program.stdout.readline().strip() == "ready"
        said, _ = program.communicate("go\n", timeout=_PATIENCE_S)
        if program.returncode:
            raise SystemExit("readings could not be committed")
        return json.loads(said)

    def _latencies_ms(
        self, homes: Sequence[int], committed_at: dict[str, float]
    ) -> dict[str, float]:
        """Wait for the task of each home, and say how long after the commit they were there."""
        wanted = {home: made_up_past.patient_id(home) for home in homes}
        deadline = time.monotonic() + _PATIENCE_S
        seen_at = self._watch.seen_at
        while missing := sum(patient not in seen_at for patient in wanted.values()):
            if time.monotonic() > deadline:
                raise SystemExit(f"{missing} of {len(homes)} readings did not become a task")
            time.sleep(0.05)
        late_ms = sorted(
            (seen_at[patient] - committed_at[str(home)]) * 1000 for home, patient in wanted.items()
        )
        return {
            "p50": round(late_ms[len(late_ms) // 2], 1),
            "p99": round(late_ms[int(len(late_ms) * 0.99)], 1),
            "highest": round(late_ms[-1], 1),
        }

    @contextlib.contextmanager
    def _evaluators(self, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Run evaluators as the product does; they are there when they listen."""
        environment = os.environ | {
            "HOMEVITALS_ALERTS_DATABASE": self._stand.conninfo("homevitals_alerts")
        }
        with (self._stand.folder / "evaluators.log").open("ab") as log:
            running = [
                subprocess.Popen(
                    [sys.executable, "-m", "deploy.cli", "evaluate"],
                    cwd=ROOT,
                    env=environment,
                    stdout=log,
                    stderr=log,
                )
                for _ in range(count)
            ]
            try:
                while self._stand.query(_EVALUATORS) < count:
                    if any(one.poll() is not None for one in running):
                        raise SystemExit("an evaluator ended by itself")
                    time.sleep(0.05)
                yield running
            finally:
                for one in running:
                    one.terminate()
                for one in running:
                    one.wait(60)

    def _until(self, looking: psycopg.Connection[Any], is_so: Callable[[int], bool]) -> int:
        """Wait for how many readings are still due, and return how many are."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            found = looking.execute(_DUE).fetchone()
            assert found is not None
            if is_so(found[0]):
                return int(found[0])
            if time.monotonic() > deadline:
                raise SystemExit(f"{found[0]} readings are still waiting")
            time.sleep(0.02)


def _ratios(found: dict[str, Any]) -> dict[str, float]:
    """Return what the rule sets cost beside single limits, and what a second evaluator brings."""

    def rate(name: str) -> float:
        return float(found[name]["draining"]["readings_per_s"])

    def cpu_us(name: str) -> float:
        return float(sum(found[name]["draining"]["cpu_us_per_reading"].values()))

    one, two = "1 evaluator", "2 evaluators"
    ours, single = _OURS.name, _SINGLE.name
    return {
        f"readings a second, {ours} / {single}": rate(f"{ours}, {one}") / rate(f"{single}, {one}"),
        f"CPU of a reading, {ours} / {single}": cpu_us(f"{ours}, {one}")
        / cpu_us(f"{single}, {one}"),
        f"readings a second, two evaluators / one, {ours}": rate(f"{ours}, {two}")
        / rate(f"{ours}, {one}"),
    }
