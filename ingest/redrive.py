"""Quarantined records sent through ingest again, as they arrived: topic, gateway, outbox position, time of reception.

They take the way of every message, so what came again meanwhile ends as a duplicate, and a conflict stays one. What is
taken in stays as history and leaves the open list; what fails again stays open under its reason. A record of a gateway
that no practice knew goes into the practice that has enrolled it since.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from firmware_profiles.wire import GatewayStatus
from ingest import arrivals, audit, named_queries, redrive_message, statements, store, tenancy
from ingest.arrivals import Opened
from ingest.commit import Committer
from ingest.directory import Standing
from ingest.quarantine import IngestReason
from ingest.receipts import Fates
from ingest.redrive_message import Obstacle, Outcome, To, Waiting

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]
Cursor: TypeAlias = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "redrive")

RESOURCE: Final = "quarantine"  # what its audit events are about


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which open records of a practice are tried again.

    Attributes:
        of_unknown_gateways: Those of its gateways that came before any practice knew these.
        quarantine_ids: Only these; None for all.
        reason: Only those held for this reason; None for all.
    """

    practice_id: UUID
    of_unknown_gateways: bool = False
    quarantine_ids: tuple[UUID, ...] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row.

    Attributes:
        held_for: The reason for which it was held.
        to: None where it stays open.
        reason: Why it stays open, or why it is open under another reason; a reason of quarantine or an obstacle.
    """

    quarantine_id: UUID
    gateway_id: str | None
    held_for: str
    to: To | None
    reason: str | None


def to_redrive(cur: Cursor, wanted: Wanted) -> list[tuple[UUID, str]]:
    """Return (id, reason) of the open records that are wanted, in the order in which they arrived."""
    ids = None if wanted.quarantine_ids is None else list(wanted.quarantine_ids)
    cur.execute(
        _Q.to_redrive,
        {
            "practice_id": wanted.practice_id,
            "of_unknown_gateways": wanted.of_unknown_gateways,
            "quarantine_ids": ids,
            "reason": wanted.reason,
        },
    )
    return [(quarantine_id, reason) for quarantine_id, reason in cur]


class Redriver:
    """Sends records of one practice through ingest again.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        practice_id: Whose records, and into whose data they go.
        by: Who does it, for the audit trail.
        decided_by: Staff id or system user who wanted it.
    """

    def __init__(
        self, connection: Connection, practice_id: UUID, by: audit.Agent, decided_by: str
    ) -> None:
        self._connection = connection
        self._committer = Committer(connection)
        self._practice_id = practice_id
        self._by = by
        self._decided_by = decided_by

    def redrive(self, quarantine_id: UUID, at: datetime) -> Result | None:
        """Try one record again.

        1. Look whether it is open, and whether its gateway is active, enrolled and the practice's.
        2. Take it in like every message; that commits.
        3. Note what became of it, with the line in the audit trail. Whoever is killed before that leaves it open, and
           the next try finds a duplicate.

        Args:
            quarantine_id: Which.
            at: Now, aware UTC.

        Returns:
            None where the practice has no such open record.

        Raises:
            psycopg.Error: the database failed; the record may be taken in and still be open.
        """
        asked = {"practice_id": self._practice_id, "quarantine_id": quarantine_id}
        with tenancy.transaction(self._connection, self._practice_id) as cur:
            row = statements.first(cur, Waiting, _Q.waiting, asked)
            if row is None:
                return None
            opened = redrive_message.message_again(row)
            obstacle = self._obstacle(cur, row, opened)
        if obstacle is not None:
            return self._settle(row, None, obstacle, at)
        if isinstance(opened.content, GatewayStatus):
            return self._settle(row, To.OUTDATED, None, at)
        found = redrive_message.outcome(opened, _take_in(self._committer, opened, at))
        return self._settle(
            row, redrive_message.leaves_as(row, opened, found), found.reason, at, found
        )

    def give_up(self, quarantine_id: UUID, at: datetime) -> None:
        """Note that the try itself failed, so that nobody waits for it."""
        asked = {"practice_id": self._practice_id, "quarantine_id": quarantine_id}
        with tenancy.transaction(self._connection, self._practice_id) as cur:
            row = statements.first(cur, Waiting, _Q.waiting, asked)
        if row is not None:
            self._settle(row, None, Obstacle.FAILED, at)

    def _obstacle(self, cur: Cursor, row: Waiting, opened: Opened) -> Obstacle | None:
        gateway_id = opened.gateway_id or row.gateway_id
        if gateway_id is None:
            return Obstacle.NO_GATEWAY
        gateway = store.gateways_by_id(cur, [gateway_id]).get(gateway_id)
        if gateway is None or gateway.status is not Standing.ACTIVE or gateway.enrolled_at is None:
            return Obstacle.GATEWAY_NOT_ACTIVE
        if gateway.practice_id != self._practice_id:
            return Obstacle.OTHER_PRACTICE
        if row.outbox_epoch is not None and row.sent_at is None:
            return Obstacle.MESSAGE_UNKNOWN
        return None

    def _settle(
        self,
        row: Waiting,
        to: To | None,
        reason: str | None,
        at: datetime,
        found: Outcome | None = None,
    ) -> Result:
        which = {"practice_id": self._practice_id, "quarantine_id": row.quarantine_id}
        with tenancy.transaction(self._connection, self._practice_id) as cur:
            if found is not None and found.failed:
                self._reopen(cur, row, found.failed)
            if to in {To.STORED, To.DUPLICATE}:
                message = {"practice_id": self._practice_id, "message_id": row.message_id}
                cur.execute(_Q.adopt_message, message)
            noted = {"at": at, "decided_by": self._decided_by, "to": to, "reason": reason}
            cur.execute(_Q.settle, which | noted)
            event = audit.Event(
                practice_id=self._practice_id,
                at=at,
                kind=audit.Kind.CHANGE,
                action=audit.Action.EXECUTE,
                agent=self._by,
                outcome=audit.Outcome.SUCCESS if to else audit.Outcome.FAILED,
                purpose=audit.Purpose.OPERATIONS,
                resource=RESOURCE,
                resource_id=str(row.quarantine_id),
                detail={
                    "held_for": row.reason,
                    "to": to,
                    "reason": reason,
                    "gateway": row.gateway_id,
                    "decided_by": self._decided_by,
                },
            )
            audit.record(cur, [event])
        return Result(row.quarantine_id, row.gateway_id, row.reason, to, reason)

    def _reopen(
        self, cur: Cursor, row: Waiting, failed: Sequence[tuple[str | None, int | None, str]]
    ) -> None:
        epochs, seqs, reasons = zip(*failed, strict=True)
        cur.execute(
            _Q.reopen,
            {
                "practice_id": self._practice_id,
                "topic": row.topic,
                "content_sha256": row.content_sha256,
                "epochs": list(epochs),
                "seqs": list(seqs),
                "reasons": list(reasons),
            },
        )


def asked(cur: Cursor, limit: int) -> list[tuple[UUID, UUID, str]]:
    """Return (practice, record, staff id) of what people want tried again, longest waiting first; role ingest."""
    return list(cur.execute(_Q.asked, {"limit": limit}))


def _take_in(committer: Committer, opened: Opened, at: datetime) -> Fates:
    """Take a message in; what fails alone goes to quarantine, and the other records of the message do not.

    Raises:
        psycopg.Error: the database itself failed.
    """
    try:
        return committer.take_in([opened], at)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        reason, detail = IngestReason.STORAGE_REFUSED, f"sqlstate {error.sqlstate or 'none'}"
    except psycopg.Error:
        raise
    except Exception as error:  # a defect: the record stays in quarantine, whoever tries it is told
        log.exception("redrive_failed")
        reason, detail = IngestReason.PROCESSING_FAILED, f"{type(error).__name__} in ingest"
    parts = arrivals.one_by_one(opened)
    if len(parts) > 1:
        return {key: fate for part in parts for key, fate in _take_in(committer, part, at).items()}
    return committer.refuse(opened, reason, detail, at)
