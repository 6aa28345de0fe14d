"""Readings that turn out to be somebody else's, or to have been read wrongly, are withdrawn from their episodes.

Nothing is closed by it: whoever has the task sees that the reading counts no more, and decides. What the rules said of
the reading stays as it was written.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from alerts import store
from alerts.episode import EpisodeEvent, EpisodeEventKind
from ingest import corrections
from ingest.corrections import Cause
from ingest.rows import StoredReading

_NOTES: Final = {
    Cause.ASSIGNMENT: "This reading was not the patient’s: the assignment of its peripheral was corrected.",
    Cause.PROFILE: "This reading was corrected: a newer device profile reads what the peripheral sent otherwise.",
}


def withdraw(cur: store.Cursor, reading: StoredReading, patient_id: UUID, at: datetime) -> None:
    """Withdraw a version that was replaced from each episode of the patient in which it stands; once.

    A version that was never evaluated stands in none.

    Args:
        cur: In a transaction that holds the patient's lock.
        reading: The version.
        patient_id: Whose it was.
        at: Now, aware UTC.
    """
    _withdraw(cur, reading, patient_id, {reading.reading_id}, at)


def former_breaches(
    cur: store.Cursor, reading: StoredReading, patient_id: UUID, at: datetime
) -> dict[UUID, UUID]:
    """Withdraw the former versions of a reading; return the episodes in which it takes their place, by rule.

    That of an episode which was closed after the withdrawal is none of them: who closed it did not have the reading
    before them, so its breach is news.

    Args:
        cur: In a transaction that holds the patient's lock.
        reading: The version that counts.
        patient_id: Whose it is.
        at: Now, aware UTC.
    """
    if reading.version == 1:
        return {}
    versions = corrections.history(cur, reading.practice_id, reading.reading_id)
    formers = {one.reading_id for one in versions if one.version < reading.version}
    _withdraw(cur, reading, patient_id, formers, at)
    found = store.breaches_of_versions(cur, reading.practice_id, patient_id, formers)
    return {one.rule_id: one.episode_id for one in found if one.is_dealt_with}


def _withdraw(
    cur: store.Cursor,
    reading: StoredReading,
    patient_id: UUID,
    which: Collection[UUID],
    at: datetime,
) -> None:
    practice_id = reading.practice_id
    found = store.breaches_of_versions(cur, practice_id, patient_id, which)
    standing = [one for one in found if one.withdrawn_at is None]
    if not standing:
        return
    versions = corrections.history(cur, practice_id, reading.reading_id)
    numbers = {one.reading_id: one.version for one in versions}
    causes = {one.version: one.cause for one in versions}
    for one in standing:
        cause = causes[numbers[one.reading_id] + 1]  # of the version that replaced it
        event = EpisodeEvent(
            at=at,
            event=EpisodeEventKind.READING_WITHDRAWN,
            reading_id=one.reading_id,
            measured_at=one.measured_at,
            note=_NOTES[Cause(cause or Cause.ASSIGNMENT)],
        )
        store.insert_episode_event(cur, practice_id, one.episode_id, event)
        store.recount_breaches(cur, practice_id, one.episode_id)
