"""How the virtual glucometers behave, each as its profile's support statement describes the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from firmware_profiles.decoder_knobs import STANDARD, DecoderKnobs
from gateway.ward.cuff_habits import Maker


class Clock(Enum):
    """Where a meter's clock is set."""

    NONE = "none"  # with its keys only
    CURRENT_TIME = "current_time"  # Current Time Service
    DATE_TIME = "date_time"  # inside the Glucose Service
    CONTOUR = "contour"  # Ascensia's own
    CARESENS = "caresens"  # i-SENS' own, protocol 1.4
    CARESENS_1_5 = "caresens_1_5"


_NOBODY: Final = Maker("Homevitals", "Virtual glucometer")


@dataclass(frozen=True, slots=True)
class MeterHabits:
    """What one model does.

    Attributes:
        maker: its Device Information.
        clock: where its clock is set.
        shows_passkey: whether it bonds by a code that it shows, or that is printed on it.
        selects: whether it can report from a number on; one that cannot says so.
        counts: whether it can say how many records it has.
        overhears: how many requests after connecting it does not notice.
        newest_first: whether its newest record has the number 0, and all others one more than before.
        sends_unasked: whether it sends all it has as soon as it is subscribed to.
        contexts_last: whether contexts come after all measurements.
        no_contexts: whether it sends none.
        always_contexts: whether each measurement has a context, also one that says nothing.
        ketone_every: every so many-th strip is one for ketone; 0: none is.
        control_location: whether it marks control solution by the sample's location alone.
        bogus_high: whether its full memory ends with a HI reading of the year 2037.
        has_switch: whether it has TaiDoc's channel, through which it can be switched off.
        knobs: in what its frames deviate.
    """

    maker: Maker = _NOBODY
    clock: Clock = Clock.CURRENT_TIME
    shows_passkey: bool = False
    selects: bool = True
    counts: bool = True
    overhears: int = 0
    newest_first: bool = False
    sends_unasked: bool = False
    contexts_last: bool = False
    no_contexts: bool = False
    always_contexts: bool = False
    ketone_every: int = 0
    control_location: bool = False
    bogus_high: bool = False
    has_switch: bool = False
    knobs: DecoderKnobs = STANDARD


# HI and LO as numbers beyond the range.
_RANGE: Final = DecoderKnobs(high_above_mg_dl=600.0, low_below_mg_dl=20.0)

BY_MODEL: Final[Mapping[str, MeterHabits]] = {
    "standard-glucometer": MeterHabits(),
    "accu-chek": MeterHabits(
        Maker("Roche", "925"), clock=Clock.DATE_TIME, shows_passkey=True, control_location=True
    ),
    "contour-next": MeterHabits(Maker("Ascensia Diabetes Care", "7818"), clock=Clock.CONTOUR),
    "caresens": MeterHabits(
        Maker("i-SENS", "CareSens Dual"),
        clock=Clock.CARESENS,
        shows_passkey=True,
        overhears=1,
        always_contexts=True,
        ketone_every=3,
        knobs=DecoderKnobs(month_thirteen=True, ketone_meal_code=6),
    ),
    "taidoc-dm30b": MeterHabits(
        Maker("TaiDoc", "DM30b", "1.2.4"),
        clock=Clock.NONE,
        newest_first=True,
        no_contexts=True,
    ),
    "fora-gd40": MeterHabits(
        Maker("FORA", "GD40"), clock=Clock.NONE, selects=False, has_switch=True, knobs=_RANGE
    ),
    "fora-tng-voice": MeterHabits(
        Maker("", "Model Number"),
        clock=Clock.NONE,
        selects=False,
        bogus_high=True,
        has_switch=True,
        knobs=_RANGE,
    ),
    "true-metrix-air": MeterHabits(
        Maker("Trividia Health", "TRUE METRIX AIR"),
        clock=Clock.NONE,
        sends_unasked=True,
        always_contexts=True,
    ),
    "tyson-ht100": MeterHabits(Maker("Tyson", "HT100"), clock=Clock.NONE, counts=False),
}
"""By the profile that is meant for it."""
