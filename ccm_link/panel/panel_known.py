"""What is known of the patients of a batch of a panel, loaded in few statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.registry import (
    conditions,
    coverage,
    patient_contacts,
    patient_identifiers,
    related_people,
)
from ccm_link.registry.coverage import Coverage
from ccm_link.registry.patient_contacts import Address, Telecom
from ccm_link.registry.patient_identifiers import Identifier
from ccm_link.registry.related_people import RelatedPerson
from ingest import named_queries
from ingest.people import Patient

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.panel", "panel_import")


@dataclass(slots=True)
class Known:
    """One patient as the practice knows them; only what holds."""

    patient: Patient
    identifiers: list[Identifier] = field(default_factory=list)
    telecoms: list[Telecom] = field(default_factory=list)
    address: Address | None = None
    coverages: list[Coverage] = field(default_factory=list)
    codes: frozenset[str] = frozenset()
    related: list[RelatedPerson] = field(default_factory=list)


def load(cur: Cursor, practice_id: UUID, record_numbers: Collection[str]) -> Mapping[str, Known]:
    """Return what is known of the patients with these record numbers, held until the transaction ends."""
    asked = {"practice_id": practice_id, "record_numbers": list(record_numbers)}
    patients = store.rows(cur, Patient, _Q.known, **asked)
    found: dict[UUID, Known] = {one.patient_id: Known(one) for one in patients}
    codes = conditions.open_codes(cur, practice_id, found)
    for identifier in patient_identifiers.of_patients(cur, practice_id, found):
        if identifier.ended_at is None:
            found[identifier.patient_id].identifiers.append(identifier)
    for telecom in patient_contacts.telecoms(cur, practice_id, found):
        found[telecom.patient_id].telecoms.append(telecom)
    for address in patient_contacts.addresses(cur, practice_id, found):
        found[address.patient_id].address = address
    for one in coverage.of_patients(cur, practice_id, found):
        if one.withdrawn_at is None:
            found[one.patient_id].coverages.append(one)
    for person in related_people.of_patients(cur, practice_id, found):
        found[person.patient_id].related.append(person)
    for patient_id, held in codes.items():
        found[patient_id].codes = held
    return {one.patient.record_number: one for one in found.values()}
