"""No kind of reading is forgotten by what people and programs are shown."""

from __future__ import annotations

from dataclasses import fields

from ccm_link.console.json_api import reading_models
from ccm_link.console.patient_charts import ChartName
from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from ingest import daily_summary
from ingest.importing.imported_row import Numbers
from ingest.rows import StoredReading


def test_every_kind_has_a_chart() -> None:
    assert sorted(chart.kind for chart in ChartName) == sorted(Kind)


def test_every_number_is_in_what_programs_get() -> None:
    assert set(kinds.NUMBERS) <= reading_models.Reading.model_fields.keys()
    assert set(daily_summary.SUMMED) <= reading_models.Day.model_fields.keys()
    assert set(Kind) <= reading_models.LatestReadings.model_fields.keys()


def test_every_number_is_stored_summed_up_and_imported() -> None:
    assert set(kinds.NUMBERS) <= set(StoredReading._fields)
    assert set(daily_summary.SUMMED) <= {field.name for field in fields(daily_summary.DailySummary)}
    assert {field.name for field in fields(Numbers)} == set(kinds.NUMBERS)


def test_codes_are_those_of_the_kind() -> None:
    of_oximeters = reading_models.codes_of(Kind.PULSE_OXIMETRY)
    assert {name: (one.loinc, one.ucum) for name, one in of_oximeters.items()} == {
        "spo2_percent": ("59408-5", "%"),
        "pulse_bpm": ("8867-4", "/min"),
    }
