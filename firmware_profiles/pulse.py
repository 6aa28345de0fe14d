"""A pulse as cuffs and oximeters send it beside what they measure: which ones can be one.

A cuff's pressures and an oximeter's saturation are right whether or not it made sense of the pulse, so a missing
pulse is no reason to refuse a record; only one that cannot be a misunderstanding of “none” is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.sfloat import Special

if TYPE_CHECKING:
    from decimal import Decimal

    from firmware_profiles.sfloat import Sfloat

# What nothing on a living person reports. Less than the lower limit is a device that sends 0 for "none".
LOWEST_BPM: Final = 10
HIGHEST_BPM: Final = 400


def plausible(rate: Sfloat | None) -> tuple[Decimal | None, tuple[str, ...]]:
    """Return beats a minute, or None, with what is to be said about a pulse that is none.

    Raises:
        FrameError: `impossible_value` for a negative pulse, or one above 400 a minute.
    """
    if rate is None:
        return None, ()
    pulse_bpm = rate.decimal()
    if pulse_bpm is None:
        return None, not_expressible(rate)
    if not 0 <= pulse_bpm <= HIGHEST_BPM:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE, f"the pulse is outside 0 to {HIGHEST_BPM} a minute"
        )
    if pulse_bpm < LOWEST_BPM:
        return None, ("pulse_implausible",)
    return pulse_bpm, ()


def not_expressible(rate: Sfloat | None) -> tuple[str, ...]:
    """Return what is to be said of a pulse that the field cannot hold, as A&D has beyond its range."""
    is_so = rate is not None and rate.special is Special.NRES
    return ("pulse_not_expressible",) if is_so else ()
