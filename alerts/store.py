"""All SQL of alerts: rules, evaluations, episodes.

Every function takes an open cursor first; whoever opened the transaction commits it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString, TypeVar, cast
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import kwargs_row, scalar_row, tuple_row
from psycopg.types.json import Jsonb

from alerts import errors
from alerts.episode import Episode, EpisodeEvent, EpisodeEventKind, VersionBreach
from alerts.evaluate import Outcome, Silence
from alerts.rules import Comparison, Measure, Question, Rule, RuleProposal, Severity
from ingest import named_queries
from ingest.rows import StoredReading

Q = named_queries.load("alerts")
Cursor = psycopg.Cursor[Any]
_Row = TypeVar("_Row")


def listen(connection: psycopg.Connection[Any]) -> None:
    """Ask to be woken when work is committed."""
    connection.execute(Q.listen)


def lock_patients(cur: Cursor, patient_ids: Collection[UUID]) -> None:
    """Hold other evaluators back from these patients until the transaction ends."""
    cur.execute(Q.lock_patients, {"patient_ids": [str(patient_id) for patient_id in patient_ids]})


# Rules


def rules_of_practice(cur: Cursor, practice_id: UUID) -> list[Rule]:
    """Load every version of the practice's default rules, in force or not."""
    return _rows(cur, _rule, Q.load_rules_of_practice, practice_id=practice_id)


def rules_of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Rule]:
    """Load every version of the practice's defaults and of the rules made for this patient."""
    return _rows(
        cur, _rule, Q.load_rules_of_patient, practice_id=practice_id, patient_id=patient_id
    )


def add_rule_version(
    cur: Cursor,
    practice_id: UUID,
    proposal: RuleProposal,
    *,
    set_by: str,
    reason: str,
    at: datetime,
) -> Rule:
    """Put a new version of a rule in force.

    1. End the version that answers the same question for the same patient (or the practice), if
       there is one.
    2. Store the new one under the same rule id with the next number, or as the first of a new rule.

    The new version is in force from ``at`` on, the former until then. ``set_by`` and ``reason`` say
    who wanted it so and why.

    Raises:
        errors.BadRule: Who or why is missing.
        errors.RuleChanged: Another version begins then or later, or is being set at this moment.
    """
    if not (set_by.strip() and reason.strip()):
        raise errors.BadRule
    parameters = {
        "practice_id": practice_id,
        "patient_id": proposal.patient_id,
        "title": proposal.title,
        "measure": proposal.question.measure,
        "comparison": proposal.question.comparison,
        "severity": proposal.question.severity,
        "limit_value": proposal.limit_value,
        "due_within_minutes": round(proposal.due_within / timedelta(minutes=1)),
        "source": proposal.source,
        "set_by": set_by,
        "reason": reason,
        "at": at,
    }
    try:
        with cur.connection.transaction():
            rule_id, version = _tuple(cur, Q.end_rule_version, parameters) or (uuid4(), 0)
            cur.execute(
                Q.insert_rule_version, parameters | {"rule_id": rule_id, "version": version + 1}
            )
    except psycopg.errors.UniqueViolation as error:
        raise errors.RuleChanged from error
    return Rule(
        practice_id=practice_id,
        rule_id=rule_id,
        version=version + 1,
        patient_id=proposal.patient_id,
        title=proposal.title,
        question=proposal.question,
        limit_value=proposal.limit_value,
        due_within=proposal.due_within,
        in_force_from=at,
        in_force_until=None,
        set_by=set_by,
        reason=reason,
        source=proposal.source,
    )


# Evaluations


def is_evaluated(cur: Cursor, practice_id: UUID, reading_id: UUID) -> bool:
    """Tell whether a reading was evaluated before."""
    return bool(_scalar(cur, Q.is_evaluated, practice_id=practice_id, reading_id=reading_id))


def insert_evaluation(
    cur: Cursor,
    reading: StoredReading,
    patient_id: UUID,
    *,
    evaluated_at: datetime,
    outcome: Outcome,
    silence: Silence | None,
    trace: dict[str, Any],
) -> None:
    """Store what was asked about a reading and what came of it."""
    cur.execute(
        Q.insert_evaluation,
        {
            "practice_id": reading.practice_id,
            "reading_id": reading.reading_id,
            "measured_at": reading.measured_at,
            "patient_id": patient_id,
            "evaluated_at": evaluated_at,
            "outcome": outcome,
            "silence": silence,
            "trace": Jsonb(trace),
        },
    )


def trace_of(cur: Cursor, practice_id: UUID, reading_id: UUID) -> dict[str, Any] | None:
    """Load the trace of a reading's evaluation; None where it is not evaluated yet."""
    trace = _scalar(cur, Q.load_trace, practice_id=practice_id, reading_id=reading_id)
    return cast("dict[str, Any] | None", trace)


# Episodes


def record_breach(
    cur: Cursor, rule: Rule, patient_id: UUID, *, measured_at: datetime, at: datetime
) -> tuple[UUID, bool]:
    """Open an episode, or add the breach to the open one.

    Returns:
        The episode's id, and whether it is new.
    """
    recorded = _tuple(
        cur,
        Q.record_breach,
        {
            "practice_id": rule.practice_id,
            "patient_id": patient_id,
            "rule_id": rule.rule_id,
            "rule_version": rule.version,
            "severity": rule.question.severity,
            "measured_at": measured_at,
            "at": at,
            "new_id": uuid4(),
        },
    )
    return cast("tuple[UUID, bool]", recorded)


def breaches_of_versions(
    cur: Cursor, practice_id: UUID, patient_id: UUID, reading_ids: Collection[UUID]
) -> list[VersionBreach]:
    """Load in which of the patient's episodes the versions of a reading stand, oldest event first."""
    return _rows(
        cur,
        VersionBreach,
        Q.load_breaches_of_versions,
        practice_id=practice_id,
        patient_id=patient_id,
        reading_ids=list(reading_ids),
    )


def recount_breaches(cur: Cursor, practice_id: UUID, episode_id: UUID) -> None:
    """Count again which readings breached an episode's rule."""
    cur.execute(Q.recount_breaches, {"practice_id": practice_id, "episode_id": episode_id})


def insert_episode_event(
    cur: Cursor, practice_id: UUID, episode_id: UUID, event: EpisodeEvent
) -> None:
    """Add a line to an episode's history."""
    cur.execute(
        Q.insert_episode_event,
        {
            "practice_id": practice_id,
            "episode_id": episode_id,
            "at": event.at,
            "event": event.event,
            "reading_id": event.reading_id,
            "measured_at": event.measured_at,
            "note": event.note,
        },
    )


def episode(cur: Cursor, practice_id: UUID, episode_id: UUID) -> Episode | None:
    """Load one episode."""
    found = _rows(cur, _episode, Q.load_episode, practice_id=practice_id, episode_id=episode_id)
    return found[0] if found else None


def episode_events(cur: Cursor, practice_id: UUID, episode_id: UUID) -> list[EpisodeEvent]:
    """Load an episode's history, oldest first."""
    return _rows(
        cur, _episode_event, Q.load_episode_events, practice_id=practice_id, episode_id=episode_id
    )


def close_episode(
    cur: Cursor, practice_id: UUID, episode_id: UUID, *, closed_by: str, at: datetime, note: str
) -> bool:
    """Close an open episode; False where it is closed already or unknown.

    1. Close the row if it is open.
    2. Record the event.
    """
    cur.execute(
        Q.close_episode,
        {"practice_id": practice_id, "episode_id": episode_id, "closed_by": closed_by, "at": at},
    )
    if cur.rowcount != 1:
        return False
    event = EpisodeEvent(
        at=at, event=EpisodeEventKind.CLOSED, reading_id=None, measured_at=None, note=note
    )
    insert_episode_event(cur, practice_id, episode_id, event)
    return True


# Rows into dataclasses


def _rule(
    *, measure: str, comparison: str, severity: str, due_within_minutes: int, **columns: Any
) -> Rule:
    return Rule(
        question=Question(
            measure=Measure(measure),
            comparison=Comparison(comparison),
            severity=Severity(severity),
        ),
        due_within=timedelta(minutes=due_within_minutes),
        **columns,
    )


def _episode(*, severity: str, **columns: Any) -> Episode:
    return Episode(severity=Severity(severity), **columns)


def _episode_event(*, event: str, **columns: Any) -> EpisodeEvent:
    return EpisodeEvent(event=EpisodeEventKind(event), **columns)


def _rows(
    cur: Cursor, make: Callable[..., _Row], statement: LiteralString, **parameters: Any
) -> list[_Row]:
    with cur.connection.cursor(row_factory=kwargs_row(make)) as rows:
        return rows.execute(statement, parameters).fetchall()


def _scalar(cur: Cursor, statement: LiteralString, **parameters: Any) -> object:
    with cur.connection.cursor(row_factory=scalar_row) as rows:
        return rows.execute(statement, parameters).fetchone()


def _tuple(
    cur: Cursor, statement: LiteralString, parameters: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        return rows.execute(statement, parameters).fetchone()
