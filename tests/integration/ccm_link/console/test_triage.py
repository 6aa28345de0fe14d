"""From the worklist to a completed task with its time, by forms alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest

from tests import made_up_practice
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]


@pytest.fixture
def task(connect: Connect, made_up: MadeUp) -> str:
    """Return the address of Amalia's urgent task."""
    with connect("postgres") as connection:
        (task_id,) = connection.execute(
            "select task_id from ccm.task where patient_id = %s and severity = 'urgent'",
            (made_up.patients["amalia"],),
        ).fetchone()
    return f"/tasks/{task_id}"


def entries(connect: Connect, task: str) -> list[tuple[str, int, str, str]]:
    """Return activity, seconds, note and how it was entered, of a task's time."""
    with connect("postgres") as connection:
        return connection.execute(
            "select activity, extract(epoch from ended_at - started_at)::int, note, entered"
            " from ccm.time_entry where task_id = %s order by started_at",
            (task.removeprefix("/tasks/"),),
        ).fetchall()


def state(connect: Connect, task: str) -> tuple[str, str | None, int]:
    """Return status, disposition and row version."""
    with connect("postgres") as connection:
        return connection.execute(
            "select status, disposition, row_version from ccm.task where task_id = %s",
            (task.removeprefix("/tasks/"),),
        ).fetchone()


def text_of(page: httpx.Response) -> str:
    """Return what a page says, without markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


FORM = {"content-type": "application/x-www-form-urlencoded"}
COMPLETE = {"row_version": "2", "disposition": "reached_advised", "note": "Called; she rests."}


def test_the_worklist_says_why_since_when_until_when(casey: httpx.Client, clock: Clock) -> None:
    clock.move(minutes=10)
    said = text_of(casey.get("/worklist"))
    assert "5 open tasks" in said
    first, second = said.index("Severely raised systolic"), said.index("Raised diastolic")
    assert first < second
    assert "186 mmHg" in said
    assert "Measured 45 minutes ago" in said
    assert "Due in 50 minutes" in said
    clock.move(minutes=55)
    casey.post("/sign-in", data={"sign_in_name": "casey@millbrook", "password": PASSWORD})
    assert "Overdue by 5 minutes" in text_of(casey.get("/worklist"))


def test_a_task_is_claimed_timed_and_completed(
    casey: httpx.Client, clock: Clock, connect: Connect, task: str
) -> None:
    answer = casey.post(f"{task}/claim", data={"row_version": "1"})
    assert answer.headers["location"] == f"{task}?said=claimed"
    page = text_of(casey.get(answer.headers["location"]))
    assert "The task is yours." in page
    assert "Owner You" in page

    casey.post(f"{task}/timer", data={"activity": "phone_call"})
    clock.move(minutes=3, seconds=10)
    page = text_of(casey.get(task))
    assert "Phone call for Amalia Thornquist since 10:42, 3 minutes" in page
    assert "Running since 10:42, 3 minutes" in page

    answer = casey.post(f"{task}/complete", data=COMPLETE)
    assert answer.headers["location"] == "/worklist?said=completed"
    page = text_of(casey.get(answer.headers["location"]))
    assert "The task is completed" in page
    assert "4 open tasks" in page
    assert state(connect, task) == ("completed", "reached_advised", 3)
    assert entries(connect, task) == [("phone_call", 190, "Called; she rests.", "timer")]
    page = text_of(casey.get(task))
    assert "Completed by Casey Lindqvist" in page
    assert "Reached the patient and advised" in page
    assert "Claimed by Casey Lindqvist" in page
    with connect("postgres") as connection:
        (closed,) = connection.execute(
            "select count(*) from alerts.episode where closed_at is not null"
        ).fetchone()
    assert closed == 1


def test_the_task_page_tells_the_rule_trace_in_words(casey: httpx.Client, task: str) -> None:
    page = casey.get(task)
    said = text_of(page)
    assert "186 over 108" in said
    assert "irregular pulse" in said
    assert "Severely raised systolic pressure" in said
    assert "A more urgent rule answers for it." in said
    assert "The practice’s rule, version 1." in said or "The practice's rule, version 1." in said
    # Those that were breached come first.
    assert said.index("Raised systolic pressure") < said.index("Fast pulse: no")


def test_of_two_who_decide_on_one_task_the_second_learns_who_did_what_and_keeps_the_note(
    casey: httpx.Client, sign_in: SignIn, clock: Clock, connect: Connect, task: str
) -> None:
    robin = sign_in("robin")
    assert robin.post(f"{task}/claim", data={"row_version": "1"}).status_code == 303
    note = "Her daughter says: <b>it’s 190</b> & rising"
    clock.move(minutes=2)
    answer = casey.post(f"{task}/complete", data={**COMPLETE, "row_version": "1", "note": note})
    assert answer.status_code == 409
    said = text_of(answer)
    assert "The task has changed" in said
    assert "Last change: Robin O’Hara claimed it 2 minutes ago" in said
    assert note in said
    assert "<b>it" not in answer.text
    assert state(connect, task) == ("open", None, 2)

    done = {**COMPLETE, "note": "Done by Robin."}
    assert robin.post(f"{task}/complete", data=done).status_code == 303
    answer = casey.post(f"{task}/complete", data={**COMPLETE, "note": note})
    assert answer.status_code == 409
    said = text_of(answer)
    assert "Last change: Robin O’Hara completed it just now: “Done by Robin.”" in said
    assert note in said
    assert casey.post(f"{task}/claim", data={"row_version": "1"}).status_code == 409


def test_a_task_is_given_back_with_a_reason(
    casey: httpx.Client, connect: Connect, task: str
) -> None:
    casey.post(f"{task}/claim", data={"row_version": "1"})
    answer = casey.post(f"{task}/release", data={"row_version": "2", "note": ""})
    assert answer.status_code == 422
    assert "Fill this in." in answer.text
    answer = casey.post(f"{task}/release", data={"row_version": "2", "note": "Off duty."})
    assert answer.headers["location"] == "/worklist?said=released"
    assert "Released by Casey Lindqvist" in text_of(casey.get(task))


def others(casey: httpx.Client, tab: str = "clinical") -> list[tuple[str, str]]:
    """Return the boxes of a tab that can be ticked: their names and versions."""
    page = casey.get("/worklist", params={"tab": tab}).text
    return re.findall(r'form="chosen" name="(task-[0-9a-f-]+)" value="(\d+)"', page)


def tabs(page: httpx.Response) -> dict[str, int]:
    """Return the tabs of the worklist with their counts."""
    nav = page.text.partition('aria-label="Kinds of tasks"')[2].partition("</nav>")[0]
    found = re.findall(r"tab=(\w+)\".*?class=\"count\">(\d+)<", nav, re.DOTALL)
    return {tab: int(count) for tab, count in found}


def test_the_worklists_tabs_say_what_waits_for_whom(
    casey: httpx.Client, clock: Clock, task: str
) -> None:
    everything = {"needs_action": 5, "urgent": 2, "clinical": 3, "outreach": 0, "technical": 0}
    nobodys = {"snoozed": 0, "mine": 0, "resolved_today": 0}
    assert tabs(casey.get("/worklist")) == everything | nobodys
    assert "No task is yours." in text_of(casey.get("/worklist?tab=mine"))
    empty = text_of(casey.get("/worklist?tab=technical"))
    assert "3 of 3 patients in care have measured today." in empty
    casey.post(f"{task}/claim", data={"row_version": "1"})
    casey.post(f"{task}/complete", data=COMPLETE)
    page = casey.get("/worklist?tab=resolved_today")
    assert tabs(page)["resolved_today"] == 1
    assert "Reached the patient and advised" in text_of(page)
    assert casey.get("/worklist?tab=nothing").status_code == 422
    # The alerts of one patient stand together, and each names its patient.
    said = text_of(casey.get("/worklist"))
    assert said.count("MFP-100533") == 1
    assert "also نور" in said


def test_a_task_waits_is_handed_over_and_taken_on(
    casey: httpx.Client, sign_in: SignIn, clock: Clock, made_up: MadeUp, task: str
) -> None:
    page = casey.get(task).text
    assert re.findall(r'<option value="(\d+)"', page.partition("wait_minutes")[2])[:2] == [
        "10",
        "30",
    ]
    wait = {"row_version": "1", "wait_minutes": "30", "reason": "She is at the dentist."}
    refused = casey.post(f"{task}/snooze", data=wait | {"wait_minutes": "60"})
    assert refused.status_code == 422
    assert "cannot wait for so long" in refused.text
    assert "She is at the dentist." in refused.text
    answer = casey.post(f"{task}/snooze", data=wait)
    assert answer.headers["location"] == "/worklist?said=snoozed"
    page = casey.get(answer.headers["location"])
    assert (tabs(page)["urgent"], tabs(page)["snoozed"]) == (1, 1)
    assert "snoozed until 12 Nov 2026, 11:12 EST" in text_of(casey.get("/worklist?tab=snoozed"))

    given = {
        "row_version": "2",
        "owner_staff_id": str(made_up.staff["robin"]),
        "note": "Knows her.",
    }
    answer = casey.post(f"{task}/assign", data=given)
    assert answer.headers["location"] == "/worklist?said=assigned"
    robin = sign_in("robin")
    mine = robin.get("/worklist?tab=mine")
    assert tabs(mine)["mine"] == 1
    assert f'action="{task}/claim"' in mine.text
    page = text_of(robin.get(task))
    assert "You: assigned, not taken on yet" in page
    answer = robin.post(f"{task}/claim", data={"row_version": "3"})
    page = text_of(robin.get(answer.headers["location"]))
    assert "The task is yours." in page
    assert "Owner You, since 12 Nov 2026, 10:42 EST" in page
    history = page.partition("History")[2]
    for line in (
        "Opened by the alert rules",
        "Snoozed until 12 Nov 2026, 11:12 EST by Casey Lindqvist",
        "Assigned to Robin O’Hara by Casey Lindqvist",
        "Claimed by Robin O’Hara",
        "Snooze ended by Robin O’Hara",
    ):
        assert line in history
        history = history.partition(line)[2]


def test_several_tasks_are_dealt_with_at_once_and_urgent_ones_are_not(
    casey: httpx.Client, sign_in: SignIn, connect: Connect, made_up: MadeUp, task: str
) -> None:
    boxes = others(casey)
    assert len(boxes) == 3
    urgent = f"task-{task.removeprefix('/tasks/')}"
    assert urgent not in casey.get("/worklist").text
    for form, words in (
        ({"deed": "acknowledge"}, "Choose at least one task."),
        ({"deed": "snooze", **dict(boxes)}, "Say for how long the tasks can wait, and why."),
        ({"deed": "assign", **dict(boxes)}, "Choose the colleague"),
        ({"deed": "complete", **dict(boxes)}, "Choose one of the list."),
    ):
        answer = casey.post("/worklist/chosen", data=form)
        assert answer.status_code == 422
        assert words in answer.text
    wait = {"deed": "snooze", "wait_minutes": "240", "reason": "Asleep.", "tab": "clinical"}
    answer = casey.post("/worklist/chosen", data=wait | dict(boxes[:1]))
    assert answer.headers["location"] == "/worklist?tab=clinical&said=chosen-snoozed"
    assert tabs(casey.get("/worklist"))["snoozed"] == 1

    left = dict(others(casey))
    assert len(left) == 2
    robin = sign_in("robin")
    quicker = next(iter(left))
    robin.post(f"/tasks/{quicker.removeprefix('task-')}/claim", data={"row_version": "1"})
    answer = casey.post("/worklist/chosen", data={"deed": "acknowledge", urgent: "1", **left})
    assert answer.status_code == 409
    said = text_of(answer)
    assert "1 task is done, 2 stayed as they were" in said
    assert "only be dealt with at once where none of them is urgent" in said
    assert "changed after the page was drawn" in said
    assert (tabs(answer)["mine"], state(connect, task)) == (1, ("open", None, 1))
    dana = str(made_up.staff["dana"])
    given = {"deed": "assign", "owner_staff_id": dana, **dict(others(casey))}
    answer = casey.post("/worklist/chosen", data=given)
    assert answer.headers["location"] == "/worklist?tab=needs_action&said=chosen-assigned"
    assert tabs(sign_in("dana").get("/worklist"))["mine"] == 2


def test_an_incomplete_completion_names_the_fields_and_keeps_what_was_typed(
    casey: httpx.Client, connect: Connect, task: str
) -> None:
    answer = casey.post(f"{task}/complete", data={"row_version": "1", "note": "Half a note"})
    assert answer.status_code == 422
    assert "Nothing was saved yet" in answer.text
    assert 'href="#complete-disposition"' in answer.text
    assert 'id="complete-disposition"' in answer.text
    assert ">Half a note</textarea>" in answer.text
    answer = casey.post(
        f"{task}/complete", data={"row_version": "1", "disposition": "not_reached", "note": " "}
    )
    assert answer.status_code == 422
    assert 'href="#complete-note"' in answer.text
    assert 'value="not_reached" required checked' in answer.text
    assert state(connect, task) == ("open", None, 1)


def test_a_form_sent_after_the_session_ended_is_kept_to_be_sent_again(
    casey: httpx.Client, clock: Clock, connect: Connect, task: str
) -> None:
    casey.post(f"{task}/claim", data={"row_version": "1"})
    clock.move(minutes=20)  # a long call
    note = 'She said "no" & then <yes>'
    answer = casey.post(f"{task}/complete", data={**COMPLETE, "note": note})
    assert answer.status_code == 401
    assert "what you filled in is kept" in answer.text
    kept = {
        name: unescape(typed)
        for name, typed in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text)
    }
    assert kept == {**COMPLETE, "note": note}
    casey.post("/sign-in", data={"sign_in_name": "casey@millbrook", "password": PASSWORD})
    assert casey.post(f"{task}/complete", data=kept).status_code == 303
    assert state(connect, task) == ("completed", "reached_advised", 3)


NOTES = (
    "👩🏽‍⚕️ called د. نور, Zoë’s “mother” said 'no'",
    "line\r\nline",
    "x" * 4_000,
    "'; drop table ccm.task; --",
)


def test_notes_are_kept_letter_by_letter(
    casey: httpx.Client, connect: Connect, subtests: pytest.Subtests
) -> None:
    open_tasks = re.findall(r'href="(/tasks/[^"]+)"', casey.get("/worklist").text)
    for task, note in zip(open_tasks, NOTES, strict=False):
        with subtests.test(note[:20]):
            form = {**COMPLETE, "row_version": "1", "note": note}
            assert casey.post(f"{task}/complete", data=form).status_code == 303
            with connect("postgres") as connection:
                (kept,) = connection.execute(
                    "select disposition_note from ccm.task where task_id = %s",
                    (task.removeprefix("/tasks/"),),
                ).fetchone()
            assert kept == note.replace("\r\n", "\n")
            assert note.split("\r\n")[0] in unescape(casey.get(task).text)


BY_HAND = {
    "worked_on": "2026-11-12",
    "started": "09:10",
    "ended": "09:20",
    "activity": "chart_review",
    "note": "Looked at the course.",
    "reason": "Phone in the other room.",
}
BAD_TIMES = {
    "ends before it starts": ({"ended": "09:00"}, "Work lasts at least a second"),
    "no minute": ({"ended": "09:10"}, "Work lasts at least a second"),
    "future": ({"started": "10:30", "ended": "23:00"}, "ends in the future"),
    "too long": (
        {"worked_on": "2026-11-11", "started": "00:00", "ended": "23:00"},
        "at most 8 hours",
    ),
    "overlap": (
        {"worked_on": "2026-11-04", "started": "10:40", "ended": "10:50"},
        "A person does one thing",
    ),
    "skipped hour": (
        {"worked_on": "2026-03-08", "started": "02:30", "ended": "03:10"},
        "The clocks skipped",
    ),
    "date of another country": ({"worked_on": "12.11.2026"}, "Write a date like"),
    "half a time": ({"started": "9"}, "Write a time like"),
    "no reason": ({"reason": ""}, "Fill this in."),
    "unknown activity": ({"activity": "nap"}, "Choose one of the list."),
    "somebody else's time": ({"staff_id": "x"}, "There is no such field."),
}


def test_time_by_hand_that_cannot_be_is_refused_with_what_was_typed_kept(
    casey: httpx.Client, connect: Connect, task: str, subtests: pytest.Subtests
) -> None:
    for case, (changed, words) in BAD_TIMES.items():
        with subtests.test(case):
            form = BY_HAND | changed
            answer = casey.post(f"{task}/time", data=form)
            assert answer.status_code == 422
            assert words in answer.text
            assert f'action="{task}/time"' in answer.text
            assert f'value="{form["worked_on"]}"' in answer.text
            assert entries(connect, task) == []


def test_time_by_hand_enters_the_log_in_elapsed_seconds_across_a_clock_change(
    casey: httpx.Client, connect: Connect, task: str
) -> None:
    # 2026-11-01 in New York: from 00:30 EDT to 02:30 EST three hours went by.
    form = BY_HAND | {"worked_on": "2026-11-01", "started": "00:30", "ended": "02:30"}
    assert casey.post(f"{task}/time", data=form).status_code == 303
    assert entries(connect, task) == [
        ("chart_review", 3 * 3600, "Looked at the course.", "by_hand")
    ]


def test_a_timer_moves_with_the_person_and_nothing_is_lost(
    casey: httpx.Client, clock: Clock, connect: Connect, made_up: MadeUp, task: str
) -> None:
    made_up_practice.add_breach(connect, made_up, "bertram", 190, clock.now)
    with connect("postgres") as connection:
        (other_id,) = connection.execute(
            "select task_id from ccm.task where patient_id = %s and title ilike '%%systolic%%'",
            (made_up.patients["bertram"],),
        ).fetchone()
    casey.post(f"{task}/timer", data={"activity": "phone_call"})
    clock.move(minutes=5)
    casey.post(f"/tasks/{other_id}/timer", data={"activity": "chart_review"})
    clock.move(minutes=2)
    answer = casey.post("/timer/stop", data={"note": "Looked at it."})
    assert answer.headers["location"] == f"/tasks/{other_id}?said=time-added"
    assert [seconds for _, seconds, _, _ in entries(connect, task)] == [300]
    assert entries(connect, f"/tasks/{other_id}") == [
        ("chart_review", 120, "Looked at it.", "timer")
    ]
    assert "No timer of yours is running" in casey.get("/timer").text
    answer = casey.post("/timer/stop", data={"note": "Again."})
    assert answer.status_code == 409
    assert "No timer is running" in text_of(answer)


def test_a_timer_that_was_forgotten_is_cut_at_the_last_sign_of_work(
    casey: httpx.Client, clock: Clock, connect: Connect, task: str
) -> None:
    casey.post(f"{task}/timer", data={"activity": "phone_call"})
    clock.move(minutes=9)
    casey.get(task, headers={"Accept": "text/html"})
    clock.move(hours=5)
    casey.post("/sign-in", data={"sign_in_name": "casey@millbrook", "password": PASSWORD})
    page = text_of(casey.get("/timer", headers={"Accept": "text/html"}))
    assert "It waits, for nothing was seen of you" in page
    assert "300 min in which nothing was seen are left out" in page
    form = {"note": "Talked.", "ended_on": "2026-11-12"}
    answer = casey.post("/timer/stop", data=form)
    assert "Say both the day and the time of the end." in answer.text
    answer = casey.post("/timer/stop", data={"note": "Talked.", "method": "phone"})
    assert "Say how, with whom and with which outcome" in answer.text
    contact = {"method": "phone", "counterpart": "patient", "outcome": "reached"}
    answer = casey.post("/timer/stop", data={"note": "Talked.", **contact})
    assert answer.headers["location"] == "/timer?said=stopped"
    assert [(seconds, note) for _, seconds, note, _ in entries(connect, task)] == [(540, "Talked.")]

    page = casey.get(answer.headers["location"])
    claim = page.text.split('href="/timer/dropped/')[1].split('"')[0]
    assert "Nothing was seen of you for more than 15 minutes" in text_of(
        casey.get(f"/timer/dropped/{claim}")
    )
    fields = {"activity": "phone_call", "program": "ccm", "note": "Went on.", "reason": ""}
    assert casey.post(f"/timer/dropped/{claim}", data=fields).status_code == 422
    fields["reason"] = "A long call."
    answer = casey.post(f"/timer/dropped/{claim}", data=fields)
    assert answer.headers["location"] == "/timer?said=claimed"
    assert casey.post(f"/timer/dropped/{claim}", data=fields).status_code == 404  # pressed twice
    log = text_of(casey.get("/time"))
    assert "A long call." in log
    assert "By phone, the patient, reached" in log
    assert "300 min of its timer dropped" in log


def test_a_timer_waits_and_goes_on(
    casey: httpx.Client, clock: Clock, connect: Connect, task: str
) -> None:
    casey.post(f"{task}/timer", data={"activity": "chart_review", "program": "none"})
    clock.move(minutes=2)
    assert casey.post("/timer/pause", headers=FORM).headers["location"] == "/timer?said=paused"
    assert "Work so far 2 min" in text_of(casey.get("/timer"))
    clock.move(minutes=12)
    for _ in range(2):  # a double click
        assert casey.post("/timer/resume", headers=FORM).status_code == 303
    clock.move(minutes=1)
    assert casey.post("/timer/pulse", headers=FORM).headers["location"] == "/timer?said=seen"
    assert casey.post("/timer/stop", data={"note": "Read."}).status_code == 303
    assert [seconds for _, seconds, _, _ in entries(connect, task)] == [120, 60]


def test_the_note_of_a_completion_is_drafted_and_nothing_is_stored_until_it_is_confirmed(
    casey: httpx.Client, clock: Clock, connect: Connect, task: str
) -> None:
    casey.post(f"{task}/claim", data={"row_version": "1"})
    casey.post(f"{task}/timer", data={"activity": "phone_call"})
    clock.move(minutes=3)
    drafted = casey.post(f"{task}/draft", data={**COMPLETE, "note": ""})
    assert drafted.status_code == 200
    page = text_of(drafted)
    assert "A note is drafted below from what was done." in page
    assert "Worked on it for 3 min since it was claimed at 10:42. Reached" in page
    assert entries(connect, task) == []
    assert "Complete the task" in text_of(casey.get(task))  # it is open as before
    contact = {"method": "phone", "counterpart": "patient", "outcome": "reached"}
    confirmed = {**COMPLETE, "note": "As drafted, and she rests.", **contact}
    assert casey.post(f"{task}/complete", data=confirmed).status_code == 303
    assert [(seconds, note) for _, seconds, note, _ in entries(connect, task)] == [
        (180, "As drafted, and she rests.")
    ]
    assert "By phone, the patient, reached" in text_of(casey.get("/time"))
    assert casey.post(f"{task}/complete", data=confirmed).status_code == 409  # pressed twice


def test_a_timer_is_thrown_away_with_a_reason(
    casey: httpx.Client, clock: Clock, connect: Connect, task: str
) -> None:
    casey.post(f"{task}/timer", data={"activity": "phone_call"})
    clock.move(minutes=5)
    assert casey.post("/timer/discard", data={"reason": ""}).status_code == 422
    assert casey.post("/timer/discard", data={"reason": "Lunch."}).status_code == 303
    assert entries(connect, task) == []
    with connect("postgres") as connection:
        assert connection.execute("select reason from ccm.discarded_timer").fetchall() == [
            ("Lunch.",)
        ]


def test_the_months_log_shows_entries_totals_and_voided_ones(casey: httpx.Client) -> None:
    page = casey.get("/time")
    said = text_of(page)
    assert "Time log, November 2026" in said
    assert "Amalia Thornquist 12 min 30 s Chronic care management: Reached: no code yet." in said
    assert "Bertram Oyelaran 25 min Chronic care management: Reached: 99490 × 1." in said
    assert "Voided by Casey Lindqvist" in said
    assert "Wrong patient." in said
    assert "<s>30 min</s>" in page.text
    assert "No time is logged in this month." in casey.get("/time?month=2026-10").text


def test_an_entry_is_voided_with_a_reason_and_stays(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    with connect("postgres") as connection:
        (entry_id,) = connection.execute(
            "select entry_id from ccm.time_entry where note like 'Called about%'"
        ).fetchone()
    address = f"/time/{entry_id}/void"
    assert "Called about the evening dose" in casey.get(address).text
    assert casey.post(address, data={"reason": ""}).status_code == 422
    answer = casey.post(address, data={"reason": "Entered twice."})
    assert answer.headers["location"] == "/time?month=2026-11"
    said = text_of(casey.get(answer.headers["location"]))
    assert "Entered twice." in said
    assert (
        "Amalia Thornquist 5 min Chronic care management: Reached: no code yet. For 99490: 15 min"
        in said
    )
    assert casey.post(address, data={"reason": "Again."}).status_code == 409


def test_a_month_that_is_none_is_refused(casey: httpx.Client) -> None:
    for month in ("2026-13", "november", "2026-1", "0000-01", "2026-11'", "9999-12"):
        answer = casey.get("/time", params={"month": month})
        assert answer.status_code == 422
        assert "calendar month" in answer.text
