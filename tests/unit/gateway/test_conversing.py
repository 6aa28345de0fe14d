"""A proprietary conversation on a scripted link: what it is told, what it leaves, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest

from firmware_profiles import conversation, models, protocols
from firmware_profiles.conversation import Conversation, Notification, Situation
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.matching import Match
from firmware_profiles.session_steps import Converse, Disconnect
from gateway import conversing, errors
from gateway.errors import SessionReason
from tests.gateway_sessions import ADDRESS, Shelf

ASK, TELL = "0000fff2-1111-0000-0000-000000000000", "0000fff1-1111-0000-0000-000000000000"
CUFF = models.by_id("standard-cuff", 1)


def chatter(situation: Situation) -> Conversation:
    yield conversation.Listen(TELL)
    home = yield from conversation.home_time()
    yield conversation.NoteClock(home.local.replace(hour=0))
    yield conversation.Write(ASK, b"\x01")
    while True:
        heard = yield from conversation.next_notification(timeout_s=0.05)
        if heard is None:
            break
        assert isinstance(heard, Notification)
        if heard.content == b"no":
            raise conversation.ConversationError("the cuff refuses; pair it again")
        yield conversation.Keep(heard.characteristic, heard.content)
        yield conversation.Write(ASK, b"\x22")  # "thank you": only after it is kept
        yield conversation.NoteReached(heard.content[0])
    yield conversation.Remember("key", situation.memory.get("key", b"") + b"k")
    yield conversation.NoteBattery(66)


def draw_a_key(_: Situation) -> Conversation:
    yield conversation.Listen(TELL)
    key = yield from conversation.draw(16)
    yield conversation.StopListening(TELL)
    yield conversation.Write(ASK, key, response=None)
    yield conversation.Remember("key", key)


@pytest.fixture
def talkative() -> Iterator[DeviceProfile]:
    module = SimpleNamespace(RECORDS=(TELL,), conversation=chatter, decode=None)
    with mock.patch.dict(protocols._MODULES, {"chatter": module}):
        yield replace(
            CUFF,
            profile_id="talkative",
            match=(Match(services=("7809",)),),
            clock=None,
            script=(Converse(protocol="chatter"), Disconnect()),
        )


def telling(*contents: bytes) -> Callable[[Any, bytes], None]:
    def act(client: Any, written: bytes) -> None:
        if written == b"\x01":
            for content in contents:
                client.send(TELL, content)

    return act


def visit(
    hold: Any, script: Any, profile: DeviceProfile, shelf: Shelf, *contents: bytes
) -> tuple[int, Any]:
    cuff = script((ASK, TELL), on_write={ASK: telling(*contents)})
    models.add([profile])
    try:
        return hold(cuff, profile, shelf), cuff
    finally:
        models.add(())


def test_conversation_leaves_records_clock_reach_memory_and_battery(
    hold: Any, script: Any, talkative: DeviceProfile
) -> None:
    shelf = Shelf()
    count, _ = visit(hold, script, talkative, shelf, b"\x05", b"\x06")
    assert count == 2
    assert [(record.characteristic, record.raw) for record in shelf.records] == [
        (TELL, b"\x05"),
        (TELL, b"\x06"),
    ]
    assert {record.device_clock_offset_s for record in shelf.records} == {7 * 3600.0}
    assert shelf.watermarks == {(ADDRESS, "talkative"): 6}
    assert shelf.batteries == [66]
    visit(hold, script, talkative, shelf)
    assert shelf.memories[ADDRESS]["key"] == b"kk"


def test_conversation_draws_another_key_each_time_and_ends_its_subscription(
    hold: Any, script: Any, talkative: DeviceProfile
) -> None:
    keys = set()
    for _ in range(2):
        shelf = Shelf()
        with mock.patch.object(protocols._MODULES["chatter"], "conversation", draw_a_key):
            count, cuff = visit(hold, script, talkative, shelf)
        assert count == 0
        assert [call for call in cuff.calls if call[1] in {ASK, TELL}] == [
            ("subscribe", TELL),
            ("unsubscribe", TELL),
            ("write", ASK),
        ]
        assert shelf.memories[ADDRESS]["key"] == cuff.written[ASK]
        keys.add(cuff.written[ASK])
    assert {len(key) for key in keys} == {16}
    assert len(keys) == 2


def test_peripheral_is_thanked_only_for_what_is_stored(
    hold: Any, script: Any, talkative: DeviceProfile
) -> None:
    shelf = Shelf(room=1)
    with pytest.raises(errors.SessionError) as failed:
        visit(hold, script, talkative, shelf, b"\x05", b"\x06")
    assert failed.value.reason is SessionReason.STORAGE
    assert shelf.watermarks == {(ADDRESS, "talkative"): 5}


def test_refusal_of_the_peripheral_ends_the_session_with_advice(
    hold: Any, script: Any, talkative: DeviceProfile
) -> None:
    shelf = Shelf()
    with pytest.raises(errors.SessionError, match="pair it again") as failed:
        visit(hold, script, talkative, shelf, b"\x05", b"no")
    assert failed.value.reason is SessionReason.REFUSED
    assert len(shelf.records) == 1


def test_what_came_before_the_peripheral_hung_up_is_still_heard() -> None:
    async def listen() -> None:
        listener = conversing.Listener()
        listener.hear(mock.Mock(uuid=TELL), bytearray(b"\x01"))
        listener.stop()
        assert await listener.next(1.0) == Notification(TELL, b"\x01")
        for _ in range(2):
            with pytest.raises(EOFError):
                await listener.next(1.0)

    asyncio.run(listen())


@pytest.mark.parametrize(
    ("at", "local", "summer_time_s"),
    [("2026-07-01T12:00", "2026-07-01T08:00", 3600.0), ("2026-12-01T12:00", "2026-12-01T07:00", 0)],
)
def test_home_time_says_how_much_of_it_is_summer_time(
    at: str, local: str, summer_time_s: float
) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = conversing.home_time(now, ZoneInfo("America/New_York"))
    assert found == conversation.HomeTime(datetime.fromisoformat(local), now, summer_time_s)
