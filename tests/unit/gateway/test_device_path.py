"""BlueZ's object paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bluez import device_path


@given(octets=st.binary(min_size=6, max_size=6), adapter=st.integers(0, 99))
def test_address_is_found_when_the_path_is_a_devices(octets: bytes, adapter: int) -> None:
    path = f"/org/bluez/hci{adapter}/dev_{octets.hex('_').upper()}"
    assert device_path.address(path) == octets.hex(":").upper()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="empty"),
        pytest.param("/org/bluez/hci0", id="adapter"),
        pytest.param("/org/bluez/hci0/dev_C4_65_1B_00_00", id="short"),
        pytest.param("/org/bluez/hci0/dev_C4_65_1B_00_00_01_02", id="long"),
        pytest.param("/org/bluez/hci0/dev_c4_65_1b_00_00_01", id="lower-case"),
        pytest.param("/org/bluez/hci0/dev_C4_65_1B_00_00_01/service000a", id="service"),
        pytest.param("/org/evil/org/bluez/hci0/dev_C4_65_1B_00_00_01", id="elsewhere"),
        pytest.param("/org/bluez/hci0/dev_C4_65_1B_00_00_01\n", id="line-feed"),
    ],
)
def test_no_address_is_found_when_the_path_is_not_a_devices(path: str) -> None:
    assert device_path.address(path) is None
