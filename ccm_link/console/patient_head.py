"""Who the patient is, as every page about a patient says it first."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link.console import problems, wording
from ccm_link.console.desk import Cursor, Desk
from ingest import people
from ingest.people import Patient


@dataclass(frozen=True, slots=True)
class PatientHead:
    """A patient with what depends on the moment."""

    record: Patient
    zone: ZoneInfo
    age: int


def load(cur: Cursor, desk: Desk, patient_id: UUID) -> PatientHead:
    """Load a patient of the practice.

    Raises:
        Refused: 404 for a patient who is not there or another practice's.
    """
    record = people.patient(cur, desk.practice_id, patient_id)
    if record is None:
        raise problems.Refused(problems.NOT_FOUND)
    zone = ZoneInfo(record.time_zone)
    return PatientHead(record, zone, wording.age(record.born_on, desk.now.astimezone(zone).date()))
