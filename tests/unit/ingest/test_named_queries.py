from __future__ import annotations

import pytest

from ingest import errors, named_queries

GOOD = """\
-- Everything about cats.
-- name: all_cats
-- All of them, 100 %.
select *
from cat;

-- name: cat
-- One.
select * from cat where name = %(name)s
"""


def test_statements_are_found_by_name_without_their_comments() -> None:
    queries = named_queries.parse("zoo/queries.sql", GOOD)

    assert list(queries) == ["all_cats", "cat"]
    assert queries.all_cats == "select *\nfrom cat"
    assert queries.cat == "select * from cat where name = %(name)s"


def test_unknown_name_is_an_attribute_error_that_names_the_file() -> None:
    with pytest.raises(AttributeError, match=r"zoo/queries\.sql has no statement “dog”"):
        _ = named_queries.parse("zoo/queries.sql", GOOD).dog


@pytest.mark.parametrize(
    "text",
    [
        "select 1;",
        "-- name: one\nselect 1;",
        "-- name: one\n-- Nothing.\n",
        "-- name: one\n-- Nothing.\n;",
        "-- name: One\n-- Upper case.\nselect 1;",
        "-- name:\n-- No name.\nselect 1;",
        "-- name: one\n-- Once.\nselect 1;\n-- name: one\n-- Twice.\nselect 1;",
    ],
    ids=["no name", "no comment", "no statement", "only ;", "upper case", "empty name", "twice"],
)
def test_file_is_refused_when_it_does_not_follow_the_form(text: str) -> None:
    with pytest.raises(errors.QueryFileError, match=r"zoo/queries\.sql"):
        named_queries.parse("zoo/queries.sql", text)


def test_package_is_read_once_when_loaded_twice() -> None:
    assert named_queries.load("ingest") is named_queries.load("ingest")
