"""The console over a database with the made-up practice."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from ingest import session_store
from ingest.people import SignedInBy
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def visitor(address: str) -> Iterator[Callable[[], httpx.Client]]:
    """Make browsers that belong to nobody yet."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            httpx.Client(base_url=address, headers=SAME_ORIGIN, timeout=20, verify=False)
        )


@pytest.fixture
def sign_in(visitor: Callable[[], httpx.Client]) -> Callable[[str], httpx.Client]:
    """Make browsers in which somebody is signed in; without a practice in the name, of the made-up one."""

    def browser_of(name: str) -> httpx.Client:
        browser = visitor()
        name = name if "@" in name else f"{name}@millbrook"
        answer = browser.post("/sign-in", data={"sign_in_name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return browser

    return browser_of


@pytest.fixture
def sign_in_at_home(
    visitor: Callable[[], httpx.Client], connect: Connect, made_up: MadeUp, clock: Clock
) -> Callable[[str], httpx.Client]:
    """Make browsers in which a person at home is signed in who sees Amalia: her ("patient") or her carer ("carer")."""

    def browser_of(role: str) -> httpx.Client:
        with connect("postgres") as connection:
            (person_id,) = connection.execute(
                "insert into ingest.home_person (practice_id, patient_id, role, display_name, added_by, added_at)"
                " values (%s, %s, %s, 'Amalia', %s, %s) returning person_id",
                (
                    made_up.practice_id,
                    made_up.patients["amalia"],
                    role,
                    made_up.staff["casey"],
                    clock.now,
                ),
            ).fetchone()
        token = secrets.token_urlsafe(32)
        with connect("homevitals_entrance") as connection:
            session_store.open_session(
                connection.cursor(),
                made_up.practice_id,
                person_id=person_id,
                token_sha256=hashlib.sha256(token.encode()).digest(),
                signed_in_by=SignedInBy.ONE_TIME_CODE,
                at=clock.now,
            )
        browser = visitor()
        browser.cookies.set("homevitals", token)
        return browser

    return browser_of


@pytest.fixture
def casey(sign_in: Callable[[str], httpx.Client]) -> httpx.Client:
    """Return the browser of a care manager."""
    return sign_in("casey")
