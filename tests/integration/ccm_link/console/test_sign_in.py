"""Signing in and out, and how long it lasts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx
import pytest

from ccm_link.console.rate_limits import RateLimits
from ingest.tenancy import NOBODYS
from tests.console_server import Console
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
Visitor = Callable[[], httpx.Client]
SignIn = Callable[[str], httpx.Client]


def cookie_of(answer: httpx.Response) -> SimpleCookie:
    found: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        found.load(header)
    return found


def test_the_right_password_opens_a_session_whose_cookie_no_script_can_read(
    visitor: Visitor, connect: Connect
) -> None:
    browser = visitor()
    answer = browser.post(
        "/sign-in", data={"sign_in_name": "casey@millbrook", "password": PASSWORD}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    morsel = cookie_of(answer)["homevitals"]
    assert morsel["httponly"]
    assert morsel["samesite"] == "strict"
    assert morsel["path"] == "/"
    assert not morsel["domain"]
    assert not morsel["expires"]
    assert len(morsel.value) >= 43  # 256 bits
    with connect("postgres") as connection:
        (stored,) = connection.execute("select token_sha256 from ingest.session").fetchone()
    assert bytes(stored) == hashlib.sha256(morsel.value.encode()).digest()
    assert browser.get("/worklist").status_code == 200


BAD_SIGN_INS = {
    "wrong password": {"sign_in_name": "casey@millbrook", "password": "wrong"},
    "unknown name": {"sign_in_name": "nobody@millbrook", "password": PASSWORD},
    "disabled account": {"sign_in_name": "ozzie@millbrook", "password": PASSWORD},
    "no password": {"sign_in_name": "casey@millbrook"},
    "endless password": {"sign_in_name": "casey@millbrook", "password": "x" * 5_000},
    "role asked for": {
        "sign_in_name": "casey@millbrook",
        "password": PASSWORD,
        "role": "clinician",
    },
    "quote": {"sign_in_name": "casey' or 1=1 --@millbrook", "password": "x"},
}


def test_whatever_is_wrong_gets_the_same_answer(
    visitor: Visitor, connect: Connect, subtests: pytest.Subtests
) -> None:
    for case, given in BAD_SIGN_INS.items():
        with subtests.test(case):
            with connect("postgres") as connection:
                connection.execute(
                    "update ingest.staff set disabled_at = now() where sign_in_name = 'ozzie'"
                )
            answer = visitor().post("/sign-in", data=given)
            unknown = {"sign_in_name": f"x@{case.replace(' ', '')}", "password": "x"}
            expected = visitor().post("/sign-in", data=unknown)
            assert answer.status_code == 401
            assert answer.text == expected.text
            assert "set-cookie" not in answer.headers


def test_every_sign_in_makes_a_new_token_and_ends_the_former_session(visitor: Visitor) -> None:
    browser = visitor()
    form = {"sign_in_name": "casey@millbrook", "password": PASSWORD}
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
        data={"sign_in_name": "casey@millbrook", "password": PASSWORD},
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
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
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
    with connect("postgres") as connection:
        connection.execute("update ingest.staff set role = 'operator' where sign_in_name = 'casey'")
    assert casey.get("/worklist").status_code == 403
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set disabled_at = now() where sign_in_name = 'casey'"
        )
    assert casey.get("/gateways").status_code == 303


def trail_of(connect: Connect) -> list[tuple[str, str, str, str]]:
    """Return kind, outcome, sort of agent and reason of each event so far."""
    with connect("postgres") as connection:
        return connection.execute(
            "select kind, outcome, agent_kind, coalesce(detail->>'reason', detail->>'by', '')"
            " from ingest.audit_event where resource = 'session' order by at, kind desc"
        ).fetchall()


def test_coming_and_going_is_written_into_the_trail(
    casey: httpx.Client, visitor: Visitor, connect: Connect, made_up: MadeUp
) -> None:
    for name in ("casey@millbrook", "nobody@millbrook", "nobody@nowhere"):
        visitor().post("/sign-in", data={"sign_in_name": name, "password": "wrong"})
    casey.post("/sign-out")
    found = trail_of(connect)
    assert sorted(found) == [
        ("sign_in", "refused", "nobody", "unknown_name"),
        ("sign_in", "refused", "nobody", "unknown_name"),
        ("sign_in", "refused", "staff", "password"),
        ("sign_in", "success", "staff", "password"),
        ("sign_out", "success", "staff", ""),
    ]
    with connect("postgres") as connection:
        practices = connection.execute(
            "select practice_id, network, detail::text from ingest.audit_event where agent_kind = 'nobody'"
        ).fetchall()
    assert {practice_id for practice_id, *_ in practices} == {made_up.practice_id, NOBODYS}
    assert {network for _, network, _ in practices} == {"127.0.0.1"}
    assert not any("nobody@" in detail for *_, detail in practices)


def test_a_sign_in_that_cannot_be_written_down_fails(visitor: Visitor, connect: Connect) -> None:
    with connect("postgres") as connection:
        connection.execute("revoke insert on ingest.audit_event from homevitals_entrance")
    browser = visitor()
    form = {"sign_in_name": "casey@millbrook", "password": PASSWORD}
    assert browser.post("/sign-in", data=form).status_code == 500
    assert "homevitals" not in browser.cookies
    with connect("postgres") as connection:
        assert connection.execute("select count(*) from ingest.session").fetchone() == (0,)


def test_of_six_sessions_the_oldest_ends(sign_in: SignIn, clock: Clock, connect: Connect) -> None:
    browsers = []
    for _ in range(6):
        browsers.append(sign_in("casey"))
        clock.move(seconds=1)
    statuses = [browser.get("/worklist").status_code for browser in browsers]
    assert statuses == [303, 200, 200, 200, 200, 200]
    assert trail_of(connect).count(("session_ended", "success", "staff", "too_many")) == 1


def test_a_delay_grows_for_the_guesser_and_closes_nothing(
    visitor: Visitor, console: Console
) -> None:
    console.app.state.rate_limits = RateLimits(lambda: 0.0)  # no delay ends while we guess
    guess = {"sign_in_name": "casey@millbrook", "password": "wrong"}
    statuses = [visitor().post("/sign-in", data=guess).status_code for _ in range(6)]
    assert statuses[:4] == [401] * 4
    refused = visitor().post("/sign-in", data=guess)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 4
    api = visitor().post("/api/v1/session", json=guess)
    assert (api.status_code, api.json()["title"]) == (429, "This was tried very often")
    assert api.headers["content-type"] == "application/problem+json"
    # Somebody else is let in meanwhile, and so is the person when the delay is over.
    robin = {"sign_in_name": "robin@millbrook", "password": PASSWORD}
    assert visitor().post("/sign-in", data=robin).status_code == 303


def test_names_are_the_practices_own(visitor: Visitor, connect: Connect) -> None:
    for name, status in (
        ("fremd@another", 303),
        (" Fremd@Another ", 303),
        ("fremd@millbrook", 401),
        ("fremd", 401),
    ):
        form = {"sign_in_name": name, "password": PASSWORD}
        assert visitor().post("/sign-in", data=form).status_code == status, name


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
            form = {"sign_in_name": "casey@millbrook", "password": PASSWORD, "going_to": going_to}
            assert browser.post("/sign-in", data=form).headers["location"] == location


STARTS = [
    ("dana", "/worklist"),
    ("ozzie", "/gateways"),
    ("petra", "/time"),
    ("augustin", "/time"),
]


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
