"""An open page says by itself what needs its person; a browser without scripts says it when the page is loaded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from alerts import escalation
from alerts.measures import Severity
from alerts.proposed_ladders import PROPOSED
from ccm_link.console import needs_stream
from ingest import tenancy
from tests.integration.ccm_link.console.test_escalation import call, needs_somebody
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]


def test_an_open_page_says_what_needs_its_person(
    open_page: Callable[..., Page],
    connect: Connect,
    made_up: MadeUp,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(needs_stream, "_LOOK_S", 0.1)
    clock.move(minutes=1)
    with (
        connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        escalation.set_ladder(
            cur, made_up.practice_id, Severity.URGENT, PROPOSED[Severity.URGENT], former_version=0,
            set_by=made_up.staff["petra"], reason="r", at=clock(),
        )  # fmt: skip
    pages = {scripts: open_page(scripts=scripts) for scripts in (True, False)}
    for page in pages.values():
        page.goto("/sign-in")
        page.fill("#sign-in-sign_in_name", "casey@millbrook")
        page.fill("#sign-in-password", PASSWORD)
        page.click("button")
        page.goto("/patients")
        assert not page.locator("#needs").is_visible()

    task_id = needs_somebody(connect, made_up, clock)
    call(connect, clock)
    pages[True].wait_for_selector("#needs >> text=An urgent task needs you")
    assert not pages[False].locator("#needs").is_visible()
    pages[False].reload()
    for page in pages.values():
        page.click("#needs a")
        assert page.url.endswith(f"/tasks/{task_id}")
        assert page.locator("h2:text('Who was called')").is_visible()
