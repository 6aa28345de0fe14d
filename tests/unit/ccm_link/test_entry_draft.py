from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from ccm_link.minutes import contact, entry_draft
from ccm_link.minutes.contact import Contact, Counterpart, Method, Outcome
from ccm_link.minutes.entry_draft import Done

NOW = datetime(2026, 11, 12, 16, 0, tzinfo=UTC)  # 11:00 in New York
ZONE = ZoneInfo("America/New_York")
CALL = Contact(Method.PHONE, Counterpart.PATIENT, Outcome.VOICEMAIL)


def done(**changes: Any) -> Done:
    task: Any = SimpleNamespace(
        breach_sentence="Systolic pressure was 186 mmHg.",
        acknowledged_at=NOW - timedelta(minutes=20),
    )
    known: dict[str, Any] = {
        "task": task,
        "readings": 2,
        "entries": [],
        "timer": None,
        "disposition": "",
    }
    return Done(**known | changes)


def entry(made: Contact, seconds: int, note: str) -> Any:
    return SimpleNamespace(
        contact=made, seconds=seconds, note=note, started_at=NOW - timedelta(minutes=15)
    )


def timer(seconds: int) -> Any:
    return SimpleNamespace(seconds=lambda _now: seconds)


def test_the_draft_says_what_was_done_and_nothing_else() -> None:
    found = done(
        entries=[entry(CALL, 60, "Left a message."), entry(contact.CHART_WORK, 5, "Chart.")],
        timer=timer(310),
        disposition="Not reached",
    )
    assert entry_draft.note(found, ZONE, NOW) == (
        "Looked at 2 readings; the newest: Systolic pressure was 186 mmHg."
        " 10:45 phone with patient, voicemail: Left a message."
        " Worked on it for 6 min 15 s since it was claimed at 10:40. Not reached."
    )


def test_what_nobody_recorded_is_not_in_it() -> None:
    nothing = done(readings=0)
    assert entry_draft.note(nothing, ZONE, NOW) == "Systolic pressure was 186 mmHg."
    assert entry_draft.contact(nothing) is None
    assert entry_draft.contact(done(entries=[entry(contact.UNKNOWN, 60, "n")])) is None
    assert entry_draft.contact(done(entries=[entry(CALL, 60, "n")])) == CALL
