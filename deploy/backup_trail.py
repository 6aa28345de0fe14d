"""What backups and restores leave in every practice's audit trail; a restored copy also forgets who was signed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from deploy import command_line
from deploy.backup_contents import Connection
from deploy.backup_restore import Restored
from ingest import audit, named_queries, tenancy
from ingest.audit import Action, Event, Kind, Outcome, Purpose

_DetailOf = Callable[[UUID], Mapping[str, Any]]

_Q: Final = named_queries.load("deploy", "backup_trail")


def copied(connection: Connection, at: datetime, outcome: Outcome) -> None:
    """Write that all data left the database, or that it was tried.

    Args:
        connection: Of the role homevitals_sealer, in autocommit mode. Call it before the first row leaves.
        at: Now, aware.
        outcome: What came of it.
    """
    _record(connection, Kind.EXPORT, Action.READ, at, outcome, lambda _: {})


def restored(connection: Connection, copy: Restored, sha256: str, at: datetime) -> None:
    """Write into a restored copy that it is one and what is missing; end all sessions and open codes.

    All of it in one transaction.

    Args:
        connection: Of a superuser, in autocommit mode.
        copy: What was restored.
        sha256: Of the backup's manifest.
        at: Now, aware.
    """
    gap = {
        "backup_sha256": sha256,
        "lost_from": copy.contents.taken_at.isoformat(),
        "lost_until": at.isoformat(),
    }
    with connection.transaction():
        connection.execute(_Q.end_sessions)
        connection.execute(_Q.void_codes, {"at": at})
        _record(
            connection,
            Kind.RESTORED,
            Action.EXECUTE,
            at,
            Outcome.SUCCESS,
            lambda practice_id: gap | {"lost_audit_events": copy.lost_events.get(practice_id)},
        )


def _record(
    connection: Connection,
    kind: Kind,
    action: Action,
    at: datetime,
    outcome: Outcome,
    detail_of: _DetailOf,
) -> None:
    with connection.transaction():
        for (practice_id,) in connection.execute(_Q.practices).fetchall():
            event = Event(
                practice_id=practice_id,
                at=at,
                kind=kind,
                action=action,
                agent=command_line.agent(),
                outcome=outcome,
                purpose=Purpose.SYSTEM_ADMINISTRATION,
                resource="database",
                detail=detail_of(practice_id),
            )
            with tenancy.transaction(connection, practice_id) as cur:
                audit.record(cur, [event])
