"""Restricted patients: hidden on every route and in the database, reached by emergency access for an hour, reviewed."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from ccm_link.console.routes import permissions
from ccm_link.console.routes.rights import Resource
from ingest import tenancy
from ingest.people import Role
from tests import console_routes
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]
GLASS = {"reason": "emergency", "explanation": "She called with chest pain.", "password": PASSWORD}

OUTSIDE = {
    "casey": Role.CARE_MANAGER,
    "ozzie": Role.OPERATOR,
    "augustin": Role.AUDITOR,
    "petra": Role.PRACTICE_ADMINISTRATOR,
}
# Those who restrict have to know whom.
NAMES_ALLOWED = {("petra", "GET /restrictions"), ("petra", "GET /restrictions/{patient_id}")}


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def lines(connect: Connect, kind: str) -> list[dict[str, Any]]:
    with connect("postgres") as connection:
        return [
            row
            for (row,) in connection.execute(
                "select to_jsonb(e) from ingest.audit_event e where kind = %s order by e.xmin::text::bigint",
                (kind,),
            )
        ]


@pytest.fixture
def amalia(made_up: MadeUp) -> UUID:
    return made_up.patients["amalia"]


@pytest.fixture
def restricted(sign_in: SignIn, made_up: MadeUp, amalia: UUID) -> str:
    """Restrict Amalia to Dana's care; return the address of her record."""
    form = {
        "patient_id": str(amalia),
        "staff_id": str(made_up.staff["dana"]),
        "reason": "She works here.",
    }
    answer = sign_in("petra").post("/restrictions", data=form)
    assert answer.status_code == 303, answer.text
    return f"/patients/{amalia}"


def test_who_is_outside_of_the_care_team_finds_nothing_of_the_patient_on_any_route(
    sign_in: SignIn,
    connect: Connect,
    made_up: MadeUp,
    restricted: str,
    subtests: pytest.Subtests,
) -> None:
    ids = console_routes.known(connect, made_up)
    for name, role in OUTSIDE.items():
        browser = sign_in(name)
        for route, resource, action in console_routes.guarded():
            if action not in permissions.MATRIX[resource].get(role, ()) or "emergency" in route:
                continue
            if route.startswith("POST /restrictions/{patient_id}") and name == "petra":
                continue
            with subtests.test(f"{name}: {route}"):
                answer = console_routes.ask(browser, route, ids)
                assert answer.status_code < 500, answer.text
                if "{patient_id}" in route or "{task_id}" in route or "{entry_id}" in route:
                    assert answer.status_code in {303, 403, 404} or (name, route) in NAMES_ALLOWED
                if (name, route) not in NAMES_ALLOWED:
                    assert "Amalia" not in answer.text
                    assert "186 mmHg" not in answer.text
                    # The title of her task; what rules are called besides is nobody's.
                    if resource is not Resource.PRACTICE_RULE or "burden" in route:
                        assert "Severely raised" not in answer.text


def test_a_colleague_of_the_care_team_sees_and_works_as_before(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, restricted: str
) -> None:
    dana = sign_in("dana")
    assert "Amalia Thornquist" in dana.get(restricted).text
    task = console_routes.known(connect, made_up)["task_id"]
    assert dana.post(f"/tasks/{task}/claim", data={"row_version": "1"}).status_code == 303
    assert "not shown to you" not in dana.get("/worklist").text


TABLES = """
    select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid
    where a.attname = 'patient_id' and not a.attisdropped and c.relkind in ('r', 'p', 'v') and not c.relispartition
      and c.relnamespace::regnamespace::text in ('ingest', 'alerts', 'ccm')
      and has_table_privilege('homevitals_console', c.oid, 'select')
    order by 1
"""
# These decide who is hidden and hold ids alone; an account of somebody at home is found before it is known whose it is.
NOT_BY_PATIENT = {
    "ingest.restriction",
    "ingest.care_team_member",
    "ingest.break_glass",
    "ingest.home_person",
}


def test_the_database_itself_hides_the_patient_in_every_table(
    connect: Connect, made_up: MadeUp, amalia: UUID, restricted: str, subtests: pytest.Subtests
) -> None:
    with connect("homevitals_console") as connection:
        tables = {table for (table,) in connection.execute(TABLES)} - NOT_BY_PATIENT
        assert {"ingest.reading", "ccm.task", "alerts.rule", "ingest.patient"} <= tables
        for table in sorted(tables):
            with subtests.test(table):
                counts = {
                    name: _count(connection, table, made_up, amalia, name)
                    for name in ("casey", "petra", "dana")
                }
                assert (counts["casey"], counts["petra"]) == (0, 0)
                with connect("postgres") as everything, everything.cursor() as cur:
                    # Views filter for the superuser too: for nobody in the practice they show all of it.
                    tenancy.enter(cur, tenancy.Scope((made_up.practice_id,)))
                    (there,) = cur.execute(
                        f"select count(*) from {table} where patient_id = %s", (amalia,)
                    ).fetchone()
                assert counts["dana"] == there


def _count(
    connection: psycopg.Connection[Any], table: str, made_up: MadeUp, patient_id: UUID, name: str
) -> int:
    with connection.transaction(), connection.cursor() as cur:
        tenancy.enter(cur, tenancy.Scope((made_up.practice_id,), staff_id=made_up.staff[name]))
        (count,) = cur.execute(
            f"select count(*) from {table} where patient_id = %s", (patient_id,)
        ).fetchone()
        return int(count)


def test_the_database_itself_takes_nothing_about_a_hidden_patient(
    connect: Connect, made_up: MadeUp, amalia: UUID, restricted: str
) -> None:
    with connect("homevitals_console") as connection, connection.cursor() as cur:
        tenancy.enter(cur, tenancy.Scope((made_up.practice_id,), staff_id=made_up.staff["casey"]))
        cur.execute("update ccm.task set row_version = 9 where patient_id = %s", (amalia,))
        assert cur.rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            cur.execute(
                "insert into ccm.timer (practice_id, staff_id, patient_id, activity, started_at)"
                " values (%s, %s, %s, 'phone_call', now())",
                (made_up.practice_id, made_up.staff["casey"], amalia),
            )


def test_the_worklist_says_how_much_is_not_shown(
    sign_in: SignIn, casey: httpx.Client, restricted: str
) -> None:
    said = text_of(casey.get("/worklist"))
    assert "of restricted patients are not shown to you" in said
    shown, hidden = (
        int(re.search(pattern, said)[1])
        for pattern in (r"(\d+) open tasks?, urgent", r"(\d+) open tasks of restricted")
    )
    assert shown + hidden == 5
    worklist = casey.get("/api/v1/worklist").json()
    assert (worklist["open_count"], worklist["hidden_count"]) == (shown, hidden)
    assert "1 restricted patient is not shown to you" in text_of(sign_in("petra").get("/time"))


def test_the_record_leads_to_emergency_access_and_the_look_is_written_down(
    casey: httpx.Client, connect: Connect, amalia: UUID, restricted: str
) -> None:
    answer = casey.get(restricted)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{restricted}/emergency")
    page = casey.get(answer.headers["location"])
    assert page.status_code == 403
    said = text_of(page)
    assert "Access to record MFP-100482 is limited" in said
    assert "Amalia" not in page.text
    refused = [one for one in lines(connect, "read") if one["outcome"] == "refused"]
    assert [one["patient_ids"] for one in refused] == [[str(amalia)]]


def test_programs_are_told_in_a_problem(
    casey: httpx.Client, connect: Connect, amalia: UUID, restricted: str
) -> None:
    query = "?kind=blood_pressure&from=2026-11-01T00:00:00Z&to=2026-11-13T00:00:00Z"
    answer = casey.get(f"/api/v1{restricted}/readings{query}")
    assert (answer.status_code, answer.json()["reason"]) == (403, "access_limited")
    assert lines(connect, "read")[-1]["outcome"] == "refused"
    assert lines(connect, "read")[-1]["patient_ids"] == [str(amalia)]


@pytest.mark.parametrize("typed", ["MFP-100482", "Amalia Thornquist", " amalia thornquist "])
def test_a_restricted_record_is_found_by_its_exact_name_or_number(
    casey: httpx.Client, connect: Connect, restricted: str, typed: str
) -> None:
    said = text_of(casey.get("/patients"))
    assert "MFP-100482" in said
    assert "Amalia" not in said
    answer = casey.post("/patients/restricted", data={"name": typed})
    assert answer.headers["location"] == f"{restricted}/emergency"
    assert lines(connect, "read")[-1]["outcome"] == "refused"


@pytest.mark.parametrize("typed", ["Amalia", "%", "MFP-100517", "Fremder Patient", ""])
def test_a_part_of_a_name_or_somebody_else_finds_nothing(
    casey: httpx.Client, restricted: str, typed: str
) -> None:
    answer = casey.post("/patients/restricted", data={"name": typed})
    assert answer.headers["location"] == "/patients?said=found-none"
    assert "No restricted record has exactly this" in casey.get("/patients?said=found-none").text


def test_emergency_access_opens_the_record_for_an_hour_and_for_looking_only(
    casey: httpx.Client,
    connect: Connect,
    made_up: MadeUp,
    clock: Clock,
    amalia: UUID,
    restricted: str,
) -> None:
    ids = console_routes.known(connect, made_up)
    answer = casey.post(f"{restricted}/emergency", data=GLASS)
    assert (answer.status_code, answer.headers["location"]) == (303, restricted)
    page = casey.get(restricted)
    assert "Amalia Thornquist" in page.text
    assert "Emergency access until 11:42" in text_of(page)
    assert "Set a limit" not in page.text
    task = casey.get(f"/tasks/{ids['task_id']}")
    assert "Severely raised systolic" in task.text
    assert "<form" not in task.text.split("<main", 1)[1]

    (grant,) = lines(connect, "break_glass")
    assert (grant["action"], grant["outcome"], grant["purpose"]) == ("C", "success", "ETREAT")
    assert grant["patient_ids"] == [str(amalia)]
    assert "chest pain" not in str(grant)
    looks = [one for one in lines(connect, "read") if one["purpose"] == "ETREAT"]
    assert [one["resource"] for one in looks] == ["patient_record", "task"]
    assert {one["detail"]["grant_id"] for one in looks} == {grant["resource_id"]}

    beyond_looking = {permissions.Action.CHANGE, permissions.Action.EXPORT}
    for route, _, action in console_routes.guarded():
        if action in beyond_looking and "{" in route and "/account" not in route:
            if any(
                of in route for of in ("restrictions", "/planning/", "/dead-letters/")
            ):  # of no patient
                continue
            answer = console_routes.ask(casey, route, ids)
            assert answer.status_code in {403, 404}, route
    with connect("postgres") as connection:
        (changed,) = connection.execute(
            "select count(*) from ccm.task where patient_id = %s and row_version > 1", (amalia,)
        ).fetchone()
    assert changed == 0

    for _ in range(5):  # a session ends after a quarter of an hour without activity
        clock.move(minutes=11, seconds=59)
        assert casey.get(restricted).status_code == 200
    clock.move(seconds=5)
    assert casey.get(restricted).headers["location"] == f"{restricted}/emergency"
    assert casey.get(f"/tasks/{ids['task_id']}").status_code == 404


def test_a_list_with_a_patient_seen_by_emergency_access_tells_both_purposes(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, amalia: UUID, restricted: str
) -> None:
    casey.post(f"{restricted}/emergency", data=GLASS)
    casey.get("/patients")
    found = {one["purpose"]: one["patient_ids"] for one in lines(connect, "read")[-2:]}
    assert found["ETREAT"] == [str(amalia)]
    assert str(amalia) not in found["TREAT"]


BAD_PROOFS = {
    "wrong password": {"password": "wrong"},
    "no password": {"password": ""},
}
BAD_FORMS = {
    "no words": {"explanation": " "},
    "no reason": {"reason": ""},
    "a reason of one's own": {"reason": "curious"},
    "somebody else": {"staff_id": "x"},
}


def test_without_proof_or_reason_nothing_opens(
    casey: httpx.Client, connect: Connect, restricted: str, subtests: pytest.Subtests
) -> None:
    for case, changed in (BAD_PROOFS | BAD_FORMS).items():
        with subtests.test(case):
            answer = casey.post(f"{restricted}/emergency", data=GLASS | changed)
            assert answer.status_code == (403 if case in BAD_PROOFS else 422)
            assert "Amalia" not in answer.text
            assert PASSWORD not in answer.text
            assert casey.get(restricted).headers["location"] == f"{restricted}/emergency"
    refused = lines(connect, "break_glass")
    assert [one["outcome"] for one in refused] == ["refused"] * len(BAD_PROOFS)
    with connect("postgres") as connection:
        assert connection.execute("select count(*) from ingest.break_glass").fetchone() == (0,)


def test_there_is_no_emergency_access_to_whom_nothing_hides(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    address = f"/patients/{made_up.patients['noor']}"
    assert casey.get(f"{address}/emergency").headers["location"] == address
    assert casey.post(f"{address}/emergency", data=GLASS).headers["location"] == address
    foreign = f"/patients/{made_up.foreign_patient_id}"
    assert casey.get(f"{foreign}/emergency").status_code == 404
    casey.post(f"{foreign}/emergency", data=GLASS)
    assert casey.get(foreign).status_code == 404
    with connect("postgres") as connection:
        assert connection.execute("select count(*) from ingest.break_glass").fetchone() == (0,)


def test_emergency_access_ends_with_the_care_team_and_the_restriction_ends_for_all(
    sign_in: SignIn, made_up: MadeUp, clock: Clock, amalia: UUID, restricted: str
) -> None:
    petra, casey = sign_in("petra"), sign_in("casey")
    member = {"staff_id": str(made_up.staff["casey"])}
    assert petra.post(f"/restrictions/{amalia}/members", data=member).status_code == 303
    page = casey.get(restricted)
    assert page.status_code == 200
    assert "Emergency access" not in text_of(page)
    clock.move(seconds=1)
    leave = f"/restrictions/{amalia}/members/{made_up.staff['casey']}/leave"
    assert petra.post(leave, data={"ok": "1"}).status_code == 303
    assert casey.get(restricted).status_code == 303
    assert petra.post(f"/restrictions/{amalia}/end", data={"ok": "1"}).status_code == 303
    assert casey.get(restricted).status_code == 200


def test_the_review_is_somebody_elses_and_overdue_ones_are_marked(
    sign_in: SignIn, casey: httpx.Client, connect: Connect, clock: Clock, restricted: str
) -> None:
    casey.post(f"{restricted}/emergency", data=GLASS)
    petra = sign_in("petra")
    page = petra.get("/emergency-access")
    said = text_of(page)
    assert "Record MFP-100482, Casey Lindqvist" in said
    assert "She called with chest pain." in said
    assert "Due in 3 days" in said
    assert "Amalia" not in page.text
    assert casey.get("/emergency-access").status_code == 403
    augustin = sign_in("augustin")
    assert "Review record" not in text_of(augustin.get("/emergency-access"))

    clock.move(hours=73)
    petra = sign_in("petra")
    page = petra.get("/emergency-access")
    assert re.search(r'class="overdue">Overdue by 1 hour', page.text)
    assert "1 emergency access to review 1 overdue" in text_of(petra.get("/time"))
    address = re.search(r'action="(/emergency-access/[^"]+)"', petra.get("/emergency-access").text)[
        1
    ]
    assert petra.post(address, data={"verdict": "justified", "note": " "}).status_code == 422
    form = {"verdict": "justified", "note": "The call is in the chart."}
    assert petra.post(address, data=form).status_code == 303
    said = text_of(petra.get("/emergency-access?said=reviewed"))
    assert "Justified, by Petra Nowak" in said
    assert petra.post(address, data=form).status_code == 409
    (review,) = lines(connect, "break_glass_review")
    assert review["detail"]["verdict"] == "justified"
    assert "chart" not in str(review)
    assert sign_in("augustin").post(address, data=form).status_code == 403


def test_nobody_reviews_their_own_even_in_another_role(
    sign_in: SignIn, casey: httpx.Client, connect: Connect, restricted: str
) -> None:
    casey.post(f"{restricted}/emergency", data=GLASS)
    with connect("postgres") as connection:
        (grant_id,) = connection.execute("select grant_id from ingest.break_glass").fetchone()
        connection.execute(
            "update ingest.staff set role = 'practice_administrator' where sign_in_name = 'casey'"
        )
    assert "Your own: somebody else reviews it." in casey.get("/emergency-access").text
    form = {"verdict": "justified", "note": "Trust me."}
    assert casey.post(f"/emergency-access/{grant_id}/review", data=form).status_code == 409


def test_a_timer_of_who_loses_sight_of_the_patient_is_stored_first(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, clock: Clock, amalia: UUID
) -> None:
    casey = sign_in("casey")
    task = console_routes.known(connect, made_up)["task_id"]
    casey.post(f"/tasks/{task}/timer", data={"activity": "phone_call"})
    clock.move(minutes=4)
    form = {"patient_id": str(amalia), "staff_id": str(made_up.staff["dana"]), "reason": "r"}
    assert sign_in("petra").post("/restrictions", data=form).status_code == 303
    with connect("postgres") as connection:
        assert connection.execute("select count(*) from ccm.timer").fetchone() == (0,)
        (seconds,) = connection.execute(
            "select extract(epoch from ended_at - started_at)::int from ccm.time_entry where task_id = %s",
            (task,),
        ).fetchone()
    assert seconds == 240
    with connect("postgres") as connection:
        (other,) = connection.execute(
            "select task_id from ccm.task where patient_id = %s limit 1",
            (made_up.patients["noor"],),
        ).fetchone()
    answer = casey.post(f"/tasks/{other}/timer", data={"activity": "phone_call"})
    assert answer.status_code == 303


def test_a_care_team_keeps_a_member_and_nobody_adds_themselves(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, amalia: UUID, restricted: str
) -> None:
    petra, dana = sign_in("petra"), sign_in("dana")
    staff = made_up.staff
    cases = (
        (petra, f"/restrictions/{amalia}/members/{staff['dana']}/leave", {"ok": "1"}),
        (petra, f"/restrictions/{amalia}/members", {"staff_id": str(staff["dana"])}),
        (petra, f"/restrictions/{amalia}/members", {"staff_id": str(staff["ozzie"])}),
        (petra, f"/restrictions/{amalia}/members", {"staff_id": str(staff["petra"])}),
        (dana, f"/restrictions/{amalia}/members", {"staff_id": str(staff["dana"])}),
        (
            dana,
            "/restrictions",
            {"patient_id": str(amalia), "staff_id": str(staff["robin"]), "reason": "Again."},
        ),
    )
    for browser, address, form in cases:
        answer = browser.post(address, data=form)
        assert answer.status_code == 409, address
        assert "Access stays as it is" in answer.text
    with connect("postgres") as connection:
        members = connection.execute(
            "select staff_id from ingest.care_team_member where left_at = 'infinity'"
        ).fetchall()
    assert members == [(staff["dana"],)]


def test_a_clinician_outside_of_the_care_team_changes_nothing_of_it(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, amalia: UUID, restricted: str
) -> None:
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set role = 'clinician' where sign_in_name = 'robin'"
        )
    robin = sign_in("robin")
    assert "hidden from you" in text_of(robin.get("/restrictions"))
    assert "Amalia" not in robin.get("/restrictions").text
    address = f"/restrictions/{amalia}"
    assert robin.get(address).headers["location"] == f"/patients/{amalia}/emergency"
    member = {"staff_id": str(made_up.staff["casey"])}
    assert robin.post(f"{address}/members", data=member).status_code == 403
    assert robin.post(f"{address}/end", data={"ok": "1"}).status_code == 403
    robin.post(f"/patients/{amalia}/emergency", data=GLASS)
    assert robin.get(f"/patients/{amalia}").status_code == 200
    assert robin.post(f"{address}/members", data=member).status_code == 403


def test_a_person_at_home_sees_their_own_patient_whoever_is_restricted(
    connect: Connect, made_up: MadeUp, amalia: UUID, restricted: str
) -> None:
    with connect("homevitals_console") as connection, connection.cursor() as cur:
        tenancy.enter(cur, tenancy.Scope((made_up.practice_id,), patient_id=amalia))
        assert cur.execute("select patient_id from ingest.patient").fetchall() == [(amalia,)]
        readings = cur.execute("select distinct patient_id from ingest.reading").fetchall()
        assert readings == [(amalia,)]
