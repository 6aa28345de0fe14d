"""What a person or a program is told when something is refused: what, why, what to do. Never what was sent.

One :class:`Problem` becomes a page under ``/`` and an ``application/problem+json`` document under ``/api/``.

Source: RFC 9457, Problem Details for HTTP APIs, July 2023; ``what_to_do``, ``reason`` and ``fields`` are extension
members.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from alerts import errors as alerts_errors
from alerts.errors import AlertsError
from ccm_link import claim_errors, link_errors
from ccm_link import errors as ccm_errors
from ccm_link.console import rendering
from ccm_link.errors import CcmLinkError
from ccm_link.fhir import outcome, resource_json
from ccm_link.minutes import time_errors
from ccm_link.plan import plan_errors
from ccm_link.program import program_errors
from ccm_link.registry import registry_errors
from firmware_profiles.errors import WireReason
from ingest import errors as ingest_errors


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is not what was asked for. Every text is our own."""

    status: int
    title: str
    detail: str
    what_to_do: str
    reason: str = ""  # for programs that branch
    fields: Mapping[str, str] = field(default_factory=dict)  # field name → what is wrong with it


class Refused(Exception):
    """Ends a request with a problem; carries what to tell."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


FHIR: Final = "/fhir/"
_SEARCH: Final = "/_search"
_FOR_PROGRAMS: Final = ("/api/", "/enrol/", FHIR)
_BACK: Final = "Go back to the worklist and start from there."

SIGNED_OUT: Final = Problem(
    401,
    "Sign in first",
    "You are not signed in, or you were signed out after a while without activity.",
    "Sign in and try again.",
)
WRONG_SIGN_IN: Final = Problem(
    401,
    "This did not work",
    "Name and password do not belong together, or the account is closed.",
    "Check both and try again; an administrator of your practice can set a new password.",
)
FORBIDDEN: Final = Problem(
    403,
    "This is not part of your role",
    "Your role in the practice does not include this page or action.",
    "Ask a colleague whose role includes it, or an administrator of your practice.",
)
CROSS_SITE: Final = Problem(
    403,
    "This came from another page",
    "Changes are only taken from the console's own pages.",
    "Open the console itself and do it there. A program sends the header Origin with the console's address.",
)
NOT_FOUND: Final = Problem(
    404,
    "There is nothing here",
    "Nothing stands under this address, or it does not belong to your practice.",
    _BACK,
)
NOT_ALLOWED: Final = Problem(
    405,
    "This cannot be done here",
    "The address exists, but not for this method.",
    _BACK,
)
TOO_LARGE: Final = Problem(
    413,
    "This is too much text",
    "One form or request holds at most 64 KiB.",
    "Shorten the note and send it again.",
)
HEAD_TOO_LARGE: Final = Problem(
    431,
    "This request's head is too long",
    "Address, cookies and other headers together hold at most 16 KiB.",
    "Delete this site's cookies in the browser and sign in again.",
)
WRONG_TYPE: Final = Problem(
    415,
    "This kind of content is not understood",
    "Pages send application/x-www-form-urlencoded, programs send application/json.",
    "Set the header Content-Type accordingly.",
)
BAD_JSON: Final = Problem(
    400,
    "This is no JSON",
    "The body could not be read as one JSON object in UTF-8.",
    "Check the syntax and send it again.",
)
BAD_NUMBER: Final = Problem(
    422,
    "Some of this cannot be used",
    "A number is not finite or has too many digits, or a text holds a NUL.",
    "Send finite numbers and plain text.",
)
BAD_ADDRESS: Final = Problem(
    400,
    "This address is none of ours",
    "A request names a path that begins with a slash; this one asks for something else, as from a proxy.",
    "Ask for the path alone and name the console in the header Host.",
)
BAD_FORM: Final = Problem(
    400,
    "This form could not be read",
    "The body is no form in UTF-8, or a field came twice.",
    "Load the page again and fill in the form there.",
)
TOO_MANY: Final = Problem(
    429,
    "This was tried very often",
    "To keep others from guessing, the console waits between tries. Nothing is closed or lost.",
    "If it was not you who tried so often, tell an administrator of your practice.",
)
BAD_CURSOR: Final = Problem(
    400,
    "This cursor cannot be used",
    "It was not made here for these readings, or it is more than an hour old.",
    "Ask again without a cursor; begin at the time of the last reading that you have.",
    reason="bad_cursor",
)
BAD_POSITION: Final = Problem(
    400,
    "This position cannot be used",
    "It does not belong to this stream, or it is more than an hour old.",
    "Fetch the readings since then, then open the stream without Last-Event-ID.",
    reason="bad_position",
)
TOO_MANY_STREAMS: Final = Problem(
    429,
    "There are streams open already",
    "One person holds three streams of new readings at most.",
    "Close one of them, or wait until it ends.",
    reason="too_many_streams",
)
NO_STREAM_LEFT: Final = Problem(
    503,
    "All streams are in use",
    "This server holds a limited number of streams, and all are in use. Nothing is lost.",
    "Try again in a minute, or fetch the latest readings now and then.",
    reason="no_stream_left",
)
READ_ONLY: Final = Problem(
    405,
    "This server is for reading",
    "Resources are read and searched here; nothing is created, changed or deleted over FHIR.",
    "Send readings through a gateway or an import; do the rest in the console.",
)
FAILED: Final = Problem(
    500,
    "Something went wrong on our side",
    "Nothing was changed. The failure is in the log, without anything you typed.",
    "Try again; if it happens again, tell the operator the time of day.",
)
UNAVAILABLE: Final = Problem(
    503,
    "The database does not answer",
    "Nothing was changed. What the homes send is kept and comes in later.",
    "Wait a moment and load the page again; if it goes on, tell the operator.",
)

# The first class that fits decides; the last two catch what has no line of its own.
_REFUSALS: Final[tuple[tuple[type[Exception], int, str], ...]] = (
    (ccm_errors.UnknownTask, 404, NOT_FOUND.title),
    (ccm_errors.UnknownEntry, 404, NOT_FOUND.title),
    (ccm_errors.UnknownSubject, 404, NOT_FOUND.title),
    (claim_errors.ClaimConflict, 409, "The claim or the month has changed"),
    (claim_errors.NothingToExport, 409, "There is nothing for a file"),
    (ccm_errors.TaskError, 409, "The task has changed"),
    (ccm_errors.BadSnooze, 422, "The task cannot wait until then"),
    (ccm_errors.UnknownColleague, 422, "This colleague cannot take the task"),
    (ccm_errors.BadTask, 422, "This cannot be a task"),
    (ccm_errors.BadCover, 422, "This colleague cannot stand in"),
    (ccm_errors.BadSchedule, 422, "This cannot be a schedule"),
    (ccm_errors.ScheduleEnded, 409, "The schedule has changed"),
    (ccm_errors.EntryVoided, 409, "The time entry has changed"),
    (ccm_errors.NoTimer, 409, "No timer is running"),
    (ccm_errors.TimerTooLong, 409, "The timer has run very long"),
    (ccm_errors.KeyUsed, 409, "This key was used before"),
    (ccm_errors.ConditionRecorded, 409, "The condition is recorded already"),
    (ccm_errors.ConditionEnded, 409, "The condition has changed"),
    (time_errors.MonthLocked, 409, "The month is locked"),
    (time_errors.CredentialEnded, 409, "The credential has changed"),
    (time_errors.TimerState, 409, "The timer has changed"),
    (time_errors.UnknownDroppedTime, 409, "These seconds cannot be claimed"),
    (time_errors.MonthUnfinished, 409, "The month cannot be locked yet"),
    (time_errors.ApprovalError, 409, "This cannot be decided"),
    (time_errors.ConflictError, 409, "The conflict has changed"),
    (time_errors.CredentialError, 422, "This cannot be somebody's credential"),
    (ccm_errors.TimeLogError, 422, "This time cannot be logged"),
    (alerts_errors.RuleChanged, 409, "The rule has changed"),
    (alerts_errors.LadderChanged, 409, "The ladder has changed"),
    (alerts_errors.BadLadder, 422, "Nobody could climb this ladder"),
    (alerts_errors.BadShift, 422, "Nobody could work this shift"),
    (alerts_errors.ScheduleChanged, 409, "The schedule has changed"),
    (alerts_errors.BadWindow, 422, "This time cannot be set"),
    (plan_errors.UnknownVersion, 404, NOT_FOUND.title),
    (plan_errors.NotAClinician, 403, FORBIDDEN.title),
    (plan_errors.PlanConflict, 409, "This has changed"),
    (registry_errors.RegistryConflict, 409, "The patient's record has changed"),
    (ingest_errors.StandingRefused, 409, "The patient's standing stays as it is"),
    (ingest_errors.IdentityRefused, 409, "The patient's record has changed"),
    (program_errors.ProgramConflict, 409, "The patient's program has changed"),
    (program_errors.UnknownEnrolment, 404, NOT_FOUND.title),
    (program_errors.UnknownProgram, 404, NOT_FOUND.title),
    (link_errors.UnknownReceiver, 404, NOT_FOUND.title),
    (link_errors.UnknownSystem, 404, NOT_FOUND.title),
    (link_errors.ReceiverThere, 409, "There is one already"),
    (link_errors.LetterSettled, 409, "This has changed"),
    (link_errors.PatientTaken, 409, "This id is another patient's"),
    (link_errors.ReportConflict, 409, "This was reported before"),
    (CcmLinkError, 422, "This cannot be done"),
    (AlertsError, 422, "This rule cannot be set"),
)

BY_STATUS: Final = {
    problem.status: problem for problem in (NOT_FOUND, NOT_ALLOWED, TOO_LARGE, WRONG_TYPE, TOO_MANY)
}


def invalid(fields: Mapping[str, str]) -> Problem:
    """Return the answer to fields that cannot be used; ``fields`` maps each to what is wrong with it."""
    return Problem(
        422,
        "Some of this cannot be used",
        "Nothing was changed.",
        "Correct the fields named here and send it again.",
        fields=fields,
    )


def of_json(reason: WireReason) -> Problem:
    """Return the answer to a JSON body that was refused before its fields were looked at."""
    is_readable = reason in {WireReason.NOT_FINITE, WireReason.OUT_OF_RANGE}
    return replace(BAD_NUMBER if is_readable else BAD_JSON, reason=reason.value)


def of_error(
    error: CcmLinkError
    | AlertsError
    | ingest_errors.StandingRefused
    | ingest_errors.IdentityRefused,
) -> Problem:
    """Return the answer to a refusal from below; its message says what is wrong and then what to do."""
    status, title = next(
        (status, title) for kind, status, title in _REFUSALS if isinstance(error, kind)
    )
    detail, _, what_to_do = str(error).partition(". ")
    reason = getattr(error, "reason", None) or _snake_case(type(error).__name__)
    return Problem(status, title, f"{detail.rstrip('.')}.", what_to_do or _BACK, str(reason))


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def response(problem: Problem, scope: Scope) -> Response:
    """Return the problem as the asker reads it: JSON for programs, in FHIR's shape for its own; a page for people."""
    if is_fhir(scope):
        return _as_outcome(problem)
    if is_for_programs(scope):
        return Response(
            json.dumps(as_document(problem)), problem.status, media_type="application/problem+json"
        )
    return HTMLResponse(rendering.render("problem.html", problem=problem), problem.status)


def is_fhir(scope: Scope) -> bool:
    """Say whether something is asked for over FHIR."""
    path: str = scope["path"]
    return path.startswith(FHIR)


def is_fhir_for_writing(scope: Scope) -> bool:
    """Say whether something is sent over FHIR that is no search."""
    return is_fhir(scope) and not scope["path"].endswith(_SEARCH)


def is_for_programs(scope: Scope) -> bool:
    """Say whether a program asks: below ``/api/`` and ``/fhir/``, and a gateway below ``/enrol/``."""
    path: str = scope["path"]
    return path.startswith(_FOR_PROGRAMS)


def _as_outcome(problem: Problem) -> Response:
    told = outcome.refusal(
        problem.status,
        problem.title,
        f"{problem.detail} {problem.what_to_do}",
        tuple(problem.fields),
    )
    return Response(
        resource_json.written(told), problem.status, media_type=resource_json.CONTENT_TYPE
    )


def as_document(problem: Problem) -> dict[str, object]:
    """Return the problem document's members."""
    members: dict[str, object] = {
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "what_to_do": problem.what_to_do,
    }
    if problem.reason:
        members["reason"] = problem.reason
    if problem.fields:
        members["fields"] = dict(problem.fields)
    return members
