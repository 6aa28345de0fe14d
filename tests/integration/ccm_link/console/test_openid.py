"""Signing in through an OpenID provider: a real one, and one that lies."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ccm_link.settings import CcmLinkSettings
from ingest import credentials, one_time_code, tenancy
from ingest.one_time_code import Purpose
from tests import console_server, openid_providers
from tests.console_server import Console
from tests.made_up_practice import Connect, MadeUp
from tests.openid_providers import MFA, HostileProvider, RealProvider

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

Visitor = Callable[[], httpx.Client]


@pytest.fixture
def console(database, made_up: MadeUp, tmp_path: Path) -> Iterator[Console]:
    """Serve with the clock of the machine, which is also the provider's."""
    secret_file = tmp_path / "millbrook"
    secret_file.touch(0o600)
    secret_file.write_text(openid_providers.CLIENT_SECRET)
    settings = CcmLinkSettings(openid_secrets_folder=str(tmp_path))
    with console_server.serve(database.conninfo, lambda: datetime.now(UTC), settings) as found:
        yield found


def configure(connect: Connect, made_up: MadeUp, issuer: str, *factors: str) -> None:
    with (
        connect("homevitals_owner") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        credentials.set_identity_provider(
            cur,
            made_up.practice_id,
            issuer=issuer,
            client_id=openid_providers.CLIENT_ID,
            second_factor_amr=factors or credentials.SECOND_FACTOR_AMR,
        )


@pytest.fixture
def real(console: Console, connect: Connect, made_up: MadeUp) -> Iterator[RealProvider]:
    with openid_providers.real() as provider:
        provider.begin(f"{console.address}/sign-in/provider/return")
        configure(connect, made_up, provider.issuer, MFA)
        yield provider


@pytest.fixture
def hostile(console: Console, connect: Connect, made_up: MadeUp) -> Iterator[HostileProvider]:
    with openid_providers.hostile() as provider:
        configure(connect, made_up, provider.issuer)
        yield provider


@pytest.fixture
def invitation(connect: Connect, made_up: MadeUp) -> str:
    """Return the code of an invitation for dana."""
    with (
        connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        return one_time_code.issue(
            cur,
            made_up.practice_id,
            Purpose.INVITE_STAFF,
            made_up.staff["dana"],
            created_by=made_up.staff["petra"],
            at=datetime.now(UTC),
        )


def leave(browser: httpx.Client, going_to: str = "/patients") -> str:
    """Go to the console's page that leads away; return where it leads."""
    page = browser.get("/sign-in/provider", params={"practice": "Millbrook ", "going_to": going_to})
    assert page.status_code == 200, page.text
    link = re.search(r'<a class="button" href="([^"]+)"', page.text)
    assert link is not None
    refresh = re.search(r'content="0; url=([^"]+)"', page.text)
    assert refresh is not None
    assert refresh[1] == link[1]
    return unescape(link[1])


def back_from(address: str) -> str:
    """Go to the provider; return the address with which it sends the browser back."""
    answer = httpx.get(address, timeout=20)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def round_trip(browser: httpx.Client) -> httpx.Response:
    return browser.get(back_from(leave(browser)))


def link_account(browser: httpx.Client, invitation: str) -> None:
    refused = round_trip(browser)
    assert refused.status_code == 403
    assert "Nobody here knows you yet" in refused.text
    answer = browser.post("/sign-in/link", data={"code": invitation})
    assert (answer.status_code, answer.headers["location"]) == (303, "/patients")


def reasons(connect: Connect) -> list[tuple[str, str]]:
    with connect("postgres") as connection:
        return connection.execute(
            "select outcome, coalesce(detail->>'reason', '') from ingest.audit_event"
            " where kind = 'sign_in' and detail->>'by' = 'openid_provider' order by at"
        ).fetchall()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_real_provider_signs_in_who_was_linked_by_an_invitation(
    console: Console,
    real: RealProvider,
    visitor: Visitor,
    invitation: str,
    connect: Connect,
    algorithm: str,
) -> None:
    real.begin(f"{console.address}/sign-in/provider/return", algorithm)
    browser = visitor()
    link_account(browser, invitation)
    assert browser.get("/worklist").status_code == 200

    again = visitor()
    page = round_trip(again)
    assert page.status_code == 200
    assert 'content="0; url=/patients"' in page.text
    cookies: SimpleCookie = SimpleCookie()
    for header in page.headers.get_list("set-cookie"):
        cookies.load(header)
    assert cookies["homevitals"]["samesite"] == "strict"
    assert cookies["homevitals-provider"]["max-age"] == "0"
    assert "Dana Achterberg" in again.get("/account").text
    assert reasons(connect) == [("refused", "unknown_subject"), ("success", ""), ("success", "")]
    with connect("postgres") as connection:
        linked = connection.execute(
            "select sign_in_name, oidc_issuer from ingest.staff where oidc_subject is not null"
        ).fetchall()
    assert linked == [("dana", real.issuer)]


def test_the_question_has_all_that_makes_it_unlike_others(
    hostile: HostileProvider, visitor: Visitor
) -> None:
    first, second = (parse_qs(urlsplit(leave(visitor())).query) for _ in range(2))
    assert first["code_challenge_method"] == ["S256"]
    assert first["response_type"] == ["code"]
    assert first["scope"] == ["openid"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_the_code_is_redeemed_with_its_verifier_and_our_secret(
    hostile: HostileProvider, visitor: Visitor
) -> None:
    browser = visitor()
    round_trip(browser)
    (redeemed,) = hostile.redeemed
    challenge = openid_providers.challenge_of(redeemed["code_verifier"])
    assert challenge == hostile.asked["code_challenge"]
    assert redeemed["redirect_uri"] == hostile.asked["redirect_uri"]
    assert redeemed["authorization"].startswith("Basic ")


def test_a_replayed_return_opens_nothing(
    real: RealProvider, visitor: Visitor, invitation: str, connect: Connect
) -> None:
    link_account(visitor(), invitation)
    browser = visitor()
    address = leave(browser)
    note = browser.cookies["homevitals-provider"]
    back = back_from(address)
    assert browser.get(back).status_code == 200
    assert browser.get(back).status_code == 401  # the note is used up
    thief = visitor()
    thief.cookies.set("homevitals-provider", note)
    assert thief.get(back).status_code == 401  # the real provider refuses the code
    assert reasons(connect)[-1] == ("refused", "code_refused")
    assert "homevitals" not in thief.cookies


def test_an_answer_to_another_browsers_question_opens_nothing(
    hostile: HostileProvider, visitor: Visitor, connect: Connect
) -> None:
    mine, theirs = visitor(), visitor()
    back = back_from(leave(theirs))
    assert mine.get(back).status_code == 401  # without any note
    leave(mine)
    assert mine.get(back).status_code == 401
    assert reasons(connect) == [("refused", "state")]


def _now_s(**by: int) -> int:
    return int(time.time()) + sum(by.values())


LIES: dict[str, tuple[str, dict[str, Any]]] = {
    "wrong state": ("state", {"back": {"state": "other"}}),
    "no state": ("state", {"back": {"state": None}}),
    "answer of another issuer": ("issuer_differs", {"back": {"iss": "https://other.example"}}),
    "answer without issuer": ("issuer_differs", {"back": {"iss": None}}),
    "refusal": ("provider_refused", {"back": {"error": "access_denied", "code": None}}),
    "no code": ("no_code", {"back": {"code": None}}),
    "wrong nonce": ("nonce", {"claims": {"nonce": "other"}}),
    "no nonce": ("nonce", {"claims": {"nonce": None}}),
    "other issuer": ("iss", {"claims": {"iss": "https://other.example"}}),
    "issuer with a slash more": ("iss", {"claims": {"iss": "{issuer}/"}}),
    "other audience": ("aud", {"claims": {"aud": "somebody else"}}),
    "second audience": ("audience", {"claims": {"aud": ["homevitals", "somebody else"]}}),
    "other party": ("authorized_party", {"claims": {"azp": "somebody else"}}),
    "expired": ("exp", {"claims": {"exp": _now_s(minus=-3600)}}),
    "no expiry": ("exp", {"claims": {"exp": None}}),
    "of the future": ("iat", {"claims": {"iat": _now_s(plus=3600)}}),
    "of yesterday": ("iat", {"claims": {"iat": _now_s(minus=-86_400)}}),
    "not valid yet": ("nbf", {"claims": {"nbf": _now_s(plus=3600)}}),
    "proved long ago": ("auth_time", {"claims": {"auth_time": _now_s(minus=-3600)}}),
    "not said when": ("auth_time", {"claims": {"auth_time": None}}),
    "no subject": ("sub", {"claims": {"sub": None}}),
    "odd subject": ("sub", {"claims": {"sub": ["somebody"]}}),
    "endless subject": ("subject", {"claims": {"sub": "s" * 256}}),
    "password alone": ("no_second_factor", {"claims": {"amr": ["pwd"]}}),
    "no methods": ("no_second_factor", {"claims": {"amr": None}}),
    "methods as a text": ("no_second_factor", {"claims": {"amr": "mfa"}}),
    "alg none": ("signature", {"forge": openid_providers.unsigned}),
    "foreign key of the same name": ("signature", {"key": openid_providers.another_key()}),
    "foreign key of an unknown name": (
        "unknown_key",
        {"key": openid_providers.another_key("two"), "header": {"kid": "two"}},
    ),
    "no token": ("signature", {"forge": lambda *_: "no token"}),
    "token in five parts": ("signature", {"forge": lambda *_: "a.b.c.d.e"}),
    "no id token": ("no_id_token", {"token_answer": (200, {}, b"{}")}),
    "no JSON": ("no_json", {"token_answer": (200, {}, b"<html>")}),
    "endless answer": ("too_large", {"token_answer": (200, {}, b" " * 300_000)}),
    "redirect": ("unexpected_status", {"token_answer": (302, {"Location": "/keys"}, b"")}),
    "other issuer in its description": (
        "issuer_differs",
        {"metadata": {"issuer": "https://o.example"}},
    ),
    "token endpoint in the clear": (
        "unsafe_endpoint",
        {"metadata": {"token_endpoint": "http://token.example/"}},
    ),
    "no PKCE": ("no_pkce", {"metadata": {"code_challenge_methods_supported": ["plain"]}}),
}


def _about(hostile: HostileProvider, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    return {
        key: one.format(issuer=hostile.issuer) if isinstance(one, str) else one
        for key, one in change.items()
    }


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_provider_opens_nothing(
    hostile: HostileProvider, visitor: Visitor, connect: Connect, made_up: MadeUp, lie: str
) -> None:
    # The truth would open a session.
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set oidc_issuer = %s, oidc_subject = 'somebody'"
            " where sign_in_name = 'dana'",
            (hostile.issuer,),
        )
    reason, changes = LIES[lie]
    hostile.published = [hostile.key]
    for name, change in changes.items():
        setattr(hostile, name, _about(hostile, change))
    browser = visitor()
    if "metadata" in changes:
        page = browser.get("/sign-in/provider", params={"practice": "millbrook"})
        assert page.status_code == 502
    else:
        page = round_trip(browser)
        assert page.status_code in {401, 403, 502}
        assert reasons(connect) == [("refused", reason)]
    assert "homevitals" not in browser.cookies
    with connect("postgres") as connection:
        assert connection.execute("select count(*) from ingest.session").fetchone() == (0,)


def test_a_public_key_used_as_a_secret_opens_nothing(
    hostile: HostileProvider, visitor: Visitor, connect: Connect
) -> None:
    hostile.forge = openid_providers.signed_by_public_key(hostile.key)
    assert round_trip(visitor()).status_code == 401
    assert reasons(connect) == [("refused", "signature")]


def test_the_truth_of_the_same_provider_is_believed(
    hostile: HostileProvider, visitor: Visitor, connect: Connect
) -> None:
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set oidc_issuer = %s, oidc_subject = 'somebody'"
            " where sign_in_name = 'dana'",
            (hostile.issuer,),
        )
    assert round_trip(visitor()).status_code == 200
    with connect("postgres") as connection:
        connection.execute("update ingest.staff set disabled_at = now()")
    closed = round_trip(visitor())
    assert closed.status_code == 403
    assert "closed" in closed.text


@pytest.mark.parametrize("practice", ["another", "nowhere", "", "../x", "millbrook' --", "x" * 500])
def test_a_practice_without_a_provider_leads_nowhere(
    hostile: HostileProvider, visitor: Visitor, practice: str
) -> None:
    assert visitor().get("/sign-in/provider", params={"practice": practice}).status_code == 404


def test_a_provider_that_is_away_is_said(
    hostile: HostileProvider, visitor: Visitor, connect: Connect, made_up: MadeUp
) -> None:
    configure(connect, made_up, "http://127.0.0.1:9")
    page = visitor().get("/sign-in/provider", params={"practice": "millbrook"})
    assert page.status_code == 502


@pytest.mark.parametrize("going_to", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_way_back_leads_to_own_pages_only(
    real: RealProvider, visitor: Visitor, invitation: str, going_to: str
) -> None:
    link_account(visitor(), invitation)
    browser = visitor()
    page = browser.get(back_from(leave(browser, going_to)))
    assert 'content="0; url=/"' in page.text
    assert "evil" not in page.text


def test_an_invitation_of_another_practice_links_nothing(
    hostile: HostileProvider, visitor: Visitor, connect: Connect, made_up: MadeUp
) -> None:
    with connect("postgres") as connection:
        practice_id, staff_id = connection.execute(
            "select practice_id, staff_id from ingest.staff where sign_in_name = 'fremd'"
        ).fetchone()
        with connection.cursor() as cur:
            code = one_time_code.issue(
                cur,
                practice_id,
                Purpose.INVITE_STAFF,
                staff_id,
                created_by=None,
                at=datetime.now(UTC),
            )
    browser = visitor()
    assert round_trip(browser).status_code == 403
    assert browser.post("/sign-in/link", data={"code": code}).status_code == 401
    with connect("postgres") as connection:
        found = connection.execute(
            "select count(*) filter (where oidc_subject is not null), bool_or(used_at is not null)"
            " from ingest.staff, ingest.one_time_code"
        ).fetchone()
    assert found == (0, False)


def test_one_person_is_linked_to_one_account(
    hostile: HostileProvider, visitor: Visitor, connect: Connect, invitation: str
) -> None:
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set oidc_issuer = %s, oidc_subject = 'another'"
            " where sign_in_name = 'dana'",
            (hostile.issuer,),
        )
    browser = visitor()
    round_trip(browser)
    assert browser.post("/sign-in/link", data={"code": invitation}).status_code == 401
    assert visitor().post("/sign-in/link", data={"code": invitation}).status_code == 401


def test_keys_that_are_new_at_the_provider_are_fetched_once_more(
    hostile: HostileProvider, visitor: Visitor, console: Console
) -> None:
    round_trip(visitor())
    kept = console.app.state.openid_providers
    hostile.key = openid_providers.elliptic_key("two")
    hostile.header = {"kid": "two", "alg": "ES256"}
    assert round_trip(visitor()).status_code == 401  # asked for less than a minute ago
    kept._clock_s = lambda: time.monotonic() + 61
    assert round_trip(visitor()).status_code == 403  # believed, and nobody's yet


@pytest.fixture
def visitor(console: Console) -> Iterator[Visitor]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            httpx.Client(
                base_url=console.address, headers={"Sec-Fetch-Site": "same-origin"}, timeout=20
            )
        )
