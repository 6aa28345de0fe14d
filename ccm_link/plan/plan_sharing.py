"""To whom versions of a care plan were given, when, how and by whom; what a person at home may read of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.plan import care_plan, plan_errors
from ccm_link.plan.plan_errors import TimeReason
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.plan", "plan_sharing")


class Method(StrEnum):
    """How a plan was given to somebody."""

    PRINTED = "printed"
    POSTED = "posted"
    SECURE_MESSAGE = "secure_message"
    OWN_RECORD = "own_record"  # shown how to read it when signed in from home


class Recipient(StrEnum):
    """To whom."""

    PATIENT = "patient"
    CARER = "carer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A version was given to the patient, or to a carer whose name it is."""

    share_id: UUID
    plan_id: UUID
    version: int
    method: Method
    recipient: Recipient
    recipient_name: str
    shared_at: datetime
    shared_by: str


def share(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    plan_id: UUID,
    *,
    method: Method,
    recipient: Recipient,
    recipient_name: str,
    shared_at: datetime,
    staff_id: UUID,
    at: datetime,
) -> UUID:
    """Record that a version was given to the patient or a carer; return the record's id.

    Raises:
        plan_errors.BadPlanTime: That was before it was signed, or is to come.
    """
    if shared_at > at:
        raise plan_errors.BadPlanTime(TimeReason.IN_THE_FUTURE)
    share_id = store.scalar(
        cur,
        _Q.add_share,
        practice_id=practice_id,
        patient_id=patient_id,
        plan_id=plan_id,
        method=method,
        recipient=recipient,
        recipient_name=recipient_name,
        shared_at=shared_at,
        staff_id=staff_id,
        at=at,
    )
    if share_id is None:
        raise plan_errors.BadPlanTime(TimeReason.BEFORE_SIGNED)
    return cast("UUID", share_id)


def shares(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Share]:
    """Return to whom versions were given, the newest first."""
    return store.rows(cur, _share, _Q.shares, practice_id=practice_id, patient_id=patient_id)


def shared_version(cur: Cursor, practice_id: UUID, patient_id: UUID) -> care_plan.Version | None:
    """Return the version in force, if it was given to the patient or a carer: what is read at home."""
    signed = care_plan.versions(cur, practice_id, patient_id)
    given = {one.plan_id for one in shares(cur, practice_id, patient_id)}
    return signed[0] if signed and signed[0].plan_id in given else None


def _share(*, method: str, recipient: str, **columns: Any) -> Share:
    return Share(method=Method(method), recipient=Recipient(recipient), **columns)
