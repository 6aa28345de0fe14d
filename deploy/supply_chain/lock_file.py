"""The locked requirements: which version of which package, by which hashes, and who wants it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

from deploy import errors

# What is installed where: a gateway, everything on one machine, everything that the tests need.
LOCKS: Final = ("gateway", "demo", "test")
# How our own product stands in a lock as the one who wants a package.
OURSELVES: Final = "homevitals"

_PIN: Final = re.compile(r"([a-z0-9][a-z0-9.-]*)==([^\s;]+)(?:\s*;\s*(.*?))?(?:\s*\\)?")
_HASH: Final = re.compile(r"\s+--hash=sha256:([0-9a-f]{64})(?:\s*\\)?")
_WANTED_BY: Final = re.compile(r"\s+#\s+(?:via\s+)?([a-z0-9][a-z0-9.-]*)(?:\s+\(.*\))?")
_SILENT: Final = re.compile(r"\s*|\s+# via\s*")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock.

    Attributes:
        name: Normalised name.
        version: The one version that may be installed.
        marker: On which machines, as an environment marker; empty for all.
        sha256s: Of all files of that version, in hexadecimal digits.
        wanted_by: Names of the packages that require it.
    """

    name: str
    version: str
    marker: str
    sha256s: tuple[str, ...]
    wanted_by: tuple[str, ...]


def text_of(lock: str) -> str:
    """Return the text of one of :data:`LOCKS`."""
    return (resources.files("deploy") / "locks" / f"{lock}.txt").read_text(encoding="utf-8")


def read(text: str) -> list[Pin]:
    """Take a lock apart.

    Raises:
        SupplyChainError: a line is none that ``deploy/lock`` writes.
    """
    pins: list[Pin] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _PIN.fullmatch(line):
            pins.append(Pin(found[1], found[2], found[3] or "", (), ()))
        elif _SILENT.fullmatch(line):
            continue
        elif pins and (found := _HASH.fullmatch(line)):
            pins[-1] = _with(pins[-1], sha256=found[1])
        elif pins and (found := _WANTED_BY.fullmatch(line)):
            pins[-1] = _with(pins[-1], wanted_by=found[1])
        else:
            raise errors.SupplyChainError(
                f"line {number} of a lock is not understood; make the locks again with deploy/lock"
            )
    return pins


def _with(pin: Pin, *, sha256: str = "", wanted_by: str = "") -> Pin:
    return Pin(
        pin.name,
        pin.version,
        pin.marker,
        (*pin.sha256s, sha256) if sha256 else pin.sha256s,
        (*pin.wanted_by, wanted_by) if wanted_by else pin.wanted_by,
    )
