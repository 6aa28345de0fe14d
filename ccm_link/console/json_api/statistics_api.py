"""The JSON API of what a patient's readings come to, computed here: nobody has to know the rules twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from ccm_link.console import patient_head
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.json_api import api_models, reading_models
from ccm_link.console.patient_head import PatientHead
from ccm_link.console.posted import inputs
from ccm_link.local_days import Days
from firmware_profiles.readings import Kind
from ingest import glucose_statistics, home_blood_pressure, reading_arrays, store
from ingest.rows import StoredReading

router = APIRouter(prefix="/api/v1/patients/{patient_id}/statistics", responses=api_models.REFUSALS)


@router.get("/blood-pressure")
def blood_pressure(
    desk: AtDesk, patient_id: UUID, asked: Annotated[inputs.BloodPressureWindow, Query()]
) -> reading_models.BloodPressureStatistics:
    """Return the home protocol's average and the variability of a patient's blood pressure."""
    with desk.transaction() as cur:
        head = patient_head.load(cur, desk, patient_id)
        days = _days(desk, head.zone, asked.last_day, asked.days)
        found = _load(cur, desk, head, Kind.BLOOD_PRESSURE, days)
    pressures, material = reading_arrays.home_pressures(found, head.zone)
    return reading_models.BloodPressureStatistics(
        patient_id=patient_id,
        time_zone=head.record.time_zone,
        first_day=days.first_day,
        last_day=days.last_day,
        days=days.count,
        codes=reading_models.codes_of(Kind.BLOOD_PRESSURE),
        material=reading_models.Material.model_validate(material),
        protocol=reading_models.ProtocolAverage.model_validate(
            home_blood_pressure.protocol_average(pressures, days.last_day)
        ),
        variability=reading_models.Variabilities.model_validate(
            home_blood_pressure.variabilities(pressures)
        ),
    )


@router.get("/glucose")
def glucose(
    desk: AtDesk, patient_id: UUID, asked: Annotated[inputs.GlucoseWindow, Query()]
) -> reading_models.GlucoseWindowStatistics:
    """Return mean, spread and shares of a patient's glucose measurements, and what only a sensor's data can say."""
    with desk.transaction() as cur:
        head = patient_head.load(cur, desk, patient_id)
        days = _days(desk, head.zone, asked.last_day, asked.days)
        found = _load(cur, desk, head, Kind.GLUCOSE, days)
    course, material = reading_arrays.glucose_course(found)
    return reading_models.GlucoseWindowStatistics(
        patient_id=patient_id,
        time_zone=head.record.time_zone,
        first_day=days.first_day,
        last_day=days.last_day,
        days=days.count,
        codes=reading_models.codes_of(Kind.GLUCOSE),
        material=reading_models.Material.model_validate(material),
        statistics=reading_models.GlucoseStatistics.model_validate(
            glucose_statistics.statistics(course, days.count)
        ),
    )


def _days(desk: Desk, zone: ZoneInfo, last_day: date | None, count: int) -> Days:
    """Return so many local days that end with the given one, or with the patient's current one."""
    if last_day is None:
        return Days.until_today(count, desk.now, zone)
    return Days(last_day - timedelta(days=count - 1), last_day, zone)


def _load(
    cur: Cursor, desk: Desk, head: PatientHead, kind: Kind, days: Days
) -> list[StoredReading]:
    patient_id = head.record.patient_id
    found = store.readings_of_patient(
        cur, desk.practice_id, patient_id, kind, days.from_at, days.until_at
    )
    desk.saw(
        patient_id,
        kind=kind,
        first_day=days.first_day,
        last_day=days.last_day,
        readings=len(found),
    )
    return found
