"""Tasks that people plan: opened on the patient's page, followed up, by schedule, handed over."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest

from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

A_FORM = {"content-type": "application/x-www-form-urlencoded"}
CALL: dict[str, Any] = {
    "form_key": "drawn-once",
    "title": "Call about the new tablets",
    "reason": "She felt dizzy.",
    "due_on": "2026-11-20",
    "due_time": "09:30",
    "severity": "clinical",
    "for_whom": "me",
}


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def tasks_of(browser: httpx.Client, made_up: MadeUp, patient: str = "amalia") -> list[Any]:
    found = browser.get(f"/api/v1/patients/{made_up.patients[patient]}/tasks").json()["tasks"]
    return [task for task in found if task["episode_id"] is None]


def test_a_task_by_hand_is_opened_once_and_followed_by_the_next(
    casey: httpx.Client, made_up: MadeUp, clock: Clock, connect: Connect
) -> None:
    address = f"/patients/{made_up.patients['amalia']}/tasks"
    for _ in range(2):  # a double click
        answer = casey.post(address, data=CALL)
        assert answer.headers["location"] == f"{address}?said=opened"
    (task,) = tasks_of(casey, made_up)
    assert (task["origin"], task["owner"]["display_name"]) == ("by_hand", "Casey Lindqvist")
    assert task["due_at"] == "2026-11-20T14:30:00Z"  # 09:30 in New York
    page = text_of(casey.get(answer.headers["location"]))
    assert "The task is open." in page
    assert "Opened by hand, just now: She felt dizzy." in page
    assert "Call about the new tablets" in casey.get("/worklist?tab=mine").text

    one = f"/tasks/{task['task_id']}"
    assert "Where it comes from" in casey.get(one).text
    done = {
        "row_version": task["row_version"],
        "disposition": "done",
        "note": "Reached her.",
        "next_reason": "To hear how she is.",
        "next_due_on": "2026-11-27",
        "next_severity": "outreach",
        "next_for_whom": "care_manager",
    }
    refused = casey.post(f"{one}/complete", data=done)
    assert refused.status_code == 422
    assert "Say what is to follow, or leave all of it empty." in refused.text
    wrong = casey.post(
        f"{one}/complete", data=done | {"disposition": "reached_advised", "next_title": "x"}
    )
    assert (wrong.status_code, "cannot end like this" in wrong.text) == (422, True)
    assert (
        casey.post(f"{one}/complete", data=done | {"next_title": "Call again"}).status_code == 303
    )
    following = next(one for one in tasks_of(casey, made_up) if one["status"] == "open")
    assert following["follows_task_id"] == task["task_id"]
    assert (following["candidate_role"], following["owner"]) == ("care_manager", None)
    assert "Call again" in text_of(casey.get(one))
    assert "Follows another task: Call about the new tablets" in text_of(
        casey.get(f"/tasks/{following['task_id']}")
    )
    with connect("postgres") as connection:
        created = connection.execute(
            "select count(*) from ingest.audit_event where resource = 'task' and kind = 'change' and action = 'C'"
        ).fetchone()
    assert created == (2,)


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        pytest.param({"title": "  "}, 422, "Fill this in.", id="no words"),
        pytest.param({"due_on": "2026-11-01"}, 422, "That time is over.", id="over"),
        pytest.param({"due_on": "2031-01-01"}, 422, "more than two years away", id="too far"),
        pytest.param({"due_on": "2026-02-30"}, 422, "Write a date", id="no day"),
        pytest.param({"severity": "urgent"}, 422, "Choose one of the list.", id="urgent"),
        pytest.param({"for_whom": "everybody"}, 422, "Choose one of the list.", id="for whom"),
        pytest.param(
            {"for_whom": "6f1c2f8e-3f0f-4d51-9b7a-5d0a1c3e7b42"}, 422, "cannot take", id="nobody"
        ),
        pytest.param({"title": "a\u202eb"}, 422, "invisible", id="reads differently"),
    ],
)
def test_what_cannot_be_a_task_is_said_and_kept_in_the_form(
    casey: httpx.Client, made_up: MadeUp, wrong: dict[str, str], status: int, said: str
) -> None:
    answer = casey.post(f"/patients/{made_up.patients['amalia']}/tasks", data=CALL | wrong)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert "She felt dizzy." in answer.text
    assert tasks_of(casey, made_up) == []


def test_a_program_opens_a_task_once_under_its_key(casey: httpx.Client, made_up: MadeUp) -> None:
    address = f"/api/v1/patients/{made_up.patients['amalia']}/tasks"
    body = {"title": "Call", "severity": "outreach", "due_at": "2026-11-20T14:30:00Z"}
    first, second = (
        casey.post(address, json=body, headers={"Idempotency-Key": "k-1"}) for _ in range(2)
    )
    assert (first.status_code, first.json()["task_id"]) == (201, second.json()["task_id"])
    assert casey.post(address, json=body | {"severity": "urgent"}).status_code == 422
    task = first.json()
    answer = casey.post(
        f"/api/v1/tasks/{task['task_id']}/complete",
        json={
            "row_version": task["row_version"],
            "disposition": "declined",
            "note": "Not now.",
            "follow_up": body | {"title": "Ask again"},
        },
    )
    assert answer.json()["disposition"] == "declined"
    assert [one["title"] for one in tasks_of(casey, made_up)] == ["Ask again", "Call"]


def test_schedules_cover_and_handing_over_have_their_page(
    casey: httpx.Client, made_up: MadeUp, clock: Clock
) -> None:
    monthly = {
        "title": "Monthly call",
        "severity": "outreach",
        "for_whom": "the_care_manager",
        "program": "ccm",
        "every": "1",
        "unit": "month",
        "first_on": "2026-12-01",
        "due_after_days": "5",
    }
    assert casey.post("/planning/schedules", data=monthly).status_code == 303
    page = casey.get("/planning")
    assert "every month from 1 Dec 2026, for everybody in chronic care management" in text_of(page)
    assert "each patient’s care manager; due 5 days later at 17:00" in text_of(page)
    wrong = casey.post("/planning/schedules", data=monthly | {"first_on": "2026-11-01"})
    assert (wrong.status_code, "begins in the past" in wrong.text) == (422, True)
    (end,) = re.findall(r'action="(/planning/schedules/[^"]+/end)"', page.text)
    clock.move(minutes=1)
    assert casey.post(end, data={"reason": ""}).status_code == 422
    assert casey.post(end, data={"reason": "Not any more."}).status_code == 303
    assert casey.post(end, data={"reason": "Again."}).status_code == 409

    casey_id, robin_id = (str(made_up.staff[name]) for name in ("casey", "robin"))
    away = {
        "staff_id": casey_id,
        "covered_by": robin_id,
        "from_on": "2026-11-20",
        "until_on": "2026-11-27",
    }
    assert casey.post("/planning/cover", data=away).status_code == 303
    again = casey.post("/planning/cover", data=away)
    assert (again.status_code, "stands in for this colleague" in again.text) == (422, True)
    page = casey.get("/planning")
    assert re.search(r"for Casey Lindqvist, .*20 Nov.* to .*28 Nov", text_of(page))
    (off,) = re.findall(r'action="(/planning/cover/[^"]+/call-off)"', page.text)
    assert casey.post(off, headers=A_FORM).status_code == 303
    assert casey.post(off, headers=A_FORM).status_code == 422

    casey.post(f"/patients/{made_up.patients['amalia']}/tasks", data=CALL)
    gone = {"from_staff_id": casey_id, "to_whom": robin_id, "note": "Casey leaves."}
    assert "given to the colleague" in casey.post("/planning/hand-over", data=gone).text
    (task,) = tasks_of(casey, made_up)
    assert task["owner"]["staff_id"] == robin_id
    assert "nothing to hand over" in casey.post("/planning/hand-over", data=gone).text
