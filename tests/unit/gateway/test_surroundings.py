"""Who was heard lately."""

from __future__ import annotations

from dataclasses import dataclass

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_profiles import uuids
from gateway.surroundings import Surroundings


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def advertised(rssi: int) -> AdvertisementData:
    return AdvertisementData("Cuff", {1: b"\x02"}, {}, [uuids.full_uuid("1810")], None, rssi, ())


def address(number: int) -> str:
    return f"c4:65:1b:00:{number >> 8:02x}:{number & 0xFF:02x}"


def test_loudest_come_first_and_those_of_long_ago_not_at_all() -> None:
    clock = Clock()
    around = Surroundings(clock)
    around.note(BLEDevice(address(1), None, None), advertised(-80))
    clock.now_s += 50.0
    around.note(BLEDevice(address(2), None, None), advertised(-90))
    around.note(BLEDevice(address(3), None, None), advertised(-40))
    assert [one.address for one in around.within(60.0)] == [
        address(number).upper() for number in (3, 1, 2)
    ]
    clock.now_s += 20.0
    assert [one.rssi_dbm for one in around.within(60.0)] == [-40, -90]


def test_what_was_heard_last_counts() -> None:
    around = Surroundings(Clock())
    around.note(BLEDevice(address(1), None, None), advertised(-80))
    around.note(BLEDevice(address(1), None, None), advertised(-70))
    heard = around.last(address(1).upper())
    assert heard is not None
    assert heard.rssi_dbm == -70
    assert (heard.seen.name, heard.seen.services) == ("Cuff", frozenset({"1810"}))
    assert around.last(address(9).upper()) is None


def test_memory_is_bounded_when_a_house_is_busy() -> None:
    around = Surroundings(Clock())
    for number in range(1000):
        around.note(BLEDevice(address(number), None, None), advertised(-60))
        around.note(BLEDevice(address(0), None, None), advertised(-60))  # again and again
    assert len(around.within(60.0)) == 256
    assert around.last(address(0).upper()) is not None
