"""Who bills: kind of site, numbers, address and preferences of a practice, each from a day on. Nothing is changed.

Whoever corrects what was said adds it again for the same day: the row recorded last holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import psycopg

from ccm_link import errors, store
from ccm_link.claim_files.contents import Address, Biller, Practitioner
from ccm_link.minutes import credentials
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.claim", "practice_billing")

USUAL_SITE: Final = "office"
"""The kind of site that a practice is where nobody said another: the billing tables' own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What holds from a day on; None: not known.

    Attributes:
        site: kind of the site, in the words of the billing tables.
        prefers_personal: whether the practitioner's own minutes are billed where they reach a code of their own.
        zip_code: nine digits.
        place_of_service: two digits of the list of places of service.
        contact_phone: ten digits.
    """

    from_on: date
    site: str = USUAL_SITE
    prefers_personal: bool = False
    legal_name: str | None = None
    npi: str | None = None
    tax_number: str | None = None
    street: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    place_of_service: str | None = None
    contact_name: str | None = None
    contact_phone: str | None = None

    @property
    def biller(self) -> Biller:
        """What files of claims say of the practice."""
        return Biller(
            legal_name=self.legal_name,
            npi=self.npi,
            tax_number=self.tax_number,
            address=Address(self.street, self.city, self.state, self.zip_code),
            place_of_service=self.place_of_service,
            contact_name=self.contact_name,
            contact_phone=self.contact_phone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Said):
    """The same with who said it when, aware UTC."""

    recorded_by: str
    recorded_at: datetime


def say(
    cur: store.Cursor, practice_id: UUID, said: Said, *, recorded_by: str, at: datetime
) -> None:
    """Record what holds from a day on.

    Raises:
        time_errors.BadProviderNumber: The practice's NPI cannot be one.
    """
    npi = None if said.npi is None else credentials.provider_number(said.npi)
    store.scalar(
        cur,
        _Q.add,
        practice_id=practice_id,
        **dataclasses.asdict(dataclasses.replace(said, npi=npi)),
        recorded_by=recorded_by,
        at=at,
    )


def say_name(
    cur: store.Cursor,
    practice_id: UUID,
    staff_id: UUID,
    *,
    family_name: str,
    given_names: str,
    recorded_by: str,
    at: datetime,
) -> None:
    """Record under which name somebody bills.

    Raises:
        errors.UnknownSubject: The practice has no such person.
    """
    try:
        with cur.connection.transaction():
            store.scalar(
                cur,
                _Q.add_name,
                practice_id=practice_id,
                staff_id=staff_id,
                family_name=family_name,
                given_names=given_names,
                recorded_by=recorded_by,
                at=at,
            )
    except psycopg.errors.ForeignKeyViolation as error:
        raise errors.UnknownSubject from error


def practitioners(
    cur: store.Cursor, practice_id: UUID, on: date, staff_ids: Collection[UUID] | None = None
) -> dict[UUID, Practitioner]:
    """Return under which names and numbers people bill on a day; without ids, of all who may bill or have a name."""
    asked = {
        "practice_id": practice_id,
        "on": on,
        "staff_ids": None if staff_ids is None else list(staff_ids),
    }
    found = store.rows(cur, Practitioner, _Q.practitioners, **asked)
    return {one.staff_id: one for one in found}


def in_force(cur: store.Cursor, practice_id: UUID, on: date) -> Recorded | None:
    """Return what holds on a day; None where nobody said anything yet."""
    return store.row(cur, Recorded, _Q.in_force, practice_id=practice_id, on=on)


def history(cur: store.Cursor, practice_id: UUID) -> list[Recorded]:
    """Return all that was ever said, the newest day first."""
    return store.rows(cur, Recorded, _Q.all_of_practice, practice_id=practice_id)
