"""Events of the audit trail: who did what to whose data, when, and what came of it.

An event is written in the transaction of what it tells about: where it cannot be written, nothing is shown and nothing
is changed. It holds ids, counts and the before and after of what a person decided; texts that people wrote, names and
readings stay out, or stand there as their SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "audit")


class Kind(StrEnum):
    """What happened."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    SESSION_ENDED = "session_ended"  # by somebody else: account disabled, too many sessions
    READ = "read"
    CHANGE = "change"
    EXPORT = "export"
    RESTORED = "restored"  # the whole database came out of a backup; what was later is lost
    BREAK_GLASS = "break_glass"
    BREAK_GLASS_REVIEW = "break_glass_review"
    CODE_ISSUED = "code_issued"
    GATEWAY_ENROLLED = "gateway_enrolled"
    GATEWAY_RENEWED = "gateway_renewed"
    GATEWAY_REVOKED = "gateway_revoked"
    GATEWAY_CUT_OFF = "gateway_cut_off"


class Action(StrEnum):
    """FHIR AuditEvent.action. Source: FHIR R4 (4.0.1), value set audit-event-action."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class Outcome(StrEnum):
    """What came of it."""

    SUCCESS = "success"
    REFUSED = "refused"
    FAILED = "failed"


class AgentKind(StrEnum):
    """What sort of actor it was."""

    STAFF = "staff"
    HOME_PERSON = "home_person"
    GATEWAY = "gateway"
    SERVICE = "service"
    COMMAND_LINE = "command_line"
    NOBODY = "nobody"


class Purpose(StrEnum):
    """Why. Source: HL7 v3 code system ActReason, value set PurposeOfUse (2023-06)."""

    TREATMENT = "TREAT"
    EMERGENCY_TREATMENT = "ETREAT"
    OPERATIONS = "HOPERAT"
    PATIENT_REQUESTED = "PATRQT"
    SYSTEM_ADMINISTRATION = "HSYSADMIN"


@dataclass(frozen=True, slots=True)
class Agent:
    """Who did it.

    Attributes:
        kind: Sort of actor.
        agent_id: Id of the member of staff, person or gateway; name of the service or of the system's user.
        role: The role at that time.
        network: Address the request came from; "" where there was none.
        session: First 16 hexadecimal digits of the session token's SHA-256, as :func:`session_mark` makes them.
    """

    kind: AgentKind
    agent_id: str = ""
    role: str = ""
    network: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the trail. ``at`` is aware UTC; ``patient_ids`` are all whose data was seen or changed."""

    practice_id: UUID
    at: datetime
    kind: Kind
    action: Action
    agent: Agent
    outcome: Outcome = Outcome.SUCCESS
    purpose: Purpose = Purpose.TREATMENT
    patient_ids: tuple[UUID, ...] = ()
    resource: str = ""
    resource_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    event_id: UUID = field(default_factory=uuid4)


def session_mark(token_sha256: bytes) -> str:
    """Return what tells a session's events apart from others' and opens nothing."""
    return token_sha256.hex()[:16]


def record(cur: Cursor, events: Sequence[Event]) -> None:
    """Write events in the open transaction, which has to work for their practices.

    Raises:
        psycopg.Error: they could not be written; nothing that they tell about may happen or be shown.
    """
    if events:
        cur.executemany(_Q.record, [_parameters(event) for event in events])


def _parameters(event: Event) -> dict[str, Any]:
    return {
        "practice_id": event.practice_id,
        "event_id": event.event_id,
        "at": event.at,
        "kind": event.kind,
        "action": event.action,
        "outcome": event.outcome,
        "agent_kind": event.agent.kind,
        "agent_id": event.agent.agent_id,
        "agent_role": event.agent.role,
        "network": event.agent.network,
        "session": event.agent.session,
        "purpose": event.purpose,
        "patient_ids": list(event.patient_ids),
        "resource": event.resource,
        "resource_id": event.resource_id,
        "detail": Jsonb(dict(event.detail)),
    }
