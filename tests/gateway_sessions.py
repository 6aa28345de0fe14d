"""A session's surroundings without a radio and without a disk."""

from __future__ import annotations

from dataclasses import dataclass, field

from bleak.backends.device import BLEDevice

from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.matching import Seen
from gateway import errors
from gateway.errors import StorageReason
from gateway.record import CapturedRecord
from gateway.sighting import Sighting

ADDRESS = "C4:65:1B:00:00:01"

_NAMES = {"and-ua-651ble": "A&D_UA-651BLE_000001"}


@dataclass
class Shelf:
    """A keeper in memory; may run out of room."""

    room: int = 1_000_000
    records: list[CapturedRecord] = field(default_factory=list)
    watermarks: dict[tuple[str, str], int] = field(default_factory=dict)
    memories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    batteries: list[int | None] = field(default_factory=list)

    def append(self, record: CapturedRecord) -> int:
        if len(self.records) >= self.room:
            raise errors.OutboxError(StorageReason.FULL)
        self.records.append(record)
        return len(self.records)

    def watermark(self, peripheral: str, profile_id: str) -> int | None:
        return self.watermarks.get((peripheral, profile_id))

    def set_watermark(self, peripheral: str, profile_id: str, last_sequence: int) -> None:
        self.watermarks[peripheral, profile_id] = last_sequence

    def recall(self, peripheral: str) -> dict[str, bytes]:
        return self.memories.get(peripheral, {})

    def remember(self, peripheral: str, name: str, content: bytes) -> None:
        self.memories.setdefault(peripheral, {})[name] = content


def sighting_of(device: BLEDevice, profile: DeviceProfile) -> Sighting:
    """Return a sighting that fits a profile, under a name that fits no other."""
    name = _NAMES.get(profile.profile_id, "Something")
    seen = Seen(name=name, services=frozenset(profile.match[0].services))
    return Sighting(device, seen, profile)
