"""For which program time is logged: as a person says, or the only one that a patient is in; never one of several."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link.billing import rule_book
from ccm_link.billing.rows import Program
from ccm_link.minutes import time_errors
from ccm_link.program import enrolment, program_errors

Cursor = psycopg.Cursor[Any]

NONE: Final = "none"
"""What a person says of time that is for no program."""


def offered(cur: Cursor, practice_id: UUID, patient_id: UUID, at: datetime) -> list[str]:
    """Return the programs that a patient is enrolled in at an instant, in whatever state, by name."""
    found = enrolment.of_patient(cur, practice_id, patient_id)
    return sorted({one.program for one in found if one.ended_at is None or one.ended_at > at})


def resolve(
    cur: Cursor, practice_id: UUID, patient_id: UUID, said: str, at: datetime
) -> str | None:
    """Return for which program work that begins at an instant is; None: for none.

    ``said`` is what the person said; "" where nothing: then it is the only one that the patient is enrolled in.

    Raises:
        time_errors.WhichProgram: nothing was said, and the patient is enrolled in several.
        program_errors.UnknownProgram: the tables have no such program, and the patient is in none of that name.
    """
    if said == NONE:
        return None
    found = offered(cur, practice_id, patient_id, at)
    if said:
        if said not in titles(at) and said not in found:
            raise program_errors.UnknownProgram
        return said
    if len(found) > 1:
        raise time_errors.WhichProgram
    return found[0] if found else None


def titles(at: datetime) -> dict[str, str]:
    """Return what people call the programs of our tables on a day of UTC, by name."""
    return {one.row.name: one.row.title for one in _book().last_known(at.date()).of(Program)}


@functools.cache
def _book() -> rule_book.Book:
    return rule_book.read(rule_book.shipped())
