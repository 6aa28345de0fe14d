"""A note drafted from what was done on a task: readings, contacts, time, disposition; a person confirms it. Pure.

Nothing is stored by it, and nothing in it is made up: what nobody recorded is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ccm_link.billing import words
from ccm_link.minutes.contact import Contact, Method
from ccm_link.minutes.time_entry import TimeEntry, Timer
from ccm_link.work import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What is known of one person's work on a task.

    Attributes:
        readings: how many that breached the rule were shown.
        entries: the person's time on the task that is in the log.
        timer: the person's timer, where it is for this task.
        disposition: what became of the task, in words; "" where it was not chosen yet.
    """

    task: Task
    readings: int
    entries: Sequence[TimeEntry]
    timer: Timer | None
    disposition: str


def note(done: Done, zone: ZoneInfo, now: datetime) -> str:
    """Return the draft of a note, a sentence for each thing that was done.

    Args:
        done: What is known.
        zone: In which times are written, the practice's.
        now: Aware.
    """
    sentences = [_readings(done), *_contacts(done, zone), _time(done, zone, now)]
    if done.disposition:
        sentences.append(f"{done.disposition}.")
    return " ".join(each for each in sentences if each)


def contact(done: Done) -> Contact | None:
    """Return the contact that the person recorded last on this task; None where they recorded none."""
    made = [one.contact for one in done.entries if one.contact.method is not Method.UNKNOWN]
    return made[-1] if made else None


def _readings(done: Done) -> str:
    if not done.readings:
        return done.task.breach_sentence
    looked = f"Looked at {words.counted(done.readings, 'reading')}"
    return f"{looked}; the newest: {done.task.breach_sentence}"


def _contacts(done: Done, zone: ZoneInfo) -> list[str]:
    return [
        f"{one.started_at.astimezone(zone):%H:%M} {_in_words(one.contact)}: {one.note}"
        for one in done.entries
        if one.contact.method not in {Method.UNKNOWN, Method.CHART_WORK}
    ]


def _in_words(made: Contact) -> str:
    method = made.method.replace("_", " ")
    return f"{method} with {made.counterpart.replace('_', ' ')}, {made.outcome.replace('_', ' ')}"


def _time(done: Done, zone: ZoneInfo, now: datetime) -> str:
    logged_s = sum(one.seconds for one in done.entries)
    open_s = 0 if done.timer is None else done.timer.seconds(now)
    if not logged_s + open_s:
        return ""
    since = done.task.acknowledged_at
    claimed = f" since it was claimed at {since.astimezone(zone):%H:%M}" if since else ""
    return f"Worked on it for {words.duration(logged_s + open_s)}{claimed}."
