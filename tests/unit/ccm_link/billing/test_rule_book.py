"""The tables: what we ship, how years fold, a year added as a file, and where a mistake is said to be."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ccm_link import errors
from ccm_link.billing import fees, patient_month, rows, rule_book
from ccm_link.billing.rule_book import TableError
from ccm_link.month import Month
from tests.made_up_month import BOOK, called, month, propose, worked

SHIPPED = rule_book.shipped()
NEXT_YEAR = """title = "2027"
from_on = "2027-01-01"
note = "Made up."

[[code]]
form = "first_minutes"
name = "99470"
title = "Remote monitoring, first 5 minutes of management"
program = "rpm"
from_minutes = 5
needs = ["live_interaction"]
source = "Made up."
certainty = "several"

[[code]]
form = "further_minutes"
name = "99439"
title = "Chronic care management, each further 20 minutes of staff"
after = "99490"
every_minutes = 20
most_units = 3
cap_certainty = "several"
from_on = "2027-07-01"
source = "Made up."
certainty = "several"
"""


def test_we_ship_a_table_for_each_year_and_each_row_says_where_it_comes_from() -> None:
    assert BOOK.years == frozenset(range(2015, 2027))
    for year in BOOK.years:
        for row in BOOK.on(date(year, 12, 31)).of(rows.Row):
            assert row.row.source.endswith("."), row.row.name


def test_no_name_is_longer_than_ours_are() -> None:
    # The official descriptors are sentences of their publisher; ours are a few plain words.
    for row in BOOK.on(date(2026, 12, 31)).of(rows.Code):
        assert len(row.row.title.split()) <= 14, row.row.name


def test_a_year_without_a_table_is_not_guessed_from_its_neighbour() -> None:
    at = datetime(2027, 3, 3, 17, tzinfo=UTC)
    with pytest.raises(errors.NoBillingTable, match=r"2027.*2027\.toml"):
        propose(month([worked(3, 1200, at=at)], month=Month(2027, 3)))
    with pytest.raises(errors.NoBillingTable):
        BOOK.on(date(2014, 12, 31))


def test_what_programs_are_is_known_in_a_year_without_a_table_too() -> None:
    for asked, known in (
        (date(2099, 3, 1), date(2026, 12, 31)),
        (date(2001, 3, 1), date(2015, 12, 31)),
        (date(2026, 3, 1), date(2026, 3, 1)),
    ):
        assert BOOK.last_known(asked).day == known


def test_a_year_is_added_as_a_file_and_changes_within_it() -> None:
    book = rule_book.read({**SHIPPED, "2027": NEXT_YEAR})
    later = datetime(2028, 1, 1, tzinfo=UTC)

    def units(of_month: int) -> dict[str, int]:
        at = datetime(2027, of_month, 3, 17, tzinfo=UTC)
        entries = [called(3, 300, at=at), worked(4, 4800, at=at.replace(day=5))]
        found = patient_month.propose(book, month(entries, month=Month(2027, of_month)), later)
        return {line.code: line.count for line in found.proposed}

    assert units(6) == {"99439": 2, "99470": 1, "99490": 1}
    assert units(7) == {"99439": 3, "99470": 1, "99490": 1}


def test_a_sites_own_file_replaces_ours_of_that_year() -> None:
    empty = 'title = "2026"\nfrom_on = "2026-01-01"\nnote = "Nothing new."\n'
    book = rule_book.read({**SHIPPED, "2026": empty})
    assert book.on(date(2026, 6, 1)).find(rows.Code, "99445") is None


def test_rows_in_force_know_their_table_and_line() -> None:
    found = BOOK.on(date(2026, 11, 30)).find(rows.FirstMinutes, "99457")
    assert found is not None
    assert (found.table, found.from_on) == ("2024", date(2024, 1, 1))
    assert SHIPPED["2024"].splitlines()[found.line - 1] == "[[code]]"
    assert BOOK.on(date(2025, 9, 30)).find(rows.Code, "G0511") is not None
    assert BOOK.on(date(2025, 10, 1)).find(rows.Code, "G0511") is None


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        pytest.param(
            'form = "first_minutes"', 'form = "minutes"', 6, "one of first_minutes", id="form"
        ),
        pytest.param("from_minutes = 5", "from_minutes = 0", 10, "at least 1", id="bound"),
        pytest.param("from_minutes = 5", "from_minuts = 5", 10, "did you mean", id="key"),
        pytest.param('program = "rpm"', 'program = "xyz"', 5, 'program "xyz"', id="program"),
        pytest.param("live_interaction", "telepathy", 5, 'requirement "telepathy"', id="need"),
        pytest.param('after = "99490"', 'after = "1"', 15, "no first code", id="after"),
        pytest.param('"2027-07-01"', '"2028-07-01"', 23, "outside", id="outside of the year"),
        pytest.param('"2027-07-01"', '"July"', 23, "a day like", id="day"),
        pytest.param(
            'certainty = "several"', 'certainty = "sure"', 13, "one of primary", id="mark"
        ),
        pytest.param('source = "Made up."', 'source = " "', 5, "need words", id="source"),
        pytest.param("[[code]]", "[[cod]]", 5, "cod", id="section"),
        pytest.param('"2027-01-01"', '"2026-01-01"', 2, "first day", id="another year"),
        pytest.param("note = ", "note ", 3, "not TOML", id="no TOML"),
    ],
)
def test_a_mistake_is_said_with_its_line(right: str, wrong: str, line: int, words: str) -> None:
    assert right in NEXT_YEAR
    text = NEXT_YEAR.replace(right, wrong, 1)
    with pytest.raises(TableError) as caught:
        rule_book.read({**SHIPPED, "2027": text})
    found = [mistake for mistake in caught.value.mistakes if words in mistake.what]
    assert found, caught.value.mistakes
    assert found[0].line == line
    assert str(caught.value).startswith("2027")


@pytest.mark.parametrize(
    "wrong",
    [
        "code = 1",
        "[code]",
        "[[code]]",
        "[[code]]\nform = 1",
        '[[code]]\nform = "listed"\nname = 3',
        "[[exclusion]]",
        (
            '[[exclusion]]\nname = "a"\nprograms = ["ccm"]\neffect = "asks"\neffect_of_two = "asks"\n'
            'source = "Made up."\ncertainty = "one"'
        ),
        '[[ended]]\nsection = "x"\nname = "y"\nsource = "z"\ncertainty = "one"',
        "x = 1",
        "[" * 5000,
    ],
)
def test_whatever_a_file_holds_it_is_refused_with_words(wrong: str) -> None:
    head = NEXT_YEAR[: NEXT_YEAR.index("[[code]]")]
    with pytest.raises(TableError) as caught:
        rule_book.read({**SHIPPED, "2027": head + wrong})
    assert caught.value.mistakes
    with pytest.raises(TableError):
        BOOK.with_payer("a-payer", head + wrong)


@pytest.mark.parametrize("name", ["next", "1999", "2027-07", ""])
def test_a_table_is_called_by_its_year(name: str) -> None:
    with pytest.raises(TableError, match="called by its year"):
        rule_book.read({**SHIPPED, name: NEXT_YEAR})


def test_a_row_that_stands_twice_for_one_day_is_a_mistake() -> None:
    text = NEXT_YEAR + NEXT_YEAR[NEXT_YEAR.index("[[code]]") :]
    with pytest.raises(TableError, match="line 5 already"):
        rule_book.read({**SHIPPED, "2027": text})


def test_a_row_can_be_ended_and_begun_anew_on_one_day() -> None:
    ended = (
        '\n[[ended]]\nsection = "code"\nname = "99470"\nsource = "Made up."\ncertainty = "one"\n'
    )
    book = rule_book.read({**SHIPPED, "2027": NEXT_YEAR + ended})
    found = book.on(date(2027, 1, 1)).find(rows.FirstMinutes, "99470")
    assert found is not None
    assert found.row.from_minutes == 5


def test_ending_a_row_that_others_speak_of_is_a_mistake() -> None:
    ended = (
        '\n[[ended]]\nsection = "code"\nname = "99490"\nsource = "Made up."\ncertainty = "one"\n'
    )
    with pytest.raises(TableError, match="99439 follows 99490"):
        rule_book.read({**SHIPPED, "2027": NEXT_YEAR + ended})


FEES = """title = "Made up"
source = "Made up, 1 January 2026."

[[fee]]
code = "99490"
from_on = "2026-01-01"
until_on = "2026-12-31"
amount = "60.49"

[[fee]]
code = "99439"
from_on = "2026-01-01"
until_on = "2026-12-31"
amount = "45.01"
"""


def test_lines_come_to_amounts_and_what_has_none_is_named() -> None:
    table = fees.parse("fees.toml", FEES)
    found = propose(month([worked(3, 3600), called(5, 600)]))
    assert fees.amount(found.proposed, table) == fees.Amount(6049 + 2 * 4501, ("99470",))


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        pytest.param('"60.49"', '"60.5"', "an amount like", id="amount"),
        pytest.param('"60.49"', "60.49", "a string", id="no text"),
        pytest.param('until_on = "2026-12-31"', 'until_on = "2025-12-31"', "before", id="days"),
        pytest.param('code = "99439"', 'code = "99490"', "another fee", id="twice"),
    ],
)
def test_a_mistake_in_fees_is_said_with_its_line(right: str, wrong: str, words: str) -> None:
    with pytest.raises(TableError, match=words) as caught:
        fees.parse("fees.toml", FEES.replace(right, wrong, 1))
    assert all(mistake.line for mistake in caught.value.mistakes)
