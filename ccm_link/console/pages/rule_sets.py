"""Rule sets: those that we ship and files of one's own, tried on the last days, put in force by a clinician."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import activation, rule_set
from alerts import store as alerts_store
from alerts.errors import AlertsError
from alerts.rule_set import RuleSet, RuleSetError
from alerts.rules import Rule, RuleProposal, Scope
from alerts.schedule import Schedule
from ccm_link import rule_trials
from ccm_link.console import problems, rule_changes, states
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages.rules import Said
from ccm_link.console.posted import forms
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.posted.rule_inputs import ActivateSet, TrySet
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from firmware_profiles import kinds
from firmware_profiles.toml_tables import Mistake

router = APIRouter(prefix="/rules/sets", include_in_schema=False)

# What a pasted text is called where its mistakes are named.
_PASTED = "pasted text"


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A rule set that somebody has chosen, and what it asks to be put in force for whom."""

    rules: RuleSet
    proposals: list[RuleProposal]


@router.get("")
def rule_sets_page(desk: AtDesk) -> HTMLResponse:
    """Show the rule sets that we ship, and offer to try one or a file."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("/trial")
def try_set(desk: AtDesk, fields: Posted) -> Response:
    """Show what a rule set would have made of the last days, and offer to put it in force."""
    given, complaints = forms.check(TrySet, fields)
    with desk.transaction() as cur:
        if given is None:
            return _show(desk, cur, Refusal(_form(fields), fields, complaints))
        try:
            chosen = _chosen(given)
        except RuleSetError as error:
            return _show(desk, cur, _broken(fields, error), error)
        return _show_trial(desk, cur, fields, chosen)


@router.post("/activate")
def activate(desk: AtDesk, fields: Posted) -> Response:
    """Put a rule set in force for readings measured from now on."""
    given, complaints = forms.check(ActivateSet, fields)
    tried, _ = forms.check(TrySet, _of_trial(fields))
    if given is not None:
        complaints = rule_changes.signed(desk.who, given.signature)
    try:
        with desk.transaction() as cur:
            if tried is None:
                return _show(desk, cur, Refusal(_form(fields), fields, complaints))
            chosen = _chosen(tried)
            if given is None or complaints:
                refusal = Refusal("activate", fields, complaints)
                return _show_trial(desk, cur, fields, chosen, refusal)
            _activate(desk, cur, chosen, given)
    except RuleSetError as error:
        with desk.transaction() as cur:
            return _show(desk, cur, _broken(fields, error), error)
    except AlertsError as error:
        refusal = Refusal(_form(fields), fields, problem=problems.of_error(error))
        with desk.transaction() as cur:
            return _show(desk, cur, refusal)
    return RedirectResponse(f"/rules?said={Said.ACTIVATED}", 303)


def _of_trial(fields: Fields) -> Fields:
    """Return the fields that the form of the trial has as well."""
    return {name: text for name, text in fields.items() if name in TrySet.model_fields}


def _chosen(given: TrySet) -> _Chosen:
    """Read the rule set.

    Raises:
        RuleSetError: It has mistakes.
    """
    if given.shipped is not None:
        rules = rule_set.shipped_set(given.shipped)
    else:
        rules = rule_set.parse(_PASTED, given.rules_text or "")
    return _Chosen(rules, activation.proposals(rules, *given.scope))


def _form(fields: Fields) -> str:
    """Return which of the page's forms was sent: that of a shipped set, or the one for a file."""
    name = fields.get("shipped", "")
    return f"set-{name}" if name in rule_set.shipped() else "set"


def _broken(fields: Fields, error: RuleSetError) -> Refusal:
    count = len(error.mistakes)
    words = f"{count} {'mistake' if count == 1 else 'mistakes'}, listed above."
    return Refusal(_form(fields), fields, {"rules_text": words})


def _activate(desk: Desk, cur: Cursor, chosen: _Chosen, given: ActivateSet) -> None:
    former = _replaced(desk, cur, chosen)
    before = {(one.scope, one.scope_key, *one.question): one for one in former}
    scope, scope_key = given.scope
    made = activation.activate(
        cur,
        desk.practice_id,
        chosen.rules,
        scope,
        scope_key,
        clinician=desk.who.display_name,
        reason=given.reason,
        at=desk.now,
    )
    for rule in made:
        ended = before.get((rule.scope, rule.scope_key, *rule.question))
        desk.changed(
            Resource.PRACTICE_RULE,
            rule.rule_id,
            before=None if ended is None else states.rule(ended),
            after=states.rule(rule),
        )


def _replaced(desk: Desk, cur: Cursor, chosen: _Chosen) -> list[Rule]:
    rules = alerts_store.rules_of_practice(cur, desk.practice_id).rules
    return activation.replaced(rules, chosen.proposals, desk.now)


def _show_trial(
    desk: Desk,
    cur: Cursor,
    fields: Fields,
    chosen: _Chosen,
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    trial, seen = rule_trials.of_practice(cur, desk.practice_id, chosen.proposals, desk.now)
    replaced = _replaced(desk, cur, chosen)
    desk.saw(*seen, resource=Resource.PATIENT_RECORD, readings=trial.readings)
    return desk.page(
        cur,
        "rule_trial.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        rules=chosen.rules,
        audience=chosen.proposals[0],
        replaced=replaced,
        carried=_of_trial(fields),
        trial=trial,
        schedules=_schedules(chosen),
        refusal=refusal,
    )


def _schedules(chosen: _Chosen) -> list[tuple[str, Schedule]]:
    """Return what a set for the whole practice makes the default, each with what a person calls the readings."""
    if chosen.proposals[0].scope is not Scope.PRACTICE:
        return []
    return [(kinds.OF[one.kind].title, one) for one in chosen.rules.schedules]


def _show(
    desk: Desk,
    cur: Cursor,
    refusal: Refusal = NOTHING_REFUSED,
    broken: RuleSetError | None = None,
) -> HTMLResponse:
    desk.saw()
    return desk.page(
        cur,
        "rule_sets.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        shipped=[rule_set.shipped_set(name) for name in rule_set.shipped()],
        mistakes=_in_words(broken.mistakes if broken else ()),
        may_change=permissions.may(desk.who, Resource.PRACTICE_RULE, Action.CHANGE),
        refusal=refusal,
    )


def _in_words(mistakes: Sequence[Mistake]) -> list[str]:
    return [mistake.text(_PASTED) for mistake in mistakes]
