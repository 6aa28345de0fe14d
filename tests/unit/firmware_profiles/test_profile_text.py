"""What people read about a device."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_profiles import models, profile_text
from firmware_profiles.device_profile import Bond, DeviceProfile

IDS = [profile.profile_id for profile in models.profiles()]


@pytest.mark.parametrize(
    ("profile_id", "pairs", "clock"),
    [
        ("and-ua-651ble", "without a code; knows one host only", "set, cannot be read"),
        ("standard-cuff", "without a code", "read and set"),
        (
            "beurer-bm54",
            "with a code of six digits that it shows or has printed on it; knows one host only",
            "by hand",
        ),
        (
            "caresens",
            "with a code of six digits that it shows or has printed on it",
            "set in the vendor's way",
        ),
        ("taidoc-meter", "does not pair", "see its statement"),
    ],
)
def test_pairing_and_clock_are_said_in_a_few_words(profile_id: str, pairs: str, clock: str) -> None:
    profile = models.newest(profile_id)
    assert profile_text.pairing(profile) == pairs
    assert profile_text.clock(profile) == clock


def test_bond_that_does_not_last_is_said() -> None:
    cuff = models.newest("standard-cuff")
    brief = replace(cuff, pairing=replace(cuff.pairing, bond=Bond.PER_SESSION))
    assert profile_text.pairing(brief) == "without a code; anew each time"


@pytest.mark.parametrize("profile", models.profiles(), ids=IDS)
def test_everything_is_told_in_full(profile: DeviceProfile) -> None:
    told = profile_text.in_full(profile)
    in_a_line = " ".join(told.split())
    for text in (profile.texts.patient, profile.texts.pairing, profile.texts.clearing):
        assert " ".join(text.split()) in in_a_line
    assert all(model in told for model in profile.models)
    assert "\nVerified\n" in told
    # Nobody has had one of these devices in hand; whoever has may say so and change this test.
    said = " ".join(profile.support_statement.verified.split())
    assert "No device was at hand" in said


def test_statement_of_a_device_says_what_it_measures() -> None:
    assert profile_text.measures(models.newest("caresens")) == "glucose, ketone"
    assert "follows the standard" in profile_text.covers(models.newest("standard-cuff"))


def test_lines_of_a_file_become_paragraphs() -> None:
    assert profile_text.paragraphs("One\nline.\n\nAnother\n") == "One line.\n\nAnother"
