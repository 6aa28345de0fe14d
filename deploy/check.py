"""``up --check``: follow one real reading from the cuff to a logged minute, through the doors that people use.

The task is completed over the HTTP API as a care manager would; only the printing looks into the stores. Whatever
does not arrive in time is reported as the station at which the way ended.
"""

from __future__ import annotations

import time
from typing import Any, Final
from uuid import UUID

import httpx
import psycopg

from deploy import errors, way
from deploy.stack import Stack
from ingest import tenancy

# The promise of the README: under three minutes with warm caches.
TIME_LIMIT_S: Final = 180.0
# Long enough to be a span of time, short enough not to waste the reader's.
_WORK_S: Final = 2.0
_NOTE: Final = "Called, reading confirmed, advised to rest and measure again tomorrow."


def follow_one_reading(stack: Stack, deadline: float) -> None:
    """Wait for a task, complete it with time logged, print the way of its reading.

    Args:
        stack: The running stack.
        deadline: The ``time.monotonic()`` at which to give up.

    Raises:
        WayEnded: names the station that the reading did not reach.
    """
    with httpx.Client(
        base_url=stack.console_url,
        # What a browser sends by itself; the console refuses changes without it.
        headers={"Origin": stack.console_url, "Sec-Fetch-Site": "same-origin"},
        timeout=30,
    ) as client:
        _sign_in(client, stack)
        task_id = _wait_for_task(client, stack, deadline)
        _work_on(client, task_id)
    practice_id = stack.demo.gateways[0].practice_id
    with (
        psycopg.connect(stack.conninfo("homevitals_console")) as connection,
        tenancy.transaction(connection, practice_id) as cur,
    ):
        stations = way.of_task(cur, practice_id, UUID(task_id), stack.outbox_row).stations
    print(way.as_text(stations))
    # A station without a time was not seen: nothing is there, or it is out of reach from here.
    missing = [station.name for station in stations if station.at is None]
    if missing:
        raise errors.WayEnded(missing[0], "nothing was found there; the lines above show what was")
    print("The way is whole.")


def _sign_in(client: httpx.Client, stack: Stack) -> None:
    sign_in = next(found for found in stack.demo.sign_ins if found.role == "care_manager")
    answer = client.post(
        "/api/v1/session",
        json={"sign_in_name": sign_in.sign_in_name, "password": sign_in.password},
    )
    _require(answer, "console", "the sign-in was refused")


def _wait_for_task(client: httpx.Client, stack: Stack, deadline: float) -> str:
    while time.monotonic() < deadline:
        stack.processes.require_running()
        answer = client.get("/api/v1/worklist")
        _require(answer, "console", "the worklist could not be read")
        tasks: list[dict[str, Any]] = answer.json()["tasks"]
        unowned = [task for task in tasks if task["owner"] is None]
        if unowned:
            return str(unowned[0]["task_id"])
        time.sleep(0.5)
    with (
        psycopg.connect(stack.conninfo("homevitals_console")) as connection,
        tenancy.transaction(connection, stack.demo.gateways[0].practice_id) as cur,
    ):
        station, words = way.where_it_stopped(cur)
    raise errors.WayEnded(station, f"{words}; the logs are in {stack.processes.log_folder}")


def _work_on(client: httpx.Client, task_id: str) -> None:
    claimed = _json(client.post(f"/api/v1/tasks/{task_id}/claim", json=_version(client, task_id)))
    started = client.post(f"/api/v1/tasks/{task_id}/timer", json={"activity": "phone_call"})
    _require(started, "time entry", "the timer could not be started")
    time.sleep(_WORK_S)
    stopped = client.post("/api/v1/timer/stop", json={"note": _NOTE})
    _require(stopped, "time entry", "the timer could not be stopped")
    completed = client.post(
        f"/api/v1/tasks/{task_id}/complete",
        json={
            "row_version": claimed["row_version"],
            "disposition": "reached_advised",
            "note": _NOTE,
        },
    )
    _require(completed, "task", "the task could not be completed")


def _version(client: httpx.Client, task_id: str) -> dict[str, int]:
    return {"row_version": _json(client.get(f"/api/v1/tasks/{task_id}"))["row_version"]}


def _json(answer: httpx.Response) -> dict[str, Any]:
    _require(answer, "task", "the task could not be read or claimed")
    found: dict[str, Any] = answer.json()
    return found


def _require(answer: httpx.Response, station: str, words: str) -> None:
    if answer.is_error:
        title = (
            answer.json().get("title", "")
            if "json" in answer.headers.get("content-type", "")
            else ""
        )
        raise errors.WayEnded(station, f"{words}: HTTP {answer.status_code} {title}")
