"""What has arrived and waits for the worker: bounded, in the order of its arrival."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.arrivals import Arrival

_STOP_LOOK_S: Final = 0.5  # how long a full inbox may overlook that its sender stops


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with what its acknowledgement needs.

    Attributes:
        source: The connection's owner, who can acknowledge it.
        connection: Which of its connections; it counts up with each.
    """

    arrival: Arrival
    qos: int
    connection: int
    source: Hashable = None


class Inbox:
    """Between network threads, which put, and the worker's, which takes.

    Args:
        limit: Messages that wait at most; who brings more has to wait, and TCP holds the rest back.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Delivery] = deque()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether somebody who brings a message would have to wait."""
        return len(self._waiting) >= self._limit

    def put(self, deliveries: Sequence[Delivery], is_stopping: threading.Event) -> None:
        """Add deliveries as room is made for them; what finds none until ``is_stopping`` is left out."""
        placed = 0
        with self._changed:
            while placed < len(deliveries):
                room = self._limit - len(self._waiting)
                if room > 0:
                    self._waiting.extend(deliveries[placed : placed + room])
                    placed += room
                    self._changed.notify_all()
                elif is_stopping.is_set():
                    return
                else:
                    self._changed.wait(_STOP_LOOK_S)

    def take(self, limit: int, most_bytes: int, timeout_s: float) -> list[Delivery]:
        """Wait for a message, then take what else is there; the first one never waits for a second.

        Args:
            limit: How many at most.
            most_bytes: Payloads of how many bytes at most; one message is taken whatever its size.
            timeout_s: How long to wait for the first, seconds.
        """
        taken: list[Delivery] = []
        size = 0
        with self._changed:
            if not self._waiting:
                self._changed.wait(timeout_s)
            while self._waiting and len(taken) < limit:
                size += len(self._waiting[0].arrival.payload)
                if taken and size > most_bytes:
                    break
                taken.append(self._waiting.popleft())
            if taken:
                self._changed.notify_all()
        return taken

    def drop(self, source: Hashable) -> None:
        """Forget what came over a connection that is gone: it comes again, and could not be acknowledged any more."""
        with self._changed:
            self._waiting = deque(d for d in self._waiting if d.source is not source)
            self._changed.notify_all()
