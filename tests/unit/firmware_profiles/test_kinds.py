from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from firmware_profiles import codes, kinds
from firmware_profiles.readings import Kind, Reading

CLASSES = get_args(Reading)
# What a reading holds beside its numbers.
OTHERS = {
    *("device_time", "base_time", "user_slot", "sequence_number", "result", "qualifiers"),
    "context_follows",
}
UNITS = {
    "_mmhg": (codes.MMHG, "mmHg"),
    "_bpm": (codes.PER_MINUTE, "beats/min"),
    "_mg_dl": (codes.MG_PER_DL, "mg/dL"),
    "_mmol_l": (codes.MMOL_PER_L, "mmol/L"),
    "_kg": (codes.KILOGRAM, "kg"),
    "_percent": (codes.PER_CENT, "%"),
    "_celsius": (codes.CELSIUS, "°C"),
}


def test_every_kind_is_declared_and_has_one_class() -> None:
    assert list(kinds.OF) == list(Kind)
    assert sorted(one.KIND for one in CLASSES) == sorted(Kind)


@pytest.mark.parametrize("of_class", CLASSES, ids=lambda one: one.__name__)
def test_a_class_holds_the_numbers_of_its_kind(of_class: type) -> None:
    declared = {number.name for number in kinds.OF[of_class.KIND].numbers}
    assert {field.name for field in fields(of_class)} - OTHERS == declared


@pytest.mark.parametrize(
    "number", [n for one in kinds.OF.values() for n in one.numbers], ids=lambda n: n.name
)
def test_a_number_has_the_unit_of_its_name(number: kinds.Number) -> None:
    suffix = next(suffix for suffix in UNITS if number.name.endswith(suffix))
    assert (number.quantity.ucum, number.unit) == UNITS[suffix]
    assert 0 <= number.axis.low < number.axis.high <= number.highest


def test_every_number_has_one_place_whatever_kind_it_is_of() -> None:
    assert kinds.NUMBERS[:5] == (
        *("systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg", "pulse_bpm"),
        "glucose_mg_dl",
    )
    assert len(set(kinds.NUMBERS)) == len(kinds.NUMBERS)


def test_every_kind_has_a_number_that_is_never_missing() -> None:
    assert all(declaration.needed for declaration in kinds.OF.values())


@pytest.mark.parametrize(
    ("kind", "number", "text"),
    [
        (Kind.BLOOD_PRESSURE, 131.0, "131"),
        (Kind.BODY_WEIGHT, 68.038855, "68.0"),  # 150 lb
        (Kind.PULSE_OXIMETRY, 97.0, "97"),
        (Kind.BODY_TEMPERATURE, 37.0, "37.0"),
        (Kind.KETONE, 0.55, "0.6"),
    ],
)
def test_a_person_is_shown_as_many_decimals_as_mean_something(
    kind: Kind, number: float, text: str
) -> None:
    assert kinds.OF[kind].needed[0].text(number) == text


@pytest.mark.parametrize(
    ("kind", "number", "text"),
    [
        (Kind.BODY_WEIGHT, 78.47148001, "173.0 lb"),
        (Kind.BODY_TEMPERATURE, 37.0, "98.6 °F"),
        (Kind.BODY_TEMPERATURE, 38.4, "101.1 °F"),
    ],
)
def test_a_number_can_be_shown_in_the_unit_that_people_think_in(
    kind: Kind, number: float, text: str
) -> None:
    other_unit = kinds.OF[kind].needed[0].other_unit
    assert other_unit is not None
    assert other_unit.text(number) == text
