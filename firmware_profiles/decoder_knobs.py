"""In what a model's standard frames differ from the standard, and how they become standard frames again.

The table ``[decode]`` of a profile's file. A knob says what the device does. Its frames are put into the standard's
layout first and then decoded like all others; the record that is stored keeps the bytes as they were sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from firmware_profiles import uuids
from firmware_profiles.readings import Decoded, GlucoseReading, Result
from firmware_profiles.settings import setting

# Places in a Blood Pressure Measurement and a Glucose Measurement. Source: GATT Specification Supplement.
_TIME_STAMP_FLAG: Final = 0b0000_0010
_PULSE_FLAG: Final = 0b0000_0100
_USER_FLAG: Final = 0b0000_1000
_STATUS_FLAG: Final = 0b0001_0000
_MEAN_ARTERIAL: Final = slice(5, 7)
_AFTER_PRESSURES: Final = 7
_DATE_TIME_SIZE: Final = 7
_NAN: Final = b"\xff\x07"
_BASE_TIME_MONTH: Final = 5


@dataclass(frozen=True, slots=True)
class DecoderKnobs:
    """Deviations of one model. What is not turned follows the standard."""

    pulse_is_big_endian: bool = setting(False, help="the pulse's two bytes are swapped")
    status_is_big_endian: bool = setting(False, help="the status' two bytes are swapped")
    user_id_always: bool = setting(
        False, help="the user number is there whether or not its flag is set"
    )
    no_mean_arterial: bool = setting(
        False, help="the mean arterial pressure is never one, whatever number stands there"
    )
    month_thirteen: bool = setting(
        False, help="month 13 in a base time is January of the same year"
    )
    ketone_meal_code: int = setting(
        0, minimum=0, maximum=255, help="meal code that marks a ketone strip; 0: none does"
    )
    high_above_mg_dl: float = setting(
        0.0, unit="mg/dL", minimum=0, help="a number above it means HI; 0: the meter says HI itself"
    )
    low_below_mg_dl: float = setting(
        0.0, unit="mg/dL", minimum=0, help="a number below it means LO; 0: the meter says LO itself"
    )
    impossible_from_year: int = setting(
        0, minimum=0, maximum=9999, help="records dated in or after it are bogus; 0: none"
    )

    def standard(self, characteristic: str, raw: bytes) -> bytes:
        """Return a frame in the standard's layout; one too short for its flags stays so, for the decoder to refuse."""
        match characteristic:
            case uuids.BLOOD_PRESSURE_MEASUREMENT:
                return self._blood_pressure(bytearray(raw))
            case uuids.GLUCOSE_MEASUREMENT if (
                self.month_thirteen and raw[_BASE_TIME_MONTH:][:1] == b"\x0d"
            ):
                return raw[:_BASE_TIME_MONTH] + b"\x01" + raw[_BASE_TIME_MONTH + 1 :]
            case _:
                return raw

    def meaning(self, decoded: Decoded) -> Decoded:
        """Return what a reading means on a device that shows HI and LO as numbers."""
        if not isinstance(decoded, GlucoseReading) or decoded.glucose_mg_dl is None:
            return decoded
        if self.high_above_mg_dl and decoded.glucose_mg_dl > self.high_above_mg_dl:
            return replace(decoded, result=Result.ABOVE_RANGE, glucose_mg_dl=None)
        if decoded.glucose_mg_dl < self.low_below_mg_dl:
            return replace(decoded, result=Result.BELOW_RANGE, glucose_mg_dl=None)
        return decoded

    def _blood_pressure(self, frame: bytearray) -> bytes:
        if len(frame) < _AFTER_PRESSURES:
            return bytes(frame)
        flags = frame[0]
        pulse_at = _AFTER_PRESSURES + (_DATE_TIME_SIZE if flags & _TIME_STAMP_FLAG else 0)
        user_at = pulse_at + (2 if flags & _PULSE_FLAG else 0)
        has_user = self.user_id_always or bool(flags & _USER_FLAG)
        status_at = user_at + (1 if has_user else 0)
        if self.no_mean_arterial:
            frame[_MEAN_ARTERIAL] = _NAN
        if self.pulse_is_big_endian and flags & _PULSE_FLAG:
            frame[pulse_at : pulse_at + 2] = frame[pulse_at : pulse_at + 2][::-1]
        if self.status_is_big_endian and flags & _STATUS_FLAG:
            frame[status_at : status_at + 2] = frame[status_at : status_at + 2][::-1]
        if has_user:
            frame[0] |= _USER_FLAG
        return bytes(frame)


STANDARD: Final = DecoderKnobs()
