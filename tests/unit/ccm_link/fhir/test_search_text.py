"""What the texts of search parameters mean, and what is no such text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link.fhir import search_text
from ccm_link.fhir.search_text import Span, Token, Unusable

HOME = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026", "2026-01-01T05:00Z", "2027-01-01T05:00Z"),
        ("2026-12", "2026-12-01T05:00Z", "2027-01-01T05:00Z"),
        ("2026-11-12", "2026-11-12T05:00Z", "2026-11-13T05:00Z"),
        # Twenty-five and twenty-three hours: the days on which the clocks go back and forth.
        ("2026-11-01", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
        ("2026-03-08", "2026-03-08T05:00Z", "2026-03-09T04:00Z"),
        ("2026-11-12T07:00", "2026-11-12T12:00Z", "2026-11-12T12:01Z"),
        ("2026-11-12T07:00:05", "2026-11-12T12:00:05Z", "2026-11-12T12:00:06Z"),
        ("2026-11-12T12:00:05Z", "2026-11-12T12:00:05Z", "2026-11-12T12:00:06Z"),
        ("2026-11-12T13:00:05+01:00", "2026-11-12T12:00:05Z", "2026-11-12T12:00:06Z"),
        ("2026-11-12T12:00:05.25Z", "2026-11-12T12:00:05.25Z", "2026-11-12T12:00:05.26Z"),
    ],
)
def test_a_date_means_all_that_it_covers(text: str, begins: str, ends: str) -> None:
    assert search_text.span(text, HOME) == Span(at(begins), at(ends))
    assert search_text.span(f"eq{text}", HOME) == Span(at(begins), at(ends))
    assert search_text.span(f"ge{text}", HOME) == Span(at(begins), None)
    assert search_text.span(f"lt{text}", HOME) == Span(None, at(begins))
    assert search_text.span(f"eb{text}", HOME) == Span(None, at(begins))
    assert search_text.span(f"le{text}", HOME) == Span(None, at(ends))
    assert search_text.span(f"gt{text}", HOME) == Span(at(ends), None)
    assert search_text.span(f"sa{text}", HOME) == Span(at(ends), None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2026-13",
        "2026-02-29",
        "2026-11-12T25:00",
        "2026-11-12T07",
        "2026-11-12T07:00:00 01:00",
        "2026-11-12T07:00:00+99:00",
        "26-11-12",
        "٢٠٢٦",
        "ne2026",
        "ap2026",
        "0001-01-01",
        "9999-12-31",
        "2026-11-12\n",
    ],
)
def test_what_is_no_date_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(Unusable) as caught:
        search_text.span(text, HOME)
    assert not text.strip() or text not in str(caught.value)


@given(st.datetimes(at("2000-01-01"), at("2100-01-01"), timezones=st.just(UTC)))
def test_before_at_and_after_an_instant_leave_nothing_out(instant: datetime) -> None:
    text = instant.isoformat()
    spans = [search_text.span(f"{prefix}{text}", HOME) for prefix in ("lt", "eq", "gt")]
    for moved in (-1, 0, 1):
        other = instant + timedelta(seconds=moved)
        assert sum(span.holds(other) for span in spans) == 1
    assert spans[1].holds(instant)


def test_two_spans_leave_what_lies_in_both() -> None:
    from_, until = search_text.span("ge2026-11", HOME), search_text.span("lt2026-12", HOME)
    assert from_.and_(until) == search_text.span("2026-11", HOME)
    nothing = from_.and_(search_text.span("lt2025", HOME))
    assert not nothing.holds(at("2026-11-12T00:00Z"))


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("85354-9", Token(None, "85354-9")),
        ("http://loinc.org|85354-9", Token("http://loinc.org", "85354-9")),
        ("|85354-9", Token("", "85354-9")),
        ("http://loinc.org|", Token("http://loinc.org", None)),
    ],
)
def test_a_code_says_which_system_it_is_of(text: str, token: Token) -> None:
    assert search_text.tokens(text) == [token]
    assert token.fits("http://loinc.org", "85354-9") is (token.system != "")


def test_alternatives_stand_behind_each_other_and_a_comma_can_be_meant() -> None:
    assert search_text.alternatives(r"Smith\, John,Ada") == ["Smith, John", "Ada"]
    assert search_text.ids("a-1,b.2") == ["a-1", "b.2"]
    for text in ("", ",", "a,", "a" * 201, ",".join("a" * 51)):
        with pytest.raises(Unusable):
            search_text.alternatives(text)


@pytest.mark.parametrize(
    "text", ["a/b", "Group/1", "http://x.example/Patient/1", "Patient/", "a b", ""]
)
def test_a_reference_to_something_else_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        search_text.referenced(text, "Patient")
    assert search_text.referenced("Patient/a", "Patient") == search_text.referenced("a", "Patient")


def test_a_birthday_has_no_time_of_day() -> None:
    utc = ZoneInfo("UTC")
    assert search_text.days(search_text.span("1951-03", utc)) == (
        date(1951, 3, 1),
        date(1951, 4, 1),
    )
    with pytest.raises(Unusable):
        search_text.days(search_text.span("1951-03-17T08:00", utc))
