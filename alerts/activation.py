"""Rules put in force and switched off under a clinician's name.

A set replaces the rules of its subjects for the same people; what else is in force for them stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from alerts import agreements, store
from alerts.rule_set import RuleSet
from alerts.rules import Rule, RuleProposal, Scope


def proposals(
    rules: RuleSet, scope: Scope = Scope.PRACTICE, scope_key: str = ""
) -> list[RuleProposal]:
    """Return what a rule set asks to be put in force, and for whom.

    Raises:
        errors.BadRule: Nobody, or too many, are named by the scope.
    """
    return [RuleProposal(spec=one, scope=scope, scope_key=scope_key) for one in rules.rules]


def activate(
    cur: store.Cursor,
    practice_id: UUID,
    rules: RuleSet,
    scope: Scope = Scope.PRACTICE,
    scope_key: str = "",
    *,
    clinician: str,
    reason: str,
    at: datetime,
) -> list[Rule]:
    """Put a rule set in force, all of it or nothing, and return its rules as they are stored.

    A set for the whole practice also makes its schedules the practice's default; where it is for some patients only,
    their schedules are agreed with them.

    Args:
        cur: open cursor of a role that may write rules; it commits all of them together.
        practice_id: the practice.
        rules: the set.
        scope: for whom.
        scope_key: which program or condition.
        clinician: under whose name.
        reason: why.
        at: from when on; readings measured before are not asked about.

    Raises:
        errors.BadRule: Who or why is missing, or nobody is named by the scope.
        errors.RuleChanged: One of the rules has another version that begins then or later.
        errors.ScheduleChanged: One of its schedules has.
    """
    said = f"{reason.strip()} (Rule set {rules.head.name}, version {rules.head.version}.)"
    with cur.connection.transaction():
        for agreed in rules.schedules if scope is Scope.PRACTICE else ():
            agreements.agree(cur, practice_id, None, agreed, set_by=clinician, reason=said, at=at)
        return [
            store.add_rule_version(
                cur,
                practice_id,
                proposal,
                set_by=clinician,
                reason=said,
                at=at,
            )
            for proposal in proposals(rules, scope, scope_key)
        ]


def switched(rule: Rule, *, is_asked: bool) -> RuleProposal:
    """Return what says that nobody asks a rule any more, or that it is asked again, of those for whom it is."""
    return RuleProposal(
        spec=rule.spec, scope=rule.scope, scope_key=rule.scope_key, is_asked=is_asked
    )


def ended(rule: Rule, at: datetime) -> RuleProposal:
    """Return a last version that holds for a moment and keeps who ended a rule and why; a more general one holds then.

    Args:
        rule: for a program, a condition or a patient.
        at: from when the version holds, aware.
    """
    return replace(switched(rule, is_asked=rule.is_asked), until=at + timedelta.resolution)


def replaced(rules: Iterable[Rule], by: Iterable[RuleProposal], at: datetime) -> list[Rule]:
    """Return those rules in force at an instant, for the same people, in whose place the proposals would stand."""
    asked = {(one.scope, one.scope_key, one.spec.family, one.spec.severity) for one in by}
    return [
        rule
        for rule in rules
        if rule.is_in_force(at) and (rule.scope, rule.scope_key, *rule.question) in asked
    ]
