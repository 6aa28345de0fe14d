"""``homevitals backup``: copy the whole database, check copies, put one back."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from deploy import (
    backup,
    backup_folder,
    backup_restore,
    backup_trail,
    configuration,
    database_transport,
    errors,
)
from deploy.backup_contents import Progress
from deploy.backup_manifest import Manifest
from deploy.backup_restore import Restored
from ingest import audit, audit_anchor_reader, audit_key
from ingest.audit_anchor_reader import Anchors
from ingest.audit_settings import AuditSettings
from ingest.errors import AnchorError

_QUIET_S: Final = 2.0  # what is quicker needs no progress shown
_PROVED: Final = (
    "restored into a scratch database: every row, definition and audit chain is the same"
)
_DATABASE_VARIABLE: Final = "HOMEVITALS_BACKUP_DATABASE"
# Clocks of gateways are not that of the database. What is sent once too often counts once.
_CLOCKS_DIFFER_BY: Final = timedelta(hours=1)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do."""
    # “backup verify --config F” works like “backup --config F verify”.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create",
        parents=[common],
        help="copy the whole database into a new folder",
        description="Copies the whole database, as it is at one instant, into a new folder, and reads the copy back: "
        "every byte's hash, and the dump from its first byte to its last. With --restore-on it is restored as well, "
        "and every row compared. The folder holds health data in the clear: keep it on an encrypted disk.",
    )
    create.add_argument("out", type=Path, metavar="FOLDER", help="a new folder")
    create.add_argument(
        "--database",
        metavar="CONNINFO",
        default=os.environ.get(_DATABASE_VARIABLE, ""),
        help="libpq connection string of a superuser, or of a role that may read everything: create role NAME login "
        f"bypassrls; grant pg_read_all_data to NAME (environment: {_DATABASE_VARIABLE})",
    )
    verify = actions.add_parser(
        "verify",
        parents=[common],
        help="check a backup; with --restore-on by restoring it and comparing every row",
        description="Checks manifest, hashes and dump of a backup without any database. With --restore-on it is "
        "restored as well: that is the only proof that it can be.",
    )
    for action in (create, verify):
        action.add_argument(
            "--restore-on",
            metavar="CONNINFO",
            help="also restore into a scratch database on this server, as a superuser, compare, and drop it again",
        )
    restore = actions.add_parser(
        "restore",
        parents=[common],
        help="put a backup into an empty database",
        description="Puts a backup into an empty database and compares every row, definition and audit chain with "
        "the manifest. Services are kept out of the database until all of it is the same. Afterwards everybody signs "
        "in anew, and each practice's audit trail says what is missing.",
    )
    restore.add_argument(
        "--into",
        required=True,
        metavar="CONNINFO",
        help="libpq connection string of a superuser to an empty database (create database NAME template template0)",
    )
    for action in (verify, restore):
        action.add_argument("folder", type=Path, metavar="FOLDER", help="the backup")
        action.add_argument(
            "--expect",
            metavar="SHA256",
            help="the manifest's hash, as “create” printed it, kept elsewhere: a backup that was exchanged is refused",
        )
    for action in (create, verify, restore):
        action.add_argument(
            "--anchors",
            type=Path,
            metavar="FILE",
            help="anchor file of the audit trail that restored chains are held against (default: of the settings)",
        )
        action.add_argument(
            "--public-key", type=Path, metavar="FILE", help="public key of who signed the anchors"
        )


def run(options: argparse.Namespace) -> int:
    """Do it; nothing is called done that was not compared."""
    settings = configuration.load(options.config).get(AuditSettings)
    try:
        with _progress() as progress:
            if options.action == "create":
                return _create(settings, options, progress)
            if options.action == "verify":
                return _verify(settings, options, progress)
            return _restore(settings, options, progress)
    except psycopg.errors.InsufficientPrivilege as error:
        raise errors.ConfigurationError(
            "a role lacks a right: the one that is backed up with has to be a superuser or a member of "
            "pg_read_all_data, and “database” in the section “audit” has to be homevitals_sealer"
        ) from error
    except (AnchorError, OSError) as error:
        raise errors.DeployError(str(error)) from error


def _create(settings: AuditSettings, options: argparse.Namespace, progress: Progress) -> int:
    source = _safe("--database", options.database)
    scratch = None if options.restore_on is None else _safe("--restore-on", options.restore_on)

    def proved(folder: Path) -> None:
        if scratch is not None:
            backup_restore.check(folder, scratch, _anchors(settings, options), progress)

    with psycopg.connect(settings.database, autocommit=True, options=backup.SESSION) as trail:
        # Where it cannot be written down, nothing is copied.
        backup_trail.copied(trail, datetime.now(UTC), audit.Outcome.SUCCESS)
        try:
            manifest, sha256 = backup.create(source, options.out, progress, proved)
        except BaseException:
            backup_trail.copied(trail, datetime.now(UTC), audit.Outcome.FAILED)
            raise
    _say(manifest, options.out)
    if scratch is not None:
        print(_PROVED)
    print(f"sha256 of the manifest, to be kept elsewhere: {sha256}")
    return 0


def _verify(settings: AuditSettings, options: argparse.Namespace, progress: Progress) -> int:
    scratch = None if options.restore_on is None else _safe("--restore-on", options.restore_on)
    manifest, sha256 = backup.verify(options.folder, progress)
    _require_expected(options.expect, sha256)
    _say(manifest, options.folder)
    if scratch is None:
        print(
            "files, hashes and dump are whole; that it can be restored is proved with --restore-on"
        )
        return 0
    backup_restore.check(options.folder, scratch, _anchors(settings, options), progress)
    print(_PROVED)
    return 0


def _restore(settings: AuditSettings, options: argparse.Namespace, progress: Progress) -> int:
    target = _safe("--into", options.into)
    anchors = _anchors(settings, options)
    _, sha256 = backup.verify(options.folder, progress)
    _require_expected(options.expect, sha256)
    restored_at = datetime.now(UTC)
    copy = backup_restore.restore(
        options.folder,
        target,
        anchors,
        lambda connection, done: backup_trail.restored(connection, done, sha256, restored_at),
        progress,
    )
    for line in _what_is_missing(copy, restored_at, settings.anchor_file):
        print(line)
    return 0


def _say(manifest: Manifest, folder: Path) -> None:
    contents = manifest.contents
    size = manifest.files[backup_folder.DUMP].bytes
    print(
        f"{folder}: database {contents.database} as of {_instant(contents.taken_at)} ({contents.engine}), "
        f"{contents.rows} rows in {len(contents.tables)} tables, {size} bytes"
    )


def _what_is_missing(copy: Restored, restored_at: datetime, anchor_file: Path) -> Iterator[str]:
    taken_at = copy.contents.taken_at
    since = _instant(taken_at - _CLOCKS_DIFFER_BY)
    yield (
        f"restored and compared: {copy.contents.rows} rows in {len(copy.contents.tables)} tables; every row, "
        "definition and audit chain is as it was"
    )
    yield f"missing: everything from {_instant(taken_at)} to {_instant(restored_at)}"
    yield (
        "- readings come back: gateways keep what was receipted for 7 days (keep_receipted_days). On each gateway, "
        f"stopped: homevitals-gateway outbox resend --since {since}"
    )
    yield (
        "- lost for good: tasks, time entries, changes to people, devices and assignments of that span, and what was "
        "looked at; each practice's audit trail has an event that says so"
    )
    yield (
        "- undone, so do it again: accounts closed, gateways revoked and patients restricted in that span. All "
        "sessions and open codes were ended"
    )
    if copy.is_anchored:
        count = sum(copy.lost_events.values())
        yield f"- the anchors know of {count} audit events that are not in the backup"
    yield (
        f"Move the anchor file ({anchor_file}) aside before the sealer runs, and keep it: it proves what was there. "
        "The sealer begins a new one"
    )
    yield "Next: “homevitals migrate”, then the services"


def _require_expected(expected: str | None, found: str) -> None:
    if expected is not None and expected.lower() != found:
        raise errors.BackupError(
            "this is not the backup whose hash was kept: its manifest has another one"
        )


def _safe(option: str, connection_string: str) -> str:
    """Return a connection string over which health data may go.

    Raises:
        ConfigurationError: nobody said it, or somebody on the way could read along.
    """
    if not connection_string:
        raise errors.ConfigurationError(f"say which database: {option} “host=… dbname=… user=…”")
    faults = database_transport.faults(connection_string, os.environ)
    if faults:
        raise errors.ConfigurationError("; ".join(f"{option} {fault}" for fault in faults))
    return connection_string


def _anchors(settings: AuditSettings, options: argparse.Namespace) -> Anchors | None:
    file = options.anchors or settings.anchor_file
    if not file.exists():
        if options.anchors is not None:
            raise errors.ConfigurationError(f"there is no anchor file {file}")
        return None
    public_file = options.public_key or audit_key.public_file(settings.signing_key_file)
    return audit_anchor_reader.read(file, audit_key.public(public_file))


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show on stderr what is being done and how far it is, once it takes longer than two seconds."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    started_at_s = time.monotonic()
    bar = Bar(console=Console(stderr=True), transient=True, auto_refresh=False)
    task = bar.add_task("", total=None)

    def show(doing: str, done: int, total: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - started_at_s > _QUIET_S:
            bar.start()
            bar.update(task, description=doing, completed=done, total=total or None, refresh=True)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
