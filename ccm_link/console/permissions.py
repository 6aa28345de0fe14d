"""Who may do what: one table of resources and roles, one of routes, asked in one place for pages and API alike.

:data:`MATRIX` says which role may do what with which resource, :data:`ROUTES` what each route does with which one.
:func:`permit` is a dependency of the whole application: it looks up the route that matched; a route without a line
is refused, and a test fails for it. The reference document shows both tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from ccm_link.console import problems, rate_limits, sessions, trail
from ccm_link.console.rate_limits import Deed
from ingest.people import Role, SignedIn


class Resource(StrEnum):
    """What the console shows and changes."""

    CONSOLE = "console"  # the start page and the API's description: nobody's
    OWN_ACCOUNT = "own_account"  # one's own password and second factor
    WORKLIST = "worklist"
    TASK = "task"
    PATIENT_RECORD = "patient_record"  # who the patient is, readings, charts, limits, minutes
    RULE = "rule"  # the limits of one patient
    TIME_LOG = "time_log"
    TIMER = "timer"  # one's own
    UNASSIGNED = "unassigned"  # readings that belong to nobody yet
    PERIPHERAL = "peripheral"  # cuffs and meters; whose they are is an assignment
    ASSIGNMENT = "assignment"  # who measures with which peripheral
    QUARANTINE = "quarantine"  # why, when, from which gateway
    QUARANTINE_BYTES = "quarantine_bytes"  # a reading may stand in them
    GATEWAY = "gateway"
    STAFF_ACCOUNT = "staff_account"
    HOME_ACCOUNT = "home_account"  # of patients and carers
    RESTRICTION = "restriction"  # whose data only a care team sees, and who is in it
    BREAK_GLASS = "break_glass"  # emergency access
    AUDIT_TRAIL = "audit_trail"
    OWN_RECORD = "own_record"  # what a person at home sees: one patient


class Action(StrEnum):
    """What can be done with a resource. Emergency access counts for :attr:`VIEW` alone."""

    VIEW = "view"
    CHANGE = "change"
    CREATE = "create"
    DISABLE = "disable"
    RESET = "reset"  # a password or second factor
    ISSUE_CODE = "issue_code"
    REVOKE = "revoke"
    EXPORT = "export"
    REQUEST = "request"
    REVIEW = "review"
    OVERSEE = "oversee"  # also what concerns patients whom one does not see


Rule = tuple[Resource, Action]
Actions = frozenset[Action]

# Not a role: whoever knows the address.
ANYBODY: Final = None

_VIEW: Final = frozenset({Action.VIEW})
_WORK: Final = _VIEW | {Action.CHANGE}
_FLEET: Final = _WORK | {Action.CREATE, Action.ISSUE_CODE, Action.REVOKE}
_STAFF: Final = _WORK | {Action.CREATE, Action.DISABLE, Action.RESET}
_HOMES: Final = _VIEW | {Action.CREATE, Action.DISABLE, Action.ISSUE_CODE}
_TAKE_OUT: Final = _VIEW | {Action.EXPORT}

_SET_UP: Final[Rule] = (Resource.GATEWAY, Action.CHANGE)

# What is not written here is not allowed.
MATRIX: Final[Mapping[Resource, Mapping[Role, Actions]]] = {
    Resource.CONSOLE: dict.fromkeys(Role, _VIEW),
    Resource.OWN_ACCOUNT: {
        Role.PRACTICE_ADMINISTRATOR: _WORK,
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK,
        Role.OPERATOR: _WORK,
        Role.AUDITOR: _WORK,
    },
    Resource.WORKLIST: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    Resource.TASK: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.PATIENT_RECORD: {Role.CARE_MANAGER: _TAKE_OUT, Role.CLINICIAN: _TAKE_OUT},
    Resource.RULE: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    # Billing and its audit read the time log; they change nothing in it.
    Resource.TIME_LOG: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW,
        Role.CARE_MANAGER: _WORK,
        Role.CLINICIAN: _WORK,
        Role.AUDITOR: _VIEW,
    },
    Resource.TIMER: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    Resource.UNASSIGNED: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    # Who looks after the gateways sees what measures in the homes, not who measures with it.
    Resource.PERIPHERAL: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
        Role.OPERATOR: _VIEW,
    },
    # It decides into which record a reading goes.
    Resource.ASSIGNMENT: {Role.CARE_MANAGER: _WORK, Role.CLINICIAN: _WORK},
    # Who looks after the gateways sees that something is unreadable and why, never what it was.
    Resource.QUARANTINE: {
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
        Role.OPERATOR: _WORK,  # who looks after the boxes has records tried again
    },
    Resource.QUARANTINE_BYTES: {Role.CARE_MANAGER: _VIEW, Role.CLINICIAN: _VIEW},
    Resource.GATEWAY: {
        Role.PRACTICE_ADMINISTRATOR: _FLEET,
        Role.CARE_MANAGER: _VIEW,
        Role.CLINICIAN: _VIEW,
        Role.OPERATOR: _FLEET,
    },
    Resource.STAFF_ACCOUNT: {Role.PRACTICE_ADMINISTRATOR: _STAFF},
    Resource.HOME_ACCOUNT: {Role.PRACTICE_ADMINISTRATOR: _HOMES, Role.CARE_MANAGER: _HOMES},
    Resource.RESTRICTION: {
        Role.PRACTICE_ADMINISTRATOR: _WORK | {Action.OVERSEE},
        Role.CLINICIAN: _WORK,
    },
    Resource.BREAK_GLASS: {
        Role.PRACTICE_ADMINISTRATOR: _VIEW | {Action.REVIEW},
        Role.CARE_MANAGER: frozenset({Action.REQUEST}),
        Role.CLINICIAN: frozenset({Action.REQUEST}),
        Role.AUDITOR: _VIEW,
    },
    Resource.AUDIT_TRAIL: {Role.PRACTICE_ADMINISTRATOR: _TAKE_OUT, Role.AUDITOR: _TAKE_OUT},
    Resource.OWN_RECORD: {Role.PATIENT: _VIEW, Role.CARER: _VIEW},
}

# A transaction of a route on one of these has to leave a line in the audit trail, or its answer is withheld.
WITH_PATIENTS: Final = frozenset(
    {
        Resource.WORKLIST,
        Resource.TASK,
        Resource.PATIENT_RECORD,
        Resource.RULE,
        Resource.TIME_LOG,
        Resource.TIMER,
        Resource.UNASSIGNED,
        Resource.PERIPHERAL,
        Resource.ASSIGNMENT,
        Resource.QUARANTINE,
        Resource.QUARANTINE_BYTES,
        Resource.HOME_ACCOUNT,
        Resource.RESTRICTION,
        Resource.BREAK_GLASS,
        Resource.AUDIT_TRAIL,
        Resource.OWN_RECORD,
    }
)

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
    "GET /patients": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /patients/{patient_id}": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /patients/{patient_id}/charts/{chart}.svg": (Resource.PATIENT_RECORD, Action.VIEW),
    "GET /readings/{reading_id}": (Resource.PATIENT_RECORD, Action.VIEW),
    "POST /patients/{patient_id}/rules": (Resource.RULE, Action.CHANGE),
    "GET /tasks/{task_id}": (Resource.TASK, Action.VIEW),
    "POST /tasks/{task_id}/claim": (Resource.TASK, Action.CHANGE),
    "POST /tasks/{task_id}/release": (Resource.TASK, Action.CHANGE),
    "POST /tasks/{task_id}/timer": (Resource.TIMER, Action.CHANGE),
    "POST /tasks/{task_id}/time": (Resource.TIME_LOG, Action.CHANGE),
    "POST /tasks/{task_id}/complete": (Resource.TASK, Action.CHANGE),
    "GET /timer": (Resource.TIMER, Action.VIEW),
    "POST /timer/stop": (Resource.TIMER, Action.CHANGE),
    "POST /timer/discard": (Resource.TIMER, Action.CHANGE),
    "GET /time": (Resource.TIME_LOG, Action.VIEW),
    "GET /time/{entry_id}/void": (Resource.TIME_LOG, Action.CHANGE),
    "POST /time/{entry_id}/void": (Resource.TIME_LOG, Action.CHANGE),
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
    "POST /api/v1/tasks/{task_id}/timer": (Resource.TIMER, Action.CHANGE),
    "POST /api/v1/tasks/{task_id}/complete": (Resource.TASK, Action.CHANGE),
    "POST /api/v1/timer/stop": (Resource.TIMER, Action.CHANGE),
    "POST /api/v1/time-entries": (Resource.TIME_LOG, Action.CHANGE),
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


def may(who: SignedIn, resource: Resource, action: Action) -> bool:
    """Say whether a person's role includes an action, for links and buttons that would only lead to a refusal."""
    return action in MATRIX[resource].get(who.role, ())


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
