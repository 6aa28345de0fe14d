"""``homevitals audit``: seal the trail, check it, hand it out as FHIR."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from deploy import command_line, configuration, errors, progress, services, start_conditions
from ingest import (
    audit,
    audit_anchor,
    audit_anchor_reader,
    audit_fhir,
    audit_key,
    audit_query,
    audit_sealer,
    audit_verification,
    tenancy,
)
from ingest.audit_anchor_reader import Anchors
from ingest.audit_findings import Verdict
from ingest.audit_query import Wanted
from ingest.audit_settings import AuditSettings
from ingest.audit_verification import Limits
from ingest.errors import AnchorError

_SESSION: Final = "-c timezone=UTC"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do with the trail."""
    # “audit seal --config F” works like “audit --config F seal”.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser(
        "seal", parents=[common], help="run the sealer: chain the events, sign anchors"
    )
    verify = actions.add_parser(
        "verify",
        parents=[common],
        help="recompute all chains, hold them against the anchors; exit status 1 where anything was tampered with",
    )
    verify.add_argument("--anchors", type=Path, metavar="FILE", help="a copy of the anchor file")
    verify.add_argument(
        "--public-key", type=Path, metavar="FILE", help="public key of who signed the anchors"
    )
    verify.add_argument("--json", action="store_true", help="print JSON")
    export = actions.add_parser(
        "export",
        parents=[common],
        help="write the events of a practice as FHIR R4 AuditEvent, one JSON object a line",
    )
    export.add_argument("--practice", required=True, metavar="SLUG", help="its short name")
    export.add_argument(
        "--from",
        dest="from_at",
        required=True,
        type=command_line.instant,
        metavar="WHEN",
        help="2026-11-01 (00:00 UTC) or 2026-11-01T08:00:00-05:00; included",
    )
    export.add_argument(
        "--to",
        dest="until_at",
        required=True,
        type=command_line.instant,
        metavar="WHEN",
        help="not included",
    )
    export.add_argument("--out", required=True, type=Path, metavar="FILE", help="a new file")


def run(options: argparse.Namespace) -> int:
    """Do it; what is wrong with the anchors, their key or the rights is told in one sentence."""
    settings = configuration.load(options.config).get(AuditSettings)
    try:
        if options.action == "seal":
            # The very first start makes the key; after that a missing one is a condition that is not met.
            audit_anchor.signing_key(settings.signing_key_file, settings.anchor_file)
            start_conditions.require("audit seal", options.config)
            audit_sealer.run(settings, services.prepare())
            return 0
        if options.action == "verify":
            return _verify(settings, options)
        return _export(settings, options)
    except psycopg.errors.InsufficientPrivilege as error:
        raise errors.ConfigurationError(
            "the role of “database” in the section “audit” lacks a right; it has to be homevitals_sealer, "
            "on a database that “homevitals migrate” has brought to this version"
        ) from error
    except (AnchorError, OSError) as error:
        raise errors.DeployError(str(error)) from error


def _verify(settings: AuditSettings, options: argparse.Namespace) -> int:
    # Before the database is looked at: an anchor added meanwhile would be ahead of it.
    anchors = _anchors(settings, options)
    limits = Limits(
        datetime.now(UTC),
        # Twice, and some minutes for a restart.
        anchored_within=timedelta(minutes=2 * settings.anchor_every_minutes + 5),
    )
    with (
        psycopg.connect(settings.database, autocommit=True, options=_SESSION) as connection,
        progress.shown("checking links") as show,
    ):
        verdict = audit_verification.verify(connection, anchors, limits, show)
    _tell(verdict, as_json=options.json)
    return 0 if verdict.is_whole else 1


def _anchors(settings: AuditSettings, options: argparse.Namespace) -> Anchors:
    file = options.anchors or settings.anchor_file
    if not file.exists():
        if options.anchors is not None:
            raise errors.ConfigurationError(f"there is no anchor file {file}")
        return (
            Anchors()
        )  # nothing was ever anchored, or the file is gone: links that are old enough tell
    public_file = options.public_key or audit_key.public_file(settings.signing_key_file)
    return audit_anchor_reader.read(file, audit_key.public(public_file))


def _tell(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(verdict.as_json(), indent=2))
        return
    for line in verdict.words():
        print(line)


def _export(settings: AuditSettings, options: argparse.Namespace) -> int:
    if options.from_at >= options.until_at:
        raise errors.ConfigurationError("“--from” has to be before “--to”")
    wanted = Wanted(options.from_at, options.until_at)
    with psycopg.connect(settings.database, autocommit=True, options=_SESSION) as connection:
        with connection.cursor() as cur:
            practice_id = audit_query.practice_by_slug(cur, options.practice)
        if practice_id is None:
            raise errors.ConfigurationError(f"no practice is called {options.practice!r}")
        with _new_file(options.out) as write:
            _record(connection, practice_id, wanted, audit.Outcome.SUCCESS)
            try:
                count = _write(connection, practice_id, wanted, settings.site, write)
            except BaseException:
                _record(connection, practice_id, wanted, audit.Outcome.FAILED)
                raise
    print(f"{count} resources written to {options.out}", file=sys.stderr)
    return 0


def _record(
    connection: psycopg.Connection[Any], practice_id: UUID, wanted: Wanted, outcome: audit.Outcome
) -> None:
    """Leave a line of the export in the trail; committed before the first line leaves it."""
    event = audit.Event(
        practice_id=practice_id,
        at=datetime.now(UTC),
        kind=audit.Kind.EXPORT,
        action=audit.Action.READ,
        agent=command_line.agent(),
        outcome=outcome,
        purpose=audit.Purpose.OPERATIONS,
        resource="audit_event",
        detail={"from": wanted.from_at.isoformat(), "to": wanted.until_at.isoformat()},
    )
    with tenancy.transaction(connection, practice_id) as cur:
        audit.record(cur, [event])


def _write(
    connection: psycopg.Connection[Any],
    practice_id: UUID,
    wanted: Wanted,
    site: str,
    write: Callable[[str], Any],
) -> int:
    count = 0
    with tenancy.transaction(connection, practice_id):
        for event in audit_query.in_order(connection, practice_id, wanted):
            for resource in audit_fhir.resources(event, site):
                write(json.dumps(resource, ensure_ascii=False) + "\n")
                count += 1
    return count


@contextmanager
def _new_file(path: Path) -> Iterator[Callable[[str], Any]]:
    """Open a file that is not there yet, for its owner's eyes only; half a file is not left behind."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise errors.DeployError(f"{path} is there already; name a new file") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
