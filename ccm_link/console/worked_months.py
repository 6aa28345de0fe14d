"""A patient's month worked out for a page, as of now, with the tables of this site; how far it is to the next code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link import errors
from ccm_link.billing import periods
from ccm_link.billing.rows import Program
from ccm_link.claim import month_proposals
from ccm_link.claim.month_proposals import WorkedOut
from ccm_link.claim.site_tables import SiteTables
from ccm_link.console import problems, surroundings
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.words import month_words
from ccm_link.console.words.month_words import Meter
from ccm_link.month import Month


@dataclass(frozen=True, slots=True)
class Worked:
    """A month as this page and its deeds need it; ``found`` None: there are no rules of its year."""

    month: Month
    zone: ZoneInfo
    tables: SiteTables
    found: WorkedOut | None


def parsed(month: str) -> Month:
    """Return a month of an address.

    Raises:
        Refused: 422; it is none.
    """
    try:
        return Month.parse(month)
    except errors.BadMonth as error:
        raise problems.Refused(problems.of_error(error)) from None


def work_out(desk: Desk, cur: Cursor, patient_id: UUID, month: Month) -> Worked:
    """Work a month out as of now."""
    tables = surroundings.of(desk.request).tables
    zone = ZoneInfo(desk.practice(cur).time_zone)
    try:
        found = month_proposals.of_patient(
            cur, desk.practice_id, patient_id, month, tables, desk.now
        )
    except errors.NoBillingTable:
        found = None
    return Worked(month, zone, tables, found)


def meters(worked: Worked) -> list[Meter]:
    """Return how far the patient's programs are towards their next codes; [] where nothing can be said."""
    if worked.found is None:
        return []
    rules = worked.tables.of_payer(worked.found.payer).on(periods.last_day_of(worked.month))
    programs = (one.program for one in worked.found.known.programs)
    return month_words.meters(worked.found.proposal, programs, rules)


def meters_of(
    desk: Desk, cur: Cursor, patient_ids: Sequence[UUID], month: Month
) -> dict[UUID, list[Meter]]:
    """Return the meters of some patients' months, by patient; of none where the year has no rules."""
    tables = surroundings.of(desk.request).tables
    zone = ZoneInfo(desk.practice(cur).time_zone)
    try:
        found = month_proposals.of_patients(
            cur, desk.practice_id, patient_ids, month, tables, desk.now
        )
    except errors.NoBillingTable:
        return {}
    return {
        patient_id: meters(Worked(month, zone, tables, one)) for patient_id, one in found.items()
    }


def titles(worked: Worked) -> dict[str, str]:
    """Return what programs are called by the rules of the month's last day."""
    if worked.found is None:
        return {}
    rules = worked.tables.of_payer(worked.found.payer).on(periods.last_day_of(worked.month))
    return {one.row.name: one.row.title for one in rules.of(Program)}


def beside(month: Month, step: int) -> Month:
    """Return the month before (-1) or after (+1)."""
    day: date = month.first_on + timedelta(days=-1 if step < 0 else 31)
    return Month(day.year, day.month)
