from __future__ import annotations

from datetime import date

import pytest

from deploy import errors
from deploy.supply_chain import advisory
from deploy.supply_chain.advisory import Advisory, Bound, Collection, Event

INTRODUCED, FIXED, LAST = Bound.INTRODUCED, Bound.FIXED, Bound.LAST_AFFECTED


def about(*events: Event, versions: tuple[str, ...] = ()) -> Advisory:
    return Advisory("A-1", (), "thing", (events,) if events else (), versions)


@pytest.mark.parametrize(
    ("found", "version", "is_affected"),
    [
        pytest.param(about((INTRODUCED, "0"), (FIXED, "1.2")), "1.1.9", True, id="before the fix"),
        pytest.param(about((INTRODUCED, "0"), (FIXED, "1.2")), "1.2", False, id="the fix"),
        pytest.param(about((INTRODUCED, "0"), (FIXED, "1.2")), "1.2rc1", True, id="its candidate"),
        pytest.param(
            about((INTRODUCED, "0"), (FIXED, "1.2")), "1.10", False, id="numbers, not text"
        ),
        pytest.param(
            about((INTRODUCED, "0"), (FIXED, "1.2")), "1.2.post1", False, id="after the fix"
        ),
        pytest.param(about((INTRODUCED, "0"), (FIXED, "9")), "1!0.1", False, id="a later epoch"),
        pytest.param(about((INTRODUCED, "1.0")), "0.9", False, id="before it came"),
        pytest.param(about((INTRODUCED, "1.0")), "7.0", True, id="never fixed"),
        pytest.param(about((INTRODUCED, "1"), (LAST, "1.5")), "1.5", True, id="the last one"),
        pytest.param(about((INTRODUCED, "1"), (LAST, "1.5")), "1.5.1", False, id="after the last"),
        pytest.param(
            about((FIXED, "2.3"), (INTRODUCED, "2.0"), (FIXED, "1.4"), (INTRODUCED, "0")),
            "1.9",
            False,
            id="between two ranges in any order",
        ),
        pytest.param(
            about((FIXED, "2.3"), (INTRODUCED, "2.0"), (FIXED, "1.4"), (INTRODUCED, "0")),
            "2.2",
            True,
            id="in the second range",
        ),
        pytest.param(about(versions=("1.0",)), "1.0.0", True, id="listed, written otherwise"),
        pytest.param(about(versions=("1.0",)), "1.0.1", False, id="not listed"),
        pytest.param(about(versions=("not-a-version",)), "not-a-version", True, id="odd, listed"),
        pytest.param(about((INTRODUCED, "0")), "not-a-version", False, id="odd, not comparable"),
    ],
)
def test_a_version_is_affected_as_pythons_order_says(
    found: Advisory, version: str, is_affected: bool
) -> None:
    assert advisory.affects(found, version) is is_affected


def test_a_collection_is_read_as_it_was_written() -> None:
    collection = Collection(
        source="s",
        licence="CC-BY-4.0",
        commit="c",
        taken_on=date(2026, 11, 1),
        packages=frozenset({"thing", "other"}),
        is_complete=True,
        advisories=(about((INTRODUCED, "0"), (FIXED, "1.2"), versions=("3.0",)),),
    )
    text = advisory.write(collection)
    assert advisory.read(text) == collection
    assert advisory.write(advisory.read(text)) == text


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"source": 1}', "\x00"])
def test_what_is_no_collection_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(errors.SupplyChainError, match="deploy/lock"):
        advisory.read(text)


def test_an_advisory_tells_what_mends_it() -> None:
    found = Advisory(
        "A", (), "t", (((INTRODUCED, "0"), (FIXED, "1.4")), ((INTRODUCED, "2"), (FIXED, "2.1")))
    )
    assert found.fixed_in == ("1.4", "2.1")
