"""The lines of the audit trail about somebody's time: timers that start and end, entries that come of them."""

from __future__ import annotations

from ccm_link.console import states, trail
from ccm_link.console.desk import Desk
from ccm_link.console.routes.permissions import Resource
from ccm_link.minutes.time_entry import EndedTimer, TimeEntry, Timer


def started(desk: Desk, timer: Timer) -> None:
    """Tell that a timer runs."""
    desk.changed(
        Resource.TIMER, timer.staff_id, after=states.timer(timer), patient_id=timer.patient_id
    )


def turned(desk: Desk, before: Timer, after: Timer) -> None:
    """Tell that a timer waits, or runs again."""
    desk.changed(
        Resource.TIMER,
        after.staff_id,
        before=states.timer(before),
        after=states.timer(after),
        patient_id=after.patient_id,
    )


def ended(desk: Desk, became: EndedTimer) -> None:
    """Tell that a timer ended, and what became of its time."""
    timer = became.timer
    before = dict(states.timer(timer))
    if became.discarded_because:
        before["discarded_because"] = trail.sha256_of(became.discarded_because)
    desk.changed(Resource.TIMER, timer.staff_id, before=before, patient_id=timer.patient_id)
    for entry in became.entries:
        added(desk, entry)


def added(desk: Desk, entry: TimeEntry) -> None:
    """Tell an entry that is new in the time log."""
    desk.changed(
        Resource.TIME_LOG,
        entry.entry_id,
        after=states.time_entry(entry),
        patient_id=entry.patient_id,
    )
