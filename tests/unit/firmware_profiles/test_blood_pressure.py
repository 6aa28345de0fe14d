from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import blood_pressure, sfloat
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.readings import BloodPressureReading, Result
from firmware_profiles.sfloat import Sfloat

MORNING = datetime(2023, 6, 15, 8, 30)  # noqa: DTZ001 - a wall clock has no zone

SFLOATS = st.binary(min_size=2, max_size=2).map(Sfloat.from_bytes)
DATE_TIMES = st.binary(min_size=7, max_size=7).map(DateTime.from_bytes)
MEASUREMENTS = st.builds(
    BloodPressureMeasurement,
    unit=st.sampled_from(PressureUnit),
    systolic=SFLOATS,
    diastolic=SFLOATS,
    mean_arterial=SFLOATS,
    time_stamp=st.none() | DATE_TIMES,
    pulse_rate=st.none() | SFLOATS,
    user_id=st.none() | st.integers(0, 255),
    status=st.none() | st.integers(0, 0xFFFF).map(MeasurementStatus),
    reserved_flags=st.sampled_from([0, 0x20, 0x40, 0x80, 0xE0]),
)


def reading(frame: str) -> BloodPressureReading:
    return BloodPressureMeasurement.from_bytes(bytes.fromhex(frame)).reading()


def mmhg(
    systolic: str | Sfloat = "120",
    diastolic: str | Sfloat = "80",
    mean_arterial: str | Sfloat = "93",
    **optional: object,
) -> BloodPressureMeasurement:
    pressures = [
        pressure if isinstance(pressure, Sfloat) else Sfloat.of(pressure)
        for pressure in (systolic, diastolic, mean_arterial)
    ]
    return BloodPressureMeasurement(PressureUnit.MMHG, *pressures, **optional)  # type: ignore[arg-type]


@given(MEASUREMENTS)
def test_measurement_comes_back_when_encoded_and_decoded(
    measurement: BloodPressureMeasurement,
) -> None:
    assert BloodPressureMeasurement.from_bytes(measurement.to_bytes()) == measurement


@given(st.binary(max_size=20))
def test_frame_comes_back_when_it_was_accepted(raw: bytes) -> None:
    try:
        measurement = BloodPressureMeasurement.from_bytes(raw)
    except FrameError:
        return
    assert measurement.to_bytes() == raw


def test_length_follows_from_flags_for_every_combination_of_fields() -> None:
    sizes = {"time_stamp": 7, "pulse_rate": 2, "user_id": 1, "status": 2}
    fields = {
        "time_stamp": DateTime.of(MORNING),
        "pulse_rate": Sfloat.of(72),
        "user_id": 1,
        "status": MeasurementStatus(0),
    }
    for present in itertools.product([False, True], repeat=4):
        chosen = [name for name, is_present in zip(fields, present, strict=True) if is_present]
        frame = mmhg(**{name: fields[name] for name in chosen})
        raw = frame.to_bytes()
        assert len(raw) == 7 + sum(sizes[name] for name in chosen)
        assert BloodPressureMeasurement.from_bytes(raw) == frame
        for size in range(len(raw)):
            with pytest.raises(FrameError) as caught:
                BloodPressureMeasurement.from_bytes(raw[:size])
            expected = FrameReason.SHORT_FRAME if size else FrameReason.EMPTY_FRAME
            assert caught.value.reason is expected
        with pytest.raises(FrameError) as caught:
            BloodPressureMeasurement.from_bytes(raw + b"\x00")
        assert caught.value.reason is FrameReason.TRAILING_BYTES


FRAMES = {
    # 16    flags: time stamp, pulse rate, status; mmHg
    # 7a00  systolic 0x07A = 122, exponent 0     5100  diastolic 81     5f00  mean 95
    # e707 06 0f 08 1e 00   2023-06-15 08:30:00
    # 4800  pulse 72     0000  status: nothing to remark
    "an A&D cuff": (
        "16 7a00 5100 5f00 e707060f081e00 4800 0000",
        BloodPressureReading(MORNING, None, Result.MEASURED, 122.0, 81.0, 95.0, 72.0, ()),
    ),
    # 1e    flags: time stamp, pulse rate, user id, status
    # 8cf4  0xF48C: exponent -1, mantissa 0x48C = 1164 → 116.4   20f3  0x320 = 800 → 80.0
    # 0000  mean 0: this cuff does not compute one     02  user 2
    # 0500  body movement (bit 0), irregular pulse (bit 2)
    "a cuff with tenths, two users and remarks": (
        "1e 8cf4 20f3 0000 e707060f081e00 4800 02 0500",
        BloodPressureReading(
            MORNING,
            2,
            Result.MEASURED,
            116.4,
            80.0,
            None,
            72.0,
            ("body_movement", "irregular_pulse"),
        ),
    ),
    # 01    flags: kPa     a0f0  0x0A0 = 160, exponent -1 → 16.0 kPa * 7.500617 = 120.009872 mmHg
    # 69f0  0x069 = 105 → 10.5 kPa = 78.7564785 mmHg     ff07  mean: not a number
    "kilopascal": (
        "01 a0f0 69f0 ff07",
        BloodPressureReading(None, None, Result.MEASURED, 120.009872, 78.7564785, None, None, ()),
    ),
    # 1e    all fields; three times ff07 = NaN: the cuff could not measure; ff  user unknown
    "a failed measurement": (
        "1e ff07 ff07 ff07 e707060f081e00 ff07 ff 0000",
        BloodPressureReading(MORNING, 255, Result.NOT_MEASURABLE, None, None, None, None, ()),
    ),
    # 06    time stamp, pulse; year 0000: clock never set; 0008  pulse NRes: outside its range
    "a cuff after a change of batteries": (
        "06 7a00 5100 5f00 00000101000000 0008",
        BloodPressureReading(
            None, None, Result.MEASURED, 122.0, 81.0, 95.0, None, ("pulse_not_expressible",)
        ),
    ),
}


@pytest.mark.parametrize(("frame", "expected"), FRAMES.values(), ids=FRAMES.keys())
def test_known_frames_when_decoded(frame: str, expected: BloodPressureReading) -> None:
    assert reading(frame) == expected


def test_refuses_when_flags_promise_a_user_id_that_is_not_there() -> None:
    # The A&D frame above with flag bit 3 set: one byte short for its flags.
    with pytest.raises(FrameError) as caught:
        reading("1e 7a00 5100 5f00 e707060f081e00 4800 0000")
    assert caught.value.reason is FrameReason.SHORT_FRAME


@pytest.mark.parametrize(
    ("status", "qualifiers"),
    [
        pytest.param(0b00_0001, ("body_movement",), id="body movement"),
        pytest.param(0b00_0010, ("cuff_too_loose",), id="cuff"),
        pytest.param(0b00_0100, ("irregular_pulse",), id="irregular"),
        pytest.param(0b00_1000, ("pulse_above_range",), id="pulse above"),
        pytest.param(0b01_0000, ("pulse_below_range",), id="pulse below"),
        pytest.param(0b01_1000, ("reserved_status",), id="pulse range reserved"),
        pytest.param(0b10_0000, ("improper_position",), id="position"),
        pytest.param(0b100_0000, ("reserved_status",), id="reserved bit"),
        pytest.param(0b10_0101, ("body_movement", "irregular_pulse", "improper_position"), id="3"),
    ],
)
def test_status_bits_become_qualifiers(status: int, qualifiers: tuple[str, ...]) -> None:
    assert mmhg(status=MeasurementStatus(status)).reading().qualifiers == qualifiers


def test_reading_is_kept_and_marked_when_reserved_flags_are_set() -> None:
    # Flag bit 6, as some Beurer cuffs send it; the length proves that it brought no field.
    kept = reading("40 7a00 5100 5f00")
    assert (kept.systolic_mmhg, kept.qualifiers) == (122.0, ("reserved_flags",))


@pytest.mark.parametrize(
    ("systolic", "diastolic", "result"),
    [
        pytest.param(sfloat.NAN, "80", Result.NOT_MEASURABLE, id="systolic NaN"),
        pytest.param("120", sfloat.NAN, Result.NOT_MEASURABLE, id="diastolic NaN"),
        pytest.param(sfloat.NRES, sfloat.NRES, Result.NOT_MEASURABLE, id="NRes"),
        pytest.param(Sfloat(-2047, 0), "80", Result.NOT_MEASURABLE, id="reserved word"),
        pytest.param(sfloat.POSITIVE_INFINITY, "80", Result.ABOVE_RANGE, id="+INF"),
        pytest.param(sfloat.POSITIVE_INFINITY, sfloat.NAN, Result.ABOVE_RANGE, id="+INF, NaN"),
        pytest.param("120", sfloat.NEGATIVE_INFINITY, Result.BELOW_RANGE, id="-INF"),
        pytest.param(
            sfloat.POSITIVE_INFINITY, sfloat.NEGATIVE_INFINITY, Result.NOT_MEASURABLE, id="both"
        ),
    ],
)
def test_no_number_when_a_pressure_is_special(
    systolic: str | Sfloat, diastolic: str | Sfloat, result: Result
) -> None:
    got = mmhg(systolic, diastolic, pulse_rate=Sfloat.of(72)).reading()
    assert got == BloodPressureReading(None, None, result, None, None, None, None, ())


@pytest.mark.parametrize(
    ("mean_arterial", "expected", "qualifiers"),
    [
        pytest.param("93", 93.0, (), id="plausible"),
        pytest.param("80", 80.0, (), id="at the diastolic"),
        pytest.param("0", None, (), id="zero means unsupported"),
        pytest.param(sfloat.NAN, None, (), id="NaN"),
        pytest.param("121", None, ("mean_arterial_implausible",), id="above the systolic"),
        pytest.param("2E+7", None, ("mean_arterial_implausible",), id="absurd"),
        pytest.param("-5", None, ("mean_arterial_implausible",), id="negative"),
    ],
)
def test_record_is_never_refused_for_its_mean(
    mean_arterial: str | Sfloat, expected: float | None, qualifiers: tuple[str, ...]
) -> None:
    got = mmhg(mean_arterial=mean_arterial).reading()
    assert (got.systolic_mmhg, got.mean_arterial_mmhg, got.qualifiers) == (
        120.0,
        expected,
        qualifiers,
    )


@pytest.mark.parametrize(
    "measurement",
    [
        pytest.param(mmhg("79", "80"), id="systolic below diastolic"),
        pytest.param(mmhg("401", "80"), id="systolic above 400"),
        pytest.param(mmhg("120", "-1"), id="diastolic below 0"),
        pytest.param(mmhg("120", "9"), id="diastolic below 10"),
        pytest.param(mmhg("0", "0"), id="nothing at all"),
        pytest.param(mmhg("1E-8", "1E-8"), id="exponent extremely small"),
        pytest.param(mmhg("8E+7", "80"), id="exponent extreme"),
        pytest.param(mmhg(pulse_rate=Sfloat.of("401")), id="pulse above 400"),
        pytest.param(mmhg(pulse_rate=Sfloat.of("-1")), id="pulse below 0"),
        pytest.param(
            # 60 kPa is 450 mmHg
            BloodPressureMeasurement(PressureUnit.KPA, Sfloat.of(60), Sfloat.of(10), Sfloat.of(20)),
            id="kilopascal above 400 mmHg",
        ),
    ],
)
def test_refuses_when_no_person_has_such_numbers(measurement: BloodPressureMeasurement) -> None:
    with pytest.raises(FrameError) as caught:
        measurement.reading()
    assert caught.value.reason is FrameReason.IMPOSSIBLE_VALUE


@pytest.mark.parametrize(
    ("pulse", "expected"),
    [("0", None), ("1E-8", None), ("9", None), ("10", 10.0), ("255", 255.0)],
)
def test_pressures_count_although_the_pulse_is_none(pulse: str, expected: float | None) -> None:
    got = mmhg(pulse_rate=Sfloat.of(pulse)).reading()
    assert (got.result, got.pulse_bpm) == (Result.MEASURED, expected)
    assert got.qualifiers == (("pulse_implausible",) if expected is None else ())


@pytest.mark.parametrize(("systolic", "diastolic"), [("400", "10"), ("80", "80"), ("10", "10")])
def test_limits_are_included(systolic: str, diastolic: str) -> None:
    assert mmhg(systolic, diastolic).reading().result is Result.MEASURED


@given(MEASUREMENTS)
def test_numbers_exist_only_when_measured(measurement: BloodPressureMeasurement) -> None:
    try:
        got = measurement.reading()
    except FrameError as error:
        if error.reason is not FrameReason.IMPOSSIBLE_VALUE:
            raise
        return
    pressures = (got.systolic_mmhg, got.diastolic_mmhg)
    assert all((p is not None) == (got.result is Result.MEASURED) for p in pressures)
    for number in (*pressures, got.mean_arterial_mmhg, got.pulse_bpm):
        assert number is None or 10 <= number <= 400


# Pressures and pulses of persons, at and beyond their limits, and words that are no numbers.
WORDS = st.sampled_from(
    [Sfloat.of(number).to_bytes() for number in (0, 9, 10, 72, 80, 93, 120, "120.5", 400, 401, -80)]
    + [special.to_bytes() for special in (sfloat.NAN, sfloat.NRES, sfloat.POSITIVE_INFINITY)]
)
FRAMES = st.builds(
    lambda flags, pressures, at, pulse, tail: bytes(
        (flags, *b"".join(pressures), *at, *pulse, *tail)
    ),
    st.sampled_from([0x06, 0x0E, 0x16, 0x1E]) | st.integers(0, 255),
    st.lists(WORDS, min_size=3, max_size=3),
    st.just(DateTime.of(MORNING).to_bytes()) | st.binary(min_size=7, max_size=7),
    WORDS,
    st.sampled_from([b"", b"\1", b"\0\0", b"\1\0\0"]) | st.binary(max_size=3),
)


@given(FRAMES)
def test_ordinary_frames_are_read_at_once_as_field_by_field(raw: bytes) -> None:
    def result_of(read: Callable[[bytes], BloodPressureReading]) -> object:
        try:
            return repr(read(raw))
        except FrameError as error:
            return error.reason, str(error)

    field_by_field = result_of(lambda raw: BloodPressureMeasurement.from_bytes(raw).reading())
    assert result_of(blood_pressure.read) == field_by_field


@pytest.mark.parametrize("flags", [0x06, 0x0E, 0x16, 0x1E])
def test_ordinary_frames_are_recognised(flags: int) -> None:
    tail = {0x06: b"", 0x0E: b"\2", 0x16: b"\4\0", 0x1E: b"\2\4\0"}[flags]
    numbers = b"".join(Sfloat.of(number).to_bytes() for number in (120, 80, 93))
    at, pulse = DateTime.of(MORNING).to_bytes(), Sfloat.of(72).to_bytes()

    assert blood_pressure._ordinary(bytes((flags, *numbers, *at, *pulse, *tail))) is not None
