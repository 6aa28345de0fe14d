"""Quarantine as people look at it: what is open, what became of the rest, one record with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg

from firmware_profiles import models
from firmware_profiles.errors import ProfileError
from ingest import named_queries, statements
from ingest.rows import QuarantineRow

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "held_records")


class Shape(StrEnum):
    """What the bytes of a row are."""

    FRAME = "frame"  # a peripheral's, with what the gateway said about it
    RECORD = "record"  # the JSON text of one record that could not be read
    MESSAGE = "message"  # a whole payload


@dataclass(frozen=True, slots=True)
class Profile:
    """The device profile that a record names, and whether this server has it."""

    profile_id: str
    version: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class HeldRecord(QuarantineRow):
    """A row of quarantine with its history. Times are aware UTC.

    Attributes:
        redrive_asked_at: When somebody asked for a second try that was not made yet.
        redriven_at: When it was last sent through ingest again.
        redriven_to: What became of it then (:class:`ingest.redrive.To`); None while it is open.
        redriven_reason: Why it could not become data the last time.
    """

    redrive_asked_at: datetime | None
    redrive_asked_by: str | None
    redriven_at: datetime | None
    redriven_by: str | None
    redriven_to: str | None
    redriven_reason: str | None

    @property
    def is_open(self) -> bool:
        """Say whether it still waits for somebody."""
        return self.redriven_to is None

    @property
    def shape(self) -> Shape:
        """Return what its bytes are. A message that cannot be read as a whole has no epoch."""
        if self.record is not None:
            return Shape.FRAME
        return Shape.MESSAGE if self.outbox_epoch is None else Shape.RECORD

    @property
    def profile(self) -> Profile | None:
        """Return the profile that the record names; None where it was not readable."""
        if self.record is None:
            return None
        profile_id, version = str(self.record["profile_id"]), int(self.record["profile_version"])
        try:
            models.by_id(profile_id, version)
        except ProfileError:
            return Profile(profile_id, version, is_known=False)
        return Profile(profile_id, version, is_known=True)


def still_open(cur: Cursor, practice_id: UUID | None, limit: int) -> list[HeldRecord]:
    """Return what could not become data yet, latest first; without a practice, what no known gateway sent."""
    asked = {"practice_id": practice_id, "limit": limit}
    return statements.rows(cur, HeldRecord, _Q.open_records, asked)


def redriven(cur: Cursor, practice_id: UUID | None, limit: int) -> list[HeldRecord]:
    """Return what left the open list, latest first."""
    asked = {"practice_id": practice_id, "limit": limit}
    return statements.rows(cur, HeldRecord, _Q.redriven_records, asked)


def one(cur: Cursor, practice_id: UUID | None, quarantine_id: UUID) -> HeldRecord | None:
    """Return one record, open or not."""
    asked = {"practice_id": practice_id, "quarantine_id": quarantine_id}
    return statements.first(cur, HeldRecord, _Q.record, asked)


def ask_for_redrive(
    cur: Cursor, practice_id: UUID, quarantine_id: UUID, asked_by: str, at: datetime
) -> bool:
    """Ask ingest to try a record again (:mod:`ingest.redrive_requests`).

    Args:
        cur: Of the role ``homevitals_console``.
        practice_id: Whose.
        quarantine_id: Which.
        asked_by: Staff id.
        at: Now, aware UTC.

    Returns:
        False where it is not open, or somebody has asked already.
    """
    parameters = {
        "practice_id": practice_id,
        "quarantine_id": quarantine_id,
        "asked_by": asked_by,
        "at": at,
    }
    return statements.changed(cur, _Q.ask_for_redrive, parameters)
