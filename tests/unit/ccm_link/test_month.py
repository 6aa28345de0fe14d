from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link import errors, month

months = st.builds(month.Month, st.integers(2000, 9998), st.integers(1, 12))


@given(months)
def test_text_of_a_month_reads_back(of_month: month.Month) -> None:
    assert month.Month.parse(str(of_month)) == of_month


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-3",
        "2026-13",
        "2026-00",
        "1999-12",
        "2026-03-01",
        "２０２６-03",
        "2026-03\n",
    ],
)
def test_month_is_refused_when_text_is_none(text: str) -> None:
    with pytest.raises(errors.BadMonth, match="2026-03"):
        month.Month.parse(text)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        pytest.param("America/New_York", month.Month(2026, 3), id="west: still March"),
        pytest.param("UTC", month.Month(2026, 4), id="utc: April"),
        pytest.param("Asia/Tokyo", month.Month(2026, 4), id="east: April"),
    ],
)
def test_month_of_an_instant_is_the_one_on_the_wall(zone: str, expected: month.Month) -> None:
    assert month.Month.of(datetime(2026, 4, 1, 1, 0, tzinfo=UTC), zone) == expected


@given(months, months)
def test_months_sort_as_their_text_does(one: month.Month, other: month.Month) -> None:
    assert (one < other) == (str(one) < str(other))
