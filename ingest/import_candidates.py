"""From an imported row and the patients of the practice to the reading that it would become. Pure but for new ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ingest import record_key, time_ordered_id
from ingest.importing import wall_time
from ingest.importing.formats import Profile
from ingest.importing.imported_row import Fault, FaultReason, ImportedRow, RowRefused
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import Candidate, Origin, StoredReading

# As for a device's clock that is set by hand.
_AHEAD: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Person:
    """A patient, as a file names them. ``time_zone`` (IANA) is the one in which their days are counted."""

    record_number: str
    patient_id: UUID
    time_zone: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was said about the whole file.

    Attributes:
        practice_id: Whose patients it is about.
        profile: What read its rows.
        record_number: The patient of all its rows; None where each row says whose it is.
        time_zone: IANA name of the zone of its wall clocks; None for each patient's own.
    """

    practice_id: UUID
    profile: Profile
    record_number: str | None
    time_zone: str | None


@dataclass(frozen=True, slots=True)
class ImportCandidate:
    """A reading that is stored if nobody stored it before.

    Attributes:
        row_number: Its row.
        until_at: A device's reading before this instant and not before its own may be the same one, aware UTC.
    """

    row_number: int
    candidate: Candidate
    until_at: datetime

    @property
    def reading(self) -> StoredReading:
        """Return the reading."""
        return self.candidate.reading


def record_numbers(row: ImportedRow, told: Told) -> set[str]:
    """Return the record numbers of the patients whom a row and the file name."""
    return {number for number in (row.record_number, told.record_number) if number is not None}


def candidate(
    row: ImportedRow, people: Mapping[str, Person], told: Told, at: datetime
) -> ImportCandidate | Fault:
    """Return the reading that a row would become, or why it cannot.

    Args:
        row: What the row says.
        people: The known ones of the patients whom it names, by record number.
        told: What was said about the file.
        at: Now, aware UTC.
    """
    try:
        return _candidate(row, people, told, at)
    except RowRefused as refused:
        return refused.fault(row.place.number, row.raw)


def _candidate(
    row: ImportedRow, people: Mapping[str, Person], told: Told, at: datetime
) -> ImportCandidate:
    person = _person(row, people, told)
    measured_at, is_certain = _instant(row, person, told)
    if measured_at > at + _AHEAD:
        raise RowRefused(FaultReason.IMPOSSIBLE, "the time is in the future", "measured_at")
    quality = row.time_quality
    if quality is TimeQuality.GOOD and not is_certain:
        quality = TimeQuality.UNCERTAIN
    zone = wall_time.zone(person.time_zone)
    found: dict[str, Any] = {**row.numbers.by_name()}
    key = record_key.import_key(person.patient_id, row.kind, row.result, measured_at, found)
    reading = StoredReading(
        practice_id=told.practice_id,
        reading_id=time_ordered_id.new(),
        patient_id=person.patient_id,
        peripheral_id=None,
        user_slot=None,
        kind=row.kind,
        result=row.result,
        measured_at=measured_at,
        time_method=TimeMethod.IMPORTED,
        time_quality=quality,
        device_time=None,
        device_clock_offset_s=None,
        gateway_received_at=at,
        stored_at=at,
        sequence_number=None,
        qualifiers=row.qualifiers,
        profile_id=told.profile.profile_id,
        profile_version=told.profile.version,
        characteristic="",
        raw=row.raw,
        gateway_id=None,
        outbox_epoch=None,
        outbox_seq=None,
        message_id=None,
        origin=Origin.IMPORT,
        measured_day=measured_at.astimezone(zone).date(),
        **found,
    )
    # The key holds all that the row says of the measurement: under one key there is no other content.
    return ImportCandidate(
        row.place.number, Candidate(reading, key, key), measured_at + row.time_step
    )


def _person(row: ImportedRow, people: Mapping[str, Person], told: Told) -> Person:
    if told.record_number is not None and row.record_number not in (None, told.record_number):
        words = "names another patient than the one of this import"
        raise RowRefused(FaultReason.ANOTHER_PATIENT, words, "record_number")
    record_number = row.record_number or told.record_number
    if record_number is None:
        words = "the file does not say whose it is; name the patient with --patient"
        raise RowRefused(FaultReason.UNKNOWN_PATIENT, words, "record_number")
    person = people.get(record_number)
    if person is None:
        words = "the practice has no patient with this record number"
        raise RowRefused(FaultReason.UNKNOWN_PATIENT, words, "record_number")
    return person


def _instant(row: ImportedRow, person: Person, told: Told) -> tuple[datetime, bool]:
    if row.measured_at.tzinfo is not None:
        return row.measured_at.astimezone(UTC), True
    zone = wall_time.zone(row.time_zone or told.time_zone or person.time_zone)
    if zone is None:
        raise RowRefused(FaultReason.BAD_TIME, "the patient's time zone is not known", "time_zone")
    return wall_time.instant(row.measured_at, zone)
