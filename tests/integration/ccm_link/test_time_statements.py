"""The statements of the time log and what stands around it run under the roles that need them, on both engines."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = uuid4()
CONSOLE = "homevitals_console"
OF_PRACTICE = {"practice_id": ID}
SPAN = {**OF_PRACTICE, "from_at": AT, "until_at": AT + timedelta(days=31)}
MONTH_WORK = {
    **SPAN,
    "patient_ids": [ID],
    "blocks_from_at": AT - timedelta(days=31),
    "block_programs": ["data_review"],
}
VERDICT = {
    **OF_PRACTICE,
    "subject_id": ID,
    "is_approved": True,
    "note": "",
    "decided_by": ID,
    "at": AT,
}
TIMER = {**OF_PRACTICE, "staff_id": ID}
FILES: dict[str, dict[str, dict[str, Any]]] = {
    "ccm_link.minutes/month_work": dict.fromkeys(("worked", "elsewhere", "decisions"), MONTH_WORK),
    "ccm_link.minutes/month_lock": {
        "take_turn": OF_PRACTICE,
        "lock_month": {**SPAN, "month_on": date(2026, 3, 1), "locked_by": ID, "at": AT},
        "locks": OF_PRACTICE,
        "is_locked": SPAN,
        "left_open": SPAN,
    },
    "ccm_link.minutes/time_decisions": {
        "claims": SPAN,
        "in_force": {**OF_PRACTICE, "entry_ids": [ID]},
        "decide": {
            **SPAN,
            "entry_id": ID,
            "rival_id": ID,
            "reason": "r",
            "decided_by": ID,
            "at": AT,
            "supersedes": None,
        },
    },
    "ccm_link.minutes/time_approval": {
        "policy": OF_PRACTICE,
        "set_policy": {**OF_PRACTICE, "at": AT, "by_hand_needs_approval": True, "set_by": ID},
        "waiting": {**OF_PRACTICE, "limit": 10},
        "decide_entry": VERDICT,
        "decide_amendment": VERDICT,
        "is_decided": VERDICT,
    },
    "ccm_link.minutes/time_amendments": {
        "counted": {**OF_PRACTICE, "entry_id": ID},
        "amend": {
            **OF_PRACTICE,
            "entry_id": ID,
            "is_withdrawn": False,
            "program": "ccm",
            "activity": "phone_call",
            "method": "phone",
            "counterpart": "patient",
            "outcome": "reached",
            "billing_role": "unknown",
            "started_at": AT,
            "ended_at": AT,
            "note": "n",
            "reason": "r",
            "amended_by": ID,
            "at": AT,
        },
        "amendments": {**OF_PRACTICE, "entry_id": None},
        "whose": {**OF_PRACTICE, "amendment_id": ID},
        "does_overlap": {**OF_PRACTICE, "amendment_id": ID},
    },
    "ccm_link.minutes/time_chain": {
        "begin": {},
        "practices": {},
        "links": {**OF_PRACTICE, "after_position": 0},
        "head": OF_PRACTICE,
        "link_at": {**OF_PRACTICE, "position": 1},
        "unlinked": OF_PRACTICE,
        "locked_heads": OF_PRACTICE,
        "told_heads": OF_PRACTICE,
        "told_and_gone": OF_PRACTICE,
        "unguarded": {},
    },
    "ccm_link.minutes/time_store": {
        "insert_timer": {
            **TIMER,
            "patient_id": ID,
            "task_id": None,
            "program": "ccm",
            "activity": "phone_call",
            "started_at": AT,
        },
        "timers": {**TIMER, "patient_id": None},
        "segments": TIMER,
        "close_segment": {**TIMER, "ended_at": AT},
        "pause_timer": {**TIMER, "at": AT, "is_idle": False},
        "resume_timer": {**TIMER, "at": AT},
        "is_sign_due": {**TIMER, "at": AT, "grain": timedelta(seconds=15)},
        "note_sign": {**TIMER, "at": AT},
        "insert_dropped": {**TIMER, "from_at": AT, "until_at": AT, "idle_limit_s": 1},
        "dropped": {**TIMER, "since": AT},
        "delete_timer": {**TIMER, "timer_id": ID},
        "insert_discarded": {
            **TIMER,
            "patient_id": ID,
            "task_id": None,
            "activity": "phone_call",
            "started_at": AT,
            "discarded_at": AT,
            "reason": "r",
            "timer_id": ID,
            "program": None,
            "worked_s": 0,
        },
        "insert_entry": {
            **TIMER,
            "patient_id": ID,
            "task_id": None,
            "program": None,
            "activity": "phone_call",
            "method": "unknown",
            "counterpart": "unknown",
            "outcome": "unknown",
            "started_at": AT,
            "ended_at": AT,
            "note": "n",
            "entered": "timer",
            "reason": "",
            "entered_at": AT,
            "replaces": None,
            "timer_id": None,
            "claims_dropped_id": None,
            "is_late": False,
        },
        "entry": {**OF_PRACTICE, "entry_id": ID},
        "entries_of_month": {**OF_PRACTICE, "month_on": date(2026, 3, 1)},
        "outside_care": {**OF_PRACTICE, "month_on": date(2026, 3, 1)},
        "entries_of_task": {**TIMER, "patient_id": ID, "task_id": ID},
        "clash": {**TIMER, "started_at": AT, "ended_at": AT},
        "void_entry": {**OF_PRACTICE, "entry_id": ID, "at": AT, "voided_by": ID, "reason": "r"},
    },
    "ccm_link.minutes/credentials": {
        "record": {
            **OF_PRACTICE,
            "staff_id": ID,
            "credential": "rn",
            "billing_role": "clinical_staff",
            "npi": None,
            "employer": "own",
            "supervisor_staff_id": None,
            "may_bill": False,
            "exclusion_checked_on": date(2026, 1, 1),
            "from_at": AT,
            "recorded_by": ID,
            "at": AT,
        },
        "end_credential": {
            **OF_PRACTICE,
            "credential_id": ID,
            "until_at": AT,
            "ended_by": ID,
            "reason": "r",
        },
        "of_practice": {**OF_PRACTICE, "staff_id": None},
        "in_force": {**OF_PRACTICE, "staff_id": ID, "at": AT},
    },
}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use_in_its_module(file: str) -> None:
    package, subject = file.split("/")
    text = (resources.files(package) / f"{subject}.py").read_text(encoding="utf-8")

    assert set(named_queries.load(*file.split("/"))) == set(FILES[file])
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(FILES[file])


def test_every_statement_runs_under_the_role_that_uses_it(database: Any) -> None:
    with database.connect(CONSOLE) as connection:
        scopes.work_for(connection, ID)
        for file, statements in FILES.items():
            for name, parameters in statements.items():
                statement = getattr(named_queries.load(*file.split("/")), name)
                if name != "begin":
                    connection.execute("explain " + statement, parameters)


_FILL = """
insert into ccm.time_entry (practice_id, staff_id, staff_role, patient_id, activity, started_at, ended_at, note,
                            entered, entered_at, zone)
select %(practice_id)s, gen_random_uuid(), 'x', gen_random_uuid(), 'phone_call', at, at + interval '1 minute', 'n',
       'timer', at + interval '1 day', 'UTC'
from generate_series(%(at)s - interval '90 days', %(at)s, interval '1 hour') at
"""


def test_the_work_of_many_patients_is_found_by_index(database: Any) -> None:
    with database.connect() as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(_FILL, {"practice_id": ID, "at": AT})
        admin.commit()
        admin.execute("analyze ccm.time_entry")
    with database.connect(CONSOLE) as connection:
        scopes.work_for(connection, ID)
        for name in ("worked", "elsewhere"):
            statement = getattr(named_queries.load("ccm_link.minutes", "month_work"), name)
            plan = str(connection.execute("explain " + statement, MONTH_WORK).fetchall())
            assert "time_entry_by_p" in plan
            assert "Seq Scan on time_entry" not in plan
