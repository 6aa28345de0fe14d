"""Virtual blood-pressure cuffs with the standard's Blood Pressure Service, and with the habits of many models."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import zoneinfo
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from bumble import gatt
from bumble.core import AdvertisingData
from bumble.device import Connection, Peer
from bumble.pairing import PairingDelegate

from firmware_profiles import errors as leaf_errors
from firmware_profiles import sfloat, uuids
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
)
from firmware_profiles.gatt_time import CurrentTime, DateTime
from firmware_profiles.sfloat import Sfloat
from gateway.ward import and_buffer, cuff_habits
from gateway.ward import gatt as building_blocks
from gateway.ward.cuff_habits import Clock, Mean
from gateway.ward.device_clock import DeviceClock
from gateway.ward.gatt import Properties
from gateway.ward.home import PeripheralSettings
from gateway.ward.memory import StoredRecord
from gateway.ward.series import BloodPressureRow, Series
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

log = logging.getLogger(__name__)

# Body movement, cuff fit, irregular pulse, pulse range, measurement position. Source: GATT Specification Supplement,
# Blood Pressure Feature.
_FEATURES: Final = (0b0001_1111).to_bytes(2, "little")
# What a clock shows after its batteries were changed, on a model that then sends no time stamps.
_UNSET: Final = datetime(2000, 1, 1)  # noqa: DTZ001  # a peripheral's clock has no zone
_UNSET_BEFORE_YEAR: Final = 2010
# A host without the bond of a cuff that knows one host has so long to show it.
_E10_AFTER_S: Final = 1.0
_OMRON: Final = 0x020E
_OMRON_STANDARD_SERVICES: Final = 0b10_0000
_OMRON_PAIRING: Final = 0b00_1000
_OMRON_CLOCK_NOT_SET: Final = 0b00_0100


class Cuff(VirtualPeripheral[BloodPressureRow]):
    """Indicates its records, then hangs up; all else is its model's habit.

    Attributes:
        habits: what its model does; a test may change them before it is switched on.
        display: an error that it shows, such as E10.
    """

    service: ClassVar[str | None] = uuids.BLOOD_PRESSURE_SERVICE
    source: ClassVar[str] = uuids.BLOOD_PRESSURE_MEASUREMENT
    features: ClassVar[tuple[str, bytes]] = (uuids.BLOOD_PRESSURE_FEATURE, _FEATURES)

    def __init__(
        self,
        settings: PeripheralSettings,
        series: Series[BloodPressureRow],
        zone: zoneinfo.ZoneInfo,
        folder: Path,
        now: Callable[[], datetime],
    ) -> None:
        self.habits = cuff_habits.BY_MODEL[settings.model]
        self.display = ""
        super().__init__(settings, series, zone, folder, now)
        self.shows_passkey = self.habits.shows_passkey

    def remove_batteries(self) -> None:
        """Take the batteries out for half a minute, as someone does who has been told to."""
        self.display = ""
        self.memory.set_clock(DeviceClock(_UNSET, self._now(), self.settings.drift_ppm))
        if self.habits.one_host:
            self._spawn(self._forget_host())

    async def _forget_host(self) -> None:
        await self._bonds.delete_all()
        await self._advertise_if_needed()

    def _services(self) -> list[gatt.Service]:
        self._subscribed, self._clock_written = asyncio.Event(), asyncio.Event()
        self._may_set_clock, self._hears = asyncio.Event(), asyncio.Event()
        self._measurement = building_blocks.characteristic(
            self.device, self.source, Properties.INDICATE
        )
        self._measurement.on(self._measurement.EVENT_SUBSCRIPTION, self._on_subscription)
        characteristics = [self._measurement, building_blocks.constant(self.device, *self.features)]
        services = []
        match self.habits.clock:
            case Clock.CURRENT_TIME:
                services.append(self._current_time_service())
            case Clock.DATE_TIME | Clock.READABLE_DATE_TIME:
                characteristics.append(self._date_time())
            case Clock.NONE:
                pass
        services.append(gatt.Service(str(self.service).upper(), characteristics))
        maker = self.habits.maker
        services.append(
            building_blocks.device_information(
                self.device, maker.manufacturer, maker.model, maker.firmware
            )
        )
        if self.habits.battery_percent is not None:
            services.append(building_blocks.battery(self.device, self.habits.battery_percent))
        if self.habits.has_buffer:
            services.append(and_buffer.service(self.device, self.memory))
        return services

    def _current_time_service(self) -> gatt.Service:
        service = building_blocks.current_time_service(
            self.device,
            show=lambda: self.display_time,
            adjust=self._adjust,
            is_told=self.habits.tells_time,
        )
        if self.habits.tells_time:
            (self._current_time,) = service.characteristics
            self._current_time.on(self._current_time.EVENT_SUBSCRIPTION, self._on_time_subscription)
        return service

    def _date_time(self) -> gatt.Characteristic[bytes]:
        is_readable = self.habits.clock is Clock.READABLE_DATE_TIME
        return building_blocks.characteristic(
            self.device,
            uuids.DATE_TIME,
            Properties.WRITE | Properties.READ if is_readable else Properties.WRITE,
            read=(lambda _: DateTime.of(self.display_time).to_bytes()) if is_readable else None,
            write=self._on_date_time,
        )

    async def measure(self) -> StoredRecord:
        """Take the next live measurement now."""
        if self.habits.has_buffer and not self.memory.contents.buffer_size:
            self.memory.forget_unsent()  # it has room for one
        return await super().measure()

    async def fail_to_measure(self) -> StoredRecord:
        """Measure in vain: every number is NaN, and the status says nothing of it."""
        failed = BloodPressureMeasurement(
            unit=PressureUnit.MMHG,
            systolic=sfloat.NAN,
            diastolic=sfloat.NAN,
            mean_arterial=sfloat.NAN,
            time_stamp=DateTime.of(self.display_time),
            pulse_rate=sfloat.NAN,
            status=MeasurementStatus(0),
        )
        record = self.memory.add(self._sent(failed))
        await self._advertise_if_needed()
        return record

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        habits = self.habits
        is_too_fast = 0 < habits.highest_pulse_bpm < row.pulse_bpm
        return self._sent(
            BloodPressureMeasurement(
                unit=PressureUnit.MMHG,
                systolic=Sfloat.of(row.systolic_mmhg),
                diastolic=Sfloat.of(row.diastolic_mmhg),
                mean_arterial=_mean(habits.mean, row),
                time_stamp=DateTime.of(stamp.clock_time) if self._dates(stamp) else None,
                pulse_rate=sfloat.NRES if is_too_fast else Sfloat.of(row.pulse_bpm),
                user_id=habits.users[stamp.sequence % len(habits.users)] if habits.users else None,
                status=MeasurementStatus(0),
            )
        )

    def _dates(self, stamp: Stamp) -> bool:
        """Whether its records carry their time."""
        return not self.habits.dates_after_setting or stamp.clock_time.year >= _UNSET_BEFORE_YEAR

    def _sent(self, measurement: BloodPressureMeasurement) -> Frames:
        source = uuids.BLOOD_PRESSURE_MEASUREMENT
        return [(source, self.habits.knobs.deviating(source, measurement.to_bytes()))]

    async def _converse(self, connection: Connection) -> None:
        """Deliver if everything was written in time; otherwise send nothing and hang up."""
        habits = self.habits
        if habits.keeps_subscription and self.memory.contents.is_subscribed:
            building_blocks.restore_subscription(self.device, connection, self._measurement)
            self._subscribed.set()
        if habits.deaf_s:
            await asyncio.sleep(habits.deaf_s)
        self._hears.set()
        if habits.asks_host:
            await Peer(connection).discover_services()
        if not habits.tells_time:
            self._may_set_clock.set()
        try:
            async with asyncio.timeout(habits.gate_s):
                if habits.gate_s is not None:
                    await self._clock_written.wait()
                await self._subscribed.wait()
        except TimeoutError:
            log.info("gate_closed", extra={"profile_id": self.settings.model})
            await self.hang_up(connection)
            return
        await self._deliver(connection)

    async def _deliver(self, connection: Connection) -> None:
        delivered: set[int] = set()
        while (record := self._next(delivered)) is not None:
            if not building_blocks.is_subscribed(self.device, connection, self._measurement):
                break
            ((_, content),) = record.frames
            # Returns with the peer's confirmation, raises without it.
            await self.device.gatt_server.indicate_subscriber(
                connection, self._measurement, bytes.fromhex(content)
            )
            delivered.add(record.sequence)
            self.memory.mark_sent([record.sequence])
            if self.habits.forgets:
                self.memory.forget_sent()
        await self.hang_up(connection)

    def _next(self, delivered: set[int]) -> StoredRecord | None:
        """Return what is sent next, also what was measured meanwhile."""
        records = self.memory.contents.records
        if self.habits.starts_amid:
            half = len(records) // 2
            records = (*records[half:], *records[:half])
        waiting = (
            one
            for one in records
            if one.sequence not in delivered and (self.habits.sends_all or not one.is_sent)
        )
        return next(waiting, None)

    def _on_subscription(self, _peer: Connection, _notify: bool, indicate: bool) -> None:
        if self.habits.keeps_subscription:
            self.memory.set_subscribed(is_subscribed=indicate)
        if not indicate:
            self._subscribed.clear()
        elif self._hears.is_set():
            self._subscribed.set()

    def _on_time_subscription(self, peer: Connection, notify: bool, _indicate: bool) -> None:
        if notify:
            self._spawn(self._tell_time(peer))

    async def _tell_time(self, peer: Connection) -> None:
        await self.device.gatt_server.notify_subscriber(
            peer, self._current_time, CurrentTime.of(self.display_time).to_bytes()
        )
        self._may_set_clock.set()

    def _on_date_time(self, _connection: Connection, content: bytes) -> None:
        with contextlib.suppress(leaf_errors.FrameError):
            shown = DateTime.from_bytes(content).wall_clock()
            if shown is not None:  # out of range: silently ignored
                self._adjust(shown)

    def _adjust(self, shown: datetime) -> None:
        if not (self._hears.is_set() and self._may_set_clock.is_set()):
            return  # too early: silently ignored
        self.memory.set_clock(self.memory.contents.clock.adjusted(shown, self._now()))
        self._clock_written.set()

    def _on_connection(self, connection: Connection) -> None:
        super()._on_connection(connection)
        if self.habits.one_host:
            self._spawn(self._expect_own_host(connection))

    async def _expect_own_host(self, connection: Connection) -> None:
        if not await self._bonds.get_all():
            return
        await asyncio.sleep(_E10_AFTER_S)
        if self.connection is connection and not connection.is_encrypted:
            await self._show_e10()

    async def _show_e10(self) -> None:
        self.display = "E10"
        if self.connection is not None:
            await self.hang_up(self.connection)

    def _on_disconnection(self, reason: int) -> None:
        for event in (self._subscribed, self._clock_written, self._may_set_clock, self._hears):
            event.clear()
        super()._on_disconnection(reason)

    def _wants_to_talk(self) -> bool:
        return not self.display and super()._wants_to_talk()

    def _delegate(self) -> PairingDelegate:
        delegate = super()._delegate()
        if self.habits.one_host:
            delegate.accept = self._accept_host  # type: ignore[method-assign]  # bumble's own is an answer too
        return delegate

    async def _accept_host(self) -> bool:
        if await self._bonds.get_all():
            self._spawn(self._show_e10())
            return False
        return True

    def _advertised(self) -> list[tuple[AdvertisingData.Type, bytes]]:
        told = super()._advertised()
        company = self._omron_state() if self.habits.omron else self.habits.company
        if company is not None:
            number, content = company
            kind = AdvertisingData.MANUFACTURER_SPECIFIC_DATA
            told.append((kind, number.to_bytes(2, "little") + content))
        return told

    def _omron_state(self) -> tuple[int, bytes]:
        """Return Omron's account: kind, flags, and for each user the last record's number and how many wait."""
        records, users = self.memory.contents.records, self.habits.users
        flags = len(users) - 1 | _OMRON_STANDARD_SERVICES
        if self.memory.contents.clock.shown.year < _UNSET_BEFORE_YEAR:
            flags |= _OMRON_CLOCK_NOT_SET
        if not self._is_bonded:
            flags |= _OMRON_PAIRING
        told = bytes([1, flags])
        for place in range(len(users)):
            own = [one for one in records if one.sequence % len(users) == place]
            waiting = sum(not one.is_sent for one in own)
            told += (own[-1].sequence if own else 0).to_bytes(2, "little") + bytes(
                [min(waiting, 255)]
            )
        return _OMRON, told

    def _shown_name(self) -> str:
        if self.habits.omron and not self._is_bonded:
            return self.settings.name.replace("BLESmart", "BLEsmart")
        return self.settings.name


def _mean(mean: Mean, row: BloodPressureRow) -> Sfloat:
    match mean:
        case Mean.ESTIMATED:
            # Diastolic plus a third of the pulse pressure.
            return Sfloat.of(row.diastolic_mmhg + (row.systolic_mmhg - row.diastolic_mmhg) // 3)
        case Mean.ZERO:
            return Sfloat.of(0)
        case Mean.NONE:
            return sfloat.NAN
