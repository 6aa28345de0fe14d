from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import medfloat32
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.medfloat32 import Medfloat32
from firmware_profiles.sfloat import Special

WORDS = st.binary(min_size=4, max_size=4)


def word(number: int) -> Medfloat32:
    return Medfloat32.from_bytes(number.to_bytes(4, "little"))


@given(WORDS)
def test_every_word_comes_back_when_decoded_and_encoded(raw: bytes) -> None:
    assert Medfloat32.from_bytes(raw).to_bytes() == raw


@given(st.integers(-8388607, 8388605), st.integers(-128, 127))
def test_a_number_is_written_exactly_when_made_from_its_own_decimal(
    mantissa: int, exponent: int
) -> None:
    exact = Medfloat32(mantissa, exponent).decimal()
    if exact is not None:
        assert exact == mantissa * Decimal(10) ** exponent
        assert Medfloat32.of(exact) == Medfloat32(mantissa, exponent)


@pytest.mark.parametrize(
    ("number", "special"),
    [
        pytest.param(0x007FFFFF, Special.NAN, id="nan"),
        pytest.param(0x00800000, Special.NRES, id="nres"),
        pytest.param(0x007FFFFE, Special.POSITIVE_INFINITY, id="positive-infinity"),
        pytest.param(0x00800002, Special.NEGATIVE_INFINITY, id="negative-infinity"),
        pytest.param(0x00800001, Special.RESERVED, id="reserved"),
    ],
)
def test_no_number_when_word_is_special(number: int, special: Special) -> None:
    assert word(number).special is special
    assert word(number).decimal() is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        # The example of Bluetooth SIG, Personal Health Devices Transcoding, as public stacks quote it.
        pytest.param(0xFF00016C, Decimal("36.4"), id="364 * 10^-1"),
        pytest.param(0xFE000E3A, Decimal("36.42"), id="3642 * 10^-2"),
        pytest.param(0xFFFFFFFF, Decimal("-0.1"), id="negative"),
        pytest.param(0xFF7FFFFF, Decimal("838860.7"), id="mantissa of NaN with an exponent"),
        pytest.param(0xFF800000, Decimal("-838860.8"), id="mantissa of NRes with an exponent"),
    ],
)
def test_known_words(number: int, expected: Decimal) -> None:
    assert word(number).decimal() == expected
    assert word(number).special is None


@pytest.mark.parametrize("number", ["NaN", "8388608", "8388607", "-8388608", "1E-129", "1E128"])
def test_refuses_to_write_what_no_word_is(number: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each with its own words
        Medfloat32.of(number)


def test_resolution_is_kept() -> None:
    assert Medfloat32.of("37.0") == Medfloat32(370, -1)
    assert Medfloat32.of("37.00").decimal() == Decimal("37.00")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"\0\0\0", FrameReason.SHORT_FRAME), (b"\0" * 5, FrameReason.TRAILING_BYTES)],
)
def test_refuses_another_length(raw: bytes, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        Medfloat32.from_bytes(raw)
    assert caught.value.reason is reason


def test_named_words_are_the_special_ones() -> None:
    named = (
        *(medfloat32.NAN, medfloat32.NRES),
        *(medfloat32.POSITIVE_INFINITY, medfloat32.NEGATIVE_INFINITY),
    )
    assert [one.special for one in named] == [
        *(Special.NAN, Special.NRES),
        *(Special.POSITIVE_INFINITY, Special.NEGATIVE_INFINITY),
    ]
