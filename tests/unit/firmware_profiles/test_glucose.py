from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import glucose, sfloat
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import (
    ConcentrationUnit,
    FluidType,
    GlucoseMeasurement,
    Sample,
    SampleLocation,
    SensorStatus,
)
from firmware_profiles.readings import GlucoseReading, Result
from firmware_profiles.sfloat import Sfloat

BASE = datetime(2026, 2, 1, 7, 5, 9)  # noqa: DTZ001 - a wall clock has no zone

SFLOATS = st.binary(min_size=2, max_size=2).map(Sfloat.from_bytes)
DATE_TIMES = st.binary(min_size=7, max_size=7).map(DateTime.from_bytes)
NIBBLES = st.integers(0, 15)
MEASUREMENTS = st.builds(
    GlucoseMeasurement,
    sequence_number=st.integers(0, 0xFFFF),
    base_time=DATE_TIMES | st.just(DateTime.of(BASE)),
    sample=st.none() | st.builds(Sample, SFLOATS, NIBBLES, NIBBLES),
    unit=st.sampled_from(ConcentrationUnit),
    time_offset_min=st.none() | st.integers(-0x8000, 0x7FFF),
    status=st.none() | st.integers(0, 0xFFFF).map(SensorStatus),
    context_follows=st.booleans(),
    reserved_flags=st.sampled_from([0, 0x20, 0x40, 0x80, 0xE0]),
)


def measurement(
    concentration: str | Sfloat = "100E-5",
    fluid_type: int = FluidType.CAPILLARY_WHOLE_BLOOD,
    location: int = SampleLocation.FINGER,
    **fields: object,
) -> GlucoseMeasurement:
    exact = concentration if isinstance(concentration, Sfloat) else Sfloat.of(concentration)
    sample = Sample(exact, fluid_type, location)
    fields = {"sample": sample, "base_time": DateTime.of(BASE), "sequence_number": 7} | fields
    return GlucoseMeasurement(**fields)  # type: ignore[arg-type]


@given(MEASUREMENTS)
def test_measurement_comes_back_when_encoded_and_decoded(measurement: GlucoseMeasurement) -> None:
    assert GlucoseMeasurement.from_bytes(measurement.to_bytes()) == measurement


@given(st.binary(max_size=18))
def test_frame_comes_back_when_it_was_accepted(raw: bytes) -> None:
    try:
        accepted = GlucoseMeasurement.from_bytes(raw)
    except FrameError:
        return
    assert accepted.to_bytes() == raw


def test_length_follows_from_flags_for_every_combination_of_fields() -> None:
    sizes = {"time_offset_min": 2, "sample": 3, "status": 2}
    fields = {
        "time_offset_min": -60,
        "sample": Sample(Sfloat.of("1E-3"), 1, 1),
        "status": SensorStatus(0),
    }
    for present in itertools.product([False, True], repeat=3):
        chosen = {n: fields[n] for n, there in zip(fields, present, strict=True) if there}
        frame = GlucoseMeasurement(7, DateTime.of(BASE), **chosen)  # type: ignore[arg-type]
        raw = frame.to_bytes()
        assert len(raw) == 10 + sum(sizes[name] for name in chosen)
        assert GlucoseMeasurement.from_bytes(raw) == frame
        for size in range(len(raw)):
            with pytest.raises(FrameError) as caught:
                GlucoseMeasurement.from_bytes(raw[:size])
            expected = FrameReason.SHORT_FRAME if size else FrameReason.EMPTY_FRAME
            assert caught.value.reason is expected
        with pytest.raises(FrameError) as caught:
            GlucoseMeasurement.from_bytes(raw + b"\x00")
        assert caught.value.reason is FrameReason.TRAILING_BYTES


FRAMES = {
    # 1b    flags: offset, concentration, status, context follows; kg/L
    # 2a00  sequence number 42     ea07 02 01 07 05 09  2026-02-01 07:05:09
    # 3c00  offset +60 min     7bb0  0xB07B: exponent -5, mantissa 0x07B = 123 → 123 mg/dL
    # f8    location 15 not available, type 8 undetermined plasma     0000  status: nothing
    "a meter in kg/L": (
        "1b 2a00 ea070201070509 3c00 7bb0 f8 0000",
        GlucoseReading(
            42, BASE, BASE + timedelta(hours=1), Result.MEASURED, 123.0, (), context_follows=True
        ),
    ),
    # 06    flags: concentration; mol/L     ffff  sequence number 65535
    # 37c0  0xC037: 55 * 10^-4 mol/L = 5.5 mmol/L * 18.0156 = 99.0858 mg/dL     11  finger, capillary
    "a meter in mol/L": (
        "06 ffff ea070201070509 37c0 11",
        GlucoseReading(65535, BASE, BASE, Result.MEASURED, 99.0858, (), context_follows=False),
    ),
    # 0a    flags: concentration, status     fe07  +INFINITY     2000  status bit 5: too high
    "HI on the display": (
        "0a 0100 ea070201070509 fe07 11 2000",
        GlucoseReading(
            1, BASE, BASE, Result.ABOVE_RANGE, None, ("result_too_high",), context_follows=False
        ),
    ),
    # 08    flags: status, no concentration     4000  status bit 6: too low
    "LO on the display": (
        "08 0100 ea070201070509 4000",
        GlucoseReading(
            1, BASE, BASE, Result.BELOW_RANGE, None, ("result_too_low",), context_follows=False
        ),
    ),
    # 02    flags: concentration     64b0  100 mg/dL     4a  location 4, type 10: control solution
    "a test of the strips": (
        "02 0100 ea070201070509 64b0 4a",
        GlucoseReading(1, BASE, BASE, Result.CONTROL_SOLUTION, None, (), context_follows=False),
    ),
}


@pytest.mark.parametrize(("frame", "expected"), FRAMES.values(), ids=FRAMES.keys())
def test_known_frames_when_decoded(frame: str, expected: GlucoseReading) -> None:
    assert GlucoseMeasurement.from_bytes(bytes.fromhex(frame)).reading() == expected


@pytest.mark.parametrize(
    ("frame", "result"),
    [
        pytest.param(measurement(sample=None), Result.NOT_MEASURABLE, id="no sample"),
        pytest.param(measurement(sfloat.NAN), Result.NOT_MEASURABLE, id="NaN"),
        pytest.param(measurement(sfloat.NRES), Result.NOT_MEASURABLE, id="NRes"),
        pytest.param(measurement(Sfloat(-2047, 0)), Result.NOT_MEASURABLE, id="reserved word"),
        pytest.param(measurement(sfloat.POSITIVE_INFINITY), Result.ABOVE_RANGE, id="+INF"),
        pytest.param(measurement(sfloat.NEGATIVE_INFINITY), Result.BELOW_RANGE, id="-INF"),
        pytest.param(
            measurement(status=SensorStatus.RESULT_TOO_HIGH), Result.ABOVE_RANGE, id="bit 5"
        ),
        pytest.param(
            measurement(status=SensorStatus.RESULT_TOO_LOW), Result.BELOW_RANGE, id="bit 6"
        ),
        pytest.param(measurement(fluid_type=10), Result.CONTROL_SOLUTION, id="type 10"),
        pytest.param(measurement(location=4), Result.CONTROL_SOLUTION, id="location 4"),
        pytest.param(
            measurement(sfloat.POSITIVE_INFINITY, fluid_type=10), Result.CONTROL_SOLUTION, id="both"
        ),
    ],
)
def test_no_number_when_result_is_not_a_measurement(
    frame: GlucoseMeasurement, result: Result
) -> None:
    assert (frame.reading().result, frame.reading().glucose_mg_dl) == (result, None)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(measurement("1001E-5"), id="1001 mg/dL"),
        pytest.param(measurement("9E-5"), id="9 mg/dL"),
        pytest.param(measurement("1E-8"), id="exponent extreme"),
        pytest.param(
            measurement("56E-3", unit=ConcentrationUnit.MOL_PER_L), id="56 mg/dL read as mmol/L"
        ),
        pytest.param(measurement("99E-6"), id="9.9 mmol/L read as mg/dL"),
        pytest.param(measurement("-1E-5"), id="negative"),
        pytest.param(measurement("5.5"), id="mmol/L read as kg/L"),
        pytest.param(measurement("120", unit=ConcentrationUnit.MOL_PER_L), id="mg/dL as mol/L"),
        pytest.param(measurement(status=SensorStatus(0x60)), id="too high and too low"),
        pytest.param(
            measurement(sfloat.POSITIVE_INFINITY, status=SensorStatus.RESULT_TOO_LOW),
            id="+INF and too low",
        ),
    ],
)
def test_refuses_when_no_blood_is_like_that(frame: GlucoseMeasurement) -> None:
    with pytest.raises(FrameError) as caught:
        frame.reading()
    assert caught.value.reason is FrameReason.IMPOSSIBLE_VALUE


@pytest.mark.parametrize(
    ("offset_min", "device_time", "qualifiers"),
    [
        pytest.param(None, BASE, (), id="no offset"),
        pytest.param(-90, BASE - timedelta(minutes=90), (), id="negative"),
        pytest.param(0x7FFE, BASE + timedelta(minutes=32766), (), id="largest"),
        pytest.param(0x7FFF, None, ("time_offset_overrun",), id="overrun"),
        pytest.param(-0x8000, None, ("time_offset_underrun",), id="underrun"),
    ],
)
def test_device_time_is_base_time_plus_offset(
    offset_min: int | None, device_time: datetime | None, qualifiers: tuple[str, ...]
) -> None:
    got = measurement(time_offset_min=offset_min).reading()
    assert (got.base_time, got.device_time, got.qualifiers) == (BASE, device_time, qualifiers)


@pytest.mark.parametrize(
    "base_time",
    [
        pytest.param(DateTime(2026, 13, 1, 0, 0, 0), id="month 13"),
        pytest.param(DateTime(0, 0, 0, 0, 0, 0), id="unset"),
    ],
)
def test_reading_is_kept_without_time_when_base_time_is_impossible(base_time: DateTime) -> None:
    got = measurement(base_time=base_time, time_offset_min=60).reading()
    assert (got.glucose_mg_dl, got.base_time, got.device_time) == (100.0, None, None)


def test_no_device_time_when_offset_leaves_the_calendar() -> None:
    last = DateTime(9999, 12, 31, 23, 59, 59)
    assert measurement(base_time=last, time_offset_min=1).reading().device_time is None


@pytest.mark.parametrize(
    ("frame", "qualifiers"),
    [
        pytest.param(measurement(status=SensorStatus(0x0001)), ("battery_low",), id="0"),
        pytest.param(measurement(status=SensorStatus(0x0002)), ("sensor_malfunction",), id="1"),
        pytest.param(measurement(status=SensorStatus(0x0004)), ("sample_insufficient",), id="2"),
        pytest.param(measurement(status=SensorStatus(0x0008)), ("strip_insertion_error",), id="3"),
        pytest.param(measurement(status=SensorStatus(0x0010)), ("strip_type_wrong",), id="4"),
        pytest.param(measurement(status=SensorStatus(0x0080)), ("temperature_too_high",), id="7"),
        pytest.param(measurement(status=SensorStatus(0x0100)), ("temperature_too_low",), id="8"),
        pytest.param(measurement(status=SensorStatus(0x0200)), ("read_interrupted",), id="9"),
        pytest.param(measurement(status=SensorStatus(0x0400)), ("general_fault",), id="10"),
        pytest.param(measurement(status=SensorStatus(0x0800)), ("time_fault",), id="11"),
        pytest.param(measurement(status=SensorStatus(0x1000)), ("reserved_status",), id="12"),
        pytest.param(measurement(reserved_flags=0x80), ("reserved_flags",), id="reserved flag"),
        pytest.param(measurement(fluid_type=9), ("interstitial_fluid",), id="fluid"),
        pytest.param(measurement(location=2), ("alternate_site",), id="site"),
        pytest.param(measurement(fluid_type=0, location=15), (), id="reserved fluid type"),
    ],
)
def test_remarks_become_qualifiers_and_the_number_is_kept(
    frame: GlucoseMeasurement, qualifiers: tuple[str, ...]
) -> None:
    assert (frame.reading().glucose_mg_dl, frame.reading().qualifiers) == (100.0, qualifiers)


@pytest.mark.parametrize(("fluid_type", "location"), [(16, 1), (1, 16), (-1, 1)])
def test_refuses_when_a_half_byte_would_spill(fluid_type: int, location: int) -> None:
    with pytest.raises(ValueError, match="0 to 15"):
        Sample(Sfloat.of(1), fluid_type, location)


@given(MEASUREMENTS)
def test_number_exists_only_when_measured(frame: GlucoseMeasurement) -> None:
    try:
        got = frame.reading()
    except FrameError as error:
        if error.reason is not FrameReason.IMPOSSIBLE_VALUE:
            raise
        return
    assert (got.glucose_mg_dl is not None) == (got.result is Result.MEASURED)
    assert got.glucose_mg_dl is None or 10 <= got.glucose_mg_dl <= 1000


def as_read_by(read: Callable[[bytes], GlucoseReading], raw: bytes) -> object:
    try:
        return repr(read(raw))
    except FrameError as error:
        return error.reason, str(error)


ORDINARY = st.builds(
    measurement,
    concentration=st.sampled_from(["9E-5", "10E-5", "100E-5", "55E-4", "1E-2", "101E-4"])
    | st.sampled_from([sfloat.NAN, sfloat.NRES, sfloat.NEGATIVE_INFINITY]),
    fluid_type=st.sampled_from([1, 2]) | NIBBLES,
    location=st.sampled_from([1, 15]) | NIBBLES,
    base_time=st.just(DateTime.of(BASE)) | DATE_TIMES,
    unit=st.sampled_from(ConcentrationUnit),
    time_offset_min=st.none() | st.sampled_from([0, -60, 0x7FFF, -0x8000, 0x7FFE]),
    status=st.sampled_from(
        [None, SensorStatus(0), SensorStatus.RESULT_TOO_LOW, SensorStatus(0x1000)]
    ),
    context_follows=st.booleans(),
)


@given(MEASUREMENTS | ORDINARY, st.sampled_from([b"", b"\0", None]))
def test_ordinary_frames_are_read_at_once_as_field_by_field(
    frame: GlucoseMeasurement, more: bytes | None
) -> None:
    raw = frame.to_bytes()[:-1] if more is None else frame.to_bytes() + more

    field_by_field = as_read_by(lambda raw: GlucoseMeasurement.from_bytes(raw).reading(), raw)
    assert as_read_by(glucose.read, raw) == field_by_field


@pytest.mark.parametrize("time_offset_min", [None, 60])
@pytest.mark.parametrize("status", [None, SensorStatus(0)])
@pytest.mark.parametrize("unit", ConcentrationUnit)
def test_ordinary_frames_are_recognised(
    time_offset_min: int | None, status: SensorStatus | None, unit: ConcentrationUnit
) -> None:
    concentration = "55E-4" if unit is ConcentrationUnit.MOL_PER_L else "100E-5"
    frame = measurement(concentration, time_offset_min=time_offset_min, status=status, unit=unit)

    assert glucose._ordinary(frame.to_bytes()) is not None
