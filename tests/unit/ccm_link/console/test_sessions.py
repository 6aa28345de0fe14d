"""Passwords and cookies, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from http.cookies import Morsel, SimpleCookie
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import argon2
import pytest
from fastapi import Request, Response

from ccm_link.console import sessions
from ccm_link.console.surroundings import Surroundings
from ccm_link.settings import CcmLinkSettings
from ingest.people import Role, StaffAccount

PASSWORD_HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")


def request(public_url: str) -> Request:
    here = Surroundings(
        cast("Any", None), CcmLinkSettings(public_url=public_url), lambda: datetime.now(UTC)
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


def account(password_argon2: str) -> StaffAccount:
    return StaffAccount(uuid4(), uuid4(), "casey", "Casey", Role.CLINICIAN, password_argon2)


@pytest.mark.parametrize(
    ("stored", "password", "expected"),
    [
        pytest.param(account(PASSWORD_HASH), "right", True, id="right"),
        pytest.param(account(PASSWORD_HASH), "wrong", False, id="wrong"),
        pytest.param(account(PASSWORD_HASH), "", False, id="empty"),
        pytest.param(account("not a hash"), "right", False, id="broken hash grants nothing"),
        pytest.param(None, "right", False, id="nobody"),
    ],
)
def test_a_password_is_checked(
    stored: StaffAccount | None, password: str, *, expected: bool
) -> None:
    assert sessions.is_password_of(stored, password) is expected


def test_an_unknown_name_costs_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    class Watched(argon2.PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's name
            checked.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(sessions, "_HASHER", Watched())
    sessions.is_password_of(None, "anything")
    assert len(checked) == 1
    parameters = argon2.extract_parameters(checked[0])
    assert parameters == argon2.extract_parameters(argon2.PasswordHasher().hash("x"))
