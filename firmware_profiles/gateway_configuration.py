"""What the server tells a gateway to do: which peripherals, by which profiles, at which pace.

A configuration is written in one way only (`encode`: sorted keys, no blanks, ASCII), because it is signed. It is
believed whole or not at all: a field that this release does not know is refused like a wrong one, for nobody could say
what leaving it out would mean. It has no field for a person, and the names that are refused everywhere
(`wire_fields.FORBIDDEN`) are refused here.

There are no quiet hours for listening, and that is meant: a cuff without memory offers its reading once.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from firmware_profiles import errors, strict_json, topics, wire_fields
from firmware_profiles.errors import WireReason
from firmware_profiles.wire_fields import Fields

FORMAT: Final = 1
MAX_BYTES: Final = 128 * 1024  # of the content; signed and in base64 it still fits into one message
MAX_PERIPHERALS: Final = 32
MAX_PROFILE_FILES: Final = 16
MAX_PROFILE_CHARACTERS: Final = 32 * 1024
MAX_NUMBER: Final = 2**31 - 1  # of a PostgreSQL integer

ADDRESS: Final = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
PROFILE_ID: Final = re.compile(r"[a-z0-9-]{1,64}")
FILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\.toml")
# One line of text: no control characters, nothing that turns the direction of writing, no blank at either end.
NAME: Final = re.compile(
    r"(?! )[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,40}(?<! )"
)
_PROFILE_TEXT: Final = re.compile(r"[^\x00]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Smallest and largest allowed number of seconds, both included."""

    least_s: float
    most_s: float

    def hold(self, seconds: float) -> bool:
        """Whether a number lies within them."""
        return self.least_s <= seconds <= self.most_s


# Beyond these a home would look silent, or its radio and its broker would have no rest.
REVISIT: Final = Bounds(0.0, 3600.0)
RESEND: Final = Bounds(0.1, 900.0)
STATUS: Final = Bounds(1.0, 900.0)


@dataclass(frozen=True, slots=True)
class AllowedPeripheral:
    """A peripheral that the gateway may connect to.

    Attributes:
        address: Bluetooth address, capitals.
        profile_id: the profile to talk by; None: what its advertisement says.
        name: what the household calls it, without anything about a person; "" for nothing.
    """

    address: str
    profile_id: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A device profile of the site's own: the text of a TOML file."""

    file_name: str
    text: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """Pauses in seconds; None: what the gateway's own settings say.

    Attributes:
        revisit_after_s: before a peripheral is asked again after a good conversation.
        resend_after_s: for a receipt before a record is sent again.
        status_every_s: between two words of the gateway about itself.
    """

    revisit_after_s: float | None = None
    resend_after_s: float | None = None
    status_every_s: float | None = None


BOUNDS: Final[Mapping[str, Bounds]] = {
    "revisit_after_s": REVISIT,
    "resend_after_s": RESEND,
    "status_every_s": STATUS,
}


@dataclass(frozen=True, slots=True)
class GatewayConfiguration:
    """One version of what a gateway is told.

    Attributes:
        gateway_id: whom it is for.
        number: counts up with every version of this gateway, from 1.
        made_at: when, aware, UTC.
        peripherals: all that may be connected to, each address once.
        profile_files: the site's own profiles, each file name once.
        schedule: pauses.
    """

    gateway_id: str
    number: int
    made_at: datetime
    peripherals: tuple[AllowedPeripheral, ...] = ()
    profile_files: tuple[ProfileFile, ...] = ()
    schedule: Schedule = Schedule()


def encode(configuration: GatewayConfiguration) -> bytes:
    """Write a configuration in the one way that there is.

    Raises:
        WireError: it breaks the format, and the text says where.
    """
    members = {
        "format": FORMAT,
        "gateway_id": configuration.gateway_id,
        "number": configuration.number,
        "made_at": wire_fields.time_text(configuration.made_at),
        "peripherals": [
            {"address": one.address, "profile_id": one.profile_id, "name": one.name}
            for one in configuration.peripherals
        ],
        "profile_files": [
            {"file_name": one.file_name, "text": one.text} for one in configuration.profile_files
        ],
        "schedule": {name: getattr(configuration.schedule, name) for name in BOUNDS},
    }
    try:
        text = json.dumps(members, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except ValueError:
        raise errors.WireError(WireReason.NOT_FINITE, "a number is not finite") from None
    content = text.encode("ascii")
    decode(content)
    return content


def decode(content: bytes) -> GatewayConfiguration:
    """Read a configuration.

    Raises:
        WireError: it is none, of another format (`wrong_version`), or has a field that is not known here.
    """
    members = strict_json.parse_object(content, max_bytes=MAX_BYTES)
    fields = Fields(members, "the configuration")
    if fields.whole("format", 0, wire_fields.MAX_INTEGER) != FORMAT:
        raise errors.WireError(
            WireReason.WRONG_VERSION, f"format must be {FORMAT}; update the older of both ends"
        )
    _require_known(members, GatewayConfiguration.__slots__, "the configuration", "format")
    peripherals = tuple(map(_peripheral, _listed(fields, "peripherals", MAX_PERIPHERALS)))
    profile_files = tuple(map(_profile_file, _listed(fields, "profile_files", MAX_PROFILE_FILES)))
    _require_once((one.address for one in peripherals), "peripherals", "address")
    _require_once((one.file_name for one in profile_files), "profile_files", "file name")
    return GatewayConfiguration(
        gateway_id=fields.text("gateway_id", re.compile(topics.GATEWAY_ID_PATTERN), "a gateway id"),
        number=fields.whole("number", 1, MAX_NUMBER),
        made_at=fields.instant("made_at"),
        peripherals=peripherals,
        profile_files=profile_files,
        schedule=_schedule(fields.get("schedule")),
    )


def _peripheral(node: object) -> AllowedPeripheral:
    fields = Fields(node, "a peripheral")
    _require_known(node, AllowedPeripheral.__slots__, "a peripheral")
    name = fields.get("name")
    return AllowedPeripheral(
        address=fields.text("address", ADDRESS, "an address like AA:BB:CC:DD:EE:FF (capitals)"),
        profile_id=fields.text_or_null(
            "profile_id", PROFILE_ID, "1 to 64 of a-z, 0-9 and dash, or null"
        ),
        name="" if name == "" else fields.text("name", NAME, "at most 40 characters of one line"),
    )


def _profile_file(node: object) -> ProfileFile:
    fields = Fields(node, "a profile file")
    _require_known(node, ProfileFile.__slots__, "a profile file")
    text = fields.text("text", _PROFILE_TEXT, "text")
    if len(text) > MAX_PROFILE_CHARACTERS:
        raise errors.WireError(
            WireReason.OUT_OF_RANGE,
            f"text must hold at most {MAX_PROFILE_CHARACTERS} characters",
        )
    return ProfileFile(
        file_name=fields.text(
            "file_name", FILE_NAME, "of a-z, 0-9, dash and underline, with “.toml” behind"
        ),
        text=text,
    )


def _schedule(node: object) -> Schedule:
    fields = Fields(node, "schedule")
    _require_known(node, Schedule.__slots__, "schedule")
    return Schedule(**{name: _seconds(fields, name, bounds) for name, bounds in BOUNDS.items()})


def _seconds(fields: Fields, name: str, bounds: Bounds) -> float | None:
    seconds = fields.number_or_null(name, wire_fields.MAX_INTEGER)
    if seconds is not None and not bounds.hold(seconds):
        raise errors.WireError(
            WireReason.OUT_OF_RANGE,
            f"{name} must be from {bounds.least_s:g} to {bounds.most_s:g}, or null",
        )
    return seconds


def _listed(fields: Fields, name: str, most: int) -> list[object]:
    nodes = fields.get(name)
    if not isinstance(nodes, list):
        raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be an array")
    if len(nodes) > most:
        raise errors.WireError(WireReason.OUT_OF_RANGE, f"{name} must hold at most {most} elements")
    return nodes


def _require_known(node: object, names: Iterable[str], what: str, *more: str) -> None:
    unknown = set(node) - {*names, *more} if isinstance(node, dict) else set()
    if unknown:
        raise errors.WireError(
            WireReason.OUT_OF_RANGE,
            f"{what} has {len(unknown)} fields that this release does not know; update it",
        )


def _require_once(names: Iterable[str], where: str, what: str) -> None:
    if any(count > 1 for count in Counter(names).values()):
        raise errors.WireError(WireReason.DUPLICATE_KEY, f"{where} must hold each {what} once")
