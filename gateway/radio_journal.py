"""Which of the gateway's radios work, since when, and what was wrong last with those that do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from firmware_profiles.wire_health import (
    MAX_ADAPTERS,
    AdapterHealth,
    AdapterState,
    Trouble,
)
from gateway import machine


class RadioJournal:
    """The radios by name, as the system calls them.

    Args:
        now: The gateway's clock, aware UTC.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._radios: dict[str, AdapterHealth] = {}

    def opened(self, name: str) -> None:
        """Note that a radio works."""
        self._note(name, AdapterState.UP, None)

    def failed(self, name: str, reason: str) -> None:
        """Note that a radio cannot be used, or not any more."""
        self._note(name, AdapterState.DOWN, Trouble(reason, self._now()))

    @property
    def up_count(self) -> int:
        """Return how many radios work."""
        return sum(radio.state is AdapterState.UP for radio in self._radios.values())

    def report(self) -> tuple[AdapterHealth, ...]:
        """Return how things stand, in the order of names."""
        return tuple(self._radios[name] for name in sorted(self._radios))[:MAX_ADAPTERS]

    def _note(self, name: str, state: AdapterState, failure: Trouble | None) -> None:
        name = machine.printable(name)
        known = self._radios.get(name)
        since = known.since if known and known.state is state else self._now()
        last = failure or (known.failure if known else None)
        self._radios[name] = AdapterHealth(name, state, since, last)
