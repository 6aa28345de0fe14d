"""How a patient is reached: telephones, e-mail, address; what may be left there. A row is never changed, only ended."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.registry import registry_errors
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.registry", "patient_contacts")


class TelecomKind(StrEnum):
    """Over what."""

    PHONE = "phone"
    EMAIL = "email"


class UsedFor(StrEnum):
    """Of which part of life it is; the words are those of FHIR R4."""

    HOME = "home"
    WORK = "work"
    MOBILE = "mobile"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTelecom:
    """A telephone or an e-mail address.

    Attributes:
        address: As :func:`written` returns it.
        is_preferred: Of a patient's, one is.
        may_text: Whether the patient said that texts may be sent there.
        may_voicemail: Whether a message may be left there that others could hear.
    """

    kind: TelecomKind
    address: str
    used_for: UsedFor
    is_preferred: bool = False
    may_text: bool = False
    may_voicemail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Telecom(NewTelecom):
    """One that holds; ``recorded_at`` is aware UTC."""

    telecom_id: UUID
    patient_id: UUID
    recorded_by: str
    recorded_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", TelecomKind(self.kind))
        object.__setattr__(self, "used_for", UsedFor(self.used_for))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddress:
    """Where a patient lives; ``country`` is two letters of ISO 3166-1, ``street`` may hold several lines."""

    street: str
    city: str
    state: str | None
    postal_code: str | None
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address(NewAddress):
    """The one that holds; ``recorded_at`` is aware UTC."""

    address_id: UUID
    patient_id: UUID
    recorded_by: str
    recorded_at: datetime


# E.164 allows 15 digits; seven are the shortest that any country has with its code.
# Source: ITU-T E.164 (2010), section 6.2.1.
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_NORTH_AMERICAN: Final = re.compile(r"1?([2-9][0-9]{9})")
_PUNCTUATION: Final = re.compile(r"[\s().\-/]")
# What mail programs take; whether somebody reads it is for a message to find out.
_EMAIL: Final = re.compile(r"[^\s@<>\"]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")


def written(kind: TelecomKind, address: str) -> str:
    """Return an address as it is kept: "(212) 555-0100" is "+12125550100".

    A telephone number without a country is North American.

    Raises:
        registry_errors.BadTelecom: It cannot be one.
    """
    address = address.strip()
    if kind is TelecomKind.EMAIL:
        if not _EMAIL.fullmatch(address):
            raise registry_errors.BadTelecom
        return address
    plain = _PUNCTUATION.sub("", address)
    if at_home := _NORTH_AMERICAN.fullmatch(plain):
        plain = f"+1{at_home[1]}"
    if not _PHONE.fullmatch(plain):
        raise registry_errors.BadTelecom
    return plain


def add_telecom(
    cur: Cursor, practice_id: UUID, patient_id: UUID, new: NewTelecom, *, by: str, at: datetime
) -> UUID:
    """Record where a patient is reached and return the record's id; where it is preferred, no other one is any more.

    Raises:
        registry_errors.BadTelecom: It cannot be one, or texts are to be sent to something that is no telephone.
        registry_errors.RecordedAlready: It is recorded already and not ended.
    """
    address = written(new.kind, new.address)
    if new.kind is not TelecomKind.PHONE and (new.may_text or new.may_voicemail):
        raise registry_errors.BadTelecom
    told = {"practice_id": practice_id, "patient_id": patient_id, "by": by, "at": at}
    with cur.connection.transaction():
        if new.is_preferred:
            cur.execute(_Q.unprefer, told)
        telecom_id = store.scalar(
            cur,
            _Q.add_telecom,
            kind=new.kind,
            address=address,
            used_for=new.used_for,
            is_preferred=new.is_preferred,
            may_text=new.may_text,
            may_voicemail=new.may_voicemail,
            **told,
        )
        if telecom_id is None:
            raise registry_errors.RecordedAlready
    return cast("UUID", telecom_id)


def end_telecom(
    cur: Cursor, practice_id: UUID, patient_id: UUID, telecom_id: UUID, *, by: str, at: datetime
) -> None:
    """End what a patient is not reached by any more.

    Raises:
        registry_errors.ParticularEnded: It is ended already, or the patient has none under this id.
    """
    told = {"practice_id": practice_id, "patient_id": patient_id, "by": by, "at": at}
    if store.scalar(cur, _Q.end_telecom, telecom_id=telecom_id, **told) is None:
        raise registry_errors.ParticularEnded


def telecoms(cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]) -> list[Telecom]:
    """Return by what some patients are reached, patient by patient, what is preferred first."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    return store.rows(cur, Telecom, _Q.telecoms, **asked)


def set_address(
    cur: Cursor, practice_id: UUID, patient_id: UUID, new: NewAddress, *, by: str, at: datetime
) -> UUID:
    """Record where a patient lives from now on and return the record's id; the one until now is ended.

    Raises:
        registry_errors.RecordedAlready: Somebody recorded one at the same instant.
    """
    told = {"practice_id": practice_id, "patient_id": patient_id, "by": by, "at": at}
    cur.execute(_Q.end_address, told)
    address_id = store.scalar(
        cur,
        _Q.add_address,
        street=new.street,
        city=new.city,
        state=new.state,
        postal_code=new.postal_code,
        country=new.country,
        **told,
    )
    if address_id is None:
        raise registry_errors.RecordedAlready
    return cast("UUID", address_id)


def addresses(cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]) -> list[Address]:
    """Return where some patients live."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    return store.rows(cur, Address, _Q.addresses, **asked)
