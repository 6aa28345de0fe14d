"""Readings as observations. Which profile wants what stands in test_profiles.py, with the profiles themselves."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B.observation import Observation
from hypothesis import given
from hypothesis import strategies as st

from ccm_link.fhir import conditional_create, observation, resource_json
from ccm_link.fhir.observation import Beside
from firmware_profiles.codes import LOINC_SYSTEM, MDC_SYSTEM
from firmware_profiles.readings import Kind, Result
from ingest.importing import fhir_bundle, formats
from ingest.measured_at import TimeQuality
from ingest.rows import StoredReading
from tests.unit.ccm_link.fhir.conftest import AT, imported, of_kind

CUFF = Beside(bluetooth_address="C0:26:DA:00:11:22")
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def made(reading: StoredReading, beside: Beside = CUFF) -> dict[str, dict[str, Any]]:
    """Return a reading's observations by their part, each held against the model of FHIR."""
    found = dict(observation.parts_of(reading, beside))
    for resource in found.values():
        Observation.model_validate(json.loads(resource_json.written(resource)))
    return found


def main(reading: StoredReading, beside: Beside = CUFF) -> dict[str, Any]:
    return made(reading, beside)[""]


def codes(resource: dict[str, Any], system: str = LOINC_SYSTEM) -> list[str]:
    return [one["code"] for one in resource["code"]["coding"] if one["system"] == system]


def test_a_cuff_says_pressures_and_a_pulse(pressure: StoredReading) -> None:
    found = made(pressure)
    assert list(found) == ["", "pulse"]
    panel, pulse = found.values()
    assert [codes(one) for one in (panel, *panel["component"], pulse)] == [
        ["85354-9"],
        ["8480-6"],
        ["8462-4"],
        ["8867-4"],
    ]
    assert [one["valueQuantity"]["value"] for one in panel["component"]] == [131, 83]
    assert {one["valueQuantity"]["code"] for one in panel["component"]} == {"mm[Hg]"}
    assert pulse["valueQuantity"] == {
        "value": 71,
        "unit": "/min",
        "system": "http://unitsofmeasure.org",
        "code": "/min",
    }
    assert pulse["id"] == f"{panel['id']}.pulse"
    assert panel["subject"] == pulse["subject"] == {"reference": f"Patient/{pressure.patient_id}"}
    assert panel["effectiveDateTime"] == "2026-11-12T12:00:05Z"
    assert panel["status"] == "final"


def test_a_pulse_keeps_the_code_that_tells_cuff_from_oximeter(pressure: StoredReading) -> None:
    oximetry = of_kind(Kind.PULSE_OXIMETRY, spo2_percent=97.0, pulse_bpm=60.0)
    assert codes(made(pressure)["pulse"], MDC_SYSTEM) == ["149546"]
    assert codes(made(oximetry)["pulse"], MDC_SYSTEM) == ["149530"]
    assert codes(made(oximetry)[""]) == ["59408-5", "2708-6"]


def test_every_component_says_its_mdc_code(pressure: StoredReading) -> None:
    # The profile's slice for it lies within a slice, which the validator of the tests cannot look into.
    panel = main(pressure._replace(mean_arterial_mmhg=99.0))
    for component in panel["component"]:
        (coding,) = (one for one in component["code"]["coding"] if one["system"] == MDC_SYSTEM)
        assert coding["code"] in {"150021", "150022", "150023"}


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Result.NOT_MEASURABLE, "error"),
        (Result.ABOVE_RANGE, "positive-infinity"),
        (Result.BELOW_RANGE, "negative-infinity"),
    ],
)
@pytest.mark.parametrize("kind", Kind)
def test_what_gave_no_number_says_why_and_guesses_none(
    kind: Kind, result: Result, reason: str
) -> None:
    resource = main(of_kind(kind, result=result))
    told = resource.get("component", [resource])
    assert [one["dataAbsentReason"]["coding"] for one in told] == [
        [{"system": ABSENT, "code": reason}]
    ] * len(told)
    assert "value" not in resource_json.written(resource).decode().replace(
        "valueReference", ""
    ).replace('"value":"', "")


def test_a_test_of_the_strips_is_no_observation_of_a_person() -> None:
    assert made(of_kind(Kind.GLUCOSE, result=Result.CONTROL_SOLUTION)) == {}


def test_what_is_nobodys_is_no_observation(pressure: StoredReading) -> None:
    assert made(pressure._replace(patient_id=None)) == {}


def test_a_time_that_is_not_known_is_absent(pressure: StoredReading) -> None:
    undated = main(pressure._replace(time_quality=TimeQuality.UNKNOWN))
    assert "effectiveDateTime" not in undated
    assert undated["_effectiveDateTime"]["extension"][0]["valueCode"] == "unknown"
    assert undated["issued"] == "2026-11-12T12:00:05Z"
    assert "arrived at 2026-11-12T12:00:05Z" in undated["note"][0]["text"]


def test_a_time_that_is_uncertain_is_said_to_be(pressure: StoredReading) -> None:
    (note,) = main(pressure._replace(time_quality=TimeQuality.UNCERTAIN))["note"]
    assert "uncertain" in note["text"]


def test_what_the_peripheral_said_about_it_is_told(pressure: StoredReading) -> None:
    (note,) = main(pressure._replace(qualifiers=("irregular_pulse", "body_movement")))["note"]
    assert note["text"] == "The device reported: irregular pulse, body movement."


def test_a_thermometer_says_where_it_was() -> None:
    resource = main(
        of_kind(Kind.BODY_TEMPERATURE, temperature_celsius=37.2, qualifiers=("site_armpit",))
    )
    assert resource["bodySite"] == {"text": "armpit"}
    assert "note" not in resource


def test_a_meal_is_an_observation_of_its_own() -> None:
    found = made(of_kind(Kind.GLUCOSE, glucose_mg_dl=104.0), Beside(meal="after_meal"))
    assert list(found) == ["", "meal"]
    meal = found["meal"]
    assert codes(meal, MDC_SYSTEM) == ["8417864"]
    assert meal["valueCodeableConcept"]["coding"][0]["code"] == "8417872"
    assert meal["derivedFrom"] == [{"reference": f"Observation/{found['']['id']}"}]


def test_a_word_for_a_meal_that_nobody_knows_makes_no_observation() -> None:
    assert list(made(of_kind(Kind.GLUCOSE, glucose_mg_dl=104.0), Beside(meal="reserved_9"))) == [""]


def test_glucose_and_ketone_are_no_vital_signs() -> None:
    for reading in (
        of_kind(Kind.GLUCOSE, glucose_mg_dl=104.0),
        of_kind(Kind.KETONE, ketone_mmol_l=0.4),
    ):
        categories = [one["coding"][0]["code"] for one in main(reading)["category"]]
        assert categories == ["phd"]


@pytest.mark.parametrize("kind", Kind)
def test_what_was_imported_has_no_device(kind: Kind) -> None:
    number = {"systolic_mmhg": 131.0, "diastolic_mmhg": 83.0}
    if kind is not Kind.BLOOD_PRESSURE:
        number = {observation.kinds.OF[kind].needed[0].name: 97.0}
    resource = main(imported(kind, **number), Beside())
    assert not {"device", "extension"} & resource.keys()
    assert "phd" not in json.dumps([resource.get("category"), resource["meta"]])
    assert [one["system"] for one in resource["identifier"]] == ["urn:ietf:rfc:3986"]
    assert resource["note"] == [{"text": "Imported from a file; not sent by a device."}]


def test_what_a_patient_handed_in_is_tagged_and_what_another_system_said_is_not(
    subtests: pytest.Subtests,
) -> None:
    for chosen, profile in formats.PROFILES.items():
        with subtests.test(chosen.value):
            reading = imported(Kind.BODY_WEIGHT, weight_kg=72.5, profile_id=profile.profile_id)
            tags = [one["code"] for one in main(reading)["meta"].get("tag", [])]
            is_of_patient = chosen in (formats.Format.OMRON, formats.Format.AND)
            assert tags == (["patient-supplied"] if is_of_patient else [])


def bundled(code: str, number: str, ucum: str, stored: float) -> StoredReading:
    """Return a glucose as it was imported from a bundle."""
    quantity = f'{{"value": {number}, "unit": "{ucum}", "code": "{ucum}"}}'
    coding = f'{{"system": "http://loinc.org", "code": "{code}"}}'
    raw = f'{{"resource": {{"code": {{"coding": [{coding}]}}, "valueQuantity": {quantity}}}}}'
    return imported(
        Kind.GLUCOSE, glucose_mg_dl=stored, profile_id=fhir_bundle.PROFILE_ID, raw=raw.encode()
    )


def test_an_imported_glucose_goes_out_under_the_code_under_which_it_came() -> None:
    resource = main(bundled("15074-8", "5.50", "mmol/L", 99.0858))
    assert codes(resource) == ["15074-8"]
    assert str(resource["valueQuantity"]["value"]) == "5.50"
    assert resource["valueQuantity"]["code"] == "mmol/L"


def test_an_imported_glucose_of_unknown_specimen_has_words_and_no_code() -> None:
    resource = main(imported(Kind.GLUCOSE, glucose_mg_dl=104.0, profile_id="import-generic-csv"))
    assert resource["code"] == {"text": "Glucose"}


def test_an_imported_glucose_whose_number_was_corrected_is_not_told_as_the_file_has_it() -> None:
    resource = main(bundled("15074-8", "5.50", "mmol/L", 104.0))
    assert resource["code"] == {"text": "Glucose"}
    assert resource["valueQuantity"]["value"] == Decimal(104)


def test_a_later_version_is_amended_and_the_former_was_entered_in_error(
    pressure: StoredReading,
) -> None:
    former_id = uuid.UUID(int=0xF0)
    former = main(pressure._replace(superseded_at=AT + timedelta(days=1)))
    of_nobody_before = main(pressure._replace(version=2))
    assert of_nobody_before["status"] == "final"
    later = made(
        pressure._replace(version=2), Beside(CUFF.bluetooth_address, replaces_id=former_id)
    )
    assert former["status"] == "entered-in-error"
    assert former["meta"]["versionId"] == "2"
    assert former["meta"]["lastUpdated"] == "2026-11-13T12:00:05Z"
    assert {one["status"] for one in later.values()} == {"amended"}
    for part, suffix in (("", ""), ("pulse", ".pulse")):
        (replaced,) = (
            one["valueReference"]["reference"]
            for one in later[part]["extension"]
            if one["url"].endswith("observation-replaces")
        )
        assert replaced == f"Observation/{former_id}{suffix}"


def test_two_gateways_come_to_the_same_key_and_two_clocks_do_not(pressure: StoredReading) -> None:
    def key(reading: StoredReading) -> str:
        return conditional_create.criterion(main(reading))

    assert key(pressure) == (
        "identifier=http://hl7.org/fhir/uv/phd/StructureDefinition/PhdBaseObservation|"
        # 9812 days from 2000-01-01 to 2026-11-12, and 07:00:01 on the cuff's clock
        f"C026DA001122-{pressure.patient_id}-150020-{9812 * 86_400 + 25_201}"
    )
    elsewhere = pressure._replace(
        reading_id=uuid.uuid4(), gateway_id="gw-other001", measured_at=AT + timedelta(seconds=9)
    )
    assert key(elsewhere) == key(pressure)
    later = datetime.fromisoformat("2026-11-12T07:00:02")
    assert key(pressure._replace(device_time=later)) != key(pressure)


@pytest.mark.parametrize(
    "changed", [{"device_time": None}, {"version": 2}, {"origin": "import"}], ids=str
)
def test_without_the_guides_key_our_own_name_keeps_it_from_being_there_twice(
    pressure: StoredReading, changed: dict[str, Any]
) -> None:
    resource = main(pressure._replace(**changed))
    assert conditional_create.criterion(resource) == (
        f"identifier=urn:ietf:rfc:3986|{pressure.reading_id.urn}"
    )


def test_our_own_name_comes_first_and_is_another_for_each_part(pressure: StoredReading) -> None:
    names = [one["identifier"][0]["value"] for one in made(pressure).values()]
    assert names[0] == pressure.reading_id.urn
    assert len(set(names)) == 2


@given(st.uuids(), st.sampled_from(observation.PARTS))
def test_an_id_leads_back_to_reading_and_part(reading_id: uuid.UUID, part: str) -> None:
    assert observation.parted(observation.observation_id(reading_id, part)) == (reading_id, part)


@pytest.mark.parametrize(
    "resource_id",
    [
        "",
        "x",
        "00000000-0000-0000-0000-000000000001.weight",
        "00000000-0000-0000-0000-000000000001.",
        "00000000000000000000000000000001",
        "00000000-0000-0000-0000-00000000000A",
        "urn:uuid:00000000-0000-0000-0000-000000000001",
    ],
)
def test_an_id_that_is_none_of_ours_leads_nowhere(resource_id: str) -> None:
    assert observation.parted(resource_id) is None


def test_json_keeps_the_digits() -> None:
    content = resource_json.written({"a": Decimal("37.0"), "b": Decimal("5.50"), "c": Decimal(120)})
    assert content == b'{"a":37.0,"b":5.50,"c":120}'
    assert [str(one) for one in resource_json.read(content).values()] == ["37.0", "5.50", "120"]


def test_an_instant_is_told_in_utc() -> None:
    berlin = datetime.fromisoformat("2026-11-12T13:00:05.250+01:00")
    reading = of_kind(Kind.BODY_WEIGHT, weight_kg=72.5, measured_at=berlin, stored_at=AT)
    assert main(reading)["effectiveDateTime"] == "2026-11-12T12:00:05.250000Z"
    assert berlin.astimezone(UTC).microsecond == 250_000


stored = st.builds(
    of_kind,
    st.sampled_from(Kind),
    result=st.sampled_from(Result),
    time_quality=st.sampled_from(TimeQuality),
    systolic_mmhg=st.floats(10, 400),
    diastolic_mmhg=st.floats(10, 400),
    pulse_bpm=st.none() | st.floats(10, 400),
    glucose_mg_dl=st.floats(10, 1000),
    weight_kg=st.floats(1, 400),
    spo2_percent=st.floats(20, 100),
    temperature_celsius=st.floats(25, 45),
    ketone_mmol_l=st.floats(0, 30),
    device_time=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    qualifiers=st.lists(st.sampled_from(["site_ear", "irregular_pulse"])).map(tuple),
    superseded_at=st.none() | st.just(AT),
    profile_id=st.sampled_from(["standard-cuff", "import-generic-csv"]),
    raw=st.binary(max_size=24),
    characteristic=st.sampled_from(["2a35", "2a18", "2a9d", "2a1c", "2a5e", "f00d"]),
)


@given(stored, st.none() | st.sampled_from(["fasting", "reserved_9"]))
def test_whatever_is_stored_each_part_has_a_value_or_says_why_not(
    reading: StoredReading, meal: str | None
) -> None:
    if reading.result is not Result.MEASURED:
        reading = reading._replace(**dict.fromkeys(observation.kinds.NUMBERS))
    found = made(reading, Beside(CUFF.bluetooth_address, meal))
    assert bool(found) is (reading.result is not Result.CONTROL_SOLUTION)
    for part, resource in found.items():
        assert observation.parted(resource["id"]) == (reading.reading_id, part)
        for one in resource.get("component", [resource]):
            has = {"valueQuantity", "valueCodeableConcept", "dataAbsentReason"} & one.keys()
            assert len(has) == 1
            if "valueQuantity" in one:
                quantity = one["valueQuantity"]
                assert quantity["unit"] == quantity["code"]
                assert isinstance(quantity["value"], Decimal)
        assert ("effectiveDateTime" in resource) is (
            reading.time_quality is not TimeQuality.UNKNOWN
        )
