"""Which profile fits a peripheral, before and after it is connected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_profiles import models
from firmware_profiles.matching import Found, Match, Seen

CUFF = models.by_id("standard-cuff", 1)


@pytest.mark.parametrize(
    ("match", "seen", "fits"),
    [
        (Match(name="A&D_"), Seen("A&D_UA-651BLE_1"), True),
        (Match(name="A&D_"), Seen("My A&D_"), False),
        (Match(name="(?i)bm ?54"), Seen("BM 54"), True),
        (Match(name="x"), Seen(None), False),
        (
            Match(services=("1810", "1805")),
            Seen(services=frozenset({"1805", "1810", "180a"})),
            True,
        ),
        (Match(services=("1810", "1805")), Seen(services=frozenset({"1810"})), False),
        (Match(company_id=0x020E), Seen(company_data={0x020E: b""}), True),
        (Match(company_id=0x020E), Seen(company_data={0x020F: b""}), False),
        (
            Match(company_id=0x020E, company_data="01.8"),
            Seen(company_data={0x020E: b"\x01\x18\x07"}),
            True,
        ),
        (
            Match(company_id=0x020E, company_data="01.8"),
            Seen(company_data={0x020E: b"\x01\x10"}),
            False,
        ),
    ],
)
def test_advertisement_fits(match: Match, seen: Seen, fits: bool) -> None:
    assert match.may_be(seen) is fits


@pytest.mark.parametrize(
    ("found", "profile_id"),
    [
        pytest.param(Found(services=frozenset({"fe4a"})), "modern", id="by its services"),
        pytest.param(
            Found(services=frozenset({"1810"}), firmware="1.2.4"), "old", id="by firmware"
        ),
        pytest.param(Found(services=frozenset({"1810"}), firmware="1.2.45"), "plain", id="generic"),
        pytest.param(Found(services=frozenset({"1810"})), "plain", id="tells nothing"),
    ],
)
def test_same_name_is_told_apart_after_discovery(found: Found, profile_id: str) -> None:
    seen = Seen("X4 Smart", frozenset({"1810"}))
    registry = models.Registry(
        replace(CUFF, profile_id=name, match=(match,))
        for name, match in {
            "plain": Match(name="X4 Smart"),
            "modern": Match(name="X4 Smart", gatt_services=("fe4a",)),
            "old": Match(name="X4 Smart", firmware=r"1\.2\.4"),
        }.items()
    )
    chosen = registry.rematch(seen, found)
    assert chosen is not None
    assert chosen.profile_id == profile_id
    assert registry.asks_for_strings(seen)
    assert not registry.asks_for_strings(Seen("Something else"))


def test_no_profile_fits_what_no_profile_knows() -> None:
    registry = models.Registry([replace(CUFF, match=(Match(name="A", model="B"),))])
    assert registry.match(Seen("C")) is None
    assert registry.match(Seen("A")) is not None
    assert registry.rematch(Seen("A"), Found(model="Z")) is None


def test_advertisement_is_not_outranked_by_what_it_cannot_show() -> None:
    registry = models.Registry(
        replace(CUFF, profile_id=name, match=(match,))
        for name, match in {
            "named": Match(name="Meter"),
            "by-maker": Match(services=("1808",), manufacturer="Maker"),
        }.items()
    )
    seen = Seen("Meter", frozenset({"1808"}))
    found = registry.match(seen)
    assert found is not None
    assert found.profile_id == "named"
    after = registry.rematch(seen, Found(frozenset({"1808"}), manufacturer="Maker"))
    assert after is not None
    assert after.profile_id == "by-maker"
