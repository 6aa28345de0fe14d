"""The console over a database with the made-up practice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.made_up_practice import PASSWORD

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def visitor(address: str) -> Iterator[Callable[[], httpx.Client]]:
    """Make browsers that belong to nobody yet."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            httpx.Client(base_url=address, headers=SAME_ORIGIN, timeout=20)
        )


@pytest.fixture
def sign_in(visitor: Callable[[], httpx.Client]) -> Callable[[str], httpx.Client]:
    """Make browsers in which somebody is signed in."""

    def browser_of(name: str) -> httpx.Client:
        browser = visitor()
        answer = browser.post("/sign-in", data={"sign_in_name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return browser

    return browser_of


@pytest.fixture
def casey(sign_in: Callable[[str], httpx.Client]) -> httpx.Client:
    """Return the browser of a care manager."""
    return sign_in("casey")
