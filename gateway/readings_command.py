"""``homevitals-gateway readings``: the last records in words, for the installer who has just measured.

This is the one place where the gateway shows what was measured, and it shows it to whoever may read the outbox's key on
this machine. Nothing of it is logged or sent.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Final

from firmware_profiles import decode, models
from firmware_profiles import errors as leaf_errors
from gateway import outbox_look, site_profiles
from gateway.errors import ExitCode
from gateway.outbox_rows import OutboxRow
from gateway.settings import GatewaySettings

# The ends of field names, and how people write the unit.
_UNITS: Final = {
    "_mmhg": "mmHg",
    "_bpm": "bpm",
    "_mg_dl": "mg/dL",
    "_mmol_l": "mmol/L",
    "_kg": "kg",
    "_percent": "%",
    "_celsius": "°C",
}
# Said in other words, or of no use to a person.
_PASSED_OVER: Final = frozenset({"base_time", "device_time", "qualifiers", "context_follows"})


def show(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    """Print the newest records with what they mean.

    Raises:
        OutboxError: there is no outbox, or it cannot be read.
    """
    site_profiles.know(settings)
    rows = outbox_look.into(settings.state_folder, options.limit).rows
    if options.json:
        print(json.dumps([_members(row) for row in rows], indent=1, ensure_ascii=False))
    else:
        print(
            "\n".join(line(row) for row in rows) if rows else "no peripheral has sent anything yet"
        )
    return ExitCode.OK


def line(row: OutboxRow) -> str:
    """Write a record in one line: when it came, from whom, what it says, what the server did with it."""
    record = row.record
    fate = row.receipt_status or row.state
    return f"{record.received_at:%Y-%m-%d %H:%M:%S}Z  {record.peripheral}  {record.profile_id}  {words(row)}  [{fate}]"


def words(row: OutboxRow) -> str:
    """Say what a record means: "systolic 122 mmHg, diastolic 81 mmHg, pulse 64 bpm; its clock said 07:14"."""
    try:
        flat = _decoded(row)
    except leaf_errors.FirmwareProfilesError as error:
        return f"cannot be read: {error}"
    said = [text for name, value in flat.items() if (text := _field(name, value))]
    qualifiers = str(flat.get("qualifiers") or "").replace("_", " ")
    clock = flat.get("device_time")
    clock_words = f"its clock said {clock}" if clock else "its clock said nothing"
    return "; ".join(part for part in (", ".join(said), qualifiers, clock_words) if part)


def _field(name: str, value: object) -> str:
    if value is None or name in _PASSED_OVER:
        return ""
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return f"{_plain(name.removesuffix(ending))} {value:g} {unit}"
    if name == "result":
        return "" if value == "measured" else _plain(str(value))
    return f"{_plain(name)} {value}"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _decoded(row: OutboxRow) -> Mapping[str, float | int | str | None]:
    profile = models.by_id(row.record.profile_id, row.record.profile_version)
    return decode.advisory(decode.decode_record(profile, row.record.characteristic, row.record.raw))


def _members(row: OutboxRow) -> dict[str, object]:
    record = row.record
    try:
        decoded: Mapping[str, object] | None = _decoded(row)
    except leaf_errors.FirmwareProfilesError:
        decoded = None
    return {
        "seq": row.seq,
        "received_at": record.received_at.isoformat(),
        "peripheral": record.peripheral,
        "profile_id": record.profile_id,
        "characteristic": record.characteristic,
        "decoded": decoded,
        "state": row.receipt_status or row.state,
    }
