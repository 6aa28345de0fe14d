"""One patient of a panel, read from named cells by the same checks as the console's forms. Pure.

A cell that is empty says nothing: what is known stays as it is. What comes several times (telephones, payers, carers)
has its number in the column's name from the second on: ``phone``, ``phone_2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from pydantic import BaseModel

from ccm_link.console.posted import forms, record_inputs
from ccm_link.errors import BadCode
from ccm_link.registry import conditions, patient_contacts, patient_identifiers, registry_errors
from ccm_link.registry.coverage import NewCoverage
from ccm_link.registry.patient_contacts import NewAddress, NewTelecom, TelecomKind, UsedFor
from ccm_link.registry.related_people import NewRelatedPerson
from ingest.importing.imported_row import Fault, FaultReason, Place
from ingest.patient_identity import Identity
from ingest.standing import Standing

_Model = TypeVar("_Model", bound=BaseModel)

MOST_OF_A_KIND: Final = 9
"""Telephones, payers, carers of one patient; more is a table of something else."""

_IDENTITY: Final = {
    "display_name": "display_name",
    "family_name": "family_name",
    "given_names": "given_names",
    "born_on": "born_on",
    "record_number": "record_number",
    "time_zone": "time_zone",
    "gender": "administrative_gender",
    "birth_sex": "birth_sex",
    "language": "language",
}
_STANDING: Final = {
    "standing": "standing",
    "standing_since": "since_on",
    "transferred_to": "transferred_to",
}
_ADDRESS: Final = {name: name for name in ("street", "city", "state", "postal_code", "country")}
_IDENTIFIER: Final = {"other_id": "number", "other_id_system": "system"}
_PHONE: Final = {
    "phone": "reached_at",
    "phone_use": "used_for",
    "phone_may_text": "may_text",
    "phone_may_voicemail": "may_voicemail",
}
_EMAIL: Final = {"email": "reached_at"}
_PAYER: Final = {
    "payer_kind": "coverage_kind",
    "payer_name": "payer_name",
    "payer_id": "payer_id",
    "member_id": "member_id",
    "covered_from": "covered_from",
    "covered_until": "covered_until",
}
_CARER: Final = {
    "carer_name": "related_name",
    "carer_relationship": "relationship",
    "carer_phone": "related_phone",
}
_MAY_TALK: Final = "carer_may_talk"
_SEVERAL: Final = (_IDENTIFIER, _PHONE, _EMAIL, _PAYER, _CARER | {_MAY_TALK: _MAY_TALK})

COLUMNS: Final = frozenset(
    {
        *_IDENTITY,
        *_STANDING,
        *_ADDRESS,
        "mbi",
        "conditions",
        *(
            name if number == 1 else f"{name}_{number}"
            for group in _SEVERAL
            for name in group
            for number in range(1, MOST_OF_A_KIND + 1)
        ),
    }
)
"""Every column that a panel may have."""

NEEDED: Final = ("record_number", "born_on")

_CONDITION: Final = re.compile(
    r"(?P<code>[^@]{1,20})(?:@(?P<onset>(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}))?"
)
# A spreadsheet computes a cell that begins so; no name, number or payer does.
_FORMULA: Final = ("=", "@", "＝", "＠", "\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carer:
    """Somebody close to the patient; ``may_talk`` None: the file does not say."""

    person: NewRelatedPerson
    may_talk: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidStanding:
    """How the patient stands, as the file says; ``since_on`` None: it does not say since when."""

    standing: Standing
    since_on: date | None
    transferred_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelPatient:
    """What a file says of one patient.

    Attributes:
        place: Where it stands: the line of a CSV file, the entry of a bundle.
        identity: Of somebody new; what neither the file nor a default says is None.
        said: Which of it the file says: nothing else is corrected of somebody known.
        identifiers: System and number, as they are kept.
        conditions: Codes of ICD-10-CM as they are written, each with the day on which it began, if that is said.
    """

    place: int
    identity: Identity
    said: frozenset[str]
    standing: SaidStanding | None
    identifiers: tuple[tuple[patient_identifiers.Kind, str, str], ...]
    telecoms: tuple[NewTelecom, ...]
    address: NewAddress | None
    coverages: tuple[NewCoverage, ...]
    conditions: tuple[tuple[str, date | None], ...]
    carers: tuple[Carer, ...]


@dataclass(slots=True)
class _Reader:
    """Cells of one patient, and what is wrong with them."""

    place: int
    cells: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)

    def fault(self, column: str, words: str, reason: FaultReason = FaultReason.IMPOSSIBLE) -> None:
        self.faults.append(Fault(Place(self.place, column), reason, words, b""))

    def model(
        self,
        model: type[_Model],
        columns: Mapping[str, str],
        *,
        suffix: str = "",
        **more: str,
    ) -> _Model | None:
        """Return a form filled in from cells; None where all of them are empty, or something is wrong with one."""
        said = {
            name: text
            for column, name in columns.items()
            if (text := self.cells.get(f"{column}{suffix}", "").strip())
        }
        if not said:
            return None
        given, complaints = forms.check(model, more | said)
        names = {name: f"{column}{suffix}" for column, name in columns.items()}
        for name, words in complaints.items():
            self.fault(names.get(name, next(iter(names.values()))), words)
        return given

    def several(self) -> Iterator[str]:
        """Yield what is behind the names of columns that come several times."""
        yield ""
        for number in range(2, MOST_OF_A_KIND + 1):
            yield f"_{number}"


def read(place: int, cells: Mapping[str, str], time_zone: str) -> PanelPatient | list[Fault]:
    """Return what the cells of one patient say, or all that is wrong with them.

    Args:
        place: Where they stand.
        cells: By the names of :data:`COLUMNS`; others are not looked at.
        time_zone: IANA name of the patient's, where the cells do not say it.
    """
    reader = _Reader(place, cells)
    for column, text in cells.items():
        if text.startswith(_FORMULA):
            reader.fault(column, "begins like a formula; write the plain text")
    if reader.faults:
        return reader.faults
    identity = reader.model(
        record_inputs.AddPatient, _IDENTITY, display_name=_whole_name(cells), time_zone=time_zone
    )
    if identity is None and not reader.faults:
        reader.fault("record_number", "Fill this in.", FaultReason.MISSING)
    standing = reader.model(
        record_inputs.ChangeStanding, _STANDING, seen="active", standing="active", reason="-"
    )
    address = reader.model(record_inputs.SetAddress, _ADDRESS)
    identifiers, telecoms = tuple(_identifiers(reader)), tuple(_telecoms(reader))
    coverages, codes = tuple(_coverages(reader)), tuple(_conditions(reader))
    carers = tuple(_carers(reader))
    if identity is None or reader.faults:
        return reader.faults
    return PanelPatient(
        place=place,
        identity=identity.identity(),
        said=frozenset(name for column, name in _IDENTITY.items() if cells.get(column, "").strip()),
        standing=None
        if standing is None
        else SaidStanding(
            standing=Standing(standing.standing),
            since_on=standing.since_on,
            transferred_to=standing.transferred_to,
        ),
        identifiers=identifiers,
        telecoms=telecoms,
        address=None if address is None else address.postal_address(),
        coverages=coverages,
        conditions=codes,
        carers=carers,
    )


def _whole_name(cells: Mapping[str, str]) -> str:
    parts = (cells.get(name, "").strip() for name in ("given_names", "family_name"))
    return " ".join(part for part in parts if part)


def _identifiers(reader: _Reader) -> Iterator[tuple[patient_identifiers.Kind, str, str]]:
    if mbi := reader.cells.get("mbi", "").strip():
        try:
            kind = patient_identifiers.Kind.MEDICARE
            yield kind, *patient_identifiers.written(kind, "", mbi)
        except registry_errors.BadIdentifier as error:
            reader.fault("mbi", str(error))
    for suffix in reader.several():
        given = reader.model(
            record_inputs.AddIdentifier, _IDENTIFIER, suffix=suffix, identifier_kind="PI"
        )
        if given is not None:
            yield given.identifier_kind, given.system or "", given.number


def _telecoms(reader: _Reader) -> Iterator[NewTelecom]:
    for suffix in reader.several():
        phone = reader.model(
            record_inputs.AddTelecom,
            _PHONE,
            suffix=suffix,
            telecom_kind=TelecomKind.PHONE,
            used_for=UsedFor.HOME,
        )
        email = reader.model(
            record_inputs.AddTelecom,
            _EMAIL,
            suffix=suffix,
            telecom_kind=TelecomKind.EMAIL,
            used_for=UsedFor.HOME,
        )
        for given in (phone, email):
            if given is not None:
                new = given.telecom()
                yield NewTelecom(
                    kind=new.kind,
                    address=patient_contacts.written(new.kind, new.address),
                    used_for=new.used_for,
                    may_text=new.may_text,
                    may_voicemail=new.may_voicemail,
                )


def _coverages(reader: _Reader) -> Iterator[NewCoverage]:
    for rank, suffix in enumerate(reader.several(), start=1):
        given = reader.model(record_inputs.AddCoverage, _PAYER, suffix=suffix, rank=str(rank))
        if given is None:
            continue
        new = given.new_coverage()
        if new.covered_until is not None and new.covered_until < new.covered_from:
            reader.fault(f"covered_until{suffix}", "The last day is not before the first.")
        elif new.payer_name is None and new.kind != "self_pay":
            reader.fault(f"payer_name{suffix}", "Fill this in.", FaultReason.MISSING)
        else:
            yield new


def _conditions(reader: _Reader) -> Iterator[tuple[str, date | None]]:
    seen = set()
    for word in re.split(r"[;,\s]+", reader.cells.get("conditions", "").strip()):
        if not word:
            continue
        try:
            code, onset = _condition(word)
        except ValueError:
            reader.fault("conditions", "Write codes of ICD-10-CM like I10 or E11.9@2015-03-01.")
            return
        if code not in seen:
            seen.add(code)
            yield code, onset


def _condition(word: str) -> tuple[str, date | None]:
    found = _CONDITION.fullmatch(word)
    if found is None:
        raise BadCode
    onset = found["onset"]
    return conditions.written(found["code"]), None if onset is None else date.fromisoformat(onset)


def _carers(reader: _Reader) -> Iterator[Carer]:
    for suffix in reader.several():
        given = reader.model(record_inputs.AddRelated, _CARER, suffix=suffix)
        said = reader.cells.get(f"{_MAY_TALK}{suffix}", "").strip().lower()
        if said not in {"", "yes", "no"}:
            reader.fault(f"{_MAY_TALK}{suffix}", "Write yes or no.", FaultReason.UNKNOWN_WORD)
        if given is None:
            continue
        try:
            yield Carer(person=given.person(), may_talk={"yes": True, "no": False}.get(said))
        except registry_errors.BadTelecom as error:
            reader.fault(f"carer_phone{suffix}", str(error))
