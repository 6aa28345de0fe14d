"""The machine: clock, disk, warmth, the files that the settings name, device profiles."""

from __future__ import annotations

import os
from typing import Final

from firmware_profiles import models, wire
from gateway import clock_quality, errors, machine, site_profiles
from gateway import settings as gateway_settings
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, fault, ok, warning

_MIB: Final = 2**20
_LITTLE_DISK_BYTES: Final = 200 * _MIB
_NO_DISK_BYTES: Final = 20 * _MIB
# From here on a Raspberry Pi slows down. Source: Raspberry Pi documentation, “Frequency management”.
_HOT_C: Final = 80.0


def files(examined: Examined) -> list[Finding]:
    """Look at the files that the settings name."""
    try:
        gateway_settings.require_files(examined.settings)
    except errors.ConfigurationError as error:
        return [
            fault("settings", line, "correct the settings file") for line in str(error).splitlines()
        ]
    return [ok("settings", "all files that they name are there")]


def clock(examined: Examined) -> list[Finding]:
    """Look whether anything keeps the clock right."""
    step = (
        "let the machine reach a time server (NTP, UDP 123) and switch one on: “timedatectl set-ntp true”; until then"
        " times are corrected by the server as well as it can"
    )
    shown = f"{examined.now:%Y-%m-%d %H:%M:%S} UTC"
    match clock_quality.judge(examined.now):
        case wire.GatewayClock.SYNCHRONISED:
            return [ok("clock", f"{shown}, kept by a time server")]
        case wire.GatewayClock.UNSYNCHRONISED:
            return [
                fault("clock", f"not set: it says {shown}; no certificate fits such a time", step)
            ]
        case wire.GatewayClock.UNKNOWN:
            return [warning("clock", f"{shown}; whether anything keeps it right is unknown", step)]


def disk(examined: Examined) -> list[Finding]:
    """Look at room and rights of the state folder."""
    folder = examined.settings.state_folder
    if not folder.exists():
        step = "start the gateway once, or correct state_folder in the settings"
        return [warning("state folder", f"{folder} is not there yet", step)]
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        step = "the memory card is worn or damaged: replace it; records stay in the peripherals meanwhile"
        return [fault("disk", "the file system is read-only", step)]
    free = machine.disk_free_bytes(folder)
    if free is None:
        return [warning("disk", "free room is unknown", "look at it with “df -h”")]
    shown = f"{free / _MIB:,.0f} MiB free for {folder}"
    step = "free space: “journalctl --vacuum-size=50M”, “apt-get clean”"
    if free < _NO_DISK_BYTES:
        return [fault("disk", f"{shown}: no new records are taken", step)]
    if free < _LITTLE_DISK_BYTES:
        return [warning("disk", shown, step)]
    return [ok("disk", shown)]


def warmth(_examined: Examined) -> list[Finding]:
    """Look at the board's temperature."""
    celsius = machine.temperature_c()
    if celsius is None:
        return [ok("temperature", "this machine has no sensor")]
    if celsius >= _HOT_C:
        step = "give the box air, and keep it away from heaters and the sun"
        return [warning("temperature", f"{celsius:.0f} °C: it slows down", step)]
    return [ok("temperature", f"{celsius:.0f} °C")]


def profiles(examined: Examined) -> list[Finding]:
    """Look at the device profiles, those of this site too."""
    try:
        site_profiles.know(examined.settings)
    except errors.ConfigurationError as error:
        return [fault("profiles", str(error), "correct the file, or take it out of profile_folder")]
    own = len(site_profiles.own())
    return [ok("profiles", f"{len(models.known().versions)}, {own} of them of this site")]


def software(_examined: Examined) -> list[Finding]:
    """Say what runs, for whoever is told about it over the telephone."""
    return [ok("software", f"gateway {machine.package_version()}, {machine.system_name()}")]
