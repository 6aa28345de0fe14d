from __future__ import annotations

from decimal import Decimal

import pytest

from firmware_profiles import sfloat
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.sfloat import Sfloat, Special

SPECIAL_WORDS = {special.value for special in Special}


def word(number: int) -> Sfloat:
    return Sfloat.from_bytes(number.to_bytes(2, "little"))


def test_every_word_comes_back_when_decoded_and_encoded() -> None:
    for number in range(0x10000):
        raw = number.to_bytes(2, "little")
        assert Sfloat.from_bytes(raw).to_bytes() == raw


def test_value_is_mantissa_times_power_of_ten_when_word_is_a_number() -> None:
    for number in range(0x10000):
        if number in SPECIAL_WORDS:
            continue
        # Two's complement the long way round: subtract the modulus if the sign bit is set.
        mantissa = (number % 4096) - (4096 if number % 4096 > 2047 else 0)
        exponent = (number // 4096) - (16 if number // 4096 > 7 else 0)
        assert word(number).decimal() == mantissa * Decimal(10) ** exponent


def test_number_is_written_exactly_when_made_from_its_own_decimal() -> None:
    for number in range(0x10000):
        if number in SPECIAL_WORDS:
            continue
        exact = word(number).decimal()
        assert exact is not None
        assert Sfloat.of(exact) == word(number)


@pytest.mark.parametrize(
    ("number", "special"),
    [
        pytest.param(0x07FF, Special.NAN, id="nan"),
        pytest.param(0x0800, Special.NRES, id="nres"),
        pytest.param(0x07FE, Special.POSITIVE_INFINITY, id="positive-infinity"),
        pytest.param(0x0802, Special.NEGATIVE_INFINITY, id="negative-infinity"),
        pytest.param(0x0801, Special.RESERVED, id="reserved"),
    ],
)
def test_no_number_when_word_is_special(number: int, special: Special) -> None:
    assert word(number).special is special
    assert word(number).decimal() is None


def test_exactly_five_words_are_special() -> None:
    assert {n for n in range(0x10000) if word(n).decimal() is None} == SPECIAL_WORDS


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0x0078, "120", id="whole number"),
        pytest.param(0xF7FF, "204.7", id="special mantissa with an exponent"),
        pytest.param(0x0FFF, "-1", id="all mantissa bits set"),
        pytest.param(0xC037, "0.0055", id="5.5 mmol/L as 55e-4 mol/L"),
        pytest.param(0x8001, "1E-8", id="smallest exponent"),
        pytest.param(0x7001, "1E+7", id="largest exponent"),
        pytest.param(0x0803, "-2045", id="smallest whole number"),
    ],
)
def test_known_words_when_decoded(number: int, text: str) -> None:
    assert str(word(number).decimal()) == text


@pytest.mark.parametrize(
    ("number", "mantissa", "exponent"),
    [
        pytest.param("5.50", 550, -2, id="keeps its resolution"),
        pytest.param(2500, 250, 1, id="drops zeros it cannot hold"),
        pytest.param("1E+9", 100, 7, id="adds zeros for an exponent it cannot hold"),
        pytest.param("0E-20", 0, -8, id="zero at the nearest resolution"),
        pytest.param("-0.125", -125, -3, id="negative"),
    ],
)
def test_number_is_written_at_the_nearest_resolution(
    number: str | int, mantissa: int, exponent: int
) -> None:
    assert Sfloat.of(number) == Sfloat(mantissa, exponent)


@pytest.mark.parametrize("number", [2049, "1.2345", 2047, "1E+99999", "NaN", "Infinity", "1E-9"])
def test_refuses_when_no_word_is_exactly_the_number(number: str | int) -> None:
    with pytest.raises(ValueError, match=r"SFLOAT|sfloat"):
        Sfloat.of(number)


@pytest.mark.parametrize(("mantissa", "exponent"), [(2048, 0), (-2049, 0), (1, 8), (1, -9)])
def test_refuses_when_parts_do_not_fit(mantissa: int, exponent: int) -> None:
    with pytest.raises(ValueError, match="SFLOAT"):
        Sfloat(mantissa, exponent)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"\x01", FrameReason.SHORT_FRAME), (b"\x01\x02\x03", FrameReason.TRAILING_BYTES)],
)
def test_refuses_when_not_two_bytes(raw: bytes, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        Sfloat.from_bytes(raw)
    assert caught.value.reason is reason


def test_named_constants_are_the_special_words() -> None:
    assert sfloat.NAN.to_bytes() == b"\xff\x07"
    assert sfloat.NRES.to_bytes() == b"\x00\x08"
    assert sfloat.POSITIVE_INFINITY.to_bytes() == b"\xfe\x07"
    assert sfloat.NEGATIVE_INFINITY.to_bytes() == b"\x02\x08"
