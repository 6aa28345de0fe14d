"""``homevitals doctor``: everything that has to be right, looked at by name."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from datetime import UTC, datetime

from deploy import configuration, database, doctor
from deploy.doctor import Finding, State


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the form, and the owner's connection string."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--database",
        metavar="CONNINFO",
        default=os.environ.get("HOMEVITALS_OWNER_DATABASE", ""),
        help=f"connection string of {database.OWNER}, to see the migrations (environment: HOMEVITALS_OWNER_DATABASE)",
    )


def run(options: argparse.Namespace) -> int:
    """Print every finding; return 1 if something is wrong, 0 also where something cannot be seen."""
    patient = doctor.Patient(
        loaded=configuration.load(options.config),
        settings_file=options.config,
        environ=os.environ,
        owner_database=options.database,
        clock=lambda: datetime.now(UTC),
    )
    findings = []
    for finding in doctor.examine(patient):
        findings.append(finding)
        if not options.json:
            print(as_text(finding), flush=True)
    if options.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    return 1 if any(finding.state is State.FAILED for finding in findings) else 0


def as_text(finding: Finding) -> str:
    """Return a finding in one or two lines."""
    line = f"{finding.state.upper():<8} {finding.name}: {finding.found}"
    return f"{line}\n         → {finding.what_to_do}" if finding.what_to_do else line
