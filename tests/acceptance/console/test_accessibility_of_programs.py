"""The same of programs: everything of a patient open, a consent refused, the lists, what a practice says once."""

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
    pytest.mark.timeout(300),
]


def states(page: Page, made_up: MadeUp) -> Iterator[str]:
    """Bring the pages into the states that a person meets; yield each state's name."""
    at_the_console.sign_in(page, "dana")
    page.goto(f"/patients/{made_up.patients['amalia']}/program")
    page.click("summary:has-text('Identify the patient')")
    page.select_option("#identify-program", "rpm")
    page.fill("#identify-reason", "Raised pressure.")
    page.click("button:text('Identify the patient')")
    page.click("summary:has-text('Name the care manager')")
    page.click("button:text('Name the care manager')")
    page.click("summary:has-text('Record what else is billed')")
    page.fill("#beside-from_on", "2026-10-01")
    page.fill("#beside-source", "Told by the patient.")
    page.click("button:text('Record it') >> visible=true")
    page.click("summary:has-text('Take the consent to Remote')")
    page.click("button:text('The patient consents') >> visible=true")
    for summary in page.locator("details:not([open]) > summary").all():
        if summary.is_visible():
            summary.click()
    yield "a patient's programs with everything open and a consent refused"
    page.goto("/program")
    yield "who is identified"
    page.goto("/program/eligible?program=pcm")
    yield "whom a program may suit"
    page.goto("/program/practice")
    for summary in page.locator("summary").all():
        summary.click()
    page.fill("#line-phone", "call us")
    page.click("button:text('Set the number')")
    yield "what the practice says once, with a number refused"
    page.goto("/program/after-hours")
    page.fill("#call-called_on", "2026-11-11")
    page.fill("#call-called_time", "22:10")
    page.fill("#call-caller", "Her son")
    page.fill("#call-said", "Dizzy.")
    page.click("button:text('Log the call')")
    yield "calls after hours"


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], made_up: MadeUp
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, made_up):
        found += axe_check.found(page, state)
    assert found == [], "\n".join(found)
