"""Two tables say who may do what, and no route is without a line in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from fastapi import FastAPI

from ccm_link.console import app
from ccm_link.console.json_api import external_time_api
from ccm_link.console.routes import permissions, places
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.settings import CcmLinkSettings
from ingest.people import HOME_ROLES, Role, SignedIn, SignedInBy

NOW = datetime(2026, 11, 12, tzinfo=UTC)
CLINICAL = {Role.CARE_MANAGER, Role.CLINICIAN}
# What names a patient or tells about one as a patient of the practice, of whom the operator learns nothing.
CLINICAL_RESOURCES = {
    Resource.WORKLIST,
    Resource.TASK,
    Resource.PATIENT_RECORD,
    Resource.RULE,
    Resource.TIMER,
    Resource.UNASSIGNED,
    Resource.QUARANTINE_BYTES,
}


@pytest.fixture(scope="module")
def console() -> FastAPI:
    nobody = cast("Any", None)
    return app.create_app(nobody, nobody, CcmLinkSettings(), lambda: NOW)


def somebody(role: Role) -> SignedIn:
    at_home = role in HOME_ROLES
    return SignedIn(
        practice_id=uuid4(),
        role=role,
        display_name="",
        staff_id=None if at_home else uuid4(),
        person_id=uuid4() if at_home else None,
        patient_id=uuid4() if at_home else None,
        session_mark="",
        signed_in_by=SignedInBy.PASSWORD,
        proved_at=NOW,
    )


def test_every_route_has_a_line_and_every_line_a_route(console: FastAPI) -> None:
    routes = {f"{method} {path}" for method, path in permissions.routes(console)}
    assert routes == set(permissions.ROUTES)


def test_a_route_without_a_line_would_be_noticed(console: FastAPI) -> None:
    extended = FastAPI()
    extended.include_router(console.router)
    extended.get("/forgotten")(lambda: None)
    routes = {f"{method} {path}" for method, path in permissions.routes(extended)}
    assert "GET /forgotten" in routes - set(permissions.ROUTES)


def test_every_resource_has_a_row_and_every_line_is_somebodys() -> None:
    assert set(permissions.MATRIX) == set(Resource)
    for route, rule in permissions.ROUTES.items():
        if rule is not permissions.ANYBODY:
            resource, action = rule
            assert any(action in allowed for allowed in permissions.MATRIX[resource].values()), (
                route
            )


@pytest.mark.parametrize("resource", sorted(CLINICAL_RESOURCES))
def test_what_is_clinical_is_for_clinical_roles_only(resource: Resource) -> None:
    assert set(permissions.MATRIX[resource]) == CLINICAL


def test_the_operator_reaches_no_clinical_route() -> None:
    reached = {
        rule[0]
        for rule in permissions.ROUTES.values()
        if rule is not permissions.ANYBODY and permissions.may(somebody(Role.OPERATOR), *rule)
    }
    # Quarantined bytes, and peripherals without who measures with them: that is an assignment.
    seen_without_patients = {Resource.QUARANTINE, Resource.PERIPHERAL}
    assert not reached & (permissions.WITH_PATIENTS - seen_without_patients)
    assert Resource.ASSIGNMENT not in reached


def test_people_at_home_reach_their_own_record_and_nothing_else() -> None:
    for role in HOME_ROLES:
        allowed = {
            resource: by_role[role]
            for resource, by_role in permissions.MATRIX.items()
            if role in by_role
        }
        assert set(allowed) <= {Resource.CONSOLE, Resource.OWN_RECORD}
        assert set(allowed[Resource.OWN_RECORD]) == {Action.VIEW}


def test_the_auditor_changes_nothing() -> None:
    for resource, by_role in permissions.MATRIX.items():
        if resource is not Resource.OWN_ACCOUNT:
            assert by_role.get(Role.AUDITOR, frozenset()) <= {Action.VIEW, Action.EXPORT}


def test_whoever_reviews_emergency_access_cannot_ask_for_it() -> None:
    for allowed in permissions.MATRIX[Resource.BREAK_GLASS].values():
        assert not {Action.REQUEST, Action.REVIEW} <= allowed


def test_a_get_that_only_looks_is_one_and_a_change_is_none() -> None:
    for route, rule in permissions.ROUTES.items():
        # A search over FHIR may be posted, so that whom it is about stands in no address.
        looks = route.startswith("GET ") or route.endswith("/_search")
        if rule is not permissions.ANYBODY and not looks:
            assert rule[1] is not Action.VIEW, route


def test_only_coming_and_going_and_what_proves_itself_is_for_anybody() -> None:
    open_to_all = {route for route, rule in permissions.ROUTES.items() if rule is None}
    coming_and_going = (
        "/healthz",
        "/sign-in",
        "/home-sign-in",
        "/invitation",
        "/sign-out",
        "/api/v1/session",
        "/enrol/",
        external_time_api.PREFIX,  # its token says which system it is
    )
    assert all(route.split()[1].startswith(coming_and_going) for route in open_to_all), open_to_all


@pytest.mark.parametrize("role", Role)
def test_every_role_has_a_place_to_start(role: Role) -> None:
    start = places.start(somebody(role))
    assert permissions.may_open(somebody(role), start)


def test_the_reference_names_what_a_route_needs_and_who_may(console: FastAPI) -> None:
    needs = {f"{method} {path}": needs for method, path, needs in permissions.describe(console)}
    assert needs["POST /tasks/{task_id}/claim"] == "task: change"
    assert needs["GET /healthz"] == "anybody"
    head, *rows = permissions.describe_matrix()
    gateway = dict(zip(head, next(row for row in rows if row[0] == "gateway"), strict=True))
    assert gateway["operator"] == "view, change, create, issue code, revoke"
    assert gateway["clinician"] == "view"
    assert gateway["auditor"] == ""
