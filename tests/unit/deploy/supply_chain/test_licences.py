from __future__ import annotations

import pytest

from deploy.supply_chain import licences
from deploy.supply_chain.licences import Reviewed

KNOWN = Reviewed(
    frozenset({"MIT", "BSD-3-Clause"}), {"MIT License": "MIT"}, {"foreign": "BSD-3-Clause"}
)


@pytest.mark.parametrize(
    ("licence", "is_reviewed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        (None, False),
        ("MIT AND BSD-3-Clause", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only OR AGPL-3.0-only", False),
        ("MIT AND (GPL-3.0-only OR BSD-3-Clause)", True),
    ],
)
def test_a_licence_counts_only_if_somebody_read_what_it_takes(
    licence: str | None, is_reviewed: bool
) -> None:
    assert licences.is_reviewed(licence, KNOWN) is is_reviewed


def test_a_licence_is_what_the_package_says_of_itself() -> None:
    assert licences.licence_of("fastapi", KNOWN) == "MIT"


def test_a_package_that_says_nothing_has_the_licence_that_we_read() -> None:
    assert licences.licence_of("foreign", KNOWN) == "BSD-3-Clause"


def test_a_package_that_is_not_here_and_not_listed_has_none() -> None:
    assert licences.licence_of("no-such-package", KNOWN) is None


def test_words_that_nobody_interpreted_are_no_licence() -> None:
    # segno says “BSD License”, which may mean two.
    assert licences.licence_of("pluggy", Reviewed(frozenset(), {}, {})) is None
