"""Omron's cuffs share names, on the box and in the air; what they show once connected tells them apart."""

from __future__ import annotations

import pytest

from firmware_profiles import models
from firmware_profiles.matching import Found, Seen
from firmware_profiles.protocols import omron_frames

CLASSIC, NEWER, STANDARD = omron_frames.SERVICE, "fe4a", "1810"
COMPANY = {0x020E: bytes.fromhex("0101c40064000000")}


@pytest.mark.parametrize(
    ("name", "services", "model", "profile_id"),
    [
        pytest.param(
            "BLESmart_0000010A001122334455",
            {STANDARD, CLASSIC},
            "HEM-7322T-E",
            "omron-hem-7322t",
            id="by model",
        ),
        pytest.param(
            "BLEsmart_00000413001122334455",
            {STANDARD, CLASSIC},
            None,
            "omron-hem-7322t",
            id="by the model's number in the name",
        ),
        pytest.param(
            "HEM-7361T", {STANDARD, CLASSIC}, None, "omron-hem-7361t", id="by its plain name"
        ),
        pytest.param(
            "X4 Smart", {STANDARD, CLASSIC}, "X4 Smart", "omron-hem-7155t", id="X4 Smart, older"
        ),
        pytest.param(
            "BLESmart_000000B5001122334455",
            {STANDARD, CLASSIC},
            "X4 Smart",
            "omron-hem-7155t",
            id="X4 Smart, older, by model",
        ),
        pytest.param(
            "BLEsmart_0000016028FFB2735FEF",
            {CLASSIC},
            "HEM-7151T",
            None,
            id="map of the memory not known",
        ),
    ],
)
def test_profile_is_chosen_by_what_the_cuff_shows(
    name: str, services: set[str], model: str | None, profile_id: str | None
) -> None:
    seen = Seen(name, company_data=COMPANY)
    found = models.known().rematch(seen, Found(frozenset(services), model=model))
    assert (found and found.profile_id) == profile_id


@pytest.mark.parametrize("services", [{NEWER}, {NEWER, STANDARD}, {STANDARD}])
@pytest.mark.parametrize("name", ["X4 Smart", "BLESmart_000000B5001122334455", "HEM-7361T"])
def test_cuff_without_the_older_service_is_never_read_by_its_memory(
    name: str, services: set[str]
) -> None:
    seen = Seen(name, frozenset({STANDARD}), COMPANY)
    for model in ("X4 Smart", "HEM-7155T_ESL1", "HEM-7322T"):
        found = models.known().rematch(seen, Found(frozenset(services), model=model))
        assert found is None or found.protocol is None


@pytest.mark.parametrize(
    "services", [{CLASSIC}, {CLASSIC, STANDARD}, {NEWER}], ids=["older", "both", "newer"]
)
def test_cuff_with_a_passkey_is_not_paired_without_one(services: set[str]) -> None:
    seen = Seen("BLESmart_00000116001122334455", frozenset({STANDARD}), COMPANY)
    leading = models.known().match(seen)
    assert leading is not None
    assert leading.profile_id == "omron-hem-9200t"
    found = models.known().rematch(seen, Found(frozenset(services), model="HEM-7322T"))
    assert found is None or not found.profile_id.startswith("omron-hem-7")
