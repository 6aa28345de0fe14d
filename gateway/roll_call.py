"""Who of the home's peripherals was heard when, how loud, how full its battery is, and how conversations with it went.

What conversations tell is kept in the outbox's database, so that a restart does not forget a cuff that is used once a
day. What advertisements tell is kept in memory: there are many of them, and the next comes soon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from firmware_profiles.wire_health import MAX_PERIPHERALS, Bond, PeripheralHealth, Trouble
from gateway.outbox_rows import Acquaintance


class Memory(Protocol):
    """Where it stays what conversations tell: the outbox."""

    def acquaintances(self) -> list[Acquaintance]:
        """Return what is known of each peripheral from its conversations."""
        ...

    def note_acquaintance(self, known: Acquaintance) -> None:
        """Remember what a conversation told about a peripheral."""
        ...


@dataclass(slots=True)
class _Heard:
    at: datetime | None = None
    rssi_dbm: int | None = None
    failure: Trouble | None = None
    failures: int = 0
    battery_percent: int | None = None
    battery_at: datetime | None = None


class RollCall:
    """What is known of the peripherals of one home.

    Args:
        memory: Where it stays what conversations tell.
        bond_of: Whether gateway and peripheral know each other's keys, by address.
        now: The gateway's clock, aware UTC.
    """

    def __init__(
        self, memory: Memory, bond_of: Callable[[str], Bond], now: Callable[[], datetime]
    ) -> None:
        self._memory = memory
        self._bond_of = bond_of
        self._now = now
        self._heard: dict[str, _Heard] = {}

    def heard(self, address: str, rssi_dbm: int | None, seconds_ago: float = 0.0) -> None:
        """Note an advertisement; an adapter that does not know how loud it was says nothing, or 127.

        Source: Bluetooth Core Specification 5.4, Vol 4 Part E, 7.7.65.2: 127 stands for "not available".
        """
        one = self._of(address)
        one.at = self._now() - timedelta(seconds=seconds_ago)
        if rssi_dbm is not None and -127 <= rssi_dbm <= 20:
            one.rssi_dbm = rssi_dbm

    def battery(self, address: str, percent: int) -> None:
        """Note the level that was read in a conversation; it counts once that has ended well.

        Source: Battery Service 1.1, section 3.1.1: 0 to 100, other values are reserved.
        """
        if 0 <= percent <= 100:
            one = self._of(address)
            one.battery_percent, one.battery_at = percent, self._now()

    def talked(self, address: str, profile_id: str) -> None:
        """Note a conversation that ended well.

        Raises:
            OutboxError: the disk refuses.
        """
        one = self._of(address)
        one.failure, one.failures = None, 0
        self._memory.note_acquaintance(
            Acquaintance(
                peripheral=address,
                profile_id=profile_id,
                talked_at=self._now(),
                rssi_dbm=one.rssi_dbm,
                battery_percent=one.battery_percent,
                battery_at=one.battery_at,
            )
        )

    def failed(self, address: str, reason: str) -> None:
        """Note a conversation that failed."""
        one = self._of(address)
        one.failure, one.failures = Trouble(reason, self._now()), one.failures + 1

    def report(self, allowed: Iterable[str]) -> tuple[PeripheralHealth, ...]:
        """Return what is known of each peripheral that may be connected to, in the order of addresses.

        Raises:
            OutboxError: it cannot be read.
        """
        known = {one.peripheral: one for one in self._memory.acquaintances()}
        return tuple(
            _health(address, self._of(address), known.get(address), self._bond_of(address))
            for address in sorted(set(allowed))[:MAX_PERIPHERALS]
        )

    def _of(self, address: str) -> _Heard:
        return self._heard.setdefault(address, _Heard())


def _health(
    address: str, heard: _Heard, known: Acquaintance | None, bond: Bond
) -> PeripheralHealth:
    return PeripheralHealth(
        peripheral=address,
        profile_id=known.profile_id if known else None,
        heard_at=heard.at,
        rssi_dbm=known.rssi_dbm if heard.rssi_dbm is None and known else heard.rssi_dbm,
        talked_at=known.talked_at if known else None,
        battery_percent=known.battery_percent if known else None,
        battery_at=known.battery_at if known else None,
        bond=bond,
        failure=heard.failure,
        failures=heard.failures,
    )
