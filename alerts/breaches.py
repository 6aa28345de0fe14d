"""What a reading led to: a breach of each family, in an episode or with its reason for silence. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts.measures import Severity

RETURNS_WITHIN: Final = timedelta(hours=72)
"""A breach measured so soon after an episode was closed is the same story going on: facts of practice, no guideline."""


class Outcome(StrEnum):
    """What an evaluation led to."""

    NO_BREACH = "no_breach"
    WAITING = "waiting"  # the patient is asked to measure again
    EPISODE_OPENED = "episode_opened"
    EPISODE_CONTINUED = "episode_continued"
    EPISODE_RETURNED = "episode_returned"
    SILENT = "silent"


class Silence(StrEnum):
    """Why nobody is called although somebody might expect it."""

    TOO_LATE = "too_late"
    NOT_MEASURED = "not_measured"
    NOT_ENROLLED = "not_enrolled"
    IMPORTED = "imported"  # from a file: history, whenever it was measured
    NOT_ACTIVE = "not_active"  # the patient died, moved, or left: not cared for here now


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """That a reading breaches a family of rules.

    Attributes:
        rule_id: the severest rule that it breaches, with its version.
        is_late: it was measured so long before it was evaluated that it is history.
        episode_id: where it stands; None where nobody was called.
        silence: then why.
        withdrawn_at: since when it counts no more.
    """

    reading_id: UUID
    family: str
    patient_id: UUID
    measured_at: datetime
    rule_id: UUID
    rule_version: int
    severity: Severity
    is_late: bool
    episode_id: UUID | None
    silence: Silence | None
    withdrawn_at: datetime | None = None

    def is_before_whoever_closes(self, closed_at: datetime | None) -> bool:
        """Say whether who closed its episode, or will close it, has this reading before them.

        Args:
            closed_at: when the episode was closed; None while it is open.
        """
        return closed_at is None or self.withdrawn_at is None or closed_at < self.withdrawn_at
