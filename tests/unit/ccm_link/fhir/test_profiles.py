"""Every resource that we build follows FHIR R4 and the profiles that it names; if not, the validator would say so."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.measures import Comparison, Measure, Severity
from ccm_link import work
from ccm_link.care_record.resources import references
from ccm_link.fhir import (
    average_pressure,
    care_task,
    condition,
    contact,
    device,
    observation,
    patient,
    plan,
    plan_copy,
    program_consent,
    server_types,
    team,
)
from ccm_link.fhir.codings import Json
from ccm_link.fhir.observation import Beside
from ccm_link.plan.care_plan import Version
from ccm_link.plan.plan_document import Goal, Intervention, PlanDocument, Section
from ccm_link.program import care_team, consents, outreach
from ccm_link.registry import conditions
from firmware_profiles.readings import Kind, Result
from ingest import assignments, directory
from ingest.home_blood_pressure import Mean, ProtocolAverage
from ingest.measured_at import TimeQuality
from ingest.people import Role
from tests import fhir_profiles
from tests.fhir_profiles import Validator
from tests.unit.ccm_link.fhir.conftest import AT, imported, of_kind
from tests.unit.ccm_link.fhir.test_patient import BARE, FULL

ID, PATIENT = uuid.UUID(int=5), uuid.UUID(int=2)
ZONE = ZoneInfo("America/New_York")
CUFF = Beside("C0:26:DA:00:11:22", "fasting", uuid.UUID(int=9))


@pytest.fixture(scope="module")
def validator() -> Iterator[Validator]:
    with fhir_profiles.running() as running:
        yield running


NUMBERS: dict[Kind, dict[str, float]] = {
    Kind.BLOOD_PRESSURE: {"systolic_mmhg": 131, "diastolic_mmhg": 83, "mean_arterial_mmhg": 99, "pulse_bpm": 71},
    Kind.GLUCOSE: {"glucose_mg_dl": 104.0},
    Kind.BODY_WEIGHT: {"weight_kg": 78.5},
    Kind.PULSE_OXIMETRY: {"spo2_percent": 97.0, "pulse_bpm": 60.0},
    Kind.BODY_TEMPERATURE: {"temperature_celsius": 37.2},
    Kind.KETONE: {"ketone_mmol_l": 0.4},
}  # fmt: skip


def readings() -> Iterator[tuple[str, list[Json]]]:
    for kind, numbers in NUMBERS.items():
        floats = {name: float(number) for name, number in numbers.items()}
        for name, reading in {
            "sent": of_kind(kind, **floats, qualifiers=("site_armpit", "body_movement")),
            "undated": of_kind(kind, **floats, time_quality=TimeQuality.UNKNOWN, device_time=None),
            "amended": of_kind(kind, **floats, version=2),
            "in error": of_kind(kind, **floats, superseded_at=AT + timedelta(days=1)),
            "imported": imported(kind, **floats),
            **{result: of_kind(kind, result=result) for result in Result if result != "measured"},
        }.items():
            yield f"{kind} {name}", observation.of_reading(reading, CUFF)


TASK = work.Task(
    practice_id=ID,
    task_id=ID,
    patient_id=PATIENT,
    patient_name="x",
    record_number="x",
    episode_id=ID,
    origin=work.Origin.ALERT,
    title="High blood pressure",
    severity=Severity.URGENT,
    status=work.TaskStatus.OPEN,
    candidate_role=Role.CLINICIAN,
    owner_staff_id=None,
    owner_name=None,
    opened_at=AT,
    due_at=AT + timedelta(hours=1),
    overdue_at=None,
    breach_count=1,
    breached_at=AT,
    breach_sentence="183/104 mmHg, limit 180",
    is_late=False,
    is_of_reading=True,
    acknowledged_at=None,
    snoozed_at=None,
    snoozed_until=None,
    escalated_at=None,
    returned_at=None,
    return_count=0,
    in_range_at=None,
    completed_at=None,
    disposition=None,
    disposition_note=None,
    follows_task_id=None,
    schedule_id=None,
    row_version=1,
)
TAKEN_ON = replace(TASK, owner_staff_id=ID, owner_name="Casey Lindqvist", acknowledged_at=AT)
DONE = replace(
    TAKEN_ON,
    status=work.TaskStatus.COMPLETED,
    completed_at=AT,
    disposition=work.Disposition.REACHED_ADVISED,
    disposition_note="Called.",
)
PLANNED = replace(TASK, origin=work.Origin.SCHEDULE, episode_id=None, due_at=None, breached_at=None)

PLAN = Version(
    plan_id=ID,
    patient_id=PATIENT,
    version=2,
    document=PlanDocument(
        sections={Section.PROBLEMS: ("Pressure < 130 & “calm”", "<script>")},
        goals=(
            Goal(
                "Calmer mornings", Measure.SYSTOLIC_MMHG, Comparison.BELOW, 130.0, date(2027, 3, 1)
            ),
            Goal("Walk to the shop"),
            Goal("More sleep", by_on=date(2027, 1, 1)),
        ),
        interventions=(Intervention("Care manager", "Calls each week"),),
    ),
    signed_at=AT,
    signed_by_id=ID,
    signed_by="Dana Achterberg",
)
CONSENT = consents.Consent(
    practice_id=ID,
    consent_id=ID,
    enrolment_id=ID,
    patient_id=PATIENT,
    practitioner_id=ID,
    practitioner_name="Dana Achterberg",
    method=consents.Method.VERBAL,
    script=consents.consent_script.Origin.SHIPPED,
    script_version=1,
    elements=("cost_sharing", "one_practitioner"),
    given_by=consents.GivenBy.PATIENT,
    carer="",
    taken_by="Casey Lindqvist",
    witness="",
    documented_at=AT,
    recorded_at=AT,
    evidence="",
    superseded_at=None,
    revoked_at=None,
    revoked_by=None,
    revoke_reason=None,
)
CARRIED_OVER = replace(
    CONSENT,
    practitioner_id=None,
    method=consents.Method.NOT_RECORDED,
    script=None,
    script_version=None,
    elements=(),
    given_by=consents.GivenBy.NOT_RECORDED,
    revoked_at=AT,
)
BY_CARER = replace(CONSENT, given_by=consents.GivenBy.CARER, carer="Rosa, by power of attorney")
MEMBER = care_team.Member(
    member_id=ID,
    role=care_team.TeamRole.CARE_MANAGER,
    staff_id=ID,
    name="Casey Lindqvist",
    organisation="",
    phone="",
    note="",
    from_at=AT,
    until_at=None,
    added_by="x",
    ended_by=None,
)
PHARMACY = replace(
    MEMBER, role=care_team.TeamRole.PHARMACY, staff_id=None, name="", organisation="Mill Pharmacy"
)
CONDITION = conditions.Condition(
    practice_id=ID,
    condition_id=ID,
    patient_id=PATIENT,
    code="E11.9",
    source="Problem list",
    recorded_by="x",
    recorded_at=AT,
    ended_at=None,
    ended_by=None,
    end_reason=None,
    **({"onset_on": None} if "onset_on" in conditions.Condition.__slots__ else {}),
)
CALL = outreach.Attempt(
    enrolment_id=ID,
    tried_at=AT,
    made_by="x",
    method=outreach.Method.PHONE,
    outcome=outreach.Outcome.REACHED,
    spoke_with=outreach.SpokeWith.PATIENT,
    note="Friendly.",
    next_try_at=None,
)
CUFF_ROW = assignments.Peripheral(ID, "C0:26:DA:00:11:22", "and-ua-651ble", AT)
GATEWAY = directory.Gateway(
    "gw-home0001", ID, "Kitchen", directory.Standing.ACTIVE, AT, AT, is_online=True
)


WEEK = ProtocolAverage(
    average=Mean(131.4375, 82.75, 16, None),
    morning=Mean(None, None, 4, None),
    evening=Mean(None, None, 4, None),
    first_day=date(2026, 11, 6),
    last_day=date(2026, 11, 12),
    day_dropped=date(2026, 11, 6),
    readings_taken=20,
    days=5,
    completeness_percent=71.4,
    beyond_protocol=0,
    outside_hours=0,
)
TOO_FEW = replace(WEEK, average=Mean(None, None, 3, None))


def others() -> Iterator[tuple[str, list[Json]]]:
    yield "averages", [average_pressure.of(PATIENT, one, ZONE, AT) for one in (WEEK, TOO_FEW)]
    yield "patient", [patient.of(BARE), patient.of(FULL)]
    yield "death", [patient.of(replace(FULL, standing="deceased", died_on=date(2026, 11, 3)))]
    yield "tasks", [care_task.task(one, AT) for one in (TASK, TAKEN_ON, DONE, PLANNED)]
    yield "plans", [plan.care_plan(PLAN, is_in_force=one) for one in (True, False)]
    yield "goals", plan.goals(PLAN, is_in_force=True) + plan.goals(PLAN, is_in_force=False)
    yield "plan's copy", [plan_copy.of(PLAN, b"%PDF-1.7", is_in_force=True)]
    yield (
        "consents",
        [
            program_consent.of(CONSENT, "ccm", None),
            program_consent.of(CARRIED_OVER, "rpm", AT),
            program_consent.of(BY_CARER, "ccm", None),
        ],
    )
    yield "team", [one for one in [team.of(PATIENT, [MEMBER, PHARMACY])] if one is not None]
    yield (
        "conditions",
        [
            condition.of(CONDITION),
            condition.of(replace(CONDITION, ended_at=AT, ended_by="x", end_reason="It is over.")),
        ],
    )
    yield (
        "contacts",
        [
            contact.of_attempt(ID, PATIENT, CALL),
            contact.of_attempt(
                ID, PATIENT, replace(CALL, outcome=outreach.Outcome.NO_ANSWER, spoke_with=None)
            ),
            contact.of_attempt(ID, PATIENT, replace(CALL, spoke_with=outreach.SpokeWith.CAREGIVER)),
        ],
    )
    yield (
        "devices",
        [
            device.of_peripheral(replace(CUFF_ROW, profile_id="of the site")),
            device.of_peripheral(CUFF_ROW),
            device.peripheral(CUFF_ROW, title="A cuff", models=("UA-651BLE",), kinds=Kind),
            device.gateway(GATEWAY, ""),
            device.gateway(GATEWAY, "0.1.0"),
        ],
    )


def test_every_reading_follows_its_profiles(
    validator: Validator, subtests: pytest.Subtests
) -> None:
    for name, resources in readings():
        with subtests.test(name):
            assert [validator.complaints(one) for one in resources] == [[]] * len(resources)


def test_everything_else_follows_its_profiles(
    validator: Validator, subtests: pytest.Subtests
) -> None:
    for name, resources in others():
        with subtests.test(name):
            assert resources
            assert [validator.complaints(one) for one in resources] == [[]] * len(resources)


def test_every_profile_that_is_here_is_claimed_by_something_that_we_build() -> None:
    built = [one for _, resources in (*readings(), *others()) for one in resources]
    claimed = {profile for one in built for profile in one.get("meta", {}).get("profile", [])}
    here = {
        fhir_profiles.resource_json.read(file.read_bytes())["url"]
        for file in fhir_profiles.FOLDER.glob("*.json")
    }
    assert claimed == here


def test_a_reference_leads_to_a_type_that_is_read_here() -> None:
    built = [one for _, every in (*readings(), *others()) for one in every]
    targets = {target.partition("/")[0] for target in references(built)}
    assert targets <= server_types.TYPES.keys()


BREAKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a component is missing": lambda one: one["component"].pop(),
    "a component twice": lambda one: one["component"].append(one["component"][0]),
    "no number and no reason": lambda one: one["component"][0].pop("valueQuantity"),
    "not among the vital signs": lambda one: one["category"].pop(0),
    "another panel": lambda one: one["code"]["coding"][0].update(code="35094-2"),
    "no time": lambda one: one.pop("effectiveDateTime"),
    "a year for a time": lambda one: one.update(effectiveDateTime="2026"),
    "nobody's": lambda one: one.pop("subject"),
    "no gateway": lambda one: one.pop("extension"),
    "no device": lambda one: one.pop("device"),
    "not of a device": lambda one: one["category"].pop(1),
    "a field that FHIR does not have": lambda one: one.update(systolic=131),
    "a profile that nobody knows": lambda one: one["meta"]["profile"].append("http://x.example/y"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_the_validator_says_what_is_wrong(validator: Validator, what: str) -> None:
    reading = of_kind(systolic_mmhg=131.0, diastolic_mmhg=83.0)
    (resource,) = observation.of_reading(reading, Beside("C0:26:DA:00:11:22"))
    assert validator.complaints(resource) == []
    broken = copy.deepcopy(resource)
    BREAKS[what](broken)
    assert validator.complaints(broken) != []


def test_no_number_of_a_vital_sign_goes_out_in_a_unit_that_its_profile_forbids() -> None:
    # Fixed values beneath a slice's choice of types, which the validator does not look into.
    # Source: US Core 6.1.0, fixed and required units of its vital signs.
    allowed = {
        "85354-9": {"mm[Hg]"},
        "8480-6": {"mm[Hg]"},
        "8462-4": {"mm[Hg]"},
        "8478-0": {"mm[Hg]"},
        "8867-4": {"/min"},
        "29463-7": {"kg", "[lb_av]", "g"},
        "8310-5": {"Cel", "[degF]"},
        "59408-5": {"%"},
    }
    for one in measured():
        (code, *_) = [coding["code"] for coding in one["code"].get("coding", [])] or [""]
        if code in allowed:
            assert one["valueQuantity"]["code"] in allowed[code]
            assert one["valueQuantity"]["system"] == "http://unitsofmeasure.org"


def measured() -> Iterator[dict[str, Any]]:
    """Yield everything that has a number."""
    for _, resources in readings():
        for resource in resources:
            for one in (resource, *resource.get("component", [])):
                if "valueQuantity" in one:
                    yield one


def test_what_is_told_apart_by_value_sets_has_a_code_of_them() -> None:
    # Slices that only their value set tells from others, which the validator cannot know.
    built = dict(others())
    for one in built["conditions"]:
        assert one["category"][0]["coding"][0]["code"] == "problem-list-item"
    for one in built["plan's copy"]:
        assert one["category"][0]["coding"][0]["code"] == "clinical-note"
    for one in built["devices"]:
        assert {each["systemType"]["coding"][0]["code"] for each in one["specialization"]} <= {
            "528388",
            "528391",
            "528392",
            "528399",
            "528401",
            "528457",
        }
        assert one["version"][0]["type"]["coding"][0]["code"] in {"531975", "531976"}
