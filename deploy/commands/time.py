"""``homevitals time``: check the chain of the time log."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import psycopg

from ccm_link.minutes import time_chain
from ccm_link.minutes.time_chain import Finding, Verdict
from deploy import configuration, errors
from ingest.audit_settings import AuditSettings

_SESSION: Final = "-c timezone=UTC"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do with the time log."""
    # “time verify --config F” works like “time --config F verify”.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify",
        parents=[common],
        help="recompute the chains of all practices; exit status 1 where anything was tampered with",
    )
    verify.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Check every chain, and say where one is broken."""
    settings = configuration.load(options.config).get(AuditSettings)
    try:
        with psycopg.connect(settings.database, autocommit=True, options=_SESSION) as connection:
            verdicts = list(time_chain.verify_all(connection))
    except psycopg.errors.InsufficientPrivilege as error:
        raise errors.ConfigurationError(
            "the role of “database” in the section “audit” lacks a right; it has to be homevitals_sealer, "
            "on a database that “homevitals migrate” has brought to this version"
        ) from error
    if options.json:
        print(json.dumps([_as_json(one) for one in verdicts], indent=2))
    else:
        _tell(verdicts)
    return 1 if any(one.findings for one in verdicts) else 0


def _tell(verdicts: list[Verdict]) -> None:
    links = sum(one.links for one in verdicts)
    print(f"{len(verdicts)} practices with a time log, {links} links")
    for one in verdicts:
        print(f"{one.practice_id}: head {one.head.position} {one.head.chain_sha256.hex()}")
        for finding in one.findings:
            where = f"link {finding.position}, " if finding.position else ""
            about = f" {finding.subject_id}" if finding.subject_id else ""
            print(f"  {where}{finding.kind}{about}: {finding.sentence}")
    if not any(one.findings for one in verdicts):
        print("all chains are whole")


def _as_json(of: Verdict) -> dict[str, Any]:
    return {
        "practice_id": str(of.practice_id),
        "links": of.links,
        "head": {"position": of.head.position, "chain_sha256": of.head.chain_sha256.hex()},
        "findings": [_finding(one) for one in of.findings],
    }


def _finding(of: Finding) -> dict[str, Any]:
    return {
        "place": of.place,
        "position": of.position,
        "kind": of.kind,
        "subject_id": None if of.subject_id is None else str(of.subject_id),
        "sentence": of.sentence,
    }
