"""Gateways of tests under names that the test chooses; the product draws the names and waits for a claim."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg


def add_gateway(
    cur: psycopg.Cursor[Any], practice_id: UUID, *, gateway_id: str, label: str
) -> None:
    """Add a gateway as if it had claimed its place."""
    cur.execute(
        "insert into ingest.gateway (gateway_id, practice_id, label, status, enrolled_at)"
        " values (%s, %s, %s, 'active', now())",
        (gateway_id, practice_id, label),
    )
