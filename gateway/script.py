"""The steps of a device profile's script, taken on a connected peripheral."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, assert_never

import bleak
from bleak import exc
from bleak.backends.characteristic import BleakGATTCharacteristic

from firmware_profiles import conversation, protocols, session_steps, uuids
from gateway import conversing, errors, peripheral_battery, peripheral_clock, record_access
from gateway.captured_records import CapturedRecords
from gateway.errors import SessionReason
from gateway.keeper import Keeper
from gateway.sighting import Sighting

log = logging.getLogger(__name__)

# An ATT transaction that takes longer is dead. Source: Bluetooth Core Specification 5.4, Vol 3 Part F, 3.3.3.
ATT_TIMEOUT_S: Final = 30.0
# Under this name it is remembered that a peripheral has taken its one-time setup, and of which profile.
_SET_UP: Final = "set_up"


class Script:
    """What has been agreed with the peripheral, and what it has said, in one session.

    Args:
        client: Connects to it; connected when the first step is taken.
        sighting: Whom it is about.
        keeper: What is known of peripherals.
        records: Where records go, and what leads the session.
    """

    def __init__(
        self,
        client: bleak.BleakClient,
        sighting: Sighting,
        keeper: Keeper,
        records: CapturedRecords,
    ) -> None:
        self._client = client
        self._sighting = sighting
        self._keeper = keeper
        self._records = records
        self.battery_percent: int | None = None  # None: not told
        # Something happened: a record or a signal came, the link went, the disk refused.
        self._stirred = asyncio.Event()
        self._is_hung_up = False
        self._signals: set[str] = set()
        self._listener = conversing.Listener()
        self._procedure = record_access.Procedure()

    @property
    def setup(self) -> tuple[session_steps.Step, ...]:
        """The steps that this peripheral takes once, until it has taken them."""
        return () if self._is_set_up() else self._records.profile.setup

    def note_set_up(self) -> None:
        """Remember that the peripheral has taken its one-time setup.

        Raises:
            OutboxError: the disk refuses; it will be set up again.
        """
        self._keeper.remember(self._sighting.address, _SET_UP, self._setup_mark())

    def stop_waiting(self) -> None:
        """Let no step wait any longer: records can no longer be stored."""
        self._procedure.stop()
        self._stirred.set()

    def hang_up(self) -> None:
        """Take note that the link is gone."""
        self._is_hung_up = True
        self._listener.stop()
        self.stop_waiting()

    async def take(self, step: session_steps.Step) -> None:  # noqa: C901  # one case for each step there is
        """Take one step.

        Raises:
            SessionError: the peripheral refused what the step needs.
            OutboxError: a record is not stored.
            BleakError, OSError, EOFError, TimeoutError: the link failed; see `link_failure.CAUSES`.
        """
        match step:
            case session_steps.ReadClock():
                await self._read_clock()
            case session_steps.WriteClock():
                await self._write_clock()
            case session_steps.ReadBattery():
                await self._read_battery()
            case session_steps.Subscribe(characteristic=characteristic):
                await self._subscribe(characteristic)
            case session_steps.AwaitNotification(
                characteristic=characteristic, timeout_s=timeout_s
            ):
                await self._await_signal(characteristic, timeout_s)
            case session_steps.Settle(seconds=seconds):
                await asyncio.sleep(seconds)
            case session_steps.WriteBytes():
                await self._write_bytes(step)
            case session_steps.ReportRecords():
                await self._report_records(step)
            case session_steps.Converse():
                await self._converse(step)
            case session_steps.AwaitDisconnect(idle_timeout_s=idle_timeout_s):
                await self._await_disconnect(idle_timeout_s)
            case session_steps.Disconnect():
                await self._client.disconnect()
            case _:
                assert_never(step)

    async def _read_clock(self) -> None:
        clock = self._records.profile.clock
        if clock is None or not self._has_clock():
            return
        device_time = await peripheral_clock.read(self._client, clock, ATT_TIMEOUT_S)
        if device_time is None:
            log.warning("peripheral_clock_unreadable", extra=self._who())
            return
        self._records.note_clock(device_time)

    async def _write_clock(self) -> None:
        clock = self._records.profile.clock
        if clock is None or not self._has_clock():
            return
        home_time = self._records.home_time().local
        if not await peripheral_clock.write(self._client, clock, home_time, ATT_TIMEOUT_S):
            log.info("clock_written_in_part", extra=self._who())

    def _has_clock(self) -> bool:
        clock = self._records.profile.clock
        if clock is None or peripheral_clock.is_there(self._client, clock):
            return True
        log.warning("peripheral_clock_missing", extra=self._who())
        return False

    async def _read_battery(self) -> None:
        self.battery_percent = await peripheral_battery.read(self._client, ATT_TIMEOUT_S)

    async def _subscribe(self, characteristic: str) -> None:
        callback: Callable[[BleakGATTCharacteristic, bytearray], None]
        if characteristic == uuids.RECORD_ACCESS_CONTROL_POINT:
            callback = self._on_procedure_answer
        elif characteristic in self._records.profile.measurement_characteristics:
            callback = self._on_record
        else:
            callback = self._on_signal
        async with asyncio.timeout(ATT_TIMEOUT_S):
            await self._client.start_notify(uuids.full_uuid(characteristic), callback)

    async def _await_signal(self, characteristic: str, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while characteristic not in self._signals and not self._is_hung_up:
                    self._stirred.clear()
                    await self._stirred.wait()

    async def _write_bytes(self, step: session_steps.WriteBytes) -> None:
        uuid, content = uuids.full_uuid(step.characteristic), bytes.fromhex(step.content)
        try:
            async with asyncio.timeout(ATT_TIMEOUT_S):
                await self._client.write_gatt_char(uuid, content, response=step.response)
        except (exc.BleakGATTProtocolError, exc.BleakCharacteristicNotFoundError):
            if not step.optional:
                raise
            log.warning("setting_refused", extra=self._who())

    async def _report_records(self, step: session_steps.ReportRecords) -> None:
        meter = self._sighting.address, self._records.profile.profile_id
        try:
            await self._procedure.report(
                self._client, step, record_access.Known.of(self._keeper, *meter)
            )
        except record_access.ProcedureError as error:
            self._records.raise_failure()
            raise errors.SessionError(SessionReason.REFUSED, str(error)) from error
        finally:
            for record in self._procedure.rest():
                self._records.keep(*record)
            reached = self._procedure.reached()
            if reached is not None and self._records.failure is None:
                reached.note(self._keeper, *meter)

    async def _converse(self, step: session_steps.Converse) -> None:
        memory = self._keeper.recall(self._sighting.address)
        situation = conversation.Situation(
            address=self._sighting.address,
            name=self._sighting.seen.name,
            characteristics=frozenset(
                uuids.short_uuid(one.uuid) for one in self._client.services.characteristics.values()
            ),
            watermark=self._keeper.watermark(
                self._sighting.address, self._records.profile.profile_id
            ),
            memory=memory,
            is_first=not self._is_set_up(),
        )
        leader = conversing.Leader(
            self._client, self._listener, self._records.home_time, self._take_note, ATT_TIMEOUT_S
        )
        try:
            await leader.lead(protocols.of(step.protocol).conversation(situation))
        except conversation.ConversationError as error:
            raise errors.SessionError(SessionReason.REFUSED, str(error)) from error
        except exc.BleakGATTProtocolError:
            if not step.optional:
                raise
            log.warning("setting_refused", extra=self._who())

    def _take_note(self, note: conversing.Note) -> None:
        match note:
            case conversation.Keep(characteristic, raw):
                self._records.keep(characteristic, raw)
            case conversation.NoteClock(device_time):
                self._records.note_clock(device_time)
            case conversation.NoteReached(number):
                self._keeper.set_watermark(
                    self._sighting.address, self._records.profile.profile_id, number
                )
            case conversation.NoteBattery(percent):
                self.battery_percent = percent
            case conversation.Remember(name, content):
                self._keeper.remember(self._sighting.address, name, content)
            case _:
                assert_never(note)

    async def _await_disconnect(self, idle_timeout_s: float) -> None:
        while not self._is_hung_up and self._records.failure is None:
            self._stirred.clear()
            try:
                async with asyncio.timeout(idle_timeout_s):
                    await self._stirred.wait()
            except TimeoutError:
                log.info("peripheral_idle", extra=self._who())
                return

    def _on_record(self, source: BleakGATTCharacteristic, content: bytearray) -> None:
        """Store a notification; nothing may come before the commit, and nothing slow after it.

        Raises:
            OutboxError: it is not stored, hence (where we have a say) not confirmed; the session ends.
        """
        characteristic, raw = uuids.short_uuid(source.uuid), bytes(content)
        is_paired = bool(self._records.profile.knobs.ketone_meal_code)
        for record in self._procedure.wholes(characteristic, raw, is_paired=is_paired):
            self._records.keep(*record)
        self._procedure.note_record(characteristic, raw)
        self._stirred.set()

    def _on_signal(self, source: BleakGATTCharacteristic, _content: bytearray) -> None:
        self._signals.add(uuids.short_uuid(source.uuid))
        self._stirred.set()

    def _on_procedure_answer(self, _source: BleakGATTCharacteristic, content: bytearray) -> None:
        self._procedure.note_answer(bytes(content))

    def _is_set_up(self) -> bool:
        return self._keeper.recall(self._sighting.address).get(_SET_UP) == self._setup_mark()

    def _setup_mark(self) -> bytes:
        return self._records.profile.profile_id.encode()

    def _who(self) -> dict[str, object]:
        return {
            "peripheral_id": self._sighting.short_name,
            "profile_id": self._records.profile.profile_id,
        }
