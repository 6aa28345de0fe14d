"""What a patient or a carer sees from home: the readings, and who looked at them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from alerts import confirmations
from ccm_link.chart.chart_look import Look, Size, Theme
from ccm_link.console import drawing, patient_charts, problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.patient_charts import ChartName, Window
from ingest import audit_query, people
from ingest.audit_query import Wanted
from ingest.people import Patient

router = APIRouter(prefix="/own-record", include_in_schema=False)

_LATEST: Final = 30  # two weeks of measuring twice a day
_LOOKED_BACK: Final = timedelta(days=90)
_MOST_LOOKS: Final = 200


@router.get("")
def home_page(desk: AtDesk, days: Window = Window.MONTH) -> HTMLResponse:
    """Show the readings."""
    with desk.transaction() as cur:
        patient = _patient(desk, cur)
        window = days.days(desk.now, patient)
        charts = [patient_charts.load(cur, patient, name, window, []) for name in ChartName]
        readings = [reading for chart in charts for reading in chart.shown]
        requests = confirmations.of_patient(cur, desk.practice_id, patient.patient_id, desk.now)
        desk.saw(patient.patient_id, readings=len(readings), days=days, requests=len(requests))
        return desk.page(
            cur,
            "home.html",
            patient=patient,
            # Two rules may ask the same.
            requests=list({request.ask: request for request in requests}.values()),
            patient_zone=ZoneInfo(patient.time_zone),
            charts=[chart for chart in charts if chart.shown],
            latest=sorted(readings, key=lambda one: one.measured_at, reverse=True)[:_LATEST],
            window=days,
            windows=list(Window),
        )


@router.get("/charts/{chart}.svg")
def chart_image(
    desk: AtDesk,
    chart: ChartName,
    days: Window = Window.MONTH,
    theme: Theme = Theme.LIGHT,
    size: Size = Size.WIDE,
) -> Response:
    """Draw one chart."""
    with desk.transaction() as cur:
        patient = _patient(desk, cur)
        material = patient_charts.load(cur, patient, chart, days.days(desk.now, patient), [])
        desk.saw(patient.patient_id, chart=chart, days=days, readings=len(material.shown))
    drawn = drawing.svg(material.spec(Look.of(theme, size)))
    return Response(drawn, media_type="image/svg+xml")


@router.get("/looks")
def looks_page(desk: AtDesk) -> HTMLResponse:
    """Show who looked at the readings or changed something, newest first."""
    wanted = Wanted(
        desk.now - _LOOKED_BACK, desk.now + timedelta(seconds=1), patient_id=desk.patient_id
    )
    with desk.transaction() as cur:
        patient = _patient(desk, cur)
        looks, more = audit_query.who_looked(
            cur, desk.practice_id, wanted, behind=None, limit=_MOST_LOOKS
        )
        desk.saw(patient.patient_id, looks=len(looks))
        return desk.page(
            cur,
            "home_looks.html",
            patient_zone=ZoneInfo(patient.time_zone),
            looks=looks,
            is_cut=more is not None,
        )


def _patient(desk: Desk, cur: Cursor) -> Patient:
    patient = people.patient(cur, desk.practice_id, desk.patient_id)
    if patient is None:
        raise problems.Refused(problems.NOT_FOUND)
    return patient
