"""What may be posted about who measures with a peripheral: from pages in wall clock time, from programs as instants."""

from __future__ import annotations

from typing import Final, Self
from uuid import UUID

from pydantic import model_validator

from ccm_link.console.posted.input_types import Instant, LocalDay, LocalTime, UserSlot, Words
from ccm_link.console.posted.inputs import Input

# In a form's list of patients: nobody whom the practice knows.
NOBODY: Final = UUID(int=0)


class WallSpan(Input):
    """From when until when, in the practice's wall clock time; without an end while it goes on."""

    from_on: LocalDay
    from_time: LocalTime
    until_on: LocalDay | None = None
    until_time: LocalTime | None = None

    @model_validator(mode="after")
    def _some_span(self) -> Self:
        if (self.until_on is None) != (self.until_time is None):
            raise ValueError("Say both the day and the time of the end, or neither.")
        if self.until_on is not None and self.until_time is not None:
            begins, ends = (self.from_on, self.from_time), (self.until_on, self.until_time)
            if ends <= begins:
                raise ValueError("The end has to be later than the beginning.")
        return self


class AssignForm(WallSpan):
    """Whose a slot of a peripheral is, from the peripheral's page."""

    patient_id: UUID
    user_slot: UserSlot | None = None


class EndAssignmentForm(Input):
    """When an assignment ended, in the practice's wall clock time."""

    until_on: LocalDay
    until_time: LocalTime


class CorrectPatientForm(WallSpan):
    """Who measured in a part of an assignment's time, and why it was thought otherwise."""

    patient_id: UUID
    reason: Words

    @property
    def patient(self) -> UUID | None:
        """Return the patient; None where it was nobody whom the practice knows."""
        return None if self.patient_id == NOBODY else self.patient_id


class CorrectTimeForm(WallSpan):
    """From when until when an assignment really held, and why it was thought otherwise."""

    reason: Words


class _InstantSpan(Input):
    valid_from: Instant
    valid_until: Instant | None = None

    @model_validator(mode="after")
    def _some_span(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("“valid_until” has to be later than “valid_from”.")
        return self


class Assign(_InstantSpan):
    """Whose a slot of a peripheral is; no slot for a peripheral that does not tell its users apart."""

    patient_id: UUID
    user_slot: UserSlot | None = None


class EndAssignment(Input):
    """When an assignment ended."""

    valid_until: Instant


class CorrectPatient(_InstantSpan):
    """Who measured in a part of an assignment's time, null for nobody whom the practice knows, and why."""

    patient_id: UUID | None
    reason: Words


class CorrectTime(_InstantSpan):
    """From when until when an assignment really held, and why it was thought otherwise."""

    reason: Words
