"""Ketone that a meter keeps among its glucose: the figure that looks like mg/dL, divided by ten, is mmol/L.

Source: tidepool-org/uploader, bluetoothLEDriver.js (CareSens and ReliOn meters of i-SENS): the factor, and that more
than 8.0 mmol/L means HI. There is no LO: the strips begin at 0.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.glucose import ConcentrationUnit, GlucoseMeasurement
from firmware_profiles.readings import KetoneReading, Result

# 1 kg/L reads as 100 000 mg/dL on such a meter; a tenth of that figure is the ketone's.
_MMOL_L_PER_KG_L: Final = 10_000
_HIGHEST_MMOL_L: Final = Decimal("8.0")


def reading(measurement: GlucoseMeasurement) -> KetoneReading:
    """Say what a measurement means whose context marks a ketone strip, in mmol/L.

    Raises:
        FrameError: `impossible_value` for a negative amount, for a unit of which nobody knows how the meter turns
            ketone into it, or for a result that is said to be too high and too low.
    """
    result, ketone_mmol_l = measurement.result(), None
    if result is Result.MEASURED and measurement.sample is not None:
        ketone_mmol_l = _ketone_mmol_l(measurement)
        if ketone_mmol_l > _HIGHEST_MMOL_L:
            result, ketone_mmol_l = Result.ABOVE_RANGE, None
    return KetoneReading(
        sequence_number=measurement.sequence_number,
        base_time=measurement.base_time.wall_clock(),
        device_time=measurement.device_time(),
        result=result,
        ketone_mmol_l=None if ketone_mmol_l is None else float(ketone_mmol_l),
        qualifiers=measurement.qualifiers(),
        context_follows=measurement.context_follows,
    )


def _ketone_mmol_l(measurement: GlucoseMeasurement) -> Decimal:
    exact = None if measurement.sample is None else measurement.sample.concentration.decimal()
    if exact is None or exact < 0 or measurement.unit is not ConcentrationUnit.KG_PER_L:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE, "a ketone's amount is negative, or in mol/L of glucose"
        )
    return exact * _MMOL_L_PER_KG_L
