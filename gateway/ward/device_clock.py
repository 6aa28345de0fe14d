"""A peripheral's clock: wall-clock time without a zone, set once in a while, drifting in between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_PARTS_PER_MILLION = 1e-6


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """A clock that knows nothing of zones and summer time.

    Attributes:
        shown: naive time that it showed when it was last set.
        set_at: when that was, aware UTC.
        drift_ppm: microseconds it gains in a second of true time.
    """

    shown: datetime
    set_at: datetime
    drift_ppm: float

    def read(self, now: datetime) -> datetime:
        """Return what the clock shows at an instant (aware), also at one before it was set."""
        elapsed_s = (now - self.set_at).total_seconds()
        return self.shown + timedelta(seconds=elapsed_s * (1 + self.drift_ppm * _PARTS_PER_MILLION))

    def adjusted(self, shown: datetime, now: datetime) -> DeviceClock:
        """Return the clock set to a naive time at an instant (aware)."""
        return replace(self, shown=shown, set_at=now)
