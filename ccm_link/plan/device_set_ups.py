"""Devices that were set up with patients: by whom, when and to whom it was taught; their first reading is looked up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.plan import plan_errors
from ccm_link.plan.education import Learner
from ccm_link.plan.plan_errors import TimeReason
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.plan", "device_set_ups")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a patient measures with."""

    peripheral_id: UUID
    profile_id: str
    bluetooth_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """A device that was set up and taught. Instants are aware UTC.

    Attributes:
        profile_id: the device profile of the model.
        first_reading_at: when the first measured reading came from it since then; None: none has come.
    """

    set_up_id: UUID
    patient_id: UUID
    peripheral_id: UUID
    profile_id: str
    learner: Learner
    set_up_by: str
    set_up_at: datetime
    taught_at: datetime
    first_reading_at: datetime | None


def record(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    peripheral_id: UUID,
    *,
    learner: Learner,
    set_up_at: datetime,
    taught_at: datetime,
    staff_id: UUID,
    at: datetime,
) -> UUID:
    """Record that a device was set up and its use taught; return the record's id.

    Raises:
        plan_errors.BadPlanTime: It is to come, or it was taught before it was set up.
        plan_errors.UnknownDevice: It is not the patient's.
    """
    if max(set_up_at, taught_at) > at:
        raise plan_errors.BadPlanTime(TimeReason.IN_THE_FUTURE)
    if taught_at < set_up_at:
        raise plan_errors.BadPlanTime(TimeReason.TAUGHT_BEFORE_SET_UP)
    set_up_id = store.scalar(
        cur,
        _Q.record,
        practice_id=practice_id,
        patient_id=patient_id,
        peripheral_id=peripheral_id,
        learner=learner,
        set_up_at=set_up_at,
        taught_at=taught_at,
        staff_id=staff_id,
        at=at,
    )
    if set_up_id is None:
        raise plan_errors.UnknownDevice
    return cast("UUID", set_up_id)


def devices(cur: Cursor, practice_id: UUID, patient_id: UUID, at: datetime) -> list[Device]:
    """Return what a patient measures with at an instant."""
    return store.rows(
        cur, Device, _Q.devices, practice_id=practice_id, patient_id=patient_id, at=at
    )


def of_patients(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID], at: datetime
) -> dict[UUID, tuple[SetUp, ...]]:
    """Return the set-ups of patients that were recorded by an instant, the newest first; who has none is not in it.

    A patient who is in it meets the requirement ``set_up_record``.
    """
    found: dict[UUID, tuple[SetUp, ...]] = {}
    for one in store.rows(
        cur, _set_up, _Q.of_patients, practice_id=practice_id, patient_ids=list(patient_ids), at=at
    ):
        found[one.patient_id] = (*found.get(one.patient_id, ()), one)
    return found


def _set_up(*, learner: str, **columns: Any) -> SetUp:
    return SetUp(learner=Learner(learner), **columns)
