"""``worklist``: how long the database takes for each tab of the worklist, with many open tasks.

Practices of two sizes lie in one database, and one after the other a member of staff looks at all tabs, behind all
walls, as the console's role. Of ten open tasks six are of alerts, one is overdue, one has no due time; of a hundred one
waits, two are the looker's, one belongs to a patient who is not active. As many are completed already, and a hundred
patients are restricted. A time is that of statement, answer and a Python object for each of 200 tasks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg

from ccm_link.task import worklist
from ccm_link.task.worklist import Tab, Viewer
from ingest import tenancy
from ingest.tenancy import Scope
from tests.benchmarks import made_up_past
from tests.benchmarks.stand import Stand, cpu_s

SIZES: Final = (10_000, 100_000)
_LOOKS: Final = 200
_COUNTS: Final = "counts of all tabs"
_TASKS_PER_PATIENT: Final = 5

# Past all triggers and references, which are not what is measured here.
_FILL: Final = """
create temporary table made on commit drop as
select n, gen_random_uuid() as task_id, n <= %(open)s as is_open, n %% 10 < 6 as is_alert,
       case when n %% 10 < 6 then gen_random_uuid() end as episode_id,
       ('30000000-0000-4000-8000-' || lpad(to_hex(%(first)s + n %% %(patients)s), 12, '0'))::uuid as patient_id,
       case when n %% 10 = 0 then 'urgent' when n %% 3 = 0 then 'clinical' when n %% 3 = 1 then 'outreach'
            else 'technical' end as severity,
       %(now)s::timestamptz - random() * interval '10 days' as opened_at
from generate_series(1, 2 * %(open)s) n;

insert into alerts.episode (practice_id, episode_id, patient_id, rule_id, rule_version, family, severity, opened_at,
                            breached_at, closed_at, snoozed_at, snoozed_until)
select %(practice)s, episode_id, patient_id, gen_random_uuid(), 1, 'f' || n, severity, opened_at, opened_at,
       case when not is_open then opened_at end, case when n %% 100 = 1 then opened_at end,
       case when n %% 100 = 1 then %(now)s::timestamptz + interval '1 hour' end
from made where is_alert;
insert into alerts.episode_event (practice_id, episode_id, at, event, reading_id, measured_at, note)
select %(practice)s, episode_id, opened_at, 'opened', gen_random_uuid(), opened_at,
       'Systolic pressure was 184 mmHg.'
from made where is_alert;
insert into ccm.task (practice_id, task_id, patient_id, episode_id, origin, title, why, severity, status,
                      owner_staff_id, opened_at, due_at, overdue_at, snoozed_at, snoozed_until, completed_at,
                      disposition, disposition_note)
select %(practice)s, task_id, patient_id, episode_id, case when is_alert then 'alert' else 'by_hand' end,
       'Raised systolic pressure', '', severity, case when is_open then 'open' else 'completed' end,
       case when n %% 50 = 7 then %(viewer)s::uuid when not is_open or n %% 5 = 0 then %(other)s::uuid end,
       opened_at,
       case when is_alert or n %% 10 <> 7 then %(now)s::timestamptz + (random() - 0.1) * interval '5 days' end,
       case when n %% 10 = 8 then %(now)s::timestamptz end,
       case when n %% 100 = 9 and not is_alert then opened_at end,
       case when n %% 100 = 9 and not is_alert then %(now)s::timestamptz + interval '1 hour' end,
       case when not is_open then opened_at end,
       case when not is_open then case when is_alert then 'reached_advised' else 'done' end end,
       case when not is_open then 'Said so.' end
from made;
insert into ccm.task_event (practice_id, task_id, at, event, note) select %(practice)s, task_id, opened_at, 'opened', ''
from made;
"""
_SOME_PATIENTS: Final = """
update ingest.patient set standing = 'inactive', standing_since = %(now)s
where practice_id = %(practice)s and right(record_number, 2) = '07';
insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)
select practice_id, patient_id, %(now)s, 'x', %(other)s from ingest.patient
where practice_id = %(practice)s order by patient_id limit 100;
"""


def run(
    stand: Stand, sizes: tuple[int, ...], tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Fill practices and look at their worklists; return tab → figures of each size, and their growth.

    Returns:
        Milliseconds at the median and at the 99th percentile by size, CPU of the server process in each look, how many
        tasks the tab has, and how much longer the median is with the last size than with the first.
    """
    found: dict[str, dict[str, Any]] = {}
    with psycopg.connect(stand.conninfo(), autocommit=True) as owner:
        for number, size in enumerate(sizes):
            tell(f"filling a practice with {size:,} open tasks")
            viewer = _fill(owner, size, number)
            tell(f"looking at {size:,} open tasks")
            with psycopg.connect(stand.conninfo("homevitals_console")) as console:
                for name, figures in _look(console, viewer).items():
                    found.setdefault(name, {})[f"{size:,}"] = figures
    first, last = (f"{size:,}" for size in (sizes[0], sizes[-1]))
    for figures in found.values():
        figures["growth"] = round(figures[last]["p50_ms"] / figures[first]["p50_ms"], 2)
    return found


def _fill(owner: psycopg.Connection[Any], size: int, number: int) -> Viewer:
    now = datetime.now(UTC)
    practice_id, viewer_id, other_id = uuid4(), uuid4(), uuid4()
    patients = size // _TASKS_PER_PATIENT
    first = (number + 1) * 10_000_000
    made_up_past.add_practice(owner, practice_id, f"size-{size}", [], now)
    made_up_past.add_patients(owner, practice_id, first, patients)
    parameters = {
        "practice": practice_id,
        "viewer": viewer_id,
        "other": other_id,
        "first": first,
        "patients": patients,
        "open": size,
        "now": now,
    }
    with owner.transaction(), psycopg.ClientCursor(owner) as cur:
        cur.execute("set local session_replication_role = replica")
        for staff_id, name in ((viewer_id, "casey"), (other_id, "robin")):
            cur.execute(
                "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)"
                " values (%s, %s, %s, %s, 'care_manager')",
                (practice_id, staff_id, name, name),
            )
        cur.execute(_FILL, parameters)
        cur.execute(_SOME_PATIENTS, parameters)
    owner.execute("vacuum analyze ccm.task, alerts.episode, alerts.episode_event, ingest.patient")
    return Viewer(practice_id, viewer_id, now, ZoneInfo("America/New_York"))


def _look(console: psycopg.Connection[Any], viewer: Viewer) -> dict[str, dict[str, Any]]:
    """Return for each tab, and for the counts, what a look takes."""
    with console.cursor() as cur:
        _enter(cur, viewer.practice_id, viewer.staff_id)
        counts = worklist.counts(cur, viewer)
        server = console.info.backend_pid
        found = {_COUNTS: _timed(server, lambda: worklist.counts(cur, viewer))}
        for tab in Tab:
            took = _timed(server, lambda tab=tab: worklist.tasks_of(cur, viewer, tab))
            found[tab.value] = {"tasks": counts[tab], **took}
    return found


def _enter(cur: psycopg.Cursor[Any], practice_id: UUID, staff_id: UUID) -> None:
    tenancy.enter(cur, Scope((practice_id,), staff_id=staff_id))


def _timed(server: int, look: Callable[[], object]) -> dict[str, float]:
    """Return how long a look takes, and how much CPU of the server process."""
    look()
    took_ms = []
    before_s = cpu_s(server)
    for _ in range(_LOOKS):
        started = time.perf_counter()
        look()
        took_ms.append((time.perf_counter() - started) * 1000)
    spent_s = cpu_s(server) - before_s
    took_ms.sort()
    return {
        "p50_ms": round(took_ms[len(took_ms) // 2], 1),
        "p99_ms": round(took_ms[int(len(took_ms) * 0.99)], 1),
        "server_cpu_ms": round(spent_s * 1000 / _LOOKS, 1),
    }
