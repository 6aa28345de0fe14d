"""What a person wants to change about rules, checked against what holds: signature, limit, end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

from alerts import rule_set
from alerts.limits import limit_of, with_limit
from alerts.rule_set import RuleSetError, RuleSpec
from alerts.rules import Rule, RuleProposal, Scope
from alerts.trial import Trial
from ccm_link.console import limits
from ccm_link.local_days import Days
from ingest.people import SignedIn

Complaints = dict[str, str]

_NOT_SIGNED: Final = "Type your own name as the console shows it: it is your signature."
_OVER: Final = "This day is over. Choose a later one, or leave it empty."
_IMPOSSIBLE: Final = "A rule of this form cannot have this limit."


@dataclass(frozen=True, slots=True)
class TriedLimit:
    """What moving a rule's limit would have made of the last days, for the page that asks.

    Attributes:
        title: The rule's.
        before: Its limit now, with the unit.
        after: The limit tried, with the unit.
        episodes_before: Of the rule's subject, in whatever severity they ended.
        episodes_after: Likewise, with the limit tried.
        trial: All of it.
    """

    title: str
    before: str
    after: str
    episodes_before: int
    episodes_after: int
    trial: Trial

    @classmethod
    def of(cls, former: RuleSpec, wanted: RuleSpec, trial: Trial) -> Self:
        """Put it together of the rule as it is, the rule as it would be, and the trial."""
        subjects = [one for one in trial.subjects if one.family == wanted.family]
        return cls(
            title=wanted.title,
            before=_limit(former),
            after=_limit(wanted),
            episodes_before=sum(one.before for one in subjects),
            episodes_after=sum(one.after for one in subjects),
            trial=trial,
        )


def signed(who: SignedIn, signature: str) -> Complaints:
    """Return what is wrong with a signature: somebody signs with the own name, in any case and spacing."""
    same = signature.casefold().split() == who.display_name.casefold().split()
    return {} if same else {"signature": _NOT_SIGNED}


def moved(
    rule: Rule,
    limit: float,
    beside: Sequence[Rule],
    *,
    scope: Scope,
    scope_key: str,
    until_on: date | None,
    zone: ZoneInfo,
    now: datetime,
) -> tuple[RuleProposal | None, Complaints]:
    """Return a rule with another limit for somebody, or ``None`` and what is wrong with which field.

    Args:
        rule: The rule that holds now.
        limit: In the unit of its limit.
        beside: The rules that hold for the same people now.
        scope: For whom the new one holds.
        scope_key: Which one of them.
        until_on: The last day on which it holds; ``None``: until somebody changes it.
        zone: In which that day is counted.
        now: Aware UTC.
    """
    if limit_of(rule.spec.signal) is None:
        return None, {"question": "This rule has no single limit."}
    objection = limits.objection(rule, limit, beside)
    if objection:
        return None, {"limit": objection}
    spec = with_limit(rule.spec, limit)
    try:
        spec = rule_set.of_definition("the rule", rule_set.definition(spec))
    except RuleSetError:
        return None, {"limit": _IMPOSSIBLE}
    until = None if until_on is None else Days(until_on, until_on, zone).until_at
    if until is not None and until <= now:
        return None, {"until_on": _OVER}
    return RuleProposal(spec=spec, scope=scope, scope_key=scope_key, until=until), {}


def _limit(spec: RuleSpec) -> str:
    limit = limit_of(spec.signal)
    return "" if limit is None else f"{limit.number:g} {limit.unit}"
