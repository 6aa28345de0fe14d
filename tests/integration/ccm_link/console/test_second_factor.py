"""The second step of signing in, setting up a second factor, and proving again who one is."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from ccm_link.console.entrance import sealing, totp
from ccm_link.settings import CcmLinkSettings
from tests import console_server
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Visitor = Callable[[], httpx.Client]

FORM = {"sign_in_name": "casey@millbrook", "password": PASSWORD}


@pytest.fixture
def settings(tmp_path: Path) -> CcmLinkSettings:
    file = tmp_path / "keys"
    sealing.make_if_missing(file)
    return CcmLinkSettings(secrets_key_file=file, require_second_factor=True)


@pytest.fixture
def address(database, made_up: MadeUp, clock: Clock, settings: CcmLinkSettings) -> Iterator[str]:
    with console_server.serve(database.conninfo, clock, settings) as found:
        yield found.address


def secret_on(page: httpx.Response) -> bytes:
    typed = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)
    assert typed is not None
    return base64.b32decode(typed[1].replace(" ", ""))


def proposal_on(page: httpx.Response) -> str:
    found = re.search(r'name="proposal" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def code_now(secret: bytes, clock: Clock, steps: int = 0) -> str:
    return totp.code_at(secret, int(clock().timestamp()) // 30 + steps)


@pytest.fixture
def secret(visitor: Visitor, clock: Clock) -> bytes:
    """Set casey's second factor up, and let its first code get old."""
    browser = visitor()
    answer = browser.post("/sign-in", data=FORM | {"going_to": "/patients"})
    assert answer.headers["location"] == "/sign-in/second-factor"
    page = browser.get("/sign-in/second-factor")
    found = secret_on(page)
    form = {"proposal": proposal_on(page), "code": code_now(found, clock)}
    answer = browser.post("/sign-in/second-factor", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients")
    assert browser.get("/worklist").status_code == 200
    clock.move(minutes=2)
    return found


def test_setting_up_shows_a_picture_and_a_text_that_say_the_same(
    visitor: Visitor, connect: Connect
) -> None:
    browser = visitor()
    browser.post("/sign-in", data=FORM)
    page = browser.get("/sign-in/second-factor")
    assert "<svg" in page.text
    with connect("postgres") as connection:
        stored = connection.execute(
            "select totp_sealed from ingest.staff where sign_in_name = 'casey'"
        ).fetchone()
    assert stored == (None,)  # nothing counts before a code was shown
    assert secret_on(browser.get("/sign-in/second-factor")) != secret_on(page)


def test_the_stored_secret_is_sealed(secret: bytes, connect: Connect) -> None:
    with connect("postgres") as connection:
        (sealed,) = connection.execute(
            "select totp_sealed from ingest.staff where sign_in_name = 'casey'"
        ).fetchone()
    assert secret not in bytes(sealed)


def test_a_wrong_code_keeps_the_proposal_and_opens_nothing(visitor: Visitor, clock: Clock) -> None:
    browser = visitor()
    browser.post("/sign-in", data=FORM)
    page = browser.get("/sign-in/second-factor")
    form = {"proposal": proposal_on(page), "code": "000000"}
    refused = browser.post("/sign-in/second-factor", data=form)
    assert refused.status_code == 401
    assert secret_on(refused) == secret_on(page)
    assert browser.get("/worklist").status_code == 303


def test_password_alone_opens_nothing_anywhere(secret: bytes, visitor: Visitor) -> None:
    browser = visitor()
    answer = browser.post("/sign-in", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/code")
    assert "homevitals" not in browser.cookies
    halfway = browser.cookies["homevitals-halfway"]
    for address in ("/", "/worklist", "/account", "/api/v1/worklist", "/sign-in/second-factor"):
        assert browser.get(address).status_code in {303, 401}, address
    thief = visitor()
    thief.cookies.set("homevitals", halfway)
    assert thief.get("/worklist").status_code == 303


def test_the_code_opens_the_session_and_counts_once(
    secret: bytes, visitor: Visitor, clock: Clock
) -> None:
    code = code_now(secret, clock)
    browser, other = visitor(), visitor()
    browser.post("/sign-in", data=FORM | {"going_to": "/timer"})
    answer = browser.post("/sign-in/code", data={"code": code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/timer")
    cookies: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        cookies.load(header)
    assert cookies["homevitals-halfway"]["max-age"] == "0"
    assert browser.get("/worklist").status_code == 200

    other.post("/sign-in", data=FORM)
    assert other.post("/sign-in/code", data={"code": code}).status_code == 401
    earlier = other.post("/sign-in/code", data={"code": code_now(secret, clock, -1)})
    assert earlier.status_code == 401
    later = other.post("/sign-in/code", data={"code": code_now(secret, clock, +1)})
    assert later.status_code == 303


def test_the_first_step_is_good_for_five_minutes(
    secret: bytes, visitor: Visitor, clock: Clock
) -> None:
    browser = visitor()
    browser.post("/sign-in", data=FORM)
    clock.move(minutes=5)
    answer = browser.post("/sign-in/code", data={"code": code_now(secret, clock)})
    assert answer.headers["location"] == "/sign-in"
    assert "homevitals" not in browser.cookies


@pytest.mark.parametrize(
    "change", ["disabled_at = now()", "password_argon2 = 'other'"], ids=["closed", "new password"]
)
def test_the_first_step_ends_with_the_account(
    secret: bytes, visitor: Visitor, clock: Clock, connect: Connect, change: str
) -> None:
    browser = visitor()
    browser.post("/sign-in", data=FORM)
    with connect("postgres") as connection:
        connection.execute(f"update ingest.staff set {change} where sign_in_name = 'casey'")
    answer = browser.post("/sign-in/code", data={"code": code_now(secret, clock)})
    assert answer.headers["location"] == "/sign-in"


def test_codes_cannot_be_tried_for_long(secret: bytes, visitor: Visitor, clock: Clock) -> None:
    browser = visitor()
    browser.post("/sign-in", data=FORM)
    statuses = [
        browser.post("/sign-in/code", data={"code": f"{number:06}"}).status_code
        for number in range(10)
    ]
    assert statuses == [401] * 9 + [429]  # setting it up took one of ten
    right = browser.post("/sign-in/code", data={"code": code_now(secret, clock)})
    assert right.status_code == 429


def test_programs_send_the_code_along(secret: bytes, visitor: Visitor, clock: Clock) -> None:
    program = visitor()
    without = program.post("/api/v1/session", json=FORM)
    assert (without.status_code, without.json()["reason"]) == (401, "code_needed")
    wrong = program.post("/api/v1/session", json=FORM | {"code": "000000"})
    assert wrong.status_code == 401
    assert "reason" not in wrong.json()
    right = program.post("/api/v1/session", json=FORM | {"code": code_now(secret, clock)})
    assert right.status_code == 200
    assert program.get("/api/v1/worklist").status_code == 200
    robin = FORM | {"sign_in_name": "robin@millbrook"}
    lacking = visitor().post("/api/v1/session", json=robin)
    assert (lacking.status_code, lacking.json()["reason"]) == (403, "second_factor_missing")


def signed_in(visitor: Visitor, secret: bytes, clock: Clock) -> httpx.Client:
    browser = visitor()
    browser.post("/sign-in", data=FORM)
    answer = browser.post("/sign-in/code", data={"code": code_now(secret, clock)})
    assert answer.status_code == 303
    clock.move(minutes=1)
    return browser


def test_a_confirmed_second_factor_is_not_replaced(
    secret: bytes, visitor: Visitor, clock: Clock
) -> None:
    browser = signed_in(visitor, secret, clock)
    assert browser.get("/account/second-factor").headers["location"] == "/account"
    halfway = visitor()
    halfway.post("/sign-in", data=FORM)
    assert halfway.get("/sign-in/second-factor").headers["location"] == "/sign-in"


def test_without_keys_second_factors_are_refused_in_words(
    database, made_up: MadeUp, clock: Clock, settings: CcmLinkSettings, tmp_path: Path
) -> None:
    without = replace(settings, secrets_key_file=tmp_path / "none")
    with (
        console_server.serve(database.conninfo, clock, without) as console,
        httpx.Client(
            base_url=console.address, headers={"Sec-Fetch-Site": "same-origin"}
        ) as browser,
    ):
        browser.post("/sign-in", data=FORM)
        page = browser.get("/sign-in/second-factor")
    assert page.status_code == 503
    assert "secrets_key_file" in page.text


def test_password_is_changed_with_the_old_one_and_ends_other_sessions(
    secret: bytes, visitor: Visitor, clock: Clock, connect: Connect
) -> None:
    browser = signed_in(visitor, secret, clock)
    other = signed_in(visitor, secret, clock)
    token = browser.cookies["homevitals"]
    new = "violet tractor under nine moons"
    form = {"password": "wrong", "new_password": new, "new_password_again": new}
    page = browser.post("/account/password", data=form)
    assert page.status_code == 422
    assert "not your password" in page.text
    assert new not in page.text
    bad = form | {"password": PASSWORD, "new_password": "caseylindqvist"}
    assert browser.post("/account/password", data=bad).status_code == 422
    bad["new_password_again"] = bad["new_password"]
    assert "name that others know" in browser.post("/account/password", data=bad).text

    answer = browser.post("/account/password", data=form | {"password": PASSWORD})
    assert answer.headers["location"] == "/account?said=password"
    assert browser.cookies["homevitals"] != token
    assert browser.get("/worklist").status_code == 200
    assert other.get("/worklist").status_code == 303
    assert "is changed" in browser.get("/account?said=password").text
    assert visitor().post("/sign-in", data=FORM).status_code == 401
    assert visitor().post("/sign-in", data=FORM | {"password": new}).status_code == 303
    with connect("postgres") as connection:
        details = connection.execute(
            "select detail::text from ingest.audit_event where resource = 'own_account'"
            " and kind = 'change'"
        ).fetchall()
    assert len(details) >= 1
    assert not any("argon2" in detail or new in detail for (detail,) in details)
