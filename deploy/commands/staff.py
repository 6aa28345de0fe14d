"""``homevitals staff``: add an account and print its invitation, or close one. Runs as the database's owner.

The first administrator of a practice comes this way; administrators do the rest in the console.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import configuration, errors, look, owner
from ingest import access, audit, one_time_code, people, session_store, tenancy
from ingest.audit import Action, Kind
from ingest.errors import RefusedByStoreError
from ingest.one_time_code import Purpose
from ingest.people import Role

_RESOURCE = "staff_account"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    owner.arguments(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add an account and print the code of its invitation")
    add.add_argument("--role", required=True, choices=sorted(people.STAFF_ROLES))
    add.add_argument("--display-name", help="name as colleagues know it (default: --name)")
    invite = actions.add_parser("invite", help="print a new invitation, for a forgotten password")
    disable = actions.add_parser("disable", help="close an account for good")
    for action in (add, invite, disable):
        action.add_argument(
            "--practice", required=True, metavar="SLUG", help="short name of the practice"
        )
        action.add_argument("--name", required=True, help="name to sign in with, before the “@”")


def run(options: argparse.Namespace) -> int:
    """Do it, and write it into the audit trail."""
    now = datetime.now(UTC)
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice_id = look.practice(settings, options.practice).practice_id
    with (
        psycopg.connect(owner.conninfo(options)) as connection,
        tenancy.transaction(connection, practice_id) as cur,
    ):
        if options.action == "disable":
            _disable(cur, practice_id, _named(cur, practice_id, options.name), now)
            code = None
        else:
            is_new = options.action == "add"
            staff_id = (
                _add(cur, practice_id, options, now)
                if is_new
                else _named(cur, practice_id, options.name)
            )
            code = _invite(cur, practice_id, staff_id, now)
    if code is None:
        print(f"{options.name}@{options.practice} is closed")
    else:
        print(f"invitation of {options.name}@{options.practice}, shown this once:", file=sys.stderr)
        print(code)
        print("it is typed in at the console under /invitation, within 72 hours", file=sys.stderr)
    return 0


def _add(cur: owner.Cursor, practice_id: UUID, options: argparse.Namespace, at: datetime) -> UUID:
    try:
        staff_id = people.add_staff(
            cur,
            practice_id,
            sign_in_name=options.name,
            display_name=options.display_name or options.name,
            role=Role(options.role),
        )
    except RefusedByStoreError as refused:
        raise errors.ConfigurationError(
            f"{refused}: a name is unique in its practice, begins with a small letter and has small letters, digits, "
            "dots, dashes and underlines"
        ) from None
    detail = {"after": {"role": options.role}}
    owner.record(cur, practice_id, Action.CREATE, _RESOURCE, str(staff_id), at, detail=detail)
    return staff_id


def _named(cur: owner.Cursor, practice_id: UUID, name: str) -> UUID:
    found = [
        one.staff_id
        for one in people.staff(cur, practice_id)
        if one.sign_in_name == name and one.disabled_at is None
    ]
    if not found:
        raise errors.ConfigurationError("there is no such open account in this practice")
    return found[0]


def _invite(cur: owner.Cursor, practice_id: UUID, staff_id: UUID, at: datetime) -> str:
    code = one_time_code.issue(
        cur, practice_id, Purpose.INVITE_STAFF, staff_id, created_by=None, at=at
    )
    owner.record(
        cur,
        practice_id,
        Action.CREATE,
        _RESOURCE,
        str(staff_id),
        at,
        kind=Kind.CODE_ISSUED,
        detail={"purpose": Purpose.INVITE_STAFF.value},
    )
    return code


def _disable(cur: owner.Cursor, practice_id: UUID, staff_id: UUID, at: datetime) -> None:
    if access.sole_care(cur, practice_id, staff_id):
        raise errors.DeployError(
            "a restricted patient would have nobody: add a colleague to the care team in the console first"
        )
    if not people.disable_staff(cur, practice_id, staff_id, at):
        raise errors.ConfigurationError("the account was closed already")
    owner.record(cur, practice_id, Action.DELETE, _RESOURCE, str(staff_id), at)
    for token_sha256 in session_store.end_sessions(cur, practice_id, staff_id=staff_id):
        owner.record(
            cur,
            practice_id,
            Action.EXECUTE,
            "session",
            str(staff_id),
            at,
            kind=Kind.SESSION_ENDED,
            detail={
                "reason": "disabled",
                "ended_session": audit.session_mark(token_sha256),
            },
        )
