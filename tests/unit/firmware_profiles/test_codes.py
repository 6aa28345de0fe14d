from __future__ import annotations

from dataclasses import fields

import pytest

from firmware_profiles import codes
from firmware_profiles.readings import BloodPressureReading, GlucoseReading

QUANTITIES = [entry for entry in vars(codes).values() if isinstance(entry, codes.Quantity)]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.mdc_name)
def test_loinc_check_digit_is_right(quantity: codes.Quantity) -> None:
    # LOINC, "Mod 10": double every other digit from the right, add all digits up, complete to 10.
    number, check = quantity.loinc.split("-")
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(number))]
    assert -sum(d // 10 + d % 10 for d in doubled) % 10 == int(check)


def test_every_number_of_a_reading_has_a_code() -> None:
    numbers = {
        field.name
        for reading in (BloodPressureReading, GlucoseReading)
        for field in fields(reading)
        if field.name.endswith(("_mmhg", "_bpm", "_mg_dl"))
    }
    assert codes.OF_FIELD.keys() == numbers
