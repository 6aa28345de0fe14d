"""The draft of a care plan: written on by the care team, signed by a clinician, or discarded."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from alerts.measures import Measure
from ccm_link.console import patient_head, plan_desk, problems, rule_changes, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.plan_desk import Complaint, Form
from ccm_link.console.posted import forms, plan_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.posted.inputs import Input
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words.plan_words import Said
from ccm_link.plan import care_plan, plan_document, plan_errors
from ccm_link.plan.care_plan import Draft
from ccm_link.plan.plan_document import PlanDocument, Section

router = APIRouter(prefix="/patients/{patient_id}/plan/draft", include_in_schema=False)

_BACK = "/plan/draft"


@router.get("")
def draft_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> Response:
    """Show the draft; without one, the plan."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, said=said.sentence if said else "")


@router.post("")
def begin(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Begin a draft, as a copy of what is in force; where there is one, it is shown."""
    if forms.check(Input, fields)[0] is None:
        raise problems.Refused(problems.invalid({}))
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        if care_plan.draft(cur, desk.practice_id, patient_id) is None:
            plan_id = care_plan.begin(
                cur, desk.practice_id, patient_id, staff_id=desk.staff_id, at=desk.now
            )
            desk.changed(
                Resource.CARE_PLAN, plan_id, after={"state": "draft"}, patient_id=patient_id
            )
        else:
            desk.saw(patient_id)
    return RedirectResponse(f"/patients/{patient_id}{_BACK}", 303)


@router.post("/text")
def write(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Save everything of the draft that is lines of text."""

    def deed(cur: Cursor, given: plan_inputs.DraftFields) -> Said:
        draft = _looked_at(desk, cur, patient_id, given.row_version)
        return _put(desk, cur, draft, given.document(draft.document.goals))

    form = Form("draft", _show_refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.DraftText, deed)


@router.post("/goals")
def add_goal(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Add a goal to the draft."""

    def deed(cur: Cursor, given: plan_inputs.AddGoal) -> Said:
        draft = _looked_at(desk, cur, patient_id, given.row_version)
        goals = (*draft.document.goals, given.goal)
        if len(goals) > plan_document.MOST_GOALS:
            raise Complaint(what=f"At most {plan_document.MOST_GOALS} goals.")
        return _put(desk, cur, draft, replace(draft.document, goals=goals))

    form = Form("goal", _show_refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.AddGoal, deed)


@router.post("/goals/take-out")
def take_out_goal(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Take a goal out of the draft."""

    def deed(cur: Cursor, given: plan_inputs.TakeOutGoal) -> Said:
        draft = _looked_at(desk, cur, patient_id, given.row_version)
        goals = draft.document.goals
        if given.place >= len(goals):
            raise plan_errors.StaleDraft
        left = goals[: given.place] + goals[given.place + 1 :]
        return _put(desk, cur, draft, replace(draft.document, goals=left))

    form = Form("take-out", _show_refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.TakeOutGoal, deed)


@router.post("/sign")
def sign(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Sign the draft: it is the plan in force from now on."""

    def deed(cur: Cursor, given: plan_inputs.SignDraft) -> Said:
        draft = _looked_at(desk, cur, patient_id, given.row_version)
        if complaints := rule_changes.signed(desk.who, given.signature):
            raise Complaint(**complaints)
        version = care_plan.sign(
            cur,
            desk.practice_id,
            draft,
            staff_id=desk.staff_id,
            role=desk.who.role,
            at=desk.now,
        )
        before = {"state": "draft"}
        after = {"state": "signed", "version": version, "text": _text_of(draft.document)}
        desk.changed(
            Resource.CARE_PLAN, draft.plan_id, before=before, after=after, patient_id=patient_id
        )
        return Said.SIGNED

    form = Form("sign", _show_refused, "/plan")
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.SignDraft, deed)


@router.post("/discard")
def discard(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Discard the draft."""

    def deed(cur: Cursor, given: plan_inputs.DiscardDraft) -> Said:
        draft = _looked_at(desk, cur, patient_id, given.row_version)
        care_plan.discard(
            cur,
            desk.practice_id,
            draft,
            staff_id=desk.staff_id,
            reason=given.reason,
            at=desk.now,
        )
        before = {"state": "draft"}
        after = {"state": "discarded", "reason": trail.sha256_of(given.reason)}
        desk.changed(
            Resource.CARE_PLAN, draft.plan_id, before=before, after=after, patient_id=patient_id
        )
        return Said.DISCARDED

    form = Form("discard", _show_refused, "/plan")
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.DiscardDraft, deed)


def _looked_at(desk: Desk, cur: Cursor, patient_id: UUID, row_version: int) -> Draft:
    draft = care_plan.draft(cur, desk.practice_id, patient_id)
    if draft is None:
        raise plan_errors.NoDraft
    if draft.row_version != row_version:
        raise plan_errors.StaleDraft
    return draft


def _put(desk: Desk, cur: Cursor, draft: Draft, document: PlanDocument) -> Said:
    care_plan.change(cur, desk.practice_id, draft, document, staff_id=desk.staff_id, at=desk.now)
    desk.changed(
        Resource.CARE_PLAN,
        draft.plan_id,
        before={"row_version": draft.row_version, "text": _text_of(draft.document)},
        after={"row_version": draft.row_version + 1, "text": _text_of(document)},
        patient_id=draft.patient_id,
    )
    return Said.SAVED


def _text_of(document: PlanDocument) -> str:
    """Return what stands in the trail for all that a plan says: it can be compared, not read."""
    return trail.sha256_of(plan_document.canonical(document))


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> Response:
    head = patient_head.load(cur, desk, patient_id)
    draft = care_plan.draft(cur, desk.practice_id, patient_id)
    desk.saw(patient_id, resource_id=draft.plan_id if draft else "")
    if draft is None and refusal is NOTHING_REFUSED:
        return RedirectResponse(f"/patients/{patient_id}/plan", 303)
    return desk.page(
        cur,
        "plan_draft.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        draft=draft,
        sections=list(Section),
        measures=[(one.value, f"{one.words}, {one.unit}") for one in Measure],
        lacks=plan_document.lacks(draft.document) if draft else (),
        may_sign=permissions.may(desk.who, Resource.CARE_PLAN, Action.SIGN),
        said=said,
        refusal=refusal,
        **plan_desk.around(desk, cur, head, Resource.CARE_PLAN),
    )


def _show_refused(desk: Desk, cur: Cursor, patient_id: UUID, refusal: Refusal) -> Response:
    return _show(desk, cur, patient_id, refusal=refusal)
