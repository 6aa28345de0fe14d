"""Who was heard lately, near this gateway: for the person who pairs and for the gateway's word about itself. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_profiles import uuids
from firmware_profiles.matching import Seen

# So many a busy house has at once; who was heard longest ago goes first.
_MOST: Final = 256


@dataclass(frozen=True, slots=True)
class Heard:
    """An advertiser, as it was heard last.

    Attributes:
        device: as bleak knows it.
        advertisement: its content.
        heard_at_s: on the monotonic clock, seconds.
    """

    device: BLEDevice
    advertisement: AdvertisementData
    heard_at_s: float

    @property
    def address(self) -> str:
        """Bluetooth address, upper case with colons."""
        return self.device.address.upper()

    @property
    def rssi_dbm(self) -> int:
        """How loud it was, dBm."""
        return self.advertisement.rssi

    @property
    def seen(self) -> Seen:
        """What a profile is matched with."""
        return Seen(
            name=self.advertisement.local_name or self.device.name,
            services=frozenset(uuids.short_uuid(uuid) for uuid in self.advertisement.service_uuids),
            company_data=self.advertisement.manufacturer_data,
        )


class Surroundings:
    """The advertisers around one gateway.

    Args:
        monotonic_s: A clock that never steps, in seconds.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._heard: dict[str, Heard] = {}

    def note(self, device: BLEDevice, advertisement: AdvertisementData) -> Heard:
        """Take note of an advertisement and return what it says."""
        heard = Heard(device, advertisement, self._monotonic_s())
        self._heard.pop(heard.address, None)  # so that the order is that of hearing
        self._heard[heard.address] = heard
        if len(self._heard) > _MOST:
            del self._heard[next(iter(self._heard))]
        return heard

    def within(self, seconds: float) -> list[Heard]:
        """Return who was heard within the last seconds, the loudest first."""
        since_s = self._monotonic_s() - seconds
        lately = (one for one in self._heard.values() if one.heard_at_s >= since_s)
        return sorted(lately, key=lambda one: -one.rssi_dbm)

    def last(self, address: str) -> Heard | None:
        """Return how a peripheral was heard last, or None."""
        return self._heard.get(address)
