from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import blood_pressure_record, e2e_crc, uuids
from firmware_profiles.blood_pressure_record import Segment, StoredValue
from firmware_profiles.errors import FrameError, FrameReason

VALUES = st.builds(
    StoredValue,
    st.integers(0, 0xFFFF),
    st.sampled_from([uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT, uuids.BLOOD_PRESSURE_MEASUREMENT]),
    st.binary(max_size=60),
)
ONE = StoredValue(7, uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT, bytes.fromhex("40780050005d00"))


def test_the_checksum_is_the_known_one() -> None:
    assert e2e_crc.of(b"123456789") == 0x6F91
    assert e2e_crc.of(b"") == 0xFFFF
    assert e2e_crc.of(b"6789", e2e_crc.of(b"12345")) == 0x6F91
    assert e2e_crc.to_bytes(0x6F91) == b"\x91\x6f"


@given(VALUES, st.integers(1, 20), st.booleans(), st.integers(0, 63))
def test_a_record_comes_back_however_it_was_cut(
    value: StoredValue, part_size: int, has_crc: bool, counter: int
) -> None:
    notifications = blood_pressure_record.segmented(
        value, part_size=part_size, has_crc=has_crc, counter=counter
    )
    assert blood_pressure_record.whole(notifications, has_crc=has_crc) == value


def test_a_record_of_one_segment() -> None:
    # first and last, counter 5: 0b000101_11; sequence number 7; 0x2b34
    raw = bytes.fromhex("17 0700 342b 40780050005d00")
    assert blood_pressure_record.whole([raw], has_crc=False) == ONE
    assert blood_pressure_record.segmented(ONE, part_size=20, has_crc=False, counter=5) == [raw]


@given(st.binary(max_size=30))
def test_a_segment_comes_back_when_it_was_accepted(raw: bytes) -> None:
    try:
        segment = Segment.from_bytes(raw)
    except FrameError:
        return
    assert segment.to_bytes() == raw


Change = Callable[[list[bytes]], list[bytes]]


def other(place: int, octet: int, with_what: int) -> Change:
    def changed(segments: list[bytes]) -> list[bytes]:
        at = place % len(segments)
        one = bytearray(segments[at])
        one[octet] ^= with_what
        return [*segments[:at], bytes(one), *segments[at + 1 :]]

    return changed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda _: [], FrameReason.SHORT_FRAME, id="nothing"),
        pytest.param(lambda s: s[1:], FrameReason.SHORT_FRAME, id="first missing"),
        pytest.param(lambda s: s[:-1], FrameReason.SHORT_FRAME, id="last missing"),
        pytest.param(lambda s: [s[0], *s[2:]], FrameReason.RESERVED_VALUE, id="one missing"),
        pytest.param(
            lambda s: [s[0], s[2], s[1], *s[3:]], FrameReason.RESERVED_VALUE, id="out of order"
        ),
        pytest.param(lambda s: [s[0], *s], FrameReason.RESERVED_VALUE, id="one twice"),
        pytest.param(other(1, 1, 1), FrameReason.RESERVED_VALUE, id="another record's"),
        pytest.param(other(1, 3, 1), FrameReason.RESERVED_VALUE, id="another characteristic's"),
        pytest.param(other(1, 0, 1), FrameReason.RESERVED_VALUE, id="first twice"),
        pytest.param(other(1, 5, 1), FrameReason.IMPOSSIBLE_VALUE, id="a bit of the value"),
        pytest.param(other(-1, -1, 1), FrameReason.IMPOSSIBLE_VALUE, id="a bit of the checksum"),
        pytest.param(lambda s: [*s[:-1], s[-1][:5]], FrameReason.SHORT_FRAME, id="no checksum"),
    ],
)
def test_refuses_what_is_no_record(change: Change, reason: FrameReason) -> None:
    notifications = blood_pressure_record.segmented(ONE, part_size=2, has_crc=True, counter=62)
    with pytest.raises(FrameError) as caught:
        blood_pressure_record.whole(change(notifications), has_crc=True)
    assert caught.value.reason is reason


@given(VALUES, st.integers(1, 20), st.integers(0), st.integers(0, 7))
def test_every_changed_bit_is_noticed(
    value: StoredValue, part_size: int, octet: int, bit: int
) -> None:
    notifications = blood_pressure_record.segmented(value, part_size=part_size, has_crc=True)
    place = octet % len(notifications)
    changed = other(place, octet % len(notifications[place]), 1 << bit)(notifications)
    with pytest.raises(FrameError):
        blood_pressure_record.whole(changed, has_crc=True)


def test_a_segment_carries_something() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        blood_pressure_record.segmented(ONE, part_size=0, has_crc=False)
