"""What may be posted about who patients are, how they stand, who pays and how they are reached."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from ccm_link.console.posted.input_types import (
    BasedOn,
    LocalTime,
    Rank,
    Words,
    YesOrNo,
    one_line,
    readable,
    written,
)
from ccm_link.console.posted.inputs import Input, PersonName
from ccm_link.registry import (
    coverage,
    patient_contacts,
    patient_identifiers,
    registry_errors,
    related_people,
)
from ingest import patient_identity
from ingest.importing import wall_time

_MOST: Final = 200


def _known_zone(name: str) -> str:
    if wall_time.zone(name) is None:
        raise ValueError("There is no such time zone. Write it like America/Chicago.")
    return name


_Short = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=_MOST),
    AfterValidator(readable),
    AfterValidator(one_line),
]
TimeZone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_known_zone)]
# Nobody alive is older than 1900, and a coverage that began before matters to nobody.
Day = Annotated[
    date, written(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}", "Write a date like 1951-11-03.")
]
Language = Annotated[
    str,
    written(
        "[a-z]{2,3}(-[A-Za-z0-9]{2,8})*",
        "Write a code of BCP 47 like en, es, zh-Hans or pt-BR.",
    ),
    StringConstraints(max_length=35),
]
Country = Annotated[str, written("[A-Z]{2}", "Write two capital letters like US.")]
Relationship = Annotated[
    str, written("|".join(related_people.RELATIONSHIPS), "Choose one of the list.")
]


class AddPatient(Input):
    """A new patient, who is active."""

    display_name: PersonName
    family_name: PersonName | None = None
    given_names: PersonName | None = None
    born_on: Day
    record_number: _Short
    time_zone: TimeZone
    administrative_gender: Literal["female", "male", "other", "unknown"] | None = None
    birth_sex: Literal["F", "M", "OTH", "ASKU", "UNK"] | None = None
    language: Language | None = None

    def identity(self) -> patient_identity.Identity:
        """Return who the patient is."""
        names = patient_identity.Identity.__dataclass_fields__
        return patient_identity.Identity(**{name: getattr(self, name) for name in names})


class CorrectPatient(AddPatient):
    """Who a patient is, all of it, and why it is corrected."""

    based_on: BasedOn
    reason: Words


class ChangeStanding(Input):
    """How a patient stands from when on, and why. Days and times are those of the patient's own clocks."""

    seen: Literal["active", "inactive", "transferred", "deceased"]
    standing: Literal["active", "inactive", "transferred", "deceased"]
    since_on: Day | None = None
    since_time: LocalTime | None = None
    transferred_to: _Short | None = None
    reason: Words

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.since_time is not None and self.since_on is None:
            raise ValueError("Say the day as well.")
        if (self.standing == "transferred") != (self.transferred_to is not None):
            raise ValueError(
                "Say who cares for the patient now where, and only where, they were transferred."
            )
        return self

    @property
    def since_midnight(self) -> time:
        """Return the time of day, midnight where none was said."""
        return self.since_time or time()


class Withdraw(Input):
    """Why what is recorded never was so."""

    reason: Words


class AddIdentifier(Input):
    """A number under which the patient is known elsewhere; an MBI needs no system."""

    identifier_kind: patient_identifiers.Kind
    system: _Short | None = None
    number: _Short

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            patient_identifiers.written(self.identifier_kind, self.system or "", self.number)
        except registry_errors.BadIdentifier as error:
            raise ValueError(str(error)) from None
        return self


class EndIdentifier(Input):
    """Why a number counts no more."""

    reason: Words


class AddCoverage(Input):
    """Who pays, from which day to which."""

    coverage_kind: coverage.Kind
    payer_name: _Short | None = None
    payer_id: _Short | None = None
    member_id: _Short | None = None
    rank: Rank = 1
    covered_from: Day
    covered_until: Day | None = None

    def new_coverage(self) -> coverage.NewCoverage:
        """Return the coverage."""
        return coverage.NewCoverage(
            kind=self.coverage_kind,
            payer_name=self.payer_name,
            payer_id=self.payer_id,
            member_id=self.member_id,
            rank=self.rank,
            covered_from=self.covered_from,
            covered_until=self.covered_until,
        )


class EndCoverage(Input):
    """The last day of a coverage."""

    covered_until: Day


class AddTelecom(Input):
    """A telephone or an e-mail address, and what may be left there."""

    telecom_kind: patient_contacts.TelecomKind
    reached_at: _Short
    used_for: patient_contacts.UsedFor
    preferred: YesOrNo = "no"
    may_text: YesOrNo = "no"
    may_voicemail: YesOrNo = "no"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            patient_contacts.written(self.telecom_kind, self.reached_at)
        except registry_errors.BadTelecom as error:
            raise ValueError(str(error)) from None
        return self

    def telecom(self) -> patient_contacts.NewTelecom:
        """Return the telecom."""
        return patient_contacts.NewTelecom(
            kind=self.telecom_kind,
            address=self.reached_at,
            used_for=self.used_for,
            is_preferred=self.preferred == "yes",
            may_text=self.may_text == "yes",
            may_voicemail=self.may_voicemail == "yes",
        )


class SetAddress(Input):
    """Where the patient lives."""

    street: _Short
    city: _Short
    state: _Short | None = None
    postal_code: _Short | None = None
    country: Country = "US"

    def postal_address(self) -> patient_contacts.NewAddress:
        """Return the address."""
        return patient_contacts.NewAddress(**self.model_dump())


class AddRelated(Input):
    """Somebody close to the patient."""

    related_name: PersonName
    relationship: Relationship
    related_phone: _Short | None = None

    def person(self) -> related_people.NewRelatedPerson:
        """Return the person.

        Raises:
            registry_errors.BadTelecom: the telephone number cannot be one.
        """
        phone = self.related_phone
        if phone is not None:
            phone = patient_contacts.written(patient_contacts.TelecomKind.PHONE, phone)
        return related_people.NewRelatedPerson(
            name=self.related_name, relationship=self.relationship, phone=phone
        )


class Allow(Input):
    """From which day on the practice may talk with somebody, by the patient's own clocks."""

    given_on: Day


class Nothing(Input):
    """A button alone."""
