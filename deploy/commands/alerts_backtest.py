"""``homevitals alerts backtest``: how often rules would have called somebody, before they are in force."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from alerts import history, in_force, rule_set, store
from alerts.backtest import Backtest, backtest
from alerts.rule_set import RuleSet
from ccm_link.settings import CcmLinkSettings
from deploy import backtest_report, command_line, configuration, errors, look


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which rules and which history."""
    parser.add_argument(
        "rules",
        metavar="RULES",
        help=f"a file of rules, or one of those that we ship: {', '.join(rule_set.shipped())}",
    )
    parser.add_argument(
        "--since",
        required=True,
        type=command_line.instant,
        metavar="WHEN",
        help="readings measured from 2026-11-01 (00:00 UTC) or 2026-11-01T08:00:00-05:00 on",
    )
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument(
        "--no-sensitivity",
        action="store_true",
        help="leave out what moving each limit would do; that takes five times as long",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


def run(options: argparse.Namespace) -> int:
    """Ask the rules about history and print what they would have made of it."""
    rules = _rules(options.rules)
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    until = datetime.now(UTC)
    found: list[Backtest] = []
    with look.inside(settings, practice, "readings") as (cur, seen):
        current = in_force.specs(store.rules_of_practice(cur, practice.practice_id), until)
        for kind in dict.fromkeys(rule.kind for rule in rules.rules):
            courses, patients = history.courses(
                cur, practice.practice_id, kind, options.since, until
            )
            seen.update(patients)
            found.append(
                backtest(
                    rules.rules,
                    kind,
                    courses,
                    current,
                    with_sensitivity=not options.no_sensitivity,
                )
            )
    if options.json:
        print(json.dumps(backtest_report.as_json(found), indent=2))
    else:
        _print(rules, found)
    return 0


def _rules(given: str) -> RuleSet:
    """Read a file, or one of the sets that we ship."""
    shipped = rule_set.shipped()
    if given in shipped:
        return rule_set.parse(given, shipped[given])
    path = Path(given)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.DeployError(
            f"{given} is neither a file that can be read ({type(error).__name__}) nor one of {', '.join(shipped)}"
        ) from error
    try:
        return rule_set.parse(path.name, text)
    except rule_set.RuleSetError as error:
        raise errors.DeployError(f"the rules cannot be used:\n{error}") from error


def _print(rules: RuleSet, found: list[Backtest]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"{rules.head.title}, version {rules.head.version}", style="bold", markup=False)
    for one in found:
        table = Table(title=backtest_report.heading(one), title_justify="left")
        table.add_column("")
        for name in backtest_report.COLUMNS:
            table.add_column(name, justify="right")
        for row in backtest_report.rows(one):
            table.add_row(*row)
        console.print(table)
        console.print(backtest_report.compared(one), markup=False)
        if one.sensitivity:
            console.print("Episodes if a limit is moved by 5 or 10 per cent:", markup=False)
        for line in backtest_report.sensitivity(one):
            console.print(f"  {line}", markup=False)
