"""The same of the pages around accounts: signing in, staff, gateways, the audit trail, and what people at home see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from tests import gateway_heartbeat
from tests.acceptance.console import at_the_console, axe_check
from tests.made_up_practice import Connect, MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
    pytest.mark.timeout(300),
]


def states(page: Page, made_up: MadeUp, connect: Connect) -> Iterator[str]:
    """Bring the page into every state that a person meets; yield each state's name."""
    for place in ("sign-in/code", "invitation", "home-sign-in", "sign-in/provider"):
        page.goto(f"/{place}")
        yield place
    page.goto("/home-sign-in")
    page.fill("input[name=code]", "ABCD-EFGH-JKMN")
    page.locator("main form button").first.click()
    yield "a code that is none"
    at_the_console.sign_in(page, "petra")
    page.goto("/account")
    yield "account"
    page.goto("/staff")
    page.locator("summary").first.click()
    yield "staff"
    page.fill("#staff-display_name", "Nora Quist")
    page.fill("#staff-sign_in_name", "Nora Q")
    page.click("button:text('Invite and show the code')")
    yield "invitation refused"
    page.fill("#staff-sign_in_name", "nora")
    page.click("button:text('Invite and show the code')")
    yield "invited"
    page.goto("/gateways")
    page.fill("#gateway-label", "Box 12")
    page.click("button:text('Add and show its code')")
    yield "claim code"
    page.click("a:text('I have written it down')")
    yield "a gateway that is expected"
    page.goto("/gateways/gw-home0001/configuration")
    page.locator("summary").first.click()
    yield "a gateway's configuration"
    page.fill("#peripheral-address", "AA:BB")
    page.click("button:text('Let the box connect to it')")
    yield "a configuration refused"
    gateway_heartbeat.say(connect, made_up.practice_id, "gw-home0001", datetime.now(UTC))
    page.goto("/gateways")
    yield "gateways with things to look at"
    page.goto("/gateways/gw-home0001")
    page.locator("summary").first.click()
    yield "a gateway that says how it is"
    page.fill("#revoke-reason", " ")
    page.click("button:text('Revoke the gateway')")
    yield "revocation refused"
    page.fill("#revoke-reason", "Stolen.")
    page.click("button:text('Revoke the gateway')")
    yield "a gateway that was revoked"
    at_the_console.sign_in(page, "augustin")
    page.goto("/audit?days=30")
    page.locator("td summary").first.click()
    yield "audit trail"
    at_the_console.sign_in(page, "casey")
    page.goto(f"/patients/{made_up.patients['amalia']}/home")
    yield "access from home"
    page.fill("#home-display_name", "Amalia")
    page.click("button:text('Add and show a code')")
    yield "code for home"
    code = page.inner_text("p.code")
    page.click("button:text('Sign out')")
    page.goto("/home-sign-in")
    page.fill("input[name=code]", code)
    page.locator("main form button").first.click()
    page.wait_for_url("**/own-record")
    yield "home"
    page.click("a:text('Who looked')")
    yield "who looked"


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], made_up: MadeUp, connect: Connect
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, made_up, connect):
        found += axe_check.found(page, state)
    assert found == [], "\n".join(found)


def test_axe_finds_nothing_in_the_description_of_the_api(
    open_page: Callable[..., Page], made_up: MadeUp
) -> None:
    page = open_page(scripts=True)
    at_the_console.sign_in(page, "petra")
    page.goto("/api/v1/docs")
    found = axe_check.found(page, "the API to read", axe_check.FEWER_LOOKS)
    assert found == [], "\n".join(found)
