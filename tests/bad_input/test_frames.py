"""Frames of peripherals that are wrong: rows 1 to 25 of the catalogue of bad input, as ingest takes them in.

==== =============================================== ===================================================================
Row  Input                                           State
==== =============================================== ===================================================================
1    empty notification                              quarantine “empty_frame”
2    one byte short for its flags                    quarantine “short_frame”, never padded
3    bytes too many                                  quarantine “trailing_bytes”; no profile allows a vendor's tail
4    reserved flags                                  stored and marked where the length proves the layout; else refused
5    NaN, NRes, reserved, infinities                 stored as not measurable, above or below range; no number
6    extreme exponent                                quarantine “impossible_value”
7    kilopascal                                      converted exactly; the bytes keep what was sent
8    kg/L or mol/L                                   converted exactly; a number in the other unit is out of range
9    systolic below diastolic, mean outside          quarantine; the mean alone is left out and marked
10   pressure 0 or 300, pulse 0 or 255               by range, never clipped; a pulse of 0 is left out and marked
11   month 13, 31 February, hour 24                  stored, undated: reception counts, quality unknown
12   year 0, or a clock that was never set           the same
13   three days in the future                        stored with what the clock said; reception counts
14   user 255 or one without a patient               waits without a patient
15   movement, loose cuff, irregular pulse           stored as qualifiers
16   control solution                                stored as that, without a number; no rule sees it
17   same sequence number, other value               quarantine “record_conflict”, security event; the first stands
18   sequence number begins again                    told apart by the base time
19   context before or without its measurement       neither waits for the other
20   answers of the record access control point      states of the gateway; as a record: “unknown_characteristic”
21   a flood of notifications                        ends at the gateway: a session has a time budget and no queue
22   stranger with a known name                      ends at the gateway: ignored and counted
23   weight “unsuccessful”                           stored as not measurable; no number
24   oxygen saturation of 120 %                      quarantine “impossible_value”; 0 the same
25   firmware text of 10 kB                          has no place in a record: ignored and counted
==== =============================================== ===================================================================
"""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from firmware_profiles import racp, sfloat, uuids
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
)
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import (
    ConcentrationUnit,
    FluidType,
    GlucoseMeasurement,
    Sample,
    SampleLocation,
)
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.racp import OpCode, Response, ResponseCode
from firmware_profiles.sfloat import Sfloat
from firmware_profiles.wire import Record
from tests.bad_input.ingest_door import DUPLICATE, MARKER, STORED, Door, meter, quarantined, seqs

pytestmark = pytest.mark.db

# With every optional field of a cuff: time, pulse, user and status.
WHOLE = BloodPressureMeasurement(
    unit=PressureUnit.MMHG,
    systolic=Sfloat(128, 0),
    diastolic=Sfloat(79, 0),
    mean_arterial=Sfloat(95, 0),
    time_stamp=DateTime(2026, 3, 4, 5, 6, 7),
    pulse_rate=Sfloat(61, 0),
    user_id=1,
    status=MeasurementStatus(0),
)
BASE_TIME = DateTime(2026, 3, 4, 5, 6, 7)
# Where clocks begin that nobody set; a peripheral's clock has no zone.
UNSET = datetime.fromisoformat("2000-01-01T00:00:00")


def cuff(**changes: Any) -> bytes:
    return replace(WHOLE, **changes).to_bytes()


def pressures(systolic: str, diastolic: str, **changes: Any) -> bytes:
    return cuff(
        systolic=Sfloat.of(systolic), diastolic=Sfloat.of(diastolic), user_id=None, **changes
    )


def glucose(concentration: str | Sfloat, **changes: Any) -> bytes:
    number = concentration if isinstance(concentration, Sfloat) else Sfloat.of(concentration)
    sample = Sample(number, FluidType.CAPILLARY_WHOLE_BLOOD, SampleLocation.FINGER)
    whole = GlucoseMeasurement(sequence_number=7, base_time=BASE_TIME, sample=sample)
    return replace(whole, **changes).to_bytes()


def context(home: Any, seq: int, sequence_number: int = 7) -> Record:
    raw = GlucoseMeasurementContext(sequence_number=sequence_number, meal=1).to_bytes()
    return replace(meter(home, seq, raw), characteristic=uuids.GLUCOSE_MEASUREMENT_CONTEXT)


def is_undated(row: dict[str, Any], home: Any, device_time: datetime | None) -> None:
    assert (row["time_method"], row["time_quality"]) == ("gateway_receipt", "unknown")
    assert row["measured_at"] == home.now
    assert row["device_time"] == device_time


def test_row_1_an_empty_notification_is_kept_as_that(door: Door) -> None:
    door.refuses(b"", "empty_frame")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(WHOLE.to_bytes()[:-1], id="cuff, half a status"),
        pytest.param(cuff(status=None)[:-1], id="cuff, no user"),
        pytest.param(cuff(status=None, user_id=None)[:-1], id="cuff, half a pulse"),
        pytest.param(b"\x02" + bytes(12), id="cuff, six bytes of time"),
        pytest.param(b"\x1e", id="flags alone"),
    ],
)
def test_row_2_a_short_frame_is_never_padded(door: Door, raw: bytes) -> None:
    door.refuses(raw, "short_frame")


def test_row_3_bytes_too_many_are_not_passed_over(door: Door) -> None:
    door.refuses(WHOLE.to_bytes() + b"\0", "trailing_bytes")


def test_row_4_reserved_flags_are_marked_where_the_length_proves_the_layout(door: Door) -> None:
    marked = pressures("128", "79", reserved_flags=0b0100_0000)
    assert door.send(door.home.record(1, raw=marked)) == {1: STORED}
    row = door.reading()
    assert (row["systolic_mmhg"], row["qualifiers"]) == (128.0, ["reserved_flags"])


def test_row_4_reserved_flags_that_bring_a_field_are_refused(door: Door) -> None:
    door.refuses(cuff(reserved_flags=0b0100_0000) + b"\x2a", "trailing_bytes")


@pytest.mark.parametrize(
    ("special", "result", "judged"),
    [
        pytest.param(sfloat.NAN, "not_measurable", 0, id="NaN"),
        pytest.param(sfloat.NRES, "not_measurable", 0, id="NRes"),
        pytest.param(Sfloat.from_bytes(b"\x01\x08"), "not_measurable", 0, id="reserved"),
        pytest.param(sfloat.POSITIVE_INFINITY, "above_range", 1, id="+INF"),
        pytest.param(sfloat.NEGATIVE_INFINITY, "below_range", 1, id="-INF"),
    ],
)
def test_row_5_a_special_word_is_no_number(
    door: Door, special: Sfloat, result: str, judged: int
) -> None:
    home = door.home
    raw = cuff(systolic=special, user_id=None)
    assert door.send(
        home.record(1, raw=raw), meter(home, 2, glucose(special)), home.record(3, dated=False)
    ) == {1: STORED, 2: STORED, 3: STORED}
    of_cuff, of_meter, _ = door.readings()
    assert of_cuff["result"] == of_meter["result"] == result
    numbers = ("systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg", "glucose_mg_dl")
    assert {row[name] for row in (of_cuff, of_meter) for name in numbers} == {None}
    assert of_cuff["raw"] == raw
    # The meter is nobody's, so of both the cuff's alone may be queued, beside the good one.
    assert door.queued() == judged + 1


@pytest.mark.parametrize(
    ("raw", "of_meter"),
    [
        pytest.param(pressures("8E+7", "79"), False, id="80 million mmHg"),
        pytest.param(pressures("1E-8", "1E-8"), False, id="a hundred-millionth mmHg"),
        pytest.param(glucose("8E+7"), True, id="80 million kg/L"),
        pytest.param(glucose("1E-8"), True, id="a thousandth mg/dL"),
    ],
)
def test_row_6_an_extreme_exponent_is_out_of_range(door: Door, raw: bytes, of_meter: bool) -> None:
    is_meters = {"profile_id": "standard-glucometer", "characteristic": uuids.GLUCOSE_MEASUREMENT}
    door.refuses(raw, "impossible_value", **(is_meters if of_meter else {}))


def test_row_7_kilopascal_is_converted_and_the_bytes_stay(door: Door) -> None:
    raw = pressures("16.0", "10.0", mean_arterial=Sfloat.of("12.0"), unit=PressureUnit.KPA)
    assert door.send(door.home.record(1, raw=raw)) == {1: STORED}
    row = door.reading()
    # 1 kPa is 7.500617 mmHg.
    assert row["systolic_mmhg"] == pytest.approx(120.009872, abs=1e-9)
    assert row["diastolic_mmhg"] == pytest.approx(75.00617, abs=1e-9)
    assert row["raw"] == raw


def test_row_8_each_unit_is_converted_exactly(door: Door) -> None:
    home = door.home
    # 5.5 mmol/L times 18.0156 is 99.0858 mg/dL.
    molar = glucose("55E-4", unit=ConcentrationUnit.MOL_PER_L, sequence_number=8)
    assert door.send(meter(home, 1, glucose("110E-5")), meter(home, 2, molar)) == {
        1: STORED,
        2: STORED,
    }
    assert [row["glucose_mg_dl"] for row in door.readings()] == [110.0, pytest.approx(99.0858)]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(glucose("110E-3", unit=ConcentrationUnit.MOL_PER_L), id="mg/dL as mmol/L"),
        pytest.param(glucose("55E-6"), id="mmol/L as mg/dL"),
        pytest.param(glucose("5.5"), id="mmol/L as kg/L"),
    ],
)
def test_row_8_a_number_in_the_other_unit_is_out_of_range(door: Door, raw: bytes) -> None:
    is_meters = {"profile_id": "standard-glucometer", "characteristic": uuids.GLUCOSE_MEASUREMENT}
    door.refuses(raw, "impossible_value", **is_meters)


def test_row_9_a_systolic_below_the_diastolic_is_refused(door: Door) -> None:
    door.refuses(pressures("79", "80"), "impossible_value")


@pytest.mark.parametrize("mean", ["70", "130", "0"])
def test_row_9_a_mean_outside_of_both_is_left_out(door: Door, mean: str) -> None:
    raw = pressures("128", "79", mean_arterial=Sfloat.of(mean))
    assert door.send(door.home.record(1, raw=raw)) == {1: STORED}
    row = door.reading()
    assert (row["systolic_mmhg"], row["mean_arterial_mmhg"]) == (128.0, None)
    # 0 is what cuffs send for none.
    assert row["qualifiers"] == ([] if mean == "0" else ["mean_arterial_implausible"])


@pytest.mark.parametrize(("systolic", "diastolic"), [("0", "0"), ("120", "0"), ("401", "80")])
def test_row_10_what_no_person_has_is_refused(door: Door, systolic: str, diastolic: str) -> None:
    door.refuses(pressures(systolic, diastolic), "impossible_value")


@pytest.mark.parametrize(
    ("pulse", "expected", "qualifiers"),
    [("0", None, ["pulse_implausible"]), ("255", 255.0, [])],
)
def test_row_10_what_is_rare_is_not_clipped(
    door: Door, pulse: str, expected: float | None, qualifiers: list[str]
) -> None:
    raw = pressures("310", "180", mean_arterial=sfloat.NAN, pulse_rate=Sfloat.of(pulse))
    assert door.send(door.home.record(1, raw=raw)) == {1: STORED}
    row = door.reading()
    assert (row["systolic_mmhg"], row["pulse_bpm"]) == (310.0, expected)
    assert row["qualifiers"] == qualifiers
    assert door.queued() == 1


@pytest.mark.parametrize(
    "time_stamp",
    [
        pytest.param(DateTime(2026, 13, 1, 0, 0, 0), id="month 13"),
        pytest.param(DateTime(2026, 2, 31, 8, 0, 0), id="31 February"),
        pytest.param(DateTime(2026, 2, 28, 24, 0, 0), id="hour 24"),
        pytest.param(DateTime(2026, 2, 28, 23, 59, 60), id="second 60"),
    ],
)
def test_row_11_a_time_that_does_not_exist_costs_the_time_alone(
    door: Door, time_stamp: DateTime
) -> None:
    raw = pressures("128", "79", time_stamp=time_stamp)
    assert door.send(door.home.record(1, raw=raw)) == {1: STORED}
    is_undated(door.reading(), door.home, device_time=None)
    assert door.reading()["systolic_mmhg"] == 128.0


def test_row_12_an_unknown_year_is_no_time(door: Door) -> None:
    raw = pressures("128", "79", time_stamp=DateTime(0, 0, 0, 8, 0, 0))
    assert door.send(door.home.record(1, raw=raw)) == {1: STORED}
    is_undated(door.reading(), door.home, device_time=None)


def test_row_12_a_clock_that_was_never_set_is_not_believed(door: Door) -> None:
    raw = pressures("128", "79", time_stamp=DateTime(2000, 1, 1, 0, 3, 0))
    assert door.send(door.home.record(1, raw=raw, device_clock_offset_s=None)) == {1: STORED}
    is_undated(door.reading(), door.home, device_time=UNSET + timedelta(minutes=3))


def test_row_12_a_clock_that_was_never_set_but_was_compared_is(door: Door) -> None:
    # The cuff counted three minutes from its reset until it was read; so it was measured just now.
    home = door.home
    offset_s = (home.now.replace(tzinfo=None) - UNSET).total_seconds() - 180
    raw = pressures("128", "79", time_stamp=DateTime(2000, 1, 1, 0, 1, 0))
    assert door.send(home.record(1, raw=raw, device_clock_offset_s=offset_s)) == {1: STORED}
    row = door.reading()
    assert row["measured_at"] == home.now - timedelta(minutes=2)
    assert row["time_method"] == "device_clock_corrected"


def test_row_13_a_measurement_of_the_future_counts_from_its_reception(door: Door) -> None:
    ahead = (door.home.now + timedelta(days=3)).replace(tzinfo=None)
    raw = pressures("128", "79", time_stamp=DateTime.of(ahead))
    assert door.send(door.home.record(1, raw=raw, device_clock_offset_s=None)) == {1: STORED}
    is_undated(door.reading(), door.home, device_time=ahead)
    assert door.queued_measured_at() == [door.home.now]


@pytest.mark.parametrize("user_id", [255, 2])
def test_row_14_an_unknown_user_is_nobody(door: Door, user_id: int) -> None:
    # The cuff's slot “none” is a patient's; users 255 and 2 are not.
    assert door.send(door.home.record(1, raw=cuff(user_id=user_id))) == {1: STORED}
    row = door.reading()
    assert (row["patient_id"], row["user_slot"]) == (None, user_id)
    assert door.queued() == 0


def test_row_15_what_the_cuff_noticed_is_stored_beside_the_numbers(door: Door) -> None:
    status = (
        MeasurementStatus.BODY_MOVEMENT
        | MeasurementStatus.CUFF_TOO_LOOSE
        | MeasurementStatus.IRREGULAR_PULSE
    )
    assert door.send(door.home.record(1, raw=pressures("128", "79", status=status))) == {1: STORED}
    assert door.reading()["qualifiers"] == ["body_movement", "cuff_too_loose", "irregular_pulse"]
    assert door.queued() == 1


@pytest.mark.parametrize(
    ("fluid", "site"),
    [
        (FluidType.CONTROL_SOLUTION, SampleLocation.NOT_AVAILABLE),
        (FluidType.CAPILLARY_WHOLE_BLOOD, SampleLocation.CONTROL_SOLUTION),
    ],
)
def test_row_16_control_solution_is_nobodys_glucose(
    door: Door, fluid: FluidType, site: SampleLocation
) -> None:
    home = door.home
    raw = glucose("110E-5", sample=Sample(Sfloat.of("110E-5"), fluid, site))
    # Of the patient's own cuff address, so that nothing but the result keeps it from the rules.
    record = replace(meter(home, 1, raw), peripheral=home.bluetooth_address)
    assert door.send(record) == {1: STORED}
    row = door.reading()
    assert (row["result"], row["glucose_mg_dl"]) == ("control_solution", None)
    assert row["patient_id"] == home.patient_id
    assert door.queued() == 0


def test_row_17_the_first_value_of_a_sequence_number_stands(door: Door) -> None:
    home = door.home
    first, other = meter(home, 1, glucose("110E-5")), meter(home, 2, glucose("300E-5"))
    assert door.send(first) == {1: STORED}
    for _ in range(2):
        assert door.send(other, home.record(3)) in (
            {2: quarantined("record_conflict"), 3: STORED},
            {2: quarantined("record_conflict"), 3: DUPLICATE},
        )
    assert [row["glucose_mg_dl"] for row in door.readings()] == [110.0, None]
    (kept,) = door.rows("quarantine")
    assert kept["raw"] == other.raw
    assert door.events() == ["record_conflict"]


def test_row_18_a_count_that_begins_again_is_not_old(door: Door) -> None:
    home = door.home
    later = replace(BASE_TIME, day=5)
    frames = [
        glucose("110E-5", sequence_number=65_535),
        glucose("111E-5", sequence_number=0, base_time=later),
        # The same number as long before, at another base time.
        glucose("112E-5", sequence_number=65_535, base_time=replace(BASE_TIME, year=2025)),
    ]
    assert door.send(
        *(meter(home, seq, raw) for seq, raw in enumerate(frames, 1))
    ) == dict.fromkeys((1, 2, 3), STORED)
    assert [row["sequence_number"] for row in door.readings()] == [65_535, 0, 65_535]
    assert door.events() == []


def test_row_19_context_and_measurement_wait_for_nobody(door: Door) -> None:
    home = door.home
    assert door.send(context(home, 1)) == {1: STORED}
    assert door.readings() == []
    announced = glucose("110E-5", context_follows=True)
    alone = glucose("120E-5", sequence_number=8, context_follows=True)
    assert door.send(meter(home, 2, announced), meter(home, 3, alone)) == {2: STORED, 3: STORED}
    (kept,) = door.rows("glucose_context")
    measured = {row["sequence_number"]: row["peripheral_id"] for row in door.readings()}
    assert measured == {7: kept["peripheral_id"], 8: kept["peripheral_id"]}
    assert (kept["sequence_number"], kept["context"]) == (7, {"meal": "before_meal"})


def test_row_20_what_a_meter_answers_are_states_of_their_own() -> None:
    told = {
        code: racp.response_from_bytes(Response(OpCode.REPORT_RECORDS, code).to_bytes())
        for code in (
            ResponseCode.NO_RECORDS_FOUND,
            ResponseCode.OP_CODE_NOT_SUPPORTED,
            ResponseCode.ABORT_UNSUCCESSFUL,
        )
    }
    assert all(isinstance(got, Response) and got.code is code for code, got in told.items())


def test_row_20_an_answer_is_no_record(door: Door) -> None:
    raw = Response(OpCode.REPORT_RECORDS, ResponseCode.NO_RECORDS_FOUND).to_bytes()
    changes = {"characteristic": uuids.RECORD_ACCESS_CONTROL_POINT}
    door.refuses(raw, "unknown_characteristic", profile_id="standard-glucometer", **changes)


def test_row_23_a_weighing_that_failed_has_no_number(door: Door) -> None:
    # Weight Measurement, SI, 0xFFFF for “unsuccessful”. Source: Weight Scale Service 1.0.1, section 3.2.
    changes = {"profile_id": "standard-scale", "characteristic": uuids.WEIGHT_MEASUREMENT}
    assert door.send(door.home.record(1, raw=struct.pack("<BH", 0, 0xFFFF), **changes)) == {
        1: STORED
    }
    row = door.reading()
    assert (row["kind"], row["result"], row["weight_kg"]) == ("body_weight", "not_measurable", None)
    assert door.queued() == 0


@pytest.mark.parametrize("percent", [120, 0])
def test_row_24_no_impossible_saturation_becomes_a_reading(door: Door, percent: int) -> None:
    # PLX Spot-Check Measurement: flags, saturation, pulse.
    raw = b"\0" + Sfloat.of(percent).to_bytes() + Sfloat.of(60).to_bytes()
    changes = {
        "profile_id": "standard-oximeter",
        "characteristic": uuids.PLX_SPOT_CHECK_MEASUREMENT,
    }
    door.refuses(raw, "impossible_value", **changes)


@pytest.mark.parametrize("firmware", [MARKER * 1100, f"{MARKER}\N{REPLACEMENT CHARACTER}"])
def test_row_25_what_a_peripheral_calls_its_firmware_has_no_place(
    door: Door, firmware: str, caplog: pytest.LogCaptureFixture
) -> None:
    home = door.home
    payload = json.loads(home.payload([home.record(1), home.record(2)]))
    payload["records"][0]["firmware"] = firmware
    assert door.payload(json.dumps(payload).encode()) == {1: STORED, 2: STORED}
    assert seqs(door.readings()) == [1, 2]
    (said,) = [line for line in caplog.records if line.message == "unknown_fields_ignored"]
    assert said.__dict__["count"] == 1
