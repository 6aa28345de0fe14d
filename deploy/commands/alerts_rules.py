"""``homevitals alerts rules``: the rules in force in a practice, for whom, under whose name, from which source."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from alerts import rule_set, rule_words, store
from alerts.rules import Rule, Scope
from ccm_link.console.words import wording
from ccm_link.settings import CcmLinkSettings
from deploy import configuration, look


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare whose."""
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


def run(options: argparse.Namespace) -> int:
    """Print the rules in force; of those for single patients only how many there are."""
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    now = datetime.now(UTC)
    with look.inside(settings, practice, "practice_rule") as (cur, _):
        loaded = store.rules_of_practice(cur, practice.practice_id)
    in_force = [rule for rule in loaded.rules if rule.is_in_force(now)]
    shared = [rule for rule in in_force if rule.scope is not Scope.PATIENT]
    if options.json:
        print(json.dumps([_as_json(rule) for rule in shared], indent=2))
        return 0
    for rule in shared:
        _print(rule)
    if not shared:
        print("no rules are in force: nothing that is measured opens a task", file=sys.stderr)
    if len(in_force) > len(shared):
        print(f"and {len(in_force) - len(shared)} for single patients", file=sys.stderr)
    if loaded.unreadable:
        print(f"{len(loaded.unreadable)} stored versions cannot be read", file=sys.stderr)
    return 0


def _print(rule: Rule) -> None:
    off = "" if rule.is_asked else ", switched off"
    audience = wording.audience(rule.scope, rule.scope_key)
    print(f"{rule.spec.name}  {rule.spec.title}, version {rule.version}{off}")
    print(f"    {audience}: {rule_words.sentence(rule.spec)}")
    print(f"    Since {rule.in_force_from:%Y-%m-%d}, set by {rule.set_by}: {rule.reason}")
    print(f"    Source: {rule.spec.source}")


def _as_json(rule: Rule) -> dict[str, Any]:
    return {
        "rule_id": str(rule.rule_id),
        "version": rule.version,
        "scope": rule.scope,
        "scope_key": rule.scope_key,
        "is_asked": rule.is_asked,
        "in_force_from": rule.in_force_from.isoformat(),
        "in_force_until": None if rule.in_force_until is None else rule.in_force_until.isoformat(),
        "set_by": rule.set_by,
        "reason": rule.reason,
        "in_words": rule_words.sentence(rule.spec),
        **rule_set.definition(rule.spec),
    }
