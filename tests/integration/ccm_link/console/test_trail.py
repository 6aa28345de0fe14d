"""Whatever is seen or changed leaves a line in the audit trail; where none can be written, nothing happens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ccm_link.console import trail
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Resource
from ingest.people import Role
from tests import console_routes
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]

# Who asks in the tests that go through all routes: the first of these whose role may.
WHO = {
    "casey": Role.CARE_MANAGER,
    "dana": Role.CLINICIAN,
    "petra": Role.PRACTICE_ADMINISTRATOR,
    "augustin": Role.AUDITOR,
}
OF_RESTRICTED = {Resource.RESTRICTION, Resource.BREAK_GLASS}


class Practice:
    """The made-up practice with something under every address: Bertram is restricted, and Casey broke the glass."""

    def __init__(self, connect: Connect, made_up: MadeUp, clock: Clock) -> None:
        self.connect, self.made_up, self.clock = connect, made_up, clock
        staff = made_up.staff
        scope = {"practice_id": made_up.practice_id, "patient_id": made_up.patients["bertram"]}
        with connect("postgres") as connection:
            connection.execute(
                "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
                " values (%(practice_id)s, %(patient_id)s, %(at)s, 'A colleague', %(by)s)",
                scope | {"at": clock.now - timedelta(days=1), "by": staff["petra"]},
            )
            for member in ("dana", "robin"):
                connection.execute(
                    "insert into ingest.care_team_member (practice_id, patient_id, staff_id, joined_at, added_by)"
                    " values (%(practice_id)s, %(patient_id)s, %(staff_id)s, %(at)s, %(by)s)",
                    scope
                    | {
                        "staff_id": staff[member],
                        "at": clock.now - timedelta(days=1),
                        "by": staff["petra"],
                    },
                )
            (self.grant_id,) = connection.execute(
                "insert into ingest.break_glass (practice_id, patient_id, staff_id, reason, explanation, granted_at,"
                " expires_at, review_due_at) values (%(practice_id)s, %(patient_id)s, %(staff_id)s, 'other', 'x',"
                " %(at)s, %(at)s + interval '1 hour', %(at)s + interval '3 days') returning grant_id",
                scope | {"staff_id": staff["casey"], "at": clock.now - timedelta(days=2)},
            ).fetchone()

            self.of_time = _two_entries_at_once(connection, made_up, clock)
            (self.claim_id,) = connection.execute(
                "insert into ccm.claim (practice_id, patient_id, month_on, facts_sha256, diagnoses, proposed_at)"
                " values (%s, %s, '2026-09-01', '', '{}', %s) returning claim_id",
                (made_up.practice_id, made_up.patients["amalia"], clock.now),
            ).fetchone()

    def ids(self, resource: Resource) -> dict[str, str]:
        patient = "bertram" if resource in OF_RESTRICTED else "amalia"
        with self.connect("postgres") as connection:
            tasks = connection.execute(
                "select from ccm.task where patient_id = %s", (self.made_up.patients[patient],)
            ).fetchall()
        found = console_routes.known(self.connect, self.made_up, patient if tasks else "amalia")
        return found | {
            "patient_id": str(self.made_up.patients[patient]),
            "grant_id": str(self.grant_id),
            "staff_id": str(self.made_up.staff["robin"]),
            "claim_id": str(self.claim_id),
            **self.of_time,
        }

    def reset(self) -> None:
        """Open all tasks again, unowned, all assignments, conditions and rules; let Casey's timer run for Amalia."""
        with self.connect("postgres") as connection:
            connection.execute(
                "update ccm.task set status = 'open', owner_staff_id = null, row_version = 1, completed_at = null,"
                " disposition = null, disposition_note = null"
            )
            connection.execute(
                "delete from ingest.assignment where replaces is not null or user_slot is not null"
            )
            connection.execute(
                "update ingest.assignment set valid_until = 'infinity', ended_at = null, ended_by = null,"
                " voided_at = null, voided_by = null, void_reason = null"
            )
            connection.execute(
                "delete from ccm.condition where recorded_at >= %s", (self.clock.now,)
            )
            connection.execute(
                "update ccm.condition set ended_at = 'infinity', ended_by = null, end_reason = null"
            )
            connection.execute(
                "delete from alerts.rule where in_force_from >= %s", (self.clock.now,)
            )
            connection.execute("update alerts.rule set in_force_until = 'infinity'")
            connection.execute(
                "delete from alerts.schedule where in_force_from >= %s", (self.clock.now,)
            )
            connection.execute("update alerts.schedule set in_force_until = 'infinity'")
            connection.execute(
                "delete from alerts.silence_window where set_at >= %s", (self.clock.now,)
            )
            connection.execute("update alerts.silence_window set ended_at = null, ended_by = null")
            connection.execute("delete from ccm.timer")
            connection.execute("set local session_replication_role = replica")
            connection.execute("delete from ccm.time_approval")
            connection.execute("delete from ccm.time_decision")
            connection.execute("delete from ccm.time_entry where claims_dropped_id is not null")
            connection.execute(
                "update ccm.time_entry set voided_at = null, voided_by = null, void_reason = null"
                " where entry_id = %s",
                (self.of_time["entry_id"],),
            )
            connection.execute("set local session_replication_role = origin")
            connection.execute(
                "insert into ccm.timer (practice_id, staff_id, patient_id, activity, started_at, running_at,"
                " seen_at) values (%s, %s, %s, 'phone_call', %s, %s, %s)",
                (
                    self.made_up.practice_id,
                    self.made_up.staff["casey"],
                    self.made_up.patients["amalia"],
                    *[self.clock.now] * 3,
                ),
            )

    def state(self) -> list[Any]:
        """Return every row that a person can change."""
        tables = (
            "ccm.task",
            "ccm.task_event",
            "ccm.timer",
            "ccm.discarded_timer",
            "ccm.time_entry",
            "ccm.time_approval",
            "ccm.time_amendment",
            "ccm.time_decision",
            "ccm.time_policy",
            "ccm.month_lock",
            "ccm.condition",
            "ccm.coverage",
            "ccm.patient_identifier",
            "ccm.postal_address",
            "ccm.related_person",
            "ccm.talk_permission",
            "ccm.telecom",
            "ingest.patient",
            "ingest.patient_change",
            "ingest.patient_standing",
            "alerts.rule",
            "alerts.schedule",
            "alerts.silence_window",
            "alerts.quiet_hours",
            "alerts.episode",
            "ingest.assignment",
            "ingest.restriction",
            "ingest.care_team_member",
            "ingest.break_glass",
            "ingest.home_person",
            "ingest.one_time_code",
        )
        with self.connect("postgres") as connection:
            return [
                connection.execute(f"select to_jsonb(t) from {table} t order by 1").fetchall()
                for table in tables
            ]


def _two_entries_at_once(connection: Any, made_up: MadeUp, clock: Clock) -> dict[str, str]:
    """Add two entries that claim the same seconds, the first with an amendment, and dropped time; all of Amalia."""
    scope = {
        "practice_id": made_up.practice_id,
        "patient_id": made_up.patients["amalia"],
        "casey": made_up.staff["casey"],
        "robin": made_up.staff["robin"],
        "at": clock.now - timedelta(hours=3),
    }
    added = (
        "insert into ccm.time_entry (practice_id, staff_id, staff_role, patient_id, activity, started_at, ended_at,"
        " note, entered, reason, entered_at, zone, program, needs_approval) values (%(practice_id)s, {},"
        " 'care_manager', %(patient_id)s, 'chart_review', %(at)s, %(at)s + interval '5 minutes', 'n', 'by_hand', 'r',"
        " %(at)s + interval '1 hour', 'UTC', {}, {}) returning entry_id"
    )
    (entry_id,) = connection.execute(added.format("%(casey)s", "'ccm'", "true"), scope).fetchone()
    (rival_id,) = connection.execute(added.format("%(robin)s", "'rpm'", "false"), scope).fetchone()
    (amendment_id,) = connection.execute(
        "insert into ccm.time_amendment (practice_id, entry_id, patient_id, is_withdrawn, activity, method,"
        " counterpart, outcome, billing_role, started_at, ended_at, note, reason, amended_by, amended_at)"
        " select practice_id, entry_id, patient_id, true, activity, method, counterpart, outcome, billing_role,"
        " started_at, ended_at, 'n', 'r', staff_id, ended_at from ccm.time_entry where entry_id = %s"
        " returning amendment_id",
        (entry_id,),
    ).fetchone()
    (dropped_id,) = connection.execute(
        "insert into ccm.dropped_time (practice_id, timer_id, staff_id, patient_id, from_at, until_at, idle_limit_s)"
        " values (%(practice_id)s, gen_random_uuid(), %(casey)s, %(patient_id)s, %(at)s + interval '1 hour',"
        " %(at)s + interval '2 hours', 900) returning dropped_id",
        scope,
    ).fetchone()
    return {
        "entry_id": str(entry_id),
        "rival_id": str(rival_id),
        "amendment_id": str(amendment_id),
        "dropped_id": str(dropped_id),
    }


@pytest.fixture
def practice(connect: Connect, made_up: MadeUp, clock: Clock) -> Practice:
    return Practice(connect, made_up, clock)


def events(connect: Connect) -> list[dict[str, Any]]:
    """Return the lines of the trail but those of signing in, oldest first."""
    with connect("postgres") as connection:
        return [
            row
            for (row,) in connection.execute(
                "select to_jsonb(e) from ingest.audit_event e join ingest.audit_pending p using (event_id)"
                " where kind not like 'sign%' order by e.xmin::text::bigint, e.event_id"
            )
        ]


def asks(sign_in: SignIn, practice: Practice) -> Iterator[tuple[str, Resource, httpx.Client, str]]:
    """Yield every route on patients' data with a browser whose role may, over a practice as it was."""
    browsers = {name: sign_in(name) for name in WHO}
    for route, resource, action in console_routes.on_patients():
        may = [n for n, role in WHO.items() if action in permissions.MATRIX[resource].get(role, ())]
        if not may:  # people at home have tests of their own
            continue
        practice.reset()
        yield route, resource, browsers[may[0]], may[0]
        if "emergency" in route:  # a proof that came to nothing has ended the session
            browsers[may[0]] = sign_in(may[0])


def test_every_route_on_patients_leaves_a_line_that_names_who_and_whom(
    sign_in: SignIn,
    practice: Practice,
    connect: Connect,
    made_up: MadeUp,
    subtests: pytest.Subtests,
) -> None:
    for route, resource, browser, name in asks(sign_in, practice):
        with subtests.test(route):
            ids = practice.ids(resource)
            before = {one["event_id"] for one in events(connect)}
            answer = console_routes.ask(browser, route, ids)
            # Over FHIR some ids are of nothing here, and the practice has no EHR; that somebody asked is told.
            may_miss = route.split("/")[1] in {"fhir", "ehr-link"}
            fair = {200, 201, 303, 403, 409, 422, *({404} if may_miss else ())}
            assert answer.status_code in fair, f"{route} {answer.status_code}"
            new = [one for one in events(connect) if one["event_id"] not in before]
            assert new, route
            for one in new:
                assert one["agent_id"] == str(made_up.staff[name])
                assert one["agent_role"] == WHO[name]
                assert one["network"] == "127.0.0.1"
                assert len(one["session"]) == 16
                assert one["practice_id"] == str(made_up.practice_id)
            if "{patient_id}" in route or "{task_id}" in route or "{entry_id}" in route:
                assert any(ids["patient_id"] in one["patient_ids"] for one in new), new


def test_a_handler_that_tells_nothing_is_closed_on_every_route(
    sign_in: SignIn,
    practice: Practice,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    for route, resource, browser, _ in asks(sign_in, practice):
        ids, before = practice.ids(resource), practice.state()
        with subtests.test(route), monkeypatch.context() as patched:
            patched.setattr(trail.Trail, "add", lambda *_: None)
            answer = console_routes.ask(browser, route, ids)
            assert answer.status_code == 500, answer.text
            assert "Thornquist" not in answer.text
            assert "Oyelaran" not in answer.text
            assert practice.state() == before


def test_where_no_line_can_be_written_nothing_is_shown_and_nothing_is_changed(
    sign_in: SignIn, practice: Practice, connect: Connect, subtests: pytest.Subtests
) -> None:
    for route, resource, browser, _ in asks(sign_in, practice):
        ids, before = practice.ids(resource), practice.state()
        with connect("postgres") as connection:
            connection.execute("revoke insert on ingest.audit_event from homevitals_console")
        with subtests.test(route):
            answer = console_routes.ask(browser, route, ids)
            assert answer.status_code == 503, answer.text
            assert "The audit trail cannot be written" in answer.text
            assert "Thornquist" not in answer.text
            assert "Oyelaran" not in answer.text
            assert practice.state() == before
        with connect("postgres") as connection:  # for the sign-ins in between
            connection.execute("grant insert on ingest.audit_event to homevitals_console")


def test_a_list_names_everybody_on_it(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    everybody = {str(patient_id) for patient_id in made_up.patients.values()}
    for place, resource in (
        ("/patients", "patient_record"),
        ("/time", "time_log"),
    ):
        casey.get(place)
        line = events(connect)[-1]
        assert (line["kind"], line["action"], line["resource"]) == ("read", "R", resource)
        assert set(line["patient_ids"]) == everybody
        assert (line["purpose"], line["outcome"]) == ("TREAT", "success")
    casey.get("/worklist")
    line = events(connect)[-1]
    assert str(made_up.patients["amalia"]) in line["patient_ids"]
    assert line["detail"] == {"tasks": 5}


def test_a_new_limit_tells_the_former_one(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    patient_id = made_up.patients["amalia"]
    form = {
        "question": "systolic-high/clinical",
        "limit": "150",
        "reason": "Tolerates it.",
    }
    assert casey.post(f"/patients/{patient_id}/rules", data=form).status_code == 303
    (line,) = [one for one in events(connect) if one["resource"] == "rule"]
    assert (line["kind"], line["action"]) == ("change", "U")
    assert line["patient_ids"] == [str(patient_id)]
    before, after = line["detail"]["before"], line["detail"]["after"]
    assert (before["made_for"], after["made_for"]) == ("practice", "patient")
    assert (before["limit"], after["limit"]) == (140.0, 150.0)
    assert after["reason"] == "sha256:" + hashlib.sha256(b"Tolerates it.").hexdigest()


def test_a_tasks_life_is_told_step_by_step_without_what_people_wrote(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, clock: Clock
) -> None:
    ids = console_routes.known(connect, made_up)
    task = f"/tasks/{ids['task_id']}"
    note = "Her daughter says it is the salt."
    casey.post(f"{task}/claim", data={"row_version": "1"})
    casey.post(f"{task}/release", data={"row_version": "2", "note": note})
    casey.post(f"{task}/timer", data={"activity": "phone_call"})
    clock.move(minutes=3)
    form = {"row_version": "3", "disposition": "reached_advised", "note": note}
    assert casey.post(f"{task}/complete", data=form).status_code == 303
    changes = [one for one in events(connect) if one["kind"] == "change"]
    assert [(one["resource"], one["action"]) for one in changes[:3]] == [
        ("task", "U"),
        ("task", "U"),
        ("timer", "C"),
    ]
    assert sorted((one["resource"], one["action"]) for one in changes[3:]) == [
        ("task", "U"),
        ("time_log", "C"),
        ("timer", "D"),
    ]
    claimed, released = changes[0]["detail"], changes[1]["detail"]
    assert claimed["before"]["owner_staff_id"] is None
    assert claimed["after"]["owner_staff_id"] == str(made_up.staff["casey"])
    assert released["after"]["owner_staff_id"] is None
    (completed,) = [one["detail"] for one in changes[3:] if one["resource"] == "task"]
    assert (completed["before"]["status"], completed["after"]["status"]) == ("open", "completed")
    assert all(one["patient_ids"] == [ids["patient_id"]] for one in changes)
    assert "salt" not in str(changes)
    assert hashlib.sha256(note.encode()).hexdigest() in str(completed)


def test_a_voided_entry_tells_what_it_was(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    ids = console_routes.known(connect, made_up)
    casey.post(f"/time/{ids['entry_id']}/void", data={"reason": "Entered twice."})
    (line,) = [one for one in events(connect) if one["kind"] == "change"]
    assert (line["resource"], line["resource_id"]) == ("time_log", ids["entry_id"])
    assert line["detail"]["before"]["voided_at"] is None
    assert line["detail"]["after"]["voided_by"] == str(made_up.staff["casey"])
    assert "twice" not in str(line)


def test_the_timer_in_the_head_of_a_page_counts_as_a_look_once(
    casey: httpx.Client, practice: Practice, connect: Connect, made_up: MadeUp
) -> None:
    practice.reset()

    def whose_timer() -> list[list[str]]:
        return [one["patient_ids"] for one in events(connect) if one["resource"] == "timer"]

    casey.get("/gateways")
    assert whose_timer() == [[str(made_up.patients["amalia"])]]
    casey.get(f"/patients/{made_up.patients['amalia']}")
    assert events(connect)[-1]["resource"] == "patient_record"
    assert len(whose_timer()) == 1


def test_the_session_mark_is_of_the_token_and_opens_nothing(
    casey: httpx.Client, connect: Connect
) -> None:
    casey.get("/worklist")
    token = casey.cookies["homevitals"]
    assert events(connect)[-1]["session"] == hashlib.sha256(token.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("name", "place", "purpose"),
    [
        ("dana", "/worklist", "TREAT"),
        ("petra", "/time", "HOPERAT"),
        ("augustin", "/time", "HOPERAT"),
        ("ozzie", "/quarantine", "HSYSADMIN"),
    ],
)
def test_the_purpose_is_the_roles(
    sign_in: SignIn, connect: Connect, name: str, place: str, purpose: str
) -> None:
    assert sign_in(name).get(place).status_code == 200
    assert events(connect)[-1]["purpose"] == purpose
