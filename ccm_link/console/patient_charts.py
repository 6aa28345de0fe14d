"""The charts of one patient: loads readings and limits, hands out specification, sentence and table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from alerts import rules
from alerts import store as alerts_store
from alerts.limits import line_of
from alerts.measures import Measure
from alerts.rules import Memberships, Rule
from ccm_link import audience
from ccm_link.chart import chart_sentences, charts, series
from ccm_link.chart.chart_look import Look
from ccm_link.chart.charts import Limit, Spec
from ccm_link.chart.series import Points
from ccm_link.console.desk import Cursor
from ccm_link.local_days import Days
from firmware_profiles import kinds
from firmware_profiles.kinds import Number
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
    KETONE = "ketone"
    BODY_WEIGHT = "body-weight"
    PULSE_OXIMETRY = "pulse-oximetry"
    BODY_TEMPERATURE = "body-temperature"

    @property
    def kind(self) -> Kind:
        """Return what the chart shows."""
        return Kind(self.replace("-", "_"))

    @property
    def heading(self) -> str:
        """Return the chart's heading."""
        return kinds.OF[self.kind].title

    @property
    def has_pulse(self) -> bool:
        """Tell whether its readings come with a pulse."""
        return Measure.PULSE_BPM.is_of(self.kind)

    @property
    def has_range_results(self) -> bool:
        """Tell whether its readings may be HI or LO."""
        return kinds.OF[self.kind].has_range_results


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
        if self.name is ChartName.BLOOD_PRESSURE:
            return chart_sentences.blood_pressure(
                series.blood_pressures(self.readings), self.limits, self.days
            )
        return chart_sentences.points(
            self._points, self.name.kind, self._number, self.limits, self.days
        )

    def spec(self, look: Look) -> Spec:
        """Return the drawing's specification."""
        if self.name is ChartName.BLOOD_PRESSURE:
            return charts.blood_pressure(
                series.blood_pressures(self.readings), self.limits, self.days, look
            )
        return charts.points(self._points, self._number, self.limits, self.days, look)

    @property
    def is_worth_showing(self) -> bool:
        """Tell whether there is something to see, or somebody waits for readings: limits are in force."""
        return bool(self.shown or self.limits)

    @property
    def _number(self) -> Number:
        return kinds.OF[self.name.kind].needed[0]

    @property
    def _points(self) -> Points:
        return series.points(self.readings, self._number.name)


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
    drawn = {number.name for number in kinds.OF[name.kind].needed}
    limits = [
        Limit(line.measure, line.comparison, rule.spec.severity, line.level, line.is_of_mean)
        for rule in in_force
        if (line := line_of(rule.spec.signal)) is not None and line.measure in drawn
    ]
    return PatientChart(name, readings, limits, days)


def rules_in_force(cur: Cursor, patient: Patient, now: datetime) -> list[Rule]:
    """Load the rules that a reading of this moment would be asked about: the severest first, then by family."""
    patient_id = patient.patient_id
    versions = alerts_store.rules_of_patients(cur, patient.practice_id, [patient_id], now).rules
    members = audience.memberships(cur, patient.practice_id, [patient_id], now)
    return rules.in_force(versions, patient_id, members.get(patient_id, Memberships()), now)
