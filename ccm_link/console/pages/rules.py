"""The practice's rules: what is in force for whom and why, what each version said, another limit, switching one off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import activation
from alerts import store as alerts_store
from alerts.errors import AlertsError
from alerts.limits import limit_of
from alerts.rules import Rule, RuleProposal, Scope
from ccm_link import rule_trials
from ccm_link.console import problems, rule_changes, states
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.posted.rule_inputs import (
    Becomes,
    ChangeAsked,
    SetRuleLimit,
    Step,
    TryRuleLimit,
)
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.rule_changes import Complaints, TriedLimit

router = APIRouter(prefix="/rules", include_in_schema=False)

_BECOMES: Final = {
    Becomes.OFF: "Nobody asks it any more",
    Becomes.ON: "It is asked again",
    Becomes.ENDED: "It ends; the rule for more people holds again, where there is one",
}
# What failed longer ago has been seen to.
_FAILURES_ARE_SAID_FOR: Final = timedelta(days=7)


class Said(StrEnum):
    """What a page confirms after an action."""

    ACTIVATED = "activated"
    LIMIT_SET = "limit-set"
    CHANGED = "changed"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.ACTIVATED:
                return "The rules are in force for readings measured from now on."
            case Said.LIMIT_SET:
                return "The limit is in force for readings measured from now on."
            case Said.CHANGED:
                return "It holds for readings measured from now on."


@dataclass(frozen=True, slots=True)
class Audience:
    """The rules in force for the same people, the severest first."""

    scope: Scope
    scope_key: str
    rules: tuple[Rule, ...]


@router.get("")
def rules_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show the rules in force: the practice's, and those for a program or a condition."""
    with desk.transaction() as cur:
        loaded = alerts_store.rules_of_practice(cur, desk.practice_id)
        in_force = [rule for rule in loaded.rules if rule.is_in_force(desk.now)]
        shared = [rule for rule in in_force if rule.scope is not Scope.PATIENT]
        own = [rule for rule in in_force if rule.scope is Scope.PATIENT]
        failures = alerts_store.rule_failures(
            cur, desk.practice_id, desk.now - _FAILURES_ARE_SAID_FOR
        )
        desk.saw(rules=len(in_force))
        titles = {(rule.rule_id, rule.version): rule.spec.title for rule in loaded.rules}
        return desk.page(
            cur,
            "rules.html",
            audiences=_audiences(rule for rule in shared if rule.is_asked),
            switched_off=[rule for rule in shared if not rule.is_asked],
            own_rules=len(own),
            own_patients=len({rule.scope_key for rule in own}),
            failures=[
                (titles.get((one.rule_id, one.rule_version), "A rule"), one) for one in failures
            ],
            unreadable=len(loaded.unreadable),
            may_change=_may_change(desk),
            said=said.sentence if said else "",
        )


@router.get("/{rule_id}")
def rule_page(desk: AtDesk, rule_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show one rule with all its versions."""
    with desk.transaction() as cur:
        return _show(desk, cur, rule_id, said=said.sentence if said else "")


@router.post("/{rule_id}/limit")
def change_limit(desk: AtDesk, rule_id: UUID, fields: Posted) -> Response:
    """Show what a limit would have made of the last days, or put it in force for all whom the rule is for."""
    is_trial = fields.get("step") == Step.TRY
    given, complaints = forms.check(TryRuleLimit if is_trial else SetRuleLimit, fields)
    try:
        with desk.transaction() as cur:
            former, beside = _held(desk, cur, rule_id)
            proposal = None
            if given is not None:
                proposal, complaints = _moved(desk, cur, former, beside, given)
            if given is None or proposal is None:
                return _show(desk, cur, rule_id, Refusal("limit", fields, complaints))
            if is_trial:
                return _try(desk, cur, former, proposal, fields)
            _put_in_force(desk, cur, former, proposal, given.reason or "")
    except AlertsError as error:
        refusal = Refusal("limit", fields, problem=problems.of_error(error))
        with desk.transaction() as cur:
            return _show(desk, cur, rule_id, refusal)
    return RedirectResponse(f"/rules/{rule_id}?said={Said.LIMIT_SET}", 303)


@router.post("/{rule_id}/asked")
def change_asked(desk: AtDesk, rule_id: UUID, fields: Posted) -> Response:
    """Let nobody ask a rule any more, let it be asked again, or let the rule for more people hold in its place."""
    given, complaints = forms.check(ChangeAsked, fields)
    if given is not None:
        complaints = rule_changes.signed(desk.who, given.signature)
    try:
        with desk.transaction() as cur:
            newest = _versions(desk, cur, rule_id)[0][0]
            if given is not None and given.becomes not in _can_become(newest, desk.now):
                complaints["becomes"] = "Choose one of the list."
            if given is None or complaints:
                return _show(desk, cur, rule_id, Refusal("asked", fields, complaints))
            proposal = _becoming(newest, given.becomes, desk.now)
            _put_in_force(desk, cur, newest, proposal, given.reason)
    except AlertsError as error:
        refusal = Refusal("asked", fields, problem=problems.of_error(error))
        with desk.transaction() as cur:
            return _show(desk, cur, rule_id, refusal)
    return RedirectResponse(f"/rules/{rule_id}?said={Said.CHANGED}", 303)


def _can_become(newest: Rule, now: datetime) -> list[Becomes]:
    """Return what can become of a rule, given its newest version."""
    if not newest.is_in_force(now):
        return [Becomes.ON]
    other = Becomes.OFF if newest.is_asked else Becomes.ON
    return [other] if newest.scope is Scope.PRACTICE else [other, Becomes.ENDED]


def _becoming(newest: Rule, becomes: Becomes, now: datetime) -> RuleProposal:
    if becomes is Becomes.ENDED:
        return activation.ended(newest, now)
    return activation.switched(newest, is_asked=becomes is Becomes.ON)


def _moved(
    desk: Desk,
    cur: Cursor,
    former: Rule,
    beside: Sequence[Rule],
    given: TryRuleLimit,
) -> tuple[RuleProposal | None, Complaints]:
    proposal, complaints = rule_changes.moved(
        former,
        given.limit,
        beside,
        scope=former.scope,
        scope_key=former.scope_key,
        until_on=given.until_on,
        zone=ZoneInfo(desk.practice(cur).time_zone),
        now=desk.now,
    )
    if isinstance(given, SetRuleLimit):
        complaints |= rule_changes.signed(desk.who, given.signature)
    return (None if complaints else proposal), complaints


def _try(
    desk: Desk, cur: Cursor, former: Rule, proposal: RuleProposal, fields: Fields
) -> HTMLResponse:
    trial, seen = rule_trials.of_practice(cur, desk.practice_id, [proposal], desk.now)
    desk.saw(*seen, resource=Resource.PATIENT_RECORD, readings=trial.readings)
    tried = TriedLimit.of(former.spec, proposal.spec, trial)
    return _show(desk, cur, former.rule_id, Refusal("limit", fields), tried=tried)


def _put_in_force(
    desk: Desk, cur: Cursor, former: Rule, proposal: RuleProposal, reason: str
) -> None:
    rule = alerts_store.add_rule_version(
        cur,
        desk.practice_id,
        proposal,
        set_by=desk.who.display_name,
        reason=reason,
        at=desk.now,
    )
    desk.changed(
        Resource.PRACTICE_RULE,
        rule.rule_id,
        before=states.rule(former),
        after=states.rule(rule),
    )


def _versions(desk: Desk, cur: Cursor, rule_id: UUID) -> tuple[list[Rule], list[Rule]]:
    """Return a rule's versions, the newest first, and all rules that are in force for the same people.

    Raises:
        Refused: 404; the practice has no such rule, or it is one patient's, whose page shows it.
    """
    rules = alerts_store.rules_of_practice(cur, desk.practice_id).rules
    versions = [rule for rule in rules if rule.rule_id == rule_id]
    if not versions or versions[0].scope is Scope.PATIENT:
        raise problems.Refused(problems.NOT_FOUND)
    people = (versions[0].scope, versions[0].scope_key)
    beside = [
        rule
        for rule in rules
        if (rule.scope, rule.scope_key) == people and rule.is_in_force(desk.now) and rule.is_asked
    ]
    return sorted(versions, key=lambda rule: -rule.version), beside


def _held(desk: Desk, cur: Cursor, rule_id: UUID) -> tuple[Rule, list[Rule]]:
    """Return the version of a rule that is asked now, and all rules that are in force for the same people.

    Raises:
        Refused: 404; the practice has no such rule, or it is not asked any more.
    """
    _, beside = _versions(desk, cur, rule_id)
    held = next((rule for rule in beside if rule.rule_id == rule_id), None)
    if held is None:
        raise problems.Refused(problems.NOT_FOUND)
    return held, beside


def _show(
    desk: Desk,
    cur: Cursor,
    rule_id: UUID,
    refusal: Refusal = NOTHING_REFUSED,
    *,
    said: str = "",
    tried: TriedLimit | None = None,
) -> HTMLResponse:
    versions, beside = _versions(desk, cur, rule_id)
    held = next((rule for rule in beside if rule.rule_id == rule_id), None)
    desk.saw(resource_id=rule_id, versions=len(versions))
    return desk.page(
        cur,
        "rule.html",
        status=200 if refusal is NOTHING_REFUSED or tried else refusal.status,
        rule=held or versions[0],
        is_held=held is not None,
        limit=None if held is None else limit_of(held.spec.signal),
        versions=versions,
        choices=[(one, _BECOMES[one]) for one in _can_become(versions[0], desk.now)],
        may_change=_may_change(desk),
        tried=tried,
        said=said,
        refusal=refusal,
    )


def _may_change(desk: Desk) -> bool:
    return permissions.may(desk.who, Resource.PRACTICE_RULE, Action.CHANGE)


def _audiences(rules: Iterable[Rule]) -> list[Audience]:
    """Gather rules by the people whom they are for: the practice first, then programs, then conditions."""
    found: dict[tuple[Scope, str], list[Rule]] = {}
    for rule in rules:
        found.setdefault((rule.scope, rule.scope_key), []).append(rule)
    return [
        Audience(
            scope,
            scope_key,
            tuple(
                sorted(
                    found[scope, scope_key],
                    key=lambda rule: (-rule.spec.severity.rank, rule.spec.family),
                )
            ),
        )
        for scope, scope_key in sorted(found, key=lambda one: (list(Scope).index(one[0]), one[1]))
    ]
