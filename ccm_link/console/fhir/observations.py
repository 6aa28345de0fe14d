"""Observations of the FHIR API: one of them, and a patient's in the order of their time, page by page.

A page is a number of observations, and a reading may become three: a place between pages names the reading and which of
them came last.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Response

from ccm_link import fhir_rows
from ccm_link.console import patient_head, problems
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.fhir import answers
from ccm_link.console.fhir import asked as asking
from ccm_link.console.fhir.asked import Asked, Given
from ccm_link.console.fhir.patients import known_id
from ccm_link.fhir import average_pressure, matching, observation
from ccm_link.fhir.bundle import Found
from ccm_link.fhir.codings import Json
from ccm_link.fhir.search_text import Token
from ccm_link.fhir_rows import SoughtReadings
from ccm_link.local_days import Days
from firmware_profiles.codes import LOINC_SYSTEM
from firmware_profiles.readings import Kind
from ingest import home_blood_pressure, reading_arrays, store
from ingest.rows import StoredReading

_LAST_PART: Final = len(observation.PARTS) - 1
_REPLACED: Final = "entered-in-error"
# Glucose and ketone are none; nothing here is of a laboratory.
_VITAL_KINDS: Final = frozenset(Kind) - {Kind.GLUCOSE, Kind.KETONE}


def read(desk: Desk, resource_id: str) -> Response:
    """Return one observation."""
    asking.check_format(desk.request)
    with desk.transaction() as cur:
        patient_id, resource = _one(cur, desk, resource_id)
        desk.saw(patient_id, resource_id=resource_id)
    return answers.one(desk.request, resource)


def search(desk: Desk, given: Given) -> Response:
    """Return a patient's observations, the newest first or the oldest; or those of some ids."""
    asked = asking.search(desk, "Observation", given)
    with desk.transaction() as cur:
        if asked.ids is not None:
            found = _by_ids(cur, desk, asked, asked.ids)
        elif asked.patient is not None:
            found = _of_patient(cur, desk, asked, known_id(asked.patient))
        else:
            raise asking.unusable({"patient": "it is needed, or _id"})
    return answers.page(desk, asked, found)


def _one(cur: Cursor, desk: Desk, resource_id: str) -> tuple[UUID, Json]:
    """Load one observation with whose it is.

    Raises:
        Refused: 404; there is none, or the person does not see the patient.
    """
    average = average_pressure.parted(resource_id)
    if average is not None:
        patient_id, last_day = average
        zone = patient_head.load(cur, desk, patient_id).zone
        return patient_id, _average(cur, desk, patient_id, zone, last_day)
    named = observation.parted(resource_id)
    reading = None if named is None else store.reading(cur, desk.practice_id, named[0])
    if named is None or reading is None or reading.patient_id is None:
        raise problems.Refused(problems.NOT_FOUND)
    patient_head.load(cur, desk, reading.patient_id)
    resource = dict(_parts(cur, desk, [reading])[0]).get(named[1])
    if resource is None:
        raise problems.Refused(problems.NOT_FOUND)
    return reading.patient_id, resource


def _by_ids(cur: Cursor, desk: Desk, asked: Asked, ids: list[str]) -> Found:
    found, whose = [], []
    for resource_id in ids:
        try:
            patient_id, resource = _one(cur, desk, resource_id)
        except (problems.Refused, patient_head.AccessLimited):
            continue  # what is not there, or not to be seen, is not found
        if asked.patient in (None, str(patient_id)) and _is_asked_for(
            asked, resource, ZoneInfo("UTC")
        ):
            found.append(resource)
            whose.append(patient_id)
    desk.saw(*whose, observations=len(found))
    return Found(resources=found[: asked.count], total=len(found))


def _of_patient(cur: Cursor, desk: Desk, asked: Asked, patient_id: UUID) -> Found:
    zone = patient_head.load(cur, desk, patient_id).zone
    codes = asked.tokens("code")
    if codes is not None and any(
        token.fits(LOINC_SYSTEM, average_pressure.CODE) for token in codes
    ):
        found = _averages(cur, desk, asked, patient_id, zone)
    else:
        found = _page(cur, desk, asked, patient_id, zone)
    desk.saw(patient_id, observations=len(found.resources))
    return found


def _page(cur: Cursor, desk: Desk, asked: Asked, patient_id: UUID, zone: ZoneInfo) -> Found:
    sought = _sought(asked, patient_id, zone)
    is_newest_first = asked.sort == "-date"
    limit = asked.count + 2  # one more than fits, and the one in which the page before ended
    place = None if asked.place is None else _place(asked.place)
    readings = fhir_rows.readings(
        cur,
        desk.practice_id,
        sought,
        place=None if place is None else place[:2],
        is_newest_first=is_newest_first,
        limit=limit,
    )
    shown: list[Json] = []
    last: tuple[StoredReading, int] | None = None
    for reading, parts in zip(readings, _parts(cur, desk, readings), strict=True):
        for part, resource in parts:
            number = observation.PARTS.index(part)
            if place is not None and reading.reading_id == place[1] and number <= place[2]:
                continue
            if not _is_asked_for(asked, resource, zone):
                continue
            if len(shown) == asked.count:
                return Found(resources=shown, next_place=_told(last))
            shown.append(resource)
            last = (reading, number)
    is_more = len(readings) == limit
    return Found(resources=shown, next_place=_told((readings[-1], _LAST_PART)) if is_more else None)


def _parts(cur: Cursor, desk: Desk, readings: list[StoredReading]) -> list[list[tuple[str, Json]]]:
    beside = fhir_rows.beside(cur, desk.practice_id, readings)
    return [list(observation.parts_of(one, beside[one.reading_id])) for one in readings]


def _sought(asked: Asked, patient_id: UUID, zone: ZoneInfo) -> SoughtReadings:
    measured, updated = asked.span("date", zone), asked.span("_lastUpdated", zone)
    statuses = asked.tokens("status") or []
    return SoughtReadings(
        patient_id=patient_id,
        kinds=tuple(_kinds(asked.tokens("category"))),
        from_at=(measured and measured.from_at) or fhir_rows.BEGINNING,
        until_at=(measured and measured.until_at) or fhir_rows.END,
        is_dated=measured is not None,
        updated_from=(updated and updated.from_at) or fhir_rows.BEGINNING,
        updated_until=(updated and updated.until_at) or fhir_rows.END,
        with_replaced=updated is not None or any(one.code == _REPLACED for one in statuses),
    )


def _kinds(categories: list[Token] | None) -> Iterable[Kind]:
    """Return the kinds of readings in which the categories can be found."""
    if categories is None or any(token.code != "vital-signs" for token in categories):
        return Kind
    return sorted(_VITAL_KINDS)


def _is_asked_for(asked: Asked, resource: Json, zone: ZoneInfo) -> bool:
    for name in ("category", "code", "status"):
        tokens = asked.tokens(name)
        if tokens is not None and not matching.has_code(resource, name, tokens):
            return False
    for name in ("date", "_lastUpdated"):
        span = asked.span(name, zone)
        if span is not None and not matching.is_in(resource, name, span):
            return False
    return True


def _place(told: Any) -> tuple[datetime, UUID, int]:
    return datetime.fromisoformat(told["at"]), UUID(told["id"]), int(told["part"])


def _told(last: tuple[StoredReading, int] | None) -> dict[str, Any] | None:
    if last is None:
        return None
    reading, number = last
    return {"at": reading.measured_at.isoformat(), "id": str(reading.reading_id), "part": number}


def _averages(cur: Cursor, desk: Desk, asked: Asked, patient_id: UUID, zone: ZoneInfo) -> Found:
    """Return the average of the seven days that end where the search's time does, or today."""
    measured = asked.span("date", zone)
    until_at = desk.now if measured is None or measured.until_at is None else measured.until_at
    last_day = (min(until_at, desk.now) - timedelta(microseconds=1)).astimezone(zone).date()
    found = [_average(cur, desk, patient_id, zone, last_day)]
    return Found(resources=found[: asked.count], total=len(found))


def _average(cur: Cursor, desk: Desk, patient_id: UUID, zone: ZoneInfo, last_day: date) -> Json:
    days = Days(last_day - timedelta(days=home_blood_pressure.PROTOCOL_DAYS - 1), last_day, zone)
    readings = store.readings_of_patient(
        cur, desk.practice_id, patient_id, Kind.BLOOD_PRESSURE, days.from_at, days.until_at
    )
    pressures, _ = reading_arrays.home_pressures(readings, zone)
    average = home_blood_pressure.protocol_average(pressures, last_day)
    return average_pressure.of(patient_id, average, zone, desk.now)
