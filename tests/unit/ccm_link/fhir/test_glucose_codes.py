"""Specimen and unit decide the code; what has no line gets none."""

from __future__ import annotations

from typing import Any

import pytest

from ccm_link.fhir import glucose_codes
from firmware_profiles.codes import GLUCOSE_MASS, GLUCOSE_MOLAR, LOINC_SYSTEM, MDC_SYSTEM
from firmware_profiles.glucose import FluidType

# Codes of mass and of substance concentration, as others have them wrong in public code.
MASS = {"41653-7", "2339-0", "2345-7", "99504-3", "32016-8"}
MOLAR = {"14743-9", "15074-8", "14749-6", "105272-9"}


def codes(fluid_type: int, ucum: str, system: str) -> list[str]:
    found: list[dict[str, Any]] = glucose_codes.codings_of(fluid_type, ucum)
    return [one["code"] for one in found if one["system"] == system]


def test_a_finger_drop_goes_under_the_codes_that_the_api_tells() -> None:
    for quantity in (GLUCOSE_MASS, GLUCOSE_MOLAR):
        assert codes(FluidType.CAPILLARY_WHOLE_BLOOD, str(quantity.ucum), LOINC_SYSTEM) == [
            quantity.loinc
        ]
        assert codes(FluidType.CAPILLARY_WHOLE_BLOOD, str(quantity.ucum), MDC_SYSTEM) == [
            str(quantity.mdc)
        ]


@pytest.mark.parametrize("fluid_type", FluidType)
def test_no_unit_ever_goes_with_a_code_of_the_other_dimension(fluid_type: FluidType) -> None:
    assert set(codes(fluid_type, "mg/dL", LOINC_SYSTEM)) <= MASS
    assert set(codes(fluid_type, "mmol/L", LOINC_SYSTEM)) <= MOLAR


def test_venous_and_arterial_blood_have_an_mdc_code_alone() -> None:
    for fluid_type, mdc in (
        (FluidType.VENOUS_WHOLE_BLOOD, "160192"),
        (FluidType.ARTERIAL_WHOLE_BLOOD, "160200"),
    ):
        assert codes(fluid_type, "mg/dL", LOINC_SYSTEM) == []
        assert codes(fluid_type, "mg/dL", MDC_SYSTEM) == [mdc]


@pytest.mark.parametrize("fluid_type", [0, 11, 15, FluidType.CONTROL_SOLUTION])
def test_a_specimen_that_nobody_knows_has_no_code(fluid_type: int) -> None:
    assert glucose_codes.codings_of(fluid_type, "mg/dL") == []


def test_a_unit_that_glucose_is_not_told_in_has_no_loinc_code() -> None:
    assert codes(FluidType.CAPILLARY_WHOLE_BLOOD, "g/L", LOINC_SYSTEM) == []


def test_what_bundles_may_say_is_of_the_right_dimension() -> None:
    for code, ucum in glucose_codes.IMPORTED.items():
        assert code in (MASS if ucum == "mg/dL" else MOLAR)
    assert glucose_codes.ALL_LOINC == MASS | MOLAR
