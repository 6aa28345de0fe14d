"""Which averages of home blood pressure a reading has an EHR told: yesterday's, or all that a late one changes.

The first reading of a day has the average sent that ended the day before: it is complete by then. A reading that comes
later, or a correction, changes the averages of the days that it falls into, as far as they are over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from ccm_link.local_days import Days
from firmware_profiles.readings import Kind
from ingest import home_blood_pressure, people, reading_arrays, store
from ingest.home_blood_pressure import ProtocolAverage
from ingest.rows import StoredReading

Cursor = psycopg.Cursor[Any]


def told_by(
    cur: Cursor, reading: StoredReading, now: datetime
) -> Iterator[tuple[ProtocolAverage, ZoneInfo, bool]]:
    """Yield averages with the patient's zone, and whether each is sent only where the EHR has none yet.

    Args:
        cur: Open cursor.
        reading: What arrived, or was corrected.
        now: Aware UTC.
    """
    if reading.kind is not Kind.BLOOD_PRESSURE or reading.patient_id is None:
        return
    patient = people.patient(cur, reading.practice_id, reading.patient_id)
    if patient is None or reading.measured_day is None:
        return
    zone = ZoneInfo(patient.time_zone)
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    for last_day, is_late in last_days(reading.measured_day, yesterday):
        first_day = last_day - timedelta(days=home_blood_pressure.PROTOCOL_DAYS - 1)
        days = Days(first_day, last_day, zone)
        found = store.readings_of_patient(
            cur, reading.practice_id, reading.patient_id, reading.kind, days.from_at, days.until_at
        )
        pressures, _ = reading_arrays.home_pressures(found, zone)
        yield home_blood_pressure.protocol_average(pressures, last_day), zone, not is_late


def last_days(measured_on: date, yesterday: date) -> list[tuple[date, bool]]:
    """Return the last days of the averages, each with whether the reading falls into it. Pure.

    >>> [day.day for day, _ in last_days(date(2026, 11, 12), date(2026, 11, 11))]
    [11]
    >>> [day.day for day, _ in last_days(date(2026, 11, 9), date(2026, 11, 11))]
    [9, 10, 11]
    """
    if measured_on > yesterday:
        return [(yesterday, False)]
    last = min(measured_on + timedelta(days=home_blood_pressure.PROTOCOL_DAYS - 1), yesterday)
    count = (last - measured_on).days + 1
    return [(measured_on + timedelta(days=days), True) for days in range(count)]
