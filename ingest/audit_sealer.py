"""The service that seals the audit trail: events from the queue become links of their practice's chain.

Links, and the removal from the queue, commit together or not at all: a killed sealer leaves its events in the queue.
Several sealers may run; they take turns. Every few minutes, and when it stops, the sealer signs the heads of all chains
into the anchor file.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from ingest import audit_anchor, audit_chain, lasting_connection, named_queries
from ingest.audit_anchor import AnchorFile, Head
from ingest.audit_chain import Link
from ingest.audit_settings import AuditSettings
from ingest.errors import AnchorError, StoreError

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]

POLL_S: Final = 1.0
"""How long an event waits for its link at most. No notification: it would make every commit wait in line."""

BATCH: Final = 1000

_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
)
_Q: Final = named_queries.load("ingest", "audit_sealing")


def run(settings: AuditSettings, stop: Event) -> None:
    """Seal and anchor until ``stop`` is set; survive every restart of the database.

    Args:
        settings: Of the section ``audit``.
        stop: Ends the service after a last round and a last anchor.

    Raises:
        AnchorError: the signing key or the anchor file cannot be used.
        OSError: the key cannot be made, or the file not be read.
    """
    key = audit_anchor.signing_key(settings.signing_key_file, settings.anchor_file)
    anchors = AnchorFile(settings.anchor_file, key)
    anchors.check()
    while True:
        try:
            with lasting_connection.connect(
                settings.database, stop, options=_SESSION_OPTIONS, log=log
            ) as connection:
                _serve(connection, anchors, settings.anchor_every_minutes * 60, stop)
        except psycopg.Error as error:
            log.warning("database_lost", extra={"sqlstate": error.sqlstate or ""})
            stop.wait(POLL_S)
        if stop.is_set():
            return


def _serve(connection: Connection, anchors: AnchorFile, anchor_every_s: float, stop: Event) -> None:
    log.info("sealer_ready")
    anchor_at_s = time.monotonic()
    while not stop.is_set():
        sealed = seal(connection, datetime.now(UTC))
        if time.monotonic() >= anchor_at_s:
            _anchor(connection, anchors)
            anchor_at_s = time.monotonic() + anchor_every_s
        if sealed < BATCH:
            stop.wait(POLL_S)
    seal(connection, datetime.now(UTC))
    _anchor(connection, anchors)
    log.info("sealer_stopped")


def _anchor(connection: Connection, anchors: AnchorFile) -> None:
    """Sign the heads; where the file refuses, say so and go on sealing: unanchored links are better than none."""
    with connection.transaction(), connection.cursor() as cur:
        found = heads(cur)
    try:
        if anchors.add(found, datetime.now(UTC)):
            log.info("audit_anchored", extra={"count": len(found)})
    except AnchorError as error:
        log.error("audit_not_anchored", extra={"reason": error.reason.value})  # noqa: TRY400 - the reason says all
    except OSError as error:
        log.error("audit_not_anchored", extra={"error": errno.errorcode.get(error.errno or 0, "")})  # noqa: TRY400 - same


def seal(connection: Connection, at: datetime, limit: int = BATCH) -> int:
    """Seal the oldest events of the queue in one transaction.

    Args:
        connection: Of the role homevitals_sealer, with autocommit or between transactions.
        at: Now.
        limit: How many at most.

    Returns:
        How many events left the queue; 0 also where another sealer has the turn.

    Raises:
        StoreError: the queue or the chains changed under the sealer's hand; nothing was sealed.
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cur:
        turn = cur.execute(_Q.take_turn).fetchone()
        if turn is None or not turn["is_ours"]:
            return 0
        rows = cur.execute(_Q.pending, {"limit": limit}).fetchall()
        if not rows:
            return 0
        _append(cur, [row for row in rows if not row["is_sealed"]], at)
        cur.execute(
            _Q.remove,
            {
                "practice_ids": [row["practice_id"] for row in rows],
                "event_ids": [row["event_id"] for row in rows],
            },
        )
        if cur.rowcount != len(rows):
            raise StoreError("events left the queue of the sealer by another hand; find out whose")
    return len(rows)


def heads(cur: Cursor) -> dict[UUID, Head]:
    """Return the last link of every chain."""
    return _heads(cur.connection, _Q.heads, {})


def _append(cur: Cursor, rows: Sequence[Mapping[str, Any]], at: datetime) -> None:
    practice_ids = sorted({row["practice_id"] for row in rows})
    last = _heads(cur.connection, _Q.heads_of, {"practice_ids": practice_ids})
    links: list[Link] = []
    chain_sha256s: list[bytes] = []
    for row in rows:
        practice_id = row["practice_id"]
        before = last.get(practice_id) or Head(0, audit_chain.genesis(practice_id))
        event_sha256 = audit_chain.event_sha256(audit_chain.stored_columns(row))
        link = Link(practice_id, before.position + 1, row["event_id"], event_sha256, at)
        last[practice_id] = Head(link.position, audit_chain.chain_sha256(before.chain_sha256, link))
        links.append(link)
        chain_sha256s.append(last[practice_id].chain_sha256)
    cur.execute(
        _Q.append,
        {
            "practice_ids": [link.practice_id for link in links],
            "positions": [link.position for link in links],
            "event_ids": [link.event_id for link in links],
            "event_sha256s": [link.event_sha256 for link in links],
            "chain_sha256s": chain_sha256s,
            "sealed_at": at,
        },
    )


def _heads(
    connection: Connection, statement: Any, parameters: Mapping[str, Any]
) -> dict[UUID, Head]:
    with connection.cursor(row_factory=dict_row) as cur:
        return {
            row["practice_id"]: Head(row["position"], bytes(row["chain_sha256"]))
            for row in cur.execute(statement, parameters).fetchall()
        }
