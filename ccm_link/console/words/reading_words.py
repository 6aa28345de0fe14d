"""How a stored reading is said: its numbers, what there is instead of numbers, and how far its time can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from ccm_link.console.words import wording
from firmware_profiles import kinds
from firmware_profiles.readings import Result
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import Origin, StoredReading

# A clock that is wrong by less is not worth a line in a table: cuffs show no seconds.
_WORTH_SAYING_S: Final = 60


@dataclass(frozen=True, slots=True)
class Mark:
    """A short label beside a reading, with its longer explanation."""

    label: str
    explanation: str
    is_caution: bool = True


def number(reading: StoredReading) -> str:
    """Return what the peripheral showed, as it is written: "131/83", "104"; "" where there is no number."""
    found = [(one, getattr(reading, one.name)) for one in kinds.OF[reading.kind].needed]
    if any(number is None for _, number in found):
        return ""
    return "/".join(one.text(number) for one, number in found)


def spoken(reading: StoredReading) -> str:
    """Return the reading as it is read out: "131 over 83", "above what the meter can show (HI)"."""
    return number(reading).replace("/", " over ") or result(reading)


def unit(reading: StoredReading) -> str:
    """Return the unit of the number, and the number in another unit where people think in both: "kg (173.0 lb)"."""
    (first, *_) = kinds.OF[reading.kind].needed
    measured = getattr(reading, first.name)
    if first.other_unit is None or measured is None:
        return first.unit
    return f"{first.unit} ({first.other_unit.text(measured)})"


def result(reading: StoredReading) -> str:
    """Return in words what came of a measurement without a number."""
    match reading.result:
        case Result.MEASURED:
            return number(reading)
        case Result.NOT_MEASURABLE:
            return f"the {kinds.OF[reading.kind].device} tried and got no number"
        case Result.ABOVE_RANGE:
            return f"above what the {kinds.OF[reading.kind].device} can show (HI)"
        case Result.BELOW_RANGE:
            return f"below what the {kinds.OF[reading.kind].device} can show (LO)"
        case Result.CONTROL_SOLUTION:
            return "test of the strips with control solution, not blood"
        case _:
            assert_never(reading.result)


def marks(reading: StoredReading) -> tuple[Mark, ...]:
    """Return what has to be known about the reading: where it is from, about its time, what the peripheral said."""
    return (
        *_origin_marks(reading),
        *_version_marks(reading),
        *_time_marks(reading),
        *(_qualifier(name) for name in reading.qualifiers),
    )


def _origin_marks(reading: StoredReading) -> tuple[Mark, ...]:
    if reading.origin is Origin.DEVICE:
        return ()
    return (
        Mark(
            "imported, not sent by a device",
            "The reading was taken in from a file. Nobody was called because of it, and it counts for no day on which "
            "a device sent readings.",
            is_caution=False,
        ),
    )


def _version_marks(reading: StoredReading) -> tuple[Mark, ...]:
    if reading.superseded_at is not None:
        return (Mark("counts no more", "A later version of this reading took its place."),)
    if reading.version == 1:
        return ()
    return (
        Mark(
            "corrected",
            "Not as it was stored first: whose it is, or what its bytes mean, was corrected.",
            is_caution=False,
        ),
    )


def how_dated(reading: StoredReading) -> str:
    """Return in a sentence where the time of a reading comes from."""
    device = kinds.OF[reading.kind].device
    match reading.time_method:
        case TimeMethod.DEVICE_CLOCK_CORRECTED:
            return f"The {device}’s clock, corrected by what it was off when the gateway read it."
        case TimeMethod.DEVICE_CLOCK:
            return f"The {device}’s clock, which could not be compared with another."
        case TimeMethod.GATEWAY_RECEIPT:
            return "When the gateway received it; it was measured then or earlier."
        case TimeMethod.INGEST_RECEIPT:
            return "When the server received it; it was measured then or earlier."
        case TimeMethod.IMPORTED:
            return "The imported file’s own time."
        case _:
            assert_never(reading.time_method)


def _time_marks(reading: StoredReading) -> tuple[Mark, ...]:
    device = kinds.OF[reading.kind].device
    match reading.time_method, reading.time_quality:
        case TimeMethod.GATEWAY_RECEIPT, _:
            return (
                Mark(
                    "device clock not set",
                    f"The {device}'s own clock cannot be right. The time shown is when the gateway received "
                    "the reading; it was measured then or earlier.",
                ),
            )
        case TimeMethod.INGEST_RECEIPT, _:
            return (
                Mark(
                    "gateway clock wrong",
                    "The gateway's clock cannot be right. The time shown is when the server received the reading; "
                    "it was measured then or earlier.",
                ),
            )
        case TimeMethod.IMPORTED, TimeQuality.UNCERTAIN | TimeQuality.UNKNOWN:
            return (
                Mark(
                    "time uncertain",
                    "The file's own time is in doubt, or is in an hour that summer time repeats or skips; "
                    "the time may be off.",
                ),
            )
        case _, TimeQuality.GOOD:
            return _correction(reading)
        case _:
            return (
                Mark(
                    "time uncertain",
                    f"The {device}'s or the gateway's clock could not be checked well; the time may be off.",
                ),
                *_correction(reading),
            )


def _correction(reading: StoredReading) -> tuple[Mark, ...]:
    offset_s = reading.device_clock_offset_s
    if offset_s is None or abs(offset_s) < _WORTH_SAYING_S:
        return ()
    direction = "slow" if offset_s > 0 else "fast"
    return (
        Mark(
            "clock corrected",
            f"The {kinds.OF[reading.kind].device}'s clock was {wording.span(abs(offset_s))} {direction}; "
            "the time shown is corrected.",
            is_caution=False,
        ),
    )


def _qualifier(name: str) -> Mark:
    return Mark(name.replace("_", " "), f"The device reported: {name.replace('_', ' ')}.")
