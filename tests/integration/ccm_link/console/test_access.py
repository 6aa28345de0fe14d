"""Every route, for every role, for nobody, and for ids of other practices."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from ccm_link.console import permissions
from ingest.people import Role
from tests.made_up_practice import Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Visitor = Callable[[], httpx.Client]
SignIn = Callable[[str], httpx.Client]

PEOPLE = {
    Role.CARE_MANAGER: "casey",
    Role.CLINICIAN: "dana",
    Role.OPERATOR: "ozzie",
    Role.PRACTICE_ADMINISTRATOR: "petra",
    Role.AUDITOR: "augustin",
}
QUERY = "?kind=glucose&from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z"


def addresses(connect: Connect, made_up: MadeUp) -> dict[str, str]:
    """Return an address that exists for every rule."""
    with connect("homevitals_owner") as connection:
        ids = {
            "patient_id": made_up.patients["amalia"],
            "task_id": connection.execute(
                "select task_id from ccm.task where practice_id = %s", (made_up.practice_id,)
            ).fetchone()[0],
            "entry_id": connection.execute("select entry_id from ccm.time_entry").fetchone()[0],
            "chart": "blood-pressure",
        }
    return {
        rule: rule.split()[1].format(**ids) + (QUERY if rule.endswith("/readings") else "")
        for rule in permissions.MATRIX
    }


def test_nobody_gets_anywhere_without_signing_in(
    visitor: Visitor, connect: Connect, made_up: MadeUp
) -> None:
    browser = visitor()
    for rule, address in addresses(connect, made_up).items():
        if permissions.MATRIX[rule] is permissions.ANYBODY:
            continue
        method = rule.split()[0]
        if "/api/" in rule:
            answer = browser.request(method, address, json={} if method == "POST" else None)
            assert answer.status_code == 401, rule
            assert answer.json()["title"] == "Sign in first"
        elif method == "GET":
            answer = browser.get(address)
            assert answer.status_code == 303, rule
            assert answer.headers["location"].startswith("/sign-in?going_to=/")
        else:
            answer = browser.post(address, data={"note": "typed"})
            assert answer.status_code == 401, rule
        assert "Thornquist" not in answer.text


def test_every_role_gets_what_the_table_says(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    known = addresses(connect, made_up)
    for role in Role:
        browser = sign_in(PEOPLE[role])
        for rule, address in known.items():
            if permissions.MATRIX[rule] is not permissions.ANYBODY:
                with subtests.test(f"{role}: {rule}"):
                    _check_rule(browser, role, rule, address)


def _check_rule(browser: httpx.Client, role: Role, rule: str, address: str) -> None:
    method = rule.split(maxsplit=1)[0]
    # An empty form is refused, but only after the question of who may has been answered.
    posted = {"json": {}} if "/api/" in rule else {"data": {"nothing": "x"}}
    answer = browser.request(method, address, **(posted if method == "POST" else {}))
    if role in permissions.MATRIX[rule]:
        expected = {200, 303} if method == "GET" else {409, 422}
        assert answer.status_code in expected, answer.text
    else:
        assert answer.status_code == 403
        assert "Thornquist" not in answer.text


WITH_IDS = (
    "/tasks/{task}",
    "/patients/{patient}",
    "/patients/{patient}/charts/glucose.svg",
    "/api/v1/tasks/{task}",
    "/api/v1/patients/{patient}/readings" + QUERY,
    "/time/{task}/void",
)


def test_foreign_unknown_and_impossible_ids_are_told_apart_by_nothing(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for template in WITH_IDS:
        with subtests.test(template):
            answers = [
                casey.get(template.format(task=task, patient=patient))
                for task, patient in (
                    (made_up.foreign_task_id, made_up.foreign_patient_id),
                    (uuid4(), uuid4()),
                    ("1; drop table", "..%2f.."),
                )
            ]
            assert [answer.status_code for answer in answers] == [404, 404, 404]
            assert len({answer.content for answer in answers}) == 1


def test_a_foreign_task_cannot_be_changed(
    casey: httpx.Client, made_up: MadeUp, connect: Connect
) -> None:
    address = f"/tasks/{made_up.foreign_task_id}"
    for action, form in (
        ("claim", {"row_version": "1"}),
        ("release", {"row_version": "1", "note": "n"}),
        ("timer", {"activity": "phone_call"}),
        ("complete", {"row_version": "1", "disposition": "not_reached", "note": "n"}),
    ):
        assert casey.post(f"{address}/{action}", data=form).status_code == 404
    entry = {
        "patient_id": str(made_up.foreign_patient_id),
        "started_at": "2026-11-12T14:00:00Z",
        "ended_at": "2026-11-12T14:10:00Z",
        "activity": "phone_call",
        "note": "n",
        "reason": "r",
    }
    assert casey.post("/api/v1/time-entries", json=entry).status_code == 404
    with connect("homevitals_owner") as connection:
        found = connection.execute(
            "select status, owner_staff_id from ccm.task where task_id = %s",
            (made_up.foreign_task_id,),
        ).fetchone()
    assert found == ("open", None)


def test_no_page_shows_another_practices_people(casey: httpx.Client) -> None:
    for place in ("/worklist", "/patients", "/time", "/unassigned", "/quarantine", "/gateways"):
        assert "Fremde" not in casey.get(place).text, place


def test_foreign_pages_cannot_post_with_the_persons_cookie(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    for rule, address in addresses(connect, made_up).items():
        method = rule.split()[0]
        if method == "GET":
            continue
        for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
            assert casey.request(method, address, headers=headers).status_code == 403, rule
    assert casey.get("/worklist").status_code == 200  # the sign-out did not act either


def test_what_is_not_changed_by_get_stays_so(casey: httpx.Client) -> None:
    assert casey.get("/sign-out").status_code == 405
    assert casey.get("/timer/stop").status_code == 405


def test_pages_hold_no_script_and_name_no_other_host(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    for rule, address in addresses(connect, made_up).items():
        if not rule.startswith("GET ") or "/api/" in rule:
            continue
        page = casey.get(address, follow_redirects=True)
        if "html" not in page.headers["content-type"]:
            continue
        assert not re.search(r"<script|\son\w+=|javascript:|\sstyle=", page.text), rule
        assert not re.search(r'(src|href|action)="(https?:)?//', page.text), rule
