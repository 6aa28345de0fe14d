"""Where other systems report minutes of care. For programs with a token of their own; no cookie is read here.

A token opens these two addresses and nothing else. Each report and refusal is in the audit trail as that system's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Request, Response
from pydantic import StringConstraints, model_validator

from ccm_link import link_errors
from ccm_link.console import problems, rate_limits, surroundings, trail
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.console.posted import time_inputs
from ccm_link.console.posted.input_types import Instant, Words, written
from ccm_link.console.posted.inputs import Input
from ccm_link.console.posted.time_inputs import ProgramName, ProviderNumber
from ccm_link.console.problems import Problem, Refused
from ccm_link.console.rate_limits import Deed
from ccm_link.errors import CcmLinkError
from ccm_link.link_errors import ReportDiffers
from ccm_link.minutes import external_time, time_log
from ccm_link.minutes.external_time import Report, System
from ccm_link.minutes.time_entry import TimeEntry
from ccm_link.work import Activity
from ingest import audit, tenancy
from ingest.audit import Agent, AgentKind, Outcome

RESOURCE: Final = "external_time_entry"
PREFIX: Final = "/api/v1/external-time-entries"

_NO_TOKEN: Final = Problem(
    401,
    "Show a token",
    "The header Authorization holds no token of a system that may report time here, or the token was revoked.",
    "Send “Authorization: Bearer …” with the token that the practice's administrator was shown once.",
    "no_token",
)
# What any system may choose that makes ids: letters, digits and what is plain in an address.
ExternalId = Annotated[
    str,
    written(
        "[A-Za-z0-9._~-]{1,100}", "Write 1 to 100 letters, digits, points, dashes or underlines."
    ),
]
RecordNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)
]


@dataclass(frozen=True, slots=True)
class Door:
    """A system that is let in, and its request.

    Attributes:
        system: Which.
        now: Aware UTC.
        request: The request.
    """

    system: System
    now: datetime
    request: Request

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[Any]]:
        """Open a transaction in the scope of the system's practice: committed at the end, rolled back by exceptions."""
        pool = surroundings.of(self.request).pool
        with (
            pool.connection() as connection,
            tenancy.transaction(connection, self.system.practice_id) as cur,
        ):
            yield cur

    def tell(
        self,
        cur: psycopg.Cursor[Any],
        action: audit.Action,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        patient_id: UUID | None = None,
        resource_id: str = "",
        **detail: str,
    ) -> None:
        """Write into the audit trail what the system did."""
        event = audit.Event(
            practice_id=self.system.practice_id,
            at=self.now,
            kind=audit.Kind.CHANGE,
            action=action,
            agent=Agent(
                AgentKind.SERVICE,
                agent_id=f"external:{self.system.system_id}",
                network=surroundings.network_of(self.request),
            ),
            outcome=outcome,
            purpose=audit.Purpose.OPERATIONS,
            patient_ids=() if patient_id is None else (patient_id,),
            resource=RESOURCE,
            resource_id=resource_id,
            detail=detail,
        )
        audit.record(cur, [event])


def at_the_door(request: Request) -> Door:
    """Find out which system asks.

    Raises:
        Refused: 401; no token, or none that counts.
        TooMany: 429; the system asks too often, or somebody tries tokens.
    """
    here = surroundings.of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    found = None
    if scheme.lower() == "bearer" and token.strip():
        with here.entrance.connection() as connection, connection.cursor() as cur:
            found = external_time.who(cur, token.strip())
    if found is None:
        rate_limits.check(request, Deed.CODE)
        raise Refused(_NO_TOKEN)
    rate_limits.check(request, Deed.REPORT, account=str(found.system_id))
    return Door(found, here.clock(), request)


AtDoor = Annotated[Door, Depends(at_the_door)]
router = APIRouter(prefix=PREFIX, responses=api_models.REFUSALS)


class ExternalTimeEntry(time_inputs.WithContact):
    """Minutes of one member of staff for one patient, as another system has logged them.

    ``external_id``: the entry's id there; sent again with the same content it is taken once, with other content it is
    refused. Who did the work: ``staff_id`` as the system calls them, or ``npi``. ``program``: one of the practice's,
    “none”, or left out for the only one that the patient is in. ``is_late``: the system knows that the month is locked.
    """

    external_id: ExternalId
    record_number: RecordNumber
    staff_id: RecordNumber | None = None
    npi: ProviderNumber | None = None
    started_at: Instant
    ended_at: Instant
    program: ProgramName = ""
    activity: Activity
    note: Words
    is_late: bool = False

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if (self.staff_id is None) == (self.npi is None):
            raise ValueError("Say who did the work: either staff_id or npi.")
        return self


class VoidExternal(Input):
    """Which entry does not count, by its id in that system, and why."""

    external_id: ExternalId
    reason: Words


class TakenEntry(Answer):
    """What became of a report. ``needs_approval``: it counts once a person here has approved it."""

    external_id: str
    entry_id: UUID
    started_at: datetime
    ended_at: datetime
    seconds: int
    needs_approval: bool
    voided_at: datetime | None

    @classmethod
    def of_entry(cls, external_id: str, entry: TimeEntry) -> Self:
        """Return what the system is told: nothing that it has not sent."""
        return cls(
            external_id=external_id,
            entry_id=entry.entry_id,
            started_at=entry.started_at,
            ended_at=entry.ended_at,
            seconds=round((entry.ended_at - entry.started_at).total_seconds()),
            needs_approval=entry.needs_approval,
            voided_at=entry.voided_at,
        )


@router.post("", status_code=201, responses={200: {"model": TakenEntry}})
def report(door: AtDoor, given: ExternalTimeEntry, response: Response) -> TakenEntry:
    """Take an entry; 200 instead of 201 where it was taken before."""
    told = Report(
        external_id=given.external_id,
        record_number=given.record_number,
        staff_id=given.staff_id,
        npi=given.npi,
        started_at=given.started_at,
        ended_at=given.ended_at,
        program=given.program,
        activity=given.activity,
        made=given.made,
        note=given.note,
        is_late=given.is_late,
        content=given.model_dump_json().encode(),
    )
    with _refusals(door, given.external_id), door.transaction() as cur:
        entry, is_new = external_time.report(cur, door.system, told, door.now)
        if is_new:
            door.tell(
                cur,
                audit.Action.CREATE,
                patient_id=entry.patient_id,
                resource_id=str(entry.entry_id),
            )
    if not is_new:
        response.status_code = 200
    return TakenEntry.of_entry(given.external_id, entry)


@router.post("/void")
def void(door: AtDoor, given: VoidExternal) -> TakenEntry:
    """Void an entry that the same system has reported."""
    with _refusals(door, given.external_id), door.transaction() as cur:
        entry = external_time.void(
            cur, door.system, given.external_id, reason=given.reason, at=door.now
        )
        door.tell(
            cur, audit.Action.UPDATE, patient_id=entry.patient_id, resource_id=str(entry.entry_id)
        )
        voided = time_log.entry(cur, door.system.practice_id, entry.entry_id) or entry
    return TakenEntry.of_entry(given.external_id, voided)


@contextmanager
def _refusals(door: Door, external_id: str) -> Iterator[None]:
    """Answer what is not taken, and write it into the audit trail; two contents under one id are a security event too.

    Raises:
        Refused: with why.
    """
    try:
        yield
    except link_errors.UnknownSystem:
        raise Refused(_NO_TOKEN) from None
    except CcmLinkError as error:
        problem = problems.of_error(error)
        with door.transaction() as cur:
            door.tell(
                cur,
                audit.Action.CREATE,
                Outcome.REFUSED,
                resource_id=trail.sha256_of(external_id),
                reason=problem.reason,
            )
            if isinstance(error, ReportDiffers):
                external_time.note_conflict(cur, door.system, door.now)
        raise Refused(problem) from None
