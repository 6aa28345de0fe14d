"""One patient: course, readings, limits, minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from alerts import store as alerts_store
from alerts.breaches import Breach
from alerts.limits import limit_of
from alerts.rules import Rule
from ccm_link.chart.chart_look import Look, Size, Theme
from ccm_link.console import drawing, expected, patient_charts, patient_head, worked_months
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.patient_charts import ChartName, Window
from ccm_link.console.posted.forms import NOTHING_REFUSED, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.rule_changes import TriedLimit
from ccm_link.console.words import month_words
from ccm_link.month import Month
from ccm_link.program import enrolment
from ccm_link.registry import conditions
from ccm_link.task import tasks

router = APIRouter(prefix="/patients", include_in_schema=False)

_LATEST = 12  # readings in the short table; the charts' own tables hold all of the days shown
_MOST_TASKS = 10


class Said(StrEnum):
    """What the page confirms after an action."""

    LIMIT_SET = "limit-set"
    LIMIT_ENDED = "limit-ended"
    CONDITION_RECORDED = "condition-recorded"
    CONDITION_ENDED = "condition-ended"
    AGREED = "agreed"
    SCHEDULE_ENDED = "schedule-ended"
    SILENCE_SET = "silence-set"
    SILENCE_ENDED = "silence-ended"
    FOUND_NONE = "found-none"
    FOUND_SEVERAL = "found-several"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    Said.LIMIT_SET: "The limit is in force for readings measured from now on.",
    Said.LIMIT_ENDED: "The patient's own limit is ended; the rule for more people holds again.",
    Said.CONDITION_RECORDED: "The condition is recorded. Rules for it hold for readings measured from now on.",
    Said.CONDITION_ENDED: "The condition is ended. Rules for it hold no more for readings measured from now on.",
    Said.AGREED: "The schedule holds from now on; occasions that have begun are not counted.",
    Said.SCHEDULE_ENDED: "The patient's own schedule is ended; the practice's holds again, if there is one.",
    Said.SILENCE_SET: "In that time nobody is told of silence. Readings are judged as ever.",
    Said.SILENCE_ENDED: "It is ended: from now on silence is told again.",
    Said.FOUND_NONE: "No restricted record has exactly this name or number.",
    Said.FOUND_SEVERAL: "Several restricted records have this name: ask for the record number.",
}


@router.get("/{patient_id}")
def patient_page(
    desk: AtDesk, patient_id: UUID, days: Window = Window.MONTH, said: Said | None = None
) -> HTMLResponse:
    """Show one patient."""
    with desk.transaction() as cur:
        return show(desk, cur, patient_id, window=days, said=said.sentence if said else "")


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


def show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    window: Window = Window.MONTH,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
    tried: TriedLimit | None = None,
) -> HTMLResponse:
    """Show a patient's page, also with a form of it that was refused, or with a limit that was tried."""
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
    breached = _severest(
        alerts_store.breaches(cur, desk.practice_id, [one.reading_id for one in latest])
    )
    found = tasks.tasks_of_patient(cur, desk.practice_id, patient_id, limit=_MOST_TASKS)
    grant = patient_head.grant(cur, desk, patient_id)
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
        status=200 if refusal is NOTHING_REFUSED or tried else refusal.status,
        patient=head,
        charts=charts,
        latest=[(reading, breached.get(reading.reading_id)) for reading in latest],
        window=window,
        windows=list(Window),
        rules=in_force,
        questions=list(_movable(in_force)),
        tried=tried,
        tasks=found,
        enrolments=enrolment.of_patient(cur, desk.practice_id, patient_id),
        meters=worked_months.meters(worked_months.work_out(desk, cur, patient_id, this_month)),
        months=month_words,
        month=this_month,
        conditions=conditions.of_patient(cur, desk.practice_id, patient_id),
        expected=expected.load(cur, desk, head, may_change=not grant),
        may_conditions=not grant and permissions.may(desk.who, Resource.CONDITION, Action.CHANGE),
        grant=grant,
        may_home=permissions.may(desk.who, Resource.HOME_ACCOUNT, Action.VIEW),
        said=said,
        refusal=refusal,
    )


def _severest(breaches: Iterable[Breach]) -> dict[UUID, Breach]:
    """Return the severest breach of each reading that still counts."""
    counting = (one for one in breaches if one.withdrawn_at is None)
    by_severity = sorted(counting, key=lambda one: one.severity.rank)
    return {one.reading_id: one for one in by_severity}


def _movable(in_force: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Yield the rules that have one limit, as the form names them and as a person reads them."""
    for rule in in_force:
        limit = limit_of(rule.spec.signal)
        if limit is not None:
            words = f"{rule.spec.title} ({rule.spec.severity}), now {limit.number:g} {limit.unit}"
            yield "/".join(rule.question), words
