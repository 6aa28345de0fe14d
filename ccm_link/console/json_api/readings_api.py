"""The JSON API of one patient's readings: page by page, the latest, day by day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query

from ccm_link.console import patient_head, problems
from ccm_link.console.desk import AtDesk, Desk
from ccm_link.console.entrance import sealing
from ccm_link.console.entrance.sealing import Purpose
from ccm_link.console.json_api import api_models, reading_models
from ccm_link.console.posted import inputs
from firmware_profiles.readings import Kind
from ingest import daily_summary, reading_pages
from ingest.reading_pages import Place

router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)

# A program that reads on does so at once; what it keeps for later is a time, not a cursor.
_CURSOR_LASTS: Final = timedelta(hours=1)
_BAD_CURSOR: Final[dict[int | str, dict[str, Any]]] = {400: {"model": api_models.ProblemDocument}}


@router.get("/patients/{patient_id}/readings", responses=_BAD_CURSOR)
def readings(
    desk: AtDesk, patient_id: UUID, asked: Annotated[inputs.ReadingsQuery, Query()]
) -> reading_models.Readings:
    """Return a patient's readings of one kind, measured from ``from`` until before ``to``, oldest first, in pages."""
    bound_to = _bound_to(desk, patient_id, asked)
    after = None if asked.cursor is None else _opened(desk, asked.cursor, bound_to)
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        found = reading_pages.page(
            cur,
            desk.practice_id,
            patient_id,
            asked.kind,
            asked.from_at,
            asked.until_at,
            after=after,
            limit=asked.limit,
        )
        desk.saw(
            patient_id,
            kind=asked.kind,
            from_at=asked.from_at,
            until_at=asked.until_at,
            readings=len(found.readings),
        )
    return reading_models.Readings.of(asked.kind, found, _sealed(desk, found.next_place, bound_to))


@router.get("/patients/{patient_id}/readings/latest")
def latest(desk: AtDesk, patient_id: UUID) -> reading_models.LatestReadings:
    """Return a patient's latest readings of each kind with their age."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        found = reading_pages.latest(cur, desk.practice_id, patient_id, list(Kind), desk.now)
        desk.saw(patient_id, latest=True)
    of_kind = {kind: reading_models.LatestOfKind.of(one, desk.now) for kind, one in found.items()}
    return reading_models.LatestReadings(
        now=desk.now,
        codes=reading_models.codes_of(*Kind),
        **{kind.value: one for kind, one in of_kind.items()},
    )


@router.get("/patients/{patient_id}/summaries/daily")
def daily_summaries(
    desk: AtDesk, patient_id: UUID, asked: Annotated[inputs.DailyQuery, Query()]
) -> reading_models.DailySummaries:
    """Return a patient's days from ``from`` to ``to``, both included, as the clocks at home count them."""
    with desk.transaction() as cur:
        patient = patient_head.load(cur, desk, patient_id).record
        found = daily_summary.daily_summaries(
            cur, desk.practice_id, patient_id, asked.kind, asked.from_day, asked.until_day
        )
        desk.saw(
            patient_id,
            kind=asked.kind,
            from_day=asked.from_day,
            until_day=asked.until_day,
            days=len(found),
        )
    return reading_models.DailySummaries.of(patient_id, patient.time_zone, asked.kind, found)


def _bound_to(desk: Desk, patient_id: UUID, asked: inputs.ReadingsQuery) -> str:
    """Return what a cursor belongs to: it opens for the same practice, patient and query alone."""
    span = f"{asked.from_at.timestamp()} {asked.until_at.timestamp()}"
    return f"{desk.practice_id} {patient_id} {asked.kind} {span}"


def _sealed(desk: Desk, place: Place | None, bound_to: str) -> str | None:
    if place is None:
        return None
    note = {"at": place.measured_at.isoformat(), "id": str(place.reading_id)}
    return sealing.passing(desk.request).close_note(
        Purpose.PLACE, note, desk.now + _CURSOR_LASTS, bound_to
    )


def _opened(desk: Desk, cursor: str, bound_to: str) -> Place:
    """Return the place that a cursor holds.

    Raises:
        Refused: 400; it was changed, belongs to another query, is too old, or the console was started again since.
    """
    note = sealing.passing(desk.request).open_note(Purpose.PLACE, cursor, desk.now, bound_to)
    if note is None:
        raise problems.Refused(problems.BAD_CURSOR)
    return Place(datetime.fromisoformat(note["at"]), UUID(note["id"]))
