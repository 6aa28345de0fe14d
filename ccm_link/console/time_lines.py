"""The lines of the audit trail about somebody's time: timers that start and end, entries that come of them."""

from __future__ import annotations

from ccm_link.console import states, trail
from ccm_link.console.desk import Desk
from ccm_link.console.permissions import Resource
from ccm_link.work import DiscardedTimer, TimeEntry, Timer


def started(desk: Desk, timer: Timer) -> None:
    """Tell that a timer runs."""
    desk.changed(
        Resource.TIMER, timer.staff_id, after=states.timer(timer), patient_id=timer.patient_id
    )


def ended(desk: Desk, became: TimeEntry | DiscardedTimer) -> None:
    """Tell that a timer ended, and what became of its time. An entry has its timer's task, activity and beginning."""
    timer = became.timer if isinstance(became, DiscardedTimer) else became
    before = dict(states.timer(timer))
    if isinstance(became, DiscardedTimer):
        before["discarded_because"] = trail.sha256_of(became.reason)
    desk.changed(Resource.TIMER, timer.staff_id, before=before, patient_id=timer.patient_id)
    if isinstance(became, TimeEntry):
        added(desk, became)


def added(desk: Desk, entry: TimeEntry) -> None:
    """Tell an entry that is new in the time log."""
    desk.changed(
        Resource.TIME_LOG,
        entry.entry_id,
        after=states.time_entry(entry),
        patient_id=entry.patient_id,
    )
