"""How a gateway is, as it says in its status: the ``health`` member of wire format v1.

It came after the first gateways: a status may lack it, and one of a later version than this is passed over while the
rest of the status counts. Nothing here names a patient or holds a measured value of one. What is null is unknown.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from firmware_profiles import wire_fields
from firmware_profiles.wire_fields import MAX_INTEGER, Fields
from firmware_profiles.wire_record import GatewayClock

VERSION: Final = 1

MAX_ADAPTERS: Final = 8
MAX_PERIPHERALS: Final = 64
MAX_SALVAGES: Final = 5
MAX_RUNS: Final = 20

_ADDRESS: Final = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_PROFILE_ID: Final = re.compile(r"[a-z0-9-]{1,64}")
_EPOCH: Final = re.compile(r"[0-9a-f]{32}")
_WORD: Final = re.compile(r"[a-z0-9_]{1,64}")
_NAME: Final = re.compile(r"[ -~]{1,100}")
_NAME_RULE: Final = "1 to 100 printable ASCII characters"
_WORD_RULE: Final = "1 to 64 of a-z, 0-9 and underscore"

# Source: Bluetooth Core Specification 5.4, Vol 4 Part E, 7.7.65.2, LE Advertising Report.
_RSSI_DBM: Final = (-127, 20)
_TEMPERATURE_C: Final = 200.0


class Closure(StrEnum):
    """Why a gateway begins no conversation: its peripherals keep what they have."""

    SIZE = "size"  # what waits takes as much room as it may
    AGE = "age"  # the server has taken nothing for as long as records may wait
    DISK = "disk"  # the file system is nearly full


class AdapterState(StrEnum):
    """Whether a Bluetooth adapter can be used."""

    UP = "up"
    DOWN = "down"  # it does not work, is away or switched off; the gateway tries again and again


class Bond(StrEnum):
    """Whether gateway and peripheral know each other's keys."""

    BONDED = "bonded"
    NONE = "none"
    LOST = "lost"  # the peripheral refused our keys: it has to be paired again
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Software:
    """What runs, as free text of at most 100 characters; None where nobody could tell.

    Attributes:
        package: version of this distribution.
        profiles: version of the pack of device profiles.
        system: the operating system's name and version.
        bluez: version of the system's Bluetooth daemon.
    """

    package: str
    profiles: str | None
    system: str | None
    bluez: str | None


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine under the gateway.

    Attributes:
        started_at: start of the process, gateway clock, aware UTC.
        clock: whether the gateway's clock can be believed.
        disk_free_bytes: room on the outbox's file system.
        temperature_c: of the board, °C.
        resident_bytes: memory of the process.
    """

    started_at: datetime
    clock: GatewayClock
    disk_free_bytes: int | None
    temperature_c: float | None
    resident_bytes: int | None


@dataclass(frozen=True, slots=True)
class SalvageReport:
    """A repair: a damaged outbox was set aside, and what could be read of it lives on under new numbers.

    Attributes:
        epoch: of the damaged outbox; None if not even that could be read.
        found_at: when, gateway clock, aware UTC.
        reason: what was wrong.
        saved: records that live on.
        highest_seq: the last number known to have been given; None if none is known.
        unsaved_count: numbers up to there whose rows are not there any more.
        unsaved: first and last of each run of them, the first MAX_RUNS runs. Of these the server has what it
            receipted long ago; the rest is lost unless the peripheral still has it.
    """

    epoch: str | None
    found_at: datetime
    reason: str
    saved: int
    highest_seq: int | None
    unsaved_count: int
    unsaved: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """What waits, and how much more may.

    Attributes:
        epoch: of the outbox in use.
        oldest_waiting_at: arrival of the oldest record without a receipt, gateway clock, aware UTC.
        last_receipt_at: when the server last took something.
        size_bytes: room that rows take.
        size_limit_bytes: how much they may take.
        age_limit_s: how long records may wait while the server takes nothing, seconds.
        closed: why no conversation begins now.
        salvages: the last MAX_SALVAGES repairs, oldest first.
    """

    epoch: str
    oldest_waiting_at: datetime | None
    last_receipt_at: datetime | None
    size_bytes: int
    size_limit_bytes: int
    age_limit_s: int
    closed: Closure | None
    salvages: tuple[SalvageReport, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last time that something went wrong: what, in one word, and when."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UplinkHealth:
    """The way to the server.

    Attributes:
        connected_at: since when this connection stands.
        refusal: the last publication that the broker refused, with its reason code's name.
        failure: the last connection that failed or was lost.
    """

    connected_at: datetime | None
    refusal: Trouble | None
    failure: Trouble | None


@dataclass(frozen=True, slots=True)
class AdapterHealth:
    """One Bluetooth adapter.

    Attributes:
        name: as the system calls it.
        state: whether it can be used.
        since: since when.
        failure: the last time that it could not be used.
    """

    name: str
    state: AdapterState
    since: datetime
    failure: Trouble | None


@dataclass(frozen=True, slots=True)
class PeripheralHealth:
    """One peripheral that this gateway may connect to. Instants: gateway clock, aware UTC.

    Attributes:
        peripheral: Bluetooth address.
        profile_id: device profile of the last conversation.
        heard_at: last advertisement since the gateway started.
        rssi_dbm: how loud it was, dBm.
        talked_at: last conversation that ended well.
        battery_percent: last level read from it.
        battery_at: when that was.
        bond: whether both know each other's keys.
        failure: the last conversation that failed, if none has ended well since.
        failures: how many have failed in a row.
    """

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


@dataclass(frozen=True, slots=True)
class Health:
    """How a gateway is."""

    software: Software
    machine: Machine
    outbox: OutboxHealth
    uplink: UplinkHealth
    adapters: tuple[AdapterHealth, ...]
    peripherals: tuple[PeripheralHealth, ...]


def members(health: Health) -> dict[str, object]:
    """Write a gateway's health as the members of its JSON object.

    Raises:
        WireError: an instant has no zone.
    """
    return {"version": VERSION} | _object(health)


def read(node: object) -> Health | None:
    """Read a gateway's health; None if it is of a later version.

    Raises:
        WireError: it breaks the format.
    """
    fields = Fields(node, "health")
    if fields.whole("version", 0, MAX_INTEGER) != VERSION:
        return None
    return Health(
        software=_software(Fields(fields.get("software"), "software")),
        machine=_machine(Fields(fields.get("machine"), "machine")),
        outbox=_outbox(Fields(fields.get("outbox"), "outbox")),
        uplink=_uplink(Fields(fields.get("uplink"), "uplink")),
        adapters=tuple(
            _adapter(Fields(one, "an adapter")) for one in fields.items("adapters", MAX_ADAPTERS)
        ),
        peripherals=tuple(
            _peripheral(Fields(one, "a peripheral"))
            for one in fields.items("peripherals", MAX_PERIPHERALS)
        ),
    )


def _object(part: object) -> dict[str, object]:
    assert dataclasses.is_dataclass(part)  # noqa: S101 - our own parts, and nothing else
    names = [field.name for field in dataclasses.fields(part)]
    return {name: _value(getattr(part, name)) for name in names}


def _value(part: object) -> object:
    if dataclasses.is_dataclass(part):
        return _object(part)
    if isinstance(part, tuple):
        return [_value(one) for one in part]
    return wire_fields.time_text(part) if isinstance(part, datetime) else part


def _software(fields: Fields) -> Software:
    return Software(
        package=fields.text("package", _NAME, _NAME_RULE),
        profiles=fields.text_or_null("profiles", _NAME, _NAME_RULE),
        system=fields.text_or_null("system", _NAME, _NAME_RULE),
        bluez=fields.text_or_null("bluez", _NAME, _NAME_RULE),
    )


def _machine(fields: Fields) -> Machine:
    return Machine(
        started_at=fields.instant("started_at"),
        clock=fields.choice("clock", GatewayClock),
        disk_free_bytes=fields.whole_or_null("disk_free_bytes", 0, MAX_INTEGER),
        temperature_c=fields.number_or_null("temperature_c", _TEMPERATURE_C),
        resident_bytes=fields.whole_or_null("resident_bytes", 0, MAX_INTEGER),
    )


def _outbox(fields: Fields) -> OutboxHealth:
    return OutboxHealth(
        epoch=fields.text("epoch", _EPOCH, "32 hexadecimal digits"),
        oldest_waiting_at=fields.instant_or_null("oldest_waiting_at"),
        last_receipt_at=fields.instant_or_null("last_receipt_at"),
        size_bytes=fields.whole("size_bytes", 0, MAX_INTEGER),
        size_limit_bytes=fields.whole("size_limit_bytes", 0, MAX_INTEGER),
        age_limit_s=fields.whole("age_limit_s", 0, MAX_INTEGER),
        closed=fields.choice_or_null("closed", Closure),
        salvages=tuple(
            _salvage(Fields(one, "a salvage")) for one in fields.items("salvages", MAX_SALVAGES)
        ),
    )


def _salvage(fields: Fields) -> SalvageReport:
    return SalvageReport(
        epoch=fields.text_or_null("epoch", _EPOCH, "32 hexadecimal digits"),
        found_at=fields.instant("found_at"),
        reason=fields.text("reason", _WORD, _WORD_RULE),
        saved=fields.whole("saved", 0, MAX_INTEGER),
        highest_seq=fields.whole_or_null("highest_seq", 0, MAX_INTEGER),
        unsaved_count=fields.whole("unsaved_count", 0, MAX_INTEGER),
        unsaved=tuple(_run(one) for one in fields.items("unsaved", MAX_RUNS)),
    )


def _run(node: object) -> tuple[int, int]:
    ends = Fields({"first": None, "last": None}, "a run")
    if isinstance(node, list) and len(node) == 2:
        ends = Fields({"first": node[0], "last": node[1]}, "a run")
    first = ends.whole("first", 1, MAX_INTEGER)
    return first, ends.whole("last", first, MAX_INTEGER)


def _uplink(fields: Fields) -> UplinkHealth:
    return UplinkHealth(
        connected_at=fields.instant_or_null("connected_at"),
        refusal=_trouble(fields, "refusal"),
        failure=_trouble(fields, "failure"),
    )


def _trouble(fields: Fields, name: str) -> Trouble | None:
    node = fields.get(name)
    if node is None:
        return None
    trouble = Fields(node, name)
    return Trouble(trouble.text("reason", _WORD, _WORD_RULE), trouble.instant("at"))


def _adapter(fields: Fields) -> AdapterHealth:
    return AdapterHealth(
        name=fields.text("name", _NAME, _NAME_RULE),
        state=fields.choice("state", AdapterState),
        since=fields.instant("since"),
        failure=_trouble(fields, "failure"),
    )


def _peripheral(fields: Fields) -> PeripheralHealth:
    return PeripheralHealth(
        peripheral=fields.text("peripheral", _ADDRESS, "an address like AA:BB:CC:DD:EE:FF"),
        profile_id=fields.text_or_null("profile_id", _PROFILE_ID, "1 to 64 of a-z, 0-9 and dash"),
        heard_at=fields.instant_or_null("heard_at"),
        rssi_dbm=fields.whole_or_null("rssi_dbm", *_RSSI_DBM),
        talked_at=fields.instant_or_null("talked_at"),
        battery_percent=fields.whole_or_null("battery_percent", 0, 100),
        battery_at=fields.instant_or_null("battery_at"),
        bond=fields.choice("bond", Bond),
        failure=_trouble(fields, "failure"),
        failures=fields.whole("failures", 0, MAX_INTEGER),
    )
