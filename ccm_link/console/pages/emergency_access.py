"""Emergency access to a restricted patient: why, proof of who asks, an hour, and a review by somebody else."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import patient_head, problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.entrance import proof, sessions
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.problems import Problem
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import wording
from ingest import access, audit, people
from ingest.audit import Kind, Outcome
from ingest.errors import AccessRefused
from ingest.people import SignedInBy

router = APIRouter(include_in_schema=False)

# Who reviews reads the newest; the rest is in the audit trail.
_MOST_SHOWN: Final = 100

NOT_TO_REVIEW: Final = problems.Problem(
    409,
    "This cannot be reviewed by you",
    "It was reviewed meanwhile, or it is your own.",
    "Load the page again; your own emergency access is reviewed by somebody else.",
)


class Said(StrEnum):
    """What the page confirms after an action."""

    REVIEWED = "reviewed"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        return "The review is written down."


@router.post("/patients/restricted")
def find_restricted(desk: AtDesk, fields: Posted) -> Response:
    """Lead from an exact name or record number to the page where emergency access is asked for."""
    given, _ = forms.check(inputs.FindRestricted, fields)
    with desk.transaction() as cur:
        found = [] if given is None else access.find_hidden(cur, desk.practice_id, given.name)
        desk.saw(
            *found, resource=Resource.PATIENT_RECORD, outcome=Outcome.REFUSED, found=len(found)
        )
    if len(found) == 1:
        return RedirectResponse(f"/patients/{found[0]}/emergency", 303)
    return RedirectResponse(f"/patients?said={'found-several' if found else 'found-none'}", 303)


@router.get("/patients/{patient_id}/emergency")
def request_page(desk: AtDesk, patient_id: UUID) -> Response:
    """Say that access is limited, and ask why it is needed all the same."""
    return _show_request(desk, patient_id)


@router.post("/patients/{patient_id}/emergency")
def request_access(request: Request, desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Grant an hour of emergency access; the grant and its line in the trail come before anything is shown."""
    given, complaints = forms.check(inputs.EmergencyAccess, fields)
    if given is None:
        return _show_request(desk, patient_id, Refusal("emergency", fields, complaints))
    proved = proof.prove(request, desk.who, password=given.password, code=given.code)
    if isinstance(proved, Problem):
        with desk.transaction():
            desk.did(Kind.BREAK_GLASS, patient_id, outcome=Outcome.REFUSED, reason=given.reason)
        return _show_request(desk, patient_id, Refusal("emergency", fields, problem=proved))
    try:
        with desk.transaction() as cur:
            granted = access.grant(
                cur,
                desk.practice_id,
                patient_id,
                staff_id=desk.staff_id,
                reason=given.reason,
                explanation=given.explanation,
                at=desk.now,
            )
            desk.did(
                Kind.BREAK_GLASS,
                patient_id,
                resource_id=granted.grant_id,
                action=audit.Action.CREATE,
                reason=given.reason,
                explanation=trail.sha256_of(given.explanation),
                expires_at=granted.expires_at,
            )
    except AccessRefused:
        pass  # nothing hides the patient, or there is none: the page itself says which
    answer = RedirectResponse(f"/patients/{patient_id}", 303)
    if proved.token is not None:
        sessions.set_cookie(request, answer, proved.token)
    return answer


@router.get("/emergency-access")
def reviews_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show who looked at restricted patients and why: what has to be reviewed first."""
    with desk.transaction() as cur:
        return _show_reviews(desk, cur, said=said.sentence if said else "")


@router.post("/emergency-access/{grant_id}/review")
def review(desk: AtDesk, grant_id: UUID, fields: Posted) -> Response:
    """Write down whether somebody's emergency access was justified."""
    form = _form_of(grant_id)
    given, complaints = forms.check(inputs.ReviewAccess, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show_reviews(desk, cur, refusal=Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_id = access.review(
                cur,
                desk.practice_id,
                grant_id,
                verdict=given.verdict,
                note=given.note,
                by=desk.staff_id,
                at=desk.now,
            )
            desk.did(
                Kind.BREAK_GLASS_REVIEW,
                patient_id,
                resource_id=grant_id,
                action=audit.Action.UPDATE,
                verdict=given.verdict,
                note=trail.sha256_of(given.note),
            )
    except AccessRefused:
        with desk.transaction() as cur:
            refusal = Refusal(form, fields, problem=NOT_TO_REVIEW)
            return _show_reviews(desk, cur, refusal=refusal)
    return RedirectResponse(f"/emergency-access?said={Said.REVIEWED}", 303)


def _show_request(
    desk: Desk, patient_id: UUID, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse | RedirectResponse:
    with desk.transaction() as cur:
        hidden = {
            record.patient_id: record for record in access.hidden_records(cur, desk.practice_id)
        }
        if patient_id not in hidden:
            if people.patient(cur, desk.practice_id, patient_id) is None:
                raise problems.Refused(problems.NOT_FOUND)
            desk.saw(patient_id, needed=False)
            return RedirectResponse(f"/patients/{patient_id}", 303)
        grant = patient_head.grant(cur, desk, patient_id)
        desk.saw(
            patient_id,
            resource=Resource.PATIENT_RECORD,
            outcome=Outcome.REFUSED if grant is None else Outcome.SUCCESS,
        )
        return desk.page(
            cur,
            "emergency.html",
            status=_status(refusal, otherwise=403 if grant is None else 200),
            record=hidden[patient_id],
            grant=grant,
            lasts=access.GRANT_LASTS,
            reasons=list(wording.WHY_EMERGENCY.items()),
            proves_by_provider=desk.who.signed_in_by is SignedInBy.OPENID_PROVIDER,
            refusal=refusal,
        )


def _show_reviews(
    desk: Desk, cur: Cursor, *, said: str = "", refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    found = access.emergency_accesses(cur, desk.practice_id, _MOST_SHOWN)
    desk.saw(*(one.patient_id for one in found), resource=Resource.BREAK_GLASS, grants=len(found))
    return desk.page(
        cur,
        "emergency_access.html",
        status=_status(refusal, otherwise=200),
        accesses=[(one, _form_of(one.grant_id)) for one in found],
        may_review=permissions.may(desk.who, Resource.BREAK_GLASS, Action.REVIEW),
        reasons=wording.WHY_EMERGENCY,
        verdicts=wording.VERDICTS,
        said=said,
        refusal=refusal,
    )


def _form_of(grant_id: UUID) -> str:
    """Return the name of a grant's form: there is one for each on the page."""
    return f"review-{grant_id.hex}"


def _status(refusal: Refusal, *, otherwise: int) -> int:
    return otherwise if refusal is NOTHING_REFUSED else refusal.status
