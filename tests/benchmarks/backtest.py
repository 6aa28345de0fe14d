"""``backtest``: a year of thousands of patients, asked about by the rules that we ship and by single limits.

First as arrays alone: how many readings a rule is asked about in a second of one core. Then the command itself, as a
process, on a practice that was filled past ingest, by SQL: how long it takes, whose CPU that is, and its memory. The
patients are made up: two blood pressures a day, around means that differ from patient to patient.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg

from alerts import history, rule_set
from alerts.backtest import Backtest, backtest, together
from alerts.courses import DAY_S, Courses
from alerts.measures import Measure
from alerts.verdicts import verdicts
from firmware_profiles.readings import Kind
from tests.benchmarks import history as history_bench
from tests.benchmarks import made_up_past
from tests.benchmarks.stand import ROOT, Stand

ARRAYS: Final = "arrays"
PATIENTS: Final = 10_000
_DAYS: Final = 365
_A_DAY: Final = 2
_PRACTICE: Final = UUID("00000000-0000-4000-8000-00000000beef")
_SLUG: Final = "made-up"


def run_arrays(patients: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Ask about a year of arrays, a share at a time as the command does, and return rates and memory."""
    rules = rule_set.shipped_set("hypertension").rules
    single = rule_set.shipped_set("single-limits").rules
    in_share = history.MOST_READINGS // (_DAYS * _A_DAY)
    first = _made_up(0, min(in_share, patients))
    by_rule = {
        rule.name: _rate(lambda rule=rule: verdicts(rule.signal, replace(first, trends={})), first)
        for rule in rules
    }
    plain_s = sensitivity_s = 0.0
    found: list[Backtest] = []
    for start in range(0, patients, in_share):
        tell(f"patient {start:,} of {patients:,}")
        courses = _made_up(start, min(in_share, patients - start))
        plain_s += _cpu_s(
            lambda courses=courses: backtest(
                rules, Kind.BLOOD_PRESSURE, courses, single, with_sensitivity=False
            )
        )
        before_s = time.process_time()
        courses = replace(courses, trends={})  # what was asked before helps nobody
        found.append(backtest(rules, Kind.BLOOD_PRESSURE, courses, single))
        sensitivity_s += time.process_time() - before_s
    trial = together(found)
    return {
        "patients": patients,
        "readings": trial.readings,
        "million_rule_evaluations_per_core_s": by_rule,
        "cpu_s": round(plain_s, 1),
        "cpu_s_with_moved_limits": round(sensitivity_s, 1),
        "readings_per_core_s": round(trial.readings / plain_s),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def run(stand: Stand, engine: str, patients: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Fill a practice with a year, run the command on it, and return what it took."""
    now = datetime.now(UTC)
    with psycopg.connect(stand.conninfo(), autocommit=True) as owner:
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        made_up_past.add_practice(owner, _PRACTICE, _SLUG, ["single-limits"], today)
        made_up_past.add_patients(owner, _PRACTICE, 1, patients)
        filled_s = made_up_past.fill(owner, _PRACTICE, today - timedelta(days=_DAYS), _DAYS, tell)
        if engine == "timescaledb":
            tell("packing what is old into the columnstore")
            history_bench.pack(owner)
        tell("asking")
        database_before_s = stand.database_cpu_s()
        told, took = _command(stand, now)
        database_s = stand.database_cpu_s() - database_before_s
    (trial,) = told
    return {
        "patients": trial["patients"],
        "readings": trial["readings"],
        "filled_readings_per_s": round(trial["readings"] / filled_s),
        **took,
        "database_cpu_s": round(database_s, 1),
        "readings_per_s": round(trial["readings"] / took["seconds"]),
        "episodes": trial["total"]["episodes"],
        "episodes_of_single_limits": trial["compared"]["total"]["episodes"],
    }


def _made_up(first_patient: int, patients: int) -> Courses:
    draw = np.random.default_rng(first_patient)
    readings = patients * _DAYS * _A_DAY
    patient = np.repeat(np.arange(patients), _DAYS * _A_DAY)
    day = np.tile(np.repeat(np.arange(_DAYS), _A_DAY), patients) + 20_000
    half = np.tile(np.arange(_A_DAY), patients * _DAYS)
    mean = np.repeat(
        [made_up_past.mean_mmhg(first_patient + number) for number in range(patients)],
        _DAYS * _A_DAY,
    )
    systolic = np.round(mean + draw.normal(0, 9, readings))
    at_s = day * DAY_S + half * DAY_S // 2 + 27_000 + draw.integers(0, 3_600, readings)
    return Courses(
        patient=patient,
        at_s=at_s,
        local_day=day,
        numbers={
            Measure.SYSTOLIC_MMHG: systolic,
            Measure.DIASTOLIC_MMHG: np.round(systolic * 0.6 + draw.normal(0, 6, readings)),
            Measure.PULSE_BPM: np.round(draw.normal(72, 9, readings)),
        },
        flags={"irregular_pulse": draw.random(readings) < 0.01},
        until_s=int(at_s.max()) + DAY_S,
    )


def _rate(ask: Callable[[], Any], courses: Courses) -> float:
    """Return million readings that a core asks about in a second."""
    return round(len(courses) / min(_cpu_s(ask) for _ in range(3)) / 1e6, 2)


def _cpu_s(work: Callable[[], Any]) -> float:
    before_s = time.process_time()
    work()
    return time.process_time() - before_s


def _command(stand: Stand, now: datetime) -> tuple[Any, dict[str, Any]]:
    """Run the command as a process of its own."""
    chart, told = stand.folder / "chart.svg", stand.folder / "told.json"
    since = (now - timedelta(days=_DAYS + 1)).date()
    started = time.monotonic()
    with told.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "deploy.cli", "alerts", "backtest", "hypertension"),
                *("--practice", _SLUG, "--since", str(since), "--json", "--chart", str(chart)),
            ],
            cwd=ROOT,
            stdout=output,
            env=os.environ
            | {
                "HOMEVITALS_CCM_LINK_DATABASE": stand.conninfo("homevitals_console"),
                "HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE": stand.conninfo("homevitals_entrance"),
            },
        )
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not chart.stat().st_size:
        raise SystemExit("the command failed")
    return json.loads(told.read_text(encoding="utf-8")), {
        "seconds": round(seconds, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mib": round(used.ru_maxrss / 1024),
    }
