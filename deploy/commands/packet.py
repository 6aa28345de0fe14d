"""``homevitals packet``: everything that a reviewer of one patient's month may ask for, as JSON and PDF."""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from ccm_link.billing import periods
from ccm_link.claim import site_tables
from ccm_link.evidence import audit_packet, packet_print
from ccm_link.evidence.audit_packet import Packet
from ccm_link.month import Month
from ccm_link.registry import coverage
from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, given_files, look
from ingest import audit, tenancy


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    # “packet write --config F” works like “packet --config F write”.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    words = "write all that a reviewer of a patient's month may ask for"
    write = actions.add_parser("write", parents=[common], help=words, description=words)
    write.add_argument(
        "patient", metavar="PATIENT_ID", help="as it stands in the address of the patient's page"
    )
    write.add_argument("month", metavar="MONTH", help="the practice's calendar month, like 2026-11")
    write.add_argument(
        "folder", metavar="FOLDER", type=Path, help="where the two files are written"
    )
    write.add_argument("--practice", metavar="SLUG", help="whose patient, where there are several")
    write.add_argument("--force", action="store_true", help="replace files that are there")
    words = "work out again, from a packet alone, whether its time entries fit their links"
    check = actions.add_parser("check", parents=[common], help=words, description=words)
    check.add_argument("file", metavar="FILE", help="the packet's JSON, or “-” for standard input")


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    return _write(options) if options.action == "write" else _check(options.file)


def _check(name: str) -> int:
    """Print what does not fit; no database is asked."""
    with given_files.source(name) as file:
        text = file.read()
    try:
        content = json.loads(text)
        is_packet = content["format"] == audit_packet.FORMAT
        broken = audit_packet.broken_links(content) if is_packet else []
    except (ValueError, KeyError, TypeError, AttributeError):
        is_packet = False
    if not is_packet:
        raise errors.DeployError(f"this is no packet of the form {audit_packet.FORMAT}")
    links = len(content["sections"].get("time_link", ()))
    print(f"SHA-256: {hashlib.sha256(text).hexdigest()}")
    print(f"{links - len(broken)} of {links} links fit the rows that they are over")
    for position in broken:
        print(f"link {position} does not fit: its row is missing or was changed")
    return 1 if broken else 0


def _write(options: argparse.Namespace) -> int:
    """Write the packet; that it was taken out stands in the audit trail before the first byte is written."""
    month, patient_id = Month.parse(options.month), _patient_id(options.patient)
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    tables = site_tables.of_folder(settings.billing_tables)
    at = datetime.now(UTC)
    with (
        psycopg.connect(settings.database) as connection,
        tenancy.transaction(connection, practice.practice_id) as cur,
    ):
        payers = coverage.payers_on(
            cur, practice.practice_id, [patient_id], periods.last_day_of(month)
        )
        packet = audit_packet.of_patient_month(
            cur,
            practice.practice_id,
            patient_id,
            month,
            tables.of_payer(payers.get(patient_id)),
            made_by=command_line.agent().agent_id,
            at=at,
        )
        if packet is None:
            raise errors.DeployError("the practice has no patient of this id")
        audit.record(cur, [_taken_out(practice.practice_id, patient_id, month, packet, at)])
    stem = f"audit-packet-{patient_id}-{month}"
    for suffix, content in (
        ("json", packet.text),
        ("pdf", packet_print.pdf(packet_print.printed(packet))),
    ):
        name = str(options.folder / f"{stem}.{suffix}")
        with given_files.target(name, replace=options.force) as file:
            file.write(content)
        print(name)
    print(f"SHA-256 of the JSON: {packet.sha256}")
    return 0


def _taken_out(
    practice_id: UUID, patient_id: UUID, month: Month, packet: Packet, at: datetime
) -> audit.Event:
    return audit.Event(
        practice_id=practice_id,
        at=at,
        kind=audit.Kind.EXPORT,
        action=audit.Action.READ,
        agent=command_line.agent(),
        purpose=audit.Purpose.OPERATIONS,
        patient_ids=(patient_id,),
        resource="evidence",
        detail={"month": str(month), "sha256": packet.sha256},
    )


def _patient_id(word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError:
        raise errors.DeployError(
            "a patient's id looks like 0b9d7a52-4a0e-4c5e-9d9f-2f1f6f0c8a11"
        ) from None
