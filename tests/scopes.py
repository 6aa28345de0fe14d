"""Connections of tests that work for practices until they are closed; the product enters a scope each transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg


def work_for(connection: psycopg.Connection[Any], *practice_ids: UUID) -> None:
    """Let a connection also see these practices from now on, in every transaction that enters no scope of its own."""
    connection.execute(
        "select set_config('homevitals.practice',"
        " (coalesce(ingest.practices_in_force(), '{}') || %s::uuid[])::text, false)",
        (list(practice_ids),),
    )
    connection.commit()
