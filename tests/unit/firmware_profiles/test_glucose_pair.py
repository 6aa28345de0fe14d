"""Measurements wait for the contexts that they announce."""

from __future__ import annotations

from firmware_profiles.glucose_pair import PairMaker


def measurement(number: int, *, announced: bool = True) -> tuple[str, bytes]:
    flags = 0x10 if announced else 0x00
    return "2a18", bytes([flags]) + number.to_bytes(2, "little") + bytes(7)


def context(number: int) -> tuple[str, bytes]:
    return "2a34", b"\x02" + number.to_bytes(2, "little") + b"\x06"


def pair(number: int) -> tuple[str, bytes]:
    return "2a18", measurement(number)[1] + context(number)[1]


def test_measurement_leaves_together_with_its_context() -> None:
    pairs = PairMaker()
    assert pairs.take(*measurement(7)) == []
    assert pairs.take(*context(7)) == [pair(7), context(7)]
    assert pairs.rest() == []


def test_measurement_that_announces_nothing_waits_for_nothing() -> None:
    alone = measurement(7, announced=False)
    assert PairMaker().take(*alone) == [alone]


def test_contexts_find_their_measurements_when_they_come_after_all_of_them() -> None:
    pairs = PairMaker()
    assert [pairs.take(*measurement(number)) for number in (1, 2, 3)] == [[], [], []]
    assert pairs.take(*context(2)) == [pair(2), context(2)]
    assert pairs.take(*context(1)) == [pair(1), context(1)]
    assert pairs.rest() == [measurement(3)]
    assert pairs.rest() == []


def test_context_without_a_measurement_is_handed_over() -> None:
    assert PairMaker().take(*context(7)) == [context(7)]


def test_repeated_measurement_is_held_once() -> None:
    pairs = PairMaker()
    pairs.take(*measurement(7))
    assert pairs.take(*measurement(7)) == []
    assert pairs.take(*context(7)) == [pair(7), context(7)]


def test_nothing_is_lost_when_another_measurement_bears_the_same_number() -> None:
    pairs = PairMaker()
    first = measurement(7)
    second = ("2a18", first[1][:-1] + b"\x01")
    pairs.take(*first)
    assert pairs.take(*second) == [first]
    assert pairs.rest() == [second]


def test_frame_too_short_for_a_number_is_handed_over() -> None:
    for frame in (b"", b"\x10", b"\x10\x07"):
        assert PairMaker().take("2a18", frame) == [("2a18", frame)]
