"""Changes of rules tried on the stored readings of the last days, for the person who is about to make them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from alerts import history, trial
from alerts import store as alerts_store
from alerts.rules import Rule, RuleProposal
from alerts.trial import Trial
from ccm_link import audience
from firmware_profiles.readings import Kind

Cursor = psycopg.Cursor[Any]


def of_practice(
    cur: Cursor, practice_id: UUID, proposals: Sequence[RuleProposal], now: datetime
) -> tuple[Trial, set[UUID]]:
    """Try a change on all patients whom the asker sees; also return of whom readings were looked at.

    Args:
        cur: in a transaction that works for the practice.
        practice_id: whose rules change.
        proposals: the rules that would be put in force together.
        now: aware UTC; the days tried end here.
    """
    rules = alerts_store.rules_of_practice(cur, practice_id).rules
    return _tried(cur, practice_id, rules, proposals, now, None)


def of_patient(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    proposals: Sequence[RuleProposal],
    now: datetime,
) -> Trial:
    """Try a change on one patient's readings; arguments as in :func:`of_practice`."""
    rules = alerts_store.rules_of_patients(cur, practice_id, [patient_id], now).rules
    return _tried(cur, practice_id, rules, proposals, now, [patient_id])[0]


def _tried(
    cur: Cursor,
    practice_id: UUID,
    rules: Sequence[Rule],
    proposals: Sequence[RuleProposal],
    now: datetime,
    of: list[UUID] | None,
) -> tuple[Trial, set[UUID]]:
    since = now - timedelta(days=trial.DAYS)
    then = trial.changed(rules, practice_id, proposals, now)
    families = {one.spec.family for one in proposals}
    found, seen = Trial(untried=_untried(proposals)), set[UUID]()
    for kind in dict.fromkeys(one.spec.kind for one in proposals):
        if kind is None:
            continue
        begin = since - trial.lead_in(
            rule.spec for rule in then if rule.spec.kind is kind and rule.spec.family in families
        )
        for share in _shares(cur, practice_id, kind, begin, now, of):
            courses, patients = history.courses(cur, practice_id, kind, begin, now, share)
            members = audience.memberships(cur, practice_id, patients, now)
            seen.update(patients)
            found.add(
                courses,
                trial.holding(rules, kind, families, patients, members, now),
                trial.holding(then, kind, families, patients, members, now),
                since,
            )
    return found, seen


def _shares(
    cur: Cursor,
    practice_id: UUID,
    kind: Kind,
    since: datetime,
    until: datetime,
    of: list[UUID] | None,
) -> list[list[UUID]]:
    return [of] if of else history.shares(cur, practice_id, kind, since, until)


def _untried(proposals: Sequence[RuleProposal]) -> tuple[str, ...]:
    return tuple(one.spec.name for one in proposals if one.spec.kind is None)
