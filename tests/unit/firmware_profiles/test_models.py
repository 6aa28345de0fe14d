from __future__ import annotations

import re
from dataclasses import replace

import pytest

from firmware_profiles import models
from firmware_profiles.device_profile import Clock, ClockFormat, DeviceProfile, PairingMode
from firmware_profiles.errors import ProfileError
from firmware_profiles.matching import Found, Seen
from firmware_profiles.session_steps import (
    AwaitDisconnect,
    AwaitNotification,
    Converse,
    Disconnect,
    ReadClock,
    ReportRecords,
    Settle,
    Step,
    Subscribe,
    WriteBytes,
    WriteClock,
)
from tests import profile_versions

HEADINGS = ["Features", "Clock", "Bonding", "Transfer", "Quirks", "Verified", "Sources"]
IDS = [profile.profile_id for profile in models.profiles()]


@pytest.mark.parametrize("profile", models.profiles(), ids=IDS)
def test_profile_is_found_by_its_id_and_version(profile: DeviceProfile) -> None:
    assert models.by_id(profile.profile_id, profile.version) is profile


@pytest.mark.parametrize(("profile_id", "version"), [("standard-cuff", 2), ("nobody", 1)])
def test_refuses_when_profile_is_unknown(profile_id: str, version: int) -> None:
    with pytest.raises(ProfileError, match="profiles list"):
        models.by_id(profile_id, version)


@pytest.mark.parametrize("profile", models.profiles(), ids=IDS)
def test_profile_that_we_ship_is_the_newest_of_its_name(profile: DeviceProfile) -> None:
    assert models.newest(profile.profile_id) is profile


def test_refuses_when_no_version_of_a_profile_is_known() -> None:
    with pytest.raises(ProfileError, match="profiles list"):
        models.newest("nobody")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_registry_leads_with_the_newest_version_in_whatever_order_they_come(
    order: tuple[int, int, int],
) -> None:
    cuff = models.by_id("standard-cuff", 1)
    versions = [replace(cuff, version=1 + position) for position in order]

    registry = models.Registry(versions)
    assert registry.newest == {"standard-cuff": replace(cuff, version=3)}
    assert {profile.version for profile in registry.versions} == {1, 2, 3}


def test_registry_refuses_the_same_version_twice() -> None:
    cuff = models.by_id("standard-cuff", 1)
    with pytest.raises(ProfileError, match="standard-cuff version 1"):
        models.Registry([cuff, replace(cuff, title="Another")])
    with pytest.raises(ProfileError, match="standard-cuff version 1"):
        models.add([replace(cuff, title="Another")])
    assert models.by_id("standard-cuff", 1) is cuff


def test_older_version_is_found_and_not_scanned_for() -> None:
    newer = replace(models.by_id("standard-cuff", 1), version=2, title="Newer")

    with profile_versions.known(newer):
        assert models.known().match(Seen(services=frozenset({"1810"}))) is newer
        assert models.newest("standard-cuff") is newer
        assert models.by_id("standard-cuff", 1).version == 1
        assert [profile.profile_id for profile in models.profiles()] == IDS
    assert models.newest("standard-cuff").version == 1


@pytest.mark.parametrize("profile", models.profiles(), ids=IDS)
def test_support_statement_answers_every_question(profile: DeviceProfile) -> None:
    headings = re.findall(r"^([A-Z]\w+)$", profile.support, re.MULTILINE)
    assert headings == HEADINGS


@pytest.mark.parametrize(
    ("name", "services", "profile_id"),
    [
        pytest.param("A&D_UA-651BLE_1A2B3C", ["1810"], "and-ua-651ble", id="A&D"),
        pytest.param("A&D_UA-651CNBLE_1A2B3C", ["1810"], "and-ua-651ble", id="A&D CN"),
        pytest.param("A&D_UA-656BLE_1A2B3C", ["1810", "180f"], "and-ua-656ble", id="A&D 656"),
        pytest.param("A&D_UA-767PBT_1A2B3C", ["1810", "180f"], "standard-cuff", id="sibling"),
        pytest.param(None, ["1810"], "standard-cuff", id="no name"),
        pytest.param("meter+123", ["180a", "1808"], "accu-chek", id="Accu-Chek"),
        pytest.param("Some meter", ["180a", "1808"], "standard-glucometer", id="any other meter"),
        pytest.param("A&D_UA-651BLE_1A2B3C", [], None, id="name without service"),
        pytest.param("Lamp", ["180f"], None, id="something else"),
        pytest.param(None, [], None, id="nothing"),
    ],
)
def test_advertisement_is_matched_most_specific_first(
    name: str | None, services: list[str], profile_id: str | None
) -> None:
    found = models.known().match(Seen(name, frozenset(services)))
    assert (found and found.profile_id) == profile_id


OMRON_STATE = {0x020E: bytes.fromhex("0129 0100 02 0200 00")}
FE4A = "fe4a"
TAIDOC = "00001523-1212-efde-1523-785feabcd123"


@pytest.mark.parametrize(
    ("seen", "found", "profile_id"),
    [
        (Seen("Some cuff", frozenset({"1810"})), Found(frozenset({"1810"})), "standard-cuff"),
        (
            Seen("Some meter", frozenset({"1808"})),
            Found(frozenset({"1808"}), manufacturer="Somebody"),
            "standard-glucometer",
        ),
        (
            Seen("Some meter", frozenset({"1808"})),
            Found(frozenset({"1808"})),
            "standard-glucometer",
        ),
        (
            Seen("Mini", frozenset({"1808"})),
            Found(frozenset({"1808"}), manufacturer="TaiDoc", firmware="1.2.4"),
            "taidoc-dm30b",
        ),
        (Seen("A&D_UB-1100BLE_1"), Found(frozenset({"1810"})), "and-ub-1100ble"),
        (Seen("A&D_UC-352BLE_1", frozenset({"181d"})), Found(frozenset({"181d"})), "and-uc-352ble"),
        (Seen("A&D_UT-201BLE_1", frozenset({"1809"})), Found(frozenset({"1809"})), "and-ut-201ble"),
        (Seen("BLESmart_0000011FAA"), Found(frozenset({"1810", "1805"})), "omron-blesmart"),
        (Seen("BLEsmart_0000011FAA"), Found(frozenset({"1810", "1805"})), "omron-blesmart"),
        (
            Seen("BLESmart_0000023AAA"),
            Found(frozenset({"1810", "1805"}), model="HEM-6233T-Z"),
            "omron-hem-6233t",
        ),
        (
            Seen("BLESmart_00000116AA", frozenset({"1810"}), OMRON_STATE),
            Found(frozenset({"1810", "1805"})),
            "omron-hem-9200t",
        ),
        (
            Seen(None, frozenset({"1810"}), OMRON_STATE),
            Found(frozenset({"1810", "1805"})),
            "omron-blesmart",
        ),
        (Seen("X4 Smart"), Found(frozenset({"1810"})), "omron-x4-smart"),
        (Seen("X2 Smart+"), Found(frozenset({"1810", FE4A})), "omron-x4-smart"),
        (Seen("BM54"), Found(frozenset({"1810"})), "beurer-bm54"),
        (Seen("BC 54"), Found(frozenset({"1810"})), "beurer-bm54"),
        (Seen("bpw26"), Found(frozenset({"1810"})), "beurer-bm54"),
        (
            Seen("Cuff", company_data={0x0611: b"\x01\x03"}),
            Found(frozenset({"1810"})),
            "beurer-bm54",
        ),
        (Seen("BM 85"), Found(frozenset({"1810"})), "beurer-bm85"),
        (Seen("Elite900"), Found(frozenset({"1810"})), "beurer-bm85"),
        (Seen("BM57", frozenset({"1810"})), Found(frozenset({"1810"})), "standard-cuff"),
        (Seen("SBM69"), Found(frozenset({"1810"})), "silvercrest-sbm69"),
        (Seen("1872B"), Found(frozenset({"1810"})), "medisana-bu"),
        (Seen("NMBP-12"), Found(frozenset({"1810"})), "nipro-nbp-1ble"),
        (Seen("DL8765"), Found(frozenset({"1810"})), "philips-dl8765"),
        (Seen("meter+00012345"), Found(frozenset({"1808"})), "accu-chek"),
        (Seen("Accu-Chek"), Found(frozenset({"1808"})), "accu-chek"),
        (
            Seen("Contour7830H5012345"),
            Found(frozenset({"1808", "00000000-0002-11e2-9e96-0800200c9a66"})),
            "contour-next",
        ),
        (
            Seen("Contour7830H5012345", frozenset({"1808"})),
            Found(frozenset({"1808"})),
            "standard-glucometer",
        ),
        (Seen("CareSens 0AB1"), Found(frozenset({"1808", "fff0"})), "caresens"),
        (
            Seen("ReliOn 2395"),
            Found(frozenset({"1808", "c4dea010-5a9d-11e9-8647-d663bd873d93"})),
            "caresens",
        ),
        (Seen("TNG"), Found(frozenset({"1808"})), "fora-gd40"),
        (
            Seen("FORA GD40", frozenset({"1808"})),
            Found(frozenset({"1808", TAIDOC})),
            "fora-gd40",
        ),
        (Seen("FORA GD40"), Found(frozenset({TAIDOC})), "taidoc-meter"),
        (
            Seen("TNG VOICE"),
            Found(frozenset({"1808"}), model="Model Number"),
            "fora-tng-voice",
        ),
        (Seen("NiproBGM"), Found(frozenset({"1808"})), "true-metrix-air"),
        (Seen("TBMT12"), Found(frozenset({"1808"})), "tyson-ht100"),
        (Seen("X4 Smart"), Found(frozenset({FE4A})), None),
    ],
)
def test_connected_peripheral_is_led_by_its_own_profile(
    seen: Seen, found: Found, profile_id: str | None
) -> None:
    chosen = models.known().rematch(seen, found)
    assert (chosen and chosen.profile_id) == profile_id
    if chosen is not None:
        # How to pair is decided before the services are known.
        before = models.known().match(seen)
        assert before is not None
        assert before.pairing.mode is chosen.pairing.mode


@pytest.mark.parametrize("profile_id", ["a-site-s-own", "the-site-s-own"])
def test_site_s_copy_of_a_profile_goes_before_the_one_that_it_was_copied_from(
    profile_id: str,
) -> None:
    ours = models.newest("contour-next")
    pairing = replace(ours.pairing, mode=PairingMode.PASSKEY)
    copy = replace(ours, profile_id=profile_id, pairing=pairing)
    seen = Seen("Contour7830H5012345", frozenset({"1808"}))
    found = Found(frozenset({"1808", "00000000-0002-11e2-9e96-0800200c9a66"}))
    models.add([copy])
    try:
        assert models.known().match(seen) is copy
        assert models.known().rematch(seen, found) is copy
    finally:
        models.add(())
    assert models.known().match(seen) is ours


def test_name_on_every_box_stands_in_one_profile_only() -> None:
    names = [name for profile in models.profiles() for name in profile.models]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("profile_id", "characteristics"),
    [
        ("and-ua-651ble", ("2a35",)),
        ("standard-cuff", ("2a35",)),
        ("standard-glucometer", ("2a18", "2a34")),
    ],
)
def test_control_point_carries_no_records(
    profile_id: str, characteristics: tuple[str, ...]
) -> None:
    assert models.by_id(profile_id, 1).measurement_characteristics == characteristics


CUFF = models.by_id("standard-cuff", 1)
WAIT = AwaitDisconnect(idle_timeout_s=1.0)
RECORDS = Subscribe(characteristic="2a35")
NOT_READABLE = Clock(characteristic="2a08", format=ClockFormat.DATE_TIME, readable=False)


@pytest.mark.parametrize(
    ("clock", "script"),
    [
        pytest.param(None, (WriteClock(), RECORDS, WAIT), id="no clock to write"),
        pytest.param(None, (ReadClock(), RECORDS, WAIT), id="no clock to read"),
        pytest.param(NOT_READABLE, (ReadClock(), RECORDS, WAIT), id="not readable"),
        pytest.param(None, (RECORDS, ReportRecords(), Disconnect()), id="no control point"),
        pytest.param(
            None,
            (RECORDS, ReportRecords(), Subscribe(characteristic="2a52"), Disconnect()),
            id="control point too late",
        ),
        pytest.param(
            None,
            (RECORDS, AwaitNotification(characteristic="2a2b", timeout_s=1.0), WAIT),
            id="signal not subscribed",
        ),
        pytest.param(
            None,
            (WriteBytes(characteristic="2a35", content="0g"), RECORDS, WAIT),
            id="not hexadecimal",
        ),
        pytest.param(None, (Converse(protocol="nobody's"), Disconnect()), id="unknown protocol"),
        pytest.param(None, (Settle(seconds=1.0), WAIT), id="no records"),
        pytest.param(None, (Subscribe(characteristic="2a36"), WAIT), id="not a record"),
        pytest.param(None, (RECORDS,), id="no end"),
        pytest.param(None, (), id="empty"),
    ],
)
def test_refuses_when_script_contradicts_itself(
    clock: Clock | None, script: tuple[Step, ...]
) -> None:
    with pytest.raises(ProfileError):
        replace(CUFF, clock=clock, script=script)
