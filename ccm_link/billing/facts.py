"""What is known of one patient's month: the input of the billing rules. Nothing here is guessed; unknown is None.

Instants are aware; they are cut to the second. What a person has to attest stands in ``attested`` by the name that the
tables give it; what is not there is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link.billing.intervals import Spans
from ccm_link.month import Month

LONGEST_ENTRY_S: Final = 8 * 3600
"""Seconds of a working day, as in the time log; a longer entry is a slip of the pen and counts for nothing."""


class StaffRole(StrEnum):
    """What a person was at the time of the work, as far as billing asks."""

    CLINICAL_STAFF = (
        "clinical_staff"  # nurse, medical assistant, pharmacist …, under general supervision
    )
    QUALIFIED_PROFESSIONAL = (
        "qualified_professional"  # physician, nurse practitioner, physician assistant
    )
    NON_CLINICAL = "non_clinical"  # front desk, billing, IT
    UNATTENDED = "unattended"  # a program without a person
    UNKNOWN = "unknown"


class Method(StrEnum):
    """How a contact was made; `CHART_WORK` is none."""

    PHONE = "phone"
    VIDEO = "video"
    IN_PERSON = "in_person"
    PORTAL_MESSAGE = "portal_message"
    TEXT_MESSAGE = "text_message"
    LETTER = "letter"
    CHART_WORK = "chart_work"


class Counterpart(StrEnum):
    """With whom."""

    PATIENT = "patient"
    CAREGIVER = "caregiver"
    PROVIDER = "provider"
    PHARMACY = "pharmacy"
    AGENCY = "agency"
    NOBODY = "nobody"


class Outcome(StrEnum):
    """What came of it."""

    REACHED = "reached"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    NOT_A_CONTACT = "not_a_contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """One time entry, [started_at, ended_at).

    Attributes:
        program: for which program of the tables; None: for none.
        activity: what was done, in the words of the tables.
        is_approved: False while it waits for another person's approval.
    """

    entry_id: UUID
    staff_id: UUID
    role: StaffRole
    program: str | None
    activity: str
    started_at: datetime
    ended_at: datetime
    method: Method = Method.CHART_WORK
    counterpart: Counterpart = Counterpart.NOBODY
    outcome: Outcome = Outcome.NOT_A_CONTACT
    is_voided: bool = False
    is_approved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkElsewhere:
    """Work of one of the same people for another patient; it is here only because it may overlap."""

    entry_id: UUID
    staff_id: UUID
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided about a conflict: in [from_at, until_at) this entry is the one that counts."""

    entry_id: UUID
    from_at: datetime
    until_at: datetime


class Origin(StrEnum):
    """How a reading came to be known."""

    AUTOMATIC = "automatic"  # from the peripheral by a gateway, nobody typed it
    BY_HAND = "by_hand"
    IMPORTED = "imported"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One reading; ``measured_at`` None: its time is not known."""

    reading_id: UUID
    measured_at: datetime | None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One episode of monitoring: it goes on when a device is replaced.

    Attributes:
        program: for which program of the tables.
        started_on: first day, in the patient's days; the 30-day blocks are counted from it.
        ended_on: last day; None: it goes on. The blocks keep their length.
        is_set_up_billed: whether the set-up was billed in a month before; None: not known.
        readings: of all of its days, as far as blocks of this month or earlier ones hold them.
    """

    program: str
    started_on: date
    ended_on: date | None
    is_set_up_billed: bool | None
    readings: tuple[Measured, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InProgram:
    """A patient's enrolment in a program.

    Attributes:
        practitioner_id: who bills it; None: not known.
        consent_documented_at: None: no consent is documented. Seconds before it never count.
        consent_revoked_at: it takes effect at the end of that month.
        attested: by name of a requirement: True there, False not there, None or missing not known.
    """

    program: str
    practitioner_id: UUID | None
    enrolled_at: datetime
    ended_at: datetime | None
    consent_documented_at: datetime | None
    consent_revoked_at: datetime | None = None
    attested: Mapping[str, bool | None] = field(default_factory=dict)


class By(StrEnum):
    """Who bills what stands in the way."""

    US = "us"  # the same practitioner
    OTHERS = "others"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Something else that is billed or agreed on for the patient in this month, in the words of the tables."""

    what: str
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A hold that a person looked at and settled: `proposal.Hold.key`, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientMonth:
    """All that is known of one patient's month.

    Attributes:
        zone: the practice's; the month is counted by it.
        patient_zone: the days of readings and of blocks are counted by it.
        site: kind of the practice's site, in the words of the tables.
        prefers_personal: whether the practitioner's own minutes are billed where they reach a code of their own.
        programs: that the patient is or was enrolled in; whoever left one and came back has it twice.
        away: seconds as an inpatient of a hospital or a skilled nursing facility.
        diagnoses: ICD-10-CM codes; None: not known.
    """

    month: Month
    zone: ZoneInfo
    patient_zone: ZoneInfo
    site: str
    prefers_personal: bool
    programs: tuple[InProgram, ...]
    worked: tuple[Worked, ...] = ()
    elsewhere: tuple[WorkElsewhere, ...] = ()
    decisions: tuple[Decision, ...] = ()
    episodes: tuple[Episode, ...] = ()
    beside: tuple[Beside, ...] = ()
    settled: tuple[Settled, ...] = ()
    away: Spans = ()
    died_at: datetime | None = None
    diagnoses: tuple[str, ...] | None = None
