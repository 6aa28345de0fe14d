"""Readings of tests as the columns that the store hands out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import numpy as np

from alerts import past_readings
from alerts.measures import measures_of
from alerts.past_readings import Past, PastReading
from firmware_profiles.readings import Kind, Result
from ingest.rows import Origin

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def past(kind: Kind, readings: Iterable[PastReading], until: datetime) -> Past:
    """Return readings in any order as the past of one kind."""
    ordered = sorted(readings, key=lambda one: (one.patient_id, one.measured_at, one.reading_id))
    columns = {
        "patient": np.array([one.patient_id.bytes for one in ordered], dtype="V16"),
        "reading": np.array([one.reading_id.bytes for one in ordered], dtype="V16"),
        "result": np.array([list(Result).index(one.result) for one in ordered]),
        "origin": np.array([list(Origin).index(one.origin) for one in ordered]),
        "at_us": np.array(
            [(one.measured_at - _EPOCH) // timedelta(microseconds=1) for one in ordered]
        ),
        "local_day": np.array([(one.measured_day - date(1970, 1, 1)).days for one in ordered]),
        "version": np.array([one.version for one in ordered]),
        "irregular_pulse": np.array([one.is_irregular_pulse for one in ordered]),
    }
    numbers = {
        measure: np.array([one.numbers.get(measure, np.nan) for one in ordered])
        for measure in measures_of(kind)
    }
    return past_readings.past(kind, columns, numbers, until)
