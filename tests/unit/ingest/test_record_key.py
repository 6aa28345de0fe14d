from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import pytest

from firmware_profiles.blood_pressure import BloodPressureMeasurement
from firmware_profiles.glucose import GlucoseMeasurement
from ingest import record_key

ADDRESS, OTHER_ADDRESS = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"
HERE, THERE = ("e" * 32, 1), ("f" * 32, 9)

Frame = Callable[..., bytes]


def cuff_key(raw: bytes, address: str = ADDRESS, position: tuple[str, int] = HERE) -> bytes:
    decoded = BloodPressureMeasurement.from_bytes(raw).reading()
    return record_key.record_key(address, "2a35", raw, decoded, position)


def glucose_key(raw: bytes, address: str = ADDRESS, position: tuple[str, int] = HERE) -> bytes:
    decoded = GlucoseMeasurement.from_bytes(raw).reading()
    return record_key.record_key(address, "2a18", raw, decoded, position)


def test_key_is_the_same_when_a_dated_cuff_record_comes_from_elsewhere(cuff_frame: Frame) -> None:
    assert cuff_key(cuff_frame()) == cuff_key(cuff_frame(), position=THERE)


def test_key_differs_when_dated_cuff_records_differ_in_one_number(cuff_frame: Frame) -> None:
    assert cuff_key(cuff_frame(128)) != cuff_key(cuff_frame(129))


def test_keys_differ_when_equal_undated_measurements_have_two_places(cuff_frame: Frame) -> None:
    undated = cuff_frame(at=None)

    assert cuff_key(undated) != cuff_key(undated, position=THERE)
    assert cuff_key(undated) == cuff_key(undated)


def test_key_is_the_same_when_an_undated_place_holds_other_bytes(cuff_frame: Frame) -> None:
    # so that the store sees the conflict
    assert cuff_key(cuff_frame(128, at=None)) == cuff_key(cuff_frame(129, at=None))


def test_key_takes_the_place_when_the_device_time_is_impossible(cuff_frame: Frame) -> None:
    unset = bytearray(cuff_frame())
    unset[7:14] = bytes(7)  # flags, three pressures, then the time: year 0

    assert cuff_key(bytes(unset)) != cuff_key(bytes(unset), position=THERE)


def test_key_is_the_same_when_a_meter_repeats_its_memory(glucose_frame: Frame) -> None:
    assert glucose_key(glucose_frame()) == glucose_key(glucose_frame(), position=THERE)


@pytest.mark.parametrize(
    "changes", [{"mg_dl": 300}, {"time_offset_min": 60}], ids=["other number", "other offset"]
)
def test_key_is_the_same_when_a_meter_changes_what_it_said(
    glucose_frame: Frame, changes: dict[str, int]
) -> None:
    changed = glucose_frame(**changes)

    assert glucose_key(changed) == glucose_key(glucose_frame())
    assert record_key.content_sha256(changed) != record_key.content_sha256(glucose_frame())


@pytest.mark.parametrize(
    "changes",
    [{"sequence_number": 8}, {"base_time": datetime(2026, 3, 10, 12, 1)}],  # noqa: DTZ001 - a meter's
    ids=["sequence number", "base time"],
)
def test_keys_differ_when_a_meter_counts_on(
    glucose_frame: Frame, changes: dict[str, object]
) -> None:
    assert glucose_key(glucose_frame(**changes)) != glucose_key(glucose_frame())


def test_keys_differ_when_another_peripheral_sends_the_same(
    cuff_frame: Frame, glucose_frame: Frame
) -> None:
    assert cuff_key(cuff_frame()) != cuff_key(cuff_frame(), OTHER_ADDRESS)
    assert glucose_key(glucose_frame()) != glucose_key(glucose_frame(), OTHER_ADDRESS)


def test_key_is_made_of_known_parts_when_later_releases_look_for_it(
    cuff_frame: Frame, glucose_frame: Frame
) -> None:
    def digest(*parts: bytes) -> bytes:
        return sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()

    dated, undated, glucose = cuff_frame(), cuff_frame(at=None), glucose_frame()
    address, epoch = ADDRESS.encode(), HERE[0].encode()
    base_time = bytes.fromhex("ea07 03 0a 0c 00 00")  # 2026-03-10 12:00:00

    assert cuff_key(dated) == digest(address, b"2a35", b"dated", dated)
    assert cuff_key(undated) == digest(address, b"2a35", b"undated", epoch, b"1")
    assert glucose_key(glucose) == digest(address, b"2a18", b"glucose", b"7", base_time)


PAIRED = bytes.fromhex("12 0100 ea070201070509 64b0 11")
BEFORE_MEAL, AFTER_MEAL = bytes.fromhex("02 0100 01"), bytes.fromhex("02 0100 02")


def test_measurement_is_the_same_when_its_user_tells_of_another_meal() -> None:
    decoded = GlucoseMeasurement.from_bytes(PAIRED).reading()
    before, after = (
        record_key.record_key(ADDRESS, "2a18", PAIRED + context, decoded, HERE)
        for context in (BEFORE_MEAL, AFTER_MEAL)
    )
    assert before == after
    contents = {record_key.lasting("2a18", PAIRED + one, decoded) for one in (b"", BEFORE_MEAL)}
    assert contents == {PAIRED}


def test_number_that_is_only_a_place_tells_nothing_apart(glucose_frame: Frame) -> None:
    first, later = glucose_frame(0), glucose_frame(3)
    decoded = replace(GlucoseMeasurement.from_bytes(first).reading(), sequence_number=None)

    def key(raw: bytes) -> bytes:
        return record_key.record_key(ADDRESS, "2a18", raw, decoded, HERE)

    assert key(first) == key(later)
    assert record_key.lasting("2a18", first, decoded) == record_key.lasting("2a18", later, decoded)
    assert key(first) != key(first[:-1] + b"\x12")
