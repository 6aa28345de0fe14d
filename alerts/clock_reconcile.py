"""Brings runs, episodes and tasks in step with what the rules that the clock asks found.

Asking again changes nothing while nothing has changed, and no episode is closed by it: what is as it should be again is
marked in its episode, and whoever has the task decides.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from alerts import clock_breaches, store
from alerts.breaches import RETURNS_WITHIN
from alerts.care_side import CareSide
from alerts.clock_breaches import Run, Step
from alerts.clock_verdicts import Asked
from alerts.episode import Episode, EpisodeEvent, EpisodeEventKind, OpenedEpisode
from alerts.home_verdicts import ClockSilence, Finding

log = logging.getLogger(__name__)

_AS_IT_SHOULD_BE: Final = "It is as it should be again."


@dataclass(frozen=True, slots=True)
class ClockReconciler:
    """One pass over a practice.

    Attributes:
        cur: in a transaction that works for the practice and holds its turn.
        runs: those that go on, by patient and family.
        at: now, aware UTC.
    """

    cur: store.Cursor
    practice_id: UUID
    care_side: CareSide
    runs: Mapping[tuple[UUID, str], Run]
    at: datetime

    def follow(self, asked: Asked) -> None:
        """Write what follows; a patient for whom it cannot be written hurts no other.

        1. Take turns with the evaluators on the patients about whom anything changes.
        2. Begin, change and end runs, and what they do to episodes and tasks, each in a savepoint of its own.
        """
        found = {(one.patient_id, one.rule.spec.family): one for one in asked.findings}
        over = [
            run
            for key, run in self.runs.items()
            if run.patient_id in asked.patients and key not in found and key not in asked.unknown
        ]
        changes = [(one, self.runs.get(key)) for key, one in found.items()]
        steps = [(one, run, _step(one, run, self.at)) for one, run in changes]
        moving = [each for each in steps if each[2] is not Step.NOTHING]
        touched = {one.patient_id for one, _, _ in moving} | {run.patient_id for run in over}
        if not touched:
            return
        store.lock_patients(self.cur, touched)
        for run in over:
            self._safely(self._end, run, (run.patient_id, run.family) in asked.fine)
        for one, former, step in moving:
            self._safely(self._write, one, former, step)

    def _safely(self, write: Callable[..., None], *told: Any) -> None:
        try:
            with self.cur.connection.transaction():
                write(*told)
        except Exception as error:  # the top loop: one poisoned row must not stop the others
            if self.cur.connection.broken:
                raise
            log.error("clock_breach_failed", extra={"error": type(error).__name__})  # noqa: TRY400 - no row's words

    def _write(self, found: Finding, run: Run | None, step: Step) -> None:
        match step:
            case Step.TELL if run is not None:
                clock_breaches.tell(self.cur, self.practice_id, run, found, self.at)
            case Step.BE_SILENT:
                self._begin(found, run, silence=found.silence)
            case Step.CALL:
                self._call(found, run)
            case _:
                pass

    def _end(self, run: Run, is_known: bool) -> None:
        """End a run; where it is known that all is well, and not only that nobody asks any more, mark its episode."""
        clock_breaches.end(self.cur, self.practice_id, run, self.at)
        if run.episode_id is None or not is_known:
            return
        if store.mark_in_range(self.cur, self.practice_id, run.episode_id, self.at):
            self._note(run.episode_id, EpisodeEventKind.IN_RANGE, _AS_IT_SHOULD_BE)

    def _begin(self, found: Finding, run: Run | None, **how: Any) -> None:
        if run is not None:
            clock_breaches.end(self.cur, self.practice_id, run, self.at)
        clock_breaches.begin(self.cur, self.practice_id, found, self.at, **how)

    def _call(self, found: Finding, run: Run | None) -> None:
        with self.cur.connection.transaction() as savepoint:
            episode_id = self._episode(found)
            if episode_id is None:
                raise psycopg.Rollback(savepoint)
            self._begin(found, run, episode_id=episode_id)
            return
        if run is None or run.silence is not ClockSilence.NOT_ENROLLED:
            self._begin(found, run, silence=ClockSilence.NOT_ENROLLED)

    def _episode(self, found: Finding) -> UUID | None:
        """Return the episode that a breach belongs to from now on, with its task; None where nobody cares."""
        newest = store.hold_newest_episode(
            self.cur, self.practice_id, found.patient_id, found.rule.spec.family
        )
        if newest is not None and newest.closed_at is None:
            return self._go_on(found, newest)
        if (
            newest is not None
            and newest.closed_at is not None
            and self.at - newest.closed_at <= RETURNS_WITHIN
        ):
            returned = self._opened(found, newest.episode_id)
            store.return_episode(self.cur, returned)
            clock_breaches.join_episode(self.cur, self.practice_id, newest.episode_id, self.at)
            self._note(newest.episode_id, EpisodeEventKind.RETURNED, found.sentence)
            is_cared_for = self.care_side.reopen_task(self.cur, returned) is not None
            return newest.episode_id if is_cared_for else None
        opened = self._opened(found, uuid4())
        store.open_episode(self.cur, opened)
        self._note(opened.episode_id, EpisodeEventKind.OPENED, found.sentence)
        is_cared_for = self.care_side.open_task(self.cur, opened) is not None
        return opened.episode_id if is_cared_for else None

    def _go_on(self, found: Finding, episode: Episode) -> UUID:
        if found.rule.spec.severity.rank > episode.severity.rank:
            severer = self._opened(found, episode.episode_id)
            store.escalate_episode(self.cur, severer)
            self._note(episode.episode_id, EpisodeEventKind.ESCALATED, found.sentence)
            self.care_side.escalate_task(self.cur, severer)
        else:
            self._note(episode.episode_id, EpisodeEventKind.BREACHED_AGAIN, found.sentence)
        clock_breaches.join_episode(self.cur, self.practice_id, episode.episode_id, self.at)
        return episode.episode_id

    def _note(self, episode_id: UUID, kind: EpisodeEventKind, note: str) -> None:
        event = EpisodeEvent(at=self.at, event=kind, reading_id=None, measured_at=None, note=note)
        store.insert_episode_event(self.cur, self.practice_id, episode_id, event)

    def _opened(self, found: Finding, episode_id: UUID) -> OpenedEpisode:
        return OpenedEpisode.by(
            found.rule,
            episode_id,
            patient_id=found.patient_id,
            opened_at=self.at,
            reading_id=None,
            measured_at=self.at,
            sentence=found.sentence,
        )


def _step(found: Finding, run: Run | None, at: datetime) -> Step:
    if run is not None:
        return run.step(found, at)
    return Step.CALL if found.silence is None else Step.BE_SILENT
