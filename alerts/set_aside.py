"""Episodes of patients who are not active: kept open and set aside, so that nobody is called, and taken up again.

They are not closed: nobody has looked at what they are about. Whoever has their tasks finishes them
(``no_longer_in_care``), or finds them where they were when the patient is active again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from alerts import store
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "set_aside")


def set_aside(cur: Cursor, practice_id: UUID, patient_id: UUID, note: str, at: datetime) -> int:
    """Set a patient's open episodes aside and end what the clock missed of the patient; return how many.

    1. Take turns with the evaluators: what one of them is opening now is set aside as well.
    2. Mark the episodes, each with a line of its history.
    3. End the runs of rules that the clock asks.

    Args:
        cur: In the transaction that changes the patient's standing, which stands so already.
        practice_id: Whose.
        patient_id: Whose.
        note: Why, in words of ours; no free text.
        at: Now, aware UTC.
    """
    store.lock_patients(cur, [patient_id])
    told = {"practice_id": practice_id, "patient_id": patient_id, "note": note, "at": at}
    count = len(cur.execute(_Q.set_aside, told).fetchall())
    cur.execute(_Q.end_runs, told)
    return count


def take_up(cur: Cursor, practice_id: UUID, patient_id: UUID, note: str, at: datetime) -> int:
    """Let what was set aside need somebody again, from now on; return how many. Arguments as in :func:`set_aside`."""
    store.lock_patients(cur, [patient_id])
    told = {"practice_id": practice_id, "patient_id": patient_id, "note": note, "at": at}
    return len(cur.execute(_Q.take_up, told).fetchall())
