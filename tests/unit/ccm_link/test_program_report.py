"""A report's numbers: of whom they are, what is too little to say, and how groups are made of patients."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from ccm_link.billing.fees import parse
from ccm_link.evidence import program_report
from ccm_link.evidence.program_report import (
    Claimed,
    Facts,
    Glucose,
    Group,
    InPanel,
    Pressure,
    Report,
    Triage,
    Work,
)

SINCE, UNTIL = date(2026, 1, 1), date(2026, 4, 1)
ANN, BOB = uuid4(), uuid4()
FEES = parse(
    "fees",
    'title = "t"\nsource = "s"\n[[fee]]\ncode = "99490"\nfrom_on = "2026-01-01"\nuntil_on = "2026-12-31"\n'
    'amount = "66.13"\n',
)


def patient(patient_id: UUID, days: float = 90.0, manager: str | None = "Ada") -> InPanel:
    return InPanel(
        patient_id=patient_id,
        days=days,
        from_at=datetime(2026, 1, 1, tzinfo=UTC),
        practitioner="Dr. Dee",
        care_manager=manager,
    )


def pressure(systolic_mmhg: float, *, is_last: bool, readings: int = 12) -> Pressure:
    return Pressure(
        patient_id=ANN,
        is_last=is_last,
        systolic_mmhg=systolic_mmhg,
        diastolic_mmhg=75.0,
        readings=readings,
        days=3,
    )


def told(facts: Facts) -> Report:
    return program_report.report(facts, SINCE, UNTIL)


def whole(facts: Facts) -> Group:
    return told(facts).whole


def test_nothing_is_said_about_nobody() -> None:
    found = whole(Facts(panel=()))
    assert (found.patients, found.tasks_per_100_patient_days, found.seen_after_s) == (0, None, None)
    assert (found.pressure.first_percent, found.glucose.last_percent) == (None, None)
    assert found.projected_cents is None


def test_control_is_compared_of_those_whose_beginning_and_end_are_known() -> None:
    first, last = pressure(141.0, is_last=False), pressure(129.9, is_last=True)
    found = whole(Facts(panel=[patient(ANN)], pressures=[first, last]))
    assert (found.pressure.first_percent, found.pressure.last_percent) == (0.0, 100.0)
    assert found.systolic_change_mmhg is not None
    assert round(found.systolic_change_mmhg, 1) == -11.1
    assert whole(Facts(panel=[patient(ANN)], pressures=[last])).pressure.patients == 0
    few = replace(first, readings=11)
    assert whole(Facts(panel=[patient(ANN)], pressures=[few, last])).pressure.patients == 0


def test_pressure_at_the_goal_is_not_below_it() -> None:
    assert not pressure(130.0, is_last=True).is_controlled
    assert not replace(pressure(120.0, is_last=True), diastolic_mmhg=80.0).is_controlled


def test_shares_of_glucose_weigh_patients_not_readings() -> None:
    def glucose(patient_id: UUID, in_range: int, readings: int, *, is_last: bool) -> Glucose:
        return Glucose(
            patient_id=patient_id, is_last=is_last, in_range=in_range, readings=readings, days=9
        )

    found = whole(
        Facts(
            panel=[patient(ANN), patient(BOB)],
            glucose=[
                glucose(ANN, 50, 100, is_last=False),
                glucose(ANN, 100, 100, is_last=True),
                glucose(BOB, 0, 12, is_last=False),
                glucose(BOB, 12, 24, is_last=True),
            ],
        )
    )
    assert (found.glucose.first_percent, found.glucose.last_percent) == (25.0, 75.0)


def test_measuring_is_kept_up_in_proportion_to_the_time_in_care() -> None:
    panel = [patient(ANN, days=30.0), patient(BOB, days=90.0)]
    assert whole(Facts(panel=panel, measuring={ANN: 16, BOB: 47})).kept_up == 1
    assert whole(Facts(panel=panel, measuring={ANN: 15, BOB: 48})).kept_up == 1


def test_groups_are_of_patients_and_nobodys_come_last() -> None:
    facts = Facts(
        panel=[patient(ANN), patient(BOB, manager=None)],
        triage=[
            Triage(patient_id=ANN, severity="urgent", seen_after_s=60.0, done_after_s=None),
            Triage(patient_id=ANN, severity="urgent", seen_after_s=120.0, done_after_s=900.0),
            Triage(patient_id=BOB, severity="clinical", seen_after_s=None, done_after_s=None),
        ],
        work=[Work(patient_id=BOB, staff_name="Zoe", seconds=600, was_reached=True)],
    )
    found = told(facts)
    ada, nobody = found.by_care_manager
    assert (ada.name, ada.tasks, ada.seen_after_s, ada.done_after_s) == ("Ada", 2, 90.0, 900.0)
    assert (nobody.name, nobody.tasks, nobody.engaged, nobody.worked_s) == (None, 1, 1, 600)
    assert found.whole.tasks == sum(one.tasks for one in found.by_practitioner) == 3
    assert found.worked_s_by_person == {"Zoe": 600}


def test_projection_leaves_out_what_was_denied_and_names_what_has_no_fee() -> None:
    claim = Claimed(
        patient_id=ANN, state="proposed", code="99490", units=2, last_on=date(2026, 3, 31)
    )
    claimed = [claim, replace(claim, state="denied"), replace(claim, code="99439")]
    found = whole(Facts(panel=[patient(ANN)], claimed=claimed, paid={ANN: 5000}, fees=FEES))
    assert (found.projected_cents, found.unpriced, found.paid_cents) == (13226, ("99439",), 5000)
