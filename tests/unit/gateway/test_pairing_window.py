"""The pairing window: for one address, for a while, one at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from firmware_profiles import models
from gateway import errors
from gateway.pairing_window import PairingDesk, Stage
from tests.pairing import Person

CUFF = "C4:65:1B:00:00:01"


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_window_is_open_for_its_address_and_until_its_time_has_passed() -> None:
    clock = Clock()
    desk = PairingDesk(clock)
    assert desk.window_for(CUFF) is None
    with desk.open(CUFF, 120.0, Person()) as window:
        assert desk.window_for(CUFF) is window
        assert desk.window_for("C4:65:1B:00:00:02") is None
        assert desk.window_for(None) is None
        assert desk.remaining_s() == 120.0
        clock.now_s += 119.9
        assert desk.window_for(CUFF) is window
        clock.now_s += 0.1
        assert desk.window_for(CUFF) is None
    assert desk.remaining_s() == 0.0


def test_window_is_closed_when_its_block_ends_by_an_error() -> None:
    desk = PairingDesk(Clock())
    with pytest.raises(ZeroDivisionError), desk.open(CUFF, 120.0, Person()):
        raise ZeroDivisionError
    assert desk.window_for(CUFF) is None


def test_second_window_is_refused_while_one_is_open() -> None:
    desk = PairingDesk(Clock())
    with (
        desk.open(CUFF, 120.0, Person()),
        pytest.raises(errors.ControlError, match="already"),
        desk.open("C4:65:1B:00:00:02", 120.0, Person()),
    ):
        raise AssertionError("two windows")


def test_person_hears_the_model_and_how_it_ended() -> None:
    async def work() -> None:
        person = Person()
        with PairingDesk(Clock()).open(CUFF, 120.0, person) as window:
            profile = models.known().newest["standard-cuff"]
            assert window.mode is None
            await window.note_found(profile, "Cuff 12", is_new=True)
            assert window.mode is profile.pairing.mode
            await window.note_failed("not yet")
            window.end(profile.title, "two records")
            end = await window.wait(1.0, 0.0)
            assert end is not None
        assert [news.stage for news in person.news] == [Stage.FOUND, Stage.FAILED]
        assert person.news[0].title == "Cuff 12"
        assert (end.stage, end.title, end.words) == (Stage.PAIRED, profile.title, "two records")

    asyncio.run(work())


def test_attempt_that_is_under_way_may_end_after_the_time_of_the_window() -> None:
    async def work() -> None:
        with PairingDesk(Clock()).open(CUFF, 120.0, Person()) as window:
            assert await window.wait(0.01, 5.0) is None  # nobody has come
            profile = models.known().newest["standard-cuff"]
            await window.note_found(profile, is_new=True)
            asyncio.get_running_loop().call_later(0.05, window.end, profile.title, "")
            end = await window.wait(0.01, 5.0)
            assert end is not None
            assert end.stage is Stage.PAIRED

    asyncio.run(work())


def test_attempt_that_does_not_end_is_given_up() -> None:
    async def work() -> None:
        with PairingDesk(Clock()).open(CUFF, 120.0, Person()) as window:
            await window.note_found(models.known().newest["standard-cuff"], is_new=True)
            assert await window.wait(0.01, 0.05) is None

    asyncio.run(work())
