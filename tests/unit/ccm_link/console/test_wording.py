"""How the console says things."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from ccm_link.console.words import gateway_words, wording
from ccm_link.work import Disposition
from ingest.directory import Gateway, Standing

NOW = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 seconds"),
        (0.9, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (3_599, "59 minutes"),
        (7_200, "2 hours"),
        (86_399, "23 hours"),
        (5 * 86_400, "5 days"),
    ],
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert wording.span(seconds) == words


def test_due_times_are_said_from_both_sides() -> None:
    assert wording.due(NOW + timedelta(minutes=14, seconds=59), NOW) == "Due in 14 minutes"
    assert wording.due(NOW - timedelta(hours=2), NOW) == "Overdue by 2 hours"


def test_a_moment_carries_its_zone() -> None:
    assert wording.moment(NOW, NEW_YORK) == "12 Nov 2026, 10:42 EST"
    assert wording.moment(NOW - timedelta(days=30), NEW_YORK) == "13 Oct 2026, 11:42 EDT"
    assert wording.utc(NOW) == "2026-11-12 15:42:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"), [(1_199, "19 min 59 s"), (1_200, "20 min"), (0, "0 min")]
)
def test_minutes_are_never_rounded_up(seconds: int, words: str) -> None:
    assert wording.minutes(seconds) == words


@pytest.mark.parametrize(
    ("today", "years"),
    [(date(2026, 3, 16), 74), (date(2026, 3, 17), 75)],
    ids=["day before", "birthday"],
)
def test_age_is_completed_years(today: date, years: int) -> None:
    assert wording.age(date(1951, 3, 17), today) == years


def test_every_disposition_has_words() -> None:
    assert set(wording.DISPOSITIONS) == set(Disposition)


def test_long_bytes_are_cut_and_counted() -> None:
    assert wording.hexadecimal(b"\x01\xff", 16) == "01 ff"
    assert wording.hexadecimal(bytes(20), 2) == "00 00 … and 18 bytes more"


@pytest.mark.parametrize(
    ("last_seen", "is_online", "standing", "label"),
    [
        pytest.param(timedelta(seconds=40), True, Standing.ACTIVE, "online", id="online"),
        pytest.param(timedelta(hours=49), True, Standing.ACTIVE, "online, but silent", id="silent"),
        pytest.param(timedelta(minutes=1), False, Standing.ACTIVE, "offline", id="last will"),
        pytest.param(None, False, Standing.ACTIVE, "never heard", id="never heard"),
        pytest.param(timedelta(seconds=1), True, Standing.REVOKED, "revoked", id="revoked"),
        pytest.param(None, False, Standing.EXPECTED, "expected", id="expected"),
    ],
)
def test_the_state_of_a_gateway_names_the_next_step(
    last_seen: timedelta | None, is_online: bool, standing: Standing, label: str
) -> None:
    gateway = Gateway(
        gateway_id="gw-home0001",
        practice_id=uuid4(),
        label="home",
        status=standing,
        enrolled_at=NOW,
        last_seen_at=None if last_seen is None else NOW - last_seen,
        is_online=is_online,
    )
    found = gateway_words.state(gateway, NOW)
    assert found.label == label
    assert found.next_step
