"""What is known about the homes of a practice: who measures with what, how its gateway is, what was measured when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from firmware_profiles import errors as leaf_errors
from firmware_profiles import models
from firmware_profiles.readings import Kind
from firmware_profiles.wire_record import GatewayClock
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "homes")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gateway:
    """How a gateway is, as far as it said so itself. Instants are aware UTC.

    Attributes:
        heard_at: when anything came from it last; when it was enrolled, if nothing has since; None: unknown.
        clock: None where it does not say.
        clock_off_s: its clock minus ours when it said how it is, seconds; None where it never did.
        waiting_records: records that it holds without a receipt.
        waits_s: for how long the oldest of them had waited then, seconds; None where none did.
    """

    gateway_id: str
    label: str
    heard_at: datetime | None
    clock: GatewayClock | None
    clock_off_s: float | None
    waiting_records: int
    waits_s: float | None


@dataclass(frozen=True, slots=True)
class Peripheral:
    """A cuff or meter that a patient has. Instants are the gateway's word, aware UTC; None is unknown.

    Attributes:
        kinds: what it measures; empty where its profile is not known here.
        assigned_from: since when the patient has it.
        heard_at: when it was last heard, since its gateway started.
        talked_at: when a conversation with it last ended well.
        failures: how many conversations have failed since.
        failed_at: when the last of them did.
        gateway: the gateway that connects to it; None where none that is trusted says that it does.
    """

    peripheral_id: UUID
    kinds: tuple[Kind, ...]
    assigned_from: datetime
    heard_at: datetime | None
    talked_at: datetime | None
    battery_percent: int | None
    battery_at: datetime | None
    failures: int
    failed_at: datetime | None
    gateway: Gateway | None

    @property
    def contact_at(self) -> datetime | None:
        """Return when it last gave a sign of life."""
        return max((at for at in (self.heard_at, self.talked_at) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Home:
    """A patient with what they measure with, what they have had longest first."""

    patient_id: UUID
    zone: ZoneInfo
    peripherals: tuple[Peripheral, ...] = ()

    @property
    def gateways(self) -> dict[str, Gateway]:
        """Return the gateways of the home by their ids."""
        found = (one.gateway for one in self.peripherals)
        return {gateway.gateway_id: gateway for gateway in found if gateway is not None}

    def of_kind(self, kind: Kind) -> tuple[Peripheral, ...]:
        """Return the peripherals that measure a kind."""
        return tuple(one for one in self.peripherals if kind in one.kinds)


@dataclass(frozen=True, slots=True)
class Measured:
    """When a patient measured a kind.

    Attributes:
        measured_ats: aware UTC, oldest first.
        clock_off_s: seconds to add to the peripheral's clock to get the gateway's, at its last reading; None: unknown.
    """

    measured_ats: tuple[datetime, ...] = ()
    clock_off_s: float | None = None


def load(
    cur: Cursor, practice_id: UUID, with_schedules: Collection[UUID], at: datetime
) -> dict[UUID, Home]:
    """Return the homes of a practice by patient: of everybody who has a peripheral, or a schedule of their own.

    Args:
        cur: in the practice's scope.
        practice_id: whose.
        with_schedules: patients who have a schedule of their own.
        at: now, aware.
    """
    asked = {"practice_id": practice_id, "at": at}
    found: dict[UUID, Home] = {}
    by_patient: dict[UUID, list[_Row]] = {}
    for row in statements.rows(cur, _Row, _Q.load_peripherals, asked):
        by_patient.setdefault(row.patient_id, []).append(row)
    said: dict[str, _Said] = {}
    for word in statements.rows(cur, _Said, _Q.load_gateways, asked):
        other = said.get(word.bluetooth_address)
        if other is None or word.precedence > other.precedence:
            said[word.bluetooth_address] = word
    for patient_id, rows in by_patient.items():
        peripherals = tuple(_peripheral(row, said.get(row.bluetooth_address)) for row in rows)
        found[patient_id] = Home(patient_id, ZoneInfo(rows[0].time_zone), peripherals)
    others = [one for one in with_schedules if one not in found]
    if others:
        whose = {"practice_id": practice_id, "patient_ids": others}
        for zone in statements.rows(cur, _Zone, _Q.load_zones, whose):
            found[zone.patient_id] = Home(zone.patient_id, ZoneInfo(zone.time_zone))
    return found


def measurements(
    cur: Cursor,
    practice_id: UUID,
    patient_ids: Collection[UUID],
    kinds: Collection[Kind],
    from_at: datetime,
    until_at: datetime,
) -> Mapping[tuple[UUID, Kind], Measured]:
    """Return what some patients measured in a span of time, both ends included; who measured nothing is not there."""
    asked = {
        "practice_id": practice_id,
        "patient_ids": list(patient_ids),
        "kinds": sorted(kinds),
        "from_at": from_at,
        "until_at": until_at,
    }
    return {
        (row.patient_id, Kind(row.kind)): Measured(tuple(row.measured_ats), row.clock_off_s)
        for row in statements.rows(cur, _Measured, _Q.load_measurements, asked)
    }


def waiting_since(cur: Cursor) -> datetime | None:
    """Return since when evaluation work waits that has not failed yet, of all practices, aware UTC; None: none does."""
    row = cur.execute(_Q.waiting_since).fetchone()
    return None if row is None else row[0]


@dataclass(frozen=True, slots=True)
class _Row:
    patient_id: UUID
    time_zone: str
    peripheral_id: UUID
    bluetooth_address: str
    profile_id: str
    assigned_from: datetime


@dataclass(frozen=True, slots=True)
class _Said:
    gateway_id: str
    label: str
    gateway_heard_at: datetime | None
    received_at: datetime
    said_at: datetime
    waiting_records: int
    oldest_waiting_at: datetime | None
    clock: str
    bluetooth_address: str
    heard_at: datetime | None
    talked_at: datetime | None
    battery_percent: int | None
    battery_at: datetime | None
    failures: int
    failed_at: datetime | None

    @property
    def precedence(self) -> tuple[datetime, datetime, datetime]:
        """Of several gateways that may connect to a peripheral the one that talked to it last speaks for it."""
        return self.talked_at or _NEVER, self.heard_at or _NEVER, self.received_at


@dataclass(frozen=True, slots=True)
class _Zone:
    patient_id: UUID
    time_zone: str


@dataclass(frozen=True, slots=True)
class _Measured:
    patient_id: UUID
    kind: str
    measured_ats: Sequence[datetime]
    clock_off_s: float | None


def _peripheral(row: _Row, said: _Said | None) -> Peripheral:
    return Peripheral(
        peripheral_id=row.peripheral_id,
        kinds=_kinds(row.profile_id),
        assigned_from=row.assigned_from,
        heard_at=None if said is None else said.heard_at,
        talked_at=None if said is None else said.talked_at,
        battery_percent=None if said is None else said.battery_percent,
        battery_at=None if said is None else said.battery_at,
        failures=0 if said is None else said.failures,
        failed_at=None if said is None else said.failed_at,
        gateway=None if said is None else _gateway(said),
    )


def _gateway(said: _Said) -> Gateway:
    waits_s = None
    if said.oldest_waiting_at is not None:  # both by the gateway's clock, right or not
        waits_s = (said.said_at - said.oldest_waiting_at).total_seconds()
    return Gateway(
        gateway_id=said.gateway_id,
        label=said.label,
        heard_at=said.gateway_heard_at,
        clock=GatewayClock(said.clock),
        clock_off_s=(said.said_at - said.received_at).total_seconds(),
        waiting_records=said.waiting_records,
        waits_s=waits_s,
    )


@cache
def _kinds(profile_id: str) -> tuple[Kind, ...]:
    try:
        return models.newest(profile_id).kinds
    except leaf_errors.ProfileError:
        return ()  # a site's own profile that this process was not told
