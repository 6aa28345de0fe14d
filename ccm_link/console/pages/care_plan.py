"""The care plan of a patient: what is in force, its goals and clocks, its versions, and to whom it was given."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from ccm_link.console import patient_head, plan_desk, plan_look, problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.plan_desk import Form
from ccm_link.console.posted import plan_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.posted.plan_inputs import VersionNumber, VersionQuery
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words.plan_words import Said
from ccm_link.plan import care_gap_facts, care_gaps, care_plan, plan_diff, plan_print, plan_sharing
from ccm_link.plan.care_plan import Version

router = APIRouter(prefix="/patients/{patient_id}/plan", include_in_schema=False)


@router.get("")
def plan_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show the plan in force."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, said=said.sentence if said else "")


@router.get("/versions/{version}")
def version_page(
    desk: AtDesk,
    patient_id: UUID,
    version: VersionNumber,
    asked: Annotated[VersionQuery, Query()],
) -> HTMLResponse:
    """Show one version, and what became different from another one; by default from the one before."""
    with desk.transaction() as cur:
        head = patient_head.load(cur, desk, patient_id)
        signed = care_plan.versions(cur, desk.practice_id, patient_id)
        shown = _of(signed, version)
        older = version - 1 if asked.against is None else asked.against
        other = _of(signed, older) if older else None
        desk.saw(patient_id, resource_id=shown.plan_id, version=version, against=older)
        return desk.page(
            cur,
            "plan_version.html",
            status=200,
            version=shown,
            other=other,
            others=[one.version for one in signed if one.version != version],
            changes=plan_diff.diff(other.document, shown.document) if other else (),
            printed=plan_print.printed(shown, head.record, desk.practice(cur)),
            **plan_desk.around(desk, cur, head, Resource.CARE_PLAN),
        )


@router.get("/versions/{version}/pdf")
def version_pdf(desk: AtDesk, patient_id: UUID, version: VersionNumber) -> Response:
    """Hand out one version as a PDF."""
    with desk.transaction() as cur:
        head = patient_head.load(cur, desk, patient_id)
        signed = care_plan.versions(cur, desk.practice_id, patient_id)
        shown = _of(signed, version)
        printed = plan_print.printed(shown, head.record, desk.practice(cur))
        desk.saw(patient_id, resource_id=shown.plan_id, version=version, format="pdf")
    return plan_look.as_pdf(printed)


@router.post("/reviews")
def review(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record that the plan in force was looked through and holds."""

    def deed(cur: Cursor, given: plan_inputs.ReviewPlan) -> Said:
        care_plan.review(
            cur,
            desk.practice_id,
            patient_id,
            given.plan_id,
            staff_id=desk.staff_id,
            note=given.note,
            at=desk.now,
        )
        after = {"reviewed_at": desk.now, "note": trail.sha256_of(given.note)}
        desk.changed(
            Resource.CARE_PLAN, given.plan_id, before={}, after=after, patient_id=patient_id
        )
        return Said.REVIEWED

    form = Form("plan-review", _refused, "/plan")
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.ReviewPlan, deed)


@router.post("/shares")
def share(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record that a version was given to the patient or a carer."""

    def deed(cur: Cursor, given: plan_inputs.SharePlan) -> Said:
        shared_at = plan_desk.instant(desk, cur, "given_time", given.given_on, given.given_time)
        plan_sharing.share(
            cur,
            desk.practice_id,
            patient_id,
            given.plan_id,
            method=given.method,
            recipient=given.recipient,
            recipient_name=given.recipient_name or "",
            shared_at=shared_at,
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {"shared_at": shared_at, "method": given.method, "recipient": given.recipient}
        desk.changed(
            Resource.CARE_PLAN, given.plan_id, before={}, after=after, patient_id=patient_id
        )
        return Said.SHARED

    form = Form("share", _refused, "/plan")
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.SharePlan, deed)


def _of(signed: list[Version], number: int) -> Version:
    found = next((one for one in signed if one.version == number), None)
    if found is None:
        raise problems.Refused(problems.NOT_FOUND)
    return found


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    head = patient_head.load(cur, desk, patient_id)
    signed = care_plan.versions(cur, desk.practice_id, patient_id)
    in_force = care_plan.heads(cur, desk.practice_id, [patient_id], desk.now).get(patient_id)
    facts = care_gap_facts.load(cur, desk.practice_id, [patient_id], desk.now)
    goals = plan_look.goals(cur, head.record, signed[0].document, desk.now) if signed else ()
    desk.saw(patient_id, versions=len(signed), goals=len(goals))
    return desk.page(
        cur,
        "plan.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        in_force=in_force,
        printed=plan_print.printed(signed[0], head.record, desk.practice(cur)) if signed else None,
        goals=goals,
        clock=in_force.review_clock(desk.now) if in_force else None,
        draft=care_plan.draft(cur, desk.practice_id, patient_id),
        versions=signed,
        seen=care_plan.reviews(cur, desk.practice_id, patient_id),
        shares=plan_sharing.shares(cur, desk.practice_id, patient_id),
        gaps=[gap for one in facts for gap in care_gaps.gaps_of(one, desk.now)],
        is_cared_for=bool(facts),
        said=said,
        refusal=refusal,
        **plan_desk.around(desk, cur, head, Resource.CARE_PLAN),
    )


def _refused(desk: Desk, cur: Cursor, patient_id: UUID, refusal: Refusal) -> HTMLResponse:
    return _show(desk, cur, patient_id, refusal=refusal)
