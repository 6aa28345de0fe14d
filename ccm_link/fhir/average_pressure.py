"""The home protocol's average as US Core's average blood pressure, over the seven days that it is of. Pure.

Too few readings make no average, and then there is none to tell: the components say that the number is absent.

Source: US Core 7.0.0, Average Blood Pressure: LOINC 96607-7 with 96608-5 and 96609-3, and a period; the protocol as in
``ingest/home_blood_pressure.py``.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from ccm_link import local_days
from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.fhir.observation import VITAL_SIGNS
from firmware_profiles.codes import MMHG
from ingest.home_blood_pressure import ProtocolAverage

CODE: Final = "96607-7"
_PROFILE: Final = codings.US_CORE + "average-blood-pressure"
_PART: Final = ".average-pressure."
_YEARS: Final = range(1900, 2200)  # outside of it arithmetic on days can leave the calendar
_COMPONENTS: Final = (
    ("systolic_mmhg", "96608-5", "Systolic pressure, average"),
    ("diastolic_mmhg", "96609-3", "Diastolic pressure, average"),
)


def average_id(patient_id: UUID, last_day: date) -> str:
    """Return the id of a patient's average, which is made of the readings when it is asked for."""
    return f"{patient_id}{_PART}{last_day.isoformat()}"


def parted(resource_id: str) -> tuple[UUID, date] | None:
    """Return the patient and the last day that an id names; None where it is none of ours."""
    text, is_ours, day = resource_id.partition(_PART)
    if not is_ours:
        return None
    try:
        patient_id, last_day = UUID(text), date.fromisoformat(day)
    except ValueError:
        return None
    if last_day.year not in _YEARS or resource_id != average_id(patient_id, last_day):
        return None
    return patient_id, last_day


def of(patient_id: UUID, found: ProtocolAverage, zone: ZoneInfo, now: datetime) -> Json:
    """Return an average.

    Args:
        patient_id: Whose.
        found: What the protocol says of the seven days.
        zone: In which the patient's days are counted.
        now: Aware; until its last day is over an average is “preliminary”.
    """
    days = local_days.Days(found.first_day, found.last_day, zone)
    resource_id = average_id(patient_id, found.last_day)
    return codings.resource(
        "Observation",
        resource_id,
        profiles=[_PROFILE],
        identifier=[codings.uuid_identifier(uuid5(patient_id, resource_id))],
        status="final" if days.until_at <= now else "preliminary",
        category=[VITAL_SIGNS],
        code=codings.concept(codings.loinc(CODE), text="Average blood pressure"),
        subject=codings.reference("Patient", patient_id),
        effectivePeriod={
            "start": codings.instant(days.from_at),
            "end": codings.instant(days.until_at),
        },
        method=codings.concept(
            text="Two readings each morning and evening at home, without the first day"
        ),
        note=[{"text": f"Mean of {found.average.readings} readings on {found.days} days at home."}],
        component=[
            {
                "code": codings.concept(codings.loinc(code), text=text),
                **_mean(getattr(found.average, name)),
            }
            for name, code, text in _COMPONENTS
        ],
    )


def _mean(mean_mmhg: float | None) -> Json:
    if mean_mmhg is None:
        return {"dataAbsentReason": codings.absent("not-performed", "Too few readings.")}
    # Cuffs tell whole numbers; a mean of twelve of them deserves one more digit.
    return {"valueQuantity": codings.quantity(round(Decimal(repr(mean_mmhg)), 1), MMHG)}
