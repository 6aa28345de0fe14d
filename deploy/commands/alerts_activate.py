"""``homevitals alerts activate``: put a rule set in force under a clinician's name."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from alerts import activation, rule_set, store
from alerts.rules import Rule, Scope
from ccm_link import errors as ccm_errors
from ccm_link.console.words import wording
from ccm_link.program import enrolment
from ccm_link.registry import conditions
from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, given_rules, look
from ingest import audit, people, tenancy
from ingest.people import Role, StaffMember


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which rules, for whom, and under whose name."""
    parser.add_argument(
        "rules",
        metavar="RULES",
        help=f"a file of rules, or one of those that we ship: {', '.join(rule_set.shipped())}",
    )
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument(
        "--clinician",
        required=True,
        metavar="NAME",
        help="under whose name: the sign-in name of a clinician of the practice",
    )
    parser.add_argument("--reason", required=True, help="why")
    whom = parser.add_mutually_exclusive_group()
    whom.add_argument(
        "--condition",
        metavar="CODE",
        help="for those with this condition alone (ICD-10-CM, for example I10)",
    )
    whom.add_argument(
        "--program", choices=[enrolment.PROGRAM], help="for those in this program alone"
    )


def run(options: argparse.Namespace) -> int:
    """Put all of the rules in force, or none, and say which."""
    rules = given_rules.read(options.rules)
    scope = _scope(options)
    if not options.reason.strip():
        raise errors.DeployError("say why with --reason")
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice_id = look.practice(settings, options.practice).practice_id
    now = datetime.now(UTC)
    with (
        psycopg.connect(settings.database) as connection,
        tenancy.transaction(connection, practice_id) as cur,
    ):
        clinician = _clinician(cur, practice_id, options.clinician)
        former = activation.replaced(
            store.rules_of_practice(cur, practice_id).rules,
            activation.proposals(rules, *scope),
            now,
        )
        made = activation.activate(
            cur,
            practice_id,
            rules,
            *scope,
            clinician=clinician.display_name,
            reason=options.reason,
            at=now,
        )
        audit.record(cur, [_event(rule, former, clinician, now) for rule in made])
    print(f"in force from now on, under the name of {clinician.display_name}:")
    for rule in made:
        print(f"    {rule.spec.name}, version {rule.version}")
    print(f"for: {wording.audience(*scope)}")
    return 0


def _scope(options: argparse.Namespace) -> tuple[Scope, str]:
    if options.program:
        return Scope.PROGRAM, options.program
    if options.condition:
        try:
            return Scope.CONDITION, conditions.written(options.condition)
        except ccm_errors.BadCode as error:
            raise errors.DeployError(str(error)) from None
    return Scope.PRACTICE, ""


def _clinician(cur: store.Cursor, practice_id: UUID, name: str) -> StaffMember:
    """Return the clinician of the practice who signs in with a name.

    Raises:
        DeployError: There is none; rules are in force under a clinician's name or not at all.
    """
    for one in people.staff(cur, practice_id):
        if one.sign_in_name == name and one.role is Role.CLINICIAN and one.disabled_at is None:
            return one
    raise errors.DeployError(
        "no clinician of the practice signs in with this name; rules need a clinician’s name"
    )


def _event(rule: Rule, former: list[Rule], clinician: StaffMember, at: datetime) -> audit.Event:
    question = (rule.scope, rule.scope_key, *rule.question)
    ended = [one for one in former if (one.scope, one.scope_key, *one.question) == question]
    return audit.Event(
        practice_id=rule.practice_id,
        at=at,
        kind=audit.Kind.CHANGE,
        action=audit.Action.UPDATE if ended else audit.Action.CREATE,
        agent=command_line.agent(),
        purpose=audit.Purpose.SYSTEM_ADMINISTRATION,
        resource="practice_rule",
        resource_id=str(rule.rule_id),
        detail={
            **({"before": _state(ended[0])} if ended else {}),
            "after": _state(rule),
            "clinician": str(clinician.staff_id),
        },
    )


def _state(rule: Rule) -> dict[str, object]:
    """Return a rule as the trail names it: its ids and for whom, no words of anybody."""
    return {
        "version": rule.version,
        "made_for": rule.scope.value,
        "question": "/".join(rule.question),
        "is_asked": rule.is_asked,
    }
