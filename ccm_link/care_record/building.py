"""What a message to an EHR holds: its subject as it is now, as FHIR R4 resources made by :mod:`ccm_link.fhir`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import psycopg

from ccm_link import fhir_rows, store
from ccm_link.care_record import averages
from ccm_link.care_record.port import Json
from ccm_link.fhir import (
    average_pressure,
    care_task,
    contact,
    device,
    observation,
    plan,
    plan_copy,
    plan_given,
    program_consent,
)
from ccm_link.plan import care_plan, plan_print, plan_sharing
from ccm_link.plan.care_plan import Version
from ccm_link.program import consents, enrolment
from ccm_link.program.outreach import Attempt
from ccm_link.task import task_store
from ingest import named_queries, people
from ingest import store as readings_store
from ingest.rows import StoredReading

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.care_record", "building")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about.

    Attributes:
        subject_at: Of a reading, when it was measured.
        now: Aware UTC.
    """

    practice_id: UUID
    patient_id: UUID
    subject_id: UUID
    subject_at: datetime | None
    now: datetime


class When(StrEnum):
    """In which case a resource is written."""

    ALWAYS = "always"
    MISSING = "missing"  # only where the EHR does not have it yet
    THERE = "there"  # only where it has


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of a message; under ``kind`` and ``subject_id`` the EHR's id of it is remembered."""

    kind: str
    subject_id: UUID
    resource: Json
    when: When = When.ALWAYS

    @property
    def reference(self) -> str:
        """Return how other resources of ours refer to it."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


Builder: TypeAlias = Callable[[Cursor, Subject], Iterator[Part]]


def _observations(cur: Cursor, subject: Subject) -> Iterator[Part]:
    asked = {
        "practice_id": subject.practice_id,
        "reading_id": subject.subject_id,
        "measured_at": subject.subject_at,
    }
    found = readings_store.stored_readings(cur, _Q.reading, asked)
    if not found:
        return
    (reading,) = found
    if reading.peripheral_id is not None:
        known = fhir_rows.peripheral(cur, subject.practice_id, reading.peripheral_id)
        if known is not None:
            yield Part("device", reading.peripheral_id, device.of_peripheral(known), When.MISSING)
    beside = fhir_rows.beside(cur, subject.practice_id, found)[reading.reading_id]
    for part, resource in observation.parts_of(reading, beside):
        kind = f"observation.{part}" if part else "observation"
        yield Part(kind, subject.subject_id, resource)
    yield from _averages(cur, subject, reading)


def _averages(cur: Cursor, subject: Subject, reading: StoredReading) -> Iterator[Part]:
    """Yield what a reading changes of the averages; one without a number only takes back what was sent before."""
    for average, zone, is_first in averages.told_by(cur, reading, subject.now):
        resource = average_pressure.of(subject.patient_id, average, zone, subject.now)
        when = When.MISSING if is_first else When.ALWAYS
        if average.average.systolic_mmhg is None:
            when = When.THERE
        yield Part("average", uuid5(subject.patient_id, str(average.last_day)), resource, when)


def _task(cur: Cursor, subject: Subject) -> Iterator[Part]:
    known = task_store.task(cur, subject.practice_id, subject.subject_id)
    if known is not None:
        yield Part("task", subject.subject_id, care_task.task(known, subject.now))


def _communication(cur: Cursor, subject: Subject) -> Iterator[Part]:
    """Yield an attempt to reach the patient, or that a plan was given to somebody."""
    attempt = store.row(
        cur,
        Attempt,
        _Q.attempt,
        practice_id=subject.practice_id,
        outreach_id=subject.subject_id,
    )
    if attempt is not None:
        resource = contact.of_attempt(subject.subject_id, subject.patient_id, attempt)
        yield Part("communication", subject.subject_id, resource)
    for share in plan_sharing.shares(cur, subject.practice_id, subject.patient_id):
        if share.share_id == subject.subject_id:
            given = plan_given.of(share, subject.patient_id)
            yield Part("communication", subject.subject_id, given)


def _consent(cur: Cursor, subject: Subject) -> Iterator[Part]:
    enrolments = enrolment.of_patient(cur, subject.practice_id, subject.patient_id)
    programs = {one.enrolment_id: one.program for one in enrolments}
    practice = people.practice(cur, subject.practice_id)
    for one in consents.of_patient(cur, subject.practice_id, subject.patient_id):
        if one.consent_id == subject.subject_id and practice is not None:
            zone = ZoneInfo(practice.time_zone)
            until = one.superseded_at
            if until is None and one.revoked_at is not None:
                until = consents.holds_until(one.revoked_at, zone)
            resource = program_consent.of(one, programs[one.enrolment_id], until)
            yield Part("consent", subject.subject_id, resource)


def _plan(cur: Cursor, subject: Subject) -> Iterator[Part]:
    for version, is_in_force in _versions(cur, subject):
        for number, goal in enumerate(plan.goals(version, is_in_force=is_in_force), start=1):
            yield Part(f"goal.{number}", subject.subject_id, goal)
        resource = plan.care_plan(version, is_in_force=is_in_force)
        yield Part("care_plan", subject.subject_id, resource)


def _document(cur: Cursor, subject: Subject) -> Iterator[Part]:
    practice = people.practice(cur, subject.practice_id)
    patient = people.patient(cur, subject.practice_id, subject.patient_id)
    for version, is_in_force in _versions(cur, subject):
        if practice is not None and patient is not None:
            pdf = plan_print.pdf(plan_print.printed(version, patient, practice))
            resource = plan_copy.of(version, pdf, is_in_force=is_in_force)
            yield Part("document", subject.subject_id, resource)


def _versions(cur: Cursor, subject: Subject) -> Iterator[tuple[Version, bool]]:
    """Yield the version that a message is about, and whether it is in force."""
    found = care_plan.versions(cur, subject.practice_id, subject.patient_id)
    for one in found:
        if one.plan_id == subject.subject_id:
            yield one, one is found[0]


BUILDERS: Final[Mapping[str, Builder]] = {
    "observation": _observations,
    "task": _task,
    "communication": _communication,
    "consent": _consent,
    "care_plan": _plan,
    "document": _document,
}
"""How each kind of message becomes resources: a further kind is a line here."""


def references(kind: str, subject_id: UUID) -> str:
    """Return how resources of ours refer to what the EHR's id is remembered of."""
    main, _, part = kind.partition(".")
    if main == "observation":
        return f"Observation/{observation.observation_id(subject_id, part)}"
    if main == "goal":
        return f"Goal/{plan.goal_id(subject_id, int(part))}"
    return f"{_TYPES[main]}/{subject_id}"


def remote_type(kind: str) -> str:
    """Return what type of resource an EHR has under an id that is remembered."""
    return references(kind, UUID(int=0)).partition("/")[0]


_TYPES: Final = {
    "average": "Observation",
    "device": "Device",
    "task": "Task",
    "communication": "Communication",
    "consent": "Consent",
    "care_plan": "CarePlan",
    "document": "DocumentReference",
}
