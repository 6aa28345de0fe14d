"""The last trouble of uplink and radios, kept with its instant until something else takes its place."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from firmware_profiles.wire_health import AdapterHealth, AdapterState, Trouble, UplinkHealth
from gateway.radio_journal import RadioJournal
from gateway.uplink_journal import UplinkJournal, word


def test_uplink_tells_since_when_it_stands_and_what_was_wrong_last(at: datetime) -> None:
    journal = UplinkJournal()
    assert journal.report() == UplinkHealth(None, None, None)
    journal.failed("tls", at)
    later = at + timedelta(minutes=1)
    journal.connected(later)
    journal.refused("Quota exceeded", later)
    failure, refusal = Trouble("tls", at), Trouble("quota_exceeded", later)
    assert journal.report() == UplinkHealth(later, refusal, failure)
    journal.left()
    assert journal.report() == UplinkHealth(None, refusal, failure)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Not authorized", "not_authorized"),
        ("Session taken over", "session_taken_over"),
        ("", "unknown"),
        ("…", "unknown"),
        ("x" * 100, "x" * 64),
    ],
)
def test_reason_codes_become_single_words(text: str, expected: str) -> None:
    assert word(text) == expected


def test_radio_keeps_since_when_it_is_as_it_is(at: datetime) -> None:
    now = at
    journal = RadioJournal(lambda: now)
    journal.failed("hci0", "absent")
    now = at + timedelta(minutes=1)
    journal.failed("hci0", "silent")
    silent = Trouble("silent", now)
    assert journal.report() == (AdapterHealth("hci0", AdapterState.DOWN, at, silent),)
    assert journal.up_count == 0
    now = at + timedelta(minutes=2)
    journal.opened("hci0")
    journal.opened("hci1")
    assert journal.report() == (
        AdapterHealth("hci0", AdapterState.UP, now, silent),
        AdapterHealth("hci1", AdapterState.UP, now, None),
    )
    assert journal.up_count == 2
