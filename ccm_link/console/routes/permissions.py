"""Who may do what: one table of resources and roles, one of routes, asked in one place for pages and API alike.

:data:`MATRIX` (of :mod:`ccm_link.console.routes.rights`) says which role may do what with which resource,
:data:`ROUTES` what each route does with which one. :func:`permit` is a dependency of the whole application: it looks up
the route that matched; a route without a line is refused, and a test fails for it. The reference document shows both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from ccm_link.console import problems, rate_limits, trail
from ccm_link.console.entrance import sessions
from ccm_link.console.rate_limits import Deed
from ccm_link.console.routes import (
    routes_of_evidence,
    routes_of_fhir,
    routes_of_link,
    routes_of_month,
    routes_of_plan,
    routes_of_programs,
    routes_of_record,
    routes_of_tasks,
    routes_of_time,
)
from ccm_link.console.routes.rights import (
    ANYBODY,
    MATRIX,
    WITH_PATIENTS,
    Action,
    Actions,
    Resource,
    Rule,
    may,
)
from ingest.people import Role, SignedIn

__all__ = ["ANYBODY", "MATRIX", "ROUTES", "WITH_PATIENTS", "Action", "Resource", "Rule", "may"]

_SET_UP: Final[Rule] = (Resource.GATEWAY, Action.CHANGE)

ROUTES: Final[Mapping[str, Rule | None]] = {
    # Coming and going
    "GET /healthz": ANYBODY,
    "GET /sign-in": ANYBODY,
    "POST /sign-in": ANYBODY,
    "GET /sign-in/code": ANYBODY,
    "POST /sign-in/code": ANYBODY,
    "GET /sign-in/second-factor": ANYBODY,
    "POST /sign-in/second-factor": ANYBODY,
    "GET /sign-in/provider": ANYBODY,
    "GET /sign-in/provider/return": ANYBODY,
    "POST /sign-in/link": ANYBODY,
    "GET /invitation": ANYBODY,
    "POST /invitation": ANYBODY,
    "GET /home-sign-in": ANYBODY,
    "POST /home-sign-in": ANYBODY,
    "POST /sign-out": ANYBODY,
    "GET /account": (Resource.OWN_ACCOUNT, Action.VIEW),
    "POST /account/password": (Resource.OWN_ACCOUNT, Action.CHANGE),
    "GET /account/second-factor": (Resource.OWN_ACCOUNT, Action.CHANGE),
    "POST /account/second-factor": (Resource.OWN_ACCOUNT, Action.CHANGE),
    "GET /": (Resource.CONSOLE, Action.VIEW),
    # Care
    "GET /worklist": (Resource.WORKLIST, Action.VIEW),
    "POST /worklist/chosen": (Resource.TASK, Action.CHANGE),
    "GET /patients": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /patients/{patient_id}": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /patients/{patient_id}/charts/{chart}.svg": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /readings/{reading_id}": (Resource.PATIENT_RECORD, Action.VIEW),
    "POST /patients/{patient_id}/rules": (Resource.RULE, Action.CHANGE),
    "POST /patients/{patient_id}/rules/end": (Resource.RULE, Action.CHANGE),
    "POST /patients/{patient_id}/schedule": (Resource.RULE, Action.CHANGE),
    "POST /patients/{patient_id}/schedule/end": (Resource.RULE, Action.CHANGE),
    "POST /patients/{patient_id}/silence": (Resource.RULE, Action.CHANGE),
    "POST /patients/{patient_id}/silence/{window_id}/end": (Resource.RULE, Action.CHANGE),
    "POST /patients/{patient_id}/conditions": (Resource.CONDITION, Action.CHANGE),
    "POST /patients/{patient_id}/conditions/{condition_id}/end": (
        Resource.CONDITION,
        Action.CHANGE,
    ),
    "GET /rules": (Resource.PRACTICE_RULE, Action.VIEW),
    "GET /rules/sets": (Resource.PRACTICE_RULE, Action.VIEW),
    "POST /rules/sets/trial": (Resource.PRACTICE_RULE, Action.CHANGE),
    "POST /rules/sets/activate": (Resource.PRACTICE_RULE, Action.CHANGE),
    "GET /rules/burden": (Resource.PRACTICE_RULE, Action.VIEW),
    "GET /rules/{rule_id}": (Resource.PRACTICE_RULE, Action.VIEW),
    "POST /rules/{rule_id}/limit": (Resource.PRACTICE_RULE, Action.CHANGE),
    "POST /rules/{rule_id}/asked": (Resource.PRACTICE_RULE, Action.CHANGE),
    "GET /tasks/{task_id}": (Resource.TASK, Action.VIEW),
    "POST /tasks/{task_id}/claim": (Resource.TASK, Action.CHANGE),
    "POST /tasks/{task_id}/release": (Resource.TASK, Action.CHANGE),
    "POST /tasks/{task_id}/assign": (Resource.TASK, Action.CHANGE),
    "POST /tasks/{task_id}/snooze": (Resource.TASK, Action.CHANGE),
    "POST /tasks/{task_id}/snooze/end": (Resource.TASK, Action.CHANGE),
    "POST /tasks/{task_id}/timer": (Resource.TIMER, Action.CHANGE),
    "POST /tasks/{task_id}/time": (Resource.TIME_LOG, Action.CHANGE),
    "POST /tasks/{task_id}/complete": (Resource.TASK, Action.CHANGE),
    # Whom to call
    "GET /needs/stream": (Resource.CALL, Action.VIEW),
    "GET /escalation": (Resource.ESCALATION, Action.VIEW),
    "POST /escalation/ladders/{severity}": (Resource.ESCALATION, Action.CHANGE),
    "GET /escalation/on-call": (Resource.ESCALATION, Action.VIEW),
    "POST /escalation/on-call/shifts": (Resource.ESCALATION, Action.CHANGE),
    "POST /escalation/on-call/weekly-shifts": (Resource.ESCALATION, Action.CHANGE),
    "POST /escalation/on-call/{shift_id}/cancel": (Resource.ESCALATION, Action.CHANGE),
    "GET /escalation/contacts": (Resource.ESCALATION, Action.CHANGE),
    "POST /escalation/contacts": (Resource.ESCALATION, Action.CHANGE),
    "POST /escalation/contacts/{contact_id}/test": (Resource.ESCALATION, Action.CHANGE),
    "POST /escalation/contacts/{contact_id}/end": (Resource.ESCALATION, Action.CHANGE),
    # Restricted patients
    "POST /patients/restricted": (Resource.BREAK_GLASS, Action.REQUEST),
    "GET /patients/{patient_id}/emergency": (Resource.BREAK_GLASS, Action.REQUEST),
    "POST /patients/{patient_id}/emergency": (Resource.BREAK_GLASS, Action.REQUEST),
    "GET /emergency-access": (Resource.BREAK_GLASS, Action.VIEW),
    "POST /emergency-access/{grant_id}/review": (Resource.BREAK_GLASS, Action.REVIEW),
    "GET /restrictions": (Resource.RESTRICTION, Action.VIEW),
    "POST /restrictions": (Resource.RESTRICTION, Action.CHANGE),
    "GET /restrictions/{patient_id}": (Resource.RESTRICTION, Action.VIEW),
    "POST /restrictions/{patient_id}/members": (Resource.RESTRICTION, Action.CHANGE),
    "POST /restrictions/{patient_id}/members/{staff_id}/leave": (
        Resource.RESTRICTION,
        Action.CHANGE,
    ),
    "POST /restrictions/{patient_id}/end": (Resource.RESTRICTION, Action.CHANGE),
    # What did not arrive as it should
    "GET /unassigned": (Resource.UNASSIGNED, Action.VIEW),
    "GET /quarantine": (Resource.QUARANTINE, Action.VIEW),
    "POST /quarantine/{quarantine_id}/redrive": (Resource.QUARANTINE, Action.CHANGE),
    # Who measures with what
    "GET /peripherals": (Resource.PERIPHERAL, Action.VIEW),
    "GET /peripherals/{peripheral_id}": (Resource.PERIPHERAL, Action.VIEW),
    "POST /peripherals/{peripheral_id}/assignments": (Resource.ASSIGNMENT, Action.CHANGE),
    "GET /peripherals/{peripheral_id}/assignments/{assignment_id}": (
        Resource.ASSIGNMENT,
        Action.CHANGE,
    ),
    "POST /peripherals/{peripheral_id}/assignments/{assignment_id}/end": (
        Resource.ASSIGNMENT,
        Action.CHANGE,
    ),
    "POST /peripherals/{peripheral_id}/assignments/{assignment_id}/correct-patient": (
        Resource.ASSIGNMENT,
        Action.CHANGE,
    ),
    "POST /peripherals/{peripheral_id}/assignments/{assignment_id}/correct-time": (
        Resource.ASSIGNMENT,
        Action.CHANGE,
    ),
    "GET /gateways": (Resource.GATEWAY, Action.VIEW),
    "POST /gateways": (Resource.GATEWAY, Action.CREATE),
    "GET /gateways/{gateway_id}": (Resource.GATEWAY, Action.VIEW),
    "POST /gateways/{gateway_id}/code": (Resource.GATEWAY, Action.ISSUE_CODE),
    "POST /gateways/{gateway_id}/revoke": (Resource.GATEWAY, Action.REVOKE),
    "GET /gateways/{gateway_id}/configuration": (Resource.GATEWAY, Action.VIEW),
    "POST /gateways/{gateway_id}/configuration/peripherals": _SET_UP,
    "POST /gateways/{gateway_id}/configuration/peripherals/remove": _SET_UP,
    "POST /gateways/{gateway_id}/configuration/schedule": _SET_UP,
    "POST /gateways/{gateway_id}/configuration/profiles": _SET_UP,
    "POST /gateways/{gateway_id}/configuration/profiles/remove": _SET_UP,
    "POST /gateways/{gateway_id}/configuration/again": _SET_UP,
    "GET /quiet-times": (Resource.QUIET_TIMES, Action.VIEW),
    "POST /quiet-times/hours": (Resource.QUIET_TIMES, Action.CHANGE),
    "POST /quiet-times/hours/end": (Resource.QUIET_TIMES, Action.CHANGE),
    "POST /quiet-times/windows": (Resource.QUIET_TIMES, Action.CHANGE),
    "POST /quiet-times/windows/{window_id}/end": (Resource.QUIET_TIMES, Action.CHANGE),
    # Accounts
    "GET /staff": (Resource.STAFF_ACCOUNT, Action.VIEW),
    "POST /staff": (Resource.STAFF_ACCOUNT, Action.CREATE),
    "POST /staff/{staff_id}/role": (Resource.STAFF_ACCOUNT, Action.CHANGE),
    "POST /staff/{staff_id}/invitation": (Resource.STAFF_ACCOUNT, Action.RESET),
    "POST /staff/{staff_id}/second-factor": (Resource.STAFF_ACCOUNT, Action.RESET),
    "POST /staff/{staff_id}/disable": (Resource.STAFF_ACCOUNT, Action.DISABLE),
    "GET /patients/{patient_id}/home": (Resource.HOME_ACCOUNT, Action.VIEW),
    "POST /patients/{patient_id}/home": (Resource.HOME_ACCOUNT, Action.CREATE),
    "POST /patients/{patient_id}/home/{person_id}/code": (
        Resource.HOME_ACCOUNT,
        Action.ISSUE_CODE,
    ),
    "POST /patients/{patient_id}/home/{person_id}/disable": (
        Resource.HOME_ACCOUNT,
        Action.DISABLE,
    ),
    # Who did what
    "GET /audit": (Resource.AUDIT_TRAIL, Action.VIEW),
    "GET /audit/export": (Resource.AUDIT_TRAIL, Action.EXPORT),
    # What a person at home sees
    "GET /own-record": (Resource.OWN_RECORD, Action.VIEW),
    "GET /own-record/charts/{chart}.svg": (Resource.OWN_RECORD, Action.VIEW),
    "GET /own-record/looks": (Resource.OWN_RECORD, Action.VIEW),
    # Gateways, which prove themselves by a code or a certificate
    "POST /enrol/v1/claim": ANYBODY,
    "POST /enrol/v1/renewal": ANYBODY,
    # The JSON API
    "GET /api/v1/openapi.json": (Resource.CONSOLE, Action.VIEW),
    "GET /api/v1/docs": (Resource.CONSOLE, Action.VIEW),
    "POST /api/v1/session": ANYBODY,
    "DELETE /api/v1/session": ANYBODY,
    "GET /api/v1/worklist": (Resource.WORKLIST, Action.VIEW),
    "GET /api/v1/tasks/{task_id}": (Resource.TASK, Action.VIEW),
    "POST /api/v1/tasks/{task_id}/claim": (Resource.TASK, Action.CHANGE),
    "POST /api/v1/tasks/{task_id}/release": (Resource.TASK, Action.CHANGE),
    "POST /api/v1/tasks/{task_id}/assign": (Resource.TASK, Action.CHANGE),
    "POST /api/v1/tasks/{task_id}/snooze": (Resource.TASK, Action.CHANGE),
    "POST /api/v1/tasks/{task_id}/snooze/end": (Resource.TASK, Action.CHANGE),
    "POST /api/v1/tasks/{task_id}/timer": (Resource.TIMER, Action.CHANGE),
    "POST /api/v1/tasks/{task_id}/complete": (Resource.TASK, Action.CHANGE),
    "GET /api/v1/peripherals": (Resource.PERIPHERAL, Action.VIEW),
    "GET /api/v1/peripherals/{peripheral_id}/assignments": (Resource.ASSIGNMENT, Action.VIEW),
    "POST /api/v1/peripherals/{peripheral_id}/assignments": (Resource.ASSIGNMENT, Action.CHANGE),
    "POST /api/v1/peripherals/{peripheral_id}/assignments/{assignment_id}/end": (
        Resource.ASSIGNMENT,
        Action.CHANGE,
    ),
    "POST /api/v1/peripherals/{peripheral_id}/assignments/{assignment_id}/correct-patient": (
        Resource.ASSIGNMENT,
        Action.CHANGE,
    ),
    "POST /api/v1/peripherals/{peripheral_id}/assignments/{assignment_id}/correct-time": (
        Resource.ASSIGNMENT,
        Action.CHANGE,
    ),
    "GET /api/v1/gateways": (Resource.GATEWAY, Action.VIEW),
    "GET /api/v1/gateways/{gateway_id}/health": (Resource.GATEWAY, Action.VIEW),
    "GET /api/v1/readings/{reading_id}/versions": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /api/v1/patients/{patient_id}/conditions": (Resource.CONDITION, Action.VIEW),
    "GET /api/v1/rules/burden": (Resource.PRACTICE_RULE, Action.VIEW),
    "GET /api/v1/patients/{patient_id}/readings/latest": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /api/v1/patients/{patient_id}/statistics/blood-pressure": (
        Resource.PATIENT_RECORD,
        Action.VIEW,
    ),
    "GET /api/v1/patients/{patient_id}/statistics/glucose": (Resource.PATIENT_RECORD, Action.VIEW),
    # A year at a time, or everything that comes, for programs: more than a look.
    "GET /api/v1/patients/{patient_id}/readings": (Resource.PATIENT_RECORD, Action.EXPORT),
    "GET /api/v1/patients/{patient_id}/summaries/daily": (Resource.PATIENT_RECORD, Action.EXPORT),
    "GET /api/v1/readings/stream": (Resource.PATIENT_RECORD, Action.EXPORT),
    **routes_of_tasks.ROUTES,
    **routes_of_record.ROUTES,
    **routes_of_time.ROUTES,
    **routes_of_evidence.ROUTES,
    **routes_of_link.ROUTES,
    **routes_of_fhir.ROUTES,
    **routes_of_month.ROUTES,
    **routes_of_plan.ROUTES,
    **routes_of_programs.ROUTES,
}


def permit(request: Request) -> SignedIn | None:
    """Let a request through to its route, or refuse it.

    Returns:
        Who is asking; ``None`` on the few routes that anybody may use.

    Raises:
        Refused: 401 without a living session; 403 where the role does not include what the route does, which the
            audit trail notes, or where the route has no line.
        TooMany: 429; the person or the practice asks for more than people do.
    """
    route = f"{request.method} {request.scope['route'].path}"
    if route not in ROUTES:
        raise problems.Refused(problems.FORBIDDEN)
    rule = ROUTES[route]
    if rule is ANYBODY:
        return None
    who = sessions.signed_in(request)
    if who is None:
        raise problems.Refused(problems.SIGNED_OUT)
    rate_limits.of_person(request, who, Deed.REQUEST)
    if not may(who, *rule):
        trail.note_refusal(request, who, *rule)
        raise problems.Refused(problems.FORBIDDEN)
    return who


def rule_of(request: Request) -> Rule:
    """Return what the request's route does with which resource.

    Raises:
        Refused: anybody may use the route, or it has no line.
    """
    rule = ROUTES.get(f"{request.method} {request.scope['route'].path}")
    if rule is None:
        raise problems.Refused(problems.FORBIDDEN)
    return rule


def may_open(who: SignedIn, address: str) -> bool:
    """Say whether a person may open a page, given its path template as in :data:`ROUTES`."""
    rule = ROUTES[f"GET {address}"]
    return rule is ANYBODY or may(who, *rule)


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path template of every route that the table has to know."""
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            yield method, str(route.path)


def describe(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Yield method, path template and what it needs ("task: change"), for the reference document."""
    for method, path in routes(app):
        rule = ROUTES[f"{method} {path}"]
        needs = "anybody" if rule is ANYBODY else f"{_words(rule[0])}: {_words(rule[1])}"
        yield method, path, needs


def describe_matrix() -> Iterator[tuple[str, ...]]:
    """Yield the table for the reference document: its head, then per resource what each role may do."""
    yield ("resource", *(_words(role) for role in Role))
    for resource, by_role in MATRIX.items():
        yield (_words(resource), *(_in_order(by_role.get(role, frozenset())) for role in Role))


def _in_order(allowed: Actions) -> str:
    return ", ".join(_words(action) for action in Action if action in allowed)


def _words(name: StrEnum) -> str:
    return name.replace("_", " ")
