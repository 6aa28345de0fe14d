"""What a gateway says of itself, in words: what is wrong has a next step, what nobody knows is called unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ccm_link.console.words import gateway_health_words
from firmware_profiles.wire_health import (
    AdapterHealth,
    AdapterState,
    Bond,
    Closure,
    Health,
    Machine,
    OutboxHealth,
    PeripheralHealth,
    Software,
    Trouble,
    UplinkHealth,
)
from firmware_profiles.wire_record import GatewayClock
from ingest.gateway_health import LastWord, SalvagedOutbox

NOW = datetime(2026, 11, 12, 15, tzinfo=UTC)
CUFF = PeripheralHealth(
    "AA:BB:CC:DD:EE:0F", "standard-cuff", NOW, -71, NOW, 80, NOW, Bond.BONDED, None, 0
)
WELL = Health(
    software=Software("0.1.0", "3", "Debian 12", "5.66"),
    machine=Machine(NOW - timedelta(days=2), GatewayClock.SYNCHRONISED, 2**34, 48.5, 60 * 2**20),
    outbox=OutboxHealth("0" * 32, None, NOW, 2**20, 2**26, 15_552_000, None, ()),
    uplink=UplinkHealth(NOW, None, None),
    adapters=(AdapterHealth("hci0", AdapterState.UP, NOW, None),),
    peripherals=(CUFF,),
)
WORD = LastWord("gw-aaaa1111", NOW, NOW, "b" * 32, 0, WELL)


def troubles(word: LastWord) -> dict[str, str]:
    return {
        one.what: f"{one.state}: {one.next_step}"
        for one in gateway_health_words.lines(word, NOW)
        if not one.is_fine
    }


def with_(part: str, **changes: Any) -> LastWord:
    return replace(WORD, health=replace(WELL, **{part: replace(getattr(WELL, part), **changes)}))


def test_nothing_is_to_do_when_all_is_well() -> None:
    assert troubles(WORD) == {}
    assert gateway_health_words.trouble_count(WORD, NOW) == 0
    assert gateway_health_words.trouble_count(None, NOW) == 0


@pytest.mark.parametrize(
    ("word", "what", "words"),
    [
        pytest.param(with_("outbox", closed=Closure.SIZE), "Outbox", "It is full", id="size"),
        pytest.param(with_("outbox", closed=Closure.AGE), "Outbox", "broker and ingest", id="age"),
        pytest.param(with_("outbox", closed=Closure.DISK), "Outbox", "Free space", id="disk-full"),
        pytest.param(
            with_("outbox", oldest_waiting_at=NOW - timedelta(hours=3)),
            "Outbox",
            "the oldest for 3 hours: Records wait",
            id="waits-long",
        ),
        pytest.param(
            with_("uplink", refusal=Trouble("not_authorized", NOW)),
            "Connection",
            "refused a message: not authorized: Compare the broker's access list",
            id="not-authorized",
        ),
        pytest.param(
            with_("uplink", refusal=Trouble("quota_exceeded", NOW)),
            "Connection",
            "quota exceeded: Look at the broker's limits",
            id="quota",
        ),
        pytest.param(
            replace(WORD, health=replace(WELL, adapters=())), "Radio", "unknown", id="none"
        ),
        pytest.param(
            replace(
                WORD,
                health=replace(
                    WELL,
                    adapters=(
                        AdapterHealth("hci0", AdapterState.DOWN, NOW, Trouble("absent", NOW)),
                    ),
                ),
            ),
            "Radio hci0",
            "does not work: absent",
            id="radio",
        ),
        pytest.param(
            with_("machine", clock=GatewayClock.UNSYNCHRONISED), "Clock", "not set", id="clock"
        ),
        pytest.param(
            replace(WORD, said_at=NOW - timedelta(hours=1)), "Clock", "1 hour behind", id="behind"
        ),
        pytest.param(
            replace(WORD, said_at=NOW + timedelta(days=2)), "Clock", "2 days ahead", id="ahead"
        ),
        pytest.param(with_("machine", disk_free_bytes=2**20), "Disk", "1 MiB free", id="disk"),
        pytest.param(with_("machine", disk_free_bytes=None), "Disk", "unknown", id="disk-unknown"),
        pytest.param(with_("machine", temperature_c=82.0), "Temperature", "82 °C", id="hot"),
        pytest.param(replace(WORD, health=None), "Its own word", "update the server", id="newer"),
    ],
)
def test_trouble_is_said_with_the_next_step(word: LastWord, what: str, words: str) -> None:
    assert list(troubles(word)) == [what]
    assert words in troubles(word)[what]
    assert gateway_health_words.trouble_count(word, NOW) == 1


def test_old_word_is_called_old() -> None:
    old = replace(WORD, received_at=NOW - timedelta(hours=2), said_at=NOW - timedelta(hours=2))
    assert troubles(old) == {
        "Its own word": "2 hours old: All below is from then. Check power and network in the home."
    }


def test_refusal_of_long_ago_is_no_trouble() -> None:
    assert troubles(with_("uplink", refusal=Trouble("x", NOW - timedelta(days=2)))) == {}


def test_unknown_is_called_unknown() -> None:
    nothing = PeripheralHealth(
        CUFF.peripheral, None, None, None, None, None, None, Bond.UNKNOWN, None, 0
    )
    (one,) = gateway_health_words.peripherals(
        replace(WORD, health=replace(WELL, peripherals=(nothing,))), NOW
    )
    assert (one.profile_id, one.loudness, one.battery, one.bond) == ("unknown",) * 4
    assert "never been read" in one.next_step
    states = {
        one.what: one.state
        for one in gateway_health_words.lines(with_("machine", temperature_c=None), NOW)
    }
    assert states["Temperature"].startswith("unknown")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bond": Bond.LOST}, "pair it again"),
        ({"failure": Trouble("link_lost", NOW), "failures": 3}, "3 in a row: link lost"),
        ({"battery_percent": 15}, "battery is nearly empty"),
    ],
)
def test_peripheral_in_trouble_has_a_next_step(changes: dict[str, Any], words: str) -> None:
    one = replace(WORD, health=replace(WELL, peripherals=(replace(CUFF, **changes),)))
    assert words in gateway_health_words.peripherals(one, NOW)[0].next_step
    assert gateway_health_words.trouble_count(one, NOW) == 1


def test_single_failure_is_no_trouble() -> None:
    once = replace(CUFF, failure=Trouble("link_lost", NOW), failures=1)
    word = replace(WORD, health=replace(WELL, peripherals=(once,)))
    assert gateway_health_words.trouble_count(word, NOW) == 0


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "3 records saved, nothing lost", "Nothing to do"),
        (
            {"lost_count": 2, "firsts": [6, 8], "lasts": [6, 8]},
            "3 records saved, 2 records lost",
            "Number 6, number 8 neither were saved nor have arrived",
        ),
        (
            {"unsaved_count": 9, "lost_count": 1, "firsts": [1], "lasts": [1]},
            "3 records saved, at least 1 record lost",
            "Number 1 and others",
        ),
        ({"highest_seq": None}, "3 records saved, nobody knows of how many", "Ask the homes"),
    ],
)
def test_damaged_outbox_is_said_with_what_is_lost(
    changes: dict[str, Any], state: str, words: str
) -> None:
    one = SalvagedOutbox(NOW, "0" * 32, "bad_pages", 3, 8, 5, 5, 0, [], [])
    line = gateway_health_words.salvage(replace(one, **changes))
    assert (line.what, line.state) == ("bad pages", state)
    assert words in line.next_step
