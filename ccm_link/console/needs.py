"""What needs the signed-in person now: the line in the head of every page of theirs, and what open pages are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from alerts.measures import Severity
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import calling_words
from ccm_link.task import called_tasks
from ingest.people import SignedIn

Cursor = psycopg.Cursor[Any]

# More than these are not counted: the worklist has them all.
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Needs:
    """What needs a person, without a word about any patient.

    Attributes:
        count: How many tasks.
        urgent: How many of them are urgent.
        sentence: In words; "" where there are none.
        address: Where to go: the task, or the worklist where there are several.
    """

    count: int
    urgent: int
    sentence: str
    address: str


def of(cur: Cursor, who: SignedIn, now: datetime) -> Needs | None:
    """Return what needs a person; None for whom nobody is ever called.

    Args:
        cur: In the scope of that person.
        who: Who.
        now: Aware UTC.
    """
    if who.staff_id is None or not permissions.may(who, Resource.CALL, Action.VIEW):
        return None
    found = called_tasks.that_need(cur, who.practice_id, who.staff_id, now, _MOST)
    return Needs(
        count=len(found),
        urgent=sum(one.severity is Severity.URGENT for one in found),
        sentence=calling_words.needs(found),
        address=f"/tasks/{found[0].task_id}" if len(found) == 1 else "/worklist",
    )
