"""What ingest is measured against: receivers that do less, or the same in the way that comes to mind first.

Each is a process. It takes what waits in its session and prints a JSON line: how many messages, in how many seconds
from the first to the last, with how much of its own CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_profiles import topics
from ingest.buffered_client import BufferedClient, Publication
from ingest.consumer import SESSION_EXPIRY_S, tls_context
from ingest.settings import IngestSettings

# The same columns as far as they come out of the message by themselves, and the key that makes it exactly once.
NAIVE_TABLE = """
create table if not exists public.naive (
    gateway_id text, epoch text, seq bigint, peripheral text, measured_at timestamptz, systolic_mmhg float8,
    diastolic_mmhg float8, pulse_bpm float8, raw bytea, primary key (gateway_id, epoch, seq))
"""
_NAIVE_INSERT = """
insert into public.naive values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""


class Count:
    """Counts messages, from the first to the last that is waited for."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.seen = self.first = 0
        self.first_at = self.last_at = 0.0
        self.cpu_at_first = 0.0
        self.is_done = threading.Event()

    def add(self, count: int) -> None:
        if self.seen == 0:
            self.first = count  # came before the clock began
            self.first_at = time.monotonic()
            self.cpu_at_first = time.process_time()
        self.seen += count
        if self.seen >= self.wanted:
            self.last_at = time.monotonic()
            self.is_done.set()


def connect_properties(receive_maximum: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.ReceiveMaximum = receive_maximum
    return properties


def plain(settings: IngestSettings, name: str) -> mqtt.Client:
    """paho as it is, acknowledging by hand."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5, manual_ack=True
    )
    client.tls_set_context(tls_context(settings))
    return client


def run_plain(settings: IngestSettings, name: str, count: Count, conninfo: str | None) -> Any:
    """(a), or (c) with a database: one row, one commit, one acknowledgement."""
    client = plain(settings, name)
    connection = psycopg.connect(conninfo, autocommit=True) if conninfo else None

    def on_message(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        if connection is not None:
            batch = json.loads(message.payload)
            for record in batch["records"]:
                read = record["decoded"]
                connection.execute(
                    _NAIVE_INSERT,
                    (
                        *(batch["gateway_id"], batch["epoch"], record["seq"], record["peripheral"]),
                        read["device_time"] + "Z",
                        *(read["systolic_mmhg"], read["diastolic_mmhg"], read["pulse_bpm"]),
                        bytes.fromhex(record["raw"]),
                    ),
                )
        client.ack(message.mid, message.qos)
        count.add(1)

    client.on_message = on_message
    return client


def run_buffered(settings: IngestSettings, name: str, count: Count) -> Any:
    """(a'): what paho can be brought to; what is read at once is acknowledged at once."""

    def on_publications(publications: list[Publication]) -> None:
        client.acknowledge([one.packet_id for one in publications])
        count.add(len(publications))

    client = BufferedClient(name, on_publications, lambda _: None)
    client.tls_set_context(tls_context(settings))
    return client


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=Path)
    parser.add_argument("kind", choices=("subscribe", "forget", "plain", "buffered", "naive"))
    parser.add_argument("--name", required=True)
    parser.add_argument("--filter", default=topics.UP_FILTER)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--conninfo")
    options = parser.parse_args()
    settings = IngestSettings(**json.loads(options.settings.read_text()))
    count = Count(options.messages)
    if options.kind == "buffered":
        client = run_buffered(settings, options.name, count)
    else:
        client = run_plain(
            settings, options.name, count, options.conninfo if options.kind == "naive" else None
        )
    if options.kind in {"subscribe", "forget"}:
        client.on_connect = lambda *_: client.subscribe(options.filter, qos=1)
        client.on_subscribe = lambda *_: count.is_done.set()
    expiry = 0 if options.kind == "forget" else SESSION_EXPIRY_S
    properties = connect_properties(settings.receive_maximum)
    properties.SessionExpiryInterval = expiry
    client.connect_async(
        settings.broker_host,
        settings.broker_port,
        clean_start=options.kind in {"subscribe", "forget"},
        properties=properties,
    )
    client.loop_start()
    if not count.is_done.wait(600):
        sys.exit(f"{options.name}: {count.seen} of {count.wanted} messages came")
    client.disconnect()
    client.loop_stop()
    seconds = count.last_at - count.first_at
    cpu = time.process_time() - count.cpu_at_first
    timed = count.seen - count.first
    print(json.dumps({"messages": count.seen, "timed": timed, "seconds": seconds, "cpu_s": cpu}))


if __name__ == "__main__":
    main()
