"""Cookies, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from http.cookies import Morsel, SimpleCookie
from types import SimpleNamespace
from typing import Any, cast

from fastapi import Request, Response

from ccm_link.console.entrance import cookies, sessions
from ccm_link.console.surroundings import Surroundings
from ccm_link.settings import CcmLinkSettings


def request(public_url: str) -> Request:
    here = Surroundings(
        cast("Any", None),
        cast("Any", None),
        CcmLinkSettings(public_url=public_url),
        lambda: datetime.now(UTC),
    )
    app = SimpleNamespace(state=SimpleNamespace(surroundings=here))
    return Request({"type": "http", "method": "GET", "headers": [], "app": app})


def cookie(answer: Response) -> tuple[str, Morsel[str]]:
    ((name, morsel),) = SimpleCookie(answer.headers["set-cookie"]).items()
    return name, morsel


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    answer = Response()
    sessions.set_cookie(request("https://vitals.example.org"), answer, "token")
    name, morsel = cookie(answer)
    assert name.startswith("__Host-")
    # What the prefix asks for: Secure, the whole host, nothing but the host.
    assert morsel["secure"]
    assert morsel["path"] == "/"
    assert not morsel["domain"]
    assert morsel["httponly"]
    assert morsel["samesite"] == "strict"


def test_on_this_machine_the_cookie_has_a_plain_name() -> None:
    answer = Response()
    sessions.set_cookie(request(""), answer, "token")
    name, morsel = cookie(answer)
    assert (name, morsel["secure"]) == ("homevitals", "")


def test_clearing_hits_the_cookie_that_was_set() -> None:
    for public_url in ("", "https://vitals.example.org"):
        given, taken = Response(), Response()
        sessions.set_cookie(request(public_url), given, "token")
        sessions.clear_cookie(request(public_url), taken)
        assert cookie(given)[0] == cookie(taken)[0]
        assert cookie(given)[1]["path"] == cookie(taken)[1]["path"]


def test_a_cookie_that_came_twice_is_none() -> None:
    sent = request("https://vitals.example.org")
    sent.scope["headers"] = [(b"cookie", b"__Host-homevitals=one; __Host-homevitals=two")]
    assert cookies.one(sent, "homevitals") is None


def test_leaving_clears_what_the_browser_kept() -> None:
    answer = Response()
    sessions.forget(request("https://vitals.example.org"), answer)
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert cookie(answer)[1]["max-age"] == "0"
