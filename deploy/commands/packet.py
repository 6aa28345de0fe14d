"""``homevitals packet``: everything that a reviewer of one patient's month may ask for, as JSON and PDF."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from ccm_link import audit_packet, coverage, packet_print, site_tables
from ccm_link.billing import periods
from ccm_link.month import Month
from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, given_files, look


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare whose month and where to."""
    parser.add_argument(
        "patient", metavar="PATIENT_ID", help="as it stands in the address of the patient's page"
    )
    parser.add_argument(
        "month", metavar="MONTH", help="the practice's calendar month, like 2026-11"
    )
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, help="where the two files are written"
    )
    parser.add_argument("--practice", metavar="SLUG", help="whose patient, where there are several")
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def run(options: argparse.Namespace) -> int:
    """Write the packet; that it was taken out stands in the audit trail before the first byte is written."""
    month, patient_id = Month.parse(options.month), _patient_id(options.patient)
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    tables = site_tables.of_folder(settings.billing_tables)
    at = datetime.now(UTC)
    with look.inside(settings, practice, "packet", str(month)) as (cur, seen):
        payers = coverage.payers_on(
            cur, practice.practice_id, [patient_id], periods.last_day_of(month)
        )
        packet = audit_packet.of_patient_month(
            cur,
            practice.practice_id,
            patient_id,
            month,
            tables.of_payer(payers.get(patient_id)),
            made_by=command_line.agent().name,
            at=at,
        )
        if packet is None:
            raise errors.DeployError("the practice has no patient of this id")
        seen.add(patient_id)
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


def _patient_id(word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError:
        raise errors.DeployError(
            "a patient's id looks like 0b9d7a52-4a0e-4c5e-9d9f-2f1f6f0c8a11"
        ) from None
