"""The limits of one patient, on the patient's page: tried on the last days, then put in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import activation
from alerts import store as alerts_store
from alerts.errors import AlertsError
from alerts.rules import Rule, RuleProposal, Scope
from ccm_link import rule_trials
from ccm_link.console import patient_charts, patient_head, problems, rule_changes, states
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages import patients
from ccm_link.console.posted import forms
from ccm_link.console.posted.forms import Fields, Posted, Refusal
from ccm_link.console.posted.rule_inputs import EndLimit, SetLimit, Step, TryLimit
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.rule_changes import Complaints, TriedLimit

router = APIRouter(prefix="/patients/{patient_id}/rules", include_in_schema=False)

_FORM: Final = "limit"
_END: Final = "end-limit"
_NONE: Final = "Choose one of the list."


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A limit that somebody wants for a patient: whose place it takes, and what it is."""

    former: Rule
    proposal: RuleProposal


@router.post("")
def change_limit(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Show what a limit would have made of the last days, or put it in force for this patient alone."""
    is_trial = fields.get("step") == Step.TRY
    given, complaints = forms.check(TryLimit if is_trial else SetLimit, fields)
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            wanted = None
            if given is not None:
                wanted, complaints = _wanted(desk, cur, patient_id, given)
            if given is None or wanted is None:
                refusal = Refusal(_FORM, fields, complaints)
                return patients.show(desk, cur, patient_id, refusal=refusal)
            if is_trial:
                return _try(desk, cur, patient_id, wanted, fields)
            _set(desk, cur, patient_id, wanted, given.reason or "")
    except AlertsError as error:
        refusal = Refusal(_FORM, fields, problem=problems.of_error(error))
        with desk.transaction() as cur:
            return patients.show(desk, cur, patient_id, refusal=refusal)
    return RedirectResponse(f"/patients/{patient_id}?said={patients.Said.LIMIT_SET}", 303)


@router.post("/end")
def end_limit(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """End a limit that is the patient's own: the rule for more people holds again, where there is one."""
    given, complaints = forms.check(EndLimit, fields)
    form = _END  # until it is known which one was meant: what was posted stands in no address
    try:
        with desk.transaction() as cur:
            patient = patient_head.load(cur, desk, patient_id).record
            in_force = patient_charts.rules_in_force(cur, patient, desk.now)
            own = [rule for rule in in_force if rule.scope is Scope.PATIENT]
            rule = _asking(own, fields.get("question", ""))
            if rule is not None:
                form = f"{_END}-{rule.spec.family}-{rule.spec.severity}"
            if given is None or rule is None:
                refusal = Refusal(form, fields, complaints or {"question": _NONE})
                return patients.show(desk, cur, patient_id, refusal=refusal)
            ending = _Wanted(rule, activation.ended(rule, desk.now))
            _set(desk, cur, patient_id, ending, given.reason)
    except AlertsError as error:
        refusal = Refusal(form, fields, problem=problems.of_error(error))
        with desk.transaction() as cur:
            return patients.show(desk, cur, patient_id, refusal=refusal)
    return RedirectResponse(f"/patients/{patient_id}?said={patients.Said.LIMIT_ENDED}", 303)


def _asking(rules: Iterable[Rule], question: str) -> Rule | None:
    """Return the rule that a form means."""
    return next((rule for rule in rules if "/".join(rule.question) == question), None)


def _wanted(
    desk: Desk, cur: Cursor, patient_id: UUID, given: TryLimit
) -> tuple[_Wanted | None, Complaints]:
    patient = patient_head.load(cur, desk, patient_id)
    in_force = patient_charts.rules_in_force(cur, patient.record, desk.now)
    former = _asking(in_force, given.question)
    if former is None:
        return None, {"question": _NONE}
    proposal, complaints = rule_changes.moved(
        former,
        given.limit,
        in_force,
        scope=Scope.PATIENT,
        scope_key=str(patient_id),
        until_on=given.until_on,
        zone=patient.zone,
        now=desk.now,
    )
    return (None if proposal is None else _Wanted(former, proposal)), complaints


def _try(
    desk: Desk, cur: Cursor, patient_id: UUID, wanted: _Wanted, fields: Fields
) -> HTMLResponse:
    proposals = [wanted.proposal]
    trial = rule_trials.of_patient(cur, desk.practice_id, patient_id, proposals, desk.now)
    return patients.show(
        desk,
        cur,
        patient_id,
        refusal=Refusal(_FORM, fields),
        tried=TriedLimit.of(wanted.former.spec, wanted.proposal.spec, trial),
    )


def _set(desk: Desk, cur: Cursor, patient_id: UUID, wanted: _Wanted, reason: str) -> None:
    rule = alerts_store.add_rule_version(
        cur,
        desk.practice_id,
        wanted.proposal,
        set_by=desk.who.display_name,
        reason=reason,
        at=desk.now,
    )
    desk.changed(
        Resource.RULE,
        rule.rule_id,
        before=states.rule(wanted.former),
        after=states.rule(rule),
        patient_id=patient_id,
    )
