"""What a session with a peripheral consists of: the steps of a device profile's script.

Each step is a table ``[[step]]`` in the profile's file; ``do`` names it, in the words of `STEPS`. A step is data: the
gateway's session knows how to take it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_profiles.settings import REQUIRED, setting


class Sync(StrEnum):
    """Which of its stored records a peripheral with a record access control point is asked for."""

    INCREMENTAL = "incremental"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Read the peripheral's clock and note how far it is off, before anything changes it."""


@dataclass(frozen=True, slots=True)
class WriteClock:
    """Set the peripheral's clock to the home's wall-clock time."""


@dataclass(frozen=True, slots=True)
class ReadBattery:
    """Read the battery level for the gateway's status; a peripheral that does not tell it still has records to give."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Turn on notifications or indications of a characteristic."""

    characteristic: str = setting(REQUIRED, help="what to subscribe to, as in `uuids`")


@dataclass(frozen=True, slots=True)
class AwaitNotification:
    """Wait for a notification that is a signal and no record, such as the clock's; go on without it after a while."""

    characteristic: str = setting(REQUIRED, help="subscribed to before")
    timeout_s: float = setting(REQUIRED, unit="s", minimum=0.1, help="how long to wait at most")


@dataclass(frozen=True, slots=True)
class Settle:
    """Give the peripheral time before the next step."""

    seconds: float = setting(REQUIRED, unit="s", minimum=0.0, maximum=30.0, help="how long")


@dataclass(frozen=True, slots=True)
class WriteBytes:
    """Write fixed bytes to a characteristic: a command of the vendor's that takes nothing and answers nothing."""

    characteristic: str = setting(REQUIRED, help="where to")
    content: str = setting(REQUIRED, help="the bytes, as hexadecimal digits")
    response: bool = setting(True, help="whether the peripheral confirms the write")
    optional: bool = setting(
        False, help="whether to go on with a peripheral that lacks the characteristic or refuses"
    )


@dataclass(frozen=True, slots=True)
class ReportRecords:
    """Ask for the stored records over the record access control point."""

    sync: Sync = setting(
        Sync.INCREMENTAL,
        help="only those after the last sequence number seen (all, if the meter cannot choose), or all every time",
    )
    newest_first: bool = setting(
        False, help="whether the meter numbers its newest record 0, so that numbers say nothing"
    )
    settle_s: float = setting(
        0.0, unit="s", minimum=0.0, maximum=10.0, help="pause before the first request"
    )
    unasked_s: float = setting(
        0.0,
        unit="s",
        minimum=0.0,
        maximum=30.0,
        help="silence that ends what the meter sends without being asked, as soon as it is subscribed to; 0: it waits",
    )


@dataclass(frozen=True, slots=True)
class Converse:
    """Hold the conversation of a proprietary protocol, or the part of it that sets the clock."""

    protocol: str = setting(REQUIRED, help="a module of `firmware_profiles.protocols`")
    optional: bool = setting(
        False, help="whether to go on with a peripheral that refuses a request in it"
    )


@dataclass(frozen=True, slots=True)
class AwaitDisconnect:
    """Take what comes until the peripheral hangs up, or sends nothing for `idle_timeout_s`."""

    idle_timeout_s: float = setting(
        REQUIRED, unit="s", minimum=0.1, help="silence that ends the session"
    )


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Hang up."""


Step = (
    ReadClock
    | WriteClock
    | ReadBattery
    | Subscribe
    | AwaitNotification
    | Settle
    | WriteBytes
    | ReportRecords
    | Converse
    | AwaitDisconnect
    | Disconnect
)

STEPS: Final[Mapping[str, type[Step]]] = {
    "read_clock": ReadClock,
    "write_clock": WriteClock,
    "read_battery": ReadBattery,
    "subscribe": Subscribe,
    "await_notification": AwaitNotification,
    "settle": Settle,
    "write_bytes": WriteBytes,
    "report_records": ReportRecords,
    "converse": Converse,
    "await_disconnect": AwaitDisconnect,
    "disconnect": Disconnect,
}
"""By the word that a profile's file uses."""

# What must be done before a peripheral's own time limit passes; the others wait for it.
PREPARATION: Final = ReadClock | WriteClock | Subscribe | Settle | WriteBytes | Converse
