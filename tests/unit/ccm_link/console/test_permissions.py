"""One table says who may do what, and no route is without a line in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from fastapi import FastAPI

from ccm_link.console import app, permissions
from ccm_link.settings import CcmLinkSettings
from ingest.people import Role, SignedIn

CLINICAL = {Role.CARE_MANAGER, Role.CLINICIAN}


@pytest.fixture(scope="module")
def console() -> FastAPI:
    return app.create_app(cast("Any", None), CcmLinkSettings(), lambda: datetime.now(UTC))


def test_every_route_has_a_rule_and_every_rule_a_route(console: FastAPI) -> None:
    routes = {f"{method} {path}" for method, path in permissions.routes(console)}
    assert routes == set(permissions.MATRIX)


def test_a_route_without_a_rule_would_be_noticed(console: FastAPI) -> None:
    extended = FastAPI()
    extended.include_router(console.router)
    extended.get("/forgotten")(lambda: None)
    routes = {f"{method} {path}" for method, path in permissions.routes(extended)}
    assert "GET /forgotten" in routes - set(permissions.MATRIX)


def test_patients_are_for_clinical_roles_only() -> None:
    for rule, roles in permissions.MATRIX.items():
        if "/patients" in rule or "/tasks" in rule or "/worklist" in rule or "/timer" in rule:
            assert roles == CLINICAL, rule


def test_only_clinical_roles_change_anything() -> None:
    changing = {
        rule: roles
        for rule, roles in permissions.MATRIX.items()
        if not rule.startswith("GET ") and roles is not permissions.ANYBODY
    }
    assert changing
    assert all(roles == CLINICAL for roles in changing.values())


def test_anybody_may_only_come_and_go() -> None:
    open_to_all = {
        rule for rule, roles in permissions.MATRIX.items() if roles is permissions.ANYBODY
    }
    assert open_to_all == {
        "GET /healthz",
        "GET /sign-in",
        "POST /sign-in",
        "POST /sign-out",
        "POST /api/v1/session",
        "DELETE /api/v1/session",
    }


@pytest.mark.parametrize("role", Role)
def test_every_role_has_a_place_to_start(role: Role) -> None:
    who = SignedIn(uuid4(), uuid4(), "", role)
    assert any(
        permissions.may(who, f"GET {place}") for place in ("/worklist", "/gateways", "/time")
    )


def test_the_reference_names_the_roles_in_words(console: FastAPI) -> None:
    described = {f"{method} {path}": who for method, path, who in permissions.describe(console)}
    assert described["GET /worklist"] == "care manager, clinician"
    assert described["GET /gateways"] == "care manager, clinician, operator"
    assert described["GET /healthz"] == "anybody"
    assert described["GET /"] == "everyone who is signed in"
