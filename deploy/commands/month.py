"""``homevitals month``: work a practice's month out, and close it: what can be billed is proposed, its time locked."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from ccm_link.claim import month_states, site_tables
from ccm_link.claim.month_states import Kept
from ccm_link.errors import CcmLinkError
from ccm_link.minutes import month_lock
from ccm_link.minutes.month_lock import Lock
from ccm_link.month import Month
from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, look
from ingest import audit, people, tenancy
from ingest.people import Role


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    common.add_argument("month", metavar="MONTH", type=command_line.month, help="like 2026-11")
    common.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    words = "work out all patients' months for the lists, and propose their claims anew"
    actions.add_parser("work-out", parents=[common], help=words, description=words)
    words = "lock the time log of a month that is over, then work it out: attested claims are left alone"
    close = actions.add_parser("close", parents=[common], help=words, description=words)
    close.add_argument(
        "--by",
        required=True,
        metavar="NAME",
        help="the administrator who closes it, as they sign in",
    )


def run(options: argparse.Namespace) -> int:
    """Do what the action says, and write it into the audit trail.

    A month is locked in a transaction of its own: nobody of the practice could log time while all of it is worked out.
    """
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    month: Month = options.month
    at = datetime.now(UTC)
    try:
        tables = site_tables.of_folder(settings.billing_tables)
        with psycopg.connect(settings.database) as connection:
            if options.action == "close":
                with tenancy.transaction(connection, practice.practice_id) as cur:
                    by = _administrator(cur, practice.practice_id, options.by)
                    lock = month_lock.lock(cur, practice.practice_id, month, locked_by=by, at=at)
                    audit.record(cur, [_locked(lock, at)])
                print(f"the time log of {month} is locked")
            with tenancy.transaction(connection, practice.practice_id) as cur:
                kept = month_states.work_out_all(cur, practice.practice_id, month, tables, at)
                audit.record(cur, [_worked_out(practice.practice_id, month, kept, at)])
    except CcmLinkError as error:
        raise errors.DeployError(str(error)) from None
    print(
        f"{month}: {kept.patients} patients, {kept.ready} with something to bill, {kept.held} with something held, "
        f"{kept.new_claims} claims proposed anew"
    )
    return 0


def _administrator(cur: psycopg.Cursor[tuple[object, ...]], practice_id: UUID, name: str) -> UUID:
    found = [
        one
        for one in people.staff(cur, practice_id)
        if one.sign_in_name == name and one.role is Role.PRACTICE_ADMINISTRATOR
    ]
    if not found:
        raise errors.DeployError("the practice has no administrator who signs in under this name")
    return found[0].staff_id


def _locked(lock: Lock, at: datetime) -> audit.Event:
    """Return the event of a lock as the console tells it: with the head of the chain, which the trail keeps."""
    return audit.Event(
        practice_id=lock.practice_id,
        at=at,
        kind=audit.Kind.CHANGE,
        action=audit.Action.CREATE,
        agent=command_line.agent(),
        purpose=audit.Purpose.OPERATIONS,
        resource="month_lock",
        resource_id=str(lock.month),
        detail={
            "after": {
                "month": str(lock.month),
                "chain_position": lock.chain_position,
                "chain_sha256": lock.chain_sha256,
            }
        },
    )


def _worked_out(practice_id: UUID, month: Month, kept: Kept, at: datetime) -> audit.Event:
    return audit.Event(
        practice_id=practice_id,
        at=at,
        kind=audit.Kind.CHANGE,
        action=audit.Action.EXECUTE,
        agent=command_line.agent(),
        purpose=audit.Purpose.OPERATIONS,
        resource="month",
        resource_id=str(month),
        detail={"deed": "work-out", "patients": kept.patients, "new_claims": kept.new_claims},
    )
