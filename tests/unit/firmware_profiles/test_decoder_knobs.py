"""Deviating frames become standard ones again, and what only the model explains is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import models, sfloat
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
)
from firmware_profiles.decode import decode_record
from firmware_profiles.decoder_knobs import DecoderKnobs
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import GlucoseMeasurement, Sample
from firmware_profiles.readings import (
    BloodPressureReading,
    Decoded,
    GlucoseContext,
    GlucoseReading,
    KetoneReading,
    Result,
)
from firmware_profiles.sfloat import Sfloat

CUFF = models.by_id("standard-cuff", 1)
METER = models.by_id("standard-glucometer", 1)


def pressure(knobs: DecoderKnobs, frame: str) -> Any:
    decoded = decode_record(replace(CUFF, knobs=knobs), "2a35", bytes.fromhex(frame))
    assert isinstance(decoded, BloodPressureReading)
    return decoded


def glucose(knobs: DecoderKnobs, *frames: str) -> Decoded:
    raw = b"".join(bytes.fromhex(frame) for frame in frames)
    return decode_record(replace(METER, knobs=knobs), "2a18", raw)


# Flags of a Beurer BM85 with its reserved bit 6 (0x40): time stamp, pulse, status, and no user flag (0x56); 122/81,
# mean 0, 2026-02-01 07:05:09, pulse 72 as 0048 big-endian, user 2 in spite of the flag, status irregular pulse as 0004.
BM85 = DecoderKnobs(
    pulse_is_big_endian=True,
    status_is_big_endian=True,
    user_id_always=True,
    no_mean_arterial=True,
    ignored_flags=0x40,
)
BM85_FRAME = "56 7a00 5100 0000 ea070201070509 0048 02 0004"


def test_swapped_fields_and_an_unannounced_user_are_read() -> None:
    assert pressure(BM85, BM85_FRAME) == BloodPressureReading(
        device_time=datetime.fromisoformat("2026-02-01T07:05:09"),
        user_slot=2,
        result=Result.MEASURED,
        systolic_mmhg=122.0,
        diastolic_mmhg=81.0,
        mean_arterial_mmhg=None,
        pulse_bpm=72.0,
        qualifiers=("irregular_pulse",),
    )


@pytest.mark.parametrize(
    ("untold", "qualifiers"),
    [
        (0, ("cuff_too_loose", "irregular_pulse")),
        (MeasurementStatus.CUFF_TOO_LOOSE, ("irregular_pulse",)),
        (0xFFFF, ()),
    ],
)
@pytest.mark.parametrize("flags", ["10", "16", "1e"])
def test_a_status_bit_that_a_cuff_cannot_tell_is_not_read(
    flags: str, untold: int, qualifiers: tuple[str, ...]
) -> None:
    beside = {"10": "", "16": "ea070201070509 4800", "1e": "ea070201070509 4800 02"}[flags]
    frame = f"{flags} 7a00 5100 5d00 {beside} 0600"
    assert pressure(DecoderKnobs(untold_status=untold), frame).qualifiers == qualifiers


@pytest.mark.parametrize(
    "frame", ["08 2a00 ea070201070509 2000", "0b 2a00 ea070201070509 3c00 7bb0 11 2000"]
)
def test_a_status_bit_that_a_meter_cannot_tell_makes_no_hi(frame: str) -> None:
    told = glucose(DecoderKnobs(), frame)
    assert isinstance(told, GlucoseReading)
    assert (told.result, told.qualifiers) == (Result.ABOVE_RANGE, ("result_too_high",))
    untold = glucose(DecoderKnobs(untold_status=0x60), frame)
    assert isinstance(untold, GlucoseReading)
    assert untold.result is (Result.MEASURED if frame.startswith("0b") else Result.NOT_MEASURABLE)
    assert untold.qualifiers == ()


def test_same_frame_is_refused_without_the_knobs() -> None:
    with pytest.raises(FrameError):
        pressure(DecoderKnobs(), BM85_FRAME)


@pytest.mark.parametrize("length", range(19))
def test_cut_off_frame_is_refused_and_never_read_as_another(length: int) -> None:
    with pytest.raises(FrameError) as refused:
        pressure(BM85, bytes.fromhex(BM85_FRAME)[:length].hex())
    assert refused.value.reason in {FrameReason.EMPTY_FRAME, FrameReason.SHORT_FRAME}


@pytest.mark.parametrize(("sent", "slot"), [(0, 1), (1, 2), (253, 254), (254, 254), (255, 255)])
def test_users_are_counted_from_one(sent: int, slot: int) -> None:
    found = pressure(DecoderKnobs(users_from_zero=True), f"08 7a00 5100 5f00 {sent:02x}")
    assert found.user_slot == slot


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("00 b0f4 5100 5f00", id="systolic"),  # an SFLOAT reads 0xf4b0 as 120.0
        pytest.param("04 7a00 5100 5f00 00f8", id="pulse"),
    ],
)
def test_plain_number_with_an_exponent_is_refused(frame: str) -> None:
    with pytest.raises(FrameError) as refused:
        pressure(DecoderKnobs(plain_numbers=True), frame)
    assert refused.value.reason is FrameReason.IMPOSSIBLE_VALUE
    assert pressure(DecoderKnobs(plain_numbers=True), "00 7a00 5100 5f00").systolic_mmhg == 122


@pytest.mark.parametrize(
    ("flags", "unit_flag", "systolic"),
    # 16 kPa are 120.009872 mmHg.
    [("00", -1, 16.0), ("00", 1, 120.009872), ("01", 0, 16.0)],
)
def test_unit_s_flag_is_what_the_model_means(flags: str, unit_flag: int, systolic: float) -> None:
    found = pressure(DecoderKnobs(unit_flag=unit_flag), f"{flags} 1000 0b00 0c00")
    assert found.systolic_mmhg == pytest.approx(systolic)


LIMITS = DecoderKnobs(high_above_mg_dl=600.0, low_below_mg_dl=20.0)


def measurement(
    mg_dl: int, flags: str = "02", date: str = "ea070201070509", location: str = "11"
) -> str:
    concentration = Sfloat.of(Decimal(mg_dl).scaleb(-5)).to_bytes().hex()
    return f"{flags} 0100 {date} {concentration} {location}"


@pytest.mark.parametrize(
    ("mg_dl", "result", "number", "qualifiers"),
    [
        pytest.param(600, Result.MEASURED, 600.0, (), id="highest"),
        pytest.param(601, Result.ABOVE_RANGE, None, ("above_600_mg_dl",), id="HI"),
        pytest.param(1022, Result.ABOVE_RANGE, None, ("above_600_mg_dl",), id="no blood has it"),
        pytest.param(20, Result.MEASURED, 20.0, (), id="lowest"),
        pytest.param(19, Result.BELOW_RANGE, None, ("below_20_mg_dl",), id="LO"),
        pytest.param(0, Result.BELOW_RANGE, None, ("below_20_mg_dl",), id="LO as nothing"),
    ],
)
def test_hi_and_lo_are_told_by_number_and_never_shown_as_one(
    mg_dl: int, result: Result, number: float | None, qualifiers: tuple[str, ...]
) -> None:
    found = glucose(LIMITS, measurement(mg_dl))
    assert isinstance(found, GlucoseReading)
    assert (found.result, found.glucose_mg_dl) == (result, number)
    assert found.qualifiers == qualifiers


def test_limits_leave_control_solution_and_the_meter_s_own_words_alone() -> None:
    control = glucose(LIMITS, measurement(700, location="4a"))
    assert isinstance(control, GlucoseReading)
    assert control.result is Result.CONTROL_SOLUTION
    own = glucose(LIMITS, "0a 0100 ea070201070509 ff07 11 4000")  # bit 6: too low
    assert isinstance(own, GlucoseReading)
    assert (own.result, own.qualifiers[-1]) == (Result.BELOW_RANGE, "below_20_mg_dl")
    with pytest.raises(FrameError):  # a number above the range, and the word that it is too low
        glucose(LIMITS, "0a 0100 ea070201070509 5912 11 4000".replace("5912", "59b2"))


@pytest.mark.parametrize(
    ("knobs", "date", "base_time", "qualifiers"),
    [
        pytest.param(
            DecoderKnobs(month_thirteen=True),
            "ea070d1f170000",
            datetime.fromisoformat("2026-01-31T23:00"),
            ("month_thirteen",),
            id="january",
        ),
        pytest.param(DecoderKnobs(), "ea070d1f170000", None, (), id="without the knob"),
        pytest.param(DecoderKnobs(month_thirteen=True), "ea070e1f170000", None, (), id="fourteen"),
        pytest.param(
            DecoderKnobs(month_thirteen=True),
            "ea070c1f170000",
            datetime.fromisoformat("2026-12-31T23:00"),
            (),
            id="december",
        ),
    ],
)
def test_month_thirteen_is_mended_where_the_model_is_known_for_it(
    knobs: DecoderKnobs, date: str, base_time: datetime | None, qualifiers: tuple[str, ...]
) -> None:
    found = glucose(knobs, measurement(100, date=date))
    assert isinstance(found, GlucoseReading)
    assert (found.base_time, found.device_time) == (base_time, base_time)
    assert found.qualifiers == qualifiers


@pytest.mark.parametrize("year", ["f507", "f607", "0f27"])  # 2037, 2038, 9999
def test_record_that_the_model_marks_as_bogus_is_refused(year: str) -> None:
    knobs = DecoderKnobs(high_above_mg_dl=600.0, impossible_from_year=2037)
    with pytest.raises(FrameError) as refused:
        glucose(knobs, measurement(700, date=year + "0101000000"))
    assert refused.value.reason is FrameReason.IMPOSSIBLE_VALUE
    with pytest.raises(FrameError):
        pressure(knobs, f"02 7a00 5100 5f00 {year}0101000000")


def test_record_without_a_date_is_not_taken_for_a_bogus_one() -> None:
    found = glucose(DecoderKnobs(impossible_from_year=2037), measurement(100, date="00" * 7))
    assert isinstance(found, GlucoseReading)
    assert found.base_time is None


KETONE = DecoderKnobs(
    ketone_meal_code=6, month_thirteen=True, high_above_mg_dl=600.0, low_below_mg_dl=20.0
)
KETONE_CONTEXT = "02 0100 06"
MEAL_CONTEXT = "02 0100 01"


@pytest.mark.parametrize(
    ("figure", "result", "ketone_mmol_l"),
    # The figure that looks like mg/dL, divided by ten.
    [
        pytest.param(12, Result.MEASURED, 1.2, id="raised"),
        pytest.param(0, Result.MEASURED, 0.0, id="none"),
        pytest.param(80, Result.MEASURED, 8.0, id="highest"),
        pytest.param(81, Result.ABOVE_RANGE, None, id="HI"),
        pytest.param(700, Result.ABOVE_RANGE, None, id="HI of the other kind"),
    ],
)
def test_ketone_is_told_by_its_context(
    figure: int, result: Result, ketone_mmol_l: float | None
) -> None:
    found = glucose(KETONE, measurement(figure, flags="12"), KETONE_CONTEXT)
    assert found == KetoneReading(
        sequence_number=1,
        base_time=datetime.fromisoformat("2026-02-01T07:05:09"),
        device_time=datetime.fromisoformat("2026-02-01T07:05:09"),
        result=result,
        ketone_mmol_l=ketone_mmol_l,
        qualifiers=(),
        context_follows=True,
    )


def test_same_measurement_is_glucose_with_a_meal_and_nothing_without_its_context() -> None:
    as_glucose = glucose(KETONE, measurement(112, flags="12"), MEAL_CONTEXT)
    assert isinstance(as_glucose, GlucoseReading)
    assert as_glucose.glucose_mg_dl == 112
    with pytest.raises(FrameError, match="context is missing"):
        glucose(KETONE, measurement(112, flags="12"))
    without = glucose(KETONE, measurement(112))  # announces none: only ketone needs one
    assert isinstance(without, GlucoseReading)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        pytest.param(
            (measurement(12, "12"), "02 0200 06"), FrameReason.IMPOSSIBLE_VALUE, id="another's"
        ),
        pytest.param((measurement(12, "12"), "02 0100"), FrameReason.SHORT_FRAME, id="cut off"),
        pytest.param(
            (measurement(12, "12"), KETONE_CONTEXT + "00"), FrameReason.TRAILING_BYTES, id="longer"
        ),
        pytest.param(
            ("16 0100 ea070201070509 0cb0 11", KETONE_CONTEXT),
            FrameReason.IMPOSSIBLE_VALUE,
            id="mol/L",
        ),
        pytest.param(
            ("12 0100 ea070201070509 ffbf 11", KETONE_CONTEXT),
            FrameReason.IMPOSSIBLE_VALUE,
            id="negative",
        ),
    ],
)
def test_ketone_is_refused_when_something_does_not_fit(
    frames: tuple[str, ...], reason: FrameReason
) -> None:
    with pytest.raises(FrameError) as refused:
        glucose(KETONE, *frames)
    assert refused.value.reason is reason


def test_ketone_of_month_thirteen_and_of_control_solution() -> None:
    january = glucose(KETONE, measurement(12, "12", date="ea070d1f170000"), KETONE_CONTEXT)
    assert isinstance(january, KetoneReading)
    assert january.base_time == datetime.fromisoformat("2026-01-31T23:00")
    assert january.qualifiers == ("month_thirteen",)
    control = glucose(KETONE, measurement(12, "12", location="1a"), KETONE_CONTEXT)
    assert isinstance(control, KetoneReading)
    assert (control.result, control.ketone_mmol_l) == (Result.CONTROL_SOLUTION, None)


def test_context_of_a_ketone_says_no_meal() -> None:
    profile = replace(METER, knobs=KETONE)
    found = decode_record(profile, "2a34", bytes.fromhex(KETONE_CONTEXT))
    assert found == GlucoseContext(1, {"strip": "ketone"})
    other = decode_record(profile, "2a34", bytes.fromhex(MEAL_CONTEXT))
    assert other == GlucoseContext(1, {"meal": "before_meal"})


times = st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2036-12-31"))
date_times = times.map(DateTime.of)
words = st.builds(Sfloat, st.integers(0, 2045), st.just(0))
statuses = st.integers(0, 0xFFFF).map(MeasurementStatus)
pressures = st.builds(
    BloodPressureMeasurement,
    unit=st.sampled_from(PressureUnit),
    systolic=words,
    diastolic=words,
    mean_arterial=words,
    time_stamp=st.none() | date_times,
    pulse_rate=st.none() | words,
    user_id=st.none() | st.integers(1, 254),
    status=st.none() | statuses,
)
cuff_knobs = st.builds(
    DecoderKnobs,
    pulse_is_big_endian=st.booleans(),
    status_is_big_endian=st.booleans(),
    user_id_always=st.booleans(),
    users_from_zero=st.booleans(),
    no_mean_arterial=st.booleans(),
    plain_numbers=st.booleans(),
    ignored_flags=st.sampled_from([0, 0x40, 0xE0]),
    unit_flag=st.just(-1),
)


@given(frame=pressures, knobs=cuff_knobs)
def test_pressure_is_the_same_after_it_was_sent_by_a_deviating_cuff(
    frame: BloodPressureMeasurement, knobs: DecoderKnobs
) -> None:
    expected = frame
    if knobs.no_mean_arterial:
        expected = replace(expected, mean_arterial=sfloat.NAN)
    if knobs.user_id_always and frame.user_id is None:
        expected = replace(expected, user_id=255)
    sent = knobs.deviating("2a35", frame.to_bytes())
    assert BloodPressureMeasurement.from_bytes(knobs.standard("2a35", sent)) == expected


samples = st.builds(
    Sample,
    concentration=st.integers(20, 600).map(lambda mg_dl: Sfloat.of(Decimal(mg_dl).scaleb(-5)))
    | st.sampled_from([sfloat.POSITIVE_INFINITY, sfloat.NEGATIVE_INFINITY, sfloat.NAN]),
    fluid_type=st.integers(0, 15),
    location=st.integers(0, 15),
)
measurements = st.builds(
    GlucoseMeasurement,
    sequence_number=st.integers(0, 0xFFFF),
    base_time=date_times,
    sample=st.none() | samples,
    time_offset_min=st.none() | st.integers(-0x8000, 0x7FFF),
    context_follows=st.booleans(),
)
meter_knobs = st.builds(
    DecoderKnobs,
    month_thirteen=st.booleans(),
    high_above_mg_dl=st.sampled_from([0.0, 600.0]),
    low_below_mg_dl=st.sampled_from([0.0, 10.0, 20.0]),
    ignored_flags=st.sampled_from([0, 0xE0]),
)


@given(frame=measurements, knobs=meter_knobs)
def test_glucose_is_the_same_after_it_was_sent_by_a_deviating_meter(
    frame: GlucoseMeasurement, knobs: DecoderKnobs
) -> None:
    sent = knobs.deviating("2a18", frame.to_bytes())
    assert GlucoseMeasurement.from_bytes(knobs.standard("2a18", sent)) == frame


@given(raw=st.binary(max_size=40), knobs=cuff_knobs | meter_knobs | st.just(KETONE))
def test_any_bytes_are_decoded_or_refused(raw: bytes, knobs: DecoderKnobs) -> None:
    for profile, characteristic in ((CUFF, "2a35"), (METER, "2a18"), (METER, "2a34")):
        try:
            found = decode_record(replace(profile, knobs=knobs), characteristic, raw)
        except FrameError:
            continue
        if isinstance(found, GlucoseReading) and found.glucose_mg_dl is not None:
            assert 10 <= found.glucose_mg_dl <= 1000
        if isinstance(found, KetoneReading) and found.ketone_mmol_l is not None:
            assert 0 <= found.ketone_mmol_l <= 8


def test_number_that_is_a_place_is_none() -> None:
    knobs = DecoderKnobs(numbers_are_places=True)
    found = glucose(knobs, measurement(100))
    assert isinstance(found, GlucoseReading)
    assert (found.sequence_number, found.glucose_mg_dl) == (None, 100)
    with pytest.raises(FrameError, match="neither a number nor a time"):
        glucose(knobs, measurement(100, date="00" * 7))
