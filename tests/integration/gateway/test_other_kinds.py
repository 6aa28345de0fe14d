"""Whole sessions with a scale, an oximeter and a thermometer by the book, over a real host stack on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from bumble import gatt
from bumble.device import Connection

from firmware_profiles import decode, models, uuids
from firmware_profiles.body_temperature import TemperatureMeasurement
from firmware_profiles.body_weight import WeightMeasurement
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.medfloat32 import Medfloat32
from firmware_profiles.pulse_oximetry import SaturationAndPulse, SpotCheck
from firmware_profiles.readings import Kind
from firmware_profiles.sfloat import Sfloat
from gateway.ward import gatt as building_blocks
from gateway.ward import home
from gateway.ward.gatt import Properties
from gateway.ward.process import Ward
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral
from tests.integration.gateway.test_ward_and_gateway import Place

pytestmark = pytest.mark.ble


@dataclass(frozen=True)
class Nature:
    """What a peripheral is: its service, where it indicates, what it sends for a time."""

    service: str
    characteristic: str

    def frame(self, at: datetime, number: int) -> bytes:
        time_stamp = DateTime.of(at)
        match self.characteristic:
            case uuids.WEIGHT_MEASUREMENT:
                return WeightMeasurement(15600 + number, time_stamp=time_stamp).to_bytes()
            case uuids.PLX_SPOT_CHECK_MEASUREMENT:
                measured = SaturationAndPulse(Sfloat.of(90 + number), Sfloat.of(70))
                return SpotCheck(measured, time_stamp).to_bytes()
            case _:
                temperature = Medfloat32.of(f"36.{number}")
                return TemperatureMeasurement(temperature, time_stamp=time_stamp).to_bytes()


class Backlog:
    """Three measurements of the days before, and none afterwards."""

    def backlog(self, _days: float, home_time: datetime) -> list[tuple[datetime, int]]:
        return [(home_time - timedelta(days=3 - n), n) for n in range(3)]


class Indicator(VirtualPeripheral[Any]):
    """Indicates its records when it is subscribed to, then hangs up."""

    nature: ClassVar[Nature]

    def _services(self) -> list[gatt.Service]:
        self._subscribed = asyncio.Event()
        self._measurement = building_blocks.characteristic(
            self.device, self.nature.characteristic, Properties.INDICATE
        )
        self._measurement.on(
            self._measurement.EVENT_SUBSCRIPTION, lambda *_: self._subscribed.set()
        )
        return [
            gatt.Service(self.nature.service.upper(), [self._measurement]),
            building_blocks.current_time_service(
                self.device, show=lambda: self.display_time, adjust=self._adjust
            ),
        ]

    def _adjust(self, shown: datetime) -> None:
        self.memory.set_clock(self.memory.contents.clock.adjusted(shown, self._now()))

    def _encode(self, row: Any, stamp: Stamp) -> Frames:
        frame = self.nature.frame(stamp.clock_time, row)
        return [(self.nature.characteristic, frame)]

    async def _converse(self, connection: Connection) -> None:
        await self._subscribed.wait()
        while (record := self.memory.next_unsent()) is not None:
            ((_, content),) = record.frames
            await self.device.gatt_server.indicate_subscriber(
                connection, self._measurement, bytes.fromhex(content)
            )
            self.memory.mark_sent([record.sequence])
        await self.hang_up(connection)


class PlaceOfOther(Place):
    """A ward with one such peripheral."""

    nature: Nature

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[Place]:
        plan, now = self.plan(name="Device", **changes), lambda: datetime.now(UTC)
        self.ward = Ward(plan, now)
        (old,) = self.ward.peripherals
        kind = type("Other", (Indicator,), {"service": self.nature.service, "nature": self.nature})
        folder = self.folder / "other"
        self.ward.peripherals = [kind(plan.peripherals[0], Backlog(), old._zone, folder, now)]
        self.port = await self.ward.start()
        try:
            yield self
        finally:
            await self.ward.stop()


@pytest.mark.parametrize(
    ("kind", "nature"),
    [
        (Kind.BODY_WEIGHT, Nature(uuids.WEIGHT_SCALE_SERVICE, uuids.WEIGHT_MEASUREMENT)),
        (
            Kind.PULSE_OXIMETRY,
            Nature(uuids.PULSE_OXIMETER_SERVICE, uuids.PLX_SPOT_CHECK_MEASUREMENT),
        ),
        (
            Kind.BODY_TEMPERATURE,
            Nature(uuids.HEALTH_THERMOMETER_SERVICE, uuids.TEMPERATURE_MEASUREMENT),
        ),
    ],
)
def test_records_come_with_what_the_clock_was_off_and_mean_what_was_measured(
    tmp_path: Path, kind: Kind, nature: Nature
) -> None:
    async def work() -> None:
        here = PlaceOfOther(tmp_path, home.UA_651BLE)
        here.nature = nature
        async with here.open(), here.radio() as adapter:
            assert await here.visit(adapter) == 3
            kept = here.shelf.records
            sent = [record.frames for record in here.peripheral.memory.contents.records]
            assert [((one.characteristic, one.raw.hex()),) for one in kept] == sent
            for one in kept:
                # The clock was 95 seconds fast until the gateway set it.
                assert one.device_clock_offset_s == pytest.approx(-95, abs=2)
                profile = models.by_id(one.profile_id, one.profile_version)
                assert profile.kinds == (kind,)
                decoded = decode.decode_record(profile, one.characteristic, one.raw)
                assert decoded.KIND is kind  # type: ignore[union-attr]
            home_time = datetime.now(UTC).astimezone(here.peripheral._zone).replace(tzinfo=None)
            assert abs(here.peripheral.display_time - home_time) < timedelta(seconds=2)

    asyncio.run(work())
