"""All SQL of alerts: rules, evaluations, breaches, episodes.

Every function takes an open cursor first; whoever opened the transaction commits it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, TypeVar, cast
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import kwargs_row, scalar_row, tuple_row
from psycopg.types.json import Jsonb

from alerts import errors, rule_set
from alerts.assessment import RuleVersion
from alerts.breaches import Breach, Outcome, Silence
from alerts.episode import Episode, EpisodeEvent, EpisodeEventKind, OpenedEpisode
from alerts.measures import Severity
from alerts.rules import Rule, RuleProposal, Scope
from ingest import named_queries

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


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """Rules as stored.

    Attributes:
        rules: those that this version understands.
        unreadable: the others, with the kind of the error.
    """

    rules: tuple[Rule, ...]
    unreadable: Mapping[RuleVersion, str]


def rules_of_practice(cur: Cursor, practice_id: UUID) -> LoadedRules:
    """Load every version of the practice's rules, in force or not, for whomever they hold."""
    return _loaded(_rows(cur, dict, Q.load_rules_of_practice, practice_id=practice_id))


def rules_of_patients(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID], since: datetime
) -> LoadedRules:
    """Load the versions that may have been asked about these patients' readings since an instant."""
    found: list[dict[str, Any]] = _rows(
        cur,
        dict,
        Q.load_rules_of_patients,
        practice_id=practice_id,
        patient_ids=list(patient_ids),
        since=since,
    )
    return _loaded(found)


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

    1. Wait for whoever else changes a rule of the practice.
    2. End the version that answers the same question for the same people, if there is one.
    3. Store the new one under the same rule id with the next number, or as the first of a new rule.

    The new version is in force from ``at`` on, the former until then. ``set_by`` and ``reason`` say who wanted it so
    and why.

    Raises:
        errors.BadRule: Who or why is missing, or it would end before it begins.
        errors.RuleChanged: Another version begins then or later.
    """
    if not (set_by.strip() and reason.strip()) or (proposal.until and proposal.until <= at):
        raise errors.BadRule
    parameters = {
        "practice_id": practice_id,
        "patient_id": proposal.patient_id,
        "scope": proposal.scope,
        "scope_key": proposal.scope_key,
        "family": proposal.spec.family,
        "severity": proposal.spec.severity,
        "is_asked": proposal.is_asked,
        "definition": Jsonb(rule_set.definition(proposal.spec)),
        "set_by": set_by,
        "reason": reason,
        "at": at,
        "until": proposal.until,
    }
    cur.execute(Q.lock_rules, parameters)
    cur.execute(Q.end_rule_version, parameters)
    rule_id, version, goes_on = _tuple(cur, Q.last_rule_version, parameters) or (uuid4(), 0, False)
    if goes_on:
        raise errors.RuleChanged
    cur.execute(Q.insert_rule_version, parameters | {"rule_id": rule_id, "version": version + 1})
    return Rule(
        practice_id=practice_id,
        rule_id=rule_id,
        version=version + 1,
        scope=proposal.scope,
        scope_key=proposal.scope_key,
        spec=proposal.spec,
        is_asked=proposal.is_asked,
        in_force_from=at,
        in_force_until=proposal.until,
        set_by=set_by,
        reason=reason,
    )


def record_rule_failures(
    cur: Cursor, practice_id: UUID, failures: Mapping[RuleVersion, str], at: datetime
) -> None:
    """Report rules that could not be asked."""
    for (rule_id, version), error in sorted(failures.items()):
        cur.execute(
            Q.record_rule_failure,
            {
                "practice_id": practice_id,
                "rule_id": rule_id,
                "rule_version": version,
                "error": error,
                "at": at,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailure:
    """A rule that could not be asked; ``error`` is its kind, without any content."""

    rule_id: UUID
    rule_version: int
    error: str
    first_at: datetime
    last_at: datetime
    failure_count: int


def rule_failures(cur: Cursor, practice_id: UUID, since: datetime) -> list[RuleFailure]:
    """Load the rules that could not be asked since an instant, the newest failure first."""
    return _rows(cur, RuleFailure, Q.load_rule_failures, practice_id=practice_id, since=since)


# Evaluations


def revisions(
    cur: Cursor, practice_id: UUID, reading_ids: Collection[UUID]
) -> dict[UUID, tuple[int, Outcome]]:
    """Return the number of the newest evaluation of those readings that have one, and what came of it."""
    found: list[dict[str, Any]] = _rows(
        cur, dict, Q.load_revisions, practice_id=practice_id, reading_ids=list(reading_ids)
    )
    return {row["reading_id"]: (row["revision"], Outcome(row["outcome"])) for row in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a reading meant, to be stored."""

    practice_id: UUID
    reading_id: UUID
    revision: int
    measured_at: datetime
    patient_id: UUID
    evaluated_at: datetime
    outcome: Outcome
    silence: Silence | None
    trace: Mapping[str, Any]


def insert_evaluations(cur: Cursor, evaluations: Iterable[Evaluation]) -> None:
    """Store what readings meant."""
    rows = [_fields(one) | {"trace": Jsonb(one.trace)} for one in evaluations]
    if rows:
        cur.executemany(Q.insert_evaluation, rows)


def trace_of(cur: Cursor, practice_id: UUID, reading_id: UUID) -> dict[str, Any] | None:
    """Load the trace of a reading's newest evaluation; None where it is not evaluated yet."""
    trace = _scalar(cur, Q.load_trace, practice_id=practice_id, reading_id=reading_id)
    return cast("dict[str, Any] | None", trace)


# Breaches


def breaches(cur: Cursor, practice_id: UUID, reading_ids: Collection[UUID]) -> list[Breach]:
    """Load what is known of these readings' breaches, withdrawn ones too."""
    return _rows(
        cur, _breach, Q.load_breaches, practice_id=practice_id, reading_ids=list(reading_ids)
    )


def insert_breach(cur: Cursor, practice_id: UUID, breach: Breach, at: datetime) -> None:
    """Store a breach, or store it anew where it was withdrawn or has become another."""
    cur.execute(Q.insert_breach, _fields(breach) | {"practice_id": practice_id, "at": at})


def withdraw_breach(cur: Cursor, practice_id: UUID, breach: Breach, at: datetime) -> None:
    """Note that a breach counts no more, and count those of its episode again."""
    fields = {
        "practice_id": practice_id,
        "reading_id": breach.reading_id,
        "family": breach.family,
        "at": at,
    }
    cur.execute(Q.withdraw_breach, fields)
    if breach.episode_id is not None:
        recount_breaches(cur, practice_id, breach.episode_id)


def recount_breaches(cur: Cursor, practice_id: UUID, episode_id: UUID) -> None:
    """Count again which readings breached an episode's rules."""
    cur.execute(Q.recount_breaches, {"practice_id": practice_id, "episode_id": episode_id})


# Episodes


def hold_newest_episode(
    cur: Cursor, practice_id: UUID, patient_id: UUID, family: str
) -> Episode | None:
    """Load the family's newest episode of a patient, and keep everybody from closing it until the transaction ends."""
    found = _rows(
        cur,
        _episode,
        Q.hold_newest_episode,
        practice_id=practice_id,
        patient_id=patient_id,
        family=family,
    )
    return found[0] if found else None


def open_episodes(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]
) -> dict[tuple[UUID, str], Episode]:
    """Load the open episodes of some patients, by patient and family."""
    found = _rows(
        cur,
        _episode,
        Q.load_open_episodes,
        practice_id=practice_id,
        patient_ids=list(patient_ids),
    )
    return {(one.patient_id, one.family): one for one in found}


def open_episode(cur: Cursor, opened: OpenedEpisode) -> None:
    """Open an episode; the family must have no open one of this patient."""
    cur.execute(Q.open_episode, _fields(opened))


def escalate_episode(cur: Cursor, severer: OpenedEpisode) -> None:
    """Make an open episode as severe as a rule that is breached now."""
    cur.execute(Q.escalate_episode, _fields(severer))


def return_episode(cur: Cursor, returned: OpenedEpisode) -> None:
    """Open a closed episode again, as severe as the rule that is breached now."""
    cur.execute(Q.return_episode, _fields(returned))


def mark_in_range(cur: Cursor, practice_id: UUID, episode_id: UUID, measured_at: datetime) -> bool:
    """Mark that a reading newer than all breaches is in range; True for the first such one."""
    return bool(
        _scalar(
            cur,
            Q.mark_in_range,
            practice_id=practice_id,
            episode_id=episode_id,
            measured_at=measured_at,
        )
    )


def insert_episode_event(
    cur: Cursor, practice_id: UUID, episode_id: UUID, event: EpisodeEvent
) -> None:
    """Add a line to an episode's history."""
    whose = {"practice_id": practice_id, "episode_id": episode_id}
    cur.execute(Q.insert_episode_event, _fields(event) | whose)


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


# Dataclasses into rows and back


def _fields(of: Breach | EpisodeEvent | Evaluation | OpenedEpisode) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__slots__}


def _loaded(rows: Iterable[dict[str, Any]]) -> LoadedRules:
    rules, unreadable = [], {}
    for row in rows:
        definition = row.pop("definition")
        try:
            spec = rule_set.of_json(definition)
        except Exception as error:  # noqa: BLE001  # a rule that a newer version wrote, or a damaged one
            unreadable[row["rule_id"], row["version"]] = type(error).__name__
            continue
        rules.append(Rule(spec=spec, scope=Scope(row.pop("scope")), **row))
    return LoadedRules(tuple(rules), unreadable)


def _breach(*, severity: str, silence: str | None, **columns: Any) -> Breach:
    return Breach(
        severity=Severity(severity),
        silence=None if silence is None else Silence(silence),
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
