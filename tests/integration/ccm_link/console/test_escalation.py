"""Ladders, shifts and addresses as an administrator sets them, and what somebody who is called sees of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from alerts import calling, sending
from alerts.channels.message import Channel, Message
from ccm_link.console import needs_stream
from ccm_link.task import called_tasks
from ingest import session_store
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = pytest.mark.db

SignIn = Callable[[str], httpx.Client]
FIRST = {
    "based_on": "0",
    "reason": "Agreed in November.",
    "first_after": "0",
    "first_whom": "owner",
    "first_console": "yes",
    "second_after": "10",
    "second_whom": "practice_line",
    "second_console": "yes",
    "second_email": "yes",
}


@pytest.fixture
def petra(sign_in: SignIn) -> httpx.Client:
    """Return the browser of the practice's administrator."""
    return sign_in("petra")


def press(browser: httpx.Client, address: str) -> httpx.Response:
    """Post a form that has no fields."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    return browser.post(address, headers=form)


def call(connect: Connect, clock: Clock, refused: bool = False) -> list[str]:
    """Let a notifier do all that is due; return where messages went."""
    reached = []

    class Carrier:
        def send(self, message: Message, address: str, at: Any) -> str:
            reached.append(f"{address} {message.address}")
            return "taken"

    with connect("homevitals_notifier") as connection:
        connection.autocommit = True
        sender = sending.Sender(
            Channel.EMAIL, Carrier(), called_tasks.of_episodes, "https://x.example", clock
        )
        while calling.look(
            connection, called_tasks.of_episodes, frozenset({Channel.EMAIL}), clock()
        ) + sender.send_next(connection):
            pass
    return reached


def test_a_ladder_is_set_changed_and_climbed(
    petra: httpx.Client, sign_in: SignIn, connect: Connect, made_up: MadeUp, clock: Clock
) -> None:
    clock.move(minutes=1)
    page = petra.get("/escalation").text
    assert page.count("no ladder") == 4
    assert 'value="practice_line" selected' in page  # what we propose
    assert petra.post("/escalation/ladders/urgent", data=FIRST).status_code == 303
    stale = petra.post("/escalation/ladders/urgent", data=FIRST)
    assert (stale.status_code, "The ladder has changed" in stale.text) == (409, True)
    added = petra.post(
        "/escalation/contacts",
        data={
            "staff_id": "00000000-0000-0000-0000-000000000000",
            "channel": "email",
            "address": "line@example.org",
        },
    )
    assert added.status_code == 303

    # A task from before the ladder calls nobody; one that opens now does.
    assert call(connect, clock) == []
    task_id = needs_somebody(connect, made_up, clock)
    # It has no owner, so the practice line is called at once.
    assert call(connect, clock) == [f"line@example.org https://x.example/tasks/{task_id}"]

    casey = sign_in("casey")
    task_page = casey.get(f"/tasks/{task_id}").text
    head = casey.get("/patients").text
    assert f'<a href="/tasks/{task_id}">An urgent task needs you</a>' in head
    assert "Thornquist" not in re.findall(r'<p class="fresh late" id="needs".*?</p>', head)[0]
    assert "reached nobody: the task has no owner" in task_page
    assert "practice line, e-mail: sent" in task_page

    emptied = petra.post(
        "/escalation/ladders/urgent", data={"based_on": "1", "reason": "Closed for the holidays."}
    )
    assert emptied.status_code == 303
    assert "Nobody is called" in petra.get("/escalation").text


def needs_somebody(connect: Connect, made_up: MadeUp, clock: Clock) -> str:
    """Let an urgent episode need somebody from now on, as if its rule were breached again; return the task."""
    clock.move(minutes=1)
    with connect("postgres") as connection:
        episode_id, task_id = connection.execute(
            "select episode_id, task_id from ccm.task where patient_id = %s and severity = 'urgent'",
            (made_up.patients["amalia"],),
        ).fetchone() or (None, None)
        connection.execute(
            "insert into alerts.episode_event (practice_id, episode_id, at, event, note)"
            " values (%s, %s, %s, 'returned', 'n')",
            (made_up.practice_id, episode_id, clock.now),
        )
    return str(task_id)


def test_a_ladder_that_leads_nowhere_is_refused_and_what_was_typed_is_kept(
    petra: httpx.Client,
) -> None:
    for changes, told in (
        ({"first_after": ""}, 'href="#urgent-first_after"'),
        ({"first_console": ""}, 'href="#urgent-first_console"'),
        ({"first_whom": ""}, 'href="#urgent-first_whom"'),
        ({"first_after": "1e3"}, 'href="#urgent-first_after"'),
        ({"sixth_after": "1"}, 'href="#urgent-sixth_after"'),
        ({"second_after": "0"}, "Nobody could climb"),  # two at one time
        (
            {"second_whom": "cover"},
            "Nobody could climb",
        ),  # nobody at its end who can always be called
    ):
        answer = petra.post("/escalation/ladders/urgent", data=FIRST | changes)
        assert (answer.status_code, told in answer.text) == (422, True), changes
        assert "Agreed in November." in answer.text


def test_shifts_fill_the_calendar_and_gaps_are_marked(petra: httpx.Client, made_up: MadeUp) -> None:
    dana, casey = str(made_up.staff["dana"]), str(made_up.staff["casey"])
    assert petra.get("/escalation/on-call").text.count("falls to the practice line") == 2
    weekly = {
        "duty": "clinician", "staff_id": dana, "first_on": "2026-11-09", "starts": "08:00",
        "days_later": "4", "ends": "18:00", "every_weeks": "1",
    }  # fmt: skip
    single = {
        "duty": "cover", "staff_id": casey, "from_on": "2026-11-14", "from_time": "08:00",
        "until_on": "2026-11-15", "until_time": "20:00",
    }  # fmt: skip
    assert petra.post("/escalation/on-call/weekly-shifts", data=weekly).status_code == 303
    assert petra.post("/escalation/on-call/shifts", data=single).status_code == 303

    page = petra.get("/escalation/on-call").text
    assert "Dana Achterberg, Monday 08:00 to 4 days later 18:00, every week from 9 Nov 2026" in page
    rows = [re.sub("<.*?>", " ", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", page)]
    assert (
        len([row for row in rows if "gap" in row]) == 4
    )  # two weekends, before and after the cover
    assert "Dana Achterberg" in petra.get("/escalation").text  # on duty now, on a Thursday

    for changes, word in (
        ({"staff_id": casey}, "clinician on call is a clinician"),
        ({"staff_id": str(made_up.staff["petra"])}, "care manager or clinician"),
        ({"days_later": "7", "ends": "09:00"}, "Nobody could work this shift"),
        ({"days_later": "8"}, "At most 7"),
    ):
        refused = petra.post("/escalation/on-call/weekly-shifts", data=weekly | changes)
        assert (refused.status_code, word in refused.text) == (422, True), word
    backwards = petra.post("/escalation/on-call/shifts", data=single | {"until_on": "2026-11-13"})
    assert backwards.status_code == 422

    for address in set(re.findall(r"/escalation/on-call/[0-9a-f-]{36}/cancel", page)):
        assert press(petra, address).status_code == 303
        assert press(petra, address).status_code == 404
    assert petra.get("/escalation/on-call").text.count("falls to the practice line") == 2


def test_addresses_are_checked_tested_and_taken_back(
    petra: httpx.Client, sign_in: SignIn, connect: Connect, made_up: MadeUp, clock: Clock
) -> None:
    casey = {"staff_id": str(made_up.staff["casey"]), "channel": "email"}
    for wrong in ("casey", "casey@exa mple.org", "casey@example.org\nBcc: x@example.org", ""):
        answer = petra.post("/escalation/contacts", data=casey | {"address": wrong})
        assert answer.status_code == 422, wrong
    good = casey | {"address": "casey@example.org"}
    assert petra.post("/escalation/contacts", data=good).status_code == 303
    assert "there already" in petra.post("/escalation/contacts", data=good).text
    page = petra.get("/escalation/contacts").text
    (contact,) = set(re.findall(r"/escalation/contacts/[0-9a-f-]{36}", page))
    assert press(petra, f"{contact}/test").status_code == 303
    assert call(connect, clock) == ["casey@example.org https://x.example"]
    assert "a test" in petra.get("/escalation/contacts").text

    with connect("postgres") as connection:
        connection.execute("update alerts.notification set state = 'given_up', failure = 'refused'")
    assert "Messages to 1 address do not arrive" in petra.get("/staff").text
    assert "refused for good" in petra.get("/escalation/contacts").text

    # Colleagues see who is on call, not how to reach them.
    browser = sign_in("casey")
    assert browser.get("/escalation/on-call").status_code == 200
    assert browser.get("/escalation/contacts").status_code == 403
    assert "do not arrive" not in browser.get("/escalation/on-call").text
    assert press(petra, f"{contact}/end").status_code == 303
    assert press(petra, f"{contact}/end").status_code == 404
    assert press(petra, f"{contact}/test").status_code == 404


def test_an_open_page_is_told_what_needs_its_person_and_when_the_session_ends(
    petra: httpx.Client,
    sign_in: SignIn,
    connect: Connect,
    made_up: MadeUp,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(needs_stream, "_LOOK_S", 0.1)
    clock.move(minutes=1)
    petra.post("/escalation/ladders/urgent", data=FIRST)
    casey = sign_in("casey")
    with casey.stream("GET", "/needs/stream?seconds=60") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert _next(lines) == (
            "needs",
            {"count": 0, "urgent": 0, "sentence": "", "address": "/worklist"},
        )
        task_id = needs_somebody(connect, made_up, clock)
        call(connect, clock)
        assert _next(lines) == (
            "needs",
            {
                "count": 1,
                "urgent": 1,
                "sentence": "An urgent task needs you",
                "address": f"/tasks/{task_id}",
            },
        )
        with connect("homevitals_console") as connection:
            cur = connection.cursor()
            cur.execute(
                "select set_config('homevitals.practice', %s, true)",
                (f"{{{made_up.practice_id}}}",),
            )
            session_store.end_sessions(cur, made_up.practice_id, staff_id=made_up.staff["casey"])
        assert _next(lines) == ("closed", {})

    # And nobody holds streams without end.
    browsers = [sign_in("casey") for _ in range(5)]
    opened = []
    try:
        for browser in browsers:
            request = browser.build_request("GET", "/needs/stream?seconds=30")
            opened.append(browser.send(request, stream=True))
        assert [one.status_code for one in opened] == [200] * 4 + [429]
    finally:
        for one in opened:
            one.close()
    foreign = {"sec-fetch-site": "cross-site"}
    assert browsers[0].get("/needs/stream?seconds=1", headers=foreign).status_code == 403


def _next(lines: Any) -> tuple[str, Any]:
    """Return the next event of a stream, and what it says."""
    told: dict[str, str] = {}
    for line in lines:
        if not line and "event" in told:
            return told["event"], json.loads(told["data"])
        name, _, text = line.partition(": ")
        told[name] = text
    raise AssertionError("the stream ended")
