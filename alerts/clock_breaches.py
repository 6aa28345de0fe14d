"""Runs: since when a rule that the clock asks has been breached, in which episode, or why nobody was called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import kwargs_row

from alerts.home_verdicts import ClockSilence, Finding
from alerts.measures import Severity
from alerts.missing_link import Link
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

Q: Final = named_queries.load("alerts", "clock_watch")

AGAIN_AFTER: Final = timedelta(days=7)
"""How long nobody is called again about what goes on after its episode was closed; ours. Who closed it knew of it."""

_MOST: Final = 50


class Step(Enum):
    """What follows from a finding."""

    NOTHING = auto()
    TELL = auto()  # the same, in other words
    BE_SILENT = auto()  # a run with a reason for silence begins
    CALL = auto()  # an episode opens, becomes severer, goes on or comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A breach that goes on.

    Attributes:
        closed_at: when its episode was closed; None where it is open, or there is none.
    """

    breach_id: UUID
    patient_id: UUID
    family: str
    rule_id: UUID
    rule_version: int
    severity: Severity
    sentence: str
    link: Link | None
    next_step: str
    episode_id: UUID | None
    silence: ClockSilence | None
    window_id: UUID | None
    closed_at: datetime | None

    def step(self, found: Finding, at: datetime) -> Step:
        """Return what follows from what is found now. Pure."""
        is_told = (self.sentence, self.link, self.next_step) == (
            found.sentence,
            found.link,
            found.next_step,
        )
        same = Step.NOTHING if is_told else Step.TELL
        if self.episode_id is None:
            if found.silence is None:
                return Step.CALL
            is_same = (self.silence, self.window_id) == (found.silence, found.window_id)
            return same if is_same else Step.BE_SILENT
        if found.silence is not None:
            return same  # somebody was called before there was a reason not to
        is_severer = found.rule.spec.severity.rank > self.severity.rank
        is_old = self.closed_at is not None and at - self.closed_at >= AGAIN_AFTER
        return Step.CALL if is_severer or is_old else same


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A run as people see it; what is null about its end goes on."""

    family: str
    severity: Severity
    began_at: datetime
    ended_at: datetime | None
    sentence: str
    link: Link | None
    next_step: str
    told_at: datetime
    episode_id: UUID | None
    silence: ClockSilence | None


def going_on(cur: Cursor, practice_id: UUID) -> dict[tuple[UUID, str], Run]:
    """Return a practice's runs that go on, by patient and family."""
    with cur.connection.cursor(row_factory=kwargs_row(_run)) as rows:
        found = rows.execute(Q.load_runs, {"practice_id": practice_id}).fetchall()
    return {(run.patient_id, run.family): run for run in found}


def begin(
    cur: Cursor,
    practice_id: UUID,
    found: Finding,
    at: datetime,
    *,
    episode_id: UUID | None = None,
    silence: ClockSilence | None = None,
) -> None:
    """Begin a run, in an episode or with a reason for silence."""
    cur.execute(
        Q.add_run,
        {
            "practice_id": practice_id,
            "patient_id": found.patient_id,
            "family": found.rule.spec.family,
            "rule_id": found.rule.rule_id,
            "rule_version": found.rule.version,
            "severity": found.rule.spec.severity,
            "sentence": found.sentence,
            "link": found.link,
            "next_step": found.next_step,
            "episode_id": episode_id,
            "silence": silence,
            "window_id": found.window_id if silence is ClockSilence.SILENCE_WINDOW else None,
            "at": at,
        },
    )


def end(cur: Cursor, practice_id: UUID, run: Run, at: datetime) -> None:
    """End a run."""
    cur.execute(Q.end_run, {"practice_id": practice_id, "breach_id": run.breach_id, "at": at})


def tell(cur: Cursor, practice_id: UUID, run: Run, found: Finding, at: datetime) -> None:
    """Say a run in other words."""
    cur.execute(
        Q.tell_run,
        {
            "practice_id": practice_id,
            "breach_id": run.breach_id,
            "sentence": found.sentence,
            "link": found.link,
            "next_step": found.next_step,
            "at": at,
        },
    )


def join_episode(cur: Cursor, practice_id: UUID, episode_id: UUID, at: datetime) -> None:
    """Let an open episode go on after it was in range."""
    cur.execute(Q.join_episode, {"practice_id": practice_id, "episode_id": episode_id, "at": at})


def asked_at(cur: Cursor, practice_id: UUID) -> datetime | None:
    """Return when a practice's rules were asked last; None where they never were, or the last try failed."""
    row = cur.execute(Q.load_asked, {"practice_id": practice_id}).fetchone()
    return None if row is None else row[0]


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID, since: datetime) -> list[Told]:
    """Return what was found of a patient since an instant, aware, the newest first, fifty at most."""
    asked = {"practice_id": practice_id, "patient_id": patient_id, "since": since, "limit": _MOST}
    with cur.connection.cursor(row_factory=kwargs_row(_told)) as rows:
        return rows.execute(Q.load_of_patient, asked).fetchall()


def of_episode(cur: Cursor, practice_id: UUID, episode_id: UUID) -> Told | None:
    """Return what was found last of an episode; None where no clock asked its rule."""
    asked = {"practice_id": practice_id, "episode_id": episode_id}
    with cur.connection.cursor(row_factory=kwargs_row(_told)) as rows:
        return rows.execute(Q.load_of_episode, asked).fetchone()


def _run(**columns: Any) -> Run:
    return Run(**_words(columns))


def _told(**columns: Any) -> Told:
    return Told(**_words(columns))


def _words(columns: dict[str, Any]) -> dict[str, Any]:
    link, silence = columns["link"], columns["silence"]
    return columns | {
        "severity": Severity(columns["severity"]),
        "link": None if link is None else Link(link),
        "silence": None if silence is None else ClockSilence(silence),
    }
