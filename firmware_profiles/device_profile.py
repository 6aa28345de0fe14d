"""The format of a device profile: what we know about one model of peripheral and how to talk to it.

A profile is data. The gateway's session reads the script step by step; ingest uses the same profile
to decode the record again. A profile that was used for a stored record is never edited in meaning:
a change gets a new version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from firmware_profiles import decode, errors, readings, uuids


class Pairing(StrEnum):
    """How the link becomes encrypted."""

    NONE = "none"
    JUST_WORKS = "just_works"
    PASSKEY = "passkey"


@dataclass(frozen=True, slots=True)
class Match:
    """What an advertisement must show.

    Attributes:
        service: advertised service, in the form of `uuids.short_uuid`.
        name_prefixes: the name must begin with one of them; any name will do if there are none.
    """

    service: str
    name_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the peripheral keeps its wall clock: `2a2b` (Current Time) or `2a08` (Date Time)."""

    characteristic: str
    readable: bool


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Read the peripheral's clock and note how far it is off, before anything changes it."""


@dataclass(frozen=True, slots=True)
class WriteClock:
    """Set the peripheral's clock to the home's wall-clock time."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Turn on notifications or indications of a characteristic."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class ReportRecords:
    """Ask for the stored records after the last one seen, or for all if the meter cannot choose."""


@dataclass(frozen=True, slots=True)
class AwaitDisconnect:
    """Take what comes until the peripheral hangs up, or sends nothing for `idle_timeout_s`."""

    idle_timeout_s: float


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Hang up."""


Step = ReadClock | WriteClock | Subscribe | ReportRecords | AwaitDisconnect | Disconnect


# A record that nothing can decode would only fill quarantine.
_SUBSCRIBABLE: Final = decode.RECORDS | {uuids.RECORD_ACCESS_CONTROL_POINT}


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """One model, or one family that behaves alike.

    Attributes:
        profile_id: stable name, part of every record; with `version` it says how the record is to
            be read.
        version: starts at 1; rises when the meaning of a record changes.
        title: what a person calls the device.
        kind: what it measures.
        match: which advertisements belong to it.
        pairing: how its link becomes encrypted.
        clock: where its clock is, or None when it has none that a host can reach.
        script: the conversation after connecting and encrypting, in order.
        script_budget_s: seconds from encryption within which every step before the waiting one must
            be done, or None when the peripheral sets no limit.
        user_slots: whether the peripheral tells its users apart.
        support: the support statement, for field engineers.
        measurement_characteristics: those whose notifications are records, in script order.
    """

    profile_id: str
    version: int
    title: str
    kind: readings.Kind
    match: Match
    pairing: Pairing
    clock: Clock | None
    script: tuple[Step, ...]
    script_budget_s: float | None
    user_slots: bool
    support: str
    measurement_characteristics: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a script that no peripheral could follow.

        Raises:
            ProfileError: the script contradicts the clock, lacks what one of its steps needs, or asks
                for what nothing can read.
        """
        subscribed: set[str] = set()
        for step in self.script:
            match step:
                case WriteClock() if self.clock is None:
                    raise self._contradiction("writes a clock that it does not have")
                case ReadClock() if self.clock is None or not self.clock.readable:
                    raise self._contradiction("reads a clock that is not readable")
                case ReportRecords() if uuids.RECORD_ACCESS_CONTROL_POINT not in subscribed:
                    raise self._contradiction("asks for records before it subscribes to 2a52")
                case Subscribe(characteristic) if characteristic not in _SUBSCRIBABLE:
                    raise self._contradiction(
                        f"subscribes to {characteristic}, which nothing here can read"
                    )
                case Subscribe(characteristic):
                    subscribed.add(characteristic)
                case _:
                    pass
        if not self.script or not isinstance(self.script[-1], AwaitDisconnect | Disconnect):
            raise self._contradiction("does not end with a step that ends the session")
        subscribed_in_order = (s.characteristic for s in self.script if isinstance(s, Subscribe))
        records = (c for c in subscribed_in_order if c != uuids.RECORD_ACCESS_CONTROL_POINT)
        object.__setattr__(self, "measurement_characteristics", tuple(records))

    def _contradiction(self, what: str) -> errors.ProfileError:
        return errors.ProfileError(f"{self.profile_id}: the script {what}; correct the profile")
