"""Signing in and out, and how long it lasts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx
import pytest

from tests.made_up_practice import PASSWORD, Clock, Connect

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Visitor = Callable[[], httpx.Client]
SignIn = Callable[[str], httpx.Client]


def cookie_of(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie(answer.headers["set-cookie"])


def test_the_right_password_opens_a_session_whose_cookie_no_script_can_read(
    visitor: Visitor, connect: Connect
) -> None:
    browser = visitor()
    answer = browser.post("/sign-in", data={"sign_in_name": "casey", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    morsel = cookie_of(answer)["homevitals"]
    assert morsel["httponly"]
    assert morsel["samesite"] == "strict"
    assert morsel["path"] == "/"
    assert not morsel["domain"]
    assert not morsel["expires"]
    assert len(morsel.value) >= 43  # 256 bits
    with connect("homevitals_owner") as connection:
        (stored,) = connection.execute("select token_sha256 from ingest.session").fetchone()
    assert bytes(stored) == hashlib.sha256(morsel.value.encode()).digest()
    assert browser.get("/worklist").status_code == 200


BAD_SIGN_INS = {
    "wrong password": {"sign_in_name": "casey", "password": "wrong"},
    "unknown name": {"sign_in_name": "nobody", "password": PASSWORD},
    "disabled account": {"sign_in_name": "ozzie", "password": PASSWORD},
    "no password": {"sign_in_name": "casey"},
    "endless password": {"sign_in_name": "casey", "password": "x" * 5_000},
    "role asked for": {"sign_in_name": "casey", "password": PASSWORD, "role": "clinician"},
    "quote": {"sign_in_name": "casey' or 1=1 --", "password": "x"},
}


def test_whatever_is_wrong_gets_the_same_answer(
    visitor: Visitor, connect: Connect, subtests: pytest.Subtests
) -> None:
    for case, given in BAD_SIGN_INS.items():
        with subtests.test(case):
            with connect("homevitals_owner") as connection:
                connection.execute(
                    "update ingest.staff set disabled_at = now() where sign_in_name = 'ozzie'"
                )
            answer = visitor().post("/sign-in", data=given)
            expected = visitor().post("/sign-in", data={"sign_in_name": "x", "password": "x"})
            assert answer.status_code == 401
            assert answer.text == expected.text
            assert "set-cookie" not in answer.headers


def test_every_sign_in_makes_a_new_token_and_ends_the_former_session(visitor: Visitor) -> None:
    browser = visitor()
    form = {"sign_in_name": "casey", "password": PASSWORD}
    first = cookie_of(browser.post("/sign-in", data=form))["homevitals"].value
    second = cookie_of(browser.post("/sign-in", data=form))["homevitals"].value
    assert first != second
    left = visitor()
    left.cookies.set("homevitals", first)
    assert left.get("/worklist").status_code == 303


def test_a_planted_token_is_never_taken_over(visitor: Visitor) -> None:
    browser = visitor()
    answer = browser.post(
        "/sign-in",
        data={"sign_in_name": "casey", "password": PASSWORD},
        headers={"cookie": "homevitals=planted"},
    )
    assert cookie_of(answer)["homevitals"].value != "planted"


def test_a_session_ends_after_15_minutes_without_activity(
    casey: httpx.Client, clock: Clock
) -> None:
    clock.move(minutes=14)
    assert casey.get("/worklist").status_code == 200
    clock.move(minutes=14)
    assert casey.get("/worklist").status_code == 200
    clock.move(minutes=16)
    answer = casey.get("/worklist")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?going_to=/worklist"


def test_a_session_ends_after_12_hours_of_activity(casey: httpx.Client, clock: Clock) -> None:
    for _ in range(12 * 6 - 1):
        clock.move(minutes=10)
        assert casey.get("/timer").status_code == 200
    clock.move(minutes=10)
    assert casey.get("/timer").status_code == 303


def test_signing_out_ends_the_session_on_the_server(casey: httpx.Client, visitor: Visitor) -> None:
    token = casey.cookies["homevitals"]
    answer = casey.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert answer.headers["clear-site-data"] == '"cache"'
    assert "homevitals" not in casey.cookies
    thief = visitor()
    thief.cookies.set("homevitals", token)
    assert thief.get("/worklist").status_code == 303


BAD_COOKIES = {
    "wrong": "homevitals=wrong",
    "empty": "homevitals=",
    "8 kB": "homevitals=" + "x" * 8_000,
    "no ASCII": "homevitals=\xff\xfe",
    "two of them": "homevitals={good}; homevitals=other",
}


def test_a_cookie_that_is_no_good_is_cleared(
    casey: httpx.Client, visitor: Visitor, subtests: pytest.Subtests
) -> None:
    for case, cookie in BAD_COOKIES.items():
        with subtests.test(case):
            sent = cookie.replace("{good}", casey.cookies["homevitals"]).encode("latin-1")
            answer = visitor().get("/api/v1/worklist", headers=[(b"cookie", sent)])
            assert answer.status_code == 401
            assert cookie_of(answer)["homevitals"]["max-age"] == "0"


def test_coming_from_elsewhere_without_the_strict_cookie_signs_nobody_out(visitor: Visitor) -> None:
    assert "set-cookie" not in visitor().get("/worklist").headers


def test_a_change_of_role_acts_at_the_next_request(casey: httpx.Client, connect: Connect) -> None:
    assert casey.get("/worklist").status_code == 200
    with connect("homevitals_owner") as connection:
        connection.execute("update ingest.staff set role = 'operator' where sign_in_name = 'casey'")
    assert casey.get("/worklist").status_code == 403
    with connect("homevitals_owner") as connection:
        connection.execute(
            "update ingest.staff set disabled_at = now() where sign_in_name = 'casey'"
        )
    assert casey.get("/gateways").status_code == 303


DESTINATIONS = [
    ("/patients?days=7", "/patients?days=7"),
    ("https://evil.example/", "/"),
    ("//evil.example/", "/"),
    ("/\\evil.example", "/"),
    ("javascript:alert(1)", "/"),
    ("/x\r\nset-cookie: a=b", "/"),
]


def test_a_sign_in_leads_to_own_pages_only(visitor: Visitor, subtests: pytest.Subtests) -> None:
    for going_to, location in DESTINATIONS:
        with subtests.test(str(going_to)):
            browser = visitor()
            form = {"sign_in_name": "casey", "password": PASSWORD, "going_to": going_to}
            assert browser.post("/sign-in", data=form).headers["location"] == location


STARTS = [("dana", "/worklist"), ("ozzie", "/gateways"), ("petra", "/time"), ("augustin", "/time")]


def test_everybody_starts_at_a_place_of_their_role(
    sign_in: SignIn, subtests: pytest.Subtests
) -> None:
    for name, place in STARTS:
        with subtests.test(str(name)):
            browser = sign_in(name)
            answer = browser.get("/")
            assert answer.headers["location"] == place
            page = browser.get(place)
            assert page.status_code == 200
            assert ('href="/worklist"' in page.text) == (name == "dana")
