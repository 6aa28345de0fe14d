from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import device_information
from firmware_profiles.errors import FrameError, FrameReason


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(b"UA-651BLE", "UA-651BLE", id="as it is"),
        pytest.param(b"UA-651BLE\0", "UA-651BLE", id="NUL to an even length"),
        pytest.param(b"BM54\0\0\0\0", "BM54", id="NULs"),
        pytest.param(b"BM54\0junk", "BM54", id="something behind the NUL"),
        pytest.param(b" Roche  ", "Roche", id="blanks"),
        pytest.param("i‑SENS".encode(), "i‑SENS", id="UTF-8"),
        pytest.param(b"\xff\xfeA", "��A", id="no UTF-8"),
        pytest.param(b"A\nB\x1b[31m", "A B [31m", id="what would move a cursor"),
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"\0\0", "", id="padding alone"),
        pytest.param(b"A" * 500, "A" * 128, id="endless"),
    ],
)
def test_strings_lose_their_padding(raw: bytes, text: str) -> None:
    assert device_information.text(raw) == text


@given(st.binary(max_size=300))
def test_a_string_can_be_shown_whatever_it_is(raw: bytes) -> None:
    text = device_information.text(raw)
    assert text.isprintable()
    assert text == text.strip()
    assert len(text) <= 128


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=40), st.booleans())
def test_a_string_comes_back(text: str, is_even: bool) -> None:
    raw = device_information.text_to_bytes(text, is_even=is_even)
    assert device_information.text(raw) == text
    assert not is_even or len(raw) % 2 == 0


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        pytest.param("030201feff1f0900", "00:09:1F:01:02:03", id="of an address"),
        pytest.param("030201ffff1f0900", "00:09:1F:01:02:03", id="of an address, deprecated"),
        pytest.param("0000000000000000", None, id="zeros"),
        pytest.param("000000feff000000", None, id="of no address"),
        pytest.param("0102030405060708", None, id="of something else"),
    ],
)
def test_system_id(raw: str, address: str | None) -> None:
    assert device_information.address_of_system_id(bytes.fromhex(raw)) == address


def test_system_id_comes_back() -> None:
    raw = device_information.system_id_to_bytes("00:09:1F:01:02:03")
    assert device_information.address_of_system_id(raw) == "00:09:1F:01:02:03"


@pytest.mark.parametrize("raw", [b"", b"\0" * 7, b"\0" * 9])
def test_refuses_a_system_id_of_another_length(raw: bytes) -> None:
    with pytest.raises(FrameError):
        device_information.address_of_system_id(raw)


@pytest.mark.parametrize("percent", [0, 33, 66, 100])
def test_battery_level_comes_back(percent: int) -> None:
    raw = device_information.battery_to_bytes(percent)
    assert device_information.battery_percent(raw) == percent


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", FrameReason.EMPTY_FRAME),
        (b"\x65", FrameReason.RESERVED_VALUE),
        (b"\xff", FrameReason.RESERVED_VALUE),
        (b"\x32\x00", FrameReason.TRAILING_BYTES),
    ],
)
def test_refuses_a_battery_level_that_means_nothing(raw: bytes, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        device_information.battery_percent(raw)
    assert caught.value.reason is reason
