"""The machine under the gateway, as its kernel and its files tell: room on the disk, warmth, memory, what runs."""

from __future__ import annotations

import functools
import os
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Final

_THERMAL: Final = Path("/sys/class/thermal")
_STATM: Final = Path("/proc/self/statm")
_OS_RELEASE: Final = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
# What the wire takes; see firmware_profiles/wire_health.py.
_LONGEST_NAME: Final = 100


def disk_free_bytes(folder: Path) -> int | None:
    """Return the room on a folder's file system, or None if nobody can say."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def temperature_c(thermal: Path = _THERMAL) -> float | None:
    """Return the processor's temperature in °C, or None where no sensor says it.

    A Raspberry Pi has one zone, of type “cpu-thermal”; other boards have several, of which the processor's counts.

    Source: Linux kernel documentation, ABI/testing/sysfs-class-thermal: millidegrees.
    """
    zones = sorted(
        thermal.glob("thermal_zone*"),
        key=lambda zone: ("cpu" not in _line(zone.joinpath("type")), zone),
    )
    for zone in zones:
        try:
            return int(_line(zone.joinpath("temp"))) / 1000
        except ValueError:
            continue
    return None


def resident_bytes() -> int | None:
    """Return the memory that this process occupies, or None where the kernel does not say."""
    try:
        return int(_line(_STATM).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (IndexError, ValueError):
        return None


@functools.cache
def package_version() -> str:
    """Return the version of this distribution; “unknown” where it runs without having been installed."""
    try:
        return metadata.version("homevitals")
    except metadata.PackageNotFoundError:
        return "unknown"


@functools.cache
def system_name() -> str:
    """Return name and version of the operating system, as its makers write it."""
    for path in _OS_RELEASE:
        for line in _text(path).splitlines():
            name, _, value = line.partition("=")
            if name == "PRETTY_NAME":
                return printable(value.strip().strip("\"'"))
    return printable(platform.platform())


def printable(words: str) -> str:
    """Return words as they may travel: ASCII without control characters, not too long, never empty."""
    kept = "".join(letter if " " <= letter <= "~" else "?" for letter in words)
    return kept[:_LONGEST_NAME] or "unknown"


def _line(path: Path) -> str:
    return _text(path).strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
