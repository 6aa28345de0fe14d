"""Virtual siblings of A&D's cuffs: a scale and a thermometer with the same gate, clock and host of their own.

No series of home weights or temperatures is at hand, so theirs are made of the cuffs' rows and mean nothing: as many
kilograms as there are millimetres of mercury in the diastolic pressure, and a tenth of a degree above 36 for each beat
above 40.
"""

from __future__ import annotations

from typing import ClassVar, Final

from firmware_profiles import uuids
from firmware_profiles.body_temperature import TemperatureMeasurement
from firmware_profiles.body_weight import WeightMeasurement
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.medfloat32 import Medfloat32
from gateway.ward.cuff import Cuff
from gateway.ward.series import BloodPressureRow
from gateway.ward.virtual_peripheral import Frames, Stamp

# 1 kg is 200 steps of 5 g. Source: GATT Specification Supplement, Weight Measurement.
_STEPS_PER_KG: Final = 200
# Time stamps are supported; a fixed place of measurement is told by none. Source: GATT Specification Supplement, Weight
# Scale Feature and Temperature Type.
_WEIGHT_SCALE_FEATURE: Final = "2a9e"
_TEMPERATURE_TYPE: Final = "2a1d"


class Scale(Cuff):
    """A UC-352BLE."""

    service: ClassVar[str | None] = uuids.WEIGHT_SCALE_SERVICE
    source: ClassVar[str] = uuids.WEIGHT_MEASUREMENT
    features: ClassVar[tuple[str, bytes]] = (_WEIGHT_SCALE_FEATURE, b"\x01\x00\x00\x00")

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        measurement = WeightMeasurement(
            row.diastolic_mmhg * _STEPS_PER_KG,
            time_stamp=DateTime.of(stamp.clock_time) if self._dates(stamp) else None,
        )
        return [(self.source, measurement.to_bytes())]


class Thermometer(Cuff):
    """A UT-201BLE."""

    service: ClassVar[str | None] = uuids.HEALTH_THERMOMETER_SERVICE
    source: ClassVar[str] = uuids.TEMPERATURE_MEASUREMENT
    features: ClassVar[tuple[str, bytes]] = (_TEMPERATURE_TYPE, b"\x01")

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        tenths = 360 + max(0, row.pulse_bpm - 40)
        measurement = TemperatureMeasurement(
            Medfloat32.of(f"{tenths // 10}.{tenths % 10}"),
            time_stamp=DateTime.of(stamp.clock_time) if self._dates(stamp) else None,
        )
        return [(self.source, measurement.to_bytes())]
