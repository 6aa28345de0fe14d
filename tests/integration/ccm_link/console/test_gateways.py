"""The gateways' pages: a claim code that counts, a revocation that the guard will see."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from ingest import fleet, one_time_code
from ingest.one_time_code import Purpose
from tests import gateway_heartbeat
from tests.made_up_practice import Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]

CODE = re.compile(r'<p class="code"><code>([^<]+)</code>')
NOW = datetime(2026, 11, 12, 15, 43, tzinfo=UTC)


def press(browser: httpx.Client, address: str) -> httpx.Response:
    """Post a form that is a button and nothing else, as a browser does."""
    return browser.post(address, headers={"content-type": "application/x-www-form-urlencoded"})


def code_on(page: httpx.Response) -> str:
    found = CODE.search(page.text)
    assert found is not None, page.text
    return found[1]


def redeemed(connect: Connect, code: str) -> str | None:
    with connect("homevitals_entrance") as connection:
        found = one_time_code.redeem(connection.cursor(), Purpose.CLAIM_GATEWAY, code, NOW)
    return None if found is None else str(found.subject)


def test_an_operator_adds_a_gateway_and_its_code_counts_once(
    sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    ozzie = sign_in("ozzie")
    page = ozzie.post("/gateways", data={"label": "Box <12>"})
    assert page.status_code == 200
    assert "Box &lt;12&gt;" in page.text
    gateway_id = redeemed(connect, code_on(page))
    assert gateway_id is not None
    assert redeemed(connect, code_on(page)) is None
    shown = ozzie.get(f"/gateways/{gateway_id}").text
    assert "the box has not claimed its place" in shown
    assert code_on(page) not in shown
    with connect("postgres") as connection:
        kinds = connection.execute(
            "select kind, resource_id from ingest.audit_event where agent_id = %s and kind <> 'read'"
            " and kind <> 'sign_in' order by kind",
            (str(made_up.staff["ozzie"]),),
        ).fetchall()
        detail = connection.execute("select detail::text from ingest.audit_event").fetchall()
    assert kinds == [("change", gateway_id), ("code_issued", gateway_id)]
    assert not any("Box" in text or code_on(page) in text for (text,) in detail)


def test_a_new_code_voids_the_one_before(sign_in: SignIn, connect: Connect) -> None:
    ozzie = sign_in("ozzie")
    first = code_on(ozzie.post("/gateways", data={"label": "Box 12"}))
    with connect("postgres") as connection:
        (gateway_id,) = connection.execute(
            "select gateway_id from ingest.gateway where label = 'Box 12'"
        ).fetchone()
    second = code_on(press(ozzie, f"/gateways/{gateway_id}/code"))
    assert redeemed(connect, first) is None
    assert redeemed(connect, second) == gateway_id


def test_a_revoked_gateway_is_the_guards_business_and_gets_no_code(
    sign_in: SignIn, connect: Connect
) -> None:
    petra = sign_in("petra")
    assert petra.post("/gateways/gw-home0001/revoke", data={"reason": " "}).status_code == 422
    answer = petra.post("/gateways/gw-home0001/revoke", data={"reason": "Stolen from the car."})
    assert answer.status_code == 303
    page = petra.get("/gateways/gw-home0001")
    assert "revoked" in page.text
    assert "Show a new code" not in page.text
    with connect("homevitals_guard") as connection:
        (cut,) = fleet.to_cut_off(connection.cursor())
    assert cut.gateway_id == "gw-home0001"
    again = petra.post("/gateways/gw-home0001/revoke", data={"reason": "Once more."})
    assert again.status_code == 409
    assert "revoked already" in again.text
    assert press(petra, "/gateways/gw-home0001/code").status_code == 409
    with connect("postgres") as connection:
        (count,) = connection.execute(
            "select count(*) from ingest.audit_event where kind = 'gateway_revoked'"
        ).fetchone()
    assert count == 1


def test_a_gateway_needs_a_name(sign_in: SignIn, connect: Connect) -> None:
    answer = sign_in("ozzie").post("/gateways", data={"label": ""})
    assert answer.status_code == 422
    assert "Fill this in." in answer.text
    with connect("postgres") as connection:
        (count,) = connection.execute(
            "select count(*) from ingest.gateway where status = 'expected'"
        ).fetchone()
    assert count == 0


def test_who_looks_after_patients_sees_gateways_and_changes_none(casey: httpx.Client) -> None:
    page = casey.get("/gateways").text
    assert "Thornquist home" in page
    assert "Add a gateway" not in page
    assert "Revoke" not in casey.get("/gateways/gw-home0001").text
    assert casey.post("/gateways/gw-home0001/revoke", data={"reason": "r"}).status_code == 403


@pytest.fixture
def said(connect: Connect, made_up: MadeUp) -> datetime:
    """Let the first gateway say how it is, just now."""
    at = datetime.now(UTC)
    gateway_heartbeat.say(connect, made_up.practice_id, "gw-home0001", at)
    return at


def test_page_says_how_a_gateway_is_and_what_to_do(sign_in: SignIn, said: datetime) -> None:
    page = sign_in("ozzie").get("/gateways/gw-home0001").text
    assert "7 records waiting" in page
    assert "Debian &lt;12&gt;" in page
    assert "unknown: the box has no sensor" in page
    assert "Its battery is nearly empty: send a new one." in page
    assert "AA:BB:CC:DD:EE:0F" in page
    assert "3 records saved, 2 records lost" in page
    assert "Numbers 4 to 5 neither were saved nor have arrived." in page
    assert "1 of 1" in page  # the past


def test_list_says_how_much_is_to_look_at(sign_in: SignIn, said: datetime) -> None:
    page = sign_in("ozzie").get("/gateways").text
    assert "1 thing to look at" in page


def test_silence_is_shown_when_a_gateway_says_nothing(sign_in: SignIn) -> None:
    page = sign_in("ozzie").get("/gateways/gw-home0002").text
    assert "It has not said anything of itself yet." in page


def test_api_tells_operators_how_gateways_are(sign_in: SignIn, said: datetime) -> None:
    ozzie = sign_in("ozzie")
    found = {one["gateway_id"]: one for one in ozzie.get("/api/v1/gateways").json()["gateways"]}
    one = found["gw-home0001"]
    assert (one["status"], one["troubles"]) == ("active", 1)
    assert one["last_word"]["waiting_records"] == 7
    assert one["last_word"]["health"]["peripherals"][0]["battery_percent"] == 9
    assert one["last_word"]["health"]["machine"]["temperature_c"] is None
    assert found["gw-home0002"]["last_word"] is None
    answer = ozzie.get("/api/v1/gateways/gw-home0001/health").json()
    assert len(answer["past"]) == 1
    assert answer["salvages"][0]["firsts"] == [4]
    assert ozzie.get("/api/v1/gateways/gw-home0001/health?days=0").status_code == 422
    assert ozzie.get("/api/v1/gateways/gw-nobody00/health").status_code == 404


def test_auditor_sees_no_gateway(sign_in: SignIn, said: datetime) -> None:
    assert sign_in("augustin").get("/api/v1/gateways").status_code == 403
