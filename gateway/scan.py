"""Listening for peripherals that are allowed here and have something to say."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bleak import exc
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_profiles import models
from gateway import errors, link_failure
from gateway.adapter import Adapter
from gateway.adapter_health import AdapterHealth, Task
from gateway.errors import AdapterReason
from gateway.sighting import Sighting
from gateway.surroundings import Surroundings

log = logging.getLogger(__name__)

# An advertisement without a name may be followed by one with it (the name often comes in the scan response), and a
# name decides between a model's profile and a generic one. So long we wait for it.
NAME_GRACE_S: Final = 2.0
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
# A peripheral advertises in bursts, and after a good conversation the rest of its burst has nothing new. A burst is
# over when it was not heard for three pauses: BlueZ reports a peripheral that advertises on about every ten seconds.
# Some meters advertise as long as they are switched on; they are asked again after 24 pauses (two minutes by default).
_GAP_PAUSES: Final = 3.0
_LONGEST_BURST_PAUSES: Final = 24.0


@dataclass(slots=True)
class _Served:
    """A burst in which a peripheral has told everything already."""

    pause_s: float
    served_at_s: float
    heard_at_s: float

    def is_over(self, now_s: float) -> bool:
        """Whether a new burst has begun, as of an advertisement that comes now."""
        gap_s, self.heard_at_s = now_s - self.heard_at_s, now_s
        return (
            gap_s >= _GAP_PAUSES * self.pause_s
            or now_s - self.served_at_s >= _LONGEST_BURST_PAUSES * self.pause_s
        )


class Watch:
    """Who may be connected, who was there already, and how many advertisements of others were ignored.

    Args:
        allowed: Bluetooth addresses, upper case.
        monotonic_s: A clock that never steps, in seconds.
    """

    def __init__(self, allowed: Collection[str], monotonic_s: Callable[[], float]) -> None:
        self._allowed = frozenset(allowed)
        self._pinned: Mapping[str, str] = _NOBODY
        self._monotonic_s = monotonic_s
        self._not_before_s: dict[str, float] = {}
        self._nameless_since_s: dict[str, float] = {}
        self._served: dict[str, _Served] = {}
        self._claimed: set[str] = set()
        self.surroundings = Surroundings(monotonic_s)
        self.ignored_count = 0

    def allow(self, allowed: Collection[str], pinned: Mapping[str, str] = _NOBODY) -> None:
        """Replace the addresses that may be connected.

        Args:
            allowed: Bluetooth addresses, upper case.
            pinned: Address → id of the profile that a person has chosen for it.
        """
        self._allowed = frozenset(allowed)
        self._pinned = pinned

    def is_allowed(self, address: str) -> bool:
        """Whether an address may be connected."""
        return address in self._allowed

    def pause(self, address: str, seconds: float) -> None:
        """Leave a peripheral alone for a while."""
        self._not_before_s[address] = self._monotonic_s() + seconds

    def note_served(self, address: str, pause_s: float) -> None:
        """Leave a peripheral alone until it has something new to say.

        Args:
            address: Of the peripheral.
            pause_s: For so long at least.
        """
        now_s = self._monotonic_s()
        self._served[address] = _Served(pause_s, now_s, now_s)
        self.pause(address, pause_s)

    def expect(self, address: str) -> None:
        """Take a peripheral at once, whatever was before: somebody stands beside it."""
        self._not_before_s.pop(address, None)
        self._served.pop(address, None)

    def claim(self, address: str) -> None:
        """Keep a peripheral for one radio, until it is released."""
        self._claimed.add(address)

    def release(self, address: str) -> None:
        """Let any radio have a peripheral."""
        self._claimed.discard(address)

    def consider(self, device: BLEDevice, advertisement: AdvertisementData) -> Sighting | None:
        """Return whom to talk to and how, or None if this advertiser is not to be connected now."""
        heard = self.surroundings.note(device, advertisement)
        address = heard.address
        if address not in self._allowed:
            self.ignored_count += 1
            return None
        now_s = heard.heard_at_s
        served = self._served.get(address)
        if served is not None and served.is_over(now_s):
            del self._served[address]
        if (
            address in self._claimed
            or address in self._served
            or now_s < self._not_before_s.get(address, 0.0)
        ):
            return None
        seen = heard.seen
        if (
            not seen.name
            and now_s < self._nameless_since_s.setdefault(address, now_s) + NAME_GRACE_S
        ):
            return None
        pinned = self._pinned.get(address)
        known = models.known()
        profile = known.match(seen) if pinned is None else known.newest.get(pinned)
        if profile is None:
            return None
        self._nameless_since_s.pop(address, None)
        return Sighting(device, seen, profile, is_pinned=pinned is not None)


async def next_sighting(
    adapter: Adapter,
    watch: Watch,
    health: AdapterHealth | None = None,
    on_unpaired: Callable[[str], None] = lambda _address: None,
) -> Sighting:
    """Scan until a peripheral is there that may be connected; scanning has stopped and it is claimed when this returns.

    Many controllers cannot scan and connect at once, so the two never overlap.

    Args:
        adapter: The open radio.
        watch: Whom to look out for.
        health: Hears how the radio does, if somebody wants to know.
        on_unpaired: Called with the address of a peripheral that would be asked if it were paired.

    Raises:
        AdapterError: the adapter does not scan, or hears nothing any more.
    """
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
    health = health or AdapterHealth(0.0, time.monotonic)

    def on_advertisement(device: BLEDevice, advertisement: AdvertisementData) -> None:
        health.note_heard()
        sighting = watch.consider(device, advertisement)
        if sighting is None or found.done():
            return
        if adapter.may_connect(sighting):
            watch.claim(sighting.address)
            found.set_result(sighting)
        else:
            on_unpaired(sighting.address)

    try:
        async with adapter.scanner(on_advertisement):
            health.note_scanning()
            await _until_found_or_deaf(found, health)
        sighting = found.result()
        await adapter.prepare(sighting)
    except link_failure.CAUSES as error:
        _release(found, watch)
        raise _not_scanning(error, health) from error
    except BaseException:
        _release(found, watch)
        raise
    return sighting


async def _until_found_or_deaf(found: asyncio.Future[Sighting], health: AdapterHealth) -> None:
    while not found.done():
        await asyncio.wait({found}, timeout=health.deaf_in_s())
        if not found.done() and health.is_deaf():
            raise errors.AdapterError(
                AdapterReason.DEAF, "the Bluetooth adapter scans and hears nothing at all"
            )


def _release(found: asyncio.Future[Sighting], watch: Watch) -> None:
    if found.done() and not found.cancelled():
        watch.release(found.result().address)


def _not_scanning(error: BaseException, health: AdapterHealth) -> errors.AdapterError:
    if link_failure.is_in_progress(error):
        health.note_busy(Task.SCAN)
        return errors.AdapterError(
            AdapterReason.BUSY, "the Bluetooth adapter is busy with something else, or says so"
        )
    if isinstance(error, exc.BleakBluetoothNotAvailableError):
        return errors.AdapterError(AdapterReason.ABSENT)
    return errors.AdapterError(
        AdapterReason.FAILED, f"the Bluetooth adapter does not scan: {type(error).__name__}"
    )
