"""axe finds nothing on the pages around a care plan, and nothing sticks out at 320 pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.acceptance.console import at_the_console, axe_check
from tests.made_up_practice import MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
    pytest.mark.timeout(180),
]


def states(page: Page, made_up: MadeUp) -> Iterator[str]:
    """Bring the page into every state that a person meets; yield each state's name."""
    address = f"/patients/{made_up.patients['amalia']}/plan"
    at_the_console.sign_in(page, "dana")
    page.goto(address)
    page.click("button:text('Begin a draft')")
    page.fill("#draft-problems", "Hypertension\nType 2 diabetes")
    page.fill("#draft-interventions", "nobody does it")
    page.click("button:text('Save the sections')")
    yield "draft refused"
    page.fill("#draft-interventions", "Care manager: calls every Monday")
    page.click("button:text('Save the sections')")
    page.click("summary:text('Add a goal')")
    page.fill("#goal-what", "Calmer")
    page.select_option("#goal-measure", "systolic_mmhg")
    page.select_option("#goal-side", "below")
    page.fill("#goal-target", "145")
    page.click("button:text('Add the goal')")
    page.fill("#sign-signature", "Dana Achterberg")
    page.click("button:text('Sign the plan')")
    at_the_console.open_all(page)
    yield "plan just signed, with a contradiction"
    page.click("a:text('Version 2')")
    yield "two versions compared"
    for place, button in (
        ("medication", "Put it on the list"),
        ("stays", "Record the stay"),
        ("education", "Record the lesson"),
    ):
        page.goto(f"{address}/{place}")
        at_the_console.open_all(page)
        page.locator("details[open] form").first.evaluate("form => form.noValidate = true")
        page.click(f"button:text('{button}')")
        yield f"{place} with everything open, and a form refused"
    page.goto("/care-gaps")
    yield "care gaps"
    page.click("button:text('Sign out')")
    at_the_console.sign_in(page, "casey")
    page.goto(f"{address.removesuffix('/plan')}/home")
    page.fill("#home-display_name", "Amalia")
    page.click("button:text('Add and show a code')")
    code = page.inner_text("p.code")
    page.click("button:text('Sign out')")
    page.goto("/home-sign-in")
    page.fill("input[name=code]", code)
    page.locator("main form button").first.click()
    page.wait_for_url("**/own-record")
    page.goto("/own-record/plan")
    yield "the plan at home"


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], made_up: MadeUp
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, made_up):
        found += axe_check.found(page, state, axe_check.FEWER_LOOKS)
    assert found == [], "\n".join(found)
