"""A care manager's morning with the keyboard alone, in a browser that runs no scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
OpenPage = Callable[..., Page]

# Where the focus is: inside the window, with an outline, and not wholly under a sticky head.
# Source: WCAG 2.2 (W3C, October 2023), 2.4.7 and 2.4.11.
LOOK_AT_FOCUS = """() => {
    const focused = document.activeElement;
    const box = focused.getBoundingClientRect();
    const within = (low, at, high) => Math.min(Math.max(at, low), high - 1);
    const x = within(0, box.left + box.width / 2, innerWidth);
    const seen = [box.top + 5, (box.top + box.bottom) / 2, box.bottom - 5].some(height => {
        const above = document.elementFromPoint(x, within(0, height, innerHeight));
        return focused.contains(above) || (above && above.contains(focused));
    });
    return {
        name: (focused.id || focused.innerText || focused.tagName).trim().slice(0, 60),
        inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        outlined: getComputedStyle(focused).outlineStyle !== 'none',
        seen,
    };
}"""


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press Tab until the focus is there, and look at every stop on the way."""
    for _ in range(120):
        page.keyboard.press(key)
        focus = page.evaluate(LOOK_AT_FOCUS)
        if focus["name"] != "BODY":
            assert focus["inside"], focus
            assert focus["outlined"], focus
            assert focus["seen"], focus
        if page.locator(selector).evaluate_all("found => found.includes(document.activeElement)"):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def press(page: Page, selector: str) -> None:
    """Go to a link or button and press Enter."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def sign_in(page: Page) -> None:
    page.goto("/")
    tab_to(page, "#sign-in-sign_in_name")
    page.keyboard.type("casey@millbrook")
    tab_to(page, "#sign-in-password")
    page.keyboard.type(PASSWORD)
    press(page, "button:text('Sign in')")


def test_a_task_is_claimed_timed_and_completed_by_keyboard(
    open_page: OpenPage, clock: Clock, connect: Connect
) -> None:
    page = open_page()
    sign_in(page)
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(6)
    expect(page.get_by_role("row").nth(1)).to_contain_text("Urgent")

    tab_to(page, "input[type='checkbox']")
    page.keyboard.press("Space")
    tab_to(page, "summary:has-text('several at once')")
    page.keyboard.press("Enter")
    tab_to(page, "#chosen-reason")
    page.keyboard.type("She is at work until noon.")
    press(page, "button:text('Let them wait')")
    expect(page.get_by_role("status")).to_contain_text("they are seen again by themselves")
    expect(page.get_by_role("row")).to_have_count(5)

    press(page, "button:has-text('Claim: Severely raised systolic pressure')")
    expect(page.get_by_role("status")).to_have_text("The task is yours.")

    tab_to(page, "#timer-activity")
    page.keyboard.press("ArrowDown")  # from phone call to chart review
    press(page, "button:text('Start the timer')")
    clock.move(minutes=4, seconds=5)

    press(page, "a:text('Patients')")
    expect(page.get_by_role("group", name="Your timer")).to_contain_text(
        "Chart review for Amalia Thornquist since 10:42, 4 minutes"
    )
    page.go_back()
    page.reload()

    tab_to(page, "input[value='reached_advised']")
    page.keyboard.press("Space")
    tab_to(page, "#complete-note")
    page.keyboard.type("Rests now, measures again at noon.")
    press(page, "button:text('Complete the task')")
    expect(page.get_by_role("status")).to_have_text("The task is completed.")
    expect(page.get_by_role("row")).to_have_count(4)

    press(page, "a:text('Time log')")
    expect(page.get_by_role("row", name="Rests now, measures again at noon.")).to_contain_text(
        "4 min 5 s"
    )
    press(page, "button:text('Sign out')")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    with connect("postgres") as connection:
        found = connection.execute(
            "select disposition, disposition_note from ccm.task where status = 'completed'"
        ).fetchall()
    assert found == [("reached_advised", "Rests now, measures again at noon.")]


def test_the_first_stop_leads_past_the_head_of_the_page(open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("width", [1280, 320])
def test_the_focus_is_seen_everywhere_on_the_patient_page_forwards_and_backwards(
    open_page: OpenPage, made_up: MadeUp, width: int
) -> None:
    page = open_page(width=width)
    sign_in(page)
    page.goto(f"/patients/{made_up.patients['amalia']}")
    tab_to(page, "section:last-of-type summary")
    page.keyboard.press("Enter")
    tab_to(page, "button:text('Set the limit')")
    tab_to(page, ".brand", key="Shift+Tab")


def test_an_error_leads_to_its_field(open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page)
    press(page, "a:text('Severely raised systolic pressure')")
    tab_to(page, "#time details summary, details:has(form[action$='/time']) summary")
    page.keyboard.press("Enter")
    tab_to(page, "#time-started")
    page.keyboard.type("0910AM")
    tab_to(page, "#time-ended")
    page.keyboard.type("0905AM")
    tab_to(page, "#time-note")
    page.keyboard.type("Looked at the course.")
    tab_to(page, "#time-reason")
    page.keyboard.type("Phone in the other room.")
    press(page, "button:text('Add the time')")
    expect(page.get_by_role("alert")).to_contain_text("This time cannot be logged")
    expect(page.locator("#time-note")).to_have_value("Looked at the course.")
    expect(page.locator("#time-started")).to_have_value("09:10")


def test_a_form_tells_where_it_comes_from_even_without_fetch_metadata(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/sign-in")
    page.fill("#sign-in-sign_in_name", "casey")
    page.fill("#sign-in-password", PASSWORD)
    with page.expect_request(lambda request: request.method == "POST") as posted:
        page.click("button")
    # What security.comes_from_here looks at where Sec-Fetch-Site is missing.
    sent = posted.value.all_headers()
    assert sent["origin"] == "http://" + sent["host"]


def test_who_is_second_keeps_the_note(open_page: OpenPage) -> None:
    first, second = open_page(), open_page()
    for page in (first, second):
        page.goto("/sign-in")
        page.fill(
            "#sign-in-sign_in_name", "casey@millbrook" if page is first else "robin@millbrook"
        )
        page.fill("#sign-in-password", PASSWORD)
        page.click("button")
        page.click("a:text('Severely raised systolic pressure')")
        page.check("input[value='not_reached']")
        page.fill("#complete-note", "Two calls, no answer.")
    first.click("button:text('Complete the task')")
    second.click("button:text('Complete the task')")
    expect(second.get_by_role("alert")).to_contain_text("The task has changed")
    expect(second.get_by_role("alert")).to_contain_text("Casey Lindqvist completed it")
    expect(second.get_by_role("alert")).to_contain_text("Two calls, no answer.")
