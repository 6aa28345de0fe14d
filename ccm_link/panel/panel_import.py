"""A panel held against what is known, and stored: batch by batch, by record number, so that twice is the same as once.

A dry run writes as well, and takes everything back: what would be refused is refused by the same statements. A patient
with a fault is left out whole; whoever is stored is stored whole. Nothing is ended because a file does not say it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import islice
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from ccm_link import departure
from ccm_link.errors import CcmLinkError
from ccm_link.panel import panel_known
from ccm_link.panel.panel_known import Known
from ccm_link.panel.panel_patient import Carer, PanelPatient, SaidStanding
from ccm_link.registry import (
    conditions,
    coverage,
    patient_contacts,
    patient_identifiers,
    related_people,
)
from ccm_link.registry.coverage import NewCoverage
from ccm_link.registry.patient_contacts import NewAddress
from ingest import audit, patient_identity, people, tenancy
from ingest.audit import Agent, Event
from ingest.errors import IdentityRefused, RefusedByStoreError, StandingRefused
from ingest.importing.imported_row import Fault, FaultReason, Place
from ingest.patient_identity import Identity
from ingest.people import Patient
from ingest.standing import NewStanding, Standing

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
Outcome = PanelPatient | list[Fault]

# One batch is a second or two: short enough to be waited for, long enough to be worth its transaction.
BATCH_PATIENTS: Final = 200
_WHY: Final = "Imported with the panel."


@dataclass(slots=True)
class Survey:
    """What a panel comes to. Each patient counts once.

    Attributes:
        changes: How many patients have something new, by what it is.
        faults: Patients, or things that belong to nobody, that are left out.
    """

    patients: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: int = 0
    changes: dict[str, int] = field(default_factory=dict)


class Importer:
    """Holds panels against a practice's patients, and stores them.

    Args:
        connection: Of the role homevitals_console, in autocommit mode.
        practice_id: Whose.
        agent: Who imports, as the audit trail names them.
        clock: Returns now, aware UTC.
    """

    def __init__(
        self,
        connection: Connection,
        practice_id: UUID,
        agent: Agent,
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._practice_id = practice_id
        self._agent = agent
        self._clock = clock

    def run(
        self,
        panel: Iterable[Outcome],
        on_fault: Callable[[Fault], None],
        on_progress: Callable[[int], None],
        *,
        apply: bool,
    ) -> Survey:
        """Go through a whole panel; store what is new of it, or only say what that would be.

        Args:
            panel: What the file says.
            on_fault: Told of each fault.
            on_progress: Told how many are done, after each batch.
            apply: Whether to store; each batch is then committed by itself, with its line in the audit trail.
        """
        found = Survey()
        places: dict[str, int] = {}
        for batch in _batches(panel):
            with tenancy.transaction(self._connection, self._practice_id) as cur:
                with cur.connection.transaction(force_rollback=not apply):
                    touched = self._batch(cur, batch, places, found, on_fault)
                audit.record(cur, [self._event(touched, apply=apply)])
            on_progress(found.patients + found.faults)
        return found

    def _batch(
        self,
        cur: Cursor,
        batch: list[Outcome],
        places: dict[str, int],
        found: Survey,
        on_fault: Callable[[Fault], None],
    ) -> list[UUID]:
        good = [one for one in batch if isinstance(one, PanelPatient)]
        numbers = {one.identity.record_number for one in good}
        known = panel_known.load(cur, self._practice_id, numbers)
        touched = []
        for one in batch:
            faults = one if isinstance(one, list) else self._again(one, places)
            if not isinstance(one, list) and not faults:
                of_whom = known.get(one.identity.record_number)
                result = self._one(cur, one, of_whom)
                if isinstance(result, Fault):
                    faults = [result]
                else:
                    patient_id, changes = result
                    touched.append(patient_id)
                    _count(found, changes, is_new=of_whom is None)
            if faults:
                found.faults += 1
                for fault in faults:
                    on_fault(fault)
        return touched

    def _again(self, one: PanelPatient, places: dict[str, int]) -> list[Fault]:
        first = places.setdefault(one.identity.record_number, one.place)
        if first == one.place:
            return []
        words = f"the record number stands under {first} already"
        return [Fault(Place(one.place, "record_number"), FaultReason.IMPOSSIBLE, words, b"")]

    def _one(
        self, cur: Cursor, one: PanelPatient, known: Known | None
    ) -> tuple[UUID, set[str]] | Fault:
        """Store one patient in a savepoint of its own; return the patient and what changed, or why it cannot be."""
        at, by = self._clock(), f"command line: {self._agent.agent_id}"
        try:
            with cur.connection.transaction():
                step = _Step(cur, self._practice_id, one, known, by, at)
                return step.patient_id, step.follow()
        except (
            CcmLinkError,
            StandingRefused,
            IdentityRefused,
            RefusedByStoreError,
        ) as error:
            return Fault(Place(one.place), FaultReason.IMPOSSIBLE, _words(error), b"")

    def _event(self, touched: list[UUID], *, apply: bool) -> Event:
        return Event(
            practice_id=self._practice_id,
            at=self._clock(),
            kind=audit.Kind.CHANGE if apply else audit.Kind.READ,
            action=audit.Action.UPDATE if apply else audit.Action.READ,
            agent=self._agent,
            purpose=audit.Purpose.OPERATIONS,
            # Whoever is new in a dry run is there no more.
            patient_ids=tuple(touched) if apply else (),
            resource="panel",
            detail={"patients": len(touched)},
        )


class _Step:
    """Brings one patient in step with what the file says; without ``known`` the patient is added."""

    def __init__(
        self,
        cur: Cursor,
        practice_id: UUID,
        one: PanelPatient,
        known: Known | None,
        by: str,
        at: datetime,
    ) -> None:
        self._cur = cur
        self._practice_id = practice_id
        self._one = one
        self._by = by
        self._at = at
        self._changes: set[str] = set()
        if known is None:
            patient_id = people.add_patient(cur, practice_id, **dataclasses.asdict(one.identity))
            added = people.patient(cur, practice_id, patient_id)
            if added is None:
                raise RuntimeError("a patient who was just added is there")
            known = Known(added)
        self._known = known
        self.patient_id = known.patient.patient_id

    def follow(self) -> set[str]:
        """Store what the file says and is not known; return what that was."""
        self._identity()
        self._identifiers()
        self._contacts()
        self._coverages()
        self._conditions()
        for carer in self._one.carers:
            self._carer(carer)
        if self._one.standing is not None:
            self._standing(self._one.standing, self._known.patient)
        return self._changes

    @property
    def _whose(self) -> tuple[Cursor, UUID, UUID]:
        return self._cur, self._practice_id, self.patient_id

    def _identity(self) -> None:
        known = Identity.of(self._known.patient)
        said = {name: getattr(self._one.identity, name) for name in self._one.said}
        becomes = dataclasses.replace(known, **said)
        if becomes != known:
            patient_identity.correct(
                *self._whose,
                becomes,
                based_on=None,
                reason=_WHY,
                changed_by=self._by,
                at=self._at,
            )
            self._changes.add("identity")

    def _identifiers(self) -> None:
        known = {(one.system, one.value) for one in self._known.identifiers}
        for kind, system, value in self._one.identifiers:
            if (system, value) not in known:
                patient_identifiers.add(
                    *self._whose, kind, system, value, recorded_by=self._by, at=self._at
                )
                self._changes.add("numbers")

    def _contacts(self) -> None:
        known = {(one.kind, one.address) for one in self._known.telecoms}
        for new in self._one.telecoms:
            if (new.kind, new.address) not in known:
                known.add((new.kind, new.address))
                patient_contacts.add_telecom(*self._whose, new, by=self._by, at=self._at)
                self._changes.add("contacts")
        if self._one.address is not None and not _lives_there(self._known, self._one.address):
            patient_contacts.set_address(*self._whose, self._one.address, by=self._by, at=self._at)
            self._changes.add("contacts")

    def _coverages(self) -> None:
        for new in self._one.coverages:
            same = next((one for one in self._known.coverages if _is_same(one, new)), None)
            if same is None:
                coverage.add(*self._whose, new, recorded_by=self._by, at=self._at)
                self._changes.add("coverage")
            elif new.covered_until is not None and new.covered_until != same.covered_until:
                coverage.end_on(
                    *self._whose,
                    same.coverage_id,
                    new.covered_until,
                    ended_by=self._by,
                    at=self._at,
                )
                self._changes.add("coverage")

    def _conditions(self) -> None:
        for code, onset_on in self._one.conditions:
            if code not in self._known.codes:
                conditions.record(
                    *self._whose,
                    code,
                    source=_WHY,
                    recorded_by=self._by,
                    at=self._at,
                    onset_on=onset_on,
                )
                self._changes.add("conditions")

    def _carer(self, carer: Carer) -> None:
        person = carer.person
        known = next(
            (
                one
                for one in self._known.related
                if (one.name, one.relationship) == (person.name, person.relationship)
            ),
            None,
        )
        if known is None:
            related_id = related_people.add(*self._whose, person, by=self._by, at=self._at)
            self._changes.add("carers")
            may_talk = False
        else:
            related_id, may_talk = known.related_id, known.may_talk_since is not None
        if carer.may_talk is None or carer.may_talk == may_talk:
            return
        if carer.may_talk:
            related_people.allow(*self._whose, related_id, self._at, by=self._by)
        else:
            related_people.end_permission(*self._whose, related_id, by=self._by, at=self._at)
        self._changes.add("carers")

    def _standing(self, said: SaidStanding, patient: Patient) -> None:
        if said.standing is patient.standing:
            return
        zone = ZoneInfo(patient.time_zone)
        if said.standing is Standing.DECEASED:
            new = NewStanding.death(said.since_on, None, zone, self._at)
        else:
            since_at = self._at
            if said.since_on is not None:
                since_at = datetime.combine(said.since_on, time(), zone).astimezone(UTC)
            new = NewStanding(
                standing=said.standing, since_at=since_at, transferred_to=said.transferred_to
            )
        departure.record(
            *self._whose,
            new,
            seen=patient.standing,
            reason=_WHY,
            recorded_by=self._by,
            at=self._at,
        )
        self._changes.add("standing")


def _count(found: Survey, changes: set[str], *, is_new: bool) -> None:
    found.patients += 1
    if is_new:
        found.new += 1
    elif changes:
        found.changed += 1
    else:
        found.unchanged += 1
    if not is_new:
        for change in changes:
            found.changes[change] = found.changes.get(change, 0) + 1


def _lives_there(known: Known, said: NewAddress) -> bool:
    fields = [each.name for each in dataclasses.fields(NewAddress)]
    return known.address is not None and all(
        getattr(known.address, name) == getattr(said, name) for name in fields
    )


def _is_same(known: coverage.Coverage, said: NewCoverage) -> bool:
    return (known.kind, known.payer_name, known.member_id, known.rank, known.covered_from) == (
        said.kind,
        said.payer_name,
        said.member_id,
        said.rank,
        said.covered_from,
    )


def _words(error: Exception) -> str:
    if isinstance(error, RefusedByStoreError):
        return "contradicts what the practice has"
    return str(error)


def _batches(panel: Iterable[Outcome]) -> Iterator[list[Outcome]]:
    source = iter(panel)
    while batch := list(islice(source, BATCH_PATIENTS)):
        yield batch
