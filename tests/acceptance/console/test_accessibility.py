"""axe finds nothing on any page, light and dark, on a desk and on a phone; nothing sticks out at 320 pixels.

Source: WCAG 2.2 (W3C, October 2023), levels A and AA, as far as axe can test it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.acceptance.console import axe_check
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
    pytest.mark.timeout(300),
]


def states(page: Page, made_up: MadeUp, connect: Connect, clock: Clock) -> Iterator[str]:
    """Bring the page into every state that a person meets; yield each state's name."""
    page.goto("/sign-in")
    yield "sign-in"
    _sign_in(page, "wrong")
    yield "sign-in refused"
    _sign_in(page, PASSWORD)
    yield "worklist"
    page.click("summary:has-text('several at once')")
    page.locator("input[type=checkbox]").first.check()
    page.click("button:text('Let them wait')")
    yield "worklist with everything open, and nothing done"
    page.locator("input[type=checkbox]").first.check()
    page.fill("#chosen-reason", "Asleep.")
    page.click("button:text('Let them wait')")
    for tab in ("Snoozed", "Mine"):
        page.click(f"a:has-text('{tab}')")
        yield f"tab {tab}"
    page.goto("/worklist")
    task = page.get_attribute("a:text('Severely raised systolic pressure')", "href")
    page.goto(f"/patients/{made_up.patients['amalia']}?days=7")
    yield "patient"
    page.goto(f"/patients/{made_up.patients['noor']}?days=7")
    for summary in page.locator("summary").all():
        summary.click()
    yield "patient with everything open and a name in several scripts"
    page.fill("#limit-limit", "180")
    page.fill("#limit-reason", "x")
    page.select_option("#limit-question", "systolic-high/clinical")
    page.click("button:text('Set the limit')")
    yield "limit refused"
    page.fill("#limit-limit", "150")
    page.click("button:text('Try it on the last 30 days')")
    yield "limit tried"
    page.goto(task)
    yield "task"
    page.click("button:text('Claim this task')")
    page.click("button:text('Start the timer')")
    clock.move(minutes=3)
    page.click("summary:text('Add time by hand')")
    for summary in ("Release the task", "Let it wait", "Assign it to a colleague"):
        page.click(f"summary:has-text('{summary}')")
    yield "task of one's own with a running timer"
    page.fill("#release-note", " ")
    page.click("button:text('Release the task')")
    yield "form refused"
    page.goto("/timer")
    yield "timer"
    page.goto(task)
    page.check("input[value='not_reached']")
    page.fill("#complete-note", "Two calls.")
    page.click("button:text('Complete the task')")
    yield "worklist after completion"
    page.goto(task)
    yield "completed task"
    for place in ("patients", "time", "quarantine", "unassigned", "gateways", "timer", "nowhere"):
        page.goto(f"/{place}")
        yield place
    yield from _peripherals(page)
    yield from _silence(page)
    yield from _rules(page)
    _restrict(connect, made_up)
    page.goto("/peripherals")
    yield "peripherals with one of a hidden patient"
    record = f"/patients/{made_up.patients['bertram']}"
    page.goto("/patients")
    yield "patients with a restricted record"
    page.goto(record)
    for password, state in (
        ("wrong", "emergency access refused"),
        (PASSWORD, "patient seen by emergency access"),
    ):
        yield f"before {state}"
        page.fill("#emergency-explanation", "She called.")
        page.fill("#emergency-password", password)
        page.click("button:has-text('Open the record')")
        yield state
    page.goto("/time")
    page.locator("a:has-text('Void')").first.click()
    yield "void"
    with connect("postgres") as connection:
        connection.execute("delete from ingest.session")
    page.fill("#void-reason", "Entered twice.")
    page.click("button:text('Void the entry')")
    yield "signed out with a form kept"
    page.goto("/sign-in")
    _sign_in(page, PASSWORD, "petra")
    page.goto("/restrictions")
    yield "restricted patients"
    page.locator("a:has-text('Care team')").first.click()
    yield "care team"
    page.click("button:text('Add to the care team')")
    yield "care team with another member"
    clock.move(hours=73)
    page.goto("/sign-in")
    _sign_in(page, PASSWORD, "petra")
    page.goto("/emergency-access")
    page.click("summary:has-text('Review')")
    yield "an overdue review"
    page.check("input[value='justified']")
    page.fill("textarea", " ")
    page.click("button:text('Write down the review')")
    yield "review refused"
    yield from _escalation(page)


def _peripherals(page: Page) -> Iterator[str]:
    page.goto("/peripherals")
    yield "peripherals"
    page.goto("/unassigned")
    page.click("a:has-text('assign it')")
    yield "peripheral that is nobody's"
    page.select_option("#assign-patient_id", index=1)
    page.fill("#assign-user_slot", "two")
    page.click("button:text('Give it to the patient')")
    yield "assignment refused"
    page.fill("#assign-user_slot", "")
    page.select_option("#assign-patient_id", index=1)
    page.click("button:text('Give it to the patient')")
    yield "peripheral just assigned"
    page.click("a:has-text('End or correct')")
    yield "assignment"
    page.fill("#span-from_on", "2026-11-10")
    page.fill("#span-reason", "It was later.")
    page.click("button:text('Correct its time')")
    page.click("summary:has-text('What was corrected')")
    yield "peripheral with a corrected assignment"
    page.goto("/patients")
    page.click("a:has-text('Amalia')")
    page.locator("#latest-table ~ tbody a").first.click()
    yield "reading"


def _silence(page: Page) -> Iterator[str]:
    page.goto("/patients")
    page.click("a:has-text('Amalia')")
    page.click("summary:has-text('Agree on a schedule')")
    page.click("summary:has-text('Say when silence is expected')")
    page.fill("#agree-on_days", "Monday")
    page.fill("#agree-reason", "Enough for her.")
    page.click("button:text('Agree on it')")
    yield "patient with a schedule that was refused"
    page.goto("/quiet-times")
    for summary in page.locator("summary").all():
        summary.click()
    page.fill("#fleet-window-until_on", "2026-11-11")
    page.fill("#fleet-window-reason", "A new broker.")
    page.click("button:text('Set it')")
    yield "quiet times, and a time of silence refused"


def _escalation(page: Page) -> Iterator[str]:
    page.goto("/escalation")
    page.locator("summary").first.click()
    page.fill("#urgent-reason", "Agreed.")
    page.fill("#urgent-first_after", "")
    page.click("details[open] button")
    yield "ladder refused"
    page.fill("#urgent-first_after", "0")
    page.click("details[open] button")
    yield "ladders"
    page.goto("/escalation/on-call")
    page.fill("#shift-from_on", "2026-11-12")
    page.fill("#shift-from_time", "08:00")
    page.fill("#shift-until_on", "2026-11-20")
    page.fill("#shift-until_time", "08:00")
    page.click("button:text('Add the shift')")
    yield "on-call schedule"
    page.goto("/escalation/contacts")
    page.fill("#contact-address", "nobody")
    page.click("button:text('Add the address')")
    yield "address refused"
    page.fill("#contact-address", "line@example.org")
    page.click("button:text('Add the address')")
    page.click("button:has-text('Send a test')")
    yield "addresses"


def _rules(page: Page) -> Iterator[str]:
    page.click("button:text('Sign out')")
    page.goto("/sign-in")
    _sign_in(page, PASSWORD, "dana")
    page.goto("/rules/sets")
    page.fill("#set-rules_text", 'name = "x"')
    page.locator("#own ~ form button").click()
    for summary in page.locator("summary").all():
        summary.click()
    yield "rule sets with everything open, and rules refused"
    page.locator("details[open] form button").first.click()
    page.fill("#activate-reason", "Agreed.")
    page.fill("#activate-signature", "Somebody else")
    page.click("button:text('Put the rules in force')")
    yield "trial of a rule set, and a signature refused"
    page.goto("/rules")
    yield "rules"
    page.locator("#for-1 ~ ul a").first.click()
    page.fill("#limit-limit", "110")
    page.click("button:text('Try it on the last 30 days')")
    page.click("summary:has-text('Switch it off')")
    yield "rule with a limit tried"
    page.goto("/rules/burden")
    page.click("summary:has-text('How tasks ended')")
    yield "burden of the rules"
    page.click("button:text('Sign out')")
    page.goto("/sign-in")
    _sign_in(page, PASSWORD)


def _restrict(connect: Connect, made_up: MadeUp) -> None:
    ids = {
        "practice_id": made_up.practice_id,
        "patient_id": made_up.patients["bertram"],
        "petra": made_up.staff["petra"],
        "dana": made_up.staff["dana"],
    }
    with connect("postgres") as connection:
        connection.execute(
            "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
            " values (%(practice_id)s, %(patient_id)s, '2026-11-01', 'A colleague.', %(petra)s)",
            ids,
        )
        connection.execute(
            "insert into ingest.care_team_member (practice_id, patient_id, staff_id, joined_at, added_by)"
            " values (%(practice_id)s, %(patient_id)s, %(dana)s, '2026-11-01', %(petra)s)",
            ids,
        )


def _sign_in(page: Page, password: str, name: str = "casey") -> None:
    page.fill("#sign-in-sign_in_name", f"{name}@millbrook")
    page.fill("#sign-in-password", password)
    page.click("button:text('Sign in')")


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], made_up: MadeUp, connect: Connect, clock: Clock
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, made_up, connect, clock):
        found += axe_check.found(page, state)
    assert found == [], "\n".join(found)
