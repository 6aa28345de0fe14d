"""Numbers as the frame has them: digits and unit, and never another number than the stored one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link.fhir import sent_numbers
from ccm_link.fhir.sent_numbers import Sent
from firmware_profiles import decode, uuids
from firmware_profiles.blood_pressure import BloodPressureMeasurement, PressureUnit
from firmware_profiles.body_temperature import TemperatureMeasurement, TemperatureUnit
from firmware_profiles.body_weight import WeightMeasurement, WeightUnit
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import ConcentrationUnit, GlucoseMeasurement, Sample
from firmware_profiles.medfloat32 import Medfloat32
from firmware_profiles.pulse_oximetry import SaturationAndPulse, SpotCheck
from firmware_profiles.readings import Kind
from firmware_profiles.sfloat import Sfloat
from ingest.decoded_fields import decoded_fields
from ingest.rows import StoredReading
from tests.unit.ccm_link.fhir.conftest import of_kind

WHEN = DateTime(2026, 11, 12, 7, 0, 1)


def stored(kind: Kind, characteristic: str, frame: Any) -> StoredReading:
    """Return what ingest makes of a frame."""
    numbers = decoded_fields(frame.reading())
    del numbers["kind"]
    return of_kind(kind, characteristic=characteristic, raw=frame.to_bytes(), **numbers)


def glucose(concentration: str, unit: ConcentrationUnit, fluid_type: int = 1) -> StoredReading:
    sample = Sample(Sfloat.of(concentration), fluid_type=fluid_type, location=1)
    frame = GlucoseMeasurement(sequence_number=7, base_time=WHEN, sample=sample, unit=unit)
    return stored(Kind.GLUCOSE, uuids.GLUCOSE_MEASUREMENT, frame)


def pressures(systolic: str, diastolic: str, unit: PressureUnit) -> StoredReading:
    frame = BloodPressureMeasurement(
        unit,
        Sfloat.of(systolic),
        Sfloat.of(diastolic),
        Sfloat.of(diastolic),
        WHEN,
        Sfloat.of("71.0"),
    )
    return stored(Kind.BLOOD_PRESSURE, uuids.BLOOD_PRESSURE_MEASUREMENT, frame)


def test_a_pressure_keeps_its_digits() -> None:
    assert sent_numbers.of(pressures("131", "83.5", PressureUnit.MMHG)) == {
        "systolic_mmhg": Sent(Decimal(131), "mm[Hg]"),
        "diastolic_mmhg": Sent(Decimal("83.5"), "mm[Hg]"),
        "mean_arterial_mmhg": Sent(Decimal("83.5"), "mm[Hg]"),
        "pulse_bpm": Sent(Decimal("71.0"), "/min"),
    }


def test_kilopascals_are_told_in_the_one_unit_that_the_profile_has() -> None:
    found = sent_numbers.of(pressures("17.4", "11.1", PressureUnit.KPA))
    # 17.4 kPa * 7.500617 mmHg/kPa
    assert found["systolic_mmhg"] == Sent(Decimal("130.5107358"), "mm[Hg]")
    assert found["pulse_bpm"] == Sent(Decimal("71.0"), "/min")


@pytest.mark.parametrize(
    ("concentration", "unit", "sent"),
    [
        ("0.00104", ConcentrationUnit.KG_PER_L, Sent(Decimal(104), "mg/dL")),
        ("0.0055", ConcentrationUnit.MOL_PER_L, Sent(Decimal("5.5"), "mmol/L")),
        ("0.0100", ConcentrationUnit.MOL_PER_L, Sent(Decimal("10.0"), "mmol/L")),
    ],
)
def test_a_glucose_goes_out_in_the_unit_in_which_it_came(
    concentration: str, unit: ConcentrationUnit, sent: Sent
) -> None:
    found = sent_numbers.of(glucose(concentration, unit))["glucose_mg_dl"]
    assert found == sent
    assert str(found.number) == str(sent.number)


def test_a_weight_in_pounds_stays_in_pounds() -> None:
    frame = WeightMeasurement(weight_steps=17_230, unit=WeightUnit.LB, time_stamp=WHEN)
    found = sent_numbers.of(stored(Kind.BODY_WEIGHT, uuids.WEIGHT_MEASUREMENT, frame))
    assert found == {"weight_kg": Sent(Decimal("172.30"), "[lb_av]")}


def test_a_temperature_in_fahrenheit_stays_in_fahrenheit() -> None:
    frame = TemperatureMeasurement(Medfloat32.of("98.6"), TemperatureUnit.FAHRENHEIT, WHEN)
    found = sent_numbers.of(stored(Kind.BODY_TEMPERATURE, uuids.TEMPERATURE_MEASUREMENT, frame))
    assert found == {"temperature_celsius": Sent(Decimal("98.6"), "[degF]")}


def test_a_saturation_keeps_its_digits() -> None:
    frame = SpotCheck(SaturationAndPulse(Sfloat.of("97.0"), Sfloat.of("60")), WHEN)
    found = sent_numbers.of(stored(Kind.PULSE_OXIMETRY, uuids.PLX_SPOT_CHECK_MEASUREMENT, frame))
    assert str(found["spo2_percent"].number) == "97.0"
    assert str(found["pulse_bpm"].number) == "60"


def test_where_the_profile_reads_the_bytes_otherwise_the_stored_number_counts() -> None:
    read_otherwise = glucose("0.00104", ConcentrationUnit.KG_PER_L)._replace(glucose_mg_dl=112.0)
    assert sent_numbers.of(read_otherwise) == {"glucose_mg_dl": Sent(Decimal(112), "mg/dL")}


def test_bytes_that_nothing_can_read_again_are_no_obstacle() -> None:
    for characteristic in (uuids.GLUCOSE_MEASUREMENT, uuids.BLOOD_PRESSURE_MEASUREMENT, "f00d"):
        broken = of_kind(
            Kind.GLUCOSE, glucose_mg_dl=99.5, raw=b"\x00", characteristic=characteristic
        )
        assert sent_numbers.of(broken) == {"glucose_mg_dl": Sent(Decimal("99.5"), "mg/dL")}
        assert sent_numbers.fluid_type(broken) is None


def test_every_standard_measurement_is_read_or_known_not_to_be() -> None:
    # The enhanced cuff's pressures have no implicit precision beyond SFLOAT's, and few cuffs speak it.
    unread = {uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT, uuids.GLUCOSE_MEASUREMENT_CONTEXT}
    read = set(sent_numbers._READERS)
    assert {
        one for one in vars(uuids).values() if isinstance(one, str) and decode.is_record(one)
    } == (read | unread)


@given(st.integers(20, 600))
def test_a_sent_number_comes_to_the_stored_one(mg_dl: int) -> None:
    reading = glucose(str(Decimal(mg_dl).scaleb(-5)), ConcentrationUnit.KG_PER_L)
    sent = sent_numbers.of(reading)["glucose_mg_dl"]
    assert float(sent.number) == reading.glucose_mg_dl == mg_dl


@given(st.floats(0, 2000))
def test_the_shortest_form_is_the_number_itself(number: float) -> None:
    assert float(sent_numbers.shortest(number)) == number
