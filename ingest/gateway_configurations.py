"""What gateways are told from afar: versions that nobody changes, signed by the signer, and how far each has followed.

A version is made in the transaction that also writes who made it into the audit trail. It is signed before it is
stored, so that a version without a signature is nowhere; ``ingest/configuration_courier.py`` brings it to the broker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from firmware_profiles import errors as leaf_errors
from firmware_profiles import gateway_configuration, models, profile_file
from firmware_profiles.gateway_configuration import (
    AllowedPeripheral,
    GatewayConfiguration,
    ProfileFile,
    Schedule,
)
from firmware_profiles.signed_configuration import ConfigurationAnswer, SignedConfiguration
from ingest import errors, fleet, named_queries, statements
from ingest.directory import Standing
from ingest.errors import ConfigurationReason, ConfigurationRefused
from ingest.signing import Signer

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "gateway_configurations")

_AS_THE_MACHINE_SAYS: Final = Schedule()
# Shorter ones are “of”, “dr” and initials, which stand in every second name.
_SHORTEST_WORD: Final = 3
_HISTORY: Final = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants a gateway to do: all of it, for a version replaces the one before."""

    peripherals: tuple[AllowedPeripheral, ...] = ()
    profile_files: tuple[ProfileFile, ...] = ()
    schedule: Schedule = _AS_THE_MACHINE_SAYS


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it was signed. ``made_at`` is aware UTC."""

    number: int
    content: bytes
    key_id: str
    signature: bytes
    made_at: datetime
    made_by: str

    @property
    def configuration(self) -> GatewayConfiguration:
        """Return what it says."""
        return gateway_configuration.decode(self.content)

    @property
    def wanted(self) -> Wanted:
        """Return what the next version says where nobody changes anything."""
        said = self.configuration
        return Wanted(said.peripherals, said.profile_files, said.schedule)


@dataclass(frozen=True, slots=True)
class Made:
    """Who made which version and when, aware UTC."""

    number: int
    made_at: datetime
    made_by: str


@dataclass(frozen=True, slots=True)
class FollowingState:
    """How far a gateway has followed; instants are aware UTC.

    Attributes:
        sent_number: what the broker keeps for it; None: nothing.
        sent_at: when the broker last took it.
        heard_at: when the gateway last said what it follows; None: never.
        applied_number: what it said; 0: its own settings alone.
        refused_number: the version that it does not follow, where it could tell.
        refused_reason: why, one of ConfigurationRefusal.
        refused_detail: what to correct, in the gateway's words.
    """

    sent_number: int | None
    sent_at: datetime | None
    heard_at: datetime | None
    applied_number: int | None
    refused_number: int | None
    refused_reason: str | None
    refused_detail: str | None


NEVER_HEARD: Final = FollowingState(None, None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Due:
    """What has to go to the broker; ``signed`` is None where it has to forget what it keeps."""

    practice_id: UUID
    gateway_id: str
    number: int | None
    signed: SignedConfiguration | None


def latest(cur: Cursor, practice_id: UUID, gateway_id: str) -> Version | None:
    """Return the version that a gateway should follow; None before the first."""
    which = {"practice_id": practice_id, "gateway_id": gateway_id}
    return statements.first(cur, Version, _Q.latest, which)


def version(cur: Cursor, practice_id: UUID, gateway_id: str, number: int) -> Version | None:
    """Return one version."""
    which = {"practice_id": practice_id, "gateway_id": gateway_id, "number": number}
    return statements.first(cur, Version, _Q.version, which)


def history(cur: Cursor, practice_id: UUID, gateway_id: str) -> list[Made]:
    """Return who made the last versions, latest first."""
    which = {"practice_id": practice_id, "gateway_id": gateway_id, "limit": _HISTORY}
    return statements.rows(cur, Made, _Q.history, which)


def following(cur: Cursor, practice_id: UUID, gateway_id: str) -> FollowingState:
    """Return how far a gateway has followed."""
    which = {"practice_id": practice_id, "gateway_id": gateway_id}
    return statements.first(cur, FollowingState, _Q.following, which) or NEVER_HEARD


def make(
    cur: Cursor,
    practice_id: UUID,
    gateway_id: str,
    wanted: Wanted,
    *,
    based_on: int,
    signer: Signer,
    made_by: str,
    at: datetime,
) -> Version:
    """Make a gateway's next version; within seconds the courier brings it to the broker.

    Args:
        cur: Cursor of the console, in the practice's scope. The caller writes the audit event.
        practice_id: Whose gateway it is.
        gateway_id: Which.
        wanted: All that the version says.
        based_on: The version that the person looked at; 0 for none.
        signer: Signs it.
        made_by: Id of a member of staff, or name of the system's user.
        at: Now, aware UTC.

    Raises:
        ConfigurationRefused: nothing was made; the message says what to correct.
        SignerAway: nothing was made; try again later.
    """
    which = {"practice_id": practice_id, "gateway_id": gateway_id}
    _require_active(fleet.standing(cur, practice_id, gateway_id))
    before = latest(cur, practice_id, gateway_id)
    if (before.number if before else 0) != based_on:
        raise _changed_meanwhile()
    require_readable_profiles(wanted)
    _require_no_patient(cur, practice_id, wanted.peripherals)
    (number,) = cur.execute(_Q.next_number, which).fetchone() or (1,)
    content = _content(gateway_id, number, wanted, at)
    if before is None and not wanted.peripherals:
        # From the first version on, those that were typed in at the home count no more.
        raise ConfigurationRefused(
            "it would be the gateway's first configuration and lists no peripheral, so the gateway would connect to"
            " none any more; list all of its peripherals first",
            ConfigurationReason.NO_PERIPHERALS,
        )
    signed = signer.sign_configuration(content)
    made = Version(number, content, signed.key_id, signed.signature, at, made_by)
    parameters = {
        **which,
        "number": number,
        "content": content,
        "key_id": signed.key_id,
        "signature": signed.signature,
        "at": at,
        "made_by": made_by,
    }
    if cur.execute(_Q.add, parameters).fetchone() is None:
        raise _changed_meanwhile()
    cur.execute(_Q.want, {**which, "number": number})
    return made


def require_readable_profiles(wanted: Wanted) -> None:
    """Refuse profiles that this server could not read records by: they would all end in quarantine.

    Raises:
        ConfigurationRefused: BROKEN_PROFILE, PROFILE_NOT_HERE or UNKNOWN_PROFILE.
    """
    brought = set()
    for file in wanted.profile_files:
        try:
            profile = profile_file.parse(file.file_name, file.text)
        except leaf_errors.ProfileError as error:
            raise ConfigurationRefused(str(error), ConfigurationReason.BROKEN_PROFILE) from None
        brought.add(profile.profile_id)
        known = models.known().get(profile.profile_id, profile.version)
        if known != profile or profile in models.SHIPPED.versions:
            raise ConfigurationRefused(
                f"{file.file_name}: the server does not know this profile, in this version and with this content, as"
                " one of the site's own; put the file into the folder of [profiles] and start the server's processes"
                " again",
                ConfigurationReason.PROFILE_NOT_HERE,
            )
    usable = {one.profile_id for one in models.SHIPPED.versions} | brought
    for peripheral in wanted.peripherals:
        if peripheral.profile_id is not None and peripheral.profile_id not in usable:
            raise ConfigurationRefused(
                f"{peripheral.address}: no profile “{peripheral.profile_id}” comes with the release or with this"
                " configuration",
                ConfigurationReason.UNKNOWN_PROFILE,
            )


def due(cur: Cursor, sent_before: datetime, limit: int) -> list[Due]:
    """Return what has to go to the broker, of all practices; role ingest.

    Args:
        cur: Open cursor.
        sent_before: What was sent before this and is not answered is due again, aware UTC.
        limit: How many at most.
    """
    cur.execute(_Q.due, {"sent_before": sent_before, "limit": limit})
    return [
        Due(
            practice_id,
            gateway_id,
            number,
            None if number is None else SignedConfiguration(key_id, signature, content),
        )
        for practice_id, gateway_id, number, key_id, signature, content in cur
    ]


def note_sent(cur: Cursor, sent: Due, at: datetime) -> None:
    """Note what the broker keeps for a gateway from now on; role ingest."""
    which = {"practice_id": sent.practice_id, "gateway_id": sent.gateway_id}
    cur.execute(_Q.note_sent, {**which, "number": sent.number, "at": at})


def note_heard(
    cur: Cursor, practice_id: UUID, gateway_id: str, answer: ConfigurationAnswer, at: datetime
) -> None:
    """Note what a gateway says it follows; role ingest, in the practice's scope."""
    refused = answer.refused
    parameters = {
        "practice_id": practice_id,
        "gateway_id": gateway_id,
        "at": at,
        "applied_number": answer.applied,
        "refused_number": refused and refused.number,
        "refused_reason": refused and refused.reason,
        "refused_detail": refused and refused.detail,
    }
    cur.execute(_Q.note_heard, parameters)


def take_turn(connection: psycopg.Connection[Any]) -> bool:
    """Say whether no other courier works; from then on this connection's does, until it ends."""
    turn = connection.execute(_Q.take_turn).fetchone()
    return bool(turn and turn[0])


def _content(gateway_id: str, number: int, wanted: Wanted, at: datetime) -> bytes:
    try:
        return gateway_configuration.encode(
            GatewayConfiguration(
                gateway_id=gateway_id,
                number=number,
                made_at=at,
                peripherals=wanted.peripherals,
                profile_files=wanted.profile_files,
                schedule=wanted.schedule,
            )
        )
    except leaf_errors.WireError as error:
        raise ConfigurationRefused(str(error), ConfigurationReason.IMPOSSIBLE) from None


def _require_active(standing: Standing | None) -> None:
    if standing is None:
        raise ConfigurationRefused(
            "the practice has no such gateway; check its id", ConfigurationReason.UNKNOWN_GATEWAY
        )
    if standing is Standing.REVOKED:
        raise ConfigurationRefused(
            "the gateway was revoked for good; it follows nothing any more",
            ConfigurationReason.REVOKED,
        )


def _require_no_patient(
    cur: Cursor, practice_id: UUID, peripherals: Sequence[AllowedPeripheral]
) -> None:
    """Refuse names that hold a patient's: they lie at the broker and on a screen in the home."""
    words = {
        word
        for one in peripherals
        for word in re.split(r"[\W_]+", one.name.lower())
        if len(word) >= _SHORTEST_WORD
    }
    row = cur.execute(
        _Q.names_a_patient, {"practice_id": practice_id, "words": sorted(words)}
    ).fetchone()
    if row is None or row[0]:
        raise ConfigurationRefused(
            "a peripheral's name holds a word that is part of a patient's name here; name the place or the thing",
            ConfigurationReason.NAMES_A_PATIENT,
        )


def _changed_meanwhile() -> errors.ConfigurationRefused:
    return ConfigurationRefused(
        "somebody has made another version meanwhile; look at it and decide again",
        ConfigurationReason.CHANGED_MEANWHILE,
    )
