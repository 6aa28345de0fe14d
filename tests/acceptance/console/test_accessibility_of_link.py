"""axe finds nothing on the pages about other systems, and nothing sticks out at 320 pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.acceptance.console import at_the_console, axe_check
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
    pytest.mark.timeout(180),
]

# What a sender would have left: a reading that waits for its patient, one that somebody changed, a receiver that fails.
_LEFT = """
insert into ccm.receiver (practice_id, kind, name, added_by, added_at, failures, failure, failing_since)
values (%(practice)s, 'ehr', 'main', %(petra)s, %(now)s, 3, 'tls', %(now)s);
insert into ccm.outgoing
    (practice_id, receiver_id, kind, subject_id, patient_id, queued_at, next_at, state, failure, settled_at)
select receiver.practice_id, receiver_id, 'task', task_id, patient_id, %(now)s, %(now)s, behind.state, behind.why,
    behind.settled_at
from ccm.receiver join ccm.task using (practice_id)
cross join (values ('held', 'patient_ambiguous', null::timestamptz), ('dead', 'changed_there', %(now)s))
    as behind (state, why, settled_at)
where practice_id = %(practice)s
"""


def states(page: Page, connect: Connect, made_up: MadeUp, clock: Clock) -> Iterator[str]:
    """Bring the page into every state that a person meets; yield each state's name."""
    with connect("postgres") as connection:
        petra = made_up.staff["petra"]
        for statement in _LEFT.split(";"):
            connection.execute(
                statement, {"practice": made_up.practice_id, "petra": petra, "now": clock.now}
            )
        connection.commit()
    at_the_console.sign_in(page, "petra")
    page.goto("/ehr-link")
    for summary in page.locator("summary").all():
        summary.click()
    yield "receivers and dead letters with everything open"
    page.locator("form[action='/ehr-link/webhooks']").evaluate("form => form.noValidate = true")
    page.click("button:text('Add the webhook')")
    yield "a webhook refused"
    page.goto("/external-systems")
    page.fill("#system-name", "Panel")
    page.click("button:text('Let it in and show its token')")
    yield "a token"
    page.goto("/external-systems")
    page.click("summary:text('Say whom it means')")
    yield "systems with everything open"
    page.context.clear_cookies()
    at_the_console.sign_in(page, "casey")
    page.goto("/ehr-link/patients")
    form = page.locator("form[action^='/ehr-link/patients/']").first
    form.locator("input").fill("a/b")
    form.locator("button").click()
    yield "patients to be matched, and a refusal"


def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], connect: Connect, made_up: MadeUp, clock: Clock
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, connect, made_up, clock):
        found += axe_check.found(page, state, axe_check.FEWER_LOOKS)
    assert found == [], "\n".join(found)
