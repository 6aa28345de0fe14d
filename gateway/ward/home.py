"""The home file: which peripherals stand in a home, and what they replay.

A home file has one table ``[ward]`` and one ``[[peripheral]]`` for each device; see ``homes/`` for two.
"""

from __future__ import annotations

import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from firmware_profiles import errors as leaf_errors
from firmware_profiles import settings as declaration
from firmware_profiles.settings import REQUIRED, setting
from gateway import errors
from gateway.ward import cuff_habits, meter_habits

UA_651BLE: Final = "and-ua-651ble"
STANDARD_CUFF: Final = "standard-cuff"
STANDARD_GLUCOMETER: Final = "standard-glucometer"
WELCH_ALLYN_BP100: Final = "welch-allyn-bp100"
FORA_P30_PLUS: Final = "fora-p30-plus"
TAIDOC_METER: Final = "taidoc-meter"
ONETOUCH_VERIO: Final = "onetouch-verio"
OMRON_HEM_7155T: Final = "omron-hem-7155t"
OMRON_HEM_7322T: Final = "omron-hem-7322t"
MODELS: Final = (
    UA_651BLE,
    STANDARD_CUFF,
    STANDARD_GLUCOMETER,
    WELCH_ALLYN_BP100,
    FORA_P30_PLUS,
    TAIDOC_METER,
    ONETOUCH_VERIO,
    OMRON_HEM_7155T,
    OMRON_HEM_7322T,
    *(model for model in cuff_habits.BY_MODEL if model not in (UA_651BLE, STANDARD_CUFF)),
    *(model for model in meter_habits.BY_MODEL if model != STANDARD_GLUCOMETER),
)

# A random static address: the two highest bits are set. Source: Bluetooth Core Specification 5.4, Vol 6 Part B,
# 1.3.2.1.
_STATIC_ADDRESS: Final = re.compile(r"[C-F][0-9A-F](?::[0-9A-F]{2}){5}")
# The name must fit into an advertisement or a scan response: 31 - 2 bytes.
_MAX_NAME_BYTES: Final = 29


@dataclass(frozen=True, slots=True)
class WardSettings:
    """The home as a whole."""

    port: int = setting(
        REQUIRED,
        minimum=0,
        maximum=65535,
        help="TCP port on 127.0.0.1 where the gateway finds its controller",
    )
    state_folder: Path = setting(REQUIRED, help="what the peripherals remember")
    time_zone: str = setting(REQUIRED, help="IANA name of the zone in which the home lies")
    pace: float = setting(
        1.0, minimum=0.01, help="how many times faster than live_every_s the peripherals measure"
    )
    log_level: str = setting(
        "info", choices=("debug", "info", "warning", "error"), help="least severe log line"
    )


@dataclass(frozen=True, slots=True)
class PeripheralSettings:
    """One device in the home."""

    model: str = setting(REQUIRED, choices=MODELS, help="what it is")
    address: str = setting(
        REQUIRED, help="its Bluetooth address, random static: the first digit is C, D, E or F"
    )
    name: str = setting(REQUIRED, help="the name it advertises")
    readings: str = setting(REQUIRED, help="file in gateway/ward/readings that it replays")
    live_from: str = setting(
        REQUIRED,
        help="local time in that file: rows before it are history, rows from it on are measured live",
    )
    backlog_days: float = setting(
        30.0, unit="days", minimum=0, help="history in its memory when it is first switched on"
    )
    live_every_s: float = setting(
        20.0, unit="s", minimum=0.05, help="time between two live measurements"
    )
    clock_error_s: float = setting(
        0.0, unit="s", help="how far its clock is ahead when first switched on"
    )
    drift_ppm: float = setting(
        0.0, unit="ppm", minimum=-1000, maximum=1000, help="how much its clock gains"
    )

    @property
    def live_from_time(self) -> datetime:
        """`live_from` as a naive time."""
        return datetime.fromisoformat(self.live_from)


@dataclass(frozen=True, slots=True)
class Home:
    """A checked home file."""

    ward: WardSettings
    peripherals: tuple[PeripheralSettings, ...]


def load(toml_text: str, environ: Mapping[str, str]) -> Home:
    """Read a home file; ``HOMEVITALS_WARD_…`` in the environment overrides its ``[ward]`` table.

    Raises:
        ConfigurationError: with every mistake in it.
    """
    try:
        document = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise errors.ConfigurationError(f"the home file is not TOML: {error}") from error
    problems = [
        f"unknown section “{name}”; a home file has [ward] and [[peripheral]]"
        for name in document.keys() - {"ward", "peripheral"}
    ]
    tables = document.get("peripheral", [])
    if not isinstance(tables, list) or not tables:
        problems.append("a home needs at least one peripheral, written [[peripheral]]")
        tables = []
    ward: WardSettings | None = None
    peripherals: list[PeripheralSettings] = []
    try:
        ward = declaration.load(
            WardSettings, document.get("ward", {}), environ, section="ward"
        ).settings
        problems += _ward_problems(ward)
    except leaf_errors.SettingsError as error:
        problems += error.problems
    for table in tables:
        try:
            loaded = declaration.load(PeripheralSettings, table, {}, section="peripheral").settings
            peripherals.append(loaded)
            problems += _peripheral_problems(loaded)
        except leaf_errors.SettingsError as error:
            problems += error.problems
    if problems or ward is None:
        raise errors.ConfigurationError("\n".join(problems))
    return Home(
        ward,
        tuple(replace(one, live_every_s=one.live_every_s / ward.pace) for one in peripherals),
    )


def _ward_problems(ward: WardSettings) -> list[str]:
    if ward.time_zone not in zoneinfo.available_timezones():
        return ["[ward] time_zone: expected an IANA name such as America/New_York"]
    return []


def _peripheral_problems(peripheral: PeripheralSettings) -> list[str]:
    problems = []
    if not _STATIC_ADDRESS.fullmatch(peripheral.address):
        problems.append("[peripheral] address: expected a random static one like C4:65:1B:00:00:01")
    if not 0 < len(peripheral.name.encode()) <= _MAX_NAME_BYTES:
        problems.append(f"[peripheral] name: expected 1 to {_MAX_NAME_BYTES} bytes")
    try:
        if peripheral.live_from_time.tzinfo is not None:
            problems.append("[peripheral] live_from: expected a local time without a zone")
    except ValueError:
        problems.append("[peripheral] live_from: expected a time such as 2019-07-04T10:00:00")
    return problems
