from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import sfloat
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.glucose_context import (
    DURATION_OVERRUN_S,
    Carbohydrate,
    Circumstances,
    Exercise,
    GlucoseMeasurementContext,
    Medication,
    MedicationUnit,
)
from firmware_profiles.readings import GlucoseContext
from firmware_profiles.sfloat import Sfloat

SFLOATS = st.binary(min_size=2, max_size=2).map(Sfloat.from_bytes)
BYTES = st.integers(0, 255)
NIBBLES = st.integers(0, 15)
CONTEXTS = st.builds(
    GlucoseMeasurementContext,
    sequence_number=st.integers(0, 0xFFFF),
    extended_flags=st.none() | BYTES,
    carbohydrate=st.none() | st.builds(Carbohydrate, BYTES, SFLOATS),
    meal=st.none() | BYTES,
    circumstances=st.none() | st.builds(Circumstances, NIBBLES, NIBBLES),
    exercise=st.none() | st.builds(Exercise, st.integers(0, 0xFFFF), BYTES),
    medication=st.none() | st.builds(Medication, BYTES, SFLOATS),
    medication_unit=st.sampled_from(MedicationUnit),
    hba1c_percent=st.none() | SFLOATS,
)


@given(CONTEXTS)
def test_context_comes_back_when_encoded_and_decoded(context: GlucoseMeasurementContext) -> None:
    assert GlucoseMeasurementContext.from_bytes(context.to_bytes()) == context


@given(st.binary(max_size=20))
def test_frame_comes_back_when_it_was_accepted(raw: bytes) -> None:
    try:
        accepted = GlucoseMeasurementContext.from_bytes(raw)
    except FrameError:
        return
    assert accepted.to_bytes() == raw


def test_length_follows_from_flags_for_every_combination_of_fields() -> None:
    fields: dict[str, tuple[object, int]] = {
        "extended_flags": (0, 1),
        "carbohydrate": (Carbohydrate(1, Sfloat.of("0.05")), 3),
        "meal": (1, 1),
        "circumstances": (Circumstances(1, 5), 1),
        "exercise": (Exercise(60, 50), 3),
        "medication": (Medication(1, Sfloat.of("1E-5")), 3),
        "hba1c_percent": (Sfloat.of("6.5"), 2),
    }
    for present in itertools.product([False, True], repeat=7):
        chosen = [name for name, there in zip(fields, present, strict=True) if there]
        context = GlucoseMeasurementContext(7, **{n: fields[n][0] for n in chosen})  # type: ignore[arg-type]
        raw = context.to_bytes()
        assert len(raw) == 3 + sum(fields[name][1] for name in chosen)
        assert GlucoseMeasurementContext.from_bytes(raw) == context
        with pytest.raises(FrameError) as caught:
            GlucoseMeasurementContext.from_bytes(raw[:-1])
        assert caught.value.reason is FrameReason.SHORT_FRAME
        with pytest.raises(FrameError) as caught:
            GlucoseMeasurementContext.from_bytes(raw + b"\x00")
        assert caught.value.reason is FrameReason.TRAILING_BYTES


def test_known_frame_when_decoded() -> None:
    # 7f      flags: carbohydrate, meal, tester/health, exercise, medication, litres, HbA1c
    # 2a00    sequence number 42
    # 01 32d0 breakfast, 0xD032: 50 * 10^-3 kg = 50 g
    # 03      fasting
    # 51      health 5 no issues, tester 1 self
    # 0807 32 exercise 0x0708 = 1800 s, 50 %
    # 01 7890 rapid acting insulin, 0x9078: 120 * 10^-7 L = 0.012 mL
    # 41f0    HbA1c 0xF041: 65 * 10^-1 = 6.5 %
    frame = bytes.fromhex("7f 2a00 01 32d0 03 51 0807 32 01 7890 41f0")
    assert GlucoseMeasurementContext.from_bytes(frame).reading() == GlucoseContext(
        sequence_number=42,
        fields={
            "carbohydrate": "breakfast",
            "carbohydrate_g": 50.0,
            "meal": "fasting",
            "tester": "self",
            "health": "no_issues",
            "exercise_duration_s": 1800,
            "exercise_intensity_percent": 50,
            "medication": "rapid_acting_insulin",
            "medication_ml": 0.012,
            "hba1c_percent": 6.5,
        },
    )


@pytest.mark.parametrize(
    ("context", "fields"),
    [
        pytest.param(GlucoseMeasurementContext(1), {}, id="nothing"),
        pytest.param(GlucoseMeasurementContext(1, meal=6), {"meal": "reserved_6"}, id="reserved"),
        pytest.param(
            GlucoseMeasurementContext(1, exercise=Exercise(DURATION_OVERRUN_S, 0)),
            {"exercise_duration": "overrun", "exercise_intensity_percent": 0},
            id="overrun",
        ),
        pytest.param(
            GlucoseMeasurementContext(1, medication=Medication(4, Sfloat.of("2E-6"))),
            {"medication": "long_acting_insulin", "medication_mg": 2.0},
            id="medication by mass",
        ),
        pytest.param(
            GlucoseMeasurementContext(1, carbohydrate=Carbohydrate(4, sfloat.NAN)),
            {"carbohydrate": "snack"},
            id="no number",
        ),
    ],
)
def test_only_what_was_sent_is_told(
    context: GlucoseMeasurementContext, fields: dict[str, object]
) -> None:
    assert context.reading().fields == fields


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(
            GlucoseMeasurementContext(1, carbohydrate=Carbohydrate(1, Sfloat.of("-1"))), id="carbs"
        ),
        pytest.param(
            GlucoseMeasurementContext(1, medication=Medication(1, Sfloat.of("-1"))), id="medication"
        ),
        pytest.param(GlucoseMeasurementContext(1, hba1c_percent=Sfloat.of(101)), id="HbA1c"),
        pytest.param(GlucoseMeasurementContext(1, exercise=Exercise(1, 101)), id="exercise"),
    ],
)
def test_refuses_when_amount_is_impossible(context: GlucoseMeasurementContext) -> None:
    with pytest.raises(FrameError) as caught:
        context.reading()
    assert caught.value.reason is FrameReason.IMPOSSIBLE_VALUE


def test_refuses_when_a_half_byte_would_spill() -> None:
    with pytest.raises(ValueError, match="0 to 15"):
        Circumstances(16, 0)
