"""What may be posted: one model per action, the same for forms and for the JSON API.

Unknown fields are refused, and every field is of one of the kinds in :mod:`ccm_link.console.posted.input_types`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlencode
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from ccm_link.console.posted.input_types import (
    Instant,
    LocalDay,
    Words,
    readable,
    written,
)
from ccm_link.registry import conditions
from firmware_profiles.readings import Kind
from ingest import access, audit

_LONGEST_RANGE: Final = timedelta(days=400)  # a year and the month around its ends


class Input(BaseModel):
    """What every one of them is like."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


TypedPassword = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
TypedCode = Annotated[str, StringConstraints(min_length=1, max_length=100)]
GoingTo = Annotated[str, StringConstraints(max_length=500)]
# Sealed text of ours that a program hands back: a place in a list, a position in a stream.
Sealed = Annotated[str, StringConstraints(min_length=1, max_length=500)]
# In an address every number is text: “1_0” and “+5” would be read as numbers otherwise.
_whole_number: Final = written("[1-9][0-9]{0,3}", "Write a whole number.")
PageSize = Annotated[int, Field(ge=1, le=1000), _whole_number]
PersonName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(readable),
]
Diagnosis = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20),
    AfterValidator(conditions.written),
]
SignInName = Annotated[
    str,
    written(
        r"[a-z][a-z0-9._-]{0,59}",
        "Write a small letter, then small letters, digits, dots, dashes or underlines.",
    ),
]


class _SignIn(Input):
    sign_in_name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: TypedPassword


class SignIn(_SignIn):
    """Name (as ``name@practice``) and password, and the second factor's code where the account has one."""

    code: Annotated[str, StringConstraints(max_length=100)] = ""


class SignInForm(_SignIn):
    """The first step on the page, with where to go afterwards."""

    going_to: GoingTo = ""


class Code(Input):
    """A code alone."""

    code: TypedCode


class SecondFactor(Input):
    """The first code of a second factor that is being set up, and the sealed proposal that the page carried."""

    code: TypedCode
    proposal: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class _NewPassword(Input):
    new_password: TypedPassword
    new_password_again: TypedPassword

    @model_validator(mode="after")
    def _same(self) -> Self:
        if self.new_password != self.new_password_again:
            raise ValueError("The two new passwords differ. Type the same one twice.")
        return self


class Invitation(_NewPassword):
    """The code of an invitation and the password that the account gets."""

    code: TypedCode


class ChangePassword(_NewPassword):
    """The password until now and the one from now on."""

    password: TypedPassword


StaffRole = Literal["care_manager", "clinician", "operator", "practice_administrator", "auditor"]


class AddStaff(Input):
    """A new member of staff."""

    sign_in_name: SignInName
    display_name: PersonName
    role: StaffRole


class ChangeRole(Input):
    """What a member of staff may do from now on."""

    role: StaffRole


class ExpectGateway(Input):
    """How people call a gateway's box."""

    label: PersonName


class RevokeGateway(Input):
    """Why a gateway is not trusted any more."""

    reason: Words


class AddHomePerson(Input):
    """A patient or a carer who will sign in from home."""

    display_name: PersonName
    role: Literal["patient", "carer"]


class RecordCondition(Input):
    """What a patient has, and where that is known from."""

    diagnosis: Diagnosis
    source: Words


class EndCondition(Input):
    """Why a condition holds no more."""

    reason: Words


class _Span(Input):
    from_at: Annotated[Instant, Field(alias="from")]
    until_at: Annotated[Instant, Field(alias="to")]

    @model_validator(mode="after")
    def _some_span(self) -> Self:
        if not timedelta(0) < self.until_at - self.from_at <= _LONGEST_RANGE:
            raise ValueError("“to” has to be later than “from”, by 400 days at most.")
        return self


class ReadingsQuery(_Span):
    """Which readings of a patient: a kind, a span of at most 400 days, and which page of them how large."""

    kind: Kind
    limit: PageSize = 200
    cursor: Sealed | None = None


class DailyQuery(Input):
    """Which days of a patient: a kind, and local days of at most 400, both ends included."""

    kind: Kind
    from_day: Annotated[LocalDay, Field(alias="from")]
    until_day: Annotated[LocalDay, Field(alias="to")]

    @model_validator(mode="after")
    def _some_days(self) -> Self:
        if not timedelta(0) <= self.until_day - self.from_day < _LONGEST_RANGE:
            raise ValueError("“to” must not be before “from”, and 400 days are the most.")
        return self


class BloodPressureWindow(Input):
    """Which local days the statistics are of: so many that end with one, the patient's current one by default."""

    days: Annotated[int, Field(ge=7, le=92), _whole_number] = 7
    last_day: LocalDay | None = None


class GlucoseWindow(Input):
    """Likewise; a fortnight by default."""

    days: Annotated[int, Field(ge=1, le=92), _whole_number] = 14
    last_day: LocalDay | None = None


class GatewayPast(Input):
    """How far back it is told how a gateway was."""

    days: Annotated[int, Field(ge=1, le=92), _whole_number] = 7


class BurdenSpan(Input):
    """How far back it is told what alerts asked for."""

    days: Annotated[int, Field(ge=1, le=366), _whole_number] = 30


class StreamQuery(Input):
    """Whose new readings, the whole practice's by default, and for how long at most."""

    patient_id: UUID | None = None
    seconds: Annotated[int, Field(ge=1, le=3600), _whole_number] = 3600


class NeedsQuery(Input):
    """For how long at most an open page is told what needs its person."""

    seconds: Annotated[int, Field(ge=1, le=3600), _whole_number] = 3600


def _nothing(given: object) -> object:
    """Take a filter that a form left empty as one that was not set."""
    return None if given == "" else given


class AuditQuery(Input):
    """Which events of the audit trail: of how many days, of whom, about whom; behind which one the page begins."""

    days: Literal["7", "30", "90", "365"] = "7"
    kind: Annotated[audit.Kind | None, BeforeValidator(_nothing)] = None
    staff: Annotated[UUID | None, BeforeValidator(_nothing)] = None
    patient: Annotated[UUID | None, BeforeValidator(_nothing)] = None
    before: Instant | None = None
    event: UUID | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.before is None) != (self.event is None):
            raise ValueError("Say both “before” and “event”, or neither.")
        return self

    def following(self, before: datetime, event: UUID) -> str:
        """Return the query string of the page behind an event."""
        asked = self.model_dump(mode="json", exclude_none=True)
        return urlencode(asked | {"before": before.isoformat(), "event": str(event)})


class AuditExport(_Span):
    """Which time of the audit trail to hand out: at most 400 days."""


class FindRestricted(Input):
    """The exact name or record number of a patient who is not in the list."""

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
        AfterValidator(readable),
    ]


class EmergencyAccess(Input):
    """Why somebody has to see a restricted patient now, and the proof of who they are."""

    reason: access.Why
    explanation: Words
    password: Annotated[str, StringConstraints(max_length=1_000)] = ""
    code: Annotated[str, StringConstraints(max_length=20)] = ""


class ReviewAccess(Input):
    """What a reviewer found about an emergency access."""

    verdict: access.Verdict
    note: Words


class RestrictPatient(Input):
    """Whose data only a care team sees from now on, who is its first member, and why."""

    patient_id: UUID
    staff_id: UUID
    reason: Words


class CareTeamMember(Input):
    """Who joins a care team."""

    staff_id: UUID
