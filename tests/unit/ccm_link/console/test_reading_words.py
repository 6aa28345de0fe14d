"""How a reading is said: numbers, what there is instead of numbers, and how far its time can be trusted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccm_link.console.words import reading_words
from firmware_profiles.readings import Kind, Result
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import Origin, StoredReading


def reading(**fields: Any) -> StoredReading:
    ordinary = {
        "kind": Kind.BLOOD_PRESSURE,
        "result": Result.MEASURED,
        "systolic_mmhg": None,
        "diastolic_mmhg": None,
        "glucose_mg_dl": None,
        "time_method": TimeMethod.DEVICE_CLOCK_CORRECTED,
        "time_quality": TimeQuality.GOOD,
        "device_clock_offset_s": 4.0,
        "qualifiers": (),
        "origin": Origin.DEVICE,
        "superseded_at": None,
        "version": 1,
    }
    return cast("StoredReading", SimpleNamespace(**(ordinary | fields)))


def test_pressure_is_written_with_a_stroke_and_read_out_with_over() -> None:
    measured = reading(systolic_mmhg=131.0, diastolic_mmhg=83.5)
    assert reading_words.number(measured) == "131/83.5"
    assert reading_words.spoken(measured) == "131 over 83.5"
    assert reading_words.unit(measured) == "mmHg"


@pytest.mark.parametrize("result", [result for result in Result if result is not Result.MEASURED])
def test_a_result_without_a_number_is_said_in_words(result: Result) -> None:
    without = reading(kind=Kind.GLUCOSE, result=result)
    assert reading_words.number(without) == ""
    assert len(reading_words.spoken(without).split()) > 3


@pytest.mark.parametrize(
    ("method", "quality", "offset_s", "labels"),
    [
        pytest.param(TimeMethod.DEVICE_CLOCK_CORRECTED, TimeQuality.GOOD, 4.0, [], id="good"),
        pytest.param(
            TimeMethod.DEVICE_CLOCK_CORRECTED,
            TimeQuality.GOOD,
            -3600.0,
            ["clock corrected"],
            id="corrected",
        ),
        pytest.param(
            TimeMethod.DEVICE_CLOCK, TimeQuality.UNCERTAIN, None, ["time uncertain"], id="uncertain"
        ),
        pytest.param(
            TimeMethod.DEVICE_CLOCK_CORRECTED,
            TimeQuality.UNCERTAIN,
            90.0,
            ["time uncertain", "clock corrected"],
            id="uncertain and corrected",
        ),
        pytest.param(
            TimeMethod.GATEWAY_RECEIPT,
            TimeQuality.UNKNOWN,
            9e9,
            ["device clock not set"],
            id="receipt",
        ),
        pytest.param(
            TimeMethod.INGEST_RECEIPT,
            TimeQuality.UNKNOWN,
            None,
            ["gateway clock wrong"],
            id="ingest",
        ),
    ],
)
def test_how_far_a_time_can_be_trusted_is_marked(
    method: TimeMethod, quality: TimeQuality, offset_s: float | None, labels: list[str]
) -> None:
    found = reading_words.marks(
        reading(time_method=method, time_quality=quality, device_clock_offset_s=offset_s)
    )
    assert [mark.label for mark in found] == labels
    assert all(mark.explanation for mark in found)


def test_the_direction_of_a_correction_is_said() -> None:
    (slow,) = reading_words.marks(reading(device_clock_offset_s=190.0))
    (fast,) = reading_words.marks(reading(device_clock_offset_s=-190.0))
    assert "3 minutes slow" in slow.explanation
    assert "3 minutes fast" in fast.explanation


def test_what_the_peripheral_said_is_marked_too() -> None:
    (mark,) = reading_words.marks(reading(qualifiers=("irregular_pulse",)))
    assert mark.label == "irregular pulse"


@pytest.mark.parametrize(
    ("quality", "labels"),
    [
        (TimeQuality.GOOD, ["imported, not sent by a device"]),
        (TimeQuality.UNCERTAIN, ["imported, not sent by a device", "time uncertain"]),
    ],
)
def test_an_imported_reading_says_so_first(quality: TimeQuality, labels: list[str]) -> None:
    imported = reading(
        origin=Origin.IMPORT,
        time_method=TimeMethod.IMPORTED,
        time_quality=quality,
        device_clock_offset_s=None,
    )
    found = reading_words.marks(imported)
    assert [mark.label for mark in found] == labels
    assert "cuff" not in " ".join(mark.explanation for mark in found)
