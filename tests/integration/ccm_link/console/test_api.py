"""The JSON API: the same work as the pages, and refusals that never repeat what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SENTINEL = "zQ7-sentinel-Thornquist"
READINGS = {"kind": "blood_pressure", "from": "2026-11-11T00:00:00Z", "to": "2026-11-13T00:00:00Z"}


@pytest.fixture
def client(visitor: Callable[[], httpx.Client]) -> Iterator[httpx.Client]:
    """Return a program that signed in through the API."""
    browser = visitor()
    answer = browser.post(
        "/api/v1/session", json={"sign_in_name": "casey@millbrook", "password": PASSWORD}
    )
    assert answer.json() == {"display_name": "Casey Lindqvist", "role": "care_manager"}
    return browser


def first_task(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/worklist").json()["tasks"][0]
    return found


def test_a_task_is_worked_on_from_the_worklist_to_completion(
    client: httpx.Client, clock: Clock
) -> None:
    worklist = client.get("/api/v1/worklist").json()
    assert worklist["open_count"] == 5
    assert worklist["last_reading_stored_at"] == "2026-11-12T15:07:22Z"
    task = worklist["tasks"][0]
    assert (task["severity"], task["owner"], task["row_version"]) == ("urgent", None, 1)
    address = f"/api/v1/tasks/{task['task_id']}"

    whole = client.get(address).json()
    assert [event["event"] for event in whole["events"]] == ["opened"]
    (breach,) = whole["breaches"]
    assert any(rule["breached"] for rule in breach["trace"]["rules"])

    claimed = client.post(f"{address}/claim", json={"row_version": 1}).json()
    assert claimed["owner"]["display_name"] == "Casey Lindqvist"
    answer = client.post(f"{address}/timer", json={"activity": "phone_call"})
    assert answer.status_code == 201
    assert answer.json()["started_at"] == "2026-11-12T15:42:00Z"
    clock.move(seconds=90)
    entry = client.post("/api/v1/timer/stop", json={"note": "Called."}).json()["entry"]
    assert (entry["seconds"], entry["entered"], entry["task_id"]) == (90, "timer", task["task_id"])
    by_hand = client.post(
        "/api/v1/time-entries",
        json={
            "patient_id": task["patient_id"],
            "task_id": task["task_id"],
            "started_at": "2026-11-12T15:00:00Z",
            "ended_at": "2026-11-12T16:10:00+01:00",
            "activity": "chart_review",
            "note": "Looked.",
            "reason": "Forgot the timer.",
        },
    )
    assert (by_hand.status_code, by_hand.json()["seconds"]) == (201, 600)
    completed = client.post(
        f"{address}/complete",
        json={"row_version": 2, "disposition": "reached_advised", "note": "Done."},
    ).json()
    assert (completed["status"], completed["row_version"]) == ("completed", 3)
    assert client.get("/api/v1/worklist").json()["open_count"] == 4


def test_a_task_is_handed_on_and_waits_by_program(client: httpx.Client, made_up: MadeUp) -> None:
    address = f"/api/v1/tasks/{first_task(client)['task_id']}"
    robin = str(made_up.staff["robin"])
    waits = {"row_version": 1, "until_at": "2026-11-12T16:12:01Z", "reason": "At the dentist."}
    answer = client.post(f"{address}/snooze", json=waits)
    assert (answer.status_code, answer.json()["reason"]) == (422, "too_long")
    waits["until_at"] = "2026-11-12T16:12:00Z"
    waiting = client.post(f"{address}/snooze", json=waits).json()
    assert (waiting["snoozed_until"], waiting["row_version"]) == ("2026-11-12T16:12:00Z", 2)
    assert client.post(f"{address}/snooze", json=waits).json()["reason"] == "stale_task"
    counts = client.get("/api/v1/worklist").json()["counts"]
    assert (counts["urgent"], counts["snoozed"]) == (1, 1)
    (snoozed,) = client.get("/api/v1/worklist", params={"tab": "snoozed"}).json()["tasks"]
    assert snoozed == waiting
    assert (
        client.post(f"{address}/snooze/end", json={"row_version": 2}).json()["snoozed_until"]
        is None
    )
    given = {"row_version": 3, "owner_staff_id": robin, "note": "Knows her."}
    assigned = client.post(f"{address}/assign", json=given).json()
    assert (assigned["owner"]["staff_id"], assigned["acknowledged_at"]) == (robin, None)
    unknown = given | {"row_version": 4, "owner_staff_id": str(uuid4())}
    answer = client.post(f"{address}/assign", json=unknown)
    assert (answer.status_code, answer.json()["reason"]) == (422, "unknown_colleague")
    back = client.post(f"{address}/release", json={"row_version": 4, "note": "He is off."}).json()
    assert (back["owner"], back["row_version"]) == (None, 5)
    told = [line["event"] for line in client.get(address).json()["events"]]
    assert told == ["opened", "snoozed", "snooze_ended", "assigned", "released"]


def test_signing_out_ends_the_session(client: httpx.Client) -> None:
    assert client.delete("/api/v1/session").status_code == 204
    assert client.get("/api/v1/worklist").status_code == 401
    assert client.delete("/api/v1/session").status_code == 204


def test_a_wrong_password_is_a_problem_without_the_password(
    visitor: Callable[[], httpx.Client],
) -> None:
    answer = visitor().post(
        "/api/v1/session", json={"sign_in_name": "casey@millbrook", "password": SENTINEL}
    )
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert SENTINEL not in answer.text


def test_readings_come_oldest_first_with_how_their_time_was_found(
    client: httpx.Client, made_up: MadeUp
) -> None:
    address = f"/api/v1/patients/{made_up.patients['noor']}/readings"
    found = client.get(address, params=READINGS).json()["readings"]
    assert [one["systolic_mmhg"] for one in found] == [148, 144, 136, None]
    assert [one["time_quality"] for one in found] == ["good", "uncertain", "unknown", "good"]
    assert found[3]["result"] == "not_measurable"
    assert "raw" not in found[0]
    assert client.get(address, params=READINGS | {"kind": "glucose"}).json() == {
        "codes": {"glucose_mg_dl": {"loinc": "41653-7", "ucum": "mg/dL"}},
        "readings": [],
        "next_cursor": None,
    }


BAD_QUERIES = {
    "backwards": ({"from": "2026-11-14T00:00:00Z"}, "query"),
    "a hundred years": ({"from": "1926-11-11T00:00:00Z"}, "from"),
    "two years": ({"from": "2024-11-11T00:00:00Z"}, "query"),
    "no zone": ({"from": "2026-11-11"}, "from"),
    "no time": ({"to": SENTINEL}, "to"),
    "no kind": ({"kind": f"glucose;{SENTINEL}"}, "kind"),
    "unknown parameter": ({SENTINEL: "1"}, None),
    "a limit that does not exist": ({"limit": "1e9"}, "limit"),
}


def test_a_query_that_cannot_be_used_is_refused(
    client: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for case, (changed, field) in BAD_QUERIES.items():
        with subtests.test(case):
            address = f"/api/v1/patients/{made_up.patients['noor']}/readings"
            answer = client.get(address, params=READINGS | changed)
            assert answer.status_code == 422
            problem = answer.json()
            assert set(problem) == {"title", "status", "detail", "what_to_do", "fields"}
            assert field is None or set(problem["fields"]) == {field}
            if SENTINEL in changed.values():
                assert SENTINEL not in answer.text


BAD_BODIES = {
    "cut off": (b'{"row_version": 1', "application/json", 400),
    "not UTF-8": (b"\xff\xfe{", "application/json", 400),
    "nothing": (b"", "application/json", 422),
    "a list": (b"[1]", "application/json", 422),
    "a string": (b'"1"', "application/json", 422),
    "deep": (b"[" * 60_000, "application/json", 400),
    "not a number": (b'{"row_version": NaN}', "application/json", 422),
    "infinite": (b'{"row_version": Infinity}', "application/json", 422),
    "overflow": (b'{"row_version": 1e999}', "application/json", 422),
    "number as text": (b'{"row_version": "1"}', "application/json", 422),
    "truth value": (b'{"row_version": true}', "application/json", 422),
    "unknown field": (b'{"row_version": 1, "practice_id": "x"}', "application/json", 422),
    "text": (b'{"row_version": 1}', "text/plain", 415),
    "no type": (b'{"row_version": 1}', "", 415),
    "form": (b"row_version=1", "application/x-www-form-urlencoded", 415),
    "too large": (b'{"row_version": 1}' + b" " * 65_536, "application/json", 413),
    "sentinel": (f'{{"row_version": "{SENTINEL}"}}'.encode(), "application/json", 422),
}


def test_a_body_that_cannot_be_used_is_a_problem_that_repeats_nothing(
    client: httpx.Client, subtests: pytest.Subtests
) -> None:
    for case, (content, content_type, status) in BAD_BODIES.items():
        with subtests.test(case):
            task = first_task(client)
            answer = client.post(
                f"/api/v1/tasks/{task['task_id']}/claim",
                content=content,
                headers={"content-type": content_type} if content_type else {},
            )
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert {"title", "status", "detail", "what_to_do"} <= set(answer.json())
            assert SENTINEL not in answer.text
            assert first_task(client)["row_version"] == 1


def test_an_endless_body_is_cut_off(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1_000):
            yield b" " * 1_024

    task = first_task(client)
    try:
        answer = client.post(
            f"/api/v1/tasks/{task['task_id']}/claim",
            content=endless(),
            headers={"content-type": "application/json"},
        )
    except httpx.TransportError:
        return  # the server answered and closed before all was sent
    assert answer.status_code == 413


BAD_ENDS = {
    "backwards": ("2026-11-12T14:59:00Z", "ends_before_start"),
    "nothing": ("2026-11-12T15:00:00Z", "ends_before_start"),
    "future": ("2026-11-12T16:00:00Z", "in_the_future"),
}


def test_a_bad_interval_is_refused_by_name(
    client: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for case, (ended_at, reason) in BAD_ENDS.items():
        with subtests.test(case):
            entry = {
                "patient_id": str(made_up.patients["noor"]),
                "started_at": "2026-11-12T15:00:00Z",
                "ended_at": ended_at,
                "activity": "phone_call",
                "note": SENTINEL,
                "reason": "r",
            }
            answer = client.post("/api/v1/time-entries", json=entry)
            assert (answer.status_code, answer.json()["reason"]) == (422, reason)
            assert SENTINEL not in answer.text


def test_overlapping_work_is_refused_by_name(client: httpx.Client, made_up: MadeUp) -> None:
    entry = {
        "patient_id": str(made_up.patients["noor"]),
        "started_at": "2026-11-12T15:00:00Z",
        "ended_at": "2026-11-12T15:10:00Z",
        "activity": "phone_call",
        "note": "n",
        "reason": "r",
    }
    assert client.post("/api/v1/time-entries", json=entry).status_code == 201
    answer = client.post("/api/v1/time-entries", json=entry)
    assert (answer.status_code, answer.json()["reason"]) == (422, "overlapping_time")


def test_an_old_row_version_is_a_conflict(client: httpx.Client) -> None:
    address = f"/api/v1/tasks/{first_task(client)['task_id']}"
    client.post(f"{address}/claim", json={"row_version": 1})
    body = {"row_version": 1, "disposition": "not_reached", "note": SENTINEL}
    answer = client.post(f"{address}/complete", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (409, "stale_task")
    assert SENTINEL not in answer.text


def test_stopping_no_timer_is_a_conflict(client: httpx.Client) -> None:
    answer = client.post("/api/v1/timer/stop", json={"note": "n"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "no_timer")


def test_unknown_places_are_problems_too(client: httpx.Client) -> None:
    for answer in (
        client.get("/api/v1/nothing"),
        client.get(f"/api/v1/tasks/{uuid4()}"),
        client.put("/api/v1/worklist"),
    ):
        assert answer.status_code in {404, 405}
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.put("/api/v1/worklist").headers["allow"] == "GET"


def test_the_description_names_every_route_and_its_refusals(client: httpx.Client) -> None:
    description = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/tasks/{task_id}/complete" in description["paths"]
    assert all(path.startswith(("/api/v1/", "/enrol/v1/")) for path in description["paths"])
    claim = description["paths"]["/api/v1/tasks/{task_id}/claim"]["post"]
    assert "409" in claim["responses"]


def test_a_database_that_is_away_is_said_and_comes_back(
    client: httpx.Client, connect: Connect
) -> None:
    with connect("postgres") as connection:
        connection.autocommit = True
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename in ('homevitals_console', 'homevitals_entrance') and datname = current_database()"
        )
    answers = [client.get("/api/v1/worklist") for _ in range(6)]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert answers[-1].status_code == 200
    assert all("what_to_do" in answer.text for answer in answers if answer.status_code == 503)
