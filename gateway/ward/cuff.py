"""Virtual blood-pressure cuffs: one that follows the Bluetooth profile, and the A&D UA-651BLE."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import ClassVar, Final

from bumble import gatt
from bumble.device import Connection

from firmware_profiles import errors as leaf_errors
from firmware_profiles import sfloat, uuids
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
)
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.sfloat import Sfloat
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.series import BloodPressureRow
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

log = logging.getLogger(__name__)

# Body movement, cuff fit, irregular pulse, pulse range, measurement position. Source: GATT Specification Supplement,
# Blood Pressure Feature.
_FEATURES: Final = (0b0001_1111).to_bytes(2, "little")
_FULL_BATTERY_PERCENT: Final = 100


class Cuff(VirtualPeripheral[BloodPressureRow]):
    """What both cuffs do: indicate every unsent record, oldest first, then hang up."""

    service: ClassVar[str] = uuids.BLOOD_PRESSURE_SERVICE

    def _measurement_characteristics(self) -> list[gatt.Characteristic[bytes]]:
        self._subscribed = asyncio.Event()
        self._measurement = building_blocks.characteristic(
            self.device, uuids.BLOOD_PRESSURE_MEASUREMENT, Properties.INDICATE
        )
        self._measurement.on(self._measurement.EVENT_SUBSCRIPTION, self._on_subscription)
        features = building_blocks.constant(self.device, uuids.BLOOD_PRESSURE_FEATURE, _FEATURES)
        return [self._measurement, features]

    async def _deliver(self, connection: Connection) -> None:
        while (record := self.memory.next_unsent()) is not None:
            if not building_blocks.is_subscribed(self.device, connection, self._measurement):
                break
            ((_, content),) = record.frames
            # Returns with the peer's confirmation, raises without it.
            await self.device.gatt_server.indicate_subscriber(
                connection, self._measurement, bytes.fromhex(content)
            )
            self.memory.mark_sent([record.sequence])
        await self.hang_up(connection)

    def _on_subscription(self, _peer: Connection, _notify: bool, indicate: bool) -> None:
        if indicate:
            self._subscribed.set()
        else:
            self._subscribed.clear()

    def _on_disconnection(self, reason: int) -> None:
        self._subscribed.clear()
        super()._on_disconnection(reason)


class StandardCuff(Cuff):
    """A cuff with Blood Pressure Service and Current Time Service.

    It keeps its bonded host's subscription, as the specification demands, and therefore sends its
    records as soon as a later link is encrypted, whether or not the host is already listening.
    """

    def _services(self) -> list[gatt.Service]:
        return [
            gatt.Service(uuids.BLOOD_PRESSURE_SERVICE.upper(), self._measurement_characteristics()),
            building_blocks.current_time_service(
                self.device, show=lambda: self.display_time, adjust=self._adjust
            ),
            building_blocks.device_information(self.device, "Homevitals", "Virtual cuff"),
        ]

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        # Many cuffs send no mean pressure; nor do the readings have one.
        return [_frame(row, stamp.clock_time, sfloat.NAN)]

    async def _converse(self, connection: Connection) -> None:
        if self.memory.contents.is_subscribed:
            building_blocks.restore_subscription(self.device, connection, self._measurement)
            self._subscribed.set()
        await self._subscribed.wait()
        await self._deliver(connection)

    def _on_subscription(self, peer: Connection, notify: bool, indicate: bool) -> None:
        self.memory.set_subscribed(is_subscribed=indicate)
        super()._on_subscription(peer, notify, indicate)

    def _adjust(self, shown: datetime) -> None:
        self.memory.set_clock(self.memory.contents.clock.adjusted(shown, self._now()))


class Ua651Ble(Cuff):
    """The A&D UA-651BLE: clock inside the Blood Pressure Service, and a gate of five seconds.

    Source: the support statement of firmware_profiles.models.and_ua_651ble.
    """

    gate_s: ClassVar[float] = 5.0

    def _services(self) -> list[gatt.Service]:
        self._clock_written = asyncio.Event()
        clock = building_blocks.characteristic(
            self.device, uuids.DATE_TIME, Properties.WRITE, write=self._on_clock_write
        )
        return [
            gatt.Service(
                uuids.BLOOD_PRESSURE_SERVICE.upper(), [*self._measurement_characteristics(), clock]
            ),
            building_blocks.device_information(self.device, "A&D Medical", "UA-651BLE"),
            building_blocks.battery(self.device, _FULL_BATTERY_PERCENT),
        ]

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        # Diastolic plus a third of the pulse pressure: the usual estimate, which such cuffs show.
        mean_mmhg = row.diastolic_mmhg + (row.systolic_mmhg - row.diastolic_mmhg) // 3
        return [_frame(row, stamp.clock_time, Sfloat.of(mean_mmhg))]

    async def _converse(self, connection: Connection) -> None:
        """Deliver if clock and subscription were both written in time; otherwise send nothing and hang up."""
        try:
            async with asyncio.timeout(self.gate_s):
                await self._clock_written.wait()
                await self._subscribed.wait()
        except TimeoutError:
            log.info("gate_closed", extra={"profile_id": self.settings.model})
            await self.hang_up(connection)
            return
        await self._deliver(connection)

    def _on_clock_write(self, _connection: Connection, content: bytes) -> None:
        try:
            shown = DateTime.from_bytes(content).wall_clock()
        except leaf_errors.FrameError:
            return
        if shown is None:
            return  # out of range: silently ignored
        self.memory.set_clock(self.memory.contents.clock.adjusted(shown, self._now()))
        self._clock_written.set()

    def _on_disconnection(self, reason: int) -> None:
        self._clock_written.clear()
        super()._on_disconnection(reason)


def _frame(row: BloodPressureRow, clock_time: datetime, mean_arterial: Sfloat) -> tuple[str, bytes]:
    measurement = BloodPressureMeasurement(
        unit=PressureUnit.MMHG,
        systolic=Sfloat.of(row.systolic_mmhg),
        diastolic=Sfloat.of(row.diastolic_mmhg),
        mean_arterial=mean_arterial,
        time_stamp=DateTime.of(clock_time),
        pulse_rate=Sfloat.of(row.pulse_bpm),
        status=MeasurementStatus(0),
    )
    return uuids.BLOOD_PRESSURE_MEASUREMENT, measurement.to_bytes()
