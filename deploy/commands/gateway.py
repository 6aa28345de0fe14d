"""``homevitals gateway``: what a practice's gateways should connect to and at which pace, and how far they follow."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from ccm_link.console.words import configuration_words
from ccm_link.settings import CcmLinkSettings
from deploy import (
    command_line,
    configuration,
    errors,
    gateway_configuration_file,
    given_files,
    look,
)
from ingest import audit, fleet, gateway_configurations, store, tenancy
from ingest.directory import Gateway
from ingest.errors import ConfigurationRefused, SignerAway
from ingest.gateway_configurations import FollowingState, Version, Wanted
from ingest.people import Practice
from ingest.signing import Signer


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser(
        "list", parents=[common], help="list the gateways, and how far each follows"
    )
    listed.add_argument("--json", action="store_true", help="print JSON")
    show = actions.add_parser(
        "show", parents=[common], help="print a gateway's configuration, as “configure” reads it"
    )
    show.add_argument("gateway", metavar="GATEWAY", help="its id (gw-…)")
    show.add_argument(
        "--number", type=command_line.count, help="this version instead of the latest"
    )
    show.add_argument("--profile", metavar="FILE", help="print the text of this profile of it")
    configure = actions.add_parser(
        "configure", parents=[common], help="make a gateway's next version, and sign it"
    )
    configure.add_argument("gateway", metavar="GATEWAY", help="its id (gw-…)")
    what = configure.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--file",
        metavar="FILE.toml",
        help="all of the configuration; the profiles that it names lie beside it",
    )
    what.add_argument(
        "--again",
        action="store_true",
        help="the same once more, under a new number and signed with the key of now",
    )


def run(options: argparse.Namespace) -> int:
    """List, show or configure."""
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    match options.action:
        case "list":
            return _list(settings, practice, options)
        case "show":
            return _show(settings, practice, options)
        case _:
            return _configure(settings, practice, options)


def _list(settings: CcmLinkSettings, practice: Practice, options: argparse.Namespace) -> int:
    with look.inside(settings, practice, fleet.RESOURCE) as (cur, _):
        found = [
            (
                gateway,
                gateway_configurations.latest(cur, practice.practice_id, gateway.gateway_id),
                gateway_configurations.following(cur, practice.practice_id, gateway.gateway_id),
            )
            for gateway in store.gateways(cur, practice.practice_id)
        ]
    if options.json:
        print(json.dumps([_as_json(*one) for one in found], indent=2))
        return 0
    for gateway, latest, following in found:
        number = latest.number if latest else 0
        state = configuration_words.state(number, following)
        print(f"{gateway.gateway_id}  {gateway.label}, {gateway.status}")
        print(f"    version {number}: {state.label}. {state.next_step}")
        if following.refused_detail:
            print(f"    {following.refused_detail}")
    if not found:
        print("the practice has no gateway yet", file=sys.stderr)
    return 0


def _show(settings: CcmLinkSettings, practice: Practice, options: argparse.Namespace) -> int:
    with look.inside(settings, practice, fleet.RESOURCE, options.gateway) as (cur, _):
        _require(cur, practice, options.gateway)
        which = practice.practice_id, options.gateway
        version = (
            gateway_configurations.latest(cur, *which)
            if options.number is None
            else gateway_configurations.version(cur, *which, options.number)
        )
    if version is None:
        raise errors.DeployError("the gateway has no such version; it goes by its own settings")
    wanted = version.wanted
    if options.profile is None:
        print(f"# {options.gateway}, version {version.number}, made {version.made_at.isoformat()}")
        print(gateway_configuration_file.write(wanted), end="")
        return 0
    for one in wanted.profile_files:
        if one.file_name == options.profile:
            print(one.text, end="")
            return 0
    names = ", ".join(one.file_name for one in wanted.profile_files) or "none"
    raise errors.DeployError(f"the version has no such profile; it has {names}")


def _configure(settings: CcmLinkSettings, practice: Practice, options: argparse.Namespace) -> int:
    given = None if options.again else _read(options.file)
    agent, now = command_line.agent(), datetime.now(UTC)
    try:
        with (
            psycopg.connect(settings.database) as connection,
            tenancy.transaction(connection, practice.practice_id) as cur,
        ):
            _require(cur, practice, options.gateway)
            before = gateway_configurations.latest(cur, practice.practice_id, options.gateway)
            made = gateway_configurations.make(
                cur,
                practice.practice_id,
                options.gateway,
                given or (before.wanted if before else Wanted()),
                based_on=before.number if before else 0,
                signer=Signer(settings.signer_socket),
                made_by=agent.agent_id,
                at=now,
            )
            event = audit.Event(
                practice_id=practice.practice_id,
                at=now,
                kind=audit.Kind.CHANGE,
                action=audit.Action.UPDATE,
                agent=agent,
                purpose=audit.Purpose.SYSTEM_ADMINISTRATION,
                resource=fleet.RESOURCE,
                resource_id=options.gateway,
                detail={"before": _in_trail(before), "after": _in_trail(made)},
            )
            audit.record(cur, [event])
    except ConfigurationRefused as refused:
        raise errors.DeployError(str(refused)) from None
    except SignerAway:
        raise errors.SignerUnreachable from None
    print(
        f"{options.gateway}: version {made.number} is made; “homevitals gateway list” shows how far it is followed"
    )
    return 0


def _read(name: str) -> Wanted:
    folder = Path(name).parent
    return gateway_configuration_file.read(
        name, _text_of(name), lambda beside: _text_of(str(folder / beside))
    )


def _text_of(name: str) -> str:
    with given_files.source(name) as file:
        try:
            return file.read(gateway_configuration_file.MOST_CHARACTERS * 4 + 1).decode("utf-8")
        except UnicodeDecodeError:
            raise errors.DeployError(f"{name} is not UTF-8 text") from None


def _require(cur: psycopg.Cursor[Any], practice: Practice, gateway_id: str) -> None:
    if fleet.standing(cur, practice.practice_id, gateway_id) is None:
        raise errors.DeployError(
            f"{practice.slug} has no gateway {gateway_id}; “homevitals gateway list” shows them"
        )


def _in_trail(version: Version | None) -> dict[str, object]:
    if version is None:
        return {"configuration": 0}
    return {
        "configuration": version.number,
        "content": f"sha256:{hashlib.sha256(version.content).hexdigest()}",
    }


def _as_json(
    gateway: Gateway, latest: Version | None, following: FollowingState
) -> dict[str, object]:
    return {
        "gateway_id": gateway.gateway_id,
        "label": gateway.label,
        "status": gateway.status,
        "latest_number": latest.number if latest else None,
        "sent_number": following.sent_number,
        "applied_number": following.applied_number,
        "heard_at": following.heard_at and following.heard_at.isoformat(),
        "refused_number": following.refused_number,
        "refused_reason": following.refused_reason,
        "refused_detail": following.refused_detail,
    }
