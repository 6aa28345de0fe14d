"""When an adapter has to be switched off and on again. Pure: events and a clock in, a verdict out.

Two ways to hang are known in the field: the system answers "in progress" to everything, and a scan that runs but hears
nothing any more. Neither ends by itself; switching the adapter off and on ends most of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import Final

# "In progress" is normal for a moment: another program scans, an attempt to connect is being cancelled. BlueZ's own
# attempt to connect ends after 40 s at the latest.
_BUSY_COUNT: Final = 4
_BUSY_S: Final = 45.0
# A home without any other Bluetooth device is silent for good: then look less and less often.
_LONGEST_FACTOR: Final = 8.0


class Task(StrEnum):
    """What an adapter is asked for. Either may hang while the other works."""

    SCAN = "scan"
    CONNECT = "connect"


class AdapterHealth:
    """What one adapter has done lately.

    Args:
        silence_limit_s: After so many seconds of scanning without any advertisement it counts as deaf; 0: never.
        monotonic_s: A clock that never steps, in seconds.

    Attributes:
        silence_limit_s: as given; it may change.
        power_cycle_count: how often it was switched off and on.
    """

    def __init__(self, silence_limit_s: float, monotonic_s: Callable[[], float]) -> None:
        self.silence_limit_s = silence_limit_s
        self._monotonic_s = monotonic_s
        self._factor = 1.0
        self._silent_since_s: float | None = None
        self._busy_since_s: dict[Task, float] = {}
        self._busy_counts: dict[Task, int] = defaultdict(int)
        self.power_cycle_count = 0

    def note_scanning(self) -> None:
        """Take note that a scan has begun: from here on silence counts."""
        self._silent_since_s = self._monotonic_s()
        self.note_worked(Task.SCAN)

    def note_heard(self) -> None:
        """Take note of any advertisement, of whomever."""
        self._silent_since_s = self._monotonic_s()
        self._factor = 1.0

    def note_busy(self, task: Task) -> None:
        """Take note that the system has answered "in progress"."""
        self._busy_since_s.setdefault(task, self._monotonic_s())
        self._busy_counts[task] += 1

    def note_worked(self, task: Task) -> None:
        """Take note that it has done what it was asked for."""
        self._busy_since_s.pop(task, None)
        self._busy_counts.pop(task, None)

    def deaf_in_s(self) -> float | None:
        """Return in how many seconds the adapter counts as deaf if it goes on hearing nothing; None: never."""
        if self.silence_limit_s == 0 or self._silent_since_s is None:
            return None
        limit_s = self.silence_limit_s * self._factor
        return max(0.0, self._silent_since_s + limit_s - self._monotonic_s())

    def is_deaf(self) -> bool:
        """Whether it has heard nothing for too long."""
        return self.deaf_in_s() == 0.0

    def needs_power_cycle(self) -> bool:
        """Whether it has to be switched off and on."""
        if self.is_deaf():
            return True
        now_s = self._monotonic_s()
        return any(
            self._busy_counts[task] >= _BUSY_COUNT and now_s - since_s >= _BUSY_S
            for task, since_s in self._busy_since_s.items()
        )

    def note_power_cycled(self) -> None:
        """Take note that it was switched off and on; if that does not help, the next time comes later."""
        self.power_cycle_count += 1
        if self.is_deaf():
            self._factor = min(2 * self._factor, _LONGEST_FACTOR)
        self._silent_since_s = None
        self._busy_since_s.clear()
        self._busy_counts.clear()
