"""Accounts of staff and of people at home: invited, changed, closed; and what a person at home then sees."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Visitor = Callable[[], httpx.Client]
SignIn = Callable[[str], httpx.Client]

CODE = re.compile(r'<p class="code"><code>([^<]+)</code>')
NEW_PASSWORD = "seven lanterns over the harbour"


def press(browser: httpx.Client, address: str) -> httpx.Response:
    """Post a form that is a button and nothing else, as a browser does."""
    return browser.post(address, headers={"content-type": "application/x-www-form-urlencoded"})


def code_on(page: httpx.Response) -> str:
    found = CODE.search(page.text)
    assert found is not None, page.text
    return found[1]


def test_an_invited_colleague_sets_a_password_and_signs_in(
    sign_in: SignIn, visitor: Visitor
) -> None:
    petra = sign_in("petra")
    page = petra.post(
        "/staff",
        data={"sign_in_name": "nora", "display_name": "Nora Quist", "role": "care_manager"},
    )
    assert "nora@millbrook" in page.text
    form = {"new_password": NEW_PASSWORD, "new_password_again": NEW_PASSWORD}
    nora = visitor()
    assert nora.post("/invitation", data={"code": code_on(page), **form}).status_code == 200
    assert visitor().post("/invitation", data={"code": code_on(page), **form}).status_code >= 400
    signed_in = nora.post(
        "/sign-in", data={"sign_in_name": "nora@millbrook", "password": NEW_PASSWORD}
    )
    assert signed_in.status_code == 303
    assert nora.get("/worklist").status_code == 200
    assert "Nora Quist" in petra.get("/staff").text


def test_a_name_is_taken_once_in_a_practice(sign_in: SignIn) -> None:
    form = {"sign_in_name": "casey", "display_name": "Another Casey", "role": "clinician"}
    answer = sign_in("petra").post("/staff", data=form)
    assert answer.status_code == 422
    assert "signs in under this name already" in answer.text
    assert "Another Casey" in answer.text  # what was typed is not lost


def test_a_changed_role_counts_at_the_next_request(
    sign_in: SignIn, made_up: MadeUp, connect: Connect
) -> None:
    petra, robin = sign_in("petra"), sign_in("robin")
    assert robin.get("/worklist").status_code == 200
    address = f"/staff/{made_up.staff['robin']}/role"
    assert petra.post(address, data={"role": "operator"}).status_code == 303
    assert robin.get("/worklist").status_code == 403
    assert robin.get("/gateways").status_code == 200
    with connect("postgres") as connection:
        (detail,) = connection.execute(
            "select detail from ingest.audit_event where resource = 'staff_account' and kind = 'change'"
        ).fetchone()
    assert detail == {"before": {"role": "care_manager"}, "after": {"role": "operator"}}


def test_a_closed_account_is_out_at_the_next_request(
    sign_in: SignIn, visitor: Visitor, made_up: MadeUp
) -> None:
    petra, robin = sign_in("petra"), sign_in("robin")
    assert press(petra, f"/staff/{made_up.staff['robin']}/disable").status_code == 303
    assert robin.get("/worklist").headers["location"].startswith("/sign-in")
    form = {"sign_in_name": "robin@millbrook", "password": PASSWORD}
    assert visitor().post("/sign-in", data=form).status_code == 401
    assert "closed" in petra.get("/staff").text


def test_the_last_of_a_care_team_keeps_the_account_until_somebody_else_is_there(
    sign_in: SignIn, made_up: MadeUp
) -> None:
    petra, amalia = sign_in("petra"), made_up.patients["amalia"]
    form = {"patient_id": str(amalia), "staff_id": str(made_up.staff["robin"]), "reason": "Kin."}
    assert petra.post("/restrictions", data=form).status_code == 303
    robin = f"/staff/{made_up.staff['robin']}"
    for answer in (
        press(petra, f"{robin}/disable"),
        petra.post(f"{robin}/role", data={"role": "operator"}),
    ):
        assert answer.status_code == 409
        assert "the last one in the care team" in answer.text
    assert petra.post(f"{robin}/role", data={"role": "clinician"}).status_code == 303
    member = {"staff_id": str(made_up.staff["dana"])}
    assert petra.post(f"/restrictions/{amalia}/members", data=member).status_code == 303
    assert press(petra, f"{robin}/disable").status_code == 303


def test_nobody_closes_or_changes_their_own_account(sign_in: SignIn, made_up: MadeUp) -> None:
    petra = sign_in("petra")
    own = f"/staff/{made_up.staff['petra']}"
    assert press(petra, f"{own}/disable").status_code == 409
    assert petra.post(f"{own}/role", data={"role": "clinician"}).status_code == 409
    assert petra.get("/staff").status_code == 200


def test_a_forgotten_password_is_replaced_and_its_sessions_end(
    sign_in: SignIn, visitor: Visitor, made_up: MadeUp
) -> None:
    petra, robin = sign_in("petra"), sign_in("robin")
    page = press(petra, f"/staff/{made_up.staff['robin']}/invitation")
    assert robin.get("/worklist").status_code == 303
    form = {"new_password": NEW_PASSWORD, "new_password_again": NEW_PASSWORD}
    assert visitor().post("/invitation", data={"code": code_on(page), **form}).status_code == 200


def test_a_patient_signs_in_with_a_code_and_sees_one_record(
    casey: httpx.Client, visitor: Visitor, made_up: MadeUp, clock: Clock, connect: Connect
) -> None:
    with connect("postgres") as connection:
        connection.execute(
            "insert into alerts.confirmation_request (practice_id, patient_id, reading_id, family, ask, asked_at,"
            " until_at) select practice_id, patient_id, gen_random_uuid(), name, 'Rest for five minutes.', %(at)s,"
            " %(at)s + interval '30 minutes' from ingest.patient, unnest(array['systolic-high', 'pulse-fast']) name"
            " where patient_id = any (%(patients)s)",
            {"at": clock.now, "patients": [made_up.patients[n] for n in ("amalia", "bertram")]},
        )
    address = f"/patients/{made_up.patients['amalia']}/home"
    page = casey.post(address, data={"display_name": "Amalia", "role": "patient"})
    code = code_on(page)
    home = visitor()
    assert home.post("/home-sign-in", data={"code": code}).status_code == 303
    assert visitor().post("/home-sign-in", data={"code": code}).status_code >= 400
    shown = home.get("/", follow_redirects=True)
    assert shown.url.path == "/own-record"
    assert "Readings of Amalia Thornquist" in shown.text
    assert "186/108" in shown.text
    assert shown.text.count("Rest for five minutes.") == 1  # two rules ask it, and once is enough
    assert (
        home.get("/own-record/charts/blood-pressure.svg").headers["content-type"] == "image/svg+xml"
    )
    looks = home.get("/own-record/looks").text
    assert "<strong>Casey Lindqvist</strong>, care manager" in looks
    assert "Oyelaran" not in shown.text + looks
    for closed in ("/worklist", "/patients", f"/patients/{made_up.patients['amalia']}", "/audit"):
        assert home.get(closed).status_code == 403, closed
    clock.move(minutes=31)
    assert home.get("/own-record").headers["location"].startswith("/")


def test_a_second_account_of_the_patient_is_refused_and_a_closed_one_is_out(
    casey: httpx.Client, visitor: Visitor, made_up: MadeUp, connect: Connect
) -> None:
    address = f"/patients/{made_up.patients['noor']}/home"
    form = {"display_name": "Noor", "role": "patient"}
    code = code_on(casey.post(address, data=form))
    again = casey.post(address, data=form)
    assert again.status_code == 422
    assert "has an account already" in again.text
    home = visitor()
    home.post("/home-sign-in", data={"code": code})
    assert home.get("/own-record").status_code == 200
    with connect("postgres") as connection:
        (person_id,) = connection.execute(
            "select person_id from ingest.home_person where role = 'patient' and patient_id = %s",
            (made_up.patients["noor"],),
        ).fetchone()
    assert press(casey, f"{address}/{person_id}/disable").status_code == 303
    assert home.get("/own-record").status_code == 303
    assert press(casey, f"{address}/{person_id}/code").status_code == 404
