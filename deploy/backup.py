"""Makes backups and checks them: a dump and a manifest of one snapshot, read back before anybody calls it done."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Final

import psycopg

from deploy import backup_contents, backup_folder, backup_programs
from deploy.backup_contents import Progress
from deploy.backup_manifest import Manifest
from deploy.errors import BackupError

SESSION: Final = (
    "-c timezone=UTC -c idle_in_transaction_session_timeout=0 -c statement_timeout=0 "
    f"-c lock_timeout={backup_programs.LOCK_WAIT_S}s"
)
"""A snapshot is held for as long as the dump takes, however long the server lets transactions wait."""


def create(
    connection_string: str, out: Path, progress: Progress, proved: Callable[[Path], None]
) -> tuple[Manifest, str]:
    """Write a backup of the whole database into a new folder; return its manifest and that one's SHA-256.

    1. Hold one snapshot. 2. Dump it. 3. Count and hash every table of it. 4. Read the dump back, whole. 5. Write the
    manifest. 6. Let whoever asked for more prove it. 7. Give the folder its name.

    Args:
        connection_string: Of a superuser, or of a role made for backups.
        out: A folder that is not there yet.
        progress: Called now and then.
        proved: Called with the folder while it has not got its name yet; raises where it is not satisfied.

    Raises:
        ConfigurationError: the role is held back by walls.
        MissingProgram: there is no pg_dump or pg_restore that fits.
        BackupError: it did not succeed; nothing is left behind.
    """
    with (
        psycopg.connect(connection_string, autocommit=True, options=SESSION) as connection,
        backup_folder.growing(out) as folder,
    ):
        who = backup_contents.connected(connection)
        backup_contents.require_reading_all(who)
        dump_file = folder / backup_folder.DUMP
        with backup_contents.snapshot(connection) as held:
            backup_programs.dump(
                connection_string,
                who.server_major,
                held.name,
                dump_file,
                lambda: progress("writing the dump, bytes", _size(dump_file), 0),
            )
            contents = backup_contents.read(held, progress)
        file = backup_folder.measure(dump_file, _reading(progress))
        manifest = Manifest(metadata.version("homevitals"), contents, {backup_folder.DUMP: file})
        _check_dump(folder, manifest, progress)
        backup_folder.write_manifest(folder, manifest)
        proved(folder)
        return backup_folder.read_manifest(folder)


def verify(folder: Path, progress: Progress) -> tuple[Manifest, str]:
    """Check a backup without a database: its manifest, every file's hash, the dump read to its end.

    Returns:
        Its manifest, and that one's SHA-256.

    Raises:
        BackupError: it is damaged, altered or unfinished.
        MissingProgram: there is no pg_restore that fits.
    """
    manifest, sha256 = backup_folder.read_manifest(folder)
    backup_folder.check_files(folder, manifest, _reading(progress))
    _check_dump(folder, manifest, progress)
    return manifest, sha256


def _check_dump(folder: Path, manifest: Manifest, progress: Progress) -> None:
    """Read the dump as a restore would, and see that it has the rows of every table that has any.

    Of divided tables the partitions or chunks have them, under names of their own; a restore counts those.
    """
    contents = manifest.contents
    there = backup_programs.read_whole(
        folder / backup_folder.DUMP,
        contents.server_major,
        lambda: progress("reading the dump back", 0, 0),
    )
    wanted = {
        table
        for table, months in contents.tables.items()
        if months.keys() == {""} and months[""].rows
    }
    if missing := sorted(wanted - there):
        raise BackupError(f"the dump has no rows of {', '.join(missing)}; the backup is not whole")


def _reading(progress: Progress) -> backup_folder.Watch:
    return lambda done, total: progress("reading the files back", done, total)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
