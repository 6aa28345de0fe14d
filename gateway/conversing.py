"""Leads the conversation of a proprietary protocol: takes its actions one after the other on a real link."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never
from zoneinfo import ZoneInfo

import bleak
from bleak.backends.characteristic import BleakGATTCharacteristic

from firmware_profiles import conversation, uuids
from firmware_profiles.conversation import Answer, HomeTime, Notification

Note = (
    conversation.Keep
    | conversation.NoteClock
    | conversation.NoteReached
    | conversation.NoteBattery
    | conversation.Remember
)
"""What a conversation leaves behind: nothing that the peripheral hears of."""


class Listener:
    """Notifications of one session that wait for their conversation, in order of arrival."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Notification | None] = asyncio.Queue()
        self._is_over = False

    def hear(self, source: BleakGATTCharacteristic, content: bytearray) -> None:
        """Take a notification."""
        self._waiting.put_nowait(Notification(uuids.short_uuid(source.uuid), bytes(content)))

    def stop(self) -> None:
        """Let nobody wait any longer: the link is gone. What has come is still there."""
        self._is_over = True
        self._waiting.put_nowait(None)

    async def next(self, timeout_s: float) -> Notification | None:
        """Return the next notification, or None after so long.

        Raises:
            EOFError: the link is gone and everything that came has been taken.
        """
        try:
            async with asyncio.timeout(timeout_s):
                found = await self._waiting.get()
        except TimeoutError:
            return None
        if found is None:
            self._waiting.put_nowait(None)
            raise EOFError("the peripheral hung up in the middle of its conversation")
        return found


class Leader:
    """Takes actions on behalf of a conversation.

    Args:
        client: Connected.
        listener: Where notifications arrive.
        home_time: The time in the home.
        take_note: Puts records, and what is worth knowing, where they belong; returns when that is done.
        timeout_s: For each request.
    """

    def __init__(
        self,
        client: bleak.BleakClient,
        listener: Listener,
        home_time: Callable[[], HomeTime],
        take_note: Callable[[Note], None],
        timeout_s: float,
    ) -> None:
        self._client = client
        self._listener = listener
        self._home_time = home_time
        self._take_note = take_note
        self._timeout_s = timeout_s

    async def lead(self, talk: conversation.Conversation) -> None:
        """Hold the conversation to its end.

        Raises:
            ConversationError: the peripheral did not keep to its protocol.
            BleakError, EOFError, TimeoutError: the link failed; see `link_failure.CAUSES`.
            OutboxError: a record is not stored.
        """
        answer: Answer = None
        try:
            while True:
                answer = await self._take(talk.send(answer))
        except StopIteration:
            return
        finally:
            talk.close()

    async def _take(self, action: conversation.Action) -> Answer:
        match action:
            case conversation.Await(timeout_s, may_hang_up):
                try:
                    return await self._listener.next(timeout_s)
                except EOFError:
                    if not may_hang_up:
                        raise
            case conversation.Pause(seconds):
                await asyncio.sleep(seconds)
            case conversation.TellTime():
                return self._home_time()
            case conversation.Draw(size):
                return secrets.token_bytes(size)
            case (
                conversation.Write()
                | conversation.Read()
                | conversation.Listen()
                | conversation.StopListening()
            ):
                async with asyncio.timeout(self._timeout_s):
                    return await self._ask(action)
            case _:
                self._take_note(action)
        return None

    async def _ask(
        self,
        action: conversation.Write
        | conversation.Read
        | conversation.Listen
        | conversation.StopListening,
    ) -> bytes | None:
        uuid = uuids.full_uuid(action.characteristic)
        match action:
            case conversation.Write(content=content, response=response):
                await self._client.write_gatt_char(uuid, content, response=response)
            case conversation.Read():
                return bytes(await self._client.read_gatt_char(uuid))
            case conversation.Listen(keeps_records=keeps_records):
                hear = self._keep_and_hear if keeps_records else self._listener.hear
                await self._client.start_notify(uuid, hear)
            case conversation.StopListening():
                await self._client.stop_notify(uuid)
            case _:
                assert_never(action)
        return None

    def _keep_and_hear(self, source: BleakGATTCharacteristic, content: bytearray) -> None:
        """Take a record: nothing may come before its commit.

        Raises:
            OutboxError: it is not stored, hence (where we have a say) not confirmed.
        """
        self._take_note(conversation.Keep(uuids.short_uuid(source.uuid), bytes(content)))
        self._listener.hear(source, content)


def home_time(now: datetime, zone: ZoneInfo) -> HomeTime:
    """Return the time in a home.

    Args:
        now: aware UTC.
        zone: where the home lies.
    """
    local = now.astimezone(zone)
    summer_time: Final = local.dst() or timedelta(0)
    return HomeTime(local.replace(tzinfo=None), now, summer_time.total_seconds())
