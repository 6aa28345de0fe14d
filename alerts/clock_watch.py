"""The watch: asks the rules that no reading asks, of every practice, every few minutes.

Any number of watches may run. They take turns practice by practice through a row that whoever asks holds; what one
finds is written in the transaction that holds it, so a killed one leaves nothing half done, and two never call twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import scalar_row

from alerts import (
    agreements,
    clock_breaches,
    clock_verdicts,
    homes,
    quiet_hours,
    silence_windows,
    store,
)
from alerts.care_side import CareSide
from alerts.clock_breaches import Q
from alerts.clock_reconcile import ClockReconciler
from alerts.clock_signals import Missing
from alerts.clock_verdicts import Subject
from alerts.home_verdicts import LONGEST_LOOK, Practice
from alerts.missing_link import OwnService
from alerts.rules import Rule
from alerts.schedule import Per
from ingest import hearing, people, tenancy

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

POLL_S: Final = 20.0
"""Pause between two looks whether it is time to ask, seconds."""

_WEEK_DAYS: Final = 7

ASK_EVERY: Final = timedelta(minutes=5)
"""Whoever is missing has been for hours; a task that opens some minutes later is no later for a person."""


def follower(care_side: CareSide) -> Callable[[Connection, datetime], bool]:
    """Return what asks wherever it is time; for `ingest.follower`."""

    def follow(connection: Connection, at: datetime) -> bool:
        ask_all(connection, care_side, at)
        return False

    return follow


def ask_all(connection: Connection, care_side: CareSide, at: datetime) -> int:
    """Ask wherever it is time, each practice in a transaction of its own; a practice that fails hurts no other.

    Args:
        connection: with autocommit, role homevitals_alerts.
        care_side: turns an opened episode into a task, or declines.
        at: now, aware UTC.

    Returns:
        How many practices were asked.
    """
    with connection.cursor(row_factory=scalar_row) as cur:
        practice_ids: list[UUID] = cur.execute(Q.practices).fetchall()
    count = 0
    for practice_id in practice_ids:
        try:
            with tenancy.transaction(connection, practice_id) as cur:
                count += ask(cur, practice_id, care_side, at)
        except Exception as error:  # the top loop: one practice must not stop the others
            if connection.broken:
                raise
            log.error("watch_failed", extra={"error": type(error).__name__})  # noqa: TRY400 - no row's words
            with tenancy.transaction(connection, practice_id) as cur:
                cur.execute(Q.failed, {"practice_id": practice_id, "at": at})
    return count


def ask(cur: store.Cursor, practice_id: UUID, care_side: CareSide, at: datetime) -> bool:
    """Ask one practice's rules, if it is time and nobody else does; False where it is not.

    1. Take the practice's turn, or leave it.
    2. Load the rules, and for all patients together what is known of their homes.
    3. Ask, and bring runs, episodes and tasks in step with it.
    """
    which = {"practice_id": practice_id, "at": at, "before_at": at - ASK_EVERY}
    cur.execute(Q.begin, which)
    if cur.execute(Q.take, which).fetchone() is None:
        return False
    held = agreements.of_practice(cur, practice_id, at - LONGEST_LOOK)
    own = {one.patient_id for one in held if one.patient_id is not None}
    known = homes.load(cur, practice_id, own, at)
    rules = _rules(cur, practice_id, at)
    runs = clock_breaches.going_on(cur, practice_id)
    if rules or runs:
        told = {key for key, run in runs.items() if run.episode_id is not None}
        practice = _practice(cur, practice_id, care_side, known, held, rules, told, at)
        asked = clock_verdicts.ask(practice, rules, at)
        store.record_rule_failures(cur, practice_id, asked.failures, at)
        ClockReconciler(cur, practice_id, care_side, runs, at).follow(asked)
    cur.execute(Q.done, which)
    return True


def _rules(cur: store.Cursor, practice_id: UUID, at: datetime) -> list[Rule]:
    with cur.connection.cursor(row_factory=scalar_row) as ids:
        which = {"practice_id": practice_id, "at": at}
        patient_ids: list[UUID] = ids.execute(Q.patients_with_rules, which).fetchall()
    loaded = store.rules_of_patients(cur, practice_id, patient_ids, at)
    return [rule for rule in loaded.rules if rule.spec.kind is None]


def _practice(
    cur: store.Cursor,
    practice_id: UUID,
    care_side: CareSide,
    known: dict[UUID, homes.Home],
    held: list[agreements.Agreement],
    rules: list[Rule],
    told: set[Subject],
    at: datetime,
) -> Practice:
    memberships = care_side.memberships(cur, practice_id, known.keys(), at)
    cared_for = {one: member for one, member in memberships.items() if member.programs}
    measured_kinds = {one.kind for one in _missing(rules)}
    measured_kinds |= {
        kind for home in known.values() for one in home.peripherals for kind in one.kinds
    }
    by_patient: dict[UUID | None, list[agreements.Agreement]] = {}
    for agreement in held:
        by_patient.setdefault(agreement.patient_id, []).append(agreement)
    return Practice(
        homes=known,
        measured=homes.measurements(
            cur, practice_id, cared_for.keys(), measured_kinds, at - _look(rules, held), at
        ),
        agreements=by_patient,
        windows=silence_windows.of_practice(cur, practice_id, at - LONGEST_LOOK),
        memberships=cared_for,
        service=OwnService(hearing.span(cur), homes.waiting_since(cur)),
        is_quiet=_is_quiet(cur, practice_id, at),
        told=told | store.open_episodes(cur, practice_id, cared_for.keys()).keys(),
    )


def _look(rules: list[Rule], held: list[agreements.Agreement]) -> timedelta:
    """Return how far back measurements are looked at: not a month where a week is asked for."""
    days = max((one.within_days for one in _missing(rules)), default=0)
    occasions = (occasion for one in held for occasion in one.schedule.occasions)
    week = _WEEK_DAYS if any(one.per is Per.WEEK for one in occasions) else 1
    return min(LONGEST_LOOK, timedelta(days=max(days, _WEEK_DAYS) + 2 + week))


def _missing(rules: list[Rule]) -> list[Missing]:
    signals = (rule.spec.signal for rule in rules)
    return [one for one in signals if isinstance(one, Missing)]


def _is_quiet(cur: store.Cursor, practice_id: UUID, at: datetime) -> bool:
    kept = quiet_hours.in_force(cur, practice_id, at)
    practice = people.practice(cur, practice_id)
    if kept is None or practice is None:
        return False
    return kept.hours.ends_at(at, ZoneInfo(practice.time_zone)) is not None
