"""What one patient's month may be billed as: worked out anew at each look, with what holds it and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from ccm_link import claim_errors, errors
from ccm_link.billing import periods
from ccm_link.claim import (
    claim_proposals,
    claim_records,
    claims,
    monitoring,
    month_facts,
    month_states,
)
from ccm_link.claim.claim_records import Claim
from ccm_link.claim.claim_states import ClaimState
from ccm_link.console import patient_head, problems, trail, worked_months
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, month_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import month_words
from ccm_link.errors import CcmLinkError
from ccm_link.month import Month

router = APIRouter(prefix="/patients/{patient_id}/month", include_in_schema=False)

Given = TypeVar("Given", bound=BaseModel)


class Said(StrEnum):
    """What the page confirms after an action."""

    SETTLED = "settled"
    OPENED = "opened"
    PROPOSED = "proposed"
    MONITORING_STARTED = "monitoring-started"
    MONITORING_ENDED = "monitoring-ended"
    ATTESTED = "attested"
    RECORDED = "recorded"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    Said.SETTLED: "It is settled, with your reason beside it.",
    Said.OPENED: "It is open again.",
    Said.PROPOSED: "The claims are proposed from what is known now.",
    Said.MONITORING_STARTED: "The episode is recorded; its 30-day blocks are counted from that day.",
    Said.MONITORING_ENDED: "The episode is ended. Its blocks keep their length.",
    Said.ATTESTED: "The claim is attested. What it rests on is kept with it and does not change any more.",
    Said.RECORDED: "It is recorded with the claim.",
}


@router.get("")
def this_month(desk: AtDesk, patient_id: UUID) -> HTMLResponse:
    """Show the month that runs."""
    with desk.transaction() as cur:
        month = Month.of(desk.now, desk.practice(cur).time_zone)
        return _show(desk, cur, patient_id, month)


@router.get("/{month}")
def month_page(
    desk: AtDesk, patient_id: UUID, month: str, said: Said | None = None
) -> HTMLResponse:
    """Show a month."""
    shown = worked_months.parsed(month)
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, shown, said=said.sentence if said else "")


@router.post("/{month}/settle")
def settle(desk: AtDesk, patient_id: UUID, month: str, fields: Posted) -> Response:
    """Settle a hold with a reason, or open it again."""

    def deed(cur: Cursor, given: month_inputs.Settle, month: Month) -> Said:
        worked = worked_months.work_out(desk, cur, patient_id, month)
        holds = worked.found.proposal.holds if worked.found else ()
        is_settled = given.becomes == "settled"
        if not any(
            one.key == given.hold_key
            and one.can_be_settled
            and (one.settled_because is None) == is_settled
            for one in holds
        ):
            raise claim_errors.UnknownHold
        month_facts.settle(
            cur,
            desk.practice_id,
            patient_id,
            month,
            hold_key=given.hold_key,
            is_settled=is_settled,
            reason=given.reason,
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {
            "hold": given.hold_key,
            "settled": is_settled,
            "reason": trail.sha256_of(given.reason),
        }
        desk.changed(Resource.MONTH, month, after=after, patient_id=patient_id)
        return Said.SETTLED if is_settled else Said.OPENED

    return _do(desk, patient_id, month, "settle", month_inputs.Settle, fields, deed)


@router.post("/{month}/propose")
def propose(desk: AtDesk, patient_id: UUID, month: str, fields: Posted) -> Response:
    """Propose the month's claims from what is known now."""

    def deed(cur: Cursor, _given: month_inputs.Nothing, month: Month) -> Said:
        worked = worked_months.work_out(desk, cur, patient_id, month)
        if worked.found is None:
            raise errors.NoBillingTable(month.year)
        month_states.keep(cur, desk.practice_id, month, [worked.found], desk.now)
        new = claim_proposals.propose(cur, desk.practice_id, month, [worked.found], desk.now)
        desk.changed(Resource.MONTH, month, after={"new_claims": new}, patient_id=patient_id)
        return Said.PROPOSED

    return _do(desk, patient_id, month, "propose", month_inputs.Nothing, fields, deed)


@router.post("/{month}/monitoring")
def start_monitoring(desk: AtDesk, patient_id: UUID, month: str, fields: Posted) -> Response:
    """Begin an episode of monitoring."""

    def deed(cur: Cursor, given: month_inputs.StartMonitoring, _month: Month) -> Said:
        monitoring_id = monitoring.start(
            cur,
            desk.practice_id,
            patient_id,
            started_on=given.started_on,
            set_up_billed=given.is_set_up_billed,
            started_by=desk.who.display_name,
            at=desk.now,
        )
        after = {"started_on": given.started_on, "set_up_billed": given.set_up_billed}
        desk.changed(Resource.MONTH, monitoring_id, after=after, patient_id=patient_id)
        return Said.MONITORING_STARTED

    return _do(
        desk, patient_id, month, "start-monitoring", month_inputs.StartMonitoring, fields, deed
    )


@router.post("/{month}/monitoring/{monitoring_id}/end")
def end_monitoring(
    desk: AtDesk, patient_id: UUID, month: str, monitoring_id: UUID, fields: Posted
) -> Response:
    """End an episode of monitoring."""

    def deed(cur: Cursor, given: month_inputs.EndMonitoring, _month: Month) -> Said:
        monitoring.end(
            cur,
            desk.practice_id,
            patient_id,
            monitoring_id,
            ended_on=given.ended_on,
            reason=given.reason,
            ended_by=desk.who.display_name,
            at=desk.now,
        )
        after = {"ended_on": given.ended_on, "reason": trail.sha256_of(given.reason)}
        before = {"ended_on": None}
        desk.changed(
            Resource.MONTH, monitoring_id, before=before, after=after, patient_id=patient_id
        )
        return Said.MONITORING_ENDED

    return _do(desk, patient_id, month, "end-monitoring", month_inputs.EndMonitoring, fields, deed)


@router.post("/{month}/claims/{claim_id}/attest")
def attest(desk: AtDesk, patient_id: UUID, month: str, claim_id: UUID, fields: Posted) -> Response:
    """Vouch for a claim."""

    def deed(cur: Cursor, given: month_inputs.Attest, month: Month) -> Said:
        claim = _claim(desk, cur, patient_id, claim_id, month)
        worked = worked_months.work_out(desk, cur, patient_id, month)
        claims.attest(
            cur,
            desk.practice_id,
            claim,
            worked.found,
            worked.tables,
            worked.zone,
            diagnoses=given.diagnoses,
            row_version=given.row_version,
            made_by=desk.who.display_name,
            at=desk.now,
        )
        _tell(desk, claim, ClaimState.ATTESTED)
        return Said.ATTESTED

    return _do(desk, patient_id, month, f"attest-{claim_id}", month_inputs.Attest, fields, deed)


@router.post("/{month}/claims/{claim_id}/record")
def record(desk: AtDesk, patient_id: UUID, month: str, claim_id: UUID, fields: Posted) -> Response:
    """Record what became of a claim."""

    def deed(cur: Cursor, given: month_inputs.RecordClaim, month: Month) -> Said:
        claim = _claim(desk, cur, patient_id, claim_id, month)
        state = ClaimState(given.becomes)
        claims.record(
            cur,
            desk.practice_id,
            claim,
            state,
            made_by=desk.who.display_name,
            at=desk.now,
            reference=given.reference,
            denial_codes=given.denial_codes,
            paid_cents=given.paid,
            note=given.remark,
        )
        _tell(desk, claim, state)
        return Said.RECORDED

    return _do(
        desk, patient_id, month, f"record-{claim_id}", month_inputs.RecordClaim, fields, deed
    )


def _claim(desk: Desk, cur: Cursor, patient_id: UUID, claim_id: UUID, month: Month) -> Claim:
    claim = claim_records.lock(cur, desk.practice_id, claim_id)
    if claim.patient_id != patient_id or claim.month != month:
        raise claim_errors.UnknownClaim
    return claim


def _tell(desk: Desk, claim: Claim, state: ClaimState) -> None:
    desk.changed(
        Resource.CLAIM,
        claim.claim_id,
        before={"state": claim.state},
        after={"state": state},
        patient_id=claim.patient_id,
    )


def _do(
    desk: Desk,
    patient_id: UUID,
    month: str,
    form: str,
    model: type[Given],
    fields: Posted,
    deed: Callable[[Cursor, Given, Month], Said],
) -> Response:
    """Check a form, do what it says and lead back; or show the page again with what is wrong."""
    of_month = worked_months.parsed(month)
    given, complaints = forms.check(model, fields)
    if given is None:
        return _refused(desk, patient_id, of_month, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            said = deed(cur, given, of_month)
    except CcmLinkError as error:
        refusal = Refusal(form, fields, problem=problems.of_error(error))
        return _refused(desk, patient_id, of_month, refusal)
    return RedirectResponse(f"/patients/{patient_id}/month/{of_month}?said={said}", 303)


def _refused(desk: Desk, patient_id: UUID, month: Month, refusal: Refusal) -> HTMLResponse:
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, month, refusal=refusal)


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    month: Month,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    head = patient_head.load(cur, desk, patient_id)
    worked = worked_months.work_out(desk, cur, patient_id, month)
    found = claim_records.of_patient(cur, desk.practice_id, patient_id, month)
    current = Month.of(desk.now, worked.zone.key)
    grant = patient_head.grant(cur, desk, patient_id)
    desk.saw(patient_id, resource=Resource.MONTH, resource_id=month, claims=len(found))
    may_change = not grant and permissions.may(desk.who, Resource.MONTH, Action.CHANGE)
    return desk.page(
        cur,
        "patient_month.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patient=head,
        month=month,
        earlier=worked_months.beside(month, -1),
        later=worked_months.beside(month, 1) if month < current else None,
        is_over=desk.now >= periods.span_of_month(month, worked.zone)[-1].until_at,
        worked=worked.found,
        entries={one.entry_id: one for one in worked.found.known.worked} if worked.found else {},
        programs=worked_months.titles(worked),
        settlements=month_facts.settlements(cur, desk.practice_id, patient_id, month),
        episodes=monitoring.of_patient(cur, desk.practice_id, patient_id),
        proposed_start=monitoring.proposed_start(cur, desk.practice_id, patient_id, head.zone),
        today=desk.now.astimezone(head.zone).date(),
        claims=[(one, claims.has_changed(one, worked.found)) for one in found],
        months=month_words,
        grant=grant,
        may_change=may_change,
        may_claim=not grant and permissions.may(desk.who, Resource.CLAIM, Action.CHANGE),
        may_attest=not grant and permissions.may(desk.who, Resource.CLAIM, Action.SIGN),
        may_look=permissions.may(desk.who, Resource.EVIDENCE, Action.VIEW),
        may_take_out=not grant and permissions.may(desk.who, Resource.EVIDENCE, Action.EXPORT),
        said=said,
        refusal=refusal,
    )
