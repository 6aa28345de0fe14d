"""What we know about one model of peripheral and how to talk to it, as data.

The gateway's session reads the script step by step; ingest uses the same profile to decode the record again. A profile
that was used for a stored record is never edited in meaning: a change gets a new version, and the older stays.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

from firmware_profiles import decode, errors, protocols, uuids
from firmware_profiles.decoder_knobs import STANDARD, DecoderKnobs
from firmware_profiles.matching import Match
from firmware_profiles.readings import Kind
from firmware_profiles.session_steps import (
    AwaitDisconnect,
    AwaitNotification,
    Converse,
    Disconnect,
    ReadClock,
    ReportRecords,
    Step,
    Subscribe,
    WriteBytes,
    WriteClock,
)
from firmware_profiles.settings import REQUIRED, setting


class PairingMode(StrEnum):
    """How the link becomes encrypted."""

    NONE = "none"
    JUST_WORKS = "just_works"
    PASSKEY = "passkey"


class Bond(StrEnum):
    """How long the gateway and the peripheral keep their common key."""

    KEEP = "keep"
    PER_SESSION = "per_session"


class ClockFormat(StrEnum):
    """How the peripheral's clock is written."""

    CURRENT_TIME = "current_time"
    DATE_TIME = "date_time"


@dataclass(frozen=True, slots=True)
class Pairing:
    """How gateway and peripheral come to share a key, and how they part."""

    mode: PairingMode = setting(REQUIRED, help="how the link becomes encrypted")
    bond: Bond = setting(
        Bond.KEEP, help="kept for good, or made anew in each session (the gateway forgets its own)"
    )
    one_host: bool = setting(
        False, help="whether the peripheral knows one host only: pairing a phone cuts us off"
    )
    indicates_unasked: bool = setting(
        False,
        help="whether a bonded peripheral sends its records as soon as the link is encrypted, before it is asked",
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the peripheral keeps its wall clock."""

    characteristic: str = setting(
        REQUIRED, help="2a2b (Current Time), 2a08 (Date Time) or a vendor's"
    )
    format: ClockFormat = setting(REQUIRED, help="how it is written")
    readable: bool = setting(REQUIRED, help="whether it can be read")


@dataclass(frozen=True, slots=True)
class Texts:
    """What people are told, in plain words."""

    patient: str = setting(REQUIRED, help="how the patient measures, and what to leave alone")
    pairing: str = setting(REQUIRED, help="how the peripheral gets into pairing mode, step by step")
    clearing: str = setting(
        REQUIRED, help="how the peripheral forgets its host, when gateway and peripheral fell out"
    )


@dataclass(frozen=True, slots=True)
class Support:
    """The support statement, for field engineers; each a paragraph or more."""

    features: str = setting(REQUIRED, help="what it measures and tells")
    clock: str = setting(REQUIRED, help="how its clock is read and set, and what it does wrong")
    bonding: str = setting(REQUIRED, help="how it bonds")
    transfer: str = setting(REQUIRED, help="when and how it hands over its records")
    quirks: str = setting(REQUIRED, help="in what it differs from the standard")
    verified: str = setting(
        REQUIRED, help="what was tried, against what; say so if no device was there"
    )
    sources: str = setting(REQUIRED, help="where all this was read")


# A record that nothing can decode would only fill quarantine. The others are signals.
_SIGNALS: Final = frozenset(
    {
        uuids.RECORD_ACCESS_CONTROL_POINT,
        uuids.CURRENT_TIME,
        uuids.BATTERY_LEVEL,
    }
)


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """One model, or one family that behaves alike.

    Attributes:
        profile_id: stable name, part of every record; with `version` it says how the record is to
            be read.
        version: starts at 1; rises when the meaning of a record changes.
        title: what a person calls the device.
        kinds: what it measures.
        match: the ways to recognise it; any of them will do.
        pairing: how its link becomes encrypted.
        clock: where its clock is, or None when it has none that a host can reach this way.
        script: the conversation after connecting and encrypting, in order.
        setup: steps taken once, in the first session after pairing, before the script.
        script_budget_s: seconds from encryption within which every step before the waiting one must
            be done, or None when the peripheral sets no limit.
        user_slots: whether the peripheral tells its users apart.
        knobs: in what its frames differ from the standard's.
        texts: for the people in the home.
        support_statement: for field engineers.
        models: names on the boxes of what it covers.
        measurement_characteristics: those whose notifications are records, in script order.
        protocol: the proprietary protocol that its records are written in, or None for the standard's.
    """

    profile_id: str
    version: int
    title: str
    kinds: tuple[Kind, ...]
    match: tuple[Match, ...]
    pairing: Pairing
    clock: Clock | None
    script: tuple[Step, ...]
    script_budget_s: float | None
    user_slots: bool
    texts: Texts
    support_statement: Support
    setup: tuple[Step, ...] = ()
    knobs: DecoderKnobs = STANDARD
    models: tuple[str, ...] = ()
    measurement_characteristics: tuple[str, ...] = field(init=False, repr=False)
    protocol: str | None = field(init=False, repr=False)

    @property
    def support(self) -> str:
        """The support statement as text with headings."""
        sections = (
            f"{field.name.capitalize()}\n{_indented(getattr(self.support_statement, field.name))}"
            for field in fields(self.support_statement)
        )
        return f"{self.title}.\n\n" + "\n\n".join(sections) + "\n"

    def __post_init__(self) -> None:
        """Refuse a script that no peripheral could follow.

        Raises:
            ProfileError: the script contradicts the clock, lacks what one of its steps needs, or asks
                for what nothing can read.
        """
        subscribed: set[str] = set()
        for step in (*self.setup, *self.script):
            self._check(step, subscribed)
        if not self.script or not isinstance(self.script[-1], AwaitDisconnect | Disconnect):
            raise self._contradiction("does not end with a step that ends the session")
        standard = [
            step.characteristic
            for step in self.script
            if isinstance(step, Subscribe) and step.characteristic not in _SIGNALS
        ]
        spoken = [step.protocol for step in self.script if isinstance(step, Converse)]
        proprietary = [name for name in spoken if protocols.of(name).RECORDS]
        if len(proprietary) + bool(standard) != 1:
            raise self._contradiction("must bring records in exactly one way")
        protocol = proprietary[0] if proprietary else None
        records = protocols.of(protocol).RECORDS if protocol else tuple(standard)
        object.__setattr__(self, "measurement_characteristics", records)
        object.__setattr__(self, "protocol", protocol)

    def _check(self, step: Step, subscribed: set[str]) -> None:
        match step:
            case WriteClock() if self.clock is None:
                raise self._contradiction("writes a clock that it does not have")
            case ReadClock() if self.clock is None or not self.clock.readable:
                raise self._contradiction("reads a clock that is not readable")
            case ReportRecords() if uuids.RECORD_ACCESS_CONTROL_POINT not in subscribed:
                raise self._contradiction("asks for records before it subscribes to 2a52")
            case Subscribe(characteristic=characteristic) if not (
                characteristic in _SIGNALS or decode.is_record(characteristic)
            ):
                raise self._contradiction(
                    f"subscribes to {characteristic}, which nothing here can read"
                )
            case Subscribe(characteristic=characteristic):
                subscribed.add(characteristic)
            case AwaitNotification(characteristic=characteristic) if (
                characteristic not in subscribed
            ):
                raise self._contradiction(f"awaits {characteristic} before it subscribes to it")
            case WriteBytes(content=content) if not _is_hexadecimal(content):
                raise self._contradiction("writes what is not hexadecimal")
            case Converse(protocol=protocol) if not protocols.has(protocol):
                raise self._contradiction(f"speaks {protocol}, which nothing here knows")
            case _:
                pass

    def _contradiction(self, what: str) -> errors.ProfileError:
        return errors.ProfileError(f"{self.profile_id}: the script {what}; correct the profile")


def _is_hexadecimal(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True


def _indented(paragraphs: str) -> str:
    lines = inspect.cleandoc(paragraphs).splitlines()
    return "\n".join(f"    {line}".rstrip() for line in lines)
