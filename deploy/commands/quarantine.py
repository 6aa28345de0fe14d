"""``homevitals quarantine``: what could not become data, why, and what to do; send it through ingest again."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, look, progress
from deploy.configuration import Configuration
from ingest import held_records, quarantine, redrive, tenancy
from ingest.held_records import HeldRecord
from ingest.people import Practice
from ingest.redrive import Redriver, Result, Wanted
from ingest.redrive_message import OBSTACLES
from ingest.settings import IngestSettings

_BYTES_A_LINE: Final = 16


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do, with whose records; without an action they are listed."""
    # “quarantine list --practice P” works like “quarantine --practice P list”.
    common = argparse.ArgumentParser(add_help=False)
    _common(parser, default=None)
    _common(common, default=argparse.SUPPRESS)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", help="without one: list")
    listed = actions.add_parser("list", parents=[common], help="list what is open, newest first")
    _limit(parser, 50)
    _limit(listed, argparse.SUPPRESS)
    show = actions.add_parser("show", parents=[common], help="show one record with its bytes")
    show.add_argument("id", type=command_line.identifier, metavar="ID", help="as the list shows it")
    again = actions.add_parser(
        "redrive", parents=[common], help="send records through ingest again, as they arrived"
    )
    which = again.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "ids", nargs="*", default=[], type=command_line.identifier, metavar="ID", help="these"
    )
    which.add_argument(
        "--reason",
        choices=sorted(reason.value for reason in quarantine.EXPLANATIONS),
        metavar="REASON",
        help="all that are held for it",
    )
    which.add_argument(
        "--all",
        action="store_true",
        help="all, but for those whose reason is a matter of security: name these by reason or id",
    )


def run(options: argparse.Namespace) -> int:
    """List, show or try again."""
    configured = configuration.load(options.config)
    if options.action == "show":
        return _show(configured, options)
    if options.action == "redrive":
        return _redrive(configured, options)
    return _list(configured, options)


def _common(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument(
        "--practice", metavar="SLUG", default=default, help="whose, where there are several"
    )
    parser.add_argument(
        "--unknown-gateways",
        action="store_true",
        default=default or False,
        help="what came from gateways that no practice knew; “redrive” takes it into the practice that knows them now",
    )
    parser.add_argument("--json", action="store_true", default=default or False, help="print JSON")


def _limit(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument(
        "--limit",
        type=command_line.count,
        metavar="N",
        default=default,
        help="how many at most, newest first (50 unless told otherwise)",
    )


def _list(configured: Configuration, options: argparse.Namespace) -> int:
    if options.unknown_gateways:
        # It belongs to no practice, so only ingest sees it.
        with _as_ingest(configured) as connection, connection.cursor() as cur:
            found = held_records.still_open(cur, None, options.limit)
    else:
        settings = configured.get(CcmLinkSettings)
        practice = look.practice(settings, options.practice)
        with look.inside(settings, practice, redrive.RESOURCE) as (cur, _):
            found = held_records.still_open(cur, practice.practice_id, options.limit)
    if options.json:
        print(json.dumps([_as_json(row) for row in found], indent=2))
        return 0
    for row in found:
        print(
            f"{row.received_at.isoformat()}  {row.quarantine_id}  {row.gateway_id or 'unknown'}"
            f"  number {'unknown' if row.outbox_seq is None else row.outbox_seq}  {row.reason}"
        )
        print(
            f"    {row.detail}\n    bytes: {row.raw.hex()}\n    {quarantine.explain(row.reason).action}"
        )
    if not found:
        print("quarantine is empty", file=sys.stderr)
    return 0


def _show(configured: Configuration, options: argparse.Namespace) -> int:
    if options.unknown_gateways:
        with _as_ingest(configured) as connection, connection.cursor() as cur:
            row = held_records.one(cur, None, options.id)
    else:
        settings = configured.get(CcmLinkSettings)
        practice = look.practice(settings, options.practice)
        with look.inside(settings, practice, redrive.RESOURCE, str(options.id)) as (cur, _):
            row = held_records.one(cur, practice.practice_id, options.id)
    if row is None:
        raise errors.DeployError("there is no such record; “homevitals quarantine list” shows ids")
    if options.json:
        print(json.dumps(_as_json(row), indent=2))
        return 0
    for name, content in _fields(row):
        print(f"{name:16} {content}")
    print()
    for line in hexadecimal(row.raw):
        print(line)
    return 0


def _redrive(configured: Configuration, options: argparse.Namespace) -> int:
    practice = look.practice(configured.get(CcmLinkSettings), options.practice)
    wanted = Wanted(
        practice_id=practice.practice_id,
        of_unknown_gateways=options.unknown_gateways,
        quarantine_ids=tuple(options.ids) or None,
        reason=options.reason,
    )
    with _as_ingest(configured) as connection:
        with tenancy.transaction(connection, practice.practice_id) as cur:
            found = redrive.to_redrive(cur, wanted)
        guarded = [one for one, reason in found if options.all and _is_security(reason)]
        ids = [one for one, _ in found if one not in set(guarded)]
        missing = set(options.ids) - set(ids)
        if missing:
            raise errors.DeployError(
                f"not open in {practice.slug}: {', '.join(sorted(map(str, missing)))}; nothing was tried"
            )
        results = _try_again(connection, practice, ids)
    if options.json:
        print(json.dumps([_result_as_json(one) for one in results], indent=2))
    else:
        for one in results:
            print(f"{one.quarantine_id}  {one.held_for}: {_became(one)}")
    _sum_up(results, len(guarded))
    return 0 if all(one.to is not None for one in results) else 1


def _try_again(
    connection: psycopg.Connection[Any], practice: Practice, ids: list[UUID]
) -> list[Result]:
    agent = command_line.agent()
    redriver = Redriver(connection, practice.practice_id, agent, agent.agent_id)
    results = []
    with progress.shown("trying again") as show:
        for done, quarantine_id in enumerate(ids, start=1):
            result = redriver.redrive(quarantine_id, datetime.now(UTC))
            if result is not None:  # otherwise somebody else has tried it meanwhile
                results.append(result)
            show(done, len(ids))
    return results


def _sum_up(results: list[Result], guarded: int) -> None:
    counts = Counter("still held" if one.to is None else str(one.to) for one in results)
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
    print(told or "nothing was tried", file=sys.stderr)
    if guarded:
        print(
            f"{guarded:,} left out, a matter of security: name them by reason or id",
            file=sys.stderr,
        )


def _is_security(reason: str) -> bool:
    return quarantine.explain(reason).is_security_event


def _became(result: Result) -> str:
    if result.to is None:
        return f"still held, {_words(result.reason)}"
    return f"{result.to}" + (f" ({_words(result.reason)})" if result.reason else "")


def _words(reason: str | None) -> str:
    return next((words for name, words in OBSTACLES.items() if name == reason), reason or "")


def _as_ingest(configured: Configuration) -> psycopg.Connection[Any]:
    return psycopg.connect(configured.get(IngestSettings).database, autocommit=True)


def _fields(row: HeldRecord) -> Iterator[tuple[str, object]]:
    explained = quarantine.explain(row.reason)
    yield "id", row.quarantine_id
    yield "received", row.received_at.isoformat()
    yield "reason", f"{row.reason}: {explained.meaning}"
    yield "detail", row.detail
    yield "what to do", explained.action
    yield "security", "yes, look into it" if explained.is_security_event else "no"
    yield "gateway", row.gateway_id or "unknown"
    yield "topic", row.topic
    yield "outbox epoch", row.outbox_epoch or "unknown"
    yield "outbox number", "unknown" if row.outbox_seq is None else row.outbox_seq
    yield "message", row.message_id
    yield "SHA-256", row.content_sha256.hex()
    if row.profile is not None:
        known = "known" if row.profile.is_known else "not known"
        yield (
            "profile",
            f"{row.profile.profile_id} version {row.profile.version}, {known} to this server",
        )
    yield "asked for", _when(row.redrive_asked_at, row.redrive_asked_by)
    yield "tried again", _when(row.redriven_at, row.redriven_by)
    if row.redriven_at is not None:
        yield "became", row.redriven_to or f"still held: {_words(row.redriven_reason)}"
    for name, content in sorted((row.record or {}).items()):
        yield f"record {name}", content
    yield "bytes", f"{len(row.raw)}, {row.shape}"


def _when(at: datetime | None, by: str | None) -> str:
    return "no" if at is None else f"{at.isoformat()} by {by}"


def hexadecimal(raw: bytes) -> Iterator[str]:
    """Yield bytes as lines of offset, hexadecimal and what is printable of them."""
    for offset in range(0, len(raw), _BYTES_A_LINE):
        line = raw[offset : offset + _BYTES_A_LINE]
        printable = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)
        yield f"{offset:08x}  {line.hex(' '):{3 * _BYTES_A_LINE - 1}}  {printable}"


def _as_json(row: HeldRecord) -> dict[str, object]:
    explained = quarantine.explain(row.reason)
    profile = row.profile
    return {
        "id": str(row.quarantine_id),
        "received_at": row.received_at.isoformat(),
        "gateway_id": row.gateway_id,
        "topic": row.topic,
        "outbox_epoch": row.outbox_epoch,
        "outbox_seq": row.outbox_seq,
        "message_id": str(row.message_id),
        "reason": row.reason,
        "meaning": explained.meaning,
        "detail": row.detail,
        "what_to_do": explained.action,
        "is_security_event": explained.is_security_event,
        "shape": row.shape,
        "raw": row.raw.hex(),
        "sha256": row.content_sha256.hex(),
        "record": row.record,
        "profile": None
        if profile is None
        else {"id": profile.profile_id, "version": profile.version, "is_known": profile.is_known},
        "redrive_asked_at": row.redrive_asked_at and row.redrive_asked_at.isoformat(),
        "redriven_at": row.redriven_at and row.redriven_at.isoformat(),
        "redriven_by": row.redriven_by,
        "redriven_to": row.redriven_to,
        "redriven_reason": row.redriven_reason,
    }


def _result_as_json(result: Result) -> dict[str, object]:
    return {
        "id": str(result.quarantine_id),
        "gateway_id": result.gateway_id,
        "held_for": result.held_for,
        "to": result.to,
        "reason": result.reason,
    }
