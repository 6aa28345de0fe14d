"""Episodes: one run of a rule being breached by one patient, until somebody closes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from alerts.measures import Severity
from alerts.rules import Rule


class EpisodeEventKind(StrEnum):
    """What happened to an episode."""

    OPENED = "opened"
    BREACHED_AGAIN = "breached_again"
    BREACHED_LATE = "breached_late"  # measured long before it was evaluated: known, and no alarm
    ESCALATED = "escalated"  # a severer rule of the family is breached
    RETURNED = "returned"  # breached again soon after it was closed
    IN_RANGE = "in_range"  # a reading breaches nothing: a mark, nothing ends by it
    READING_WITHDRAWN = "reading_withdrawn"  # it was somebody else's after all, or was read wrongly
    CORRECTED = "corrected"  # the corrected reading breaches the rule as well: the same breach, not a second
    ACKNOWLEDGED = "acknowledged"
    RELEASED = "released"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    SNOOZE_ENDED = "snooze_ended"
    FELL_BACK = "fell_back"  # acknowledged, and nobody worked on it
    SET_ASIDE = "set_aside"  # its patient is not active any more
    TAKEN_UP = "taken_up"  # its patient is active again
    CLOSED = "closed"


BREACHES: Final = frozenset(
    {
        EpisodeEventKind.OPENED,
        EpisodeEventKind.BREACHED_AGAIN,
        EpisodeEventKind.BREACHED_LATE,
        EpisodeEventKind.ESCALATED,
        EpisodeEventKind.RETURNED,
        EpisodeEventKind.CORRECTED,
    }
)
"""The events that a reading causes by breaching a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEpisode:
    """What the care side is told about an episode that opened, became severer or came back, in the same transaction.

    Attributes:
        family: the subject.
        title: The rule's title.
        severity: How severe the episode is now.
        opened_at: When this was found; the due time counts from here.
        reading_id: The reading that breached the rule; None where no reading did, but its absence.
        measured_at: When it was measured; when the absence was found.
        sentence: What was measured against which limit, for a person.
    """

    practice_id: UUID
    patient_id: UUID
    episode_id: UUID
    rule_id: UUID
    rule_version: int
    family: str
    title: str
    severity: Severity
    opened_at: datetime
    due_at: datetime
    reading_id: UUID | None
    measured_at: datetime
    sentence: str

    @classmethod
    def by(
        cls,
        rule: Rule,
        episode_id: UUID,
        *,
        patient_id: UUID,
        opened_at: datetime,
        reading_id: UUID | None,
        measured_at: datetime,
        sentence: str,
    ) -> Self:
        """Return what there is to tell of an episode because a rule is breached."""
        return cls(
            practice_id=rule.practice_id,
            patient_id=patient_id,
            episode_id=episode_id,
            rule_id=rule.rule_id,
            rule_version=rule.version,
            family=rule.spec.family,
            title=rule.spec.title,
            severity=rule.spec.severity,
            opened_at=opened_at,
            due_at=opened_at + rule.spec.due_within,
            reading_id=reading_id,
            measured_at=measured_at,
            sentence=sentence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode as stored.

    Attributes:
        rule_id: The rule that was breached when it opened or became severer last, with its version.
        severity: The highest that it reached.
        breach_count: Readings that breached a rule of the family in it; withdrawn ones do not count.
        breached_at: When the newest of them was measured; of the last withdrawn one where none is left.
        escalated_at: When it last became severer.
        returned_at: When it last came back after it had been closed.
        in_range_at: When the newest reading in range was measured, if no breach is newer.
        closed_at: None while it is open.
    """

    practice_id: UUID
    episode_id: UUID
    patient_id: UUID
    rule_id: UUID
    rule_version: int
    family: str
    severity: Severity
    opened_at: datetime
    breach_count: int
    breached_at: datetime
    escalated_at: datetime | None
    returned_at: datetime | None
    return_count: int
    in_range_at: datetime | None
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
        if event.event in BREACHES
        and event.reading_id is not None
        and event.measured_at is not None
    ]
