"""axe finds nothing on the pages of months, claims, evidence and time that others look at; nothing sticks out.

Source: WCAG 2.2 (W3C, October 2023), levels A and AA, as far as axe can test it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from tests import monitored_patient
from tests.acceptance.console import at_the_console, axe_check
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
    pytest.mark.timeout(180),
]


def states(page: Page, connect: Connect, made_up: MadeUp, clock: Clock) -> Iterator[str]:
    """Bring the pages into the states that a person meets; yield each state's name."""
    month = f"/patients/{monitored_patient.prepare(connect, made_up)}/month/2026-11"
    clock.now = datetime(2026, 12, 2, 15, tzinfo=UTC)
    at_the_console.sign_in(page, "casey")
    page.goto(month)
    at_the_console.open_all(page)
    page.fill("#start-monitoring-started_on", "2026-10-10")
    page.check("[name='set_up_billed'][value='unknown']")
    page.click("form[action$='/monitoring'] button")
    at_the_console.open_all(page)
    yield "a patient's month with everything open"
    page.click("form[action$='/propose'] button")
    page.goto("/month?month=2026-11")
    page.click("form[action='/month/work-out'] button")
    at_the_console.open_all(page)
    yield "the practice's month"
    for place in ("/time/conflicts", "/time/locks", "/time/chain", "/timer"):
        page.goto(place)
        at_the_console.open_all(page)
        yield place
    at_the_console.sign_in(page, "dana")
    page.goto(month)
    at_the_console.open_all(page)
    page.fill("[name='diagnoses']", "I10")
    page.check("[name='vouched']")
    page.click("form[action$='/attest'] button")
    at_the_console.open_all(page)
    yield "a month with an attested claim"
    page.goto("/time/approval")
    at_the_console.open_all(page)
    yield "time to approve"
    at_the_console.sign_in(page, "petra")
    page.goto(month)
    page.click("a[href$='/evidence']")
    at_the_console.open_all(page)
    yield "what a claim rests on"
    for place in ("/month/who-bills", "/self-audit", "/reports", "/staff/credentials"):
        page.goto(place)
        at_the_console.open_all(page)
        yield place


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], connect: Connect, made_up: MadeUp, clock: Clock
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, connect, made_up, clock):
        found += axe_check.found(page, state, axe_check.FEWER_LOOKS)
    assert found == [], "\n".join(found)
