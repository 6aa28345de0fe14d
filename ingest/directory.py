"""Who is who at one moment: gateways, peripherals and whose they are. Pure; loaded by the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from ingest.measured_at import TimeQuality

# An undated measurement was made at its reception or earlier; of a peripheral that has changed hands in this time
# nobody knows whose it is. As long as an unchecked clock is believed (ingest/measured_at.py): whoever has had the
# peripheral longer has sent its memory long ago.
UNDATED_REACHES_BACK: Final = timedelta(days=31)


class Standing(StrEnum):
    """Whether a gateway may bring anything."""

    EXPECTED = "expected"  # its claim code is not used yet
    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway.

    Attributes:
        enrolled_at: when it last claimed its place, aware UTC; None before that.
        last_seen_at: last message of any kind, aware UTC; None before the first.
        is_online: what its status message or its last will said last; a hint, not a proof.
    """

    gateway_id: str
    practice_id: UUID
    label: str
    status: Standing
    enrolled_at: datetime | None
    last_seen_at: datetime | None
    is_online: bool


@dataclass(frozen=True, slots=True)
class Assignment:
    """A time in which one user slot of a peripheral is one patient's.

    Attributes:
        user_slot: None for a peripheral that does not tell its users apart.
        valid_from: first instant, aware UTC.
        valid_until: first instant after it, aware UTC; None while it is open.
        time_zone: IANA name of the zone in which the patient's days are counted.
    """

    user_slot: int | None
    patient_id: UUID
    valid_from: datetime
    valid_until: datetime | None
    time_zone: str

    def day_of(self, at: datetime) -> date:
        """Return the patient's local day at an instant."""
        return at.astimezone(_zone(self.time_zone)).date()


@dataclass(frozen=True, slots=True)
class Peripheral:
    """One cuff or glucometer of a practice, with all its assignments."""

    peripheral_id: UUID
    assignments: tuple[Assignment, ...]

    def assignment_of(
        self, user_slot: int | None, measured_at: datetime, quality: TimeQuality
    ) -> Assignment | None:
        """Return whose measurement it is, or None if nobody's.

        Where only the reception is known, and somebody else had the slot not long before, it is nobody's: a guess
        could put it into the wrong record.
        """
        found = self.assignment_at(user_slot, measured_at)
        if found is None or quality is not TimeQuality.UNKNOWN:
            return found
        since = measured_at - UNDATED_REACHES_BACK
        is_somebody_elses = any(
            other.user_slot == user_slot
            and other.patient_id != found.patient_id
            and other.valid_from <= measured_at
            and (other.valid_until is None or other.valid_until > since)
            for other in self.assignments
        )
        return None if is_somebody_elses else found

    def assignment_at(self, user_slot: int | None, at: datetime) -> Assignment | None:
        """Return whose the slot was at that instant, or None if nobody's.

        The slot has to be the same, and no slot is a slot of its own: a measurement without one is
        not given to the patient of slot 1.
        """
        for assignment in self.assignments:
            if (
                assignment.user_slot == user_slot
                and assignment.valid_from <= at
                and (assignment.valid_until is None or at < assignment.valid_until)
            ):
                return assignment
        return None


@dataclass(frozen=True, slots=True)
class Directory:
    """What a batch of messages needs to know.

    Attributes:
        gateways: by gateway id; an unknown one is missing.
        peripherals: by practice and Bluetooth address.
    """

    gateways: Mapping[str, Gateway]
    peripherals: Mapping[tuple[UUID, str], Peripheral]


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
