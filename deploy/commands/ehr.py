"""``homevitals ehr``: send what happens to other systems; what did not arrive, who a patient is in an EHR."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from alerts import errors as alerts_errors
from alerts.channels.webhook.settings import WebhookSettings
from alerts.channels.webhook.transport import WebhookTransport
from ccm_link.care_record import connections, outbox, receivers, sending
from ccm_link.care_record.carriers import Carriers
from ccm_link.care_record.ehr_settings import EhrSettings
from ccm_link.care_record.port import Failure, Found, Match, NotTaken
from ccm_link.settings import CcmLinkSettings
from deploy import clockwork, command_line, configuration, errors, look, services
from deploy.clockwork import Job
from deploy.configuration import Configuration
from firmware_profiles.errors import SettingsError
from ingest import audit, people, tenancy
from ingest.people import Practice
from ingest.standing import Standing

# What happens is there at once; the question whether something is due costs a look at an index.
_EVERY: Final = timedelta(seconds=1)
# A slow EHR holds up so many messages, and no other receiver.
_SENDERS: Final = 4
_RESOURCE: Final = "link"
_MOST: Final = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    of_practice = argparse.ArgumentParser(add_help=False)
    of_practice.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    of_practice.add_argument("--json", action="store_true", help="print JSON")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("run", parents=[common], help="send what waits; any number of processes")
    actions.add_parser(
        "status",
        parents=[common, of_practice],
        help="how each receiver stands, and what did not arrive",
    )
    again = actions.add_parser(
        "redrive", parents=[common, of_practice], help="send again what did not arrive"
    )
    which = again.add_mutually_exclusive_group(required=True)
    which.add_argument("--id", type=command_line.identifier, metavar="ID", help="this one")
    which.add_argument(
        "--reason",
        choices=sorted(Failure),
        metavar="REASON",
        help="all that failed for it, as “status” names it",
    )
    which.add_argument("--all", action="store_true", help="everything")
    again.add_argument(
        "--overwrite",
        action="store_true",
        help="let it replace what somebody has changed in the EHR meanwhile",
    )
    match = actions.add_parser(
        "match",
        parents=[common, of_practice],
        help="look again for patients whom the EHR did not know, or say who one is",
    )
    match.add_argument("--record-number", metavar="NUMBER", help="which patient")
    match.add_argument("--as", dest="remote_id", metavar="ID", help="who that is in the EHR")
    test = actions.add_parser("test", parents=[common], help="post a signed test to a webhook")
    test.add_argument("--to", required=True, metavar="URL", help="the receiver's address")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    loaded = configuration.load(options.config)
    match options.action:
        case "run":
            return _serve(loaded, services.prepare())
        case "status":
            return _status(loaded, options)
        case "redrive":
            return _redrive(loaded, options)
        case "match":
            return _match(loaded, options)
        case _:
            return _test(loaded, options.to)


def _serve(loaded: Configuration, stop: threading.Event) -> int:
    settings = loaded.get(EhrSettings)
    with closing(_carriers(loaded)) as carriers:
        sender = sending.Sender(carriers.of, lambda: datetime.now(UTC))

        def send(connection: psycopg.Connection[Any]) -> None:
            while not stop.is_set() and sender.send_some(connection):
                pass

        def forget(connection: psycopg.Connection[Any]) -> None:
            kept = timedelta(days=settings.keep_sent_days)
            sending.forget_sent(connection, datetime.now(UTC) - kept)

        jobs = [
            Job("send", send, _EVERY, at_once=_SENDERS),
            Job("forget_sent", forget, timedelta(hours=1)),
        ]
        clockwork.run(settings.database, jobs, stop)
    return 0


def _carriers(loaded: Configuration) -> Carriers:
    settings = loaded.get(EhrSettings)
    try:
        ehrs = connections.read(settings.folder)
    except SettingsError as error:
        raise errors.ConfigurationError("\n".join(error.problems)) from error
    return Carriers(ehrs, loaded.get(WebhookSettings), settings.console_url)


def _status(loaded: Configuration, options: argparse.Namespace) -> int:
    settings = loaded.get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    with look.inside(settings, practice, _RESOURCE) as (cur, _):
        standings = receivers.standings(cur, practice.practice_id)
        letters = receivers.dead_letters(cur, practice.practice_id, _MOST)
    if options.json:
        told = {
            "receivers": [_standing(one) for one in standings],
            "dead_letters": [_letter(one) for one in letters],
        }
        print(json.dumps(told, indent=2))
        return 0
    if not standings:
        print("nothing leaves: Homevitals itself is the record", file=sys.stderr)
    for standing in standings:
        oldest = f", since {standing.oldest_at.isoformat()}" if standing.oldest_at else ""
        print(f"{standing.kind}  {standing.name}  {standing.address}")
        print(
            f"    {standing.waiting} waiting{oldest}; {standing.held} held for a patient; {standing.dead} dead"
            f"{'; paused' if standing.paused_at else ''}{f'; fails: {standing.failure}' if standing.failures else ''}"
        )
    for letter in letters:
        print(
            f"{letter.settled_at.isoformat()}  {letter.outgoing_id}  {letter.kind}  {letter.failure}"
        )
    return 0


def _redrive(loaded: Configuration, options: argparse.Namespace) -> int:
    with _changing(loaded, options.practice) as (cur, practice, now):
        again = receivers.redrive(
            cur,
            practice.practice_id,
            now,
            outgoing_id=options.id,
            failure=None if options.reason is None else Failure(options.reason),
            overwrites=options.overwrite,
        )
        detail = {"redriven": len(again), "overwrites": options.overwrite}
        _record(cur, practice, now, str(options.id or ""), detail=detail)
    if options.json:
        print(json.dumps([str(one) for one in again], indent=2))
    print(f"{len(again)} will be sent again", file=sys.stderr)
    return 0 if again or options.all else 1


def _match(loaded: Configuration, options: argparse.Namespace) -> int:
    if (options.record_number is None) != (options.remote_id is None):
        raise errors.ConfigurationError("“--record-number” and “--as” belong together")
    if options.remote_id is not None:
        return _match_one(loaded, options)
    results: list[dict[str, str]] = []
    with closing(_carriers(loaded)) as carriers, _changing(loaded, options.practice) as changing:
        cur, practice, now = changing
        names = {
            one.receiver_id: one.name for one in receivers.standings(cur, practice.practice_id)
        }
        for patient in receivers.unmatched(cur, practice.practice_id, _MOST):
            try:
                found = carriers.ehr(names[patient.receiver_id]).look(
                    cur, practice.practice_id, patient.receiver_id, patient.patient_id, now
                )
            except NotTaken as error:
                raise errors.DeployError(
                    f"the EHR could not be asked ({error.failure}); try again"
                ) from None
            results.append({"patient_id": str(patient.patient_id), "match": found.match})
            _record(
                cur, practice, now, patient_id=patient.patient_id, detail={"match": found.match}
            )
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        for one in results:
            print(f"{one['patient_id']}  {one['match']}")
    return 0 if all(one["match"] == Match.MATCHED for one in results) else 1


def _match_one(loaded: Configuration, options: argparse.Namespace) -> int:
    with _changing(loaded, options.practice) as (cur, practice, now):
        found = [
            one
            for one in people.patients(cur, practice.practice_id, tuple(Standing))
            if one.record_number == options.record_number
        ]
        ehrs = [
            one
            for one in receivers.standings(cur, practice.practice_id)
            if one.kind is outbox.ReceiverKind.EHR
        ]
        if not found or not ehrs:
            raise errors.DeployError("there is no such patient, or the practice has no EHR")
        (patient, *_), (ehr, *_) = found, ehrs
        if not outbox.note_patient(
            cur,
            practice.practice_id,
            ehr.receiver_id,
            patient.patient_id,
            Found(Match.MATCHED, options.remote_id),
            matched_by=None,
            now=now,
        ):
            raise errors.DeployError("another patient has this id in the EHR; look both up there")
        _record(cur, practice, now, patient_id=patient.patient_id, detail={"match": "by_hand"})
    print("what was held about the patient is sent", file=sys.stderr)
    return 0


def _test(loaded: Configuration, address: str) -> int:
    transport, message_id = WebhookTransport(loaded.get(WebhookSettings)), uuid4()
    body = json.dumps({"type": "test", "data": {"message_id": str(message_id)}}).encode()
    try:
        receipt = transport.post(address, message_id, body, datetime.now(UTC))
    except alerts_errors.NotSent as error:
        raise errors.DeployError(str(error)) from error
    print(f"taken as {receipt}; now look whether its signature was believed")
    return 0


@contextmanager
def _changing(
    loaded: Configuration, slug: str | None
) -> Iterator[tuple[psycopg.Cursor[Any], Practice, datetime]]:
    settings = loaded.get(CcmLinkSettings)
    practice = look.practice(settings, slug)
    with (
        psycopg.connect(settings.database) as connection,
        tenancy.transaction(connection, practice.practice_id) as cur,
    ):
        yield cur, practice, datetime.now(UTC)


def _record(
    cur: psycopg.Cursor[Any],
    practice: Practice,
    now: datetime,
    resource_id: str = "",
    *,
    patient_id: UUID | None = None,
    detail: dict[str, Any],
) -> None:
    event = audit.Event(
        practice_id=practice.practice_id,
        at=now,
        kind=audit.Kind.CHANGE,
        action=audit.Action.UPDATE,
        agent=command_line.agent(),
        purpose=audit.Purpose.OPERATIONS,
        patient_ids=() if patient_id is None else (patient_id,),
        resource=_RESOURCE,
        resource_id=resource_id,
        detail=detail,
    )
    audit.record(cur, [event])


def _standing(one: receivers.Standing) -> dict[str, object]:
    return {
        "kind": one.kind,
        "name": one.name,
        "address": one.address,
        "waiting": one.waiting,
        "oldest_at": one.oldest_at and one.oldest_at.isoformat(),
        "held": one.held,
        "dead": one.dead,
        "paused_at": one.paused_at and one.paused_at.isoformat(),
        "failures": one.failures,
        "failure": one.failure,
        "last_sent_at": one.last_sent_at and one.last_sent_at.isoformat(),
    }


def _letter(one: receivers.DeadLetter) -> dict[str, object]:
    return {
        "id": str(one.outgoing_id),
        "receiver": one.receiver_name,
        "kind": one.kind,
        "subject_id": str(one.subject_id),
        "queued_at": one.queued_at.isoformat(),
        "dead_since": one.settled_at.isoformat(),
        "attempts": one.attempts,
        "reason": one.failure,
    }
