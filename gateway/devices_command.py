"""``homevitals-gateway devices``: the peripherals of this home, when each was read and heard, battery, loudness, bond.

The running gateway knows most. Without one the outbox tells what the last conversations left.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from firmware_profiles.wire_health import Bond, PeripheralHealth
from gateway import (
    bond_book,
    control_client,
    durations,
    errors,
    following_report,
    outbox_look,
)
from gateway.doctor import examined
from gateway.errors import ExitCode, StorageReason
from gateway.outbox_rows import Acquaintance
from gateway.settings import GatewaySettings


def show(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    """Print the peripherals that this gateway may connect to.

    Raises:
        OutboxError: no gateway answers, and the outbox cannot be read.
    """
    now = datetime.now(UTC)
    patient = examined.look(settings, now)
    if patient.word is not None and patient.word.health is not None:
        known: Sequence[PeripheralHealth] = patient.word.health.peripherals
    else:
        known = _remembered(settings)
    if options.json:
        print(json.dumps([_members(one) for one in known], indent=1))
        return ExitCode.OK
    if patient.word is None:
        print("No gateway answers here; this is what the last conversations left.", file=sys.stderr)
    print(as_table(known, now))
    for note in _bond_notes(settings) if patient.word else ():
        print(note)
    return ExitCode.OK


def _bond_notes(settings: GatewaySettings) -> list[str]:
    """Return what to do about peripherals without a good bond, in the running gateway's words."""
    try:
        notes = control_client.answer(settings.state_folder, {"do": bond_book.NOTES_REQUEST}).get(
            "notes"
        )
    except errors.ControlError:  # it has ended since
        return []
    return [str(note) for note in notes] if isinstance(notes, list) else []


def as_table(known: Sequence[PeripheralHealth], now: datetime) -> str:
    """Write peripherals as lines: address, profile, last read, last heard, battery, loudness, bond, trouble."""
    if not known:
        return "no peripheral is allowed here: name them in the settings, or let the practice send a list"
    return "\n".join(_line(one, now) for one in known)


def _line(one: PeripheralHealth, now: datetime) -> str:
    battery = "unknown" if one.battery_percent is None else f"{one.battery_percent} %"
    loudness = "unknown" if one.rssi_dbm is None else f"{one.rssi_dbm} dBm"
    trouble = ""
    if one.failure is not None:
        trouble = f"  {one.failures} failed since ({one.failure.reason.replace('_', ' ')})"
    return (
        f"{one.peripheral}  {one.profile_id or 'unknown model':<22}  read {_ago(one.talked_at, now, 'never')}"
        f"  heard {_ago(one.heard_at, now, 'unknown')}  battery {battery}  {loudness}  bond {one.bond}{trouble}"
    )


def _ago(at: datetime | None, now: datetime, otherwise: str) -> str:
    return otherwise if at is None else f"{durations.words(now - at)} ago"


def _remembered(settings: GatewaySettings) -> list[PeripheralHealth]:
    """Return the allowed peripherals, and those of earlier conversations, as far as the outbox knows them."""
    try:
        found = outbox_look.into(settings.state_folder, 0).acquaintances
    except errors.OutboxError as error:
        if error.reason is not StorageReason.ABSENT:
            raise
        found = []
    known = {one.peripheral: one for one in found}
    allowed = following_report.plan(settings).peripherals
    return [_of(address, known.get(address)) for address in sorted({*allowed, *known})]


def _of(address: str, known: Acquaintance | None) -> PeripheralHealth:
    return PeripheralHealth(
        peripheral=address,
        profile_id=known.profile_id if known else None,
        heard_at=None,
        rssi_dbm=known.rssi_dbm if known else None,
        talked_at=known.talked_at if known else None,
        battery_percent=known.battery_percent if known else None,
        battery_at=known.battery_at if known else None,
        bond=Bond.UNKNOWN,
        failure=None,
        failures=0,
    )


def _members(one: PeripheralHealth) -> dict[str, object]:
    return {
        name: entry.isoformat() if isinstance(entry, datetime) else entry
        for name, entry in dataclasses.asdict(one).items()
        if name != "failure"
    } | {
        "failure": None
        if one.failure is None
        else {"reason": one.failure.reason, "at": one.failure.at.isoformat()}
    }
