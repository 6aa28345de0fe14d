"""A gateway's configuration as a file that a person writes: TOML, with the site's own profiles in files beside it.

::

    [[peripheral]]
    address = "AA:BB:CC:DD:EE:FF"
    profile_id = "and-ua-651ble"    # left out: what its advertisement says
    name = "Kitchen"                # never a person's name

    [[profile]]
    file = "our-cuff.toml"

    [schedule]
    revisit_after_s = 30.0          # left out: the gateway's own setting

It is all of the configuration: what is left out is not there any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from deploy import errors
from firmware_profiles import gateway_configuration
from firmware_profiles.gateway_configuration import AllowedPeripheral, ProfileFile, Schedule
from firmware_profiles.settings import REQUIRED, setting
from firmware_profiles.toml_tables import TomlTables
from ingest.gateway_configurations import Wanted

MOST_CHARACTERS: Final = 65_536
_OWN: Final = -1.0


@dataclass(frozen=True, slots=True)
class _Peripheral:
    address: str = setting(REQUIRED, help="Bluetooth address, capitals")
    profile_id: str = setting("", help="profile to talk by; empty: what its advertisement says")
    name: str = setting("", help="what the household calls it; never a person's name")


@dataclass(frozen=True, slots=True)
class _Profile:
    file: str = setting(REQUIRED, help="name of a device profile's file beside this one")


@dataclass(frozen=True, slots=True)
class _Schedule:
    revisit_after_s: float = setting(_OWN, unit="s", help="before a peripheral is asked again")
    resend_after_s: float = setting(_OWN, unit="s", help="before a record is sent again")
    status_every_s: float = setting(_OWN, unit="s", help="between two words about itself")


def read(name: str, toml_text: str, profile_text: Callable[[str], str]) -> Wanted:
    """Read a configuration's file.

    Args:
        name: Of the file, for messages.
        toml_text: Its text.
        profile_text: Returns the text of a file beside it, by name.

    Raises:
        DeployError: with every mistake and its line.
    """
    tables = TomlTables(toml_text, MOST_CHARACTERS)
    for key in tables.document.keys() - {"peripheral", "profile", "schedule"}:
        tables.note("", 1, key, f"{key} is not known; known: peripheral, profile, schedule")
    peripherals = [
        tables.load(_Peripheral, table, "peripheral", number)
        for table, number in tables.tables("peripheral")
    ]
    profiles = [
        tables.load(_Profile, table, "profile", number)
        for table, number in tables.tables("profile")
    ]
    schedule = tables.table(_Schedule, "schedule")
    for number, profile in enumerate(profiles, start=1):
        if profile and not gateway_configuration.FILE_NAME.fullmatch(profile.file):
            tables.note(
                "profile",
                number,
                "file",
                "expected a name of a-z, 0-9, dash, underline and “.toml”",
            )
    if tables.mistakes or schedule is None:
        raise errors.DeployError("\n".join(one.text(name) for one in tables.mistakes))
    return Wanted(
        peripherals=tuple(
            AllowedPeripheral(one.address, one.profile_id or None, one.name)
            for one in peripherals
            if one
        ),
        profile_files=tuple(
            ProfileFile(one.file, profile_text(one.file)) for one in profiles if one
        ),
        schedule=Schedule(
            **{
                field.name: None if seconds == _OWN else seconds
                for field in fields(_Schedule)
                for seconds in [getattr(schedule, field.name)]
            }
        ),
    )


def write(wanted: Wanted) -> str:
    """Return a configuration as such a file; its profiles have to be written beside it."""
    parts = []
    for one in wanted.peripherals:
        given = {"address": one.address, "profile_id": one.profile_id, "name": one.name}
        parts.append(_table("[[peripheral]]", given))
    parts += [_table("[[profile]]", {"file": one.file_name}) for one in wanted.profile_files]
    pauses = {field.name: getattr(wanted.schedule, field.name) for field in fields(Schedule)}
    if any(seconds is not None for seconds in pauses.values()):
        parts.append(_table("[schedule]", pauses))
    return "\n".join(parts)


def _table(header: str, members: Mapping[str, str | float | None]) -> str:
    # JSON's strings and numbers are TOML's too.
    lines = [
        f"{name} = {json.dumps(member, ensure_ascii=False)}"
        for name, member in members.items()
        if member not in {None, ""}
    ]
    return "\n".join([header, *lines, ""])
