"""``homevitals practice``: add a practice, name its OpenID provider. Runs as the database's owner."""

from __future__ import annotations

import argparse
import zoneinfo
from datetime import UTC, datetime

import psycopg

from ccm_link.console.entrance import openid_connect
from ccm_link.settings import CcmLinkSettings
from deploy import configuration, errors, look, owner
from ingest import credentials, people, tenancy
from ingest.audit import Action
from ingest.errors import RefusedByStoreError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    owner.arguments(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a practice")
    add.add_argument(
        "--slug", required=True, help="short name; people sign in as name@SLUG", metavar="SLUG"
    )
    add.add_argument("--name", required=True, help="its name")
    add.add_argument(
        "--time-zone", required=True, metavar="ZONE", help="for example America/Chicago"
    )
    provider = actions.add_parser("provider", help="set or replace a practice's OpenID provider")
    provider.add_argument("--slug", required=True, help="short name of the practice")
    provider.add_argument(
        "--issuer", required=True, help="issuer, exactly as the provider writes it"
    )
    provider.add_argument("--client-id", required=True, help="under which the provider knows us")
    provider.add_argument(
        "--second-factor",
        action="append",
        metavar="VALUE",
        help="value of amr or acr that says that a second factor was asked for; may be given several times "
        f"(default: {', '.join(credentials.SECOND_FACTOR_AMR)})",
    )


def run(options: argparse.Namespace) -> int:
    """Do it, and write it into the audit trail."""
    if options.action == "add":
        return _add(options, datetime.now(UTC))
    return _set_provider(options, datetime.now(UTC))


def _add(options: argparse.Namespace, at: datetime) -> int:
    if options.time_zone not in zoneinfo.available_timezones():
        raise errors.ConfigurationError("no such time zone; write it like America/Chicago")
    try:
        with psycopg.connect(owner.conninfo(options)) as connection, connection.cursor() as cur:
            practice_id = people.add_practice(
                cur, slug=options.slug, name=options.name, time_zone=options.time_zone
            )
            owner.record(cur, practice_id, Action.CREATE, "practice", str(practice_id), at)
    except RefusedByStoreError as refused:
        raise errors.ConfigurationError(
            f"{refused}: a short name is unique, begins with a small letter and has 2 to 30 small letters, digits and "
            "dashes"
        ) from None
    print(f"added the practice {options.slug}; its first administrator comes with")
    print(f"    homevitals staff add --practice {options.slug} --role practice_administrator …")
    return 0


def _set_provider(options: argparse.Namespace, at: datetime) -> int:
    if not openid_connect.is_safe(options.issuer):
        raise errors.ConfigurationError("the issuer has to be an https address without “#”")
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice_id = look.practice(settings, options.slug).practice_id
    factors = tuple(options.second_factor or credentials.SECOND_FACTOR_AMR)
    with (
        psycopg.connect(owner.conninfo(options)) as connection,
        tenancy.transaction(connection, practice_id) as cur,
    ):
        credentials.set_identity_provider(
            cur,
            practice_id,
            issuer=options.issuer,
            client_id=options.client_id,
            second_factor_amr=factors,
        )
        owner.record(
            cur,
            practice_id,
            Action.UPDATE,
            "identity_provider",
            str(practice_id),
            at,
            detail={"after": {"issuer": options.issuer, "second_factors": list(factors)}},
        )
    print(f"people of {options.slug} may now sign in at {options.issuer}")
    return 0
