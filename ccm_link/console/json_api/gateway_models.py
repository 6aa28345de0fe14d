"""What the JSON API says about gateways. Times are UTC; what is null is unknown."""

from __future__ import annotations

from datetime import datetime

from ccm_link.console.json_api.api_models import Answer
from firmware_profiles.wire_health import AdapterState, Bond, Closure
from firmware_profiles.wire_record import GatewayClock
from ingest.directory import Standing


class Trouble(Answer):
    """The last time that something went wrong: what, in one word, and when by the gateway's clock."""

    reason: str
    at: datetime


class Software(Answer):
    """What runs on a gateway."""

    package: str
    profiles: str | None
    system: str | None
    bluez: str | None


class Machine(Answer):
    """The machine under a gateway."""

    started_at: datetime
    clock: GatewayClock
    disk_free_bytes: int | None
    temperature_c: float | None
    resident_bytes: int | None


class Outbox(Answer):
    """What waits on a gateway; ``closed`` says why it asks no peripheral, null if it does."""

    epoch: str
    oldest_waiting_at: datetime | None
    last_receipt_at: datetime | None
    size_bytes: int
    size_limit_bytes: int
    age_limit_s: int
    closed: Closure | None


class Uplink(Answer):
    """A gateway's way to the broker: what that refused last, and the last connection that failed."""

    connected_at: datetime | None
    refusal: Trouble | None
    failure: Trouble | None


class Adapter(Answer):
    """One Bluetooth adapter."""

    name: str
    state: AdapterState
    since: datetime
    failure: Trouble | None


class HeardPeripheral(Answer):
    """One peripheral that a gateway may connect to, as it knows it; ``failures`` in a row since the last good talk."""

    peripheral: str
    profile_id: str | None
    heard_at: datetime | None
    rssi_dbm: int | None
    talked_at: datetime | None
    battery_percent: int | None
    battery_at: datetime | None
    bond: Bond
    failure: Trouble | None
    failures: int


class Health(Answer):
    """How a gateway says it is."""

    software: Software
    machine: Machine
    outbox: Outbox
    uplink: Uplink
    adapters: list[Adapter]
    peripherals: list[HeardPeripheral]


class LastWord(Answer):
    """What a gateway said last of itself; ``health`` is null where this server cannot read it."""

    received_at: datetime
    said_at: datetime
    boot_id: str
    waiting_records: int
    health: Health | None


class Gateway(Answer):
    """A gateway; ``last_word`` is null while it has said nothing of itself, ``troubles`` counts what is wrong by it."""

    gateway_id: str
    label: str
    status: Standing
    enrolled_at: datetime | None
    last_seen_at: datetime | None
    is_online: bool
    last_word: LastWord | None
    troubles: int


class Gateways(Answer):
    """The practice's gateways."""

    gateways: list[Gateway]


class Past(Answer):
    """How a gateway was at one time."""

    received_at: datetime
    boot_id: str
    waiting_records: int
    oldest_waiting_s: int | None
    outbox_bytes: int
    closed: str | None
    clock: str
    disk_free_bytes: int | None
    temperature_c: float | None
    resident_bytes: int | None
    adapters: int
    adapters_up: int


class SalvagedOutbox(Answer):
    """A damaged outbox. The ``lost_count`` numbers from ``firsts`` to ``lasts`` were neither saved nor have arrived."""

    found_at: datetime
    epoch: str | None
    reason: str
    saved: int
    highest_seq: int | None
    unsaved_count: int
    lost_count: int
    firsts: list[int]
    lasts: list[int]


class GatewayHealth(Answer):
    """How a gateway is, how it was (newest first, hourly and for each change), and the repairs of its outbox."""

    gateway_id: str
    last_word: LastWord | None
    past: list[Past]
    salvages: list[SalvagedOutbox]
