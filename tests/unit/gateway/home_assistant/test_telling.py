"""Offering a record costs nothing, whatever becomes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import errors
from gateway.following import plan_of
from gateway.home_assistant import telling
from gateway.home_assistant.discovery import GatewayState
from gateway.home_assistant.telling import MOST_WAITING, Telling
from gateway.record import CapturedRecord
from gateway.settings import GatewaySettings

Captured = Callable[[int], CapturedRecord]
NOTHING = GatewayState(is_connected=True, waiting_count=0, peripherals=())


def told(**changes: Any) -> Telling:
    fields: dict[str, Any] = {
        "time_zone": "UTC",
        "home_assistant_host": "localhost",
        "home_assistant_readings": True,
    }
    settings = GatewaySettings(**fields | changes)
    plan = plan_of(settings, None)
    return Telling(settings, "gw-ab12cd34", lambda: plan, lambda: NOTHING)


def test_the_oldest_offers_are_dropped_and_counted(
    captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    telling_of = told()
    for number in range(MOST_WAITING + 3):
        telling_of.offer(captured(number))
    assert telling_of.dropped_count == 3
    assert telling_of._offered[0] == captured(3)
    with caplog.at_level(logging.WARNING):
        telling_of._say_dropped()
    assert [(r.msg, r.count) for r in caplog.records] == [  # type: ignore[attr-defined]
        ("home_assistant_readings_dropped", 3)
    ]
    assert telling_of.dropped_count == 0


def test_nothing_is_kept_where_the_household_wants_no_readings(captured: Captured) -> None:
    telling_of = told(home_assistant_readings=False)
    telling_of.offer(captured(1))
    assert not telling_of._offered


@pytest.mark.parametrize(
    "failure", [errors.UplinkError(errors.UplinkReason.REFUSED), RuntimeError("a defect")]
)
def test_whatever_fails_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)
        if len(slept) == 5:
            raise asyncio.CancelledError

    def broken(*_: object) -> None:
        raise failure

    monkeypatch.setattr(telling, "HouseholdBroker", broken)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(told().run())
    assert len(slept) == 5
    assert max(slept) > min(slept)
    assert [r.msg for r in caplog.records if r.msg == "home_assistant_down"] == (
        ["home_assistant_down"] * 5
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("home_assistant_readings = true", "expected home_assistant_host"),
        (
            'home_assistant_host = "ha.lan"\nhome_assistant_readings = true',
            "over TLS only",
        ),
        ('home_assistant_password_file = "/x"', "expected home_assistant_user"),
    ],
)
def test_settings_that_would_tell_too_much_are_refused(lines: str, words: str) -> None:
    from gateway import settings

    with pytest.raises(errors.ConfigurationError, match=words):
        settings.load(f'[gateway]\ntime_zone = "UTC"\n{lines}\n', {})


@pytest.mark.parametrize(
    "lines",
    [
        'home_assistant_host = "127.0.0.1"\nhome_assistant_readings = true',
        'home_assistant_host = "ha.lan"\nhome_assistant_ca_file = "/ca"\nhome_assistant_readings = true',
        'home_assistant_host = "ha.lan"',
    ],
)
def test_settings_that_keep_readings_safe_are_taken(lines: str) -> None:
    from gateway import settings

    loaded = settings.load(f'[gateway]\ntime_zone = "UTC"\n{lines}\n', {}).settings
    assert loaded.home_assistant_host
    assert loaded.state_folder != Path()
