"""Bonds: remembered, missed on one side or the other, and said with what to do."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile, Pairing, PairingMode
from gateway.bond_book import BondBook, BondLoss, Side, advice

CUFF = "C4:65:1B:00:00:01"
AT = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)


class Memory:
    def __init__(self) -> None:
        self.content: defaultdict[str, dict[str, bytes]] = defaultdict(dict)

    def recall(self, peripheral: str) -> dict[str, bytes]:
        return self.content[peripheral]

    def remember(self, peripheral: str, name: str, content: bytes) -> None:
        self.content[peripheral][name] = content

    def forget(self, peripheral: str) -> None:
        self.content.pop(peripheral, None)


def book(memory: Memory | None = None) -> BondBook:
    return BondBook(memory or Memory(), lambda: AT)


def profile(mode: PairingMode = PairingMode.JUST_WORKS, *, one_host: bool = False) -> DeviceProfile:
    standard = models.known().newest["standard-cuff"]
    return replace(standard, pairing=Pairing(mode=mode, one_host=one_host))


def test_bond_is_remembered_when_the_gateway_starts_again() -> None:
    memory = Memory()
    book(memory).note_paired(CUFF, profile(), is_authenticated=False)
    again = book(memory)
    assert again.is_remembered(CUFF)
    assert again.profile_id(CUFF) == "standard-cuff"


def test_what_belonged_to_the_bond_before_is_forgotten_when_a_new_one_may_come() -> None:
    memory = Memory()
    book(memory).note_paired(CUFF, profile(), is_authenticated=False)
    memory.remember(CUFF, "set_up", b"of the bond before")
    book(memory).note_attempt(CUFF)
    assert "set_up" not in memory.recall(CUFF)  # one-time setup has to be done again
    assert book(memory).is_remembered(CUFF)
    memory.remember(CUFF, "key", b"made in the first conversation over the new bond")
    book(memory).note_paired(CUFF, profile(), is_authenticated=False)
    assert "key" in memory.recall(CUFF)


def test_bond_of_before_is_remembered_when_a_conversation_over_it_went_well() -> None:
    one = book()
    assert not one.is_remembered(CUFF)
    one.note_talked(CUFF, profile())
    assert one.is_remembered(CUFF)


def test_nothing_is_remembered_of_a_model_that_has_no_bond() -> None:
    one = book()
    one.note_talked(CUFF, profile(PairingMode.NONE))
    assert not one.is_remembered(CUFF)


@pytest.mark.parametrize(
    ("mode", "is_authenticated", "is_usable"),
    [
        (PairingMode.PASSKEY, True, True),
        (PairingMode.PASSKEY, False, False),
        (PairingMode.JUST_WORKS, False, True),
    ],
)
def test_bond_is_used_when_it_is_as_good_as_its_model_can(
    mode: PairingMode, *, is_authenticated: bool, is_usable: bool
) -> None:
    one = book()
    one.note_paired(CUFF, profile(mode), is_authenticated=is_authenticated)
    assert one.is_usable(CUFF, profile(mode)) is is_usable


def test_bond_that_was_not_made_here_is_used() -> None:
    one = book()
    one.note_talked(CUFF, profile(PairingMode.PASSKEY))
    assert one.is_usable(CUFF, profile(PairingMode.PASSKEY))


def test_loss_is_certain_and_said_once_when_the_peripheral_refuses_our_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = book()
    with caplog.at_level(logging.INFO):
        one.note_refused(CUFF)
        one.note_refused(CUFF)
    assert one.losses() == [BondLoss(CUFF, Side.PERIPHERAL, AT, is_certain=True)]
    assert [record.message for record in caplog.records] == ["bond_lost"]


def test_loss_is_likely_when_the_peripheral_drops_the_link_again_and_again() -> None:
    one = book()
    one.note_broken(CUFF)
    one.note_broken(CUFF)
    assert one.loss(CUFF) is None  # it may be at the edge of range
    one.note_broken(CUFF)
    assert one.loss(CUFF) == BondLoss(CUFF, Side.PERIPHERAL, AT, is_certain=False)
    one.note_refused(CUFF)
    assert one.loss(CUFF) == BondLoss(CUFF, Side.PERIPHERAL, AT, is_certain=True)


def test_breaks_do_not_add_up_when_a_conversation_goes_well_between_them() -> None:
    one = book()
    for _ in range(5):
        one.note_broken(CUFF)
        one.note_broken(CUFF)
        one.note_talked(CUFF, profile())
    assert one.losses() == []


def test_key_is_missed_on_our_side_when_there_was_one() -> None:
    one = book()
    assert not one.note_missing(CUFF)  # never paired: no loss
    one.note_paired(CUFF, profile(), is_authenticated=False)
    assert one.note_missing(CUFF)
    assert one.losses() == [BondLoss(CUFF, Side.GATEWAY, AT, is_certain=True)]


@pytest.mark.parametrize("mend", ["pair", "talk"])
def test_loss_is_over_when_they_share_a_key_again(mend: str) -> None:
    one = book()
    one.note_refused(CUFF)
    if mend == "pair":
        one.note_paired(CUFF, profile(), is_authenticated=False)
    else:
        one.note_talked(CUFF, profile())
    assert one.losses() == []


def test_loss_is_forgotten_when_the_peripheral_is_taken_off_the_list() -> None:
    one = book()
    one.note_refused(CUFF)
    one.keep_only([CUFF])
    assert len(one.losses()) == 1
    one.keep_only([])
    assert one.losses() == []


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("is_bluez", [True, False])
def test_advice_says_who_lost_the_key_and_how_to_pair_again(side: Side, *, is_bluez: bool) -> None:
    words = advice(
        BondLoss(CUFF, side, AT, is_certain=True), profile(one_host=True), is_bluez=is_bluez
    )
    assert f"homevitals-gateway pair {CUFF}" in words
    assert "Delete its Bluetooth pairing as its manual says" in words
    assert ("this gateway has lost the key" in words) is (side is Side.GATEWAY)
    must_remove = side is Side.PERIPHERAL and is_bluez
    assert (f"bluetoothctl remove {CUFF}" in words) is must_remove
    assert ("knows one host only" in words) is (side is Side.PERIPHERAL)
    assert "\n" not in words


def test_advice_says_what_is_only_likely_and_works_without_a_profile() -> None:
    words = advice(BondLoss(CUFF, Side.PERIPHERAL, AT, is_certain=False), None, is_bluez=True)
    assert words.startswith("The peripheral has probably lost the key")
