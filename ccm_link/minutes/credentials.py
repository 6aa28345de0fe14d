"""What staff are, from when until when: credential, role for billing, NPI, employer, supervisor. Ended, never changed.

A time entry keeps who its person was at its beginning. Where nothing was recorded about that time the role is unknown
and stays so in the entry; what is recorded about it later counts as long as the month is not locked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import errors, store
from ccm_link.billing.facts import StaffRole
from ccm_link.minutes import time_errors
from ccm_link.minutes.time_errors import CredentialReason
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.minutes", "credentials")

# The prefix 80840 that makes an NPI a card issuer's number is worth 24 in the sum of its check digit.
# Source: CMS, National Provider Identifier Standard, "check digit calculation": ISO/IEC 7812-1 (Luhn), annex B.
_PREFIX_SUM: Final = 24
_NPI_LENGTH: Final = 10


class Credential(StrEnum):
    """What somebody is trained and licensed as."""

    MD = "md"
    DO = "do"
    NP = "np"
    PA = "pa"
    CNS = "cns"
    CNM = "cnm"
    RN = "rn"
    LPN = "lpn"
    MA = "ma"
    PHARMACIST = "pharmacist"
    DIETITIAN = "dietitian"
    SOCIAL_WORKER = "social_worker"
    OTHER = "other"  # of clinical staff
    NONE = "none"


NAMES: Final[Mapping[Credential, str]] = {
    Credential.MD: "Doctor of medicine (MD)",
    Credential.DO: "Doctor of osteopathic medicine (DO)",
    Credential.NP: "Nurse practitioner (NP)",
    Credential.PA: "Physician assistant (PA)",
    Credential.CNS: "Clinical nurse specialist (CNS)",
    Credential.CNM: "Certified nurse-midwife (CNM)",
    Credential.RN: "Registered nurse (RN)",
    Credential.LPN: "Licensed practical nurse (LPN)",
    Credential.MA: "Medical assistant (MA)",
    Credential.PHARMACIST: "Pharmacist",
    Credential.DIETITIAN: "Dietitian",
    Credential.SOCIAL_WORKER: "Social worker",
    Credential.OTHER: "Other clinical staff",
    Credential.NONE: "None (not clinical)",
}
"""What people call them."""

QUALIFIED: Final = frozenset(
    {
        Credential.MD,
        Credential.DO,
        Credential.NP,
        Credential.PA,
        Credential.CNS,
        Credential.CNM,
    }
)
"""Who bills care management in their own name. Source: CMS MLN909188, chronic care management services, 2025."""

ROLES: Final = (
    StaffRole.CLINICAL_STAFF,
    StaffRole.QUALIFIED_PROFESSIONAL,
    StaffRole.NON_CLINICAL,
)
"""What a person can be recorded as; the other two words are for programs, and for what nobody recorded."""


class Employer(StrEnum):
    """Whose staff somebody is."""

    OWN = "own"
    CONTRACTOR = "contractor"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """What somebody is from an instant on.

    Raises:
        time_errors.BadCredential: Role, number, supervisor and the rest contradict each other.
    """

    practice_id: UUID
    staff_id: UUID
    credential: Credential
    billing_role: StaffRole
    npi: str | None
    employer: Employer
    supervisor_staff_id: UUID | None
    may_bill: bool
    exclusion_checked_on: date | None
    from_at: datetime

    def __post_init__(self) -> None:
        is_qualified = self.billing_role is StaffRole.QUALIFIED_PROFESSIONAL
        if self.billing_role not in ROLES or (is_qualified and self.credential not in QUALIFIED):
            raise time_errors.BadCredential(CredentialReason.ROLE)
        if self.may_bill and not (is_qualified and self.npi):
            raise time_errors.BadCredential(CredentialReason.NUMBER)
        if self.supervisor_staff_id == self.staff_id:
            raise time_errors.BadCredential(CredentialReason.SUPERVISOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What somebody was recorded as, [from_at, until_at); both instants the same: by mistake."""

    practice_id: UUID
    credential_id: UUID
    staff_id: UUID
    staff_name: str
    credential: Credential
    billing_role: StaffRole
    npi: str | None
    employer: Employer
    supervisor_staff_id: UUID | None
    supervisor_name: str | None
    may_bill: bool
    exclusion_checked_on: date | None  # against the lists of those excluded from federal programs
    from_at: datetime
    until_at: datetime | None  # None: it holds
    recorded_by_name: str
    recorded_at: datetime
    end_reason: str | None


def provider_number(text: str) -> str:
    """Return a National Provider Identifier without blanks and dashes.

    Example:
        >>> provider_number("1234 567-893")
        '1234567893'

    Raises:
        time_errors.BadProviderNumber: It has not ten digits, begins with another one than 1 or 2, or its check digit is
            wrong.
    """
    number = text.strip().replace(" ", "").replace("-", "")
    is_written = number.isascii() and number.isdigit() and len(number) == _NPI_LENGTH
    if not is_written or number[0] not in "12" or _luhn(number) % 10:
        raise time_errors.BadProviderNumber
    return number


def record(cur: Cursor, new: NewCredential, *, recorded_by: UUID, at: datetime) -> UUID:
    """Record what somebody is from an instant on, and return the record's id.

    Raises:
        time_errors.BadCredential: The exclusion check lies in the future.
        time_errors.CredentialOverlaps: Another one holds then.
        errors.UnknownSubject: The practice has no such person or supervisor.
    """
    if new.exclusion_checked_on is not None and new.exclusion_checked_on > at.date():
        raise time_errors.BadCredential(CredentialReason.CHECKED_LATER)
    try:
        with cur.connection.transaction():
            credential_id = store.scalar(
                cur,
                _Q.record,
                practice_id=new.practice_id,
                staff_id=new.staff_id,
                credential=new.credential,
                billing_role=new.billing_role,
                npi=new.npi,
                employer=new.employer,
                supervisor_staff_id=new.supervisor_staff_id,
                may_bill=new.may_bill,
                exclusion_checked_on=new.exclusion_checked_on,
                from_at=new.from_at,
                recorded_by=recorded_by,
                at=at,
            )
    except psycopg.errors.ExclusionViolation as error:
        raise time_errors.CredentialOverlaps from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise errors.UnknownSubject from error
    return cast("UUID", credential_id)


def end(
    cur: Cursor,
    practice_id: UUID,
    credential_id: UUID,
    *,
    until_at: datetime,
    ended_by: UUID,
    reason: str,
) -> None:
    """End a credential; at its own beginning where it was recorded by mistake.

    Raises:
        time_errors.CredentialEnded: It is ended already, would end before it begins, or there is none.
    """
    ended = store.scalar(
        cur,
        _Q.end_credential,
        practice_id=practice_id,
        credential_id=credential_id,
        until_at=until_at,
        ended_by=ended_by,
        reason=reason,
    )
    if ended is None:
        raise time_errors.CredentialEnded


def of_practice(cur: Cursor, practice_id: UUID, staff_id: UUID | None = None) -> list[Held]:
    """Return all that was ever recorded, by person, the newest first; of one person where one is named."""
    return store.rows(cur, _held, _Q.of_practice, practice_id=practice_id, staff_id=staff_id)


def in_force(cur: Cursor, practice_id: UUID, staff_id: UUID, at: datetime) -> Held | None:
    """Return what somebody was at an instant; None where nothing is recorded about it."""
    return store.row(cur, _held, _Q.in_force, practice_id=practice_id, staff_id=staff_id, at=at)


def _held(*, credential: str, billing_role: str, employer: str, **columns: Any) -> Held:
    return Held(
        credential=Credential(credential),
        billing_role=StaffRole(billing_role),
        employer=Employer(employer),
        **columns,
    )


def _luhn(number: str) -> int:
    """Return the sum of which the last digit is 0: every second digit from the right but one doubled."""
    doubled = (2 * int(digit) for digit in number[-2::-2])
    plain = (int(digit) for digit in number[-1::-2])
    return _PREFIX_SUM + sum(plain) + sum(two // 10 + two % 10 for two in doubled)
