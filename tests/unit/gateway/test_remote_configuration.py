"""Which configurations are followed: nothing that is forged, foreign, older, or broken anywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import gateway_configuration, signed_configuration
from firmware_profiles.gateway_configuration import AllowedPeripheral, ProfileFile
from firmware_profiles.signed_configuration import ConfigurationRefusal, Refused
from gateway import remote_configuration
from gateway.configuration_store import Kept
from gateway.remote_configuration import Accepted
from tests.signed_configurations import CUFF, GATEWAY, KEY, configuration, keys_of, message, signed

SHIPPED_CUFF = (
    resources.files("firmware_profiles.models")
    .joinpath("standard-cuff.toml")
    .read_text(encoding="utf-8")
)
OUR_CUFF = SHIPPED_CUFF.replace('"standard-cuff"', '"our-cuff"', 1)
OUR_FILE = ProfileFile("our-cuff.toml", OUR_CUFF)
OTHER_KEY = Ed25519PrivateKey.generate()


def judged(payload: bytes, followed: int = 0) -> Accepted | Refused | None:
    before = configuration(followed) if followed else None
    kept = Kept(signed(before), before) if before else None
    return remote_configuration.judge(payload, keys_of(KEY), GATEWAY, kept, ())


def reason(payload: bytes, followed: int = 0) -> tuple[ConfigurationRefusal, int | None]:
    verdict = judged(payload, followed)
    assert isinstance(verdict, Refused), verdict
    return verdict.reason, verdict.number


def test_a_signed_configuration_is_followed() -> None:
    verdict = judged(message(configuration(7)), followed=6)
    assert isinstance(verdict, Accepted)
    assert verdict.configuration == configuration(7)
    assert verdict.key == KEY.public_key()


def test_one_that_is_followed_already_is_nothing_new() -> None:
    assert judged(message(configuration(6)), followed=6) is None


def test_one_of_an_unknown_key_is_refused() -> None:
    assert reason(message(configuration(), OTHER_KEY)) == (ConfigurationRefusal.UNKNOWN_KEY, None)


def test_a_signature_of_another_key_is_refused_under_any_name() -> None:
    ours, theirs = signed(configuration()), signed(configuration(), OTHER_KEY)
    forged = signed_configuration.encode(replace(theirs, key_id=ours.key_id))
    assert reason(forged) == (ConfigurationRefusal.BAD_SIGNATURE, None)


def test_a_signature_for_anything_but_a_configuration_is_refused() -> None:
    content = gateway_configuration.encode(configuration())
    bare = replace(signed(configuration()), signature=KEY.sign(content))
    assert reason(signed_configuration.encode(bare)) == (ConfigurationRefusal.BAD_SIGNATURE, None)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_bit_can_be_changed(position: int, bit: int) -> None:
    genuine = signed(configuration())
    content = bytearray(genuine.content)
    content[position % len(content)] ^= 1 << bit
    forged = signed_configuration.encode(replace(genuine, content=bytes(content)))
    assert reason(forged) == (ConfigurationRefusal.BAD_SIGNATURE, None)


def test_one_for_another_gateway_is_refused() -> None:
    other = configuration(gateway_id="gw-somebod1")
    assert reason(message(other)) == (ConfigurationRefusal.OTHER_GATEWAY, 1)


@pytest.mark.parametrize("number", [1, 5])
def test_an_older_one_is_refused(number: int) -> None:
    assert reason(message(configuration(number)), followed=6) == (
        ConfigurationRefusal.OLDER,
        number,
    )


def test_another_one_of_the_same_number_is_refused() -> None:
    other = configuration(6, peripherals=())
    assert reason(message(other), followed=6) == (ConfigurationRefusal.SAME_NUMBER, 6)


def test_another_format_is_refused() -> None:
    content = json.dumps({"format": 2, "whatever": 1}).encode()
    assert reason(message(content)) == (ConfigurationRefusal.OTHER_FORMAT, None)


def test_what_does_not_fit_the_format_is_refused() -> None:
    content = gateway_configuration.encode(configuration()).replace(b'"number":1', b'"number":0')
    assert reason(message(content)) == (ConfigurationRefusal.UNREADABLE, None)


@pytest.mark.parametrize("payload", [b"{", b"[]", b"\xff", b'{"version":1}', b"x" * 300_000])
def test_what_is_no_configuration_is_refused(payload: bytes) -> None:
    assert reason(payload) == (ConfigurationRefusal.UNREADABLE, None)


@given(st.binary(max_size=400))
def test_whatever_comes_is_answered(payload: bytes) -> None:
    assert isinstance(judged(payload), Refused)


def test_a_broken_profile_costs_the_whole_configuration_and_is_named_with_its_line() -> None:
    line = OUR_CUFF.splitlines().index("version = 1") + 1
    broken = ProfileFile("our-cuff.toml", OUR_CUFF.replace("version = 1", "version = 0", 1))
    verdict = judged(message(configuration(3, profile_files=(OUR_FILE, broken)[1:])))
    assert isinstance(verdict, Refused)
    assert (verdict.reason, verdict.number) == (ConfigurationRefusal.BROKEN_PROFILE, 3)
    assert f"our-cuff.toml, line {line}: version: " in verdict.detail


def test_what_is_wrong_with_many_profiles_still_fits_into_the_answer() -> None:
    files = tuple(ProfileFile(f"a{n}.toml", "title = 1\n") for n in range(16))
    verdict = judged(message(configuration(3, profile_files=files)))
    assert isinstance(verdict, Refused)
    answer = signed_configuration.ConfigurationAnswer(0, verdict)
    assert signed_configuration.decode_answer(signed_configuration.encode_answer(answer)) == answer
    assert verdict.detail.endswith(" …")


def test_a_profile_of_ours_cannot_be_replaced() -> None:
    ours = ProfileFile("standard-cuff.toml", SHIPPED_CUFF.replace("title = ", 'title = "X" #', 1))
    assert reason(message(configuration(profile_files=(ours,)))) == (
        ConfigurationRefusal.BROKEN_PROFILE,
        1,
    )


def test_a_profile_may_stand_on_the_machine_as_well_if_it_is_the_same() -> None:
    profiles, broken = remote_configuration.site_profiles([OUR_FILE], ())
    assert broken == []
    again, broken = remote_configuration.site_profiles([OUR_FILE], profiles)
    assert (again, broken) == (profiles, [])
    other = ProfileFile("our-cuff.toml", OUR_CUFF.replace('title = "', 'title = "X', 1))
    _, broken = remote_configuration.site_profiles([other], profiles)
    assert [str(one) for one in broken] == [
        "our-cuff.toml: our-cuff version 1 is another profile already"
    ]


def test_a_peripheral_may_be_talked_to_by_a_profile_of_the_site() -> None:
    pinned = (AllowedPeripheral(CUFF, "our-cuff"),)
    with_it = judged(message(configuration(peripherals=pinned, profile_files=(OUR_FILE,))))
    assert isinstance(with_it, Accepted)
    assert [one.profile_id for one in with_it.profiles] == ["our-cuff"]
    without = judged(message(configuration(peripherals=pinned)))
    assert isinstance(without, Refused)
    assert (without.reason, without.detail) == (ConfigurationRefusal.UNKNOWN_PROFILE, "our-cuff")
