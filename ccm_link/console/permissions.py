"""Who may do what: one table, asked in one place, for pages and API alike.

:func:`permit` is a dependency of the whole application. It looks up the route that matched; a route without a line
here is refused, and a test fails for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from ccm_link.console import problems, sessions
from ingest.people import Role, SignedIn

Roles = frozenset[Role]

# Not a role: whoever knows the address.
ANYBODY: Final = None

_CLINICAL: Final = frozenset({Role.CARE_MANAGER, Role.CLINICIAN})
# Who looks after the gateways sees that something is silent or unreadable, never whose it is.
_TECHNICAL: Final = _CLINICAL | {Role.OPERATOR}
# Billing and its audit read the time log; they change nothing in it.
_TIME_READERS: Final = _CLINICAL | {Role.PRACTICE_ADMINISTRATOR, Role.AUDITOR}
_SIGNED_IN: Final = frozenset(Role)

MATRIX: Final[Mapping[str, Roles | None]] = {
    # Pages
    "GET /healthz": ANYBODY,
    "GET /sign-in": ANYBODY,
    "POST /sign-in": ANYBODY,
    "POST /sign-out": ANYBODY,
    "GET /": _SIGNED_IN,
    "GET /worklist": _CLINICAL,
    "GET /patients": _CLINICAL,
    "GET /patients/{patient_id}": _CLINICAL,
    "GET /patients/{patient_id}/charts/{chart}.svg": _CLINICAL,
    "POST /patients/{patient_id}/rules": _CLINICAL,
    "GET /tasks/{task_id}": _CLINICAL,
    "POST /tasks/{task_id}/claim": _CLINICAL,
    "POST /tasks/{task_id}/release": _CLINICAL,
    "POST /tasks/{task_id}/timer": _CLINICAL,
    "POST /tasks/{task_id}/time": _CLINICAL,
    "POST /tasks/{task_id}/complete": _CLINICAL,
    "GET /timer": _CLINICAL,
    "POST /timer/stop": _CLINICAL,
    "POST /timer/discard": _CLINICAL,
    "GET /time": _TIME_READERS,
    "GET /time/{entry_id}/void": _CLINICAL,
    "POST /time/{entry_id}/void": _CLINICAL,
    "GET /unassigned": _CLINICAL,
    "GET /quarantine": _TECHNICAL,
    "GET /gateways": _TECHNICAL,
    # API
    "GET /api/v1/openapi.json": _SIGNED_IN,
    "POST /api/v1/session": ANYBODY,
    "DELETE /api/v1/session": ANYBODY,
    "GET /api/v1/worklist": _CLINICAL,
    "GET /api/v1/tasks/{task_id}": _CLINICAL,
    "POST /api/v1/tasks/{task_id}/claim": _CLINICAL,
    "POST /api/v1/tasks/{task_id}/timer": _CLINICAL,
    "POST /api/v1/tasks/{task_id}/complete": _CLINICAL,
    "POST /api/v1/timer/stop": _CLINICAL,
    "POST /api/v1/time-entries": _CLINICAL,
    "GET /api/v1/patients/{patient_id}/readings": _CLINICAL,
}


def permit(request: Request) -> SignedIn | None:
    """Let a request through to its route, or refuse it.

    Returns:
        Who is asking; ``None`` on the few routes that anybody may use.

    Raises:
        Refused: 401 without a living session; 403 where the role does not include the route, or the table has no
            line for it.
    """
    rule = f"{request.method} {request.scope['route'].path}"
    if rule not in MATRIX:
        raise problems.Refused(problems.FORBIDDEN)
    roles = MATRIX[rule]
    if roles is ANYBODY:
        return None
    who = sessions.signed_in(request)
    if who is None:
        raise problems.Refused(problems.SIGNED_OUT)
    if who.role not in roles:
        raise problems.Refused(problems.FORBIDDEN)
    return who


def may(who: SignedIn, rule: str) -> bool:
    """Say whether a person's role includes a route, for links and buttons that would only lead to a refusal."""
    roles = MATRIX[rule]
    return roles is ANYBODY or who.role in roles


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path template of every route that the table has to know."""
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            yield method, str(route.path)


def describe(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Yield method, path template and who may use it, for the reference document."""
    for method, path in routes(app):
        roles = MATRIX[f"{method} {path}"]
        if roles is ANYBODY:
            who = "anybody"
        elif roles == _SIGNED_IN:
            who = "everyone who is signed in"
        else:
            who = ", ".join(role.replace("_", " ") for role in Role if role in roles)
        yield method, path, who
