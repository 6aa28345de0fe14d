"""``homevitals alerts backtest``: how often rules would have called somebody, before they are in force."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from alerts import history, rule_set, store
from alerts.backtest import Backtest, backtest, together
from alerts.rule_set import RuleSet, RuleSpec
from alerts.rules import Rule, Scope
from ccm_link.settings import CcmLinkSettings
from deploy import (
    backtest_chart,
    backtest_report,
    command_line,
    configuration,
    errors,
    given_files,
    given_rules,
    look,
    progress,
)

_FORMS = (".svg", ".pdf", ".png")


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
        help="leave out what moving each limit would do; that takes three times as long",
    )
    parser.add_argument(
        "--chart",
        metavar="FILE",
        help=f"also draw it into a new file; its ending says how: {', '.join(_FORMS)}",
    )
    parser.add_argument("--force", action="store_true", help="replace a chart that is there")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


def run(options: argparse.Namespace) -> int:
    """Ask the rules about history and print what they would have made of it."""
    rules = given_rules.read(options.rules)
    if all(rule.kind is None for rule in rules.rules):
        raise errors.DeployError(
            "the clock asks these rules, of homes and not of readings: there is no history to try them on"
        )
    if options.chart is not None and Path(options.chart).suffix not in _FORMS:
        raise errors.DeployError(
            f"end the chart's name with {', '.join(_FORMS[:-1])} or {_FORMS[-1]}"
        )
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    with look.inside(settings, practice, "readings") as (cur, seen):
        found = _tried(cur, practice.practice_id, rules, options, seen)
    if options.chart is not None:
        _draw(found, options.chart, replace=options.force)
    if options.json:
        print(json.dumps(backtest_report.as_json(found), indent=2))
    else:
        _print(rules, found)
    return 0


def _tried(
    cur: psycopg.Cursor,
    practice_id: UUID,
    rules: RuleSet,
    options: argparse.Namespace,
    seen: set[UUID],
) -> list[Backtest]:
    """Ask about each kind of reading, some patients at a time: so memory stays bounded."""
    until = datetime.now(UTC)
    current = _of_practice(store.rules_of_practice(cur, practice_id).rules, until)
    kinds = list(dict.fromkeys(rule.kind for rule in rules.rules if rule.kind is not None))
    total = len(kinds) * history.patient_count(cur, practice_id)
    found: dict[str, Backtest] = {}
    done = 0
    with progress.shown("asking the rules") as show:
        for kind in kinds:
            for courses, patients in history.parts(cur, practice_id, kind, options.since, until):
                part = backtest(
                    rules.rules,
                    kind,
                    courses,
                    current,
                    with_sensitivity=not options.no_sensitivity,
                )
                found[kind] = part if kind not in found else together([found[kind], part])
                seen.update(patients)
                done += len(patients)
                show(done, total)
    return list(found.values())


def _of_practice(rules: Iterable[Rule], at: datetime) -> list[RuleSpec]:
    """Return the rules in force for the whole practice; those for programs, conditions and patients are left out."""
    return [
        rule.spec
        for rule in rules
        if rule.scope is Scope.PRACTICE and rule.is_asked and rule.is_in_force(at)
    ]


def _draw(found: list[Backtest], name: str, *, replace: bool) -> None:
    from ccm_link.chart.chart_look import Look, Size, Theme
    from ccm_link.console import drawing

    spec = backtest_chart.chart(found, backtest_chart.Names(), Look.of(Theme.LIGHT, Size.WIDE))
    match Path(name).suffix:
        case ".pdf":
            drawn = drawing.pdf(spec)
        case ".png":
            drawn = drawing.png(spec)
        case _:
            drawn = drawing.described_svg(spec).encode()
    with given_files.target(name, replace=replace) as file:
        file.write(drawn)


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
        for line in (backtest_report.most(one), backtest_report.compared(one)):
            if line:
                console.print(line, markup=False)
        if one.sensitivity:
            console.print("Episodes if a limit is moved by 5 or 10 per cent:", markup=False)
        for line in backtest_report.sensitivity(one):
            console.print(f"  {line}", markup=False)
    for rule in rules.rules:
        if rule.kind is None:
            console.print(f"Not tried, for the clock asks it: {rule.name}.", markup=False)
