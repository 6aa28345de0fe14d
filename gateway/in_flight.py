"""Which records have been handed to the broker and when each is to be handed over again.

Held in memory and counted on a clock that never steps: after a restart or a reconnect everything without a receipt is
due at once, which is right, and a clock that jumps cannot postpone anything.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.outbox_rows import OutboxRow

_LONGEST_PAUSE_S: Final = 900.0
# Gateways that were cut off together would otherwise resend together.
_JITTER: Final = (0.75, 1.25)


@dataclass(frozen=True, slots=True)
class _Flight:
    attempts: int
    due_at_s: float


class InFlight:
    """Publications without a receipt.

    Args:
        resend_after_s: Pause before the first resend, in seconds; it doubles with each further one.

    Attributes:
        resend_after_s: the same; holds for what is published from now on.
    """

    def __init__(self, resend_after_s: float) -> None:
        self.resend_after_s = resend_after_s
        self._flights: dict[int, _Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def due(self, rows: Iterable[OutboxRow], now_s: float) -> list[OutboxRow]:
        """Select the rows that are to be published now, those never published first.

        A batch that the server cannot answer must not hold up what came after it.
        """
        selected = [
            row
            for row in rows
            if row.seq not in self._flights or self._flights[row.seq].due_at_s <= now_s
        ]
        return sorted(selected, key=lambda row: (row.seq in self._flights, row.seq))

    def published(self, seqs: Sequence[int], now_s: float) -> None:
        """Note that these numbers are on their way."""
        jitter = random.uniform(*_JITTER)  # noqa: S311 - spreads load, protects nothing
        for seq in seqs:
            before = self._flights.get(seq)
            attempts = 1 if before is None else before.attempts + 1
            pause_s = min(self.resend_after_s * 2 ** (attempts - 1), _LONGEST_PAUSE_S)
            self._flights[seq] = _Flight(attempts, now_s + pause_s * jitter)

    def keep_only(self, waiting: Iterable[int]) -> None:
        """Forget the numbers that are no longer waiting for a receipt."""
        still = set(waiting)
        self._flights = {seq: flight for seq, flight in self._flights.items() if seq in still}

    def forget_all(self) -> None:
        """Make everything due: the connection over which it was sent is gone."""
        self._flights.clear()

    def next_due_at_s(self) -> float | None:
        """Return when the next resend is due on the clock that `published` was given, or None."""
        return min((flight.due_at_s for flight in self._flights.values()), default=None)
