from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccm_link.plan import business_days

NEW_YORK = ZoneInfo("America/New_York")
# As the Office of Personnel Management lists them (opm.gov, Federal Holidays).
LISTED = {
    2021: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    2022: "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26",
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
}


@pytest.mark.parametrize(("year", "listed"), LISTED.items())
def test_holidays_are_those_that_are_listed(year: int, listed: str) -> None:
    found = sorted(business_days.federal_holidays(year))
    assert " ".join(f"{one:%m-%d}" for one in found) == listed


def test_juneteenth_is_one_since_its_law() -> None:
    assert date(2020, 6, 19) not in business_days.federal_holidays(2020)


@settings(max_examples=25)
@given(st.dates(date(2015, 1, 1), date(2035, 12, 31)))
def test_the_next_business_days_rise_and_leave_none_out(day: date) -> None:
    first, second = islice(business_days.after(day), 2)
    assert day < first < second <= day + timedelta(days=7)
    between = [day + timedelta(days=n) for n in range(1, (second - day).days)]
    assert [one for one in between if business_days.is_business_day(one)] == [first]


@pytest.mark.parametrize(
    ("discharged", "due"),
    [
        ("2026-11-02 09:00", "2026-11-04 23:59"),  # Monday to Wednesday
        ("2026-11-06 18:00", "2026-11-10 23:59"),  # Friday: Monday, Tuesday
        ("2026-11-07 08:00", "2026-11-10 23:59"),  # Saturday as well
        ("2026-11-09 08:00", "2026-11-12 23:59"),  # Wednesday is Veterans Day
        ("2026-10-30 23:30", "2026-11-03 23:59"),  # the clocks go back on Sunday
    ],
)
def test_a_contact_is_due_at_the_end_of_the_second_business_day_of_the_practice(
    discharged: str, due: str
) -> None:
    at = datetime.fromisoformat(discharged).replace(tzinfo=NEW_YORK).astimezone(UTC)
    found = business_days.contact_due_at(at, NEW_YORK)
    assert found.tzinfo is UTC
    assert f"{found.astimezone(NEW_YORK):%Y-%m-%d %H:%M}" == due
