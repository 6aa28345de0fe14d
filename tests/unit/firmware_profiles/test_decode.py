from __future__ import annotations

import json
from dataclasses import replace

import pytest

from firmware_profiles import models, uuids
from firmware_profiles.decode import advisory, advisory_text, decode_record
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.readings import BloodPressureReading, GlucoseContext, GlucoseReading

CUFF = models.by_id("standard-cuff", 1)
AND = models.by_id("and-ua-651ble", 1)
METER = models.by_id("standard-glucometer", 1)

# flags: pulse, user id; 122/81, mean 95, pulse 72, user 2
PRESSURE = bytes.fromhex("0c 7a00 5100 5f00 4800 02")
# flags: concentration; number 1, 2026-02-01 07:05:09, 100 mg/dL, finger, capillary whole blood
GLUCOSE = bytes.fromhex("02 0100 ea070201070509 64b0 11")
# flags: meal; number 1, before meal
CONTEXT = bytes.fromhex("02 0100 01")


@pytest.mark.parametrize(
    ("profile", "characteristic", "raw", "kind"),
    [
        pytest.param(CUFF, "2a35", PRESSURE, BloodPressureReading, id="cuff"),
        pytest.param(AND, "2a35", PRESSURE, BloodPressureReading, id="A&D"),
        pytest.param(METER, "2a18", GLUCOSE, GlucoseReading, id="meter"),
        pytest.param(METER, "2a34", CONTEXT, GlucoseContext, id="context"),
    ],
)
def test_record_is_decoded_by_its_characteristic(
    profile: DeviceProfile, characteristic: str, raw: bytes, kind: type
) -> None:
    assert isinstance(decode_record(profile, characteristic, raw), kind)


@pytest.mark.parametrize(
    ("profile", "characteristic", "raw", "reason"),
    [
        pytest.param(CUFF, "2a18", GLUCOSE, FrameReason.WRONG_PROFILE, id="glucose from a cuff"),
        pytest.param(METER, "2a35", PRESSURE, FrameReason.WRONG_PROFILE, id="pressure of a meter"),
        pytest.param(CUFF, "2a36", PRESSURE, FrameReason.UNKNOWN_CHARACTERISTIC, id="live cuff"),
        pytest.param(METER, "2a52", b"\x06", FrameReason.UNKNOWN_CHARACTERISTIC, id="control"),
        pytest.param(CUFF, "2A35", PRESSURE, FrameReason.UNKNOWN_CHARACTERISTIC, id="upper case"),
        pytest.param(CUFF, "2a35", b"", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param(CUFF, "2a35", PRESSURE[:-1], FrameReason.SHORT_FRAME, id="short"),
        pytest.param(CUFF, "2a35", PRESSURE + b"\0", FrameReason.TRAILING_BYTES, id="trailing"),
    ],
)
def test_record_is_refused_with_its_reason(
    profile: DeviceProfile, characteristic: str, raw: bytes, reason: FrameReason
) -> None:
    with pytest.raises(FrameError) as caught:
        decode_record(profile, characteristic, raw)
    assert caught.value.reason is reason


@pytest.mark.parametrize(("profile", "user_slot"), [(CUFF, 2), (AND, None)])
def test_user_slot_is_kept_only_when_the_device_tells_its_users_apart(
    profile: DeviceProfile, user_slot: int | None
) -> None:
    decoded = decode_record(profile, uuids.BLOOD_PRESSURE_MEASUREMENT, PRESSURE)
    assert isinstance(decoded, BloodPressureReading)
    assert decoded.user_slot == user_slot


def test_advisory_is_flat_and_survives_json() -> None:
    pressure = decode_record(CUFF, "2a35", PRESSURE)
    assert isinstance(pressure, BloodPressureReading)
    flat = advisory(replace(pressure, qualifiers=("body_movement", "irregular_pulse")))
    assert flat == {
        "device_time": None,
        "user_slot": 2,
        "result": "measured",
        "systolic_mmhg": 122.0,
        "diastolic_mmhg": 81.0,
        "mean_arterial_mmhg": 95.0,
        "pulse_bpm": 72.0,
        "qualifiers": "body_movement irregular_pulse",
    }
    assert json.loads(json.dumps(flat)) == flat


def test_advisory_of_glucose_and_context() -> None:
    assert advisory(decode_record(METER, "2a18", GLUCOSE)) == {
        "sequence_number": 1,
        "base_time": "2026-02-01T07:05:09",
        "device_time": "2026-02-01T07:05:09",
        "result": "measured",
        "glucose_mg_dl": 100.0,
        "qualifiers": "",
        "context_follows": False,
    }
    assert advisory(decode_record(METER, "2a34", CONTEXT)) == {
        "sequence_number": 1,
        "meal": "before_meal",
    }


@pytest.mark.parametrize(
    ("profile", "characteristic", "raw"),
    [
        pytest.param(CUFF, "2a35", PRESSURE, id="cuff"),
        pytest.param(METER, "2a18", GLUCOSE, id="meter"),
        pytest.param(METER, "2a18", b"\x12" + GLUCOSE[1:], id="meter, context follows"),
    ],
)
def test_advisory_text_is_what_the_wire_has(
    profile: DeviceProfile, characteristic: str, raw: bytes
) -> None:
    decoded = decode_record(profile, characteristic, raw)
    assert not isinstance(decoded, GlucoseContext)
    marked = replace(decoded, qualifiers=("body_movement", "irregular_pulse"))
    for reading in (decoded, marked):
        assert advisory_text(reading) == json.dumps(advisory(reading), separators=(",", ":"))
