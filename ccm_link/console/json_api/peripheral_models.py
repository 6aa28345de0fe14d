"""What the JSON API says about peripherals, who measures with them, and the versions of a reading. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ccm_link.console.json_api.api_models import Answer
from ingest.corrections import Cause


class Peripheral(Answer):
    """A cuff or a meter."""

    peripheral_id: UUID
    bluetooth_address: str
    profile_id: str
    first_seen_at: datetime


class Peripherals(Answer):
    """All peripherals of the practice, those heard for the first time last on top."""

    peripherals: list[Peripheral]


class Assignment(Answer):
    """Who measures with a slot of a peripheral, from ``valid_from`` until before ``valid_until``.

    A voided one counts for nothing; ``replaces`` names the one that a correction put this in the place of.
    ``reading_count`` are the patient's readings that it accounts for now; others may follow within seconds.
    """

    assignment_id: UUID
    user_slot: int | None
    patient_id: UUID
    valid_from: datetime
    valid_until: datetime | None
    assigned_by: str
    assigned_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    voided_by: str | None
    voided_at: datetime | None
    void_reason: str | None
    replaces: UUID | None
    reading_count: int


class Assignments(Answer):
    """All that was said about who measures with a peripheral, as far as the person sees the patients.

    ``is_followed``: the readings stand with whom these assignments say.
    ``others_hidden``: it is, or was, also of patients whom the person does not see.
    """

    peripheral_id: UUID
    assignments: list[Assignment]
    is_followed: bool
    others_hidden: bool


class Version(Answer):
    """One version of a reading; ``cause``, ``made_by`` and ``detail`` say why it was made, null for the first."""

    reading_id: UUID
    version: int
    patient_id: UUID | None
    measured_at: datetime
    profile_id: str
    profile_version: int
    stored_at: datetime
    superseded_at: datetime | None
    cause: Cause | None
    made_by: str | None
    detail: str | None


class ReadingVersions(Answer):
    """All versions of a reading whose patients the person sees, first stored first; ``raw`` are its bytes in hex."""

    reading_id: UUID
    raw: str
    characteristic: str
    versions: list[Version]
