from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from ingest import buffered_client
from ingest.buffered_client import BufferedClient, Publication

PUBLICATIONS = st.builds(
    Publication,
    topic=st.binary(min_size=1, max_size=40),
    payload=st.binary(max_size=400),
    packet_id=st.integers(1, 65535),
    qos=st.sampled_from([0, 1]),
    retain=st.booleans(),
).map(lambda one: one if one.qos else one._replace(packet_id=0))


class Line:
    """Stands in for the socket: gives what was put there in its pieces, keeps what is sent."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self.pieces = list(pieces)
        self.sent = b""

    def recv(self, _size: int) -> bytes:
        if not self.pieces:
            raise BlockingIOError
        return self.pieces.pop(0)

    def send(self, packet: bytes) -> int:
        self.sent += packet
        return len(packet)

    def close(self) -> None:
        pass


class Client(BufferedClient):
    """Connected to a line, with what it handed over."""

    def __init__(self, line: Line) -> None:
        self.got: list[Publication] = []
        self.refusals: list[int] = []
        super().__init__("ingest-1", self.got.extend, self.refusals.append)
        self._sock: Any = line

    def read_all(self) -> MQTTErrorCode:
        result = MQTTErrorCode.MQTT_ERR_SUCCESS
        while self._sock is not None and self._sock.pieces and result == 0:
            result = self.loop_read()
        return result


def packet(one: Publication, properties: bytes = b"") -> bytes:
    body = len(one.topic).to_bytes(2, "big") + one.topic
    body += one.packet_id.to_bytes(2, "big") if one.qos else b""
    body += variable(len(properties)) + properties + one.payload
    return bytes([mqtt.PUBLISH | one.qos << 1 | one.retain]) + variable(len(body)) + body


def variable(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


@given(st.lists(PUBLICATIONS, max_size=6), st.data())
def test_publications_are_the_same_however_the_bytes_arrive(
    sent: list[Publication], data: Any
) -> None:
    properties = st.binary(max_size=3) | st.just(b"\x26" + b"x" * 200)
    stream = b"".join(packet(one, data.draw(properties)) for one in sent)
    pieces, rest = [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:size])
        rest = rest[size:]

    client = Client(Line(pieces))

    assert client.read_all() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert client.got == sent


@given(st.binary(max_size=60))
def test_no_bytes_of_the_broker_raise(stream: bytes) -> None:
    client = Client(Line([stream] if stream else []))
    client.on_disconnect = None

    client.read_all()


def test_a_malformed_packet_ends_the_connection() -> None:
    for stream in (
        b"\x30\xff\xff\xff\xff\xff",  # a length of five bytes
        b"\x34\x06\x00\x01a\x00\x01\x00",  # QoS 2
        b"\x32\x04\x00\x09ab",  # a topic that reaches beyond the packet
    ):
        client = Client(Line([stream]))
        assert client.read_all() != MQTTErrorCode.MQTT_ERR_SUCCESS
        assert client._sock is None
        assert client.got == []


def test_acknowledgements_are_one_write() -> None:
    line = Line()
    client = Client(line)

    client.acknowledge([1, 258])
    client.acknowledge([])

    assert line.sent == b"\x40\x02\x00\x01\x40\x02\x01\x02"


def test_no_more_is_published_than_the_window_takes() -> None:
    line = Line()
    client = Client(line)
    assert client.publish_all([("t", b"%d" % n) for n in range(5)]) == 0
    assert line.sent == b""  # not connected yet

    client.open_window(2)
    first = line.sent
    line.pieces = [b"\x40\x02\x00\x01", b"\x40\x03\x00\x02\x87", b"\x40\x02\x7f\x7f"]
    client.read_all()

    assert first.count(b"\x32") == 2
    assert client.refusals == [0x87]
    assert [line.sent.count(b"\x00\x01t\x00" + bytes([n]) + b"\x00") for n in range(1, 5)] == [
        1,
        1,
        1,
        1,
    ]


def test_what_finds_no_place_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffered_client, "_MAX_WAITING", 3)
    client = Client(Line())

    assert client.publish_all([("t", b"")] * 5) == 2
    assert client.publish_all([("t", b"")]) == 1
