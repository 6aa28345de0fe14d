"""A&D's buffer is switched on where it is off, and left alone otherwise."""

from __future__ import annotations

import pytest

from firmware_profiles.conversation import Read, Situation, Write
from firmware_profiles.protocols import and_buffer
from firmware_profiles.protocols.and_buffer import COMMANDS


def written(answer: bytes, name: str | None, characteristics: frozenset[str]) -> list[str]:
    """Return what is written to a cuff that answers so."""
    talk = and_buffer.conversation(Situation("AA", name=name, characteristics=characteristics))
    found: list[str] = []
    sent: bytes | None = None
    while True:
        try:
            action = talk.send(sent)
        except StopIteration:
            return found
        assert isinstance(action, Read | Write)
        assert action.characteristic == COMMANDS
        sent = None
        if isinstance(action, Write):
            found.append(action.content.hex())
        else:
            sent = answer


HERE = frozenset({COMMANDS, "2a35"})


@pytest.mark.parametrize(
    ("answer", "name", "settings"),
    [
        pytest.param("0302d600", "A&D_UA-651BLE_1", ["0301a601"], id="off"),
        pytest.param("0302d600", "A&D_UA-656BLE_1", ["0301a602"], id="off, the younger model"),
        pytest.param("0302d600", None, ["0301a601"], id="off, nameless"),
        pytest.param("0302d601", "A&D_UA-651BLE_1", [], id="on"),
        pytest.param("", "A&D_UA-651BLE_1", [], id="no answer"),
        pytest.param("0302d6", "A&D_UA-651BLE_1", [], id="half an answer"),
        pytest.param("0200d600", "A&D_UA-651BLE_1", [], id="the question itself"),
        pytest.param("0302d700", "A&D_UA-651BLE_1", [], id="another answer"),
    ],
)
def test_buffer_is_set_only_where_it_is_known_to_be_off(
    answer: str, name: str | None, settings: list[str]
) -> None:
    assert written(bytes.fromhex(answer), name, HERE) == ["0200d6", *settings]


def test_cuff_without_the_vendor_s_service_is_left_alone() -> None:
    assert written(b"", "A&D_UA-651BLE_1", frozenset({"2a35"})) == []
