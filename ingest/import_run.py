"""An import in two passes: look at the whole file, then store it in batches, each of which commits with how far it is.

Looking stores nothing. Storing goes on where it ended, however it ended: each batch claims record keys like everything
else that is stored, and its transaction moves the mark of how far the file came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import audit, errors, import_candidates, imports, store, tenancy
from ingest.audit import Action, Agent, Event, Kind, Purpose
from ingest.import_candidates import ImportCandidate, Person, Told
from ingest.importing.imported_row import Fault, ImportedRow, Outcome
from ingest.imports import File, Run

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
Batch = list[Outcome]

# One batch is some hundredths of a second: long enough to be quick, short enough to wait for when told to stop.
BATCH_ROWS: Final = 500


@dataclass(slots=True)
class Survey:
    """What a file holds, held against the store. Each row counts once.

    Attributes:
        rows: All rows.
        new: Would be stored.
        there: Were imported before.
        from_device: Say what a peripheral of the patient sent.
        repeated: Say what an earlier row of the file says.
        faults: Cannot become readings.
        first_at, last_at: Of the new ones, aware UTC.
        patient_ids: Whom the file is about.
        is_whole: Whether it was looked at to its end.
    """

    rows: int = 0
    new: int = 0
    there: int = 0
    from_device: int = 0
    repeated: int = 0
    faults: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    patient_ids: set[UUID] = field(default_factory=set)
    is_whole: bool = True


class Importer:
    """Looks at files and stores them, for one practice.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        told: What was said about the file.
        agent: Who imports, as the audit trail names them.
        clock: Returns now, aware UTC.
        wants_to_stop: Asked between batches.
    """

    def __init__(
        self,
        connection: Connection,
        told: Told,
        agent: Agent,
        clock: Callable[[], datetime],
        wants_to_stop: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._told = told
        self._agent = agent
        self._clock = clock
        self._wants_to_stop = wants_to_stop
        self._people: dict[str, Person] = {}
        self._asked_for: set[str] = set()
        self._ensured_months: set[datetime] = set()

    def survey(
        self,
        rows: Iterable[Outcome],
        on_fault: Callable[[Fault], None],
        on_progress: Callable[[int], None],
    ) -> Survey:
        """Look at all rows and store nothing; the look is a line of the audit trail before anything is told.

        Raises:
            FileRefused: a row shows that the file is not in its format.
        """
        found = Survey()
        with self._transaction() as cur:
            imports.begin_looking(cur)
        for batch in _batches(rows):
            if self._wants_to_stop():
                found.is_whole = False
                break
            with self._transaction() as cur:
                self._count(cur, batch, found, on_fault)
            on_progress(found.rows)
        with self._transaction() as cur:
            patient_ids = tuple(found.patient_ids)
            detail = {"rows": found.rows, "new": found.new, "faults": found.faults}
            audit.record(cur, [self._event(Kind.READ, Action.READ, patient_ids, "", detail)])
        return found

    def store(
        self,
        file: File,
        rows: Iterable[Outcome],
        survey: Survey,
        on_progress: Callable[[int], None],
    ) -> Run:
        """Store the rows of a file that was looked at; return how far it came.

        A file that was begun before and told the same goes on behind the last batch that committed.

        Raises:
            FileRefused: the file is no longer what was looked at.
            StoreError: another import of the same file is at work.
            psycopg.Error: the batch at hand was not stored.
        """
        with self._transaction() as cur:
            run = imports.unfinished(cur, self._told.practice_id, file) or imports.begin(
                cur,
                self._told.practice_id,
                file,
                row_count=survey.rows,
                fault_count=survey.faults,
                started_by=self._agent.agent_id,
                at=self._clock(),
            )
        faults_left = survey.faults
        for batch in _batches(islice(rows, run.rows_done, None)):
            if self._wants_to_stop():
                return run
            found = self._candidates(batch)
            faults_left -= sum(isinstance(one, Fault) for one in found)
            if faults_left < 0 or run.rows_done + len(batch) > run.row_count:
                raise errors.FileRefused(
                    "the file, or the practice's patients, changed since the file was looked at; start again"
                )
            run = self._store_batch(
                run, [one for one in found if not isinstance(one, Fault)], len(batch)
            )
            on_progress(run.rows_done)
        return run

    def _count(
        self,
        cur: Cursor,
        batch: Batch,
        found: Survey,
        on_fault: Callable[[Fault], None],
    ) -> None:
        outcomes = self._resolve(cur, batch)
        candidates = []
        for one in outcomes:
            found.rows += 1
            if isinstance(one, Fault):
                found.faults += 1
                on_fault(one)
            else:
                candidates.append(one)
        keys = [(self._told.practice_id, one.candidate.record_key) for one in candidates]
        unseen = imports.see(cur, [key for _, key in keys])
        there = store.contents_by_record_key(cur, set(keys))
        from_devices = imports.from_devices(cur, self._told.practice_id, candidates)
        for one, place in zip(candidates, keys, strict=True):
            if one.reading.patient_id is not None:
                found.patient_ids.add(one.reading.patient_id)
            if place[1] not in unseen:
                found.repeated += 1
                continue
            unseen.remove(place[1])
            if place in there:
                found.there += 1
            elif one.reading.reading_id in from_devices:
                found.from_device += 1
            else:
                _count_new(found, one.reading.measured_at)

    def _store_batch(self, run: Run, candidates: list[ImportCandidate], rows: int) -> Run:
        """Store one batch.

        1. Make the partitions it needs, in transactions of their own: making one locks the series.
        2. Leave out what a peripheral sent; store the rest where nobody holds the key, and queue it for the rules,
           which keep silent about it and say why.
        3. Write the line of the audit trail, link readings to rows, move the mark.
        """
        self._ensure_series(candidates)
        at, practice_id = self._clock(), self._told.practice_id
        with self._transaction() as cur:
            from_devices = imports.from_devices(cur, practice_id, candidates)
            wanted = [one for one in candidates if one.reading.reading_id not in from_devices]
            store.make_taken_in(cur)
            lost = store.claim_and_store(cur, [one.candidate for one in wanted])
            stored = [one for one in wanted if one.reading.reading_id not in lost]
            readings = [one.reading for one in stored]
            if readings:
                patient_ids = {one.patient_id for one in readings if one.patient_id is not None}
                detail = {"stored": len(readings), "from_row": run.rows_done + 1}
                audit.record(
                    cur,
                    [
                        self._event(
                            Kind.CHANGE, Action.CREATE, tuple(patient_ids), str(run.run_id), detail
                        )
                    ],
                )
            return imports.advance(
                cur, practice_id, run, stored, rows_done=run.rows_done + rows, at=at
            )

    def _candidates(self, batch: Batch) -> list[ImportCandidate | Fault]:
        with self._transaction() as cur:
            return self._resolve(cur, batch)

    def _resolve(self, cur: Cursor, batch: Batch) -> list[ImportCandidate | Fault]:
        rows = [one for one in batch if isinstance(one, ImportedRow)]
        named = set().union(*(import_candidates.record_numbers(row, self._told) for row in rows))
        if unasked := named - self._asked_for:
            self._people |= imports.people(cur, self._told.practice_id, unasked)
            self._asked_for |= unasked
        at = self._clock()
        return [
            one
            if isinstance(one, Fault)
            else import_candidates.candidate(one, self._people, self._told, at)
            for one in batch
        ]

    def _ensure_series(self, candidates: list[ImportCandidate]) -> None:
        for one in candidates:
            measured_at = one.reading.measured_at
            month_at = datetime(measured_at.year, measured_at.month, 1, tzinfo=UTC)
            if month_at not in self._ensured_months:
                with self._transaction() as cur:
                    store.ensure_series(cur, month_at, month_at)
                self._ensured_months.add(month_at)

    def _transaction(self) -> Any:
        return tenancy.transaction(self._connection, self._told.practice_id)

    def _event(
        self,
        kind: Kind,
        action: Action,
        patient_ids: tuple[UUID, ...],
        run_id: str,
        detail: dict[str, int],
    ) -> Event:
        return Event(
            practice_id=self._told.practice_id,
            at=self._clock(),
            kind=kind,
            action=action,
            agent=self._agent,
            purpose=Purpose.OPERATIONS,
            patient_ids=patient_ids,
            resource="import",
            resource_id=run_id,
            detail=detail,
        )


def _count_new(found: Survey, measured_at: datetime) -> None:
    found.new += 1
    found.first_at = min(found.first_at or measured_at, measured_at)
    found.last_at = max(found.last_at or measured_at, measured_at)


def _batches(rows: Iterable[Outcome]) -> Iterator[Batch]:
    left = iter(rows)
    while batch := list(islice(left, BATCH_ROWS)):
        yield batch
