"""axe finds nothing on the pages of planned work, and nothing sticks out at 320 pixels."""

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
    at_the_console.sign_in(page, "casey")
    page.goto(f"/patients/{made_up.patients['amalia']}/tasks")
    page.fill("#open-task-title", "Call about the new tablets")
    page.fill("#open-task-due_on", "2026-11-01")
    page.click("button:text('Open the task')")
    yield "a task refused"
    page.fill("#open-task-due_on", "")
    page.click("button:text('Open the task')")
    page.click("summary:text('Let something come again')")
    page.fill("#set-up-title", "Monthly call")
    page.select_option("#set-up-unit", "month")
    page.click("button:text('Set the schedule up')")
    at_the_console.open_all(page)
    yield "a patient's tasks and schedules"
    page.click("main a:text('Call about the new tablets')")
    at_the_console.open_all(page)
    yield "a planned task with everything open"
    page.goto("/planning")
    at_the_console.open_all(page)
    page.locator("form[action='/planning/schedules']").evaluate("form => form.noValidate = true")
    page.click("button:text('Set the schedule up')")
    yield "planning with everything open, and a form refused"
    page.goto("/worklist?tab=mine")
    yield "mine, with a planned task"


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], made_up: MadeUp
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, made_up):
        found += axe_check.found(page, state, axe_check.FEWER_LOOKS)
    assert found == [], "\n".join(found)
