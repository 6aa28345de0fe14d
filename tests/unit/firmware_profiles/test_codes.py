from __future__ import annotations

import pytest

from firmware_profiles import codes

QUANTITIES = [entry for entry in vars(codes).values() if isinstance(entry, codes.Quantity)]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.mdc_name)
def test_loinc_check_digit_is_right(quantity: codes.Quantity) -> None:
    # LOINC, "Mod 10": double every other digit from the right, add all digits up, complete to 10.
    number, check = quantity.loinc.split("-")
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(number))]
    assert -sum(d // 10 + d % 10 for d in doubled) % 10 == int(check)
