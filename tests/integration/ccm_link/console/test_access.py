"""Every route of the table, for every role, for nobody, and for ids of other practices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ccm_link.console.rate_limits import Deed
from ccm_link.console.routes import permissions
from ingest.people import Role
from tests import console_routes
from tests.made_up_practice import Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Visitor = Callable[[], httpx.Client]
SignIn = Callable[[str], httpx.Client]

STAFF = {
    Role.CARE_MANAGER: "casey",
    Role.CLINICIAN: "dana",
    Role.OPERATOR: "ozzie",
    Role.PRACTICE_ADMINISTRATOR: "petra",
    Role.AUDITOR: "augustin",
}
# Parts of addresses that are of closed lists, nobody's.
_CLOSED = {
    "chart": "blood-pressure",
    "severity": "urgent",
    "month": "2026-10",
    "program": "ccm",
    "version": "1",
}


def test_nobody_gets_anywhere_without_signing_in(
    visitor: Visitor, connect: Connect, made_up: MadeUp
) -> None:
    browser = visitor()
    ids = console_routes.known(connect, made_up)
    for route, _, _ in console_routes.guarded():
        answer = console_routes.ask(browser, route, ids)
        if "/fhir/" in route:
            assert answer.status_code == 401, route
            assert answer.json()["resourceType"] == "OperationOutcome"
        elif "/api/" in route:
            assert answer.status_code == 401, route
            assert answer.json()["title"] == "Sign in first"
        elif route.startswith("GET "):
            assert answer.status_code == 303, route
            assert answer.headers["location"].startswith("/sign-in?going_to=/")
        else:
            assert answer.status_code in {401, 303}, route
            assert answer.headers.get("location", "/sign-in") == "/sign-in"
        assert "Thornquist" not in answer.text


def test_every_role_gets_what_the_table_says_on_pages_with_one_script_of_ours_at_most(
    sign_in: SignIn,
    sign_in_at_home: SignIn,
    connect: Connect,
    made_up: MadeUp,
    subtests: pytest.Subtests,
) -> None:
    ids = console_routes.known(connect, made_up)
    for role in Role:
        browser = sign_in(STAFF[role]) if role in STAFF else sign_in_at_home(role)
        for route, resource, action in console_routes.guarded():
            with subtests.test(f"{role}: {route}"):
                may = action in permissions.MATRIX[resource].get(role, ())
                _check_route(browser, route, console_routes.address(route, ids), may=may)


def _check_route(browser: httpx.Client, route: str, address: str, *, may: bool) -> None:
    method = route.split(maxsplit=1)[0]
    # An unknown field is refused, but only after the question of who may has been answered.
    posted = {"json": {"nothing": 1}} if "/api/" in route else {"data": {"nothing": "x"}}
    answer = browser.request(method, address, **(posted if method == "POST" else {}))
    if "html" in answer.headers.get("content-type", ""):
        ours = r'<script src="/static/needs\.js\?v=[0-9a-f]{12}" defer></script>'
        text = re.sub(ours, "", answer.text, count=1)
        assert not re.search(r"<script|\son\w+=|javascript:|\sstyle=", text), route
        assert not re.search(r'(src|href|action)="(https?:)?//', text), route
    if may:
        # FHIR calls a search that cannot be made a bad request.
        fair = {200, 303, 404, 409, 422, *({400} if "/fhir/" in route else ())}
        assert answer.status_code in fair, answer.text
    else:
        assert answer.status_code == 403
        assert "Thornquist" not in answer.text


def test_what_a_role_does_not_include_leaves_a_line_in_the_trail(
    sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    ozzie = sign_in("ozzie")
    assert ozzie.get("/worklist").status_code == 403
    with connect("postgres") as connection:
        found = connection.execute(
            "select kind, action, agent_id, agent_role, resource, patient_ids from ingest.audit_event"
            " where outcome = 'refused'"
        ).fetchall()
    assert found == [("read", "R", str(made_up.staff["ozzie"]), "operator", "worklist", [])]


def test_the_operator_sees_why_a_record_is_in_quarantine_and_not_its_bytes(
    sign_in: SignIn, casey: httpx.Client
) -> None:
    page = sign_in("ozzie").get("/quarantine").text
    assert "The frame ends before the fields it announces." in page
    assert "gw-home0001" in page
    assert "04 82 00" not in page
    assert "04 82 00" in casey.get("/quarantine").text


def foreign(connect: Connect, made_up: MadeUp) -> dict[str, str]:
    """Return what the parameters of addresses can be in the other practice."""
    with connect("postgres") as connection:
        (staff_id,) = connection.execute(
            "select staff_id from ingest.staff where sign_in_name = 'fremd'"
        ).fetchone()
        (entry_id,) = connection.execute(
            "insert into ccm.time_entry (practice_id, staff_id, staff_role, patient_id, activity, started_at,"
            " ended_at, note, entered, zone) select practice_id, %s, 'care_manager', patient_id, 'phone_call',"
            " '2026-11-12 14:00+00', '2026-11-12 14:05+00', 'n', 'timer', 'UTC' from ingest.patient"
            " where patient_id = %s returning entry_id",
            (staff_id, made_up.foreign_patient_id),
        ).fetchone()
        (credential_id,) = connection.execute(
            "insert into ccm.staff_credential (practice_id, staff_id, credential, billing_role, employer, from_at,"
            " recorded_by, recorded_at) select practice_id, staff_id, 'rn', 'clinical_staff', 'own', now(), staff_id,"
            " now() from ingest.staff where staff_id = %s returning credential_id",
            (staff_id,),
        ).fetchone()
        (dropped_id,) = connection.execute(
            "insert into ccm.dropped_time (practice_id, timer_id, staff_id, patient_id, from_at, until_at,"
            " idle_limit_s) select practice_id, gen_random_uuid(), %s, patient_id, now() - interval '1 h', now(), 900"
            " from ingest.patient where patient_id = %s returning dropped_id",
            (staff_id, made_up.foreign_patient_id),
        ).fetchone()
        (amendment_id,) = connection.execute(
            "insert into ccm.time_amendment (practice_id, entry_id, patient_id, is_withdrawn, activity, method,"
            " counterpart, outcome, billing_role, started_at, ended_at, note, reason, amended_by, amended_at)"
            " select practice_id, entry_id, patient_id, true, activity, method, counterpart, outcome, billing_role,"
            " started_at, ended_at, 'n', 'r', staff_id, ended_at from ccm.time_entry where entry_id = %s"
            " returning amendment_id",
            (entry_id,),
        ).fetchone()
        (grant_id,) = connection.execute(
            "insert into ingest.break_glass (practice_id, patient_id, staff_id, reason, explanation, granted_at,"
            " expires_at, review_due_at) select practice_id, patient_id, %s, 'other', 'x', '2026-11-12 14:00+00',"
            " '2026-11-12 15:00+00', '2026-11-13 15:00+00' from ingest.patient where patient_id = %s"
            " returning grant_id",
            (staff_id, made_up.foreign_patient_id),
        ).fetchone()
        connection.execute(
            "insert into ingest.gateway (gateway_id, practice_id, label, status) select 'gw-foreign1', practice_id,"
            " 'Fremdes Zuhause', 'active' from ingest.staff where staff_id = %s",
            (staff_id,),
        )
        reading_id, peripheral_id = connection.execute(
            "select reading_id, peripheral_id from ingest.reading_series where patient_id = %s",
            (made_up.foreign_patient_id,),
        ).fetchone()
        (assignment_id,) = connection.execute(
            "insert into ingest.assignment (practice_id, peripheral_id, patient_id, valid_from, assigned_by)"
            " select practice_id, %s, %s, '2026-01-01', 'Fremde Person' from ingest.staff where staff_id = %s"
            " returning assignment_id",
            (peripheral_id, made_up.foreign_patient_id, staff_id),
        ).fetchone()
        (quarantine_id,) = connection.execute(
            "insert into ingest.quarantine (practice_id, topic, reason, detail, raw, content_sha256, message_id,"
            " received_at) select practice_id, 't', 'empty', 'd', '', '', gen_random_uuid(), now()"
            " from ingest.staff where staff_id = %s returning quarantine_id",
            (staff_id,),
        ).fetchone()
        (person_id,) = connection.execute(
            "insert into ingest.home_person (practice_id, patient_id, role, display_name, added_by, added_at)"
            " select practice_id, %s, 'patient', 'Fremde Person', staff_id, now() from ingest.staff"
            " where staff_id = %s returning person_id",
            (made_up.foreign_patient_id, staff_id),
        ).fetchone()
        (shift_id,) = connection.execute(
            "insert into alerts.shift (practice_id, duty, staff_id, starts_at, ends_at, added_by, added_at)"
            " select practice_id, 'cover', staff_id, now(), now() + interval '1 day', staff_id, now()"
            " from ingest.staff where staff_id = %s returning shift_id",
            (staff_id,),
        ).fetchone()
        (contact_id,) = connection.execute(
            "insert into alerts.contact (practice_id, staff_id, channel, address, added_by, added_at)"
            " select practice_id, staff_id, 'email', 'fremde@example.org', staff_id, now()"
            " from ingest.staff where staff_id = %s returning contact_id",
            (staff_id,),
        ).fetchone()
        (window_id,) = connection.execute(
            "insert into alerts.silence_window (practice_id, window_id, patient_id, from_at, until_at, cause, reason,"
            " set_by, set_at) select practice_id, gen_random_uuid(), patient_id, now(), now() + interval '9 days',"
            " 'travel', 'r', 's', now()"
            " from ingest.patient where patient_id = %s returning window_id",
            (made_up.foreign_patient_id,),
        ).fetchone()
        (condition_id,) = connection.execute(
            "select condition_id from ccm.condition where patient_id = %s",
            (made_up.foreign_patient_id,),
        ).fetchone()
        (rule_id,) = connection.execute(
            "select rule_id from alerts.rule where scope = 'practice' and practice_id ="
            " (select practice_id from ingest.patient where patient_id = %s)",
            (made_up.foreign_patient_id,),
        ).fetchone()
        enrolment_id, consent_id = connection.execute(
            "select enrolment_id, consent_id from ccm.consent where patient_id = %s",
            (made_up.foreign_patient_id,),
        ).fetchone()
        (claim_id,) = connection.execute(
            "insert into ccm.claim (practice_id, patient_id, month_on, facts_sha256, diagnoses, proposed_at)"
            " select practice_id, patient_id, '2026-10-01', '', '{}', now() from ingest.patient where patient_id = %s"
            " returning claim_id",
            (made_up.foreign_patient_id,),
        ).fetchone()
        (plan_id,) = connection.execute(
            "insert into ccm.care_plan (practice_id, patient_id, document, begun_by, begun_at, changed_by, changed_at)"
            " select practice_id, patient_id, '{}', %s, now(), %s, now() from ingest.patient where patient_id = %s"
            " returning plan_id",
            (staff_id, staff_id, made_up.foreign_patient_id),
        ).fetchone()
        (schedule_id,) = connection.execute(
            "insert into ccm.task_schedule (practice_id, patient_id, title, why, severity, to_care_manager, every,"
            " unit, first_on, due_after_days, due_time, made_by, made_at)"
            " select practice_id, patient_id, 'Fremde Aufgabe', '', 'clinical', false, 1, 'month', current_date, 1,"
            " '12:00', %s, now() from ingest.patient where patient_id = %s returning schedule_id",
            (staff_id, made_up.foreign_patient_id),
        ).fetchone()
    return {
        # What of theirs has no row here is of nothing, as what is nobody's is.
        **dict.fromkeys(console_routes.known(connect, made_up), str(uuid4())),
        **_CLOSED,
        "enrolment_id": str(enrolment_id),
        "consent_id": str(consent_id),
        "claim_id": str(claim_id),
        "plan_id": str(plan_id),
        "schedule_id": str(schedule_id),
        "patient_id": str(made_up.foreign_patient_id),
        "condition_id": str(condition_id),
        "rule_id": str(rule_id),
        "window_id": str(window_id),
        "task_id": str(made_up.foreign_task_id),
        "entry_id": str(entry_id),
        "rival_id": str(entry_id),
        "credential_id": str(credential_id),
        "dropped_id": str(dropped_id),
        "amendment_id": str(amendment_id),
        "grant_id": str(grant_id),
        "staff_id": str(staff_id),
        "person_id": str(person_id),
        "gateway_id": "gw-foreign1",
        "reading_id": str(reading_id),
        "peripheral_id": str(peripheral_id),
        "assignment_id": str(assignment_id),
        "quarantine_id": str(quarantine_id),
        "shift_id": str(shift_id),
        "contact_id": str(contact_id),
    }


def everything_of_the_other_practice(connect: Connect, made_up: MadeUp) -> dict[str, list[Any]]:
    """Return every row of every table with a practice, of the other one."""
    with connect("postgres") as connection:
        tables = connection.execute(
            "select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " where a.attname = 'practice_id' and c.relkind in ('r', 'p') and not c.relispartition"
            " and c.relnamespace::regnamespace::text in ('ingest', 'alerts', 'ccm')"
        ).fetchall()
        return {
            table: connection.execute(
                f"select to_jsonb(t) from {table} t where practice_id = (select practice_id"
                " from ingest.patient where patient_id = %s)",
                (made_up.foreign_patient_id,),
            ).fetchall()
            for (table,) in tables
        }


# They do or find what there is: nothing, where an id is of nothing.
_ALSO_OF_NOTHING = {
    "POST /planning/hand-over",
    "POST /fhir/R4/Patient/_search",
    "POST /fhir/R4/Device/_search",
}


def test_foreign_ids_on_every_route_are_told_from_unknown_ones_by_nothing_and_nothing_changes(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    theirs = foreign(connect, made_up)
    words = _CLOSED.keys()
    nobodys = {
        name: "gw-nobody01" if name == "gateway_id" else one if name in words else str(uuid4())
        for name, one in theirs.items()
    }
    before = everything_of_the_other_practice(connect, made_up)
    browsers = {role: sign_in(name) for role, name in STAFF.items()}
    for route, resource, action in console_routes.guarded():
        sent = console_routes.BODIES.get(route, {}).values()
        if not set(re.findall(r"\{(\w+)\}", f"{route} {list(sent)}")) - words:
            continue
        for role, browser in browsers.items():
            if action not in permissions.MATRIX[resource].get(role, ()):
                continue
            with subtests.test(f"{role}: {route}"):
                answers = [console_routes.ask(browser, route, ids) for ids in (theirs, nobodys)]
                told = [
                    (answer.status_code, _without(answer.text, ids))
                    for answer, ids in zip(answers, (theirs, nobodys), strict=True)
                ]
                assert told[0] == told[1]
                fair = {303, 404, 409, 422, *({200} if route in _ALSO_OF_NOTHING else ())}
                assert answers[0].status_code in fair, answers[0].text
                assert "Fremde" not in answers[0].text
    assert everything_of_the_other_practice(connect, made_up) == before


def _without(text: str, ids: dict[str, str]) -> str:
    """Return a text without the ids that were asked for."""
    for one in ids.values():
        text = text.replace(one, "…").replace(one.replace("-", ""), "…")
    return text


def test_impossible_ids_are_answered_like_unknown_ones(casey: httpx.Client) -> None:
    for template in (
        "/tasks/{}",
        "/patients/{}",
        "/patients/{}/charts/glucose.svg",
        "/time/{}/void",
    ):
        answers = [casey.get(template.format(one)) for one in (uuid4(), "1; drop table", "..%2f..")]
        assert [answer.status_code for answer in answers] == [404, 404, 404], template
        assert len({answer.content for answer in answers}) == 1


def test_no_page_shows_another_practices_people(
    sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    theirs = foreign(connect, made_up)
    for name in STAFF.values():
        browser = sign_in(name)
        for route, _, _ in console_routes.guarded():
            if route.startswith("GET ") and "{" not in route:
                address = console_routes.address(route, theirs)
                assert "Fremde" not in browser.get(address).text, route


def test_foreign_pages_cannot_post_with_the_persons_cookie(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    ids = console_routes.known(connect, made_up)
    for route, _, _ in console_routes.guarded():
        method = route.split()[0]
        if method == "GET":
            continue
        for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
            address = console_routes.address(route, ids)
            assert casey.request(method, address, headers=headers).status_code == 403, route
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
        assert casey.post("/sign-out", headers=headers).status_code == 403
        assert casey.delete("/api/v1/session", headers=headers).status_code == 403
    assert casey.get("/worklist").status_code == 200  # the sign-out did not act


def test_what_is_not_changed_by_get_stays_so(casey: httpx.Client) -> None:
    assert casey.get("/sign-out").status_code == 405
    assert casey.get("/timer/stop").status_code == 405


def test_who_asks_for_more_than_people_do_has_to_wait(
    casey: httpx.Client, sign_in: SignIn, console: Any, made_up: MadeUp
) -> None:
    assert casey.get("/worklist").status_code == 200
    counts = console.app.state.rate_limits
    who = str(made_up.staff["casey"])
    while counts.count(Deed.REQUEST, address="127.0.0.1", account=who) is None:
        pass
    answer = casey.get("/worklist")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "Thornquist" not in answer.text
    assert casey.get("/api/v1/worklist").status_code == 429
    assert sign_in("dana").get("/worklist").status_code == 200
