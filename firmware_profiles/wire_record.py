"""One record of wire format v1: bytes from a peripheral, and how they arrived."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Final

from firmware_profiles import errors, strict_json, wire_fields
from firmware_profiles.errors import WireReason
from firmware_profiles.wire_fields import MAX_INTEGER, Fields

# The longest value of a GATT attribute. Source: Bluetooth Core Specification 5.4, Vol 3 Part F,
# 3.2.9.
MAX_RAW_BYTES: Final = 512

# A GATT Date Time reaches year 9999, so no clock is further off than ten thousand years.
_MAX_CLOCK_OFFSET_S: Final = 3.2e11

_MAX_PROFILE_VERSION: Final = 65_535
MAX_ADVISORY_FIELDS: Final = 32
MAX_ADVISORY_TEXT: Final = 200

_ADDRESS: Final = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_PROFILE_ID: Final = re.compile(r"[a-z0-9-]{1,64}")
_CHARACTERISTIC: Final = re.compile(r"[0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX: Final = re.compile(rf"([0-9a-f]{{2}}){{0,{MAX_RAW_BYTES}}}")
_TIME_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")

Advisory = Mapping[str, str | float | int | None]


class GatewayClock(StrEnum):
    """Whether the gateway's clock followed a time server when the record arrived."""

    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    UNKNOWN = "unknown"


class Link(StrEnum):
    """How the record's Bluetooth link was secured."""

    ENCRYPTED = "encrypted"
    AUTHENTICATED = "authenticated"
    UNAUTHENTICATED = "unauthenticated"


class WrittenAdvisory(Advisory):
    """An advisory as it was written, taken apart only when somebody looks into it: nearly always its text says enough.

    Args:
        text: A flat JSON object in which nothing is wrong, without spaces.
    """

    __slots__ = ("_members", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._members: Advisory | None = None

    def __getitem__(self, name: str) -> str | float | int | None:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())

    def _read(self) -> Advisory:
        if self._members is None:
            self._members = json.loads(self.text)
        return self._members


@dataclass(frozen=True, slots=True)
class Record:
    """Bytes as a peripheral sent them, and what the gateway knows about their arrival.

    Attributes:
        seq: position in the gateway's outbox, from 1 without gaps within one epoch.
        peripheral: Bluetooth address, `AA:BB:CC:DD:EE:FF`.
        profile_id: device profile that drove the session.
        profile_version: its version.
        characteristic: where the bytes came from, as in `uuids`.
        raw: the bytes, at most 512; may be empty, for an empty notification is a fact too.
        received_at: gateway clock, aware, UTC.
        gateway_clock: whether to believe `received_at`.
        device_clock_offset_s: gateway wall clock in `time_zone` minus the peripheral's clock,
            seconds, read in that session before the clock was set; None if the peripheral's clock
            cannot be read.
        time_zone: IANA name of the zone in which the peripheral's clock runs; its spelling is
            checked here, its existence by whoever uses it.
        link: how the link was secured.
        decoded: what the gateway made of the bytes; ingest decodes again and only compares.
    """

    seq: int
    peripheral: str
    profile_id: str
    profile_version: int
    characteristic: str
    raw: bytes
    received_at: datetime
    gateway_clock: GatewayClock
    device_clock_offset_s: float | None
    time_zone: str
    link: Link
    decoded: Advisory | None = None


FIELD_COUNT: Final = len(fields(Record))  # each is a field of its JSON object


@dataclass(frozen=True, slots=True)
class BadRecord:
    """An element of a batch that is not a record.

    Attributes:
        seq: its outbox position, if that much could be read.
        raw: its JSON text as sent, UTF-8.
        reason: why.
        detail: which field, and what it must be; repeats no content.
    """

    seq: int | None
    raw: bytes
    reason: WireReason
    detail: str


def members(record: Record | BadRecord) -> dict[str, object]:
    """Write a record as the members of its JSON object.

    Raises:
        WireError: it is a BadRecord (what nobody could read is not sent on), or one of its times
            has no zone.
    """
    if isinstance(record, BadRecord):
        raise errors.WireError(record.reason, "a record that could not be read is not sent on")
    return {
        "seq": record.seq,
        "peripheral": record.peripheral,
        "profile_id": record.profile_id,
        "profile_version": record.profile_version,
        "characteristic": record.characteristic,
        "raw": record.raw.hex(),
        "received_at": wire_fields.time_text(record.received_at),
        "gateway_clock": record.gateway_clock,
        "device_clock_offset_s": record.device_clock_offset_s,
        "time_zone": record.time_zone,
        "link": record.link,
        "decoded": None if record.decoded is None else dict(record.decoded),
    }


def read(element: strict_json.Element) -> Record | BadRecord:
    """Read one element of a batch; what is wrong with it becomes a BadRecord."""
    try:
        if element.fault is not None:
            raise element.fault
        return _record(Fields(element.node, "a record"))
    except errors.WireError as error:
        return BadRecord(
            seq=_seq_of(element.node, error.reason),
            raw=element.text.encode("utf-8"),
            reason=error.reason,
            detail=str(error),
        )


def _record(fields: Fields) -> Record:
    return Record(
        seq=fields.whole("seq", 1, MAX_INTEGER),
        peripheral=fields.text("peripheral", _ADDRESS, "an address like AA:BB:CC:DD:EE:FF"),
        profile_id=fields.text("profile_id", _PROFILE_ID, "1 to 64 of a-z, 0-9 and dash"),
        profile_version=fields.whole("profile_version", 1, _MAX_PROFILE_VERSION),
        characteristic=fields.text(
            "characteristic", _CHARACTERISTIC, "4 hexadecimal digits or a whole UUID, lower case"
        ),
        raw=bytes.fromhex(
            fields.text(
                "raw", _HEX, f"at most {MAX_RAW_BYTES} bytes as lower-case hexadecimal digits"
            )
        ),
        received_at=fields.instant("received_at"),
        gateway_clock=fields.choice("gateway_clock", GatewayClock),
        device_clock_offset_s=fields.number_or_null("device_clock_offset_s", _MAX_CLOCK_OFFSET_S),
        time_zone=fields.text("time_zone", _TIME_ZONE, "the IANA name of a time zone"),
        link=fields.choice("link", Link),
        decoded=_advisory(fields.get("decoded")),
    )


def _advisory(node: object) -> Advisory | None:
    if node is None:
        return None
    Fields(node, "decoded")  # refuses forbidden names
    assert isinstance(node, dict)  # noqa: S101 - Fields has just checked it
    if len(node) > MAX_ADVISORY_FIELDS:
        raise errors.WireError(
            WireReason.OUT_OF_RANGE, f"decoded must hold at most {MAX_ADVISORY_FIELDS} fields"
        )
    for name, entry in node.items():
        if isinstance(entry, dict | list):
            raise errors.WireError(WireReason.WRONG_TYPE, "decoded must be flat")
        if len(name) > MAX_ADVISORY_TEXT or (
            isinstance(entry, str) and len(entry) > MAX_ADVISORY_TEXT
        ):
            raise errors.WireError(
                WireReason.OUT_OF_RANGE,
                f"decoded must not hold text longer than {MAX_ADVISORY_TEXT} characters",
            )
    return dict(node)


def _seq_of(node: object, reason: WireReason) -> int | None:
    # With a key twice there may be two positions, and a receipt for the wrong one loses a record.
    if reason is WireReason.DUPLICATE_KEY:
        return None
    # The number alone: what else is wrong with the record has been said.
    seq = node.get("seq") if isinstance(node, dict) else None
    try:
        return Fields({"seq": seq}, "a record").whole("seq", 1, MAX_INTEGER)
    except errors.WireError:
        return None
