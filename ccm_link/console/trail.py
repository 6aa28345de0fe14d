"""What a transaction of the console saw and changed, kept until its end and then written into the audit trail.

The lines are written in the transaction that they tell about. Where they cannot be written, nothing is changed and
the answer that was made is thrown away.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg
from fastapi import Request

from ccm_link.console import problems, surroundings
from ingest import access, audit, tenancy
from ingest.audit import Action, Agent, AgentKind, Event, Kind, Outcome, Purpose
from ingest.people import Role, SignedIn

log = logging.getLogger(__name__)

Cursor = psycopg.Cursor[Any]

NOT_WRITTEN: Final = problems.Problem(
    503,
    "The audit trail cannot be written",
    "Whoever looks at a patient leaves a line in the audit trail. It cannot be written now, so nothing is shown and "
    "nothing was changed.",
    "Wait a moment and try again; if it goes on, tell the operator.",
)

_PURPOSES: Final = {
    Role.CARE_MANAGER: Purpose.TREATMENT,
    Role.CLINICIAN: Purpose.TREATMENT,
    Role.PRACTICE_ADMINISTRATOR: Purpose.OPERATIONS,
    Role.AUDITOR: Purpose.OPERATIONS,
    Role.OPERATOR: Purpose.SYSTEM_ADMINISTRATION,
    Role.PATIENT: Purpose.PATIENT_REQUESTED,
    Role.CARER: Purpose.PATIENT_REQUESTED,
}


class Unrecorded(RuntimeError):
    """A route on patients' data looked at it without a line in the trail; its handler has to call the desk's saw()."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the trail before it is known who, when and why."""

    kind: Kind
    action: Action
    resource: str
    resource_id: str = ""
    patient_ids: tuple[UUID, ...] = ()
    outcome: Outcome = Outcome.SUCCESS
    detail: Mapping[str, Any] = field(default_factory=dict)


class Trail:
    """The lines of one open transaction of one person.

    Attributes:
        is_open: Whether a transaction is open; there is one at a time.
    """

    def __init__(self, who: SignedIn, network: str, at: datetime) -> None:
        self._who, self._network, self._at = who, network, at
        self._lines: list[Line] = []
        self._beside: list[Line] = []
        self.is_open = False

    def begin(self) -> None:
        """Start with no lines.

        Raises:
            RuntimeError: a transaction is open already.
        """
        if self.is_open:
            raise RuntimeError("one transaction of a desk at a time: use the open cursor")
        self._lines, self._beside, self.is_open = [], [], True

    def add(self, line: Line) -> None:
        """Keep a line until the end of the transaction.

        Raises:
            RuntimeError: no transaction is open, so the line would be lost.
        """
        if not self.is_open:
            raise RuntimeError("what is seen or changed is told inside of the desk's transaction")
        self._lines.append(line)

    def add_beside(self, line: Line) -> None:
        """Keep a line about what every page shows around its content; it is no excuse for the content's own line."""
        self._beside.append(line)

    @property
    def tells_anything(self) -> bool:
        """Say whether the handler itself told what it saw or changed."""
        return bool(self._lines)

    def write(self, cur: Cursor) -> None:
        """Write the lines in the open transaction.

        Raises:
            Refused: 503; they cannot be written.
        """
        lines = [*self._lines, *self._not_said_already()]
        if not lines:
            return
        try:
            audit.record(cur, list(self._events(cur, lines)))
        except psycopg.Error as error:
            log.error(  # noqa: TRY400 - the text of a database error may repeat the row
                "audit_not_written", extra={"sqlstate": error.sqlstate}
            )
            raise problems.Refused(NOT_WRITTEN) from None

    def end(self) -> None:
        """Forget the lines: the transaction is over."""
        self.is_open = False

    def _not_said_already(self) -> Iterator[Line]:
        said = {patient_id for line in self._lines for patient_id in line.patient_ids}
        return (line for line in self._beside if not said.issuperset(line.patient_ids))

    def _events(self, cur: Cursor, lines: list[Line]) -> Iterator[Event]:
        grants = self._grants(cur, lines)
        for line in lines:
            by_grant = tuple(one for one in line.patient_ids if one in grants)
            rest = tuple(one for one in line.patient_ids if one not in grants)
            if rest or not by_grant:
                yield self._event(replace(line, patient_ids=rest), _PURPOSES[self._who.role])
            for patient_id in by_grant:
                with_grant = {**line.detail, "grant_id": str(grants[patient_id])}
                yield self._event(
                    replace(line, patient_ids=(patient_id,), detail=with_grant),
                    Purpose.EMERGENCY_TREATMENT,
                )

    def _grants(self, cur: Cursor, lines: list[Line]) -> dict[UUID, UUID]:
        staff_id = self._who.staff_id
        if staff_id is None or not any(line.patient_ids for line in lines):
            return {}
        found = access.grants_in_force(cur, self._who.practice_id, staff_id, self._at)
        return {grant.patient_id: grant.grant_id for grant in found}

    def _event(self, line: Line, purpose: Purpose) -> Event:
        return Event(
            practice_id=self._who.practice_id,
            at=self._at,
            kind=line.kind,
            action=line.action,
            agent=_agent(self._who, self._network),
            outcome=line.outcome,
            purpose=purpose,
            patient_ids=line.patient_ids,
            resource=line.resource,
            resource_id=line.resource_id,
            detail=line.detail,
        )


def note_refusal(request: Request, who: SignedIn, resource: StrEnum, action: StrEnum) -> None:
    """Write down that somebody asked for what their role does not include.

    Raises:
        Refused: 503; it cannot be written.
    """
    here = surroundings.of(request)
    trail = Trail(who, surroundings.network_of(request), here.clock())
    trail.begin()
    is_look = request.method in {"GET", "HEAD"}
    trail.add(
        Line(
            Kind.READ if is_look else Kind.CHANGE,
            Action.READ if is_look else Action.EXECUTE,
            resource,
            outcome=Outcome.REFUSED,
            detail={"asked": str(action)},
        )
    )
    with here.pool.connection() as connection, connection.cursor() as cur:
        tenancy.enter(cur, tenancy.Scope((who.practice_id,), staff_id=who.staff_id))
        trail.write(cur)


def sha256_of(text: str) -> str:
    """Return what stands in the trail for a text that a person wrote: it can be compared, not read."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def plain(state: Mapping[str, object]) -> dict[str, Any]:
    """Return a state before or after a change as JSON can hold it."""
    return {name: _plain(one) for name, one in state.items()}


def _plain(one: object) -> object:
    if one is None or isinstance(one, bool | int | float):
        return one
    if isinstance(one, datetime):
        return one.isoformat()
    if isinstance(one, list | tuple | set | frozenset):
        return [_plain(each) for each in one]
    return str(one)


def _agent(who: SignedIn, network: str) -> Agent:
    is_staff = who.staff_id is not None
    return Agent(
        AgentKind.STAFF if is_staff else AgentKind.HOME_PERSON,
        agent_id=str(who.staff_id if is_staff else who.person_id),
        role=who.role,
        network=network,
        session=who.session_mark,
    )
