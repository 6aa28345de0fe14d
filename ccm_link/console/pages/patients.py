"""The patients, and one patient: course, readings, limits, minutes."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import store as alerts_store
from alerts.errors import AlertsError
from alerts.rules import Rule, RuleProposal
from ccm_link import enrolment, month, tasks
from ccm_link.chart_look import Look, Size, Theme
from ccm_link.console import (
    drawing,
    forms,
    inputs,
    limits,
    patient_charts,
    patient_head,
    permissions,
    problems,
    states,
    wording,
)
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.patient_charts import ChartName, Window
from ccm_link.console.permissions import Action, Resource
from ccm_link.month import Month
from ingest import access, people

router = APIRouter(prefix="/patients", include_in_schema=False)

_LATEST = 12  # readings in the short table; the charts' own tables hold all of the days shown
_MOST_TASKS = 10


class Said(StrEnum):
    """What the page confirms after an action."""

    LIMIT_SET = "limit-set"
    FOUND_NONE = "found-none"
    FOUND_SEVERAL = "found-several"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.LIMIT_SET:
                return "The limit is in force for readings measured from now on."
            case Said.FOUND_NONE:
                return "No restricted record has exactly this name or number."
            case Said.FOUND_SEVERAL:
                return "Several restricted records have this name: ask for the record number."


@router.get("")
def patients_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """List the practice's patients with their minutes of the current month."""
    with desk.transaction() as cur:
        practice = desk.practice(cur)
        this_month = Month.of(desk.now, practice.time_zone)
        totals = month.totals(cur, desk.practice_id, this_month)
        patients = people.patients(cur, desk.practice_id)
        desk.saw(*(patient.patient_id for patient in patients), patients=len(patients))
        return desk.page(
            cur,
            "patients.html",
            patients=patients,
            restricted=access.hidden_records(cur, desk.practice_id),
            totals={total.patient_id: total for total in totals},
            month=this_month,
            nothing_refused=NOTHING_REFUSED,
            said=said.sentence if said else "",
        )


@router.get("/{patient_id}")
def patient_page(
    desk: AtDesk, patient_id: UUID, days: Window = Window.MONTH, said: Said | None = None
) -> HTMLResponse:
    """Show one patient."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, window=days, said=said.sentence if said else "")


@router.get("/{patient_id}/charts/{chart}.svg")
def chart_image(
    desk: AtDesk,
    patient_id: UUID,
    chart: ChartName,
    days: Window = Window.MONTH,
    theme: Theme = Theme.LIGHT,
    size: Size = Size.WIDE,
) -> Response:
    """Draw one chart."""
    with desk.transaction() as cur:
        patient = patient_head.load(cur, desk, patient_id).record
        in_force = patient_charts.rules_in_force(cur, patient, desk.now)
        material = patient_charts.load(cur, patient, chart, days.days(desk.now, patient), in_force)
        desk.saw(patient_id, chart=chart, days=days, readings=len(material.shown))
    drawn = drawing.svg(material.spec(Look.of(theme, size)))
    return Response(drawn, media_type="image/svg+xml")


@router.post("/{patient_id}/rules")
def set_limit(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Put a limit in force for this patient alone."""
    try:
        with desk.transaction() as cur:
            patient = patient_head.load(cur, desk, patient_id).record
            in_force = patient_charts.rules_in_force(cur, patient, desk.now)
            given, complaints = _checked(fields, in_force)
            if given is None:
                return _show(desk, cur, patient_id, refusal=Refusal("limit", fields, complaints))
            former, proposal, reason = given
            rule = alerts_store.add_rule_version(
                cur,
                desk.practice_id,
                replace(proposal, patient_id=patient_id),
                set_by=desk.who.display_name,
                reason=reason,
                at=desk.now,
            )
            desk.changed(
                Resource.RULE,
                rule.rule_id,
                before=states.rule(former),
                after=states.rule(rule),
                patient_id=patient_id,
            )
    except AlertsError as error:
        refusal = Refusal("limit", fields, problem=problems.of_error(error))
        with desk.transaction() as cur:
            return _show(desk, cur, patient_id, refusal=refusal)
    return RedirectResponse(f"/patients/{patient_id}?said={Said.LIMIT_SET}", 303)


def _checked(
    fields: Fields, in_force: list[Rule]
) -> tuple[tuple[Rule, RuleProposal, str] | None, dict[str, str]]:
    """Return the rule that holds, what it becomes and why, or ``None`` and what is wrong with each field."""
    given, complaints = forms.check(inputs.SetLimit, fields)
    if given is None:
        return None, complaints
    former = next((rule for rule in in_force if _key(rule) == given.question), None)
    if former is None:
        return None, {"question": "Choose one of the list."}
    objection = limits.objection(former.question, given.limit, in_force)
    if objection:
        return None, {"limit": objection}
    proposal = RuleProposal(
        question=former.question,
        title=former.title,
        limit_value=given.limit,
        due_within=former.due_within,
        source="set for the patient in the console",
    )
    return (former, proposal, given.reason), {}


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    window: Window = Window.MONTH,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    head = patient_head.load(cur, desk, patient_id)
    patient = head.record
    in_force = patient_charts.rules_in_force(cur, patient, desk.now)
    days = window.days(desk.now, patient)
    loaded = (patient_charts.load(cur, patient, name, days, in_force) for name in ChartName)
    charts = [chart for chart in loaded if chart.is_worth_showing]
    this_month = Month.of(desk.now, desk.practice(cur).time_zone)
    latest = sorted(
        (reading for chart in charts for reading in chart.shown),
        key=lambda reading: reading.measured_at,
        reverse=True,
    )[:_LATEST]
    found = tasks.tasks_of_patient(cur, desk.practice_id, patient_id, limit=_MOST_TASKS)
    readings = sum(len(chart.shown) for chart in charts)
    desk.saw(
        patient_id,
        resource=Resource.PATIENT_RECORD,
        days=window,
        readings=readings,
        tasks=len(found),
    )
    return desk.page(
        cur,
        "patient.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patient=head,
        charts=charts,
        latest=[(reading, limits.reached(reading, in_force)) for reading in latest],
        window=window,
        windows=list(Window),
        themes=[(theme, size) for size in Size for theme in Theme],
        rules=in_force,
        questions=[(_key(rule), f"{rule.title}: {wording.limit(rule)}") for rule in in_force],
        tasks=found,
        enrolments=enrolment.enrolments_of_patient(cur, desk.practice_id, patient_id),
        total=month.total_of_patient(cur, desk.practice_id, patient_id, this_month),
        month=this_month,
        grant=patient_head.grant(cur, desk, patient_id),
        may_home=permissions.may(desk.who, Resource.HOME_ACCOUNT, Action.VIEW),
        said=said,
        refusal=refusal,
    )


def _key(rule: Rule) -> str:
    question = rule.question
    return f"{question.measure}/{question.comparison}/{question.severity}"
