"""paho's MQTT 5 client, made to take and to give many packets at once.

paho reads a packet byte by byte, handles one for each look at the socket, and writes each acknowledgement by itself.
This client reads what the socket has, hands over all publications in it together, and writes acknowledgements and
receipts of a whole batch in one go. All else (connecting, keeping alive, subscribing, coming back) is paho's own.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019: 1.5.5 (variable byte integer), 2.1 (fixed header), 3.3
(PUBLISH), 3.4 (PUBACK), 4.9 (flow control).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

_READ_BYTES: Final = 64 * 1024
_MOST_READ_BYTES: Final = (
    4 * _READ_BYTES
)  # at one look, so that writing and keeping alive get their turn
_PACKET_TYPE: Final = 0xF0
_PUBLISH_QOS_1: Final = mqtt.PUBLISH | 0b0010
_QOS_SHIFT, _QOS_MASK = 1, 0b11
_RETAIN: Final = 0b1
_ACKNOWLEDGEMENT: Final = struct.Struct("!BBH")
_REFUSED: Final = 0x80  # reason codes from here on are failures; MQTT 5.0, 2.4
# What waits here for the broker's acknowledgement of earlier receipts. A receipt that finds no place is not sent: its
# gateway sends the records again and gets another.
_MAX_WAITING: Final = 50_000


class Publication(NamedTuple):
    """One PUBLISH packet as it came; its properties are not read."""

    topic: bytes
    payload: bytes
    packet_id: int  # 0 for QoS 0
    qos: int
    retain: bool


class BufferedClient(mqtt.Client):
    """A client for MQTT 5 with QoS 0 and 1, acknowledged by hand.

    Args:
        client_id: Name of the session.
        on_publications: Called in paho's thread with all publications that were there, in order.
        on_refusal: Called in paho's thread with the reason code of a publication of ours that the broker refused.
    """

    def __init__(
        self,
        client_id: str,
        on_publications: Callable[[list[Publication]], None],
        on_refusal: Callable[[int], None],
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        self._on_publications = on_publications
        self._on_refusal = on_refusal
        self._unread = bytearray()
        self._unacknowledged: set[int] = (
            set()
        )  # packet ids of ours that the broker has not answered
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._window = 0  # closed while there is no connection

    def reconnect(self) -> MQTTErrorCode:
        """Connect again; what was half read or not answered belongs to the old connection."""
        self._unread.clear()
        with self._out_message_mutex:
            self._unacknowledged.clear()
            self._window = 0
        return super().reconnect()

    def open_window(self, receive_maximum: int) -> None:
        """Begin to publish, up to so many publications before the broker has answered."""
        with self._out_message_mutex:
            self._window = receive_maximum
            self._send_waiting()

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge publications of QoS 1, in one write."""
        if packet_ids:
            packets = b"".join([_ACKNOWLEDGEMENT.pack(mqtt.PUBACK, 2, i) for i in packet_ids])
            self._packet_queue(mqtt.PUBACK, packets, packet_ids[-1], 1)

    def publish_all(self, publications: Sequence[tuple[str, bytes]]) -> int:
        """Publish with QoS 1 and in one write what the broker's window takes, the rest as it opens.

        Returns:
            How many found no place.
        """
        with self._out_message_mutex:
            places = _MAX_WAITING - len(self._waiting)
            self._waiting.extend((t.encode("utf-8"), p) for t, p in publications[:places])
            self._send_waiting()
        return max(0, len(publications) - places)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002 - paho's signature
        """Take what the socket has, as paho's loop asks for when there is something."""
        if self._sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        result = self._receive()
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._last_bytes_received = monotonic()
            try:
                result = self._take_apart()
            except (MalformedPacket, IndexError):
                result = MQTTErrorCode.MQTT_ERR_PROTOCOL
        elif result == MQTTErrorCode.MQTT_ERR_AGAIN:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return self._loop_rc_handle(result) if result > 0 else result

    def _receive(self) -> MQTTErrorCode:
        """Add to the unread bytes what is there; TLS hands it out record by record."""
        received = 0
        while received < _MOST_READ_BYTES:
            try:
                part = self._sock_recv(_READ_BYTES)
            except BlockingIOError:
                break
            except OSError:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            if not part:
                # What came before the end still counts; the next look finds the end again.
                if received:
                    break
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            self._unread += part
            received += len(part)
        return MQTTErrorCode.MQTT_ERR_SUCCESS if received else MQTTErrorCode.MQTT_ERR_AGAIN

    def _take_apart(self) -> MQTTErrorCode:
        publications: list[Publication] = []
        unread, position, result = self._unread, 0, MQTTErrorCode.MQTT_ERR_SUCCESS
        while result == MQTTErrorCode.MQTT_ERR_SUCCESS:
            start, length = _extent(unread, position)
            if start == 0 or start + length > len(unread):
                break
            command, body = unread[position], bytes(unread[start : start + length])
            position = start + length
            if command & _PACKET_TYPE == mqtt.PUBLISH:
                publications.append(_publication(command, body))
            elif command & _PACKET_TYPE == mqtt.PUBACK and self._is_answer(body):
                continue
            else:
                result = self._leave_to_paho(command, body)
        del unread[:position]
        if publications:
            self._on_publications(publications)
        return result

    def _leave_to_paho(self, command: int, body: bytes) -> MQTTErrorCode:
        packet: Any = {
            "command": command,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(body),
            "packet": bytearray(body),
            "to_process": 0,
            "pos": 0,
        }
        self._in_packet = packet
        return self._packet_handle()

    def _is_answer(self, body: bytes) -> bool:
        """Take the broker's answer to a publication of ours; False where it answers something of paho's."""
        packet_id = int.from_bytes(body[:2], "big")
        with self._out_message_mutex:
            if packet_id not in self._unacknowledged:
                return False
            self._unacknowledged.discard(packet_id)
            if self._waiting:
                self._send_waiting()
        reason = body[2] if len(body) > 2 else 0  # 3.4.2.1: absent means success
        if reason >= _REFUSED:
            self._on_refusal(reason)
        return True

    def _send_waiting(self) -> None:
        """Send what the window takes; the caller holds the lock."""
        packets = bytearray()
        while self._waiting and len(self._unacknowledged) < self._window:
            topic, payload = self._waiting.popleft()
            packet_id = self._free_packet_id()
            self._unacknowledged.add(packet_id)
            packets += _publish_packet(topic, payload, packet_id)
        if packets:
            # As one of paho's “packets”: it writes the bytes and looks at nothing but the type.
            self._packet_queue(mqtt.PUBACK, packets, 0, 1)

    def _free_packet_id(self) -> int:
        while True:
            packet_id = self._mid_generate()
            if packet_id not in self._unacknowledged and packet_id not in self._out_messages:
                return packet_id


def _extent(unread: bytearray, position: int) -> tuple[int, int]:
    """Return where a packet's body starts and its length; start 0 while its head is not there yet.

    Raises:
        MalformedPacket: the length has more than four bytes.
    """
    length = shift = 0
    for at in range(position + 1, min(position + 5, len(unread))):
        length |= (unread[at] & 0x7F) << shift
        if unread[at] < 0x80:  # the last byte of the integer
            return at + 1, length
        shift += 7
    if len(unread) - position > 4:
        raise MalformedPacket("a packet's length has more than four bytes")
    return 0, 0


def _publication(command: int, body: bytes) -> Publication:
    """Take a PUBLISH packet apart.

    Raises:
        MalformedPacket: QoS 2, which nothing here subscribes with, or a length that reaches beyond the packet.
    """
    qos = command >> _QOS_SHIFT & _QOS_MASK
    topic_end = 2 + (body[0] << 8 | body[1])
    position, packet_id = topic_end, 0
    if qos:
        packet_id = body[position] << 8 | body[position + 1]
        position += 2
    properties_length = body[position]
    if properties_length < 0x80:  # one byte, as nearly always
        position += 1 + properties_length
    else:
        start, properties_length = _extent(bytearray(body), position - 1)
        position = start + properties_length
    if qos > 1 or position > len(body):
        raise MalformedPacket("a publication that was not asked for, or is cut off")
    return Publication(body[2:topic_end], body[position:], packet_id, qos, bool(command & _RETAIN))


def _publish_packet(topic: bytes, payload: bytes, packet_id: int) -> bytes:
    length = 2 + len(topic) + 2 + 1 + len(payload)
    head = bytearray((_PUBLISH_QOS_1,))
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    ids = len(topic).to_bytes(2, "big"), topic, packet_id.to_bytes(2, "big"), b"\0"
    return b"".join((bytes(head), *ids, payload))
