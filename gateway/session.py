"""One conversation with one peripheral, led by its device profile's script.

The first thing that happens to a notification is a durable commit to the outbox, in the callback itself. On the
bumble backend the peripheral's confirmation leaves only after that, so "delivered" on the cuff means "on our disk".
BlueZ confirms by itself before any application runs. For a peripheral that waits to be asked (the A&D cuff, meters) the
window between its confirmation and our commit is the length of one D-Bus message. A bonded cuff that sends unasked may
be confirmed by BlueZ before we have subscribed: its support statement asks for the bumble backend.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, Protocol, assert_never

import bleak
from bleak import exc
from bleak.backends.characteristic import BleakGATTCharacteristic

from firmware_profiles import device_profile, gatt_time, uuids, wire
from firmware_profiles import errors as leaf_errors
from gateway import clock_quality, errors, link_failure, record_access
from gateway.adapter import Adapter
from gateway.errors import SessionReason
from gateway.record import CapturedRecord
from gateway.sighting import Sighting

log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S: Final = 20.0
# An ATT transaction that takes longer is dead. Source: Bluetooth Core Specification 5.4, Vol 3 Part F, 3.3.3.
_ATT_TIMEOUT_S: Final = 30.0
# A Current Time server took what it could of the time written. Source: Current Time Service 1.1, section 3.1.2.1.
_DATA_FIELD_IGNORED: Final = 0x80
_LINKS: Final = {
    device_profile.Pairing.NONE: wire.Link.UNAUTHENTICATED,
    device_profile.Pairing.JUST_WORKS: wire.Link.ENCRYPTED,
    device_profile.Pairing.PASSKEY: wire.Link.AUTHENTICATED,
}


class Keeper(Protocol):
    """Where a conversation leaves what it hears: the outbox."""

    def append(self, record: CapturedRecord) -> int:
        """Store a record durably and return its number."""
        ...

    def watermark(self, peripheral: str, profile_id: str) -> int | None:
        """Return the last sequence number that a meter has fully reported, or None."""
        ...

    def set_watermark(self, peripheral: str, profile_id: str, last_sequence: int) -> None:
        """Note how far a meter has reported."""
        ...


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
        self._address = sighting.address
        self._short_name = sighting.short_name
        self._profile = sighting.profile
        self._keeper = keeper
        self._zone = zoneinfo.ZoneInfo(time_zone)
        self._now = now
        self._clock_offset_s: float | None = None
        self._record_count = 0
        self._storage_failure: errors.OutboxError | None = None
        # Something happened: a record came, the link went, the disk refused.
        self._stirred = asyncio.Event()
        self._is_hung_up = False
        self._procedure = record_access.Procedure()
        self._client: bleak.BleakClient = adapter.client(
            sighting.device,
            self._on_disconnected,
            pair=self._profile.pairing is not device_profile.Pairing.NONE,
            timeout_s=_CONNECT_TIMEOUT_S,
        )

    async def run(self) -> int:
        """Hold the whole conversation and return how many records were stored.

        Raises:
            SessionError: it ended early; what was stored until then is safe.
        """
        with self._failing_as(SessionReason.UNREACHABLE):
            await self._client.connect()
        try:
            await self._follow_script()
        finally:
            with contextlib.suppress(*link_failure.CAUSES):
                async with asyncio.timeout(_ATT_TIMEOUT_S):
                    await self._client.disconnect()
        self._raise_storage_failure()
        return self._record_count

    async def _follow_script(self) -> None:
        def is_preparation(step: device_profile.Step) -> bool:
            return isinstance(
                step,
                device_profile.ReadClock | device_profile.WriteClock | device_profile.Subscribe,
            )

        script = self._profile.script
        preparation = list(itertools.takewhile(is_preparation, script))
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

    async def _take(self, step: device_profile.Step) -> None:
        with self._failing_as(SessionReason.LINK_LOST):
            match step:
                case device_profile.ReadClock():
                    await self._read_clock()
                case device_profile.WriteClock():
                    await self._write_clock()
                case device_profile.Subscribe(characteristic):
                    await self._subscribe(characteristic)
                case device_profile.ReportRecords():
                    await self._report_records()
                case device_profile.AwaitDisconnect(idle_timeout_s):
                    await self._await_disconnect(idle_timeout_s)
                case device_profile.Disconnect():
                    await self._client.disconnect()
                case _:
                    assert_never(step)

    async def _read_clock(self) -> None:
        clock = self._clock()
        if clock is None:
            return
        async with asyncio.timeout(_ATT_TIMEOUT_S):
            raw = bytes(await self._client.read_gatt_char(clock))
        home_time = self._home_time()
        try:
            device_time = _clock_format(clock).from_bytes(raw).wall_clock()
        except leaf_errors.FrameError:
            device_time = None
        if device_time is None:
            log.warning("peripheral_clock_unreadable", extra=self._who())
            return
        self._clock_offset_s = (home_time - device_time).total_seconds()

    async def _write_clock(self) -> None:
        clock = self._clock()
        if clock is None:
            return
        try:
            async with asyncio.timeout(_ATT_TIMEOUT_S):
                content = _clock_format(clock).of(self._home_time()).to_bytes()
                await self._client.write_gatt_char(clock, content, response=True)
        except exc.BleakGATTProtocolError as error:
            if error.code != _DATA_FIELD_IGNORED:
                raise
            log.info("clock_written_in_part", extra=self._who())

    def _clock(self) -> BleakGATTCharacteristic | None:
        """Find the clock; a peripheral without one still has records to give."""
        if self._profile.clock is None:
            return None
        found = self._client.services.get_characteristic(
            uuids.full_uuid(self._profile.clock.characteristic)
        )
        if found is None:
            log.warning("peripheral_clock_missing", extra=self._who())
        return found

    async def _subscribe(self, characteristic: str) -> None:
        callback = (
            self._on_procedure_answer
            if characteristic == uuids.RECORD_ACCESS_CONTROL_POINT
            else self._on_record
        )
        async with asyncio.timeout(_ATT_TIMEOUT_S):
            await self._client.start_notify(uuids.full_uuid(characteristic), callback)

    async def _report_records(self) -> None:
        profile_id = self._profile.profile_id
        known = self._keeper.watermark(self._address, profile_id)
        try:
            await self._procedure.report(self._client, known)
        except record_access.ProcedureError as error:
            self._raise_storage_failure()
            raise errors.SessionError(SessionReason.REFUSED, str(error)) from error
        finally:
            reached = self._procedure.watermark()
            if reached is not None and self._storage_failure is None:
                self._keeper.set_watermark(self._address, profile_id, reached)

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
        received_at = self._now()
        raw = bytes(content)
        characteristic = uuids.short_uuid(source.uuid)
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
                    link=_LINKS[self._profile.pairing],
                )
            )
        except errors.OutboxError as error:
            self._storage_failure = error
            self._procedure.stop()
            self._stirred.set()
            raise
        self._record_count += 1
        self._procedure.note_record(characteristic, raw)
        self._stirred.set()

    def _on_procedure_answer(self, _source: BleakGATTCharacteristic, content: bytearray) -> None:
        self._procedure.note_answer(bytes(content))

    def _on_disconnected(self) -> None:
        self._is_hung_up = True
        self._procedure.stop()
        self._stirred.set()

    def _home_time(self) -> datetime:
        return self._now().astimezone(self._zone).replace(tzinfo=None)

    def _who(self) -> dict[str, object]:
        return {"peripheral_id": self._short_name, "profile_id": self._profile.profile_id}

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


def _clock_format(
    clock: BleakGATTCharacteristic,
) -> type[gatt_time.CurrentTime | gatt_time.DateTime]:
    is_current_time = uuids.short_uuid(clock.uuid) == uuids.CURRENT_TIME
    return gatt_time.CurrentTime if is_current_time else gatt_time.DateTime
