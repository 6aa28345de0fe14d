from __future__ import annotations

import re

import pytest

from firmware_profiles import uuids

NAMES = [name for name in vars(uuids) if name.isupper() and not name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_four_lower_case_digits_and_comes_back(name: str) -> None:
    short = getattr(uuids, name)
    assert re.fullmatch("[0-9a-f]{4}", short)
    assert uuids.short_uuid(uuids.full_uuid(short)) == short


def test_full_uuid_is_in_the_bluetooth_base() -> None:
    assert uuids.full_uuid("2A35") == "00002a35-0000-1000-8000-00805f9b34fb"
    assert uuids.short_uuid("00002A35-0000-1000-8000-00805F9B34FB") == "2a35"


def test_vendor_uuid_stays_whole() -> None:
    vendor = "233BF001-5A34-1B6D-975C-000D5690ABE4"
    assert uuids.short_uuid(vendor) == vendor.lower()
