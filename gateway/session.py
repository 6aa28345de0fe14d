"""One conversation with one peripheral, led by its device profile's script.

The first thing that happens to a notification is a durable commit to the outbox, in the callback itself. On the
bumble backend the peripheral's confirmation leaves only after that, so "delivered" on the cuff means "on our disk".
BlueZ confirms by itself before any application runs: there the window between its confirmation and our commit is the
length of one D-Bus message.

A proprietary protocol is led by `conversing`: it keeps each record before it goes on, and so before it confirms one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, assert_never

import bleak
from bleak import exc
from bleak.backends.characteristic import BleakGATTCharacteristic

from firmware_profiles import conversation, protocols, session_steps, uuids, wire
from firmware_profiles.device_profile import DeviceProfile, PairingMode
from gateway import (
    clock_quality,
    conversing,
    errors,
    identification,
    link_failure,
    peripheral_battery,
    peripheral_clock,
    record_access,
)
from gateway.adapter import Adapter
from gateway.errors import SessionReason
from gateway.keeper import Keeper
from gateway.record import CapturedRecord
from gateway.sighting import Sighting

log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S: Final = 20.0
# An ATT transaction that takes longer is dead. Source: Bluetooth Core Specification 5.4, Vol 3 Part F, 3.3.3.
_ATT_TIMEOUT_S: Final = 30.0
LINKS: Final = {
    PairingMode.NONE: wire.Link.UNAUTHENTICATED,
    PairingMode.JUST_WORKS: wire.Link.ENCRYPTED,
    PairingMode.PASSKEY: wire.Link.AUTHENTICATED,
}
# Under this name it is remembered that a peripheral has taken its one-time setup, and of which profile.
_SET_UP: Final = "set_up"


class Session:
    """A conversation, from connecting to hanging up. Made for one use.

    Args:
        adapter: The open radio.
        sighting: Whom to talk to, and how.
        keeper: Where records go.
        time_zone: IANA name of the zone in which the home's clocks run.
        now: The gateway's clock, aware UTC.
    """

    def __init__(
        self,
        adapter: Adapter,
        sighting: Sighting,
        keeper: Keeper,
        time_zone: str,
        now: Callable[[], datetime],
    ) -> None:
        self._adapter = adapter
        self._sighting = sighting
        self._address = sighting.address
        self._profile = sighting.profile
        self._keeper = keeper
        self._zone = zoneinfo.ZoneInfo(time_zone)
        self._now = now
        self._clock_offset_s: float | None = None
        self.battery_percent: int | None = None  # None: not told
        self._record_count = 0
        self._storage_failure: errors.OutboxError | None = None
        # Something happened: a record or a signal came, the link went, the disk refused.
        self._stirred = asyncio.Event()
        self._is_hung_up = False
        self._signals: set[str] = set()
        self._listener = conversing.Listener()
        self._procedure = record_access.Procedure()
        self._client: bleak.BleakClient = adapter.client(
            sighting.device,
            self._on_disconnected,
            pair=self._profile.pairing.mode is not PairingMode.NONE,
            timeout_s=_CONNECT_TIMEOUT_S,
        )

    @property
    def profile(self) -> DeviceProfile:
        """What leads the conversation: first what the advertisement said, then what the peripheral has shown."""
        return self._profile

    async def run(self) -> int:
        """Hold the whole conversation and return how many records were stored.

        Raises:
            SessionError: it ended early; what was stored until then is safe.
        """
        with self._failing_as(SessionReason.UNREACHABLE):
            await self._client.connect()
        try:
            self._adapter.require_proof(self._sighting)
            await self._identify()
            await self._follow_script()
        finally:
            with contextlib.suppress(*link_failure.CAUSES):
                async with asyncio.timeout(_ATT_TIMEOUT_S):
                    await self._client.disconnect()
        self._raise_storage_failure()
        return self._record_count

    async def _identify(self) -> None:
        """Let the profile that fits the connected peripheral best lead from here on, unless a person has chosen one."""
        if self._sighting.is_pinned:
            return
        with self._failing_as(SessionReason.LINK_LOST):
            confirmed = await identification.confirmed(
                self._client, self._sighting.seen, _ATT_TIMEOUT_S
            )
        if confirmed is None:
            raise errors.SessionError(
                SessionReason.MISSING_CHARACTERISTIC,
                "no device profile fits the services that the peripheral shows",
            )
        if confirmed.profile_id != self._profile.profile_id:
            self._profile = confirmed
            log.info("profile_confirmed", extra=self._who())

    async def _follow_script(self) -> None:
        setup = () if self._is_set_up() else self._profile.setup
        script = (*setup, *self._profile.script)
        preparation = list(
            itertools.takewhile(lambda step: isinstance(step, session_steps.PREPARATION), script)
        )
        try:
            async with asyncio.timeout(self._profile.script_budget_s):
                for step in preparation:
                    await self._take(step)
        except TimeoutError as error:
            raise errors.SessionError(
                SessionReason.TOO_SLOW,
                "the peripheral's own time limit passed before it was ready; it will be asked again",
            ) from error
        for step in script[len(preparation) :]:
            await self._take(step)
        if setup:
            with self._failing_as(SessionReason.STORAGE):
                self._keeper.remember(self._address, _SET_UP, self._setup_mark())

    def _is_set_up(self) -> bool:
        return self._keeper.recall(self._address).get(_SET_UP) == self._setup_mark()

    def _setup_mark(self) -> bytes:
        return self._profile.profile_id.encode()

    async def _take(self, step: session_steps.Step) -> None:  # noqa: C901  # one case for each step there is
        with self._failing_as(SessionReason.LINK_LOST):
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
                case session_steps.Converse(protocol=protocol):
                    await self._converse(protocol)
                case session_steps.AwaitDisconnect(idle_timeout_s=idle_timeout_s):
                    await self._await_disconnect(idle_timeout_s)
                case session_steps.Disconnect():
                    await self._client.disconnect()
                case _:
                    assert_never(step)

    async def _read_clock(self) -> None:
        clock = self._profile.clock
        if clock is None or not self._has_clock():
            return
        device_time = await peripheral_clock.read(self._client, clock, _ATT_TIMEOUT_S)
        if device_time is None:
            log.warning("peripheral_clock_unreadable", extra=self._who())
            return
        self._note_clock(device_time)

    async def _write_clock(self) -> None:
        clock = self._profile.clock
        if clock is None or not self._has_clock():
            return
        home_time = self._home_time().local
        if not await peripheral_clock.write(self._client, clock, home_time, _ATT_TIMEOUT_S):
            log.info("clock_written_in_part", extra=self._who())

    def _has_clock(self) -> bool:
        clock = self._profile.clock
        if clock is None or peripheral_clock.is_there(self._client, clock):
            return True
        log.warning("peripheral_clock_missing", extra=self._who())
        return False

    async def _read_battery(self) -> None:
        self.battery_percent = await peripheral_battery.read(self._client, _ATT_TIMEOUT_S)

    async def _subscribe(self, characteristic: str) -> None:
        callback: Callable[[BleakGATTCharacteristic, bytearray], None]
        if characteristic == uuids.RECORD_ACCESS_CONTROL_POINT:
            callback = self._on_procedure_answer
        elif characteristic in self._profile.measurement_characteristics:
            callback = self._on_record
        else:
            callback = self._on_signal
        async with asyncio.timeout(_ATT_TIMEOUT_S):
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
            async with asyncio.timeout(_ATT_TIMEOUT_S):
                await self._client.write_gatt_char(uuid, content, response=step.response)
        except (exc.BleakGATTProtocolError, exc.BleakCharacteristicNotFoundError):
            if not step.optional:
                raise
            log.warning("setting_refused", extra=self._who())

    async def _report_records(self, step: session_steps.ReportRecords) -> None:
        meter = self._address, self._profile.profile_id
        try:
            await self._procedure.report(
                self._client, step, record_access.Known.of(self._keeper, *meter)
            )
        except record_access.ProcedureError as error:
            self._raise_storage_failure()
            raise errors.SessionError(SessionReason.REFUSED, str(error)) from error
        finally:
            for record in self._procedure.rest():
                self._keep(*record)
            reached = self._procedure.reached()
            if reached is not None and self._storage_failure is None:
                reached.note(self._keeper, *meter)

    async def _converse(self, protocol: str) -> None:
        memory = self._keeper.recall(self._address)
        situation = conversation.Situation(
            address=self._address,
            name=self._sighting.seen.name,
            characteristics=frozenset(
                uuids.short_uuid(one.uuid) for one in self._client.services.characteristics.values()
            ),
            watermark=self._keeper.watermark(self._address, self._profile.profile_id),
            memory=memory,
            is_first=not self._is_set_up(),
        )
        leader = conversing.Leader(
            self._client, self._listener, self._home_time, self._take_note, _ATT_TIMEOUT_S
        )
        try:
            await leader.lead(protocols.of(protocol).conversation(situation))
        except conversation.ConversationError as error:
            raise errors.SessionError(SessionReason.REFUSED, str(error)) from error

    def _take_note(self, note: conversing.Note) -> None:
        match note:
            case conversation.Keep(characteristic, raw):
                self._keep(characteristic, raw)
            case conversation.NoteClock(device_time):
                self._note_clock(device_time)
            case conversation.NoteReached(number):
                self._keeper.set_watermark(self._address, self._profile.profile_id, number)
            case conversation.NoteBattery(percent):
                self.battery_percent = percent
            case conversation.Remember(name, content):
                self._keeper.remember(self._address, name, content)
            case _:
                assert_never(note)

    async def _await_disconnect(self, idle_timeout_s: float) -> None:
        while not self._is_hung_up and self._storage_failure is None:
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
        is_paired = bool(self._profile.knobs.ketone_meal_code)
        for record in self._procedure.wholes(characteristic, raw, is_paired=is_paired):
            self._keep(*record)
        self._procedure.note_record(characteristic, raw)
        self._stirred.set()

    def _keep(self, characteristic: str, raw: bytes) -> None:
        received_at = self._now()
        try:
            self._keeper.append(
                CapturedRecord(
                    peripheral=self._address,
                    profile_id=self._profile.profile_id,
                    profile_version=self._profile.version,
                    characteristic=characteristic,
                    raw=raw,
                    received_at=received_at,
                    gateway_clock=clock_quality.judge(received_at),
                    device_clock_offset_s=self._clock_offset_s,
                    time_zone=self._zone.key,
                    link=LINKS[self._profile.pairing.mode],
                )
            )
        except errors.OutboxError as error:
            self._storage_failure = error
            self._procedure.stop()
            self._stirred.set()
            raise
        self._record_count += 1

    def _on_signal(self, source: BleakGATTCharacteristic, _content: bytearray) -> None:
        self._signals.add(uuids.short_uuid(source.uuid))
        self._stirred.set()

    def _on_procedure_answer(self, _source: BleakGATTCharacteristic, content: bytearray) -> None:
        self._procedure.note_answer(bytes(content))

    def _on_disconnected(self) -> None:
        self._is_hung_up = True
        self._procedure.stop()
        self._listener.stop()
        self._stirred.set()

    def _note_clock(self, device_time: datetime) -> None:
        self._clock_offset_s = (self._home_time().local - device_time).total_seconds()

    def _home_time(self) -> conversation.HomeTime:
        return conversing.home_time(self._now(), self._zone)

    def _who(self) -> dict[str, object]:
        return {
            "peripheral_id": self._sighting.short_name,
            "profile_id": self._profile.profile_id,
        }

    def _raise_storage_failure(self) -> None:
        if self._storage_failure is not None:
            raise errors.SessionError(
                SessionReason.STORAGE, str(self._storage_failure)
            ) from self._storage_failure

    @contextlib.contextmanager
    def _failing_as(self, reason: SessionReason) -> Iterator[None]:
        """Turn failures of the link into session errors; a failure of the disk explains any other.

        Args:
            reason: What a link means that just fails, without saying why.
        """
        try:
            yield
        except link_failure.CAUSES as error:
            self._raise_storage_failure()
            raise link_failure.session_error(error, reason) from error
        except errors.OutboxError as error:
            raise errors.SessionError(SessionReason.STORAGE, str(error)) from error
