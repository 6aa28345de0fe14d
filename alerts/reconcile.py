"""Brings what is stored of breaches and episodes in step with what the rules say of some readings, event by event.

Assessing the same readings twice changes nothing the second time, and the order in which readings arrive makes no
difference to what they end in: each pass compares all that the rules say of them with all that is stored of them.

A reading that counts no more, or breaches no more since later ones came, is withdrawn from its episode; nothing is
closed by it: whoever has the task sees it, and decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from alerts import assessment, store
from alerts.assessment import Answer, Assessed
from alerts.breaches import RETURNS_WITHIN, Breach, Outcome, Silence
from alerts.care_side import CareSide
from alerts.episode import Episode, EpisodeEvent, EpisodeEventKind, OpenedEpisode
from ingest import corrections
from ingest.corrections import Cause, Version
from ingest.rows import Origin

_WITHDRAWN: Final = {
    Cause.ASSIGNMENT: "This reading was not the patient’s: the assignment of its peripheral was corrected.",
    Cause.PROFILE: "This reading was corrected: a newer device profile reads what the peripheral sent otherwise.",
}
_CHANGED: Final = "This reading breaches the rule no more: what was measured around it came later."


@dataclass(frozen=True, slots=True)
class Followed:
    """What followed from one breach; without an episode nobody was called."""

    family: str
    rule_id: UUID
    event: EpisodeEventKind | None
    episode_id: UUID | None
    task_id: UUID | None = None
    silence: Silence | None = None

    def traced(self) -> dict[str, Any]:
        """Return it for the trace; JSON."""
        said = self.event or self.silence
        return {
            "rule_id": str(self.rule_id),
            "family": self.family,
            "event": None if said is None else said.value,
            "episode_id": None if self.episode_id is None else str(self.episode_id),
            "task_id": None if self.task_id is None else str(self.task_id),
        }


@dataclass(frozen=True, slots=True)
class Reconciler:
    """One pass over one patient's readings.

    Attributes:
        cur: in a transaction that works for the practice and holds the patient's lock.
        known: what is stored of the readings' breaches, by reading and family.
        open_episodes: the patient's open episodes when the pass began, by family.
        at: now, aware UTC.
        late_after: a breach measured longer ago is history.
        is_active: whether anybody is called about the patient at all.
    """

    cur: store.Cursor
    practice_id: UUID
    care_side: CareSide
    known: Mapping[tuple[UUID, str], Breach]
    open_episodes: Mapping[str, Episode]
    at: datetime
    late_after: timedelta
    is_active: bool

    def withdraw_superseded(self, reading_ids: Iterable[UUID]) -> None:
        """Withdraw readings whose place a later version took."""
        for reading_id in reading_ids:
            standing = [
                one
                for (known_id, _), one in self.known.items()
                if known_id == reading_id and one.withdrawn_at is None
            ]
            if standing:
                versions = corrections.history(self.cur, self.practice_id, reading_id)
            for breach in standing:
                self._withdraw(breach, _WITHDRAWN[_cause(versions, reading_id)])

    def follow(self, one: Assessed) -> list[Followed] | None:
        """Write what follows from what the rules say of one reading; None where nothing changes."""
        breaches = {answer.rule.spec.family: answer for answer in one.breaches}
        asked = {answer.rule.spec.family for answer in one.answers}
        changes = []
        for family in sorted(asked):
            answer = breaches.get(family)
            standing = self.known.get((one.reading.reading_id, family))
            if standing is not None and standing.withdrawn_at is not None:
                standing = None
            if answer is None:
                if standing is not None:
                    self._withdraw(standing, _CHANGED)
                    changes.append(Followed(family, standing.rule_id, None, standing.episode_id))
            elif standing is None or not _is_same(standing, answer):
                changes.append(self._follow(one, answer))
        return changes or None

    def mark_in_range(self, newest: Mapping[str, Assessed]) -> None:
        """Mark the open episodes whose family the newest reading was asked about and did not breach."""
        for family, one in newest.items():
            episode = self.open_episodes.get(family)
            if episode is None or any(each.rule.spec.family == family for each in one.breaches):
                continue
            measured_at = one.reading.measured_at
            if episode.in_range_at is not None and measured_at <= episode.in_range_at:
                continue
            if store.mark_in_range(self.cur, self.practice_id, episode.episode_id, measured_at):
                event = EpisodeEvent(
                    at=self.at,
                    event=EpisodeEventKind.IN_RANGE,
                    reading_id=None,  # those of an episode's history are its breaches
                    measured_at=measured_at,
                    note="A reading is in range.",
                )
                store.insert_episode_event(self.cur, self.practice_id, episode.episode_id, event)

    def _follow(self, one: Assessed, answer: Answer) -> Followed:
        family = answer.rule.spec.family
        former = self._place_of_former_version(one, family)
        if former is not None:
            return self._join(one, answer, former, EpisodeEventKind.CORRECTED)
        is_late = self.at - one.reading.measured_at > self.late_after
        episode = store.hold_newest_episode(
            self.cur, self.practice_id, one.reading.patient_id, family
        )
        is_open = episode is not None and episode.closed_at is None
        if one.reading.origin is Origin.IMPORT:
            return self._be_silent(one, answer, Silence.IMPORTED)
        if not self.is_active:
            return self._be_silent(one, answer, Silence.NOT_ACTIVE)
        if is_late and not is_open:
            return self._be_silent(one, answer, Silence.TOO_LATE)
        if episode is not None and is_open:
            if is_late:
                return self._join(one, answer, episode, EpisodeEventKind.BREACHED_LATE)
            if answer.rule.spec.severity.rank > episode.severity.rank:
                return self._escalate(one, answer, episode)
            return self._join(one, answer, episode, EpisodeEventKind.BREACHED_AGAIN)
        with self.cur.connection.transaction() as savepoint:
            if episode is not None and _comes_back(one, episode):
                followed = self._return(one, answer, episode)
            else:
                followed = self._open(one, answer)
            if followed is not None:
                return followed
            raise psycopg.Rollback(savepoint)
        return self._be_silent(one, answer, Silence.NOT_ENROLLED)

    def _place_of_former_version(self, one: Assessed, family: str) -> Episode | None:
        """Return the episode in which the reading takes its former version's place: one measurement, one breach.

        That of an episode which was closed after the withdrawal is none: who closed it did not have the reading before
        them, so its breach is news.
        """
        if one.reading.version == 1:
            return None
        versions = corrections.history(self.cur, self.practice_id, one.reading.reading_id)
        formers = {each.reading_id for each in versions if each.version < one.reading.version}
        for breach in store.breaches(self.cur, self.practice_id, formers):
            if breach.patient_id != one.reading.patient_id:
                continue  # withdrawn by the former patient's own work, which holds that patient's lock
            if breach.withdrawn_at is None:
                self._withdraw(breach, _WITHDRAWN[_cause(versions, breach.reading_id)])
            if breach.family != family or breach.episode_id is None:
                continue
            episode = store.episode(self.cur, self.practice_id, breach.episode_id)
            if episode is not None and breach.is_before_whoever_closes(episode.closed_at):
                return episode
        return None

    def _join(
        self, one: Assessed, answer: Answer, episode: Episode, event: EpisodeEventKind
    ) -> Followed:
        self._store(one, answer, episode.episode_id)
        self._note(episode.episode_id, event, one, answer.sentence)
        return _followed(answer, event, episode.episode_id)

    def _escalate(self, one: Assessed, answer: Answer, episode: Episode) -> Followed:
        severer = self._opened(one, answer, episode.episode_id)
        store.escalate_episode(self.cur, severer)
        self._store(one, answer, episode.episode_id)
        self._note(episode.episode_id, EpisodeEventKind.ESCALATED, one, answer.sentence)
        task_id = self.care_side.escalate_task(self.cur, severer)
        return _followed(answer, EpisodeEventKind.ESCALATED, episode.episode_id, task_id)

    def _return(self, one: Assessed, answer: Answer, episode: Episode) -> Followed | None:
        returned = self._opened(one, answer, episode.episode_id)
        store.return_episode(self.cur, returned)
        self._store(one, answer, episode.episode_id)
        self._note(episode.episode_id, EpisodeEventKind.RETURNED, one, answer.sentence)
        task_id = self.care_side.reopen_task(self.cur, returned)
        if task_id is None:
            return None
        return _followed(answer, EpisodeEventKind.RETURNED, episode.episode_id, task_id)

    def _open(self, one: Assessed, answer: Answer) -> Followed | None:
        opened = self._opened(one, answer, uuid4())
        store.open_episode(self.cur, opened)
        self._store(one, answer, opened.episode_id)
        self._note(opened.episode_id, EpisodeEventKind.OPENED, one, answer.sentence)
        task_id = self.care_side.open_task(self.cur, opened)
        if task_id is None:
            return None
        return _followed(answer, EpisodeEventKind.OPENED, opened.episode_id, task_id)

    def _be_silent(self, one: Assessed, answer: Answer, silence: Silence) -> Followed:
        self._store(one, answer, None, silence)
        return Followed(answer.rule.spec.family, answer.rule.rule_id, None, None, silence=silence)

    def _store(
        self,
        one: Assessed,
        answer: Answer,
        episode_id: UUID | None,
        silence: Silence | None = None,
    ) -> None:
        reading = one.reading
        breach = Breach(
            reading_id=reading.reading_id,
            family=answer.rule.spec.family,
            patient_id=reading.patient_id,
            measured_at=reading.measured_at,
            rule_id=answer.rule.rule_id,
            rule_version=answer.rule.version,
            severity=answer.rule.spec.severity,
            is_late=self.at - reading.measured_at > self.late_after,
            episode_id=episode_id,
            silence=silence,
        )
        store.insert_breach(self.cur, self.practice_id, breach, self.at)
        if episode_id is not None:
            store.recount_breaches(self.cur, self.practice_id, episode_id)

    def _withdraw(self, breach: Breach, note: str) -> None:
        store.withdraw_breach(self.cur, self.practice_id, breach, self.at)
        if breach.episode_id is not None:
            event = EpisodeEvent(
                at=self.at,
                event=EpisodeEventKind.READING_WITHDRAWN,
                reading_id=breach.reading_id,
                measured_at=breach.measured_at,
                note=note,
            )
            store.insert_episode_event(self.cur, self.practice_id, breach.episode_id, event)

    def _note(self, episode_id: UUID, kind: EpisodeEventKind, one: Assessed, note: str) -> None:
        event = EpisodeEvent(
            at=self.at,
            event=kind,
            reading_id=one.reading.reading_id,
            measured_at=one.reading.measured_at,
            note=note,
        )
        store.insert_episode_event(self.cur, self.practice_id, episode_id, event)

    def _opened(self, one: Assessed, answer: Answer, episode_id: UUID) -> OpenedEpisode:
        return OpenedEpisode.by(
            answer.rule,
            episode_id,
            patient_id=one.reading.patient_id,
            opened_at=self.at,
            reading_id=one.reading.reading_id,
            measured_at=one.reading.measured_at,
            sentence=answer.sentence,
        )


def evaluation(
    practice_id: UUID,
    one: Assessed,
    followed: Sequence[Followed],
    revision: int,
    at: datetime,
) -> store.Evaluation:
    """Return what is stored of what a reading meant and led to."""
    outcome, silence = _outcome(one, followed)
    trace = assessment.trace(one, at) | {
        "outcome": outcome.value,
        "silence": None if silence is None else silence.value,
        "episodes": [each.traced() for each in followed],
    }
    return store.Evaluation(
        practice_id=practice_id,
        reading_id=one.reading.reading_id,
        revision=revision,
        measured_at=one.reading.measured_at,
        patient_id=one.reading.patient_id,
        evaluated_at=at,
        outcome=outcome,
        silence=silence,
        trace=trace,
    )


def _outcome(one: Assessed, followed: Sequence[Followed]) -> tuple[Outcome, Silence | None]:
    events = {each.event for each in followed if each.event is not None}
    if EpisodeEventKind.OPENED in events:
        return Outcome.EPISODE_OPENED, None
    if EpisodeEventKind.RETURNED in events:
        return Outcome.EPISODE_RETURNED, None
    if events:
        return Outcome.EPISODE_CONTINUED, None
    silences = [each.silence for each in followed if each.silence is not None]
    if silences:
        return Outcome.SILENT, silences[0]
    return (Outcome.WAITING if one.waiting else Outcome.NO_BREACH), None


def _followed(
    answer: Answer, event: EpisodeEventKind, episode_id: UUID, task_id: UUID | None = None
) -> Followed:
    return Followed(answer.rule.spec.family, answer.rule.rule_id, event, episode_id, task_id)


def _cause(versions: Sequence[Version], reading_id: UUID) -> Cause:
    """Return why a version was replaced: the cause of the one that replaced it."""
    numbers = {one.reading_id: one.version for one in versions}
    causes = {one.version: one.cause for one in versions}
    return Cause(causes.get(numbers[reading_id] + 1) or Cause.ASSIGNMENT)


def _comes_back(one: Assessed, episode: Episode) -> bool:
    return (
        episode.closed_at is not None
        and one.reading.measured_at <= episode.closed_at + RETURNS_WITHIN
    )


def _is_same(known: Breach, answer: Answer) -> bool:
    return (known.rule_id, known.rule_version) == (answer.rule.rule_id, answer.rule.version)
