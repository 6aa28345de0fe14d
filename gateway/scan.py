"""Listening for peripherals that are allowed here and have something to say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_profiles import models, uuids
from firmware_profiles.matching import Seen
from gateway import errors, link_failure
from gateway.adapter import Adapter
from gateway.sighting import Sighting

log = logging.getLogger(__name__)

# An advertisement without a name may be followed by one with it (the name often comes in the scan response), and a
# name decides between a model's profile and a generic one. So long we wait for it.
NAME_GRACE_S: Final = 2.0


class Watch:
    """Who may be connected, and how many advertisements of others were ignored.

    Args:
        allowed: Bluetooth addresses, upper case.
        monotonic_s: A clock that never steps, in seconds.
    """

    def __init__(self, allowed: Collection[str], monotonic_s: Callable[[], float]) -> None:
        self._allowed = frozenset(allowed)
        self._monotonic_s = monotonic_s
        self._not_before_s: dict[str, float] = {}
        self._nameless_since_s: dict[str, float] = {}
        self.ignored_count = 0

    def pause(self, address: str, seconds: float) -> None:
        """Leave a peripheral alone for a while."""
        self._not_before_s[address] = self._monotonic_s() + seconds

    def consider(self, device: BLEDevice, advertisement: AdvertisementData) -> Sighting | None:
        """Return whom to talk to and how, or None if this advertiser is not to be connected now."""
        address = device.address.upper()
        if address not in self._allowed:
            self.ignored_count += 1
            return None
        now_s = self._monotonic_s()
        if now_s < self._not_before_s.get(address, 0.0):
            return None
        seen = _seen(device, advertisement)
        if (
            not seen.name
            and now_s < self._nameless_since_s.setdefault(address, now_s) + NAME_GRACE_S
        ):
            return None
        profile = models.known().match(seen)
        if profile is None:
            return None
        self._nameless_since_s.pop(address, None)
        return Sighting(device, seen, profile)


def _seen(device: BLEDevice, advertisement: AdvertisementData) -> Seen:
    return Seen(
        name=advertisement.local_name or device.name,
        services=frozenset(uuids.short_uuid(uuid) for uuid in advertisement.service_uuids),
        company_data=advertisement.manufacturer_data,
    )


async def next_sighting(adapter: Adapter, watch: Watch) -> Sighting:
    """Scan until an allowed peripheral is there; scanning has stopped when this returns.

    Many controllers cannot scan and connect at once, so the two never overlap.

    Raises:
        AdapterError: the adapter does not scan.
    """
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()

    def on_advertisement(device: BLEDevice, advertisement: AdvertisementData) -> None:
        sighting = watch.consider(device, advertisement)
        if sighting is not None and not found.done():
            found.set_result(sighting)

    try:
        async with adapter.scanner(on_advertisement):
            return await found
    except link_failure.CAUSES as error:
        raise errors.AdapterError(
            f"the Bluetooth adapter does not scan: {type(error).__name__}"
        ) from error
