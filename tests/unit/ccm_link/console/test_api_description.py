from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fastapi import FastAPI

from ccm_link.console import api_description, app, permissions
from ccm_link.settings import CcmLinkSettings


@pytest.fixture(scope="module")
def console() -> FastAPI:
    # No connection is opened: the pools are only used by requests.
    return app.create_app(None, None, CcmLinkSettings(), lambda: datetime.now(UTC))  # type: ignore[arg-type]


def operations(console: FastAPI) -> dict[str, dict]:
    return {
        f"{method.upper()} {path}": operation
        for path, found in api_description.of(console, "cookie")["paths"].items()
        for method, operation in found.items()
    }


def test_exactly_what_nobody_else_may_do_asks_for_a_session(console: FastAPI) -> None:
    described = {rule: "security" in one for rule, one in operations(console).items()}
    needed = {rule: permissions.ROUTES[rule] is not permissions.ANYBODY for rule in described}
    assert described == needed
    assert set(described.values()) == {True, False}


def test_the_session_is_the_cookie_of_this_address(console: FastAPI) -> None:
    schemes = api_description.of(console, "__Host-homevitals")["components"]["securitySchemes"]
    assert schemes["session"] == {"type": "apiKey", "in": "cookie", "name": "__Host-homevitals"}


def test_every_refusal_is_a_problem_document(console: FastAPI) -> None:
    for rule, operation in operations(console).items():
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert set(answer["content"]) == {"application/problem+json"}, (rule, status)
        assert ("415" in operation["responses"]) is ("requestBody" in operation), rule


def test_describing_twice_changes_nothing(console: FastAPI) -> None:
    once = api_description.of(console, "a")
    assert api_description.of(console, "b") != once
    assert api_description.of(console, "a") == once


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/session", ["DELETE", "POST"]),
        ("/api/v1/worklist", ["GET"]),
        ("/api/v1/tasks/anything/claim", ["POST"]),
        ("/nowhere", []),
    ],
)
def test_an_address_knows_all_of_its_methods(
    console: FastAPI, path: str, methods: list[str]
) -> None:
    assert api_description.methods_of(console, path) == methods
