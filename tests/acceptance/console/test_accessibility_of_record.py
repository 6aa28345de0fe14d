"""The same of patients' records: everything open, a form refused, somebody who died, and those who are not active."""

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
    """Bring the page into every state that a person meets; yield each state's name."""
    at_the_console.sign_in(page, "casey")
    page.goto("/patients")
    page.click("summary:has-text('Add a patient')")
    page.fill("#add-patient-display_name", "Ada Quist")
    page.fill("#add-patient-born_on", "1950-02-03")
    page.fill("#add-patient-record_number", "MFP-100482")
    page.click("button:text('Add the patient')")
    yield "a new patient refused"
    page.goto(f"/patients/{made_up.patients['noor']}/record")
    page.click("summary:has-text('Record a payer')")
    page.fill("#coverage-payer_name", "Medicare")
    page.fill("#coverage-covered_from", "2026-01-01")
    page.click("button:text('Record the payer')")
    page.click("summary:has-text('Record somebody')")
    page.fill("#related-related_name", "Bo Quist")
    page.click("button:text('Record the person')")
    page.click("summary:has-text('Record a telephone')")
    page.fill("#telecom-reached_at", "212 555 0100")
    page.click("button:text('Record it') >> visible=true")
    page.click("summary:has-text('Record how the patient stands')")
    page.select_option("#standing-standing", "deceased")
    page.fill("#standing-since_on", "2026-11-11")
    page.fill("#standing-reason", "Her son called.")
    page.click("button:text('Record it') >> visible=true")
    for summary in page.locator("summary").all():
        summary.click()
    page.fill("#identifier-number", "1EG4-TE5")
    page.click("button:text('Record the number')")
    for summary in page.locator("details:not([open]) > summary").all():
        if summary.is_visible():
            summary.click()
    yield "record of somebody who died, with everything open and a number refused"
    page.goto("/patients/not-active")
    yield "patients who are not active"


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], made_up: MadeUp
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, made_up):
        found += axe_check.found(page, state)
    assert found == [], "\n".join(found)
