"""Whom the gateway connects to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_profiles import uuids
from gateway.scan import NAME_GRACE_S, Watch

CUFF = "C4:65:1B:00:00:01"


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def advertised(name: str | None, *services: str) -> AdvertisementData:
    return AdvertisementData(
        name, {}, {}, [uuids.full_uuid(service) for service in services], None, -60, ()
    )


def seen(address: str = CUFF) -> BLEDevice:
    return BLEDevice(address, None, None)


@pytest.mark.parametrize(
    ("name", "services", "profile_id"),
    [
        pytest.param("A&D_UA-651BLE_000001", ("1810",), "and-ua-651ble", id="model"),
        pytest.param("Some cuff", ("1810",), "standard-cuff", id="generic-cuff"),
        pytest.param("Some meter", ("1808", "180a"), "standard-glucometer", id="generic-meter"),
        pytest.param("Headphones", ("110b",), None, id="not-ours"),
        pytest.param("Quiet", (), None, id="no-services"),
    ],
)
def test_profile_is_found_when_an_allowed_peripheral_advertises(
    name: str, services: tuple[str, ...], profile_id: str | None
) -> None:
    sighting = Watch([CUFF], Clock()).consider(seen(), advertised(name, *services))
    assert (sighting.profile.profile_id if sighting else None) == profile_id


def test_stranger_is_ignored_and_counted_when_it_carries_a_known_name() -> None:
    watch = Watch([CUFF], Clock())
    stranger = seen("C4:65:1B:00:00:99")
    assert watch.consider(stranger, advertised("A&D_UA-651BLE_000001", "1810")) is None
    assert watch.ignored_count == 1


def test_address_is_recognised_when_the_system_writes_it_in_lower_case() -> None:
    sighting = Watch([CUFF], Clock()).consider(seen(CUFF.lower()), advertised("Cuff", "1810"))
    assert sighting is not None
    assert sighting.address == CUFF


def test_peripheral_is_left_alone_when_it_is_paused() -> None:
    clock = Clock()
    watch = Watch([CUFF], clock)
    watch.pause(CUFF, 30.0)
    assert watch.consider(seen(), advertised("Cuff", "1810")) is None
    clock.now_s += 30.0
    assert watch.consider(seen(), advertised("Cuff", "1810")) is not None


def test_name_is_waited_for_when_the_first_advertisement_has_none() -> None:
    clock = Clock()
    watch = Watch([CUFF], clock)
    assert watch.consider(seen(), advertised(None, "1810")) is None
    named = watch.consider(seen(), advertised("A&D_UA-651BLE_000001", "1810"))
    assert named is not None
    assert named.profile.profile_id == "and-ua-651ble"


def test_generic_profile_is_taken_when_no_name_ever_comes() -> None:
    clock = Clock()
    watch = Watch([CUFF], clock)
    assert watch.consider(seen(), advertised(None, "1810")) is None
    clock.now_s += NAME_GRACE_S
    sighting = watch.consider(seen(), advertised(None, "1810"))
    assert sighting is not None
    assert sighting.profile.profile_id == "standard-cuff"


def test_chosen_profile_leads_whatever_is_advertised() -> None:
    watch = Watch([], Clock())
    watch.allow([CUFF], {CUFF: "standard-glucometer"})
    sighting = watch.consider(seen(), advertised("A&D_UA-651BLE_000001", "1810"))
    assert sighting is not None
    assert (sighting.profile.profile_id, sighting.is_pinned) == ("standard-glucometer", True)


def test_peripheral_is_left_alone_when_its_chosen_profile_is_not_there() -> None:
    watch = Watch([], Clock())
    watch.allow([CUFF], {CUFF: "no-such-profile"})
    assert watch.consider(seen(), advertised("A&D_UA-651BLE_000001", "1810")) is None


def test_list_of_peripherals_is_replaced_while_listening() -> None:
    watch = Watch([CUFF], Clock())
    watch.allow([])
    assert watch.consider(seen(), advertised("A&D_UA-651BLE_000001", "1810")) is None
    watch.allow([CUFF])
    sighting = watch.consider(seen(), advertised("A&D_UA-651BLE_000001", "1810"))
    assert sighting is not None
    assert not sighting.is_pinned


def test_rest_of_a_burst_is_left_alone_when_everything_was_told() -> None:
    clock = Clock()
    watch = Watch([CUFF], clock)
    watch.note_served(CUFF, 5.0)
    for _ in range(20):  # it goes on advertising, every five seconds
        clock.now_s += 5.0
        assert watch.consider(seen(), advertised("Cuff", "1810")) is None
    clock.now_s += 15.0  # three pauses of silence: this is the next measurement
    assert watch.consider(seen(), advertised("Cuff", "1810")) is not None


def test_peripheral_that_always_advertises_is_asked_again_after_a_while() -> None:
    clock = Clock()
    watch = Watch([CUFF], clock)
    watch.note_served(CUFF, 5.0)
    started_s = clock.now_s
    while watch.consider(seen(), advertised("Cuff", "1810")) is None:
        clock.now_s += 5.0
    assert clock.now_s - started_s == 120.0


def test_peripheral_is_taken_at_once_when_somebody_stands_beside_it() -> None:
    watch = Watch([CUFF], Clock())
    watch.note_served(CUFF, 5.0)
    watch.pause(CUFF, 300.0)
    watch.expect(CUFF)
    assert watch.consider(seen(), advertised("Cuff", "1810")) is not None


def test_peripheral_is_held_by_one_radio_at_a_time() -> None:
    watch = Watch([CUFF], Clock())
    watch.claim(CUFF)
    assert watch.consider(seen(), advertised("Cuff", "1810")) is None
    watch.release(CUFF)
    assert watch.consider(seen(), advertised("Cuff", "1810")) is not None


def test_list_of_allowed_peripherals_can_change() -> None:
    watch = Watch([CUFF], Clock())
    watch.allow(["C4:65:1B:00:00:02"])
    assert not watch.is_allowed(CUFF)
    assert watch.consider(seen(), advertised("Cuff", "1810")) is None
