"""Browsers over the made-up practice, a bare connection for what no browser would send, and ingest's door."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.bad_input.ingest_door import Door, doors
from tests.integration.ingest.conftest import home, other_home, owner
from tests.made_up_practice import PASSWORD

__all__ = ["home", "other_home", "owner"]  # fixtures of ingest's own tests

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
Visitor = Callable[[], httpx.Client]
SignIn = Callable[[str], httpx.Client]
Wire = Callable[[bytes], bytes]


@pytest.fixture
def visitor(address: str) -> Iterator[Visitor]:
    """Make browsers that belong to nobody yet."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            httpx.Client(base_url=address, headers=SAME_ORIGIN, timeout=20, verify=False)
        )


@pytest.fixture
def sign_in(visitor: Visitor) -> SignIn:
    """Make browsers in which somebody is signed in; without a practice in the name, of the made-up one."""

    def browser_of(name: str) -> httpx.Client:
        browser = visitor()
        typed = {
            "sign_in_name": name if "@" in name else f"{name}@millbrook",
            "password": PASSWORD,
        }
        answer = browser.post("/sign-in", data=typed)
        assert answer.status_code == 303, answer.text
        return browser

    return browser_of


@pytest.fixture
def casey(sign_in: SignIn) -> httpx.Client:
    """Return the browser of a care manager."""
    return sign_in("casey")


@pytest.fixture
def wire(address: str) -> Wire:
    """Send bytes as they are and return everything that comes back until the server hangs up."""

    def ask(sent: bytes) -> bytes:
        url = urlsplit(address)
        with socket.create_connection((url.hostname, url.port), timeout=15) as connection:
            connection.sendall(sent)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    return ask


@pytest.fixture
def door(database: Any, home: Any, owner: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Door]:
    """Take in what a gateway of the home sends."""
    yield from doors(database, home, owner, caplog)
