"""Made-up files to import, in each format, and a practice whose patients they are about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from ingest import people

GENERIC_HEADER = "record_number,measured_at,systolic_mmhg,diastolic_mmhg,pulse_bpm,glucose_mg_dl"
OMRON_HEADER = (
    "Date,Time,Systolic (mmHg),Diastolic (mmHg),Pulse (bpm),Symptoms,Consumed,TruRead,Notes"
)
FIRST_AT = datetime(2023, 3, 1, 7, 30, tzinfo=UTC)


def add_practice(
    cur: Any, slug: str = "elm", record_numbers: Sequence[str] = ("R-1", "R-2")
) -> UUID:
    practice_id = people.add_practice(cur, slug=slug, name=slug, time_zone="America/New_York")
    for number in record_numbers:
        people.add_patient(
            cur,
            practice_id,
            display_name=f"Made up {number}",
            born_on=date(1950, 1, 2),
            record_number=number,
            time_zone="America/New_York",
        )
    return practice_id


def generic(count: int, record_number: str = "R-1") -> str:
    """Blood pressures ten minutes apart, with numbers that change."""
    lines = [GENERIC_HEADER]
    for index in range(count):
        at = (FIRST_AT + timedelta(minutes=10 * index)).isoformat().replace("+00:00", "Z")
        lines.append(
            f"{record_number},{at},{110 + index % 60},{60 + index % 40},{55 + index % 30},"
        )
    return "\n".join(lines) + "\n"


def omron(*rows: str) -> str:
    return "\n".join([OMRON_HEADER, *rows]) + "\n"


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": code} for code in codes]}


def quantity(value: float, code: str) -> dict[str, Any]:
    return {"value": value, "unit": code, "system": "http://unitsofmeasure.org", "code": code}


def panel(systolic: float = 128, diastolic: float = 79, **changes: Any) -> dict[str, Any]:
    """A blood-pressure panel of R-1."""
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": coded("85354-9"),
        "subject": {"identifier": {"value": "R-1"}},
        "effectiveDateTime": "2025-03-05T08:00:00-05:00",
        "component": [
            {"code": coded("8480-6"), "valueQuantity": quantity(systolic, "mm[Hg]")},
            {"code": coded("8462-4"), "valueQuantity": quantity(diastolic, "mm[Hg]")},
        ],
    }
    return {name: part for name, part in (observation | changes).items() if part is not None}


def glucose(value: float = 104, code: str = "41653-7", unit: str = "mg/dL") -> dict[str, Any]:
    observation = panel(code=coded(code), component=None)
    return observation | {"valueQuantity": quantity(value, unit)}


def bundle(*resources: dict[str, Any]) -> str:
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
