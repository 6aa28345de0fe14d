"""What rules watch for that no reading tells: that readings are missing, and technical matters of a home. As data.

These forms are asked by the clock, of what is known about a home, and never of a reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from firmware_profiles.settings import REQUIRED, setting


class ClockOf(StrEnum):
    """Whose clock is meant."""

    PERIPHERAL = "peripheral"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Missing:
    """So many of the measurements that were agreed on were not made.

    Where fewer were agreed on, all of them. Nobody is called about somebody who has begun again: the newest occasion
    has to be one that was not met.
    """

    kind: Kind = setting(REQUIRED, help="the kind of reading that is expected")
    missed: int = setting(
        REQUIRED, minimum=1, maximum=500, help="how many measurements; where fewer are agreed, all"
    )
    within_days: int = setting(
        REQUIRED, unit="days", minimum=1, maximum=31, help="of occasions that ended in these days"
    )
    grace_hours: float = setting(
        2.0, unit="h", minimum=0.5, maximum=48.0, help="how long a measurement may be on its way"
    )

    @property
    def words(self) -> str:
        """Say it in a clause."""
        return (
            f"{self.missed} or more of the agreed measurements of {kinds.OF[self.kind].title.lower()} missing in"
            f" {self.within_days} days, or all where fewer are agreed, and the newest occasion not met"
            f" {self.grace_hours:g} h after it was over"
        )


@dataclass(frozen=True, slots=True)
class BatteryLow:
    """The battery of a peripheral is nearly empty, by the last level that was read from it."""

    at_or_below_percent: int = setting(
        REQUIRED, unit="%", minimum=1, maximum=99, help="at this level or below"
    )

    @property
    def words(self) -> str:
        """Say it in a clause."""
        return f"a battery of a cuff or meter at or below {self.at_or_below_percent} %"


@dataclass(frozen=True, slots=True)
class GatewaySilent:
    """A gateway of the home has said nothing, although this service was there to hear it."""

    hours: float = setting(REQUIRED, unit="h", minimum=0.5, maximum=24 * 31.0, help="for how long")

    @property
    def words(self) -> str:
        """Say it in a clause."""
        return f"nothing heard of a gateway of the home for {self.hours:g} h, while this service could hear"


@dataclass(frozen=True, slots=True)
class ClockWrong:
    """A clock in the home goes wrong: a peripheral's against its gateway's, or a gateway's against ours.

    A gateway's is also wrong if nothing keeps it right.
    """

    of: ClockOf = setting(REQUIRED, help="whose clock")
    minutes: float = setting(
        REQUIRED, unit="min", minimum=1.0, maximum=24 * 60.0, help="by more than this"
    )

    @property
    def words(self) -> str:
        """Say it in a clause."""
        if self.of is ClockOf.GATEWAY:
            return f"a gateway's clock more than {self.minutes:g} min off, or not kept by a time server"
        return f"a cuff's or meter's clock more than {self.minutes:g} min off at its last reading"


ClockSignal = Missing | BatteryLow | GatewaySilent | ClockWrong

CLOCK_FORMS: Final[Mapping[str, type[ClockSignal]]] = {
    "missing": Missing,
    "battery_low": BatteryLow,
    "gateway_silent": GatewaySilent,
    "clock_wrong": ClockWrong,
}
"""By the word that a rule's file uses."""
