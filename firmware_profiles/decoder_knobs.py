"""In what a model's standard frames differ from the standard, and how they become standard frames again.

The table ``[decode]`` of a profile's file. A knob says what the device does. Its frames are put into the standard's
layout first and then decoded like all others; the record that is stored keeps the bytes as they were sent. `deviating`
goes the other way, for the virtual peripherals and the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from firmware_profiles import errors, glucose_pair, ketone, uuids
from firmware_profiles.errors import FrameReason
from firmware_profiles.readings import (
    BloodPressureReading,
    Decoded,
    GlucoseContext,
    GlucoseReading,
    KetoneReading,
    Result,
)
from firmware_profiles.settings import setting
from firmware_profiles.sfloat import NEGATIVE_INFINITY, POSITIVE_INFINITY, Sfloat

# Places in a Blood Pressure Measurement and a Glucose Measurement. Source: GATT Specification Supplement.
_KILOPASCAL_FLAG: Final = 0b0000_0001
_TIME_STAMP_FLAG: Final = 0b0000_0010
_PULSE_FLAG: Final = 0b0000_0100
_USER_FLAG: Final = 0b0000_1000
_STATUS_FLAG: Final = 0b0001_0000
_PRESSURES: Final = slice(1, 7)
_MEAN_ARTERIAL: Final = slice(5, 7)
_AFTER_PRESSURES: Final = 7
_DATE_TIME_SIZE: Final = 7
_UNKNOWN_USER: Final = 255
_NAN: Final = b"\xff\x07"
_OFFSET_FLAG: Final = 0b0000_0001
_CONCENTRATION_FLAG: Final = 0b0000_0010
_MOL_PER_L_FLAG: Final = 0b0000_0100
_SENSOR_STATUS_FLAG: Final = 0b0000_1000
_BASE_TIME_MONTH: Final = 5
_AFTER_BASE_TIME: Final = 10
_JANUARY: Final = 1
_THIRTEEN: Final = 13
MENDED_MONTH: Final = "month_thirteen"
"""Qualifier of a reading whose month was impossible and was read as its model is known to mean it."""
# 1 mg/dL is 10^-5 kg/L.
_MG_DL_EXPONENT: Final = -5
# The first word that an SFLOAT reads as something else than a whole number, its special words apart.
_LEAST_NOT_PLAIN: Final = 0x0800


@dataclass(frozen=True, slots=True)
class DecoderKnobs:
    """Deviations of one model. What is not turned follows the standard."""

    pulse_is_big_endian: bool = setting(False, help="the pulse's two bytes are swapped")
    status_is_big_endian: bool = setting(False, help="the status' two bytes are swapped")
    user_id_always: bool = setting(
        False, help="the user number is there whether or not its flag is set"
    )
    users_from_zero: bool = setting(
        False, help="the first user has the number 0, which becomes 1, and so on"
    )
    no_mean_arterial: bool = setting(
        False, help="the mean arterial pressure is never one, whatever number stands there"
    )
    plain_numbers: bool = setting(
        False, help="pressures and pulse are whole numbers, without an SFLOAT's exponent"
    )
    ignored_flags: int = setting(
        0, minimum=0, maximum=255, help="bits of the flags that are set and mean nothing, as a sum"
    )
    untold_status: int = setting(
        0,
        minimum=0,
        maximum=0xFFFF,
        help="bits of the status of which the device cannot tell anything (2a49, 2a51), as a sum: they are not read",
    )
    unit_flag: int = setting(
        -1, minimum=-1, maximum=1, help="what the unit's flag has to be; -1: as it is sent"
    )
    month_thirteen: bool = setting(
        False, help="month 13 in a base time is January of the same year"
    )
    numbers_are_places: bool = setting(
        False, help="record numbers are places in the memory, which change with every new record"
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

    def decoded(
        self, characteristic: str, raw: bytes, decoder: Callable[[bytes], Decoded]
    ) -> Decoded:
        """Decode what such a device sent.

        Args:
            characteristic: where the bytes came from.
            raw: the bytes as sent.
            decoder: of standard frames.

        Raises:
            FrameError: what is wrong with the bytes, or why nobody can say what they mean.
        """
        if characteristic == uuids.GLUCOSE_MEASUREMENT and self.ketone_meal_code:
            decoded = self._of_pair(raw, decoder)
        else:
            decoded = decoder(self.standard(characteristic, raw))
        match decoded:
            case GlucoseContext():
                return self._without_ketone_meal(decoded)
            case GlucoseReading() | KetoneReading():
                return self._meaning(decoded, raw)
            case BloodPressureReading():
                self._refuse_if_bogus(decoded.device_time)
                return decoded
            case _:
                return decoded

    def standard(self, characteristic: str, raw: bytes) -> bytes:
        """Return a frame in the standard's layout; one too short for its flags stays so, for the decoder to refuse.

        Raises:
            FrameError: `impossible_value` for a number that such a device cannot send.
        """
        match characteristic:
            case uuids.BLOOD_PRESSURE_MEASUREMENT if len(raw) >= _AFTER_PRESSURES:
                return self._standard_pressure(bytearray(raw))
            case uuids.GLUCOSE_MEASUREMENT if len(raw) >= _AFTER_BASE_TIME:
                return self._standard_glucose(bytearray(raw))
            case _:
                return raw

    def deviating(self, characteristic: str, frame: bytes) -> bytes:
        """Return a standard frame as such a device sends it: the inverse of `standard`."""
        match characteristic:
            case uuids.BLOOD_PRESSURE_MEASUREMENT:
                return self._deviating_pressure(bytearray(frame))
            case uuids.GLUCOSE_MEASUREMENT:
                return self._deviating_glucose(bytearray(frame))
            case _:
                return frame

    def _standard_pressure(self, frame: bytearray) -> bytes:
        self._correct_flags(frame, _KILOPASCAL_FLAG)
        if self.user_id_always:
            frame[0] |= _USER_FLAG
        pulse, user, status = _pressure_places(frame[0])
        self._swap(frame, pulse, status)
        self._clear(frame, status)
        if self.plain_numbers:
            _require_plain(bytes(frame[_PRESSURES]) + bytes(frame[pulse]))
        if self.no_mean_arterial:
            frame[_MEAN_ARTERIAL] = _NAN
        if self.users_from_zero and frame[user] and frame[user][0] < _UNKNOWN_USER - 1:
            frame[user] = bytes([frame[user][0] + 1])
        return bytes(frame)

    def _deviating_pressure(self, frame: bytearray) -> bytes:
        pulse, user, status = _pressure_places(frame[0])
        self._swap(frame, pulse, status)
        if self.no_mean_arterial:
            frame[_MEAN_ARTERIAL] = bytes(2)
        if self.users_from_zero and frame[user] and 0 < frame[user][0] < _UNKNOWN_USER:
            frame[user] = bytes([frame[user][0] - 1])
        if self.user_id_always:
            frame[user] = frame[user] or bytes([_UNKNOWN_USER])
            frame[0] &= ~_USER_FLAG
        self._spoil_flags(frame, _KILOPASCAL_FLAG)
        return bytes(frame)

    def _swap(self, frame: bytearray, pulse: slice, status: slice) -> None:
        if self.pulse_is_big_endian:
            frame[pulse] = frame[pulse][::-1]
        if self.status_is_big_endian:
            frame[status] = frame[status][::-1]

    def _standard_glucose(self, frame: bytearray) -> bytes:
        self._correct_flags(frame, _MOL_PER_L_FLAG)
        if self.month_thirteen and frame[_BASE_TIME_MONTH] == _THIRTEEN:
            frame[_BASE_TIME_MONTH] = _JANUARY
        place = _concentration_place(frame[0])
        self._clear(frame, _sensor_status_place(frame[0], place))
        # Bounds are in mg/dL, and no meter is known that shows HI as a number in mol/L.
        if len(frame[place]) == 2 and not frame[0] & _MOL_PER_L_FLAG:
            frame[place] = self._with_infinity(Sfloat.from_bytes(bytes(frame[place]))).to_bytes()
        return bytes(frame)

    def _with_infinity(self, concentration: Sfloat) -> Sfloat:
        exact = concentration.decimal()
        if exact is None:
            return concentration
        figure = exact.scaleb(-_MG_DL_EXPONENT)
        if self.high_above_mg_dl and figure > Decimal(str(self.high_above_mg_dl)):
            return POSITIVE_INFINITY
        if 0 <= figure < Decimal(str(self.low_below_mg_dl)):
            return NEGATIVE_INFINITY
        return concentration

    def _deviating_glucose(self, frame: bytearray) -> bytes:
        if self.month_thirteen and frame[_BASE_TIME_MONTH] == _JANUARY:
            frame[_BASE_TIME_MONTH] = _THIRTEEN
        place = _concentration_place(frame[0])
        concentration = bytes(frame[place])
        if concentration == POSITIVE_INFINITY.to_bytes() and self.high_above_mg_dl:
            frame[place] = _kg_per_l(self.high_above_mg_dl + 1).to_bytes()
        if concentration == NEGATIVE_INFINITY.to_bytes() and self.low_below_mg_dl:
            frame[place] = _kg_per_l(self.low_below_mg_dl - 1).to_bytes()
        self._spoil_flags(frame, _MOL_PER_L_FLAG)
        return bytes(frame)

    def _clear(self, frame: bytearray, status: slice) -> None:
        """Take the bits away that mean nothing. What is left says what is so; nothing is said to be not so."""
        if len(frame[status]) == 2:
            told = int.from_bytes(frame[status], "little") & ~self.untold_status
            frame[status] = told.to_bytes(2, "little")

    def _correct_flags(self, frame: bytearray, unit_flag: int) -> None:
        frame[0] &= ~self.ignored_flags
        if self.unit_flag == 0:
            frame[0] &= ~unit_flag
        elif self.unit_flag == 1:
            frame[0] |= unit_flag

    def _spoil_flags(self, frame: bytearray, unit_flag: int) -> None:
        frame[0] |= self.ignored_flags
        if self.unit_flag >= 0:
            frame[0] ^= unit_flag

    def _of_pair(self, raw: bytes, decoder: Callable[[bytes], Decoded]) -> Decoded:
        """Decode a measurement whose context says what the strip measured: ketone is never read as glucose."""
        first, _ = glucose_pair.parted(raw)
        measurement, context = glucose_pair.from_bytes(raw)
        if context is None or context.meal != self.ketone_meal_code:
            return decoder(self.standard(uuids.GLUCOSE_MEASUREMENT, first))
        if self.month_thirteen and measurement.base_time.month == _THIRTEEN:
            january = replace(measurement.base_time, month=_JANUARY)
            measurement = replace(measurement, base_time=january)
        return ketone.reading(measurement)

    def _without_ketone_meal(self, context: GlucoseContext) -> GlucoseContext:
        """Say that the strip was for ketone where the meter says it in place of a meal."""
        marked = f"reserved_{self.ketone_meal_code}"
        if not self.ketone_meal_code or context.fields.get("meal") != marked:
            return context
        others = {name: value for name, value in context.fields.items() if name != "meal"}
        return replace(context, fields={"strip": "ketone", **others})

    def _meaning(
        self, decoded: GlucoseReading | KetoneReading, raw: bytes
    ) -> GlucoseReading | KetoneReading:
        """Add what only the model explains: the bound behind HI and LO, a mended month, numbers that are none."""
        self._refuse_if_bogus(decoded.base_time)
        if self.numbers_are_places:
            if decoded.base_time is None:
                raise errors.FrameError(
                    FrameReason.IMPOSSIBLE_VALUE,
                    "neither a number nor a time tells the record from others",
                )
            decoded = replace(decoded, sequence_number=None)
        qualifiers = list(decoded.qualifiers)
        if isinstance(decoded, GlucoseReading):
            if decoded.result is Result.ABOVE_RANGE and self.high_above_mg_dl:
                qualifiers.append(f"above_{self.high_above_mg_dl:g}_mg_dl")
            if decoded.result is Result.BELOW_RANGE and self.low_below_mg_dl:
                qualifiers.append(f"below_{self.low_below_mg_dl:g}_mg_dl")
        if self.month_thirteen and raw[_BASE_TIME_MONTH] == _THIRTEEN:
            qualifiers.append(MENDED_MONTH)
        return replace(decoded, qualifiers=tuple(qualifiers))

    def _refuse_if_bogus(self, at: datetime | None) -> None:
        if self.impossible_from_year and at is not None and at.year >= self.impossible_from_year:
            raise errors.FrameError(
                FrameReason.IMPOSSIBLE_VALUE, "the date is one by which this model marks no reading"
            )


def _pressure_places(flags: int) -> tuple[slice, slice, slice]:
    """Return where pulse, user number and status stand; empty slices for those that are not there."""
    pulse_at = _AFTER_PRESSURES + (_DATE_TIME_SIZE if flags & _TIME_STAMP_FLAG else 0)
    user_at = pulse_at + (2 if flags & _PULSE_FLAG else 0)
    status_at = user_at + (1 if flags & _USER_FLAG else 0)
    return (
        slice(pulse_at, user_at),
        slice(user_at, status_at),
        slice(status_at, status_at + (2 if flags & _STATUS_FLAG else 0)),
    )


def _sensor_status_place(flags: int, concentration: slice) -> slice:
    """Return where the status stands, behind the concentration and the byte of its type; an empty slice without one."""
    at = concentration.stop + (1 if flags & _CONCENTRATION_FLAG else 0)
    return slice(at, at + (2 if flags & _SENSOR_STATUS_FLAG else 0))


def _concentration_place(flags: int) -> slice:
    """Return where the concentration stands; an empty slice if there is none."""
    at = _AFTER_BASE_TIME + (2 if flags & _OFFSET_FLAG else 0)
    return slice(at, at + (2 if flags & _CONCENTRATION_FLAG else 0))


def _require_plain(words: bytes) -> None:
    for at in range(0, len(words) - 1, 2):
        if int.from_bytes(words[at : at + 2], "little") >= _LEAST_NOT_PLAIN:
            raise errors.FrameError(
                FrameReason.IMPOSSIBLE_VALUE, "a number is larger than any pressure or pulse"
            )


def _kg_per_l(glucose_mg_dl: float) -> Sfloat:
    return Sfloat.of(Decimal(str(glucose_mg_dl)).scaleb(_MG_DL_EXPONENT))


STANDARD: Final = DecoderKnobs()
