"""The charts of one patient: loads readings and limits, hands out specification, sentence and table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from alerts import rules
from alerts import store as alerts_store
from alerts.rules import Measure, Rule, Severity
from ccm_link import chart_sentences, charts, series
from ccm_link.chart_look import Look
from ccm_link.charts import Limit, Spec
from ccm_link.console.desk import Cursor
from ccm_link.local_days import Days
from firmware_profiles.readings import Kind
from ingest import store
from ingest.people import Patient
from ingest.rows import StoredReading

# The first means on the chart need the week before it.
_LEAD_IN: Final = timedelta(days=7)


class Window(StrEnum):
    """How many patient-local days a page shows, today included."""

    WEEK = "7"
    FORTNIGHT = "14"
    MONTH = "30"
    QUARTER = "90"

    def days(self, now: datetime, patient: Patient) -> Days:
        """Return the days that end with the patient's current one."""
        return Days.until_today(int(self), now, ZoneInfo(patient.time_zone))


class ChartName(StrEnum):
    """The charts, as they are named in addresses."""

    BLOOD_PRESSURE = "blood-pressure"
    GLUCOSE = "glucose"

    @property
    def kind(self) -> Kind:
        """Return what the chart shows."""
        return _KINDS[self]

    @property
    def heading(self) -> str:
        """Return the chart's heading."""
        return _HEADINGS[self]


_KINDS: Final = {ChartName.BLOOD_PRESSURE: Kind.BLOOD_PRESSURE, ChartName.GLUCOSE: Kind.GLUCOSE}
_HEADINGS: Final = {ChartName.BLOOD_PRESSURE: "Blood pressure", ChartName.GLUCOSE: "Glucose"}
_DRAWN: Final = {
    ChartName.BLOOD_PRESSURE: (Measure.SYSTOLIC_MMHG, Measure.DIASTOLIC_MMHG),
    ChartName.GLUCOSE: (Measure.GLUCOSE_MG_DL,),
}


@dataclass(frozen=True, slots=True)
class PatientChart:
    """One chart's material. ``readings`` are all of the patient's, oldest first, a week of lead-in included."""

    name: ChartName
    readings: list[StoredReading]
    limits: list[Limit]
    days: Days

    @property
    def shown(self) -> list[StoredReading]:
        """Return the readings on the days shown, newest first."""
        return [one for one in reversed(self.readings) if one.measured_at >= self.days.from_at]

    @property
    def sentence(self) -> str:
        """Return what the chart shows, in words."""
        if self.name is ChartName.GLUCOSE:
            return chart_sentences.glucose(series.glucoses(self.readings), self.limits, self.days)
        return chart_sentences.blood_pressure(
            series.blood_pressures(self.readings), self.limits, self.days
        )

    def spec(self, look: Look) -> Spec:
        """Return the drawing's specification."""
        if self.name is ChartName.GLUCOSE:
            return charts.glucose(series.glucoses(self.readings), self.limits, self.days, look)
        return charts.blood_pressure(
            series.blood_pressures(self.readings), self.limits, self.days, look
        )


def load(
    cur: Cursor, patient: Patient, name: ChartName, days: Days, in_force: list[Rule]
) -> PatientChart:
    """Load one chart's readings; limits come from the rules in force."""
    readings = store.readings_of_patient(
        cur,
        patient.practice_id,
        patient.patient_id,
        name.kind,
        days.from_at - _LEAD_IN,
        days.until_at,
    )
    limits = [
        Limit(rule.question, rule.limit_value)
        for rule in in_force
        if rule.question.measure in _DRAWN[name]
    ]
    return PatientChart(name, readings, limits, days)


def rules_in_force(cur: Cursor, patient: Patient, now: datetime) -> list[Rule]:
    """Load the rules that a reading of this moment would be asked about: urgent first, then as people list them."""
    versions = alerts_store.rules_of_patient(cur, patient.practice_id, patient.patient_id)
    return sorted(
        rules.rules_in_force(versions, patient.patient_id, now),
        key=lambda rule: (
            rule.question.severity is not Severity.URGENT,
            list(Measure).index(rule.question.measure),
            rule.question.comparison,
        ),
    )
