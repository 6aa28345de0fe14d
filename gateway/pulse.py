"""Whether the loops of the process still turn. Pure but for the clock that is passed in.

Each loop says how long it may be silent from now on; one that is silent for longer hangs. A loop that has not said
anything yet is not watched.
"""

from __future__ import annotations

from collections.abc import Callable

# Says that a loop has made a step, and within how many seconds it makes the next.
Beat = Callable[[float], None]


def no_beat(_next_within_s: float) -> None:
    """Say nothing: nobody watches the loop."""


class Pulse:
    """The loops by name, and until when each may be silent.

    Args:
        monotonic_s: A clock that never steps, in seconds.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._silent_until_s: dict[str, float] = {}

    def beat(self, loop: str, next_within_s: float) -> None:
        """Say that a loop has made a step, and when it does the next at the latest."""
        self._silent_until_s[loop] = self._monotonic_s() + next_within_s

    def beat_of(self, loop: str) -> Beat:
        """Return what one loop says its beats by."""
        return lambda next_within_s: self.beat(loop, next_within_s)

    def stopped(self, loop: str) -> None:
        """Say that a loop has ended for now, and is not to be waited for."""
        self._silent_until_s.pop(loop, None)

    def hanging(self) -> list[str]:
        """Return the names of the loops that should have made a step by now."""
        now_s = self._monotonic_s()
        return sorted(loop for loop, until_s in self._silent_until_s.items() if now_s > until_s)
