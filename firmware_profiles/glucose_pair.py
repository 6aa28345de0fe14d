"""A glucose measurement and its context as one record, for meters whose context says what the strip measured.

Some meters keep ketone among their glucose, and only the context tells the one from the other. There the gateway holds
a measurement that announces a context until that has come, and keeps both as one record: the measurement's bytes, then
the context's, each as the meter sent it. So no measurement ever stands anywhere without what says its kind.
"""

from __future__ import annotations

from typing import Final

from firmware_profiles import errors, uuids
from firmware_profiles.errors import FrameReason
from firmware_profiles.glucose import GlucoseMeasurement
from firmware_profiles.glucose_context import GlucoseMeasurementContext

# Flags of a measurement, and what each adds to its ten bytes. Source: GATT Specification Supplement, Glucose
# Measurement.
_SIZE: Final = 10
_OPTIONAL_SIZES: Final = {0b0000_0001: 2, 0b0000_0010: 3, 0b0000_1000: 2}
_CONTEXT_FOLLOWS: Final = 0b0001_0000


def sequence_number(frame: bytes) -> int | None:
    """Return the number of a measurement or a context, or None if the frame is too short to have one."""
    return int.from_bytes(frame[1:3], "little") if len(frame) >= 3 else None


def announces_context(measurement: bytes) -> bool:
    """Whether a measurement says that its context follows."""
    return bool(measurement[:1]) and bool(measurement[0] & _CONTEXT_FOLLOWS)


def parted(raw: bytes) -> tuple[bytes, bytes]:
    """Return the bytes of the measurement, and those of its context: none if the record ends before it."""
    flags = raw[0] if raw else 0
    end = _SIZE + sum(size for flag, size in _OPTIONAL_SIZES.items() if flags & flag)
    return raw[:end], raw[end:]


def from_bytes(raw: bytes) -> tuple[GlucoseMeasurement, GlucoseMeasurementContext | None]:
    """Take a record apart.

    Raises:
        FrameError: one of the two is broken, they do not belong together, or the context that is announced is
            missing: then nobody knows what was measured.
    """
    first, second = parted(raw)
    measurement = GlucoseMeasurement.from_bytes(first)
    if not second:
        if measurement.context_follows:
            raise errors.FrameError(
                FrameReason.SHORT_FRAME, "the context is missing that says what the strip measured"
            )
        return measurement, None
    context = GlucoseMeasurementContext.from_bytes(second)
    if context.sequence_number != measurement.sequence_number:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE, "the context belongs to another measurement"
        )
    return measurement, context


class PairMaker:
    """Holds measurements until their contexts have come.

    A context may come late, after other measurements; what never gets one is handed over as it is at the end.
    """

    def __init__(self) -> None:
        self._held: dict[int, bytes] = {}

    def take(self, characteristic: str, frame: bytes) -> list[tuple[str, bytes]]:
        """Take what a meter sent; return the records, each with its characteristic, that are whole by it."""
        number = sequence_number(frame)
        if number is None:
            return [(characteristic, frame)]
        if characteristic == uuids.GLUCOSE_MEASUREMENT and announces_context(frame):
            before = self._held.get(number)
            self._held[number] = frame
            return [(characteristic, before)] if before not in {None, frame} and before else []
        if characteristic == uuids.GLUCOSE_MEASUREMENT_CONTEXT:
            measurement = self._held.pop(number, None)
            whole = [] if measurement is None else [measurement + frame]
            return [
                *((uuids.GLUCOSE_MEASUREMENT, record) for record in whole),
                (characteristic, frame),
            ]
        return [(characteristic, frame)]

    def rest(self) -> list[tuple[str, bytes]]:
        """Return what got no context, and hold it no longer."""
        held, self._held = self._held, {}
        return [(uuids.GLUCOSE_MEASUREMENT, frame) for frame in held.values()]
