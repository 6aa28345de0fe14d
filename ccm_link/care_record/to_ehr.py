"""How a message goes to an EHR: whose record it is for, what refers to what there, and the resources one by one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ccm_link.care_record import building, outbox, resources
from ccm_link.care_record.building import Part, Subject, When
from ccm_link.care_record.outbox import Claimed
from ccm_link.care_record.port import (
    CareRecord,
    Failure,
    Found,
    Match,
    NotTaken,
    SoughtPatient,
    Written,
)
from ccm_link.care_record.sending import Delivery, Held
from ingest import people

_LOOK_AGAIN: Final = timedelta(hours=1)
"""How long it is believed that the EHR does not know a patient. Ours: who is registered there is found the same day."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_FAILURES: Final = {
    Match.UNKNOWN: Failure.PATIENT_UNKNOWN,
    Match.AMBIGUOUS: Failure.PATIENT_AMBIGUOUS,
    Match.DIFFERS: Failure.PATIENT_DIFFERS,
}


@dataclass(frozen=True, slots=True)
class EhrCarrier:
    """The way to one EHR.

    Attributes:
        record: The EHR.
        identifier_system: By which identifier it knows patients; "": by none.
        knows_record_numbers: Whether our record numbers are such identifiers.
        pace_s: The least time between two messages, in seconds.
        practices: Short names of those whose EHR it is; empty: of all.
    """

    record: CareRecord
    identifier_system: str
    knows_record_numbers: bool
    pace_s: float
    practices: Collection[str] = ()

    def prepare(self, cur: outbox.Cursor, claimed: Claimed, now: datetime) -> Delivery:
        """Build the resources of a message for the patient's record there; see :class:`sending.Carrier`."""
        if claimed.patient_id is None:
            raise NotTaken(Failure.NOTHING_HERE)
        self._require_theirs(cur, claimed.practice_id)
        remote_id = self.patient(cur, claimed, now)
        parts = _built(cur, claimed, now)
        known = {f"Patient/{claimed.patient_id}": f"Patient/{remote_id}"}
        known |= _known(cur, claimed, parts)
        last = {
            one.reference: outbox.written(cur, claimed, one.kind, one.subject_id) for one in parts
        }
        return _Resources(self.record, claimed, parts, known, last)

    def patient(self, cur: outbox.Cursor, claimed: Claimed, now: datetime) -> str:
        """Return the id of a message's patient in the EHR; who is not known yet is looked for.

        Raises:
            Held: Nobody there, or not one alone.
            NotTaken: The EHR could not be asked.
        """
        patient_id = claimed.patient_id
        there = outbox.patient_there(cur, claimed)
        if there is not None and there.remote_id is not None:
            return there.remote_id
        if patient_id is None or (there is not None and now - there.looked_at < _LOOK_AGAIN):
            raise Held(_FAILURES[there.match if there else Match.UNKNOWN])
        found = self.look(cur, claimed.practice_id, claimed.receiver_id, patient_id, now)
        if found.remote_id is None:
            raise Held(_FAILURES[found.match])
        return found.remote_id

    def look(
        self,
        cur: outbox.Cursor,
        practice_id: UUID,
        receiver_id: UUID,
        patient_id: UUID,
        now: datetime,
    ) -> Found:
        """Look for a patient in the EHR and remember what came of it; a patient there is one of ours at most.

        Raises:
            NotTaken: The EHR could not be asked, or is another practice's.
        """
        self._require_theirs(cur, practice_id)
        sought: SoughtPatient | None = outbox.sought(
            cur,
            practice_id,
            patient_id,
            system=self.identifier_system,
            knows_record_numbers=self.knows_record_numbers,
        )
        found = Found(Match.UNKNOWN) if sought is None else self.record.find_patient(sought)
        if not outbox.note_patient(
            cur, practice_id, receiver_id, patient_id, found, matched_by=None, now=now
        ):
            found = Found(Match.AMBIGUOUS)
            outbox.note_patient(
                cur, practice_id, receiver_id, patient_id, found, matched_by=None, now=now
            )
        return found

    def _require_theirs(self, cur: outbox.Cursor, practice_id: UUID) -> None:
        """Refuse an EHR that is another practice's: whoever chose it would read and write in that one's records."""
        if self.practices:
            practice = people.practice(cur, practice_id)
            if practice is None or practice.slug not in self.practices:
                raise NotTaken(Failure.NOT_ALLOWED)


@dataclass(slots=True)
class _Resources:
    """The resources of one message: noted when all are there, for writing one twice is like writing it once.

    Attributes:
        known: Reference here → reference there, of the patient and of what was written before.
        last: What the EHR held of each when we last wrote it, by its reference here.
    """

    record: CareRecord
    claimed: Claimed
    parts: list[Part]
    known: dict[str, str]
    last: Mapping[str, Written | None]
    done: list[tuple[Part, Written]] = field(default_factory=list)

    def send(self) -> None:
        """Write one after the other; a later one may refer to those before."""
        for part in self.parts:
            last = self.last[part.reference]
            if part.when is (When.MISSING if last is not None else When.THERE):
                continue
            resource = resources.readdressed(part.resource, self.known)
            written = self.record.write(resource, last, overwrites=self.claimed.overwrites)
            self.known[part.reference] = f"{part.resource['resourceType']}/{written.remote_id}"
            self.done.append((part, written))

    def note(self, cur: outbox.Cursor, now: datetime) -> None:
        """Remember under which id and version each is there."""
        for part, written in self.done:
            outbox.note_written(cur, self.claimed, part.kind, part.subject_id, written, now)


def _built(cur: outbox.Cursor, claimed: Claimed, now: datetime) -> list[Part]:
    builder = building.BUILDERS.get(claimed.kind)
    if builder is None or claimed.patient_id is None:
        raise NotTaken(Failure.NOT_BUILT)
    subject = Subject(
        claimed.practice_id, claimed.patient_id, claimed.subject_id, claimed.subject_at, now
    )
    parts = list(builder(cur, subject))
    if not parts:
        raise NotTaken(Failure.NOTHING_HERE)
    return parts


def _known(cur: outbox.Cursor, claimed: Claimed, parts: list[Part]) -> dict[str, str]:
    """Return where the EHR has what the resources refer to, by our references."""
    named = {
        UUID(found[0])
        for part in parts
        for reference in resources.references(part.resource)
        if (found := _UUID.search(reference))
    }
    there = outbox.known_there(cur, claimed, list(named))
    return {
        building.references(kind, subject_id): f"{building.remote_type(kind)}/{remote_id}"
        for (kind, subject_id), remote_id in there.items()
    }
