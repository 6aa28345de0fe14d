"""Marked words are sent into every field of every route: no refusal repeats them, and no log line holds them.

A page may show a person again what they typed, in the very control they typed it into, or as the note that it could not
save; a password not even there. Who wrote a note reads it in the answer that stores it. Everything else is an echo.
"""

from __future__ import annotations

import inspect
import itertools
import logging
import re
from types import ModuleType
from uuid import uuid4

import httpx
import pytest
from pydantic import BaseModel

from ccm_link.console.json_api import enrolment_api
from ccm_link.console.posted import inputs
from ccm_link.console.routes import permissions
from firmware_profiles.logs import JsonLines
from ingest.people import Role
from tests import console_routes
from tests.bad_input.conftest import SignIn, Visitor
from tests.console_server import Console
from tests.made_up_practice import Connect, MadeUp

pytestmark = [
    pytest.mark.db,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
TYPED = 'zQ7"><b>typed'
SECRET = "hX9-secret"
PEOPLE = {
    Role.CARE_MANAGER: "casey",
    Role.CLINICIAN: "dana",
    Role.OPERATOR: "ozzie",
    Role.PRACTICE_ADMINISTRATOR: "petra",
    Role.AUDITOR: "augustin",
}
_CONTROL = re.compile(
    r'\svalue="[^"]*"|(?s:<textarea[^>]*>.*?</textarea>|<blockquote class="said">.*?</blockquote>)'
)


def field_sets() -> list[list[str]]:
    """Return the names of the fields of every model that anything posted is checked by."""
    modules: tuple[ModuleType, ...] = (inputs, enrolment_api)
    found = [
        [field.alias or name for name, field in model.model_fields.items()]
        for module in modules
        for _, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, BaseModel) and model.__module__ == module.__name__
    ]
    return [names for names in found if names]


def posted_to(route: str) -> list[list[str]]:
    """Return the sets of fields to send to a route: its own, and every field that there is at once.

    Whose own fields are written down nowhere, as at the doors, gets those of every model.
    """
    everything = sorted({name for names in field_sets() for name in names})
    if route in console_routes.BODIES:
        return [list(console_routes.BODIES[route]), everything]
    return [*field_sets(), everything]


def person_of(rule: permissions.Rule | None) -> str | None:
    """Return somebody of the made-up practice who may do it."""
    if rule is None:
        return None
    resource, action = rule
    return next(
        (
            name
            for role, name in PEOPLE.items()
            if action in permissions.MATRIX[resource].get(role, ())
        ),
        None,
    )


def addresses(connect: Connect, made_up: MadeUp) -> dict[str, str]:
    """Return an address for every route that takes something, with ids that exist where they are easy to have."""
    with connect("postgres") as connection:
        row = connection.execute(
            "select task_id from ccm.task where practice_id = %s", (made_up.practice_id,)
        ).fetchone()
    assert row is not None
    known = {"task_id": row[0], "patient_id": made_up.patients["amalia"], "gateway_id": "gw-x"}
    return {
        route: re.sub(
            r"\{(\w+)\}", lambda found: str(known.get(found[1], uuid4())), route.split(" ", 1)[1]
        )
        for route in permissions.ROUTES
    }


def is_clean(answer: httpx.Response, mark: str) -> bool:
    text = answer.text
    if SECRET in text:
        return False
    return answer.status_code < 400 or mark not in _CONTROL.sub("", text)


def test_no_refusal_repeats_what_was_posted(
    sign_in: SignIn,
    visitor: Visitor,
    connect: Connect,
    made_up: MadeUp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    browsers = {name: sign_in(name) for name in PEOPLE.values()}
    nobody = visitor()
    numbers = itertools.count(10_000)
    echoes = []
    with caplog.at_level(logging.INFO):
        for route, address in addresses(connect, made_up).items():
            method = route.split(" ", 1)[0]
            if method != "POST" or address == "/sign-out":
                continue
            browser = browsers.get(person_of(permissions.ROUTES[route]) or "", nobody)
            for names in posted_to(route):
                # A mark for each request: what an earlier one stored may be shown.
                mark = f"zQ7-{next(numbers)}"
                fields = {
                    name: SECRET if "password" in name else f'{mark}"><b>typed' for name in names
                }
                is_api = address.startswith(("/api/", "/enrol/"))
                sent = {"json": fields} if is_api else {"data": fields}
                answer = browser.post(address, **sent)  # type: ignore[arg-type]
                if not is_clean(answer, mark):
                    echoes.append(f"{route} {sorted(fields)}")
    assert not echoes, "\n".join(sorted(set(echoes)))
    assert holds_no_mark(caplog)


def test_no_answer_repeats_an_address_a_header_or_a_cookie(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, caplog: pytest.LogCaptureFixture
) -> None:
    browsers = {name: sign_in(name) for name in PEOPLE.values()}
    names = "accept-language authorization idempotency-key origin referer user-agent x-forwarded-for x-request-id"
    headers = dict.fromkeys(names.split(), TYPED)
    echoes = []
    with caplog.at_level(logging.INFO):
        for route, address in addresses(connect, made_up).items():
            method, template = route.split(" ", 1)
            browser = browsers[person_of(permissions.ROUTES[route]) or "casey"]
            # The provider sends its code back in the address; no other page is asked for with a secret.
            secret = {"code": SECRET, "state": SECRET} if "/return" in address else {}
            for asked in {address, re.sub(r"\{\w+\}", "zQ7", template), f"{address}/zQ7"}:
                if asked in {"/sign-out", "/api/v1/session"}:
                    continue
                for query in ({}, secret, {"zQ7": TYPED}, {"days": TYPED}, {"going_to": TYPED}):
                    answer = browser.request(method, asked, params=query, headers=headers)
                    if not is_clean(answer, "zQ7"):
                        echoes.append(f"{method} {asked} {query}")
    assert not echoes, "\n".join(sorted(set(echoes)))
    assert holds_no_mark(caplog)


def test_no_log_line_holds_what_was_stored(
    sign_in: SignIn, made_up: MadeUp, caplog: pytest.LogCaptureFixture
) -> None:
    casey = sign_in("casey")
    entry = {
        "patient_id": str(made_up.patients["noor"]),
        "started_at": "2026-11-12T15:00:00Z",
        "ended_at": "2026-11-12T15:10:00Z",
        "activity": "phone_call",
        "note": TYPED,
        "reason": TYPED,
    }
    with caplog.at_level(logging.INFO):
        assert casey.post("/api/v1/time-entries", json=entry).status_code == 201
        # The database refuses this one by an exclusion that quotes both rows.
        assert casey.post("/api/v1/time-entries", json=entry).status_code == 422
        page = casey.get("/time").text
    assert "&lt;b&gt;typed" in page
    assert TYPED not in page
    assert holds_no_mark(caplog)


def test_a_form_that_outlived_its_session_keeps_the_note_but_no_password(
    visitor: Visitor,
) -> None:
    nobody = visitor()
    kept = nobody.post("/timer/stop", data={"note": TYPED})
    assert kept.status_code == 401
    assert "zQ7&#34;&gt;&lt;b&gt;typed" in kept.text
    secret = {"password": SECRET, "new_password": SECRET}
    gone = nobody.post("/account/password", data=secret)
    assert gone.status_code == 303
    assert SECRET not in gone.text


def holds_no_mark(caplog: pytest.LogCaptureFixture) -> bool:
    lines = "\n".join(JsonLines().format(record) for record in caplog.records)
    assert '"event": "request"' in lines
    return "zQ7" not in lines and SECRET not in lines


def test_metrics_and_addresses_have_no_place_for_people(console: Console) -> None:
    # Nobody's name, number or day of birth is a part of an address, and nothing counts by patient.
    parts = {
        part for _, path in permissions.routes(console.app) for part in re.findall(r"\{(\w+)", path)
    }
    assert parts <= {
        "task_id",
        "patient_id",
        "coverage_id",
        "telecom_id",
        "related_id",
        "identifier_id",
        "standing_id",
        "entry_id",
        "chart",
        "grant_id",
        "staff_id",
        "gateway_id",
        "person_id",
        "code_id",
        "peripheral_id",
        "assignment_id",
        "reading_id",
        "consent_id",
        "goal_id",
        "plan_id",
        "quarantine_id",
        "rule_id",
        "credential_id",
        "amendment_id",
        "rival_id",
        "dropped_id",
        "condition_id",
        "medication_id",
        "stay_id",
        "version",
        "schedule_id",
        "cover_id",
        "program",
        "enrolment_id",
        "visit_id",
        "beside_id",
        "member_id",
        "contact_id",
        "window_id",
        "shift_id",
        "outgoing_id",
        "receiver_id",
        "system_id",
        "month",
        "claim_id",
        "monitoring_id",
        "severity",
    }
    assert not [path for _, path in permissions.routes(console.app) if "metric" in path]
