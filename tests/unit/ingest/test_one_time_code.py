from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import one_time_code
from ingest.one_time_code import Purpose, Typed

CLAIM, HOME = Purpose.CLAIM_GATEWAY, Purpose.HOME_SIGN_IN


@pytest.mark.parametrize(
    "typed",
    [
        "K7QF-2M9X-0A1B",
        "k7qf-2m9x-0a1b",
        "K7QF2M9X0A1B",
        " K7QF 2M9X 0A1B\n",
        "K7QF – 2M9X — 0A1B",
        "K7QF\u20112M9X\u00a00A1B",
        "K7QF-2M9X-OAIB",
        "k7qf-2m9x-oalb",
        "Ｋ７ＱＦ－２Ｍ９Ｘ－０Ａ１Ｂ",
    ],
    ids=[
        "as shown", "lower case", "without dashes", "with spaces", "with other dashes",
        "with unbreakable ones", "letters O and I", "letters o and l", "full-width letters",
    ],
)  # fmt: skip
def test_code_is_read_however_people_write_it(typed: str) -> None:
    assert one_time_code.read(HOME, typed) == Typed("K7QF", "2M9X0A1B")


@pytest.mark.parametrize(
    "typed",
    [
        "", "-", "K7QF-2M9X-0A1", "K7QF-2M9X-0A1BC", "K7QF-2M9X-0A1U", "K7QF-2M9X-0A1!", "K7QF_2M9X_0A1B",
        "K7QF-2M9X-0A1\0", "К7QF-2M9X-0A1B", "K7QF-2M9X-0A1" + " " * 100 + "B", "١٢٣٤-١٢٣٤-١٢٣٤",
    ],
    ids=[
        "nothing", "dash", "too short", "too long", "no such letter", "punctuation", "underscores", "NUL",
        "Cyrillic", "padded beyond what anybody types", "other digits",
    ],
)  # fmt: skip
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert one_time_code.read(HOME, typed) is None


def test_code_of_another_length_is_for_another_purpose() -> None:
    assert one_time_code.read(CLAIM, "K7QF-2M9X-0A1B") is None
    assert one_time_code.read(CLAIM, "K7QF-2M9X-0A1B-2222-3333") == Typed(
        "K7QF", "2M9X0A1B22223333"
    )


@given(st.text(max_size=120))
def test_any_text_is_a_code_of_the_alphabet_or_none(typed: str) -> None:
    code = one_time_code.read(HOME, typed)

    assert code is None or set(code.locator + code.secret) <= set(
        string.digits + string.ascii_uppercase
    ) - set("ILOU")


def test_letters_are_shown_in_groups_of_four() -> None:
    assert one_time_code.grouped("K7QF2M9X0A1B") == "K7QF-2M9X-0A1B"
