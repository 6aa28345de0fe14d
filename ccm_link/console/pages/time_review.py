"""What of the time log waits for a person: approval of entries and amendments, and seconds that two entries claim."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages import time_log
from ccm_link.console.posted import forms, time_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.errors import CcmLinkError
from ccm_link.minutes import time_amendments, time_approval, time_decisions, time_programs
from ccm_link.month import Month

router = APIRouter(prefix="/time", include_in_schema=False)


@router.get("/approval")
def approval_page(desk: AtDesk) -> HTMLResponse:
    """Show entries and amendments that wait for another person."""
    with desk.transaction() as cur:
        return _show_waiting(desk, cur)


@router.post("/approval/policy")
def set_policy(desk: AtDesk, fields: Posted) -> Response:
    """Set whether time that is entered by hand waits for approval."""
    given, complaints = forms.check(time_inputs.TimePolicy, fields)
    with desk.transaction() as cur:
        if given is None:
            return _show_waiting(desk, cur, Refusal("policy", fields, complaints))
        before = time_approval.by_hand_needs_approval(cur, desk.practice_id)
        after = given.by_hand_needs_approval == "yes"
        if before != after:
            time_approval.set_policy(
                cur,
                desk.practice_id,
                by_hand_needs_approval=after,
                set_by=desk.staff_id,
                at=desk.now,
            )
        desk.changed(
            Resource.TIME_APPROVAL,
            desk.practice_id,
            before={"by_hand_needs_approval": before},
            after={"by_hand_needs_approval": after},
        )
    return RedirectResponse("/time/approval", 303)


@router.post("/approval/entries/{entry_id}")
def decide_entry(desk: AtDesk, entry_id: UUID, fields: Posted) -> Response:
    """Approve or refuse a colleague's entry."""
    given, complaints = forms.check(time_inputs.Approval, fields)
    form = f"verdict-{entry_id}"
    if given is None:
        with desk.transaction() as cur:
            return _show_waiting(desk, cur, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            entry = time_approval.decide_entry(
                cur,
                desk.practice_id,
                entry_id,
                is_approved=given.verdict == "approve",
                note=given.note,
                decided_by=desk.staff_id,
                at=desk.now,
            )
            _tell(desk, entry_id, entry.patient_id, given)
    except CcmLinkError as error:
        with desk.transaction() as cur:
            refusal = Refusal(form, fields, problem=problems.of_error(error))
            return _show_waiting(desk, cur, refusal)
    return RedirectResponse("/time/approval", 303)


@router.post("/approval/amendments/{amendment_id}")
def decide_amendment(desk: AtDesk, amendment_id: UUID, fields: Posted) -> Response:
    """Approve or refuse a colleague's amendment."""
    given, complaints = forms.check(time_inputs.Approval, fields)
    form = f"verdict-{amendment_id}"
    if given is None:
        with desk.transaction() as cur:
            return _show_waiting(desk, cur, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            waiting = time_amendments.waiting(cur, desk.practice_id)
            found = next((one for one in waiting if one.amendment_id == amendment_id), None)
            if found is None and not time_approval.is_decided(cur, desk.practice_id, amendment_id):
                raise problems.Refused(problems.NOT_FOUND)
            time_approval.decide_amendment(
                cur,
                desk.practice_id,
                amendment_id,
                is_approved=given.verdict == "approve",
                note=given.note,
                decided_by=desk.staff_id,
                at=desk.now,
            )
            if found is not None:
                _tell(desk, amendment_id, found.patient_id, given)
    except CcmLinkError as error:
        with desk.transaction() as cur:
            refusal = Refusal(form, fields, problem=problems.of_error(error))
            return _show_waiting(desk, cur, refusal)
    return RedirectResponse("/time/approval", 303)


@router.get("/conflicts")
def conflicts_page(
    desk: AtDesk, month_of: Annotated[str, Query(alias="month")] = ""
) -> HTMLResponse:
    """Show the seconds of a month that two entries claim."""
    with desk.transaction() as cur:
        current = Month.of(desk.now, desk.practice(cur).time_zone)
        return _show_conflicts(desk, cur, time_log.asked(month_of, current))


@router.post("/conflicts/{entry_id}/{rival_id}")
def decide(desk: AtDesk, entry_id: UUID, rival_id: UUID, fields: Posted) -> Response:
    """Say which of two entries counts in the seconds that both claim."""
    given, complaints = forms.check(time_inputs.Decide, fields)
    form = f"decide-{entry_id}-{rival_id}"
    if given is None:
        with desk.transaction() as cur:
            current = Month.of(desk.now, desk.practice(cur).time_zone)
            return _show_conflicts(desk, cur, current, Refusal(form, fields, complaints))
    month = Month.parse(given.month)
    try:
        with desk.transaction() as cur:
            found = time_decisions.conflict(cur, desk.practice_id, entry_id, rival_id, month)
            if found is None:
                raise problems.Refused(problems.NOT_FOUND)
            decision_id = time_decisions.decide(
                cur,
                desk.practice_id,
                found,
                given.winner_id,
                former_decision=given.former_decision,
                decided_by=desk.staff_id,
                reason=given.reason,
                at=desk.now,
            )
            after = {
                "entry_id": given.winner_id,
                "of": [found.former.entry_id, found.later.entry_id],
                "from_at": found.from_at,
                "until_at": found.until_at,
                "reason": trail.sha256_of(given.reason),
            }
            for patient_id in {found.former.patient_id, found.later.patient_id}:
                desk.changed(
                    Resource.TIME_APPROVAL, decision_id, after=after, patient_id=patient_id
                )
    except CcmLinkError as error:
        with desk.transaction() as cur:
            refusal = Refusal(form, fields, problem=problems.of_error(error))
            return _show_conflicts(desk, cur, month, refusal)
    return RedirectResponse(f"/time/conflicts?month={month}", 303)


def _tell(desk: Desk, subject_id: UUID, patient_id: UUID, given: time_inputs.Approval) -> None:
    after = {"verdict": given.verdict, "note": trail.sha256_of(given.note) if given.note else ""}
    desk.changed(Resource.TIME_APPROVAL, subject_id, after=after, patient_id=patient_id)


def _show_waiting(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    entries = time_approval.waiting(cur, desk.practice_id)
    amendments = time_amendments.waiting(cur, desk.practice_id)
    desk.saw(
        *(one.patient_id for one in entries),
        *(one.patient_id for one in amendments),
        entries=len(entries),
        amendments=len(amendments),
    )
    return desk.page(
        cur,
        "time_approval.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        entries=entries,
        amendments=amendments,
        needs_approval=time_approval.by_hand_needs_approval(cur, desk.practice_id),
        may_decide=permissions.may(desk.who, Resource.TIME_APPROVAL, Action.REVIEW),
        may_set=permissions.may(desk.who, Resource.TIME_APPROVAL, Action.CHANGE),
        titles=time_programs.titles(desk.now),
        refusal=refusal,
    )


def _show_conflicts(
    desk: Desk, cur: Cursor, month: Month, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    found = time_decisions.conflicts(cur, desk.practice_id, month)
    desk.saw(
        *(one.former.patient_id for one in found),
        *(one.later.patient_id for one in found),
        month=month,
        conflicts=len(found),
    )
    return desk.page(
        cur,
        "time_conflicts.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        month=month,
        earlier=time_log.beside(month, -1),
        conflicts=found,
        may_decide=permissions.may(desk.who, Resource.TIME_APPROVAL, Action.REVIEW),
        titles=time_programs.titles(desk.now),
        refusal=refusal,
    )
