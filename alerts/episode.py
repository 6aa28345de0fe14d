"""Episodes: one run of a rule being breached by one patient, until somebody closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg

from alerts.rules import Severity


class EpisodeEventKind(StrEnum):
    """What happened to an episode."""

    OPENED = "opened"
    BREACHED_AGAIN = "breached_again"
    READING_WITHDRAWN = "reading_withdrawn"  # it was somebody else's after all, or was read wrongly
    CORRECTED = "corrected"  # the corrected reading breaches the rule as well: the same breach, not a second
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEpisode:
    """What a sink is told about an episode, in the transaction that opened it.

    Attributes:
        title: The rule's title.
        opened_at: When the evaluator found the breach; the due time counts from here.
        reading_id: The reading that breached the rule.
        measured_at: When it was measured.
        sentence: What was measured against which limit, for a person.
    """

    practice_id: UUID
    patient_id: UUID
    episode_id: UUID
    rule_id: UUID
    rule_version: int
    title: str
    severity: Severity
    opened_at: datetime
    due_at: datetime
    reading_id: UUID
    measured_at: datetime
    sentence: str


TaskSink = Callable[[psycopg.Cursor[Any], OpenedEpisode], UUID | None]
"""Turns an episode into work on the evaluator's open cursor and returns the task's id.

None declines: nobody cares for this patient, because the patient is in no program. The evaluator
then takes the episode back and records ``not_enrolled`` as the reason for its silence. So this
package need not know what a program is.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode as stored.

    Attributes:
        breach_count: Readings that breached the rule while it was open; withdrawn ones do not count.
        breached_at: When the newest of them was measured; of the last withdrawn one where none is left.
        closed_at: None while it is open.
    """

    practice_id: UUID
    episode_id: UUID
    patient_id: UUID
    rule_id: UUID
    rule_version: int
    severity: Severity
    opened_at: datetime
    breach_count: int
    breached_at: datetime
    closed_at: datetime | None
    closed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEvent:
    """One line of an episode's history, with the reading if it was one that caused it."""

    at: datetime
    event: EpisodeEventKind
    reading_id: UUID | None
    measured_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A reading that breached an episode's rule.

    Attributes:
        sentence: What was measured against which limit.
        withdrawn: Why the reading counts no more; "" where it does.
    """

    reading_id: UUID
    measured_at: datetime
    sentence: str
    withdrawn: str


def breaches(events: Iterable[EpisodeEvent]) -> list[Breach]:
    """Return the readings that an episode's history tells of, in its order, withdrawn ones too. Pure."""
    events = list(events)
    withdrawn = {
        event.reading_id: event.note
        for event in events
        if event.event is EpisodeEventKind.READING_WITHDRAWN
    }
    return [
        Breach(
            reading_id=event.reading_id,
            measured_at=event.measured_at,
            sentence=event.note,
            withdrawn=withdrawn.get(event.reading_id, ""),
        )
        for event in events
        if event.event is not EpisodeEventKind.READING_WITHDRAWN
        and event.reading_id is not None
        and event.measured_at is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionBreach:
    """That one version of a reading breached an episode's rule.

    Attributes:
        withdrawn_at: When the reading was withdrawn from the episode; None where it counts.
        closed_at: When the episode was closed; None while it is open.
    """

    reading_id: UUID
    measured_at: datetime
    episode_id: UUID
    rule_id: UUID
    withdrawn_at: datetime | None
    closed_at: datetime | None

    @property
    def is_dealt_with(self) -> bool:
        """Say whether who closed, or will close, the episode has this reading before them."""
        return (
            self.closed_at is None
            or self.withdrawn_at is None
            or self.closed_at < self.withdrawn_at
        )
