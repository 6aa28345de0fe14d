"""``homevitals claims``: list the claims of a month, write attested ones into a file, record what became of one."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from ccm_link import claim_errors
from ccm_link.claim import claim_exports, claim_records, claim_states, claims, site_tables
from ccm_link.claim.claim_records import Claim
from ccm_link.claim.claim_states import ClaimState
from ccm_link.claim_files.contents import Format
from ccm_link.claim_files.professional import Route
from ccm_link.errors import CcmLinkError
from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, given_files, look
from ingest import audit, tenancy
from ingest.people import Practice

_AMOUNT: Final = re.compile(r"([0-9]{1,7})\.([0-9]{2})", re.ASCII)
_ROUTE_ID: Final = re.compile(r"[A-Z0-9]{2,15}")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    common.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    words = "list the claims of a month, without names"
    listing = actions.add_parser("list", parents=[common], help=words, description=words)
    listing.add_argument("month", metavar="MONTH", type=command_line.month, help="like 2026-11")
    listing.add_argument("--state", choices=list(ClaimState), help="those in one state alone")
    _export_arguments(actions, common)
    words = "record what became of a claim; nothing is sent to anybody"
    record = actions.add_parser("record", parents=[common], help=words, description=words)
    record.add_argument("number", metavar="NUMBER", type=command_line.count, help="of the claim")
    record.add_argument("state", choices=[str(one) for one in claim_states.RECORDED])
    record.add_argument("--reference", default="", help="the payer's own number of the claim")
    record.add_argument(
        "--denial", action="append", default=[], metavar="CODE", help="of a denial; several times"
    )
    record.add_argument("--paid", type=_cents, metavar="AMOUNT", help="of a payment, like 66.13")
    record.add_argument("--note", default="", help="in a few words")


def _export_arguments(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    words = "write attested claims of a month into a file; nothing is sent to anybody"
    export = actions.add_parser("export", parents=[common], help=words, description=words)
    export.add_argument("month", metavar="MONTH", type=command_line.month, help="like 2026-11")
    export.add_argument("output", metavar="OUTPUT", help="a new file, or “-” for standard output")
    export.add_argument("--format", choices=list(Format), default="csv", help="kind of file")
    export.add_argument(
        "--leave-out", action="store_true", help="leave claims out in which something is missing"
    )
    export.add_argument(
        "--again", action="store_true", help="also claims that are in a file already"
    )
    for name, words in (
        ("--submitter-id", "of x12: your number at the receiver"),
        ("--receiver-id", "of x12: the receiver's number"),
    ):
        export.add_argument(name, type=_route_id, metavar="ID", help=words)
    export.add_argument("--receiver-name", metavar="NAME", help="of x12: the receiver's name")
    export.add_argument("--force", action="store_true", help="replace a file that is there")


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    try:
        match options.action:
            case "list":
                return _list(settings, practice, options)
            case "export":
                return _export(settings, practice, options)
            case _:
                return _record(settings, practice, options)
    except claim_errors.Incomplete as error:
        lines = "\n".join(f"  - {one}" for one in error.lacks)
        raise errors.DeployError(f"something is missing for this file:\n{lines}") from None
    except CcmLinkError as error:
        raise errors.DeployError(str(error)) from None


def _list(settings: CcmLinkSettings, practice: Practice, options: argparse.Namespace) -> int:
    states = [ClaimState(options.state)] if options.state else list(ClaimState)
    with look.inside(settings, practice, "claims", str(options.month)) as (cur, seen):
        found = claim_records.of_month(cur, practice.practice_id, options.month, states)
        seen.update(one.patient_id for one in found)
    for one in found:
        codes = ", ".join(f"{line.code} x {line.units}" for line in one.lines)
        print(f"{one.claim_number}\t{one.state}\t{codes}\t{one.reference}")
    print(f"{len(found)} claims", file=sys.stderr)
    return 0


def _export(settings: CcmLinkSettings, practice: Practice, options: argparse.Namespace) -> int:
    tables = site_tables.of_folder(settings.billing_tables)
    states = [ClaimState.ATTESTED, *([ClaimState.EXPORTED] if options.again else [])]
    at = datetime.now(UTC)
    with given_files.target(options.output, replace=options.force) as file:
        with (
            psycopg.connect(settings.database) as connection,
            tenancy.transaction(connection, practice.practice_id) as cur,
        ):
            chosen = claim_records.of_month(cur, practice.practice_id, options.month, states)
            done = claim_exports.export(
                cur,
                practice.practice_id,
                options.month,
                chosen,
                Format(options.format),
                tables,
                _route(options),
                leave_out=options.leave_out,
                made_by=command_line.agent().agent_id,
                at=at,
            )
            event = _event(practice.practice_id, done.claims, done.number, at, audit.Kind.EXPORT)
            audit.record(cur, [event])
        # It is committed, and in the trail, before the first byte leaves.
        file.write(done.text.encode())
    for number, lacks in done.left_out.items():
        print(f"claim {number} is left out: {', '.join(lacks)}", file=sys.stderr)
    print(f"{len(done.claims)} claims in file {done.number}", file=sys.stderr)
    return 0


def _record(settings: CcmLinkSettings, practice: Practice, options: argparse.Namespace) -> int:
    at = datetime.now(UTC)
    with (
        psycopg.connect(settings.database) as connection,
        tenancy.transaction(connection, practice.practice_id) as cur,
    ):
        claim_id = claim_records.id_of_number(cur, practice.practice_id, options.number)
        claim = claim_records.lock(cur, practice.practice_id, claim_id)
        claims.record(
            cur,
            practice.practice_id,
            claim,
            ClaimState(options.state),
            made_by=command_line.agent().agent_id,
            at=at,
            reference=options.reference,
            denial_codes=options.denial,
            paid_cents=options.paid,
            note=options.note,
        )
        event = _event(practice.practice_id, (claim,), claim_id, at, audit.Kind.CHANGE)
        audit.record(cur, [event])
    print(f"claim {options.number}: {options.state}")
    return 0


def _event(
    practice_id: UUID, found: tuple[Claim, ...], resource_id: object, at: datetime, kind: audit.Kind
) -> audit.Event:
    is_export = kind is audit.Kind.EXPORT
    return audit.Event(
        practice_id=practice_id,
        at=at,
        kind=kind,
        action=audit.Action.READ if is_export else audit.Action.UPDATE,
        agent=command_line.agent(),
        purpose=audit.Purpose.OPERATIONS,
        patient_ids=tuple({one.patient_id for one in found}),
        resource="claim",
        resource_id=str(resource_id),
        detail={"claims": len(found)},
    )


def _route(options: argparse.Namespace) -> Route | None:
    parts = (options.submitter_id, options.receiver_id, options.receiver_name)
    if options.format != Format.X12:
        return None
    if None in parts:
        raise errors.DeployError("x12 needs --submitter-id, --receiver-id and --receiver-name")
    return Route(*parts)


def _route_id(word: str) -> str:
    if not _ROUTE_ID.fullmatch(word):
        raise argparse.ArgumentTypeError("write 2 to 15 capital letters and digits")
    return word


def _cents(word: str) -> int:
    found = _AMOUNT.fullmatch(word)
    if found is None:
        raise argparse.ArgumentTypeError("write an amount like 66.13")
    return int(found[1]) * 100 + int(found[2])
