from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts import lifecycle
from alerts.measures import Severity

TEN = datetime(2026, 3, 10, 10, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return TEN + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("snoozed", "now", "latest"),
    [
        pytest.param((None, None), at(5), at(35), id="first"),
        pytest.param((at(0), at(20)), at(15), at(30), id="prolonged: from its beginning"),
        pytest.param((at(0), at(20)), at(20), at(50), id="over: anew"),
    ],
)
def test_an_urgent_episode_waits_half_an_hour_at_most(
    snoozed: tuple[datetime | None, datetime | None], now: datetime, latest: datetime
) -> None:
    assert lifecycle.latest_snooze(Severity.URGENT, *snoozed, now) == latest


def test_every_severity_has_its_limit_and_the_severer_waits_no_longer() -> None:
    limits = [lifecycle.SNOOZE_LIMITS[severity] for severity in Severity]
    assert limits == sorted(limits)
