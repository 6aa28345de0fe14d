"""What one-time codes open: an invitation sets a password, a code from the practice signs in from home."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from ingest import one_time_code, people, tenancy
from ingest.one_time_code import Purpose
from ingest.people import Role
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Visitor = Callable[[], httpx.Client]

NEW = "violet tractor under nine moons"


def issue(connect: Connect, made_up: MadeUp, purpose: Purpose, subject: UUID, clock: Clock) -> str:
    with (
        connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        return one_time_code.issue(
            cur,
            made_up.practice_id,
            purpose,
            subject,
            created_by=made_up.staff["petra"],
            at=clock(),
        )


@pytest.fixture
def newcomer(connect: Connect, made_up: MadeUp) -> UUID:
    with (
        connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        return people.add_staff(
            cur,
            made_up.practice_id,
            sign_in_name="nova",
            display_name="Nova Arbuckle",
            role=Role.CLINICIAN,
        )


@pytest.fixture
def invitation(connect: Connect, made_up: MadeUp, clock: Clock, newcomer: UUID) -> str:
    return issue(connect, made_up, Purpose.INVITE_STAFF, newcomer, clock)


def form(code: str, password: str = NEW, again: str | None = None) -> dict[str, str]:
    again = password if again is None else again
    return {"code": code, "new_password": password, "new_password_again": again}


def test_an_invitation_sets_the_first_password_once(
    visitor: Visitor, invitation: str, connect: Connect
) -> None:
    browser = visitor()
    assert browser.get("/invitation").status_code == 200
    page = browser.post("/invitation", data=form(invitation.lower().replace("-", " ")))
    assert page.status_code == 200
    assert "nova@millbrook" in page.text
    assert invitation not in page.text
    assert browser.get("/worklist").status_code == 303  # signing in is a step of its own
    signed = browser.post("/sign-in", data={"sign_in_name": "nova@millbrook", "password": NEW})
    assert signed.status_code == 303
    again = visitor().post("/invitation", data=form(invitation, "another long password 7"))
    assert again.status_code == 401
    with connect("postgres") as connection:
        found = connection.execute(
            "select kind, action, detail->>'changed' from ingest.audit_event"
            " where resource = 'own_account'"
        ).fetchall()
    assert found == [("change", "C", "password")]


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", None, "at least 12"),
        ("nova-arbuckle", None, "name that others know"),
        ("123456789012", None, "first that are tried"),
        (NEW, "something else", "differ"),
    ],
    ids=["short", "own name", "common", "two different ones"],
)
def test_a_refused_password_does_not_use_the_invitation_up(
    visitor: Visitor, invitation: str, password: str, again: str | None, words: str
) -> None:
    refused = visitor().post("/invitation", data=form(invitation, password, again))
    assert refused.status_code == 422
    assert words in refused.text
    assert f'value="{password}"' not in refused.text
    assert visitor().post("/invitation", data=form(invitation)).status_code == 200


def test_five_wrong_tries_void_an_invitation(visitor: Visitor, invitation: str) -> None:
    wrong = invitation[:-1] + ("0" if invitation[-1] != "0" else "1")
    answers = [visitor().post("/invitation", data=form(wrong)).status_code for _ in range(5)]
    assert answers == [401] * 5
    assert visitor().post("/invitation", data=form(invitation)).status_code == 401


def test_an_invitation_of_a_closed_account_or_too_late_sets_nothing(
    visitor: Visitor, invitation: str, connect: Connect, clock: Clock
) -> None:
    clock.move(hours=72)
    assert visitor().post("/invitation", data=form(invitation)).status_code == 401
    clock.move(hours=-72)
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set disabled_at = now() where sign_in_name = 'nova'"
        )
    assert visitor().post("/invitation", data=form(invitation)).status_code == 401


def test_a_new_invitation_ends_the_sessions_of_before(
    sign_in: Callable[[str], httpx.Client],
    visitor: Visitor,
    connect: Connect,
    made_up: MadeUp,
    clock: Clock,
) -> None:
    casey = sign_in("casey")
    code = issue(connect, made_up, Purpose.INVITE_STAFF, made_up.staff["casey"], clock)
    assert visitor().post("/invitation", data=form(code)).status_code == 200
    assert casey.get("/worklist").status_code == 303
    former = {"sign_in_name": "casey@millbrook", "password": PASSWORD}
    assert visitor().post("/sign-in", data=former).status_code == 401


@pytest.fixture
def person_id(connect: Connect, made_up: MadeUp, clock: Clock) -> UUID:
    with (
        connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        return people.add_home_person(
            cur,
            made_up.practice_id,
            made_up.patients["amalia"],
            role=Role.CARER,
            display_name="Toivo Thornquist",
            added_by=made_up.staff["casey"],
            at=clock(),
        )


def test_a_code_signs_in_from_home_once_and_shows_no_other_page(
    visitor: Visitor, connect: Connect, made_up: MadeUp, clock: Clock, person_id: UUID
) -> None:
    code = issue(connect, made_up, Purpose.HOME_SIGN_IN, person_id, clock)
    browser = visitor()
    assert browser.get("/home-sign-in").status_code == 200
    answer = browser.post("/home-sign-in", data={"code": code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    for address in ("/worklist", "/patients", "/account", "/gateways"):
        assert browser.get(address).status_code == 403, address
    assert visitor().post("/home-sign-in", data={"code": code}).status_code == 401
    with connect("postgres") as connection:
        found = connection.execute(
            "select outcome, agent_kind, agent_id, agent_role, detail->>'by'"
            " from ingest.audit_event where kind = 'sign_in' order by outcome"
        ).fetchall()
    assert found == [
        ("refused", "nobody", "", "", "one_time_code"),
        ("success", "home_person", str(person_id), "carer", "one_time_code"),
    ]


def test_a_home_session_lives_longer_than_one_at_work(
    visitor: Visitor, connect: Connect, made_up: MadeUp, clock: Clock, person_id: UUID
) -> None:
    browser = visitor()
    code = issue(connect, made_up, Purpose.HOME_SIGN_IN, person_id, clock)
    browser.post("/home-sign-in", data={"code": code})
    clock.now += timedelta(minutes=29)
    assert browser.get("/worklist").status_code == 403
    clock.now += timedelta(minutes=30)
    assert browser.get("/worklist").status_code == 303


def test_a_closed_account_at_home_is_out_at_the_next_request(
    visitor: Visitor, connect: Connect, made_up: MadeUp, clock: Clock, person_id: UUID
) -> None:
    browser = visitor()
    code = issue(connect, made_up, Purpose.HOME_SIGN_IN, person_id, clock)
    browser.post("/home-sign-in", data={"code": code})
    code = issue(connect, made_up, Purpose.HOME_SIGN_IN, person_id, clock)
    with (
        connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        assert people.disable_home_person(cur, made_up.practice_id, person_id, clock())
    assert browser.get("/worklist").status_code == 303
    assert visitor().post("/home-sign-in", data={"code": code}).status_code == 401


@pytest.mark.parametrize("code", ["", "x", "AAAA-AAAA-AAAA", "A" * 200, "0000-0000-0000"])
def test_what_is_no_code_is_refused(visitor: Visitor, code: str) -> None:
    assert visitor().post("/home-sign-in", data={"code": code}).status_code == 401
