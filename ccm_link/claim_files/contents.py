"""What a file of claims is made from, and what is missing in it before it can be written. Pure.

Nothing is made up: what a form needs and nobody has recorded refuses the file, by the name of what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


class Format(StrEnum):
    """Which kind of file."""

    CSV = "csv"
    FHIR = "fhir"
    X12 = "x12"


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody lives or works, in the United States; None: not known."""

    street: str | None
    city: str | None
    state: str | None
    zip_code: str | None


@dataclass(frozen=True, slots=True)
class Biller:
    """The practice that bills.

    Attributes:
        place_of_service: two digits.
        contact_phone: ten digits.
    """

    legal_name: str | None
    npi: str | None
    tax_number: str | None
    address: Address
    place_of_service: str | None
    contact_name: str | None
    contact_phone: str | None


@dataclass(frozen=True, slots=True)
class Practitioner:
    """Who rendered the service."""

    staff_id: UUID
    name: str
    family_name: str | None
    given_names: str | None
    npi: str | None


@dataclass(frozen=True, slots=True)
class Insured:
    """The patient as the payer knows them: they are the insured person themselves.

    Attributes:
        gender: FHIR's administrative gender.
        kind: of the coverage, in the words of the registry.
    """

    patient_id: UUID
    record_number: str
    name: str
    family_name: str | None
    given_names: str | None
    born_on: date
    gender: str | None
    address: Address
    payer_name: str | None
    payer_id: str | None
    member_id: str | None
    kind: str | None


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line.

    Attributes:
        pointers: places in the claim's diagnoses, from 1.
        charge_cents: for all units; None: no charge is known.
        reading_ids: that the days of the line rest on.
        seconds: that it rests on.
    """

    number: int
    program: str
    code: str
    units: int
    service_on: date
    first_on: date
    last_on: date
    pointers: tuple[int, ...]
    charge_cents: int | None
    seconds: int = 0
    days: int = 0
    reading_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class FileClaim:
    """A claim with all that a file says of it.

    Attributes:
        number: as people and payers call it.
        corrects: the payer's own number of the claim that this one corrects; None: it is the first one.
        is_for_payer: whether the payer is still the one by whose rules it was attested.
    """

    claim_id: UUID
    number: int
    month: str
    state: str
    insured: Insured
    practitioner: Practitioner
    diagnoses: tuple[str, ...]
    lines: tuple[FileLine, ...]
    is_corrected: bool = False
    corrects: str | None = None
    is_for_payer: bool = True


def missing(biller: Biller, claim: FileClaim, wanted: Format) -> list[str]:
    """Return what a claim lacks for a kind of file, in words; [] where nothing does."""
    asked = (
        *_for_all(claim),
        *_for_fhir_and_x12(biller, claim, wanted),
        *_for_x12(biller, claim, wanted),
    )
    return [words for words, there in asked if not there]


def _for_all(claim: FileClaim) -> Iterator[tuple[str, bool]]:
    yield (
        "the payer by whose rules it was attested (it is another one by now: void the claim)",
        claim.is_for_payer,
    )


def _for_fhir_and_x12(
    biller: Biller, claim: FileClaim, wanted: Format
) -> Iterator[tuple[str, bool]]:
    if wanted is Format.CSV:
        return
    yield "the practice's legal name", biller.legal_name is not None
    yield "the practice's NPI", biller.npi is not None
    yield (
        "the practitioner's NPI, in a credential by which they bill",
        claim.practitioner.npi is not None,
    )
    yield "the payer's name", claim.insured.payer_name is not None
    yield "the patient's member number at the payer", claim.insured.member_id is not None
    yield "a diagnosis", bool(claim.diagnoses)


def _for_x12(biller: Biller, claim: FileClaim, wanted: Format) -> Iterator[tuple[str, bool]]:
    if wanted is not Format.X12:
        return
    insured = claim.insured
    yield "the practice's tax number", biller.tax_number is not None
    yield "the practice's address", _is_whole(biller.address)
    yield "the practice's place of service", biller.place_of_service is not None
    yield (
        "a contact of the practice with phone",
        None not in (biller.contact_name, biller.contact_phone),
    )
    yield (
        "the practitioner's family and given names",
        None not in (claim.practitioner.family_name, claim.practitioner.given_names),
    )
    yield (
        "the patient's family and given names",
        None not in (insured.family_name, insured.given_names),
    )
    yield "the patient's address", _is_whole(insured.address)
    yield "the payer's number", insured.payer_id is not None
    for line in _without_charge(claim.lines):
        yield f"a charge for {line.code} on {line.service_on}", False
    yield "the payer's number of the claim that is corrected", _knows_corrected(claim)


def _knows_corrected(claim: FileClaim) -> bool:
    return not claim.is_corrected or bool(claim.corrects)


def _is_whole(address: Address) -> bool:
    return None not in (address.street, address.city, address.state, address.zip_code)


def _without_charge(lines: Iterable[FileLine]) -> Iterator[FileLine]:
    return (line for line in lines if line.charge_cents is None)
