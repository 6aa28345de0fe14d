"""Load: homes that measure, their messages, and a process that publishes them, paced or as fast as it can.

Run as a program it prints one JSON line on standard output: when the first message was handed to the broker and, for a
paced run, when each was. Times are those of the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_profiles import decode, models, topics, uuids, wire
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
)
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.sfloat import Sfloat
from firmware_profiles.wire import Batch, GatewayClock, Link, Record
from ingest.buffered_client import BufferedClient
from ingest.consumer import tls_context
from ingest.settings import IngestSettings

HOMES = 500
NAME = "ingest-901"  # a name of the services' grammar, with wider rights at the benchmark's broker
TIME_ZONE = "America/New_York"


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    gateway_id: str
    last_seq: int


def gateway_id(home: int) -> str:
    return f"gw-{home:08d}"


def address(home: int) -> str:
    return f"AA:BB:CC:00:{home >> 8:02X}:{home & 255:02X}"


def messages(run: int, count: int, per_message: int) -> Iterator[Message]:
    """Yield messages with ``per_message`` records each, of all homes in turn; no record is in two runs.

    Each run is an outbox of its own, and each record has its own second of the peripheral's clock in the last months.
    """
    draw = random.Random(run)
    now = datetime.now(UTC).replace(microsecond=0)
    sent = dict.fromkeys(range(HOMES), 0)
    # Runs do not share a second of any home, whenever each began: they lie side by side, each in a second of the minute
    # of its own, ninety days back at most. Where they did, equal draws were one reading, and the check failed.
    step = timedelta(minutes=1)
    first = now.replace(second=0) - timedelta(days=1)
    for number in range(count):
        home = number % HOMES
        records = []
        for _ in range(per_message):
            sent[home] += 1
            at = first - step * sent[home] + timedelta(seconds=run % 60, days=-(run // 60))
            pressures = (draw.randint(100, 139), draw.randint(60, 84), draw.randint(50, 99))
            records.append(record(home, sent[home], at, now, TIME_ZONE, pressures))
        yield message(home, run, now, records)


def record(
    home: int,
    seq: int,
    at: datetime,
    received_at: datetime,
    time_zone: str,
    pressures: tuple[int, int, int],
) -> Record:
    """Return what a home's cuff sent: systolic and diastolic in mmHg and the pulse, at a time of its own clock."""
    systolic_mmhg, diastolic_mmhg, pulse_bpm = pressures
    profile = models.by_id("standard-cuff", 1)
    characteristic = uuids.BLOOD_PRESSURE_MEASUREMENT
    raw = BloodPressureMeasurement(
        PressureUnit.MMHG,
        Sfloat(systolic_mmhg, 0),
        Sfloat(diastolic_mmhg, 0),
        Sfloat(88, 0),
        DateTime.of(at.replace(tzinfo=None)),
        Sfloat(pulse_bpm, 0),
        1,
        MeasurementStatus(0),
    ).to_bytes()
    return Record(
        seq=seq,
        peripheral=address(home),
        profile_id=profile.profile_id,
        profile_version=profile.version,
        characteristic=characteristic,
        raw=raw,
        received_at=received_at,
        gateway_clock=GatewayClock.SYNCHRONISED,
        device_clock_offset_s=0.0,
        time_zone=time_zone,
        link=Link.ENCRYPTED,
        decoded=decode.advisory(decode.decode_record(profile, characteristic, raw)),
    )


def message(home: int, run: int, sent_at: datetime, records: Sequence[Record]) -> Message:
    """Return a home's message with its records in the order of their numbers."""
    name = gateway_id(home)
    batch = Batch(name, f"{run:032x}", sent_at, tuple(records))
    return Message(topics.readings(name), wire.encode_batch(batch), name, records[-1].seq)


class Sender:
    """Publishes with QoS 1 under a name that may write every topic of this broker."""

    def __init__(self, settings: IngestSettings, name: str) -> None:
        self._client = BufferedClient(name, lambda _: None, self._refused)
        self._client.tls_set_context(tls_context(settings))
        self._is_ready = threading.Event()
        self._client.on_connect = self._connected
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        self._client.connect_async(
            settings.broker_host, settings.broker_port, clean_start=True, properties=properties
        )
        self._client.loop_start()
        if not self._is_ready.wait(20):
            raise SystemExit("the broker cannot be reached")

    def send(self, sending: list[Message]) -> None:
        """Hand messages over; waits while the broker does not take more."""
        while self.waiting > 4000:
            time.sleep(0.001)
        if self._client.publish_all([(one.topic, one.payload) for one in sending]):
            raise SystemExit("a message found no place")

    @property
    def waiting(self) -> int:
        return len(self._client._waiting) + len(self._client._unacknowledged)

    def finish(self) -> None:
        """Wait until the broker has answered everything."""
        while self.waiting:
            time.sleep(0.001)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, _client: Any, _data: Any, _flags: Any, _reason: Any, found: Any) -> None:
        self._client.open_window(getattr(found, "ReceiveMaximum", 1000))
        self._is_ready.set()

    def _refused(self, reason_code: int) -> None:
        print(f"refused: {reason_code}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=Path, help="JSON of IngestSettings")
    parser.add_argument("--name", default=NAME)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--per-message", type=int, default=1)
    parser.add_argument(
        "--per-second", type=float, help="messages a second; not given: all at once"
    )
    parser.add_argument("--stream", action="store_true", help="make messages while sending")
    options = parser.parse_args()
    settings = IngestSettings(**json.loads(options.settings.read_text()))
    made = messages(options.run, options.messages, options.per_message)
    ready = made if options.stream else iter(list(made))
    sender = Sender(settings, options.name)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.monotonic()
    sent_at: dict[str, float] = {}
    if options.per_second:
        for number, one in enumerate(ready):
            pause = started + number / options.per_second - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            sent_at[f"{one.gateway_id} {one.last_seq}"] = time.monotonic()
            sender.send([one])
    else:
        part: list[Message] = []
        for one in ready:
            part.append(one)
            if len(part) == 100:
                sender.send(part)
                part = []
        sender.send(part)
    sender.finish()
    print(json.dumps({"started": started, "ended": time.monotonic(), "sent_at": sent_at}))


if __name__ == "__main__":
    main()
