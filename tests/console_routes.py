"""Every route of the console with what a person would send to it, for tests that go through the whole table.

A new route needs a line in :data:`BODIES` if it takes one, and in :func:`known` if its address has a new parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.fhir.server_types import TYPES
from tests import (
    console_bodies_link,
    console_bodies_month,
    console_bodies_plan,
    console_bodies_programs,
    console_bodies_record,
    console_bodies_tasks,
    console_bodies_time,
)
from tests.made_up_practice import PASSWORD, Connect, MadeUp

# What is searched for with no patient named; who measures with a device takes another right than the device.
_WITHOUT_PATIENT = frozenset({"Patient", "Device"})
_QUERIES = {
    "/api/v1/claims": "?month=2026-10",
    "/readings": "?kind=blood_pressure&from=2026-11-01T00:00:00Z&to=2026-11-13T00:00:00Z",
    "/summaries/daily": "?kind=blood_pressure&from=2026-11-01&to=2026-11-12",
    "/readings/stream": "?seconds=1",
    "/needs/stream": "?seconds=1",
    **console_bodies_time.QUERIES,
    "/audit/export": "?from=2026-11-01T00:00:00Z&to=2026-11-13T00:00:00Z",
    **{
        f"/fhir/R4/{kind}": "?patient={patient_id}"
        for kind in TYPES
        if kind not in _WITHOUT_PATIENT
    },
}
_DONE = {"row_version": "1", "disposition": "not_reached", "note": "Two calls."}
_ENTRY = {
    "started_at": "2026-11-12T14:00:00Z",
    "ended_at": "2026-11-12T14:10:00Z",
    "program": "ccm",
    "activity": "phone_call",
    "note": "n",
    "reason": "r",
}

_ASSIGNMENT = "/peripherals/{peripheral_id}/assignments/{assignment_id}"
_SPAN = {"valid_from": "2026-11-11T13:00:00Z", "reason": "r"}

_WINDOW = {
    "from_on": "2026-11-12",
    "from_time": "10:00",
    "until_on": "2026-11-20",
    "until_time": "10:00",
    "reason": "r",
}

# What is sent where something is; "{patient_id}" and the like are filled in. JSON for the API, forms for pages.
BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /patients/{patient_id}/rules": {
        "question": "systolic-high/clinical",
        "limit": "150",
        "reason": "Known.",
    },
    "POST /patients/{patient_id}/schedule": {
        "kind": "blood_pressure",
        "how": "sessions",
        "morning": "2",
        "reason": "r",
    },
    "POST /patients/{patient_id}/schedule/end": {"kind": "glucose"},
    "POST /patients/{patient_id}/silence": {"cause": "hospital", **_WINDOW},
    "POST /patients/{patient_id}/silence/{window_id}/end": {},
    "POST /quiet-times/hours": {"from_time": "18:00", "until_time": "08:00", "reason": "r"},
    "POST /quiet-times/hours/end": {},
    "POST /quiet-times/windows": {"whom": "practice", "cause": "maintenance", **_WINDOW},
    "POST /quiet-times/windows/{window_id}/end": {},
    "POST /patients/{patient_id}/rules/end": {
        "question": "systolic-high/clinical",
        "reason": "Known.",
    },
    "POST /patients/{patient_id}/conditions": {"diagnosis": "E11.9", "source": "Problem list."},
    "POST /patients/{patient_id}/conditions/{condition_id}/end": {"reason": "It is over."},
    "POST /patients/{patient_id}/emergency": {
        "reason": "emergency",
        "explanation": "She called.",
        "password": PASSWORD,
    },
    "POST /patients/restricted": {"name": "Nobody of this name"},
    "POST /emergency-access/{grant_id}/review": {"verdict": "justified", "note": "Known."},
    "POST /rules/sets/trial": {"shipped": "diabetes", "for_whom": "practice"},
    "POST /rules/sets/activate": {
        "shipped": "diabetes",
        "for_whom": "practice",
        "reason": "r",
        "signature": "Dana Achterberg",
    },
    "POST /rules/{rule_id}/limit": {
        "limit": "170",
        "reason": "r",
        "signature": "Dana Achterberg",
    },
    "POST /rules/{rule_id}/asked": {
        "becomes": "off",
        "reason": "r",
        "signature": "Dana Achterberg",
    },
    "POST /restrictions": {"patient_id": "{patient_id}", "staff_id": "{staff_id}", "reason": "r"},
    "POST /restrictions/{patient_id}/members": {"staff_id": "{staff_id}"},
    "POST /restrictions/{patient_id}/members/{staff_id}/leave": {},
    "POST /restrictions/{patient_id}/end": {},
    "POST /peripherals/{peripheral_id}/assignments": {
        "patient_id": "{patient_id}",
        "user_slot": "2",
        "from_on": "2026-11-01",
        "from_time": "08:00",
    },
    f"POST {_ASSIGNMENT}/end": {"until_on": "2026-11-12", "until_time": "08:00"},
    f"POST {_ASSIGNMENT}/correct-patient": {
        "patient_id": "00000000-0000-0000-0000-000000000000",
        "from_on": "2026-11-11",
        "from_time": "08:00",
        "reason": "Wrong cuff.",
    },
    f"POST {_ASSIGNMENT}/correct-time": {
        "from_on": "2026-11-11",
        "from_time": "08:00",
        "reason": "Wrong day.",
    },
    "POST /quarantine/{quarantine_id}/redrive": {},
    "POST /gateways": {"label": "Box 12"},
    "POST /gateways/{gateway_id}/code": {},
    "POST /gateways/{gateway_id}/revoke": {"reason": "Stolen."},
    "POST /gateways/{gateway_id}/configuration/peripherals": {
        "based_on": "0",
        "address": "AA:BB:CC:DD:EE:01",
        "name": "Kitchen",
    },
    "POST /gateways/{gateway_id}/configuration/peripherals/remove": {
        "based_on": "0",
        "address": "AA:BB:CC:DD:EE:01",
    },
    "POST /gateways/{gateway_id}/configuration/schedule": {
        "based_on": "0",
        "revisit_after_s": "30",
    },
    "POST /gateways/{gateway_id}/configuration/profiles": {
        "based_on": "0",
        "file_name": "our-cuff.toml",
        "text": "x = 1",
    },
    "POST /gateways/{gateway_id}/configuration/profiles/remove": {
        "based_on": "0",
        "file_name": "our-cuff.toml",
    },
    "POST /gateways/{gateway_id}/configuration/again": {"based_on": "0"},
    "POST /escalation/ladders/{severity}": {
        "based_on": "0",
        "reason": "r",
        "first_after": "0",
        "first_whom": "practice_line",
        "first_console": "yes",
    },
    "POST /escalation/on-call/shifts": {
        "duty": "cover",
        "staff_id": "{staff_id}",
        "from_on": "2026-11-12",
        "from_time": "08:00",
        "until_on": "2026-11-13",
        "until_time": "08:00",
    },
    "POST /escalation/on-call/weekly-shifts": {
        "duty": "cover",
        "staff_id": "{staff_id}",
        "first_on": "2026-11-09",
        "starts": "08:00",
        "days_later": "1",
        "ends": "08:00",
        "every_weeks": "1",
    },
    "POST /escalation/on-call/{shift_id}/cancel": {},
    "POST /escalation/contacts": {
        "staff_id": "{staff_id}",
        "channel": "email",
        "address": "robin@example.org",
    },
    "POST /escalation/contacts/{contact_id}/test": {},
    "POST /escalation/contacts/{contact_id}/end": {},
    "POST /staff": {"sign_in_name": "nora", "display_name": "Nora Quist", "role": "care_manager"},
    "POST /staff/{staff_id}/role": {"role": "clinician"},
    "POST /staff/{staff_id}/invitation": {},
    "POST /staff/{staff_id}/second-factor": {},
    "POST /staff/{staff_id}/disable": {},
    "POST /patients/{patient_id}/home": {"display_name": "Ada", "role": "carer"},
    "POST /patients/{patient_id}/home/{person_id}/code": {},
    "POST /patients/{patient_id}/home/{person_id}/disable": {},
    "POST /tasks/{task_id}/claim": {"row_version": "1"},
    "POST /tasks/{task_id}/release": {"row_version": "1", "note": "Off duty."},
    "POST /tasks/{task_id}/assign": {"row_version": "1", "owner_staff_id": "{staff_id}"},
    "POST /tasks/{task_id}/snooze": {"row_version": "1", "wait_minutes": "10", "reason": "Asleep."},
    "POST /tasks/{task_id}/snooze/end": {"row_version": "1"},
    "POST /worklist/chosen": {"deed": "acknowledge", "task-{task_id}": "1"},
    "POST /tasks/{task_id}/timer": {"activity": "phone_call"},
    "POST /tasks/{task_id}/time": {
        "worked_on": "2026-11-12",
        "started": "09:10",
        "ended": "09:20",
        "activity": "chart_review",
        "note": "n",
        "reason": "r",
    },
    "POST /tasks/{task_id}/complete": _DONE,
    "POST /timer/stop": {"note": "Called."},
    "POST /timer/discard": {"reason": "Lunch."},
    "POST /time/{entry_id}/void": {"reason": "Entered twice."},
    "POST /api/v1/tasks/{task_id}/claim": {"row_version": 1},
    "POST /api/v1/tasks/{task_id}/release": {"row_version": 1, "note": "Off duty."},
    "POST /api/v1/tasks/{task_id}/assign": {"row_version": 1, "owner_staff_id": "{staff_id}"},
    "POST /api/v1/tasks/{task_id}/snooze": {
        "row_version": 1,
        "until_at": "2026-11-12T15:52:00Z",
        "reason": "Asleep.",
    },
    "POST /api/v1/tasks/{task_id}/snooze/end": {"row_version": 1},
    "POST /api/v1/tasks/{task_id}/timer": {"activity": "phone_call"},
    "POST /api/v1/tasks/{task_id}/complete": {**_DONE, "row_version": 1},
    "POST /api/v1/timer/stop": {"note": "Called."},
    "POST /api/v1/time-entries": {"patient_id": "{patient_id}", **_ENTRY},
    "POST /api/v1/peripherals/{peripheral_id}/assignments": {
        "patient_id": "{patient_id}",
        "user_slot": 2,
        "valid_from": "2026-11-11T13:00:00Z",
    },
    f"POST /api/v1{_ASSIGNMENT}/end": {"valid_until": "2026-11-12T13:00:00Z"},
    f"POST /api/v1{_ASSIGNMENT}/correct-patient": {"patient_id": None, **_SPAN},
    f"POST /api/v1{_ASSIGNMENT}/correct-time": _SPAN,
    **{
        f"POST /fhir/R4/{kind}/_search": {
            "_id" if kind in _WITHOUT_PATIENT else "patient": "{patient_id}"
        }
        for kind in TYPES
    },
    **console_bodies_link.BODIES,
    **console_bodies_month.BODIES,
    **console_bodies_record.BODIES,
    **console_bodies_plan.BODIES,
    **console_bodies_programs.BODIES,
    **console_bodies_tasks.BODIES,
    **console_bodies_time.BODIES,
}


def guarded() -> Iterator[tuple[str, Resource, Action]]:
    """Yield every route that not anybody may use, with its resource and action."""
    for route, rule in permissions.ROUTES.items():
        if rule is not permissions.ANYBODY:
            yield route, *rule


def on_patients() -> Iterator[tuple[str, Resource, Action]]:
    """Yield every route whose resource holds patients' data."""
    return (one for one in guarded() if one[1] in permissions.WITH_PATIENTS)


def known(connect: Connect, made_up: MadeUp, patient: str = "amalia") -> dict[str, str]:
    """Return what the parameters of addresses can be: things of one patient of the made-up practice."""
    patient_id = made_up.patients[patient]
    with connect("postgres") as connection:

        def first(query: str) -> str:
            row = connection.execute(query, (patient_id,)).fetchone()
            assert row is not None, query
            return str(row[0])

        return {
            "patient_id": str(patient_id),
            "chart": "blood-pressure",
            "task_id": first(
                "select task_id from ccm.task where patient_id = %s order by severity desc"
            ),
            "entry_id": first(
                "select entry_id from ccm.time_entry where patient_id = %s and voided_at is null"
            ),
            "condition_id": first("select condition_id from ccm.condition where patient_id = %s"),
            "window_id": first(
                "select window_id from alerts.silence_window where practice_id ="
                " (select practice_id from ingest.patient where patient_id = %s) order by patient_id nulls last"
            ),
            "rule_id": first(
                "select rule_id from alerts.rule where practice_id ="
                " (select practice_id from ingest.patient where patient_id = %s)"
                " and scope = 'practice' and family = 'systolic-high' and severity = 'urgent'"
            ),
            "grant_id": str(patient_id),  # of nothing, unless a test makes one
            "staff_id": str(made_up.staff["robin"]),
            "severity": "urgent",
            "month": "2026-10",
            "claim_id": str(patient_id),  # of nothing
            "shift_id": str(patient_id),  # of nothing
            "schedule_id": str(patient_id),  # likewise
            "cover_id": str(patient_id),  # likewise
            "contact_id": str(patient_id),  # likewise
            "gateway_id": "gw-home0001",
            "quarantine_id": first(
                "select quarantine_id from ingest.quarantine where practice_id ="
                " (select practice_id from ingest.patient where patient_id = %s) order by received_at desc"
            ),
            "peripheral_id": first(
                "select peripheral_id from ingest.assignment where patient_id = %s"
            ),
            "assignment_id": first(
                "select assignment_id from ingest.assignment where patient_id = %s"
            ),
            "reading_id": first(
                "select reading_id from ingest.reading_series where patient_id = %s order by measured_at desc"
            ),
            "person_id": first("select person_id from ingest.home_person where patient_id = %s"),
            **dict.fromkeys(console_bodies_time.OF_NOTHING, str(patient_id)),
            **dict.fromkeys(console_bodies_month.OF_NOTHING, str(patient_id)),
            **dict.fromkeys(console_bodies_record.OF_NOTHING, str(patient_id)),
            **dict.fromkeys(console_bodies_plan.OF_NOTHING, str(patient_id)),
            **dict.fromkeys(console_bodies_link.OF_NOTHING, str(patient_id)),
            **dict.fromkeys(console_bodies_programs.OF_NOTHING, str(patient_id)),
            "enrolment_id": first("select enrolment_id from ccm.enrolment where patient_id = %s"),
            "practitioner_id": str(made_up.staff["dana"]),
            "program": "ccm",
            "plan_id": first("select plan_id from ccm.care_plan where patient_id = %s"),
            "version": "1",
            "goal_id": first(
                "select plan_id from ccm.care_plan where patient_id = %s and version = 1"
            )
            + ".goal-1",
            "consent_id": first("select consent_id from ccm.consent where patient_id = %s"),
        }


def address(route: str, ids: Mapping[str, str]) -> str:
    """Return a route's address with its parameters filled in."""
    path = route.split(maxsplit=1)[1].format(**ids)
    if not route.startswith("GET "):
        return path
    query = next((query for end, query in _QUERIES.items() if path.endswith(end)), "")
    return path + query.format(**ids)


def ask(browser: httpx.Client, route: str, ids: Mapping[str, str]) -> httpx.Response:
    """Ask a route as a person would who does it right."""
    method, path = route.split(maxsplit=1)
    body = {
        name.format(**ids): one.format(**ids)
        if isinstance(one, str) and re.fullmatch(r"\{\w+\}", one)
        else one
        for name, one in BODIES.get(route, {}).items()
    }
    if method in {"GET", "DELETE"}:
        sent: dict[str, Any] = {}
    elif path.startswith("/api/"):
        sent = {"json": body}
    else:
        sent = {"data": body, "headers": {"content-type": "application/x-www-form-urlencoded"}}
    return browser.request(method, address(route, ids), **sent)
