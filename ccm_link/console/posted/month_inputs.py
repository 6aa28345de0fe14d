"""What may be posted about months, episodes of monitoring, claims and who bills."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from ccm_link import errors
from ccm_link.claim.practice_billing import Said
from ccm_link.claim_files.contents import Format
from ccm_link.claim_files.professional import Route
from ccm_link.console.posted.input_types import (
    FewWords,
    LocalDay,
    RowVersion,
    Words,
    YesOrNo,
    one_line,
    readable,
    written,
)
from ccm_link.console.posted.inputs import Input
from ccm_link.minutes import credentials
from ccm_link.month import Month
from ccm_link.registry import conditions

_BETWEEN: Final = re.compile(r"[\s,;]+")
_MOST_CODES: Final = 12


def _month(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return Month.parse(given)
    except errors.BadMonth as error:
        raise ValueError(str(error)) from None


def _codes(given: object) -> object:
    """Read diagnoses as a person lists them: “I10, E11.9”."""
    if not isinstance(given, str):
        return given
    return [conditions.written(one) for one in _BETWEEN.split(given) if one][: _MOST_CODES + 1]


def _denials(given: object) -> object:
    return [one for one in _BETWEEN.split(given) if one] if isinstance(given, str) else given


def _cents(given: object) -> object:
    """Read dollars with two decimals as whole cents."""
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"([0-9]{1,7})\.([0-9]{2})", given.strip(), re.ASCII)
    if found is None:
        raise ValueError("Write an amount like 66.13.")
    return int(found[1]) * 100 + int(found[2])


MonthGiven = Annotated[Month, BeforeValidator(_month)]
ShortLine = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60),
    AfterValidator(readable),
    AfterValidator(one_line),
]
Digits9 = Annotated[str, written("[0-9]{9}", "Write nine digits.")]
Digits10 = Annotated[str, written("[0-9]{10}", "Write ten digits.")]
State = Annotated[str, written("[A-Z]{2}", "Write two capital letters like NY.")]
Place = Annotated[str, written("[0-9]{2}", "Write two digits like 11.")]
Npi = Annotated[str, StringConstraints(max_length=20), AfterValidator(credentials.provider_number)]
RouteId = Annotated[str, written("[A-Z0-9]{2,15}", "Write 2 to 15 capital letters and digits.")]


class Settle(Input):
    """A hold that a person settles or opens again, by its key, and why."""

    hold_key: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    becomes: Literal["settled", "open"]
    reason: Words


class Nothing(Input):
    """No fields."""


class StartMonitoring(Input):
    """The first day of an episode of monitoring."""

    started_on: LocalDay
    set_up_billed: Literal["yes", "no", "unknown"]

    @property
    def is_set_up_billed(self) -> bool | None:
        """Whether its set-up was billed before; None: not known."""
        return {"yes": True, "no": False}.get(self.set_up_billed)


class EndMonitoring(Input):
    """The last day of an episode, and why it ends."""

    ended_on: LocalDay
    reason: Words


class Attest(Input):
    """A claim that a person vouches for, with its diagnoses in the order that matters."""

    row_version: RowVersion
    diagnoses: Annotated[list[str], BeforeValidator(_codes), Field(min_length=1, max_length=12)]
    vouched: Literal["yes"]


class RecordClaim(Input):
    """What became of a claim."""

    becomes: Literal["submitted", "paid", "denied", "corrected", "void"]
    reference: Annotated[FewWords, StringConstraints(max_length=50), AfterValidator(one_line)] = ""
    denial_codes: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,10}$")]],
        BeforeValidator(_denials),
        Field(default_factory=list, max_length=20),
    ]
    paid: Annotated[int, BeforeValidator(_cents)] | None = None
    remark: FewWords = ""


class WorkOut(Input):
    """The month that is worked out."""

    month: MonthGiven


class Export(Input):
    """Which claims of a month go into which kind of file."""

    month: MonthGiven
    file_format: Format
    leave_out: Literal["yes"] | None = None
    again: Literal["yes"] | None = None
    submitter_id: RouteId | None = None
    receiver_id: RouteId | None = None
    receiver_name: ShortLine | None = None

    @property
    def route(self) -> Route | None:
        """From whom to whom; None where that is not said."""
        if self.submitter_id and self.receiver_id and self.receiver_name:
            return Route(self.submitter_id, self.receiver_id, self.receiver_name)
        return None


class WhoBills(Input):
    """What holds of the practice from a day on."""

    from_on: LocalDay
    site: Annotated[str, written("[a-z_]{1,40}", "Choose one of the list.")]
    prefers_personal: YesOrNo
    legal_name: ShortLine | None = None
    npi: Npi | None = None
    tax_number: Digits9 | None = None
    street: ShortLine | None = None
    city: ShortLine | None = None
    state: State | None = None
    zip_code: Digits9 | None = None
    place_of_service: Place | None = None
    contact_name: ShortLine | None = None
    contact_phone: Digits10 | None = None

    @property
    def said(self) -> Said:
        """The same as it is stored."""
        given: dict[str, str | date | None] = self.model_dump(exclude={"prefers_personal"})
        return Said(**given, prefers_personal=self.prefers_personal == "yes")  # type: ignore[arg-type]


class BillingName(Input):
    """Under which name a practitioner bills."""

    staff_id: UUID
    family_name: ShortLine
    given_names: ShortLine
