"""A peripheral that is there to be asked."""

from __future__ import annotations

from dataclasses import dataclass

from bleak.backends.device import BLEDevice

from firmware_profiles import device_profile
from firmware_profiles.matching import Seen


@dataclass(frozen=True, slots=True)
class Sighting:
    """A peripheral that is there to be asked, what it advertised, and the profile that knows how.

    Attributes:
        is_pinned: whether a person has chosen the profile; then nothing that it shows chooses another.
    """

    device: BLEDevice
    seen: Seen
    profile: device_profile.DeviceProfile
    is_pinned: bool = False

    @property
    def address(self) -> str:
        """Bluetooth address, upper case with colons."""
        return self.device.address.upper()

    @property
    def short_name(self) -> str:
        """Name it in a log: enough to tell those of one home apart, too little to identify it elsewhere."""
        return self.address[-5:]
