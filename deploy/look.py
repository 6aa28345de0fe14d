"""A look into one practice from the command line, written into the audit trail before anything is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import command_line, errors
from ingest import audit, people, tenancy
from ingest.people import Practice


def practice(settings: CcmLinkSettings, slug: str | None) -> Practice:
    """Return the practice with this short name; without a name, the only one there is.

    Raises:
        DeployError: there is none of that name, or several to choose from.
    """
    with (
        psycopg.connect(settings.entrance_database) as connection,
        connection.cursor() as cur,
    ):
        known = {found.slug: found for found in people.practices(cur)}
    if slug is None and len(known) == 1:
        return next(iter(known.values()))
    if slug is None or slug not in known:
        raise errors.DeployError(
            f"say which practice with --practice: {', '.join(sorted(known)) or 'there is none yet'}"
        )
    return known[slug]


@contextmanager
def inside(
    settings: CcmLinkSettings, chosen: Practice, resource: str, resource_id: str = ""
) -> Iterator[tuple[psycopg.Cursor[Any], set[UUID]]]:
    """Open a transaction that sees one practice; its end is the look's line in the audit trail.

    Yields the cursor, and the set to which the caller adds the patients whose data was seen. Print what was read only
    behind this block: where the line cannot be written, nothing may be shown.
    """
    with (
        psycopg.connect(settings.database) as connection,
        tenancy.transaction(connection, chosen.practice_id) as cur,
    ):
        seen: set[UUID] = set()
        yield cur, seen
        event = audit.Event(
            practice_id=chosen.practice_id,
            at=datetime.now(UTC),
            kind=audit.Kind.READ,
            action=audit.Action.READ,
            agent=command_line.agent(),
            purpose=audit.Purpose.OPERATIONS,
            patient_ids=tuple(seen),
            resource=resource,
            resource_id=resource_id,
        )
        audit.record(cur, [event])
