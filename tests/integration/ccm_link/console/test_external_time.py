"""Minutes that another system reports: by its token alone, once each, under the rules of the time log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import httpx
import pytest

from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

ADDRESS = "/api/v1/external-time-entries"
ENTRY = {
    "external_id": "e-1",
    "record_number": "MFP-100482",
    "staff_id": "nurse 7",
    "started_at": "2026-11-12T14:00:00Z",
    "ended_at": "2026-11-12T14:10:00Z",
    "activity": "phone_call",
    "note": "Called about the evening dose.",
}
SignIn = Callable[[str], httpx.Client]
# A form without fields, as a browser posts it.
EMPTY: Any = {"content": "", "headers": {"content-type": "application/x-www-form-urlencoded"}}


@pytest.fixture
def petra(sign_in: SignIn) -> httpx.Client:
    return sign_in("petra")


@pytest.fixture
def system(petra: httpx.Client, address: str, made_up: MadeUp) -> Iterator[httpx.Client]:
    """Let a system in that knows one colleague; return what speaks with its token, and no browser's headers."""
    shown = petra.post("/external-systems", data={"name": "Panel"})
    (token,) = re.findall(r"<code>(hvx_[\w-]{43})</code>", shown.text)
    page = petra.get("/external-systems")
    assert token not in page.text
    (system_id,) = set(re.findall(r"/external-systems/([0-9a-f-]{36})/people", page.text))
    who = {"external_id": "nurse 7", "meant_staff_id": str(made_up.staff["casey"])}
    assert petra.post(f"/external-systems/{system_id}/people", data=who).status_code == 303
    shown_by = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, headers=shown_by, timeout=20) as client:
        yield client


def entry(**changed: Any) -> dict[str, Any]:
    return {name: one for name, one in (ENTRY | changed).items() if one is not None}


def reason(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json().get("reason", "")


def test_an_entry_is_taken_once_and_is_the_systems_own(
    system: httpx.Client, made_up: MadeUp, connect: Connect, petra: httpx.Client
) -> None:
    taken = system.post(ADDRESS, json=ENTRY)
    assert taken.status_code == 201, taken.text
    assert taken.json()["seconds"] == 600
    again = system.post(ADDRESS, json=ENTRY)
    assert (again.status_code, again.json()) == (200, taken.json())
    assert reason(system.post(ADDRESS, json=entry(note="Otherwise."))) == (409, "report_differs")
    with connect("postgres") as connection:
        stored = connection.execute(
            "select staff_id, patient_id, entered, reason from ccm.time_entry where entered = 'external'"
        ).fetchall()
        trail = connection.execute(
            "select action, outcome, agent_kind, agent_id like 'external:%%', resource_id like 'sha256:%%', patient_ids"
            " from ingest.audit_event where resource = 'external_time_entry' order by outcome"
        ).fetchall()
        events = connection.execute(
            "select event from ingest.security_event where practice_id = %s", (made_up.practice_id,)
        ).fetchall()
    casey, amalia = made_up.staff["casey"], made_up.patients["amalia"]
    assert stored == [(casey, amalia, "external", "Reported by Panel.")]
    assert trail == [
        ("C", "refused", "service", True, True, []),
        ("C", "success", "service", True, False, [amalia]),
    ]
    assert events == [("external_time_differs",)]
    assert "1 entries" in " ".join(unescape(petra.get("/external-systems").text).split())


def test_what_overlaps_is_kept_for_a_person_to_decide(system: httpx.Client) -> None:
    # Casey logged the same hour by hand, eight days ago.
    at = {"started_at": "2026-11-04T15:38:00Z", "ended_at": "2026-11-04T15:41:00Z"}
    assert system.post(ADDRESS, json=entry(**at)).status_code == 201


_NOT_TAKEN: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"record_number": "MFP-000000"}, (422, "unknown_patient")),
    ({"record_number": "F-1"}, (422, "unknown_patient")),
    ({"staff_id": "nurse 8"}, (422, "unknown_staff")),
    ({"staff_id": None, "npi": "1234567893"}, (422, "unknown_staff")),
    ({"ended_at": "2026-11-12T14:00:00Z"}, (422, "ends_before_start")),
    ({"ended_at": "2026-11-12T23:00:00Z"}, (422, "in_the_future")),
    ({"started_at": "2026-11-12T02:00:00Z"}, (422, "too_long")),
    ({"npi": "1234567893"}, (422, "")),
    ({"staff_id": None}, (422, "")),
    ({"external_id": "a/b"}, (422, "")),
    ({"activity": "billing"}, (422, "")),
    ({"note": "   "}, (422, "")),
    ({"started_at": "2026-11-12T14:00:00"}, (422, "")),
    ({"practice_id": "00000000-0000-0000-0000-000000000000"}, (422, "")),
    ({"program": "nosuch"}, (404, "unknown_program")),
]


def test_what_the_time_log_does_not_take_is_refused_with_the_reason(
    system: httpx.Client, connect: Connect, subtests: pytest.Subtests
) -> None:
    for changed, told in _NOT_TAKEN:
        with subtests.test(str(changed)):
            answer = system.post(ADDRESS, json=entry(**changed))
            assert reason(answer) == told
            assert not any(str(one) in answer.text for one in changed.values() if one)
    with connect("postgres") as connection:
        found = connection.execute(
            "select count(*) from ccm.time_entry where entered = 'external'"
        ).fetchone()
    assert found == (0,)


def test_the_system_voids_what_it_reported_and_nothing_else(
    system: httpx.Client, connect: Connect, clock: Clock
) -> None:
    assert system.post(ADDRESS, json=ENTRY).status_code == 201
    clock.move(minutes=1)
    voided = system.post(f"{ADDRESS}/void", json={"external_id": "e-1", "reason": "Twice."})
    assert voided.status_code == 200
    assert voided.json()["voided_at"] is not None
    assert reason(
        system.post(f"{ADDRESS}/void", json={"external_id": "e-1", "reason": "Again."})
    ) == (
        409,
        "entry_voided",
    )
    assert reason(system.post(ADDRESS, json=ENTRY)) == (409, "report_voided")
    assert reason(system.post(f"{ADDRESS}/void", json={"external_id": "e-2", "reason": "r"})) == (
        422,
        "unknown_entry",
    )
    with connect("postgres") as connection:
        told = connection.execute(
            "select void_reason from ccm.time_entry where entered = 'external'"
        ).fetchone()
    assert told == ("Voided by Panel: Twice.",)


def test_a_token_opens_one_door_and_none_once_it_is_revoked(
    system: httpx.Client, petra: httpx.Client, sign_in: SignIn, address: str
) -> None:
    assert system.get("/api/v1/worklist").status_code == 401
    assert system.get("/patients").status_code in {303, 401}
    assert petra.post(ADDRESS, json=ENTRY).status_code == 401, "a session is no token"
    for wrong in ("", "Bearer", "Bearer x", "Basic eDp5", "Bearer hvx_" + "a" * 43):
        stranger = httpx.post(f"{address}{ADDRESS}", json=ENTRY, headers={"authorization": wrong})
        assert reason(stranger) == (401, "no_token")
    page = petra.get("/external-systems").text
    (system_id,) = set(re.findall(r"/external-systems/([0-9a-f-]{36})/revoke", page))
    assert sign_in("casey").get("/external-systems").status_code == 403
    assert petra.post(f"/external-systems/{system_id}/revoke", **EMPTY).status_code == 303
    assert petra.post(f"/external-systems/{system_id}/revoke", **EMPTY).status_code == 404
    assert reason(system.post(ADDRESS, json=ENTRY)) == (401, "no_token")


def test_who_tries_tokens_has_to_wait(address: str) -> None:
    answers = {
        httpx.post(
            f"{address}{ADDRESS}", json=ENTRY, headers={"authorization": f"Bearer {n}"}
        ).status_code
        for n in range(22)
    }
    assert answers == {401, 429}
