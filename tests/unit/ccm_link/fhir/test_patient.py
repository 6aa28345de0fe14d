"""Who a patient is: what is known, and nothing made up for what is not."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from fhir.resources.R4B.patient import Patient

from ccm_link.fhir import patient
from ccm_link.fhir.patient import Particulars
from ccm_link.registry.patient_contacts import NewAddress, NewTelecom, TelecomKind, UsedFor
from ccm_link.registry.patient_identifiers import MBI_SYSTEM, Identifier, Kind
from ccm_link.registry.related_people import NewRelatedPerson

PRACTICE = uuid.UUID(int=1)
BARE = Particulars(
    practice_id=PRACTICE,
    patient_id=uuid.UUID(int=2),
    display_name="Amalia Thornquist",
    family_name=None,
    given_names=None,
    born_on=date(1951, 3, 17),
    record_number="MFP-100482",
    administrative_gender=None,
    birth_sex=None,
    language=None,
    standing="active",
    died_on=None,
    died_at=None,
)
MBI = Identifier(
    identifier_id=uuid.UUID(int=3),
    patient_id=BARE.patient_id,
    kind=Kind.MEDICARE,
    system=MBI_SYSTEM,
    value="1EG4TE5MK73",
    recorded_by="x",
    recorded_at=datetime(2026, 11, 1, tzinfo=UTC),
    ended_at=None,
    ended_by=None,
    end_reason=None,
)
FULL = replace(
    BARE,
    family_name="Thornquist",
    given_names="Amalia Rose",
    administrative_gender="female",
    birth_sex="F",
    language="es-US",
    identifiers=(MBI,),
    telecoms=(
        NewTelecom(
            kind=TelecomKind.PHONE,
            address="+1 555 0100",
            used_for=UsedFor.MOBILE,
            is_preferred=True,
        ),
    ),
    addresses=(
        NewAddress(
            street="1 Mill Road", city="Millbrook", state="NY", postal_code="12545", country="US"
        ),
    ),
    related=(NewRelatedPerson(name="Rosa Thornquist", relationship="DAUC", phone="+1 555 0101"),),
)


def made(known: Particulars) -> dict[str, Any]:
    resource = patient.of(known)
    Patient.model_validate(resource)
    return resource


def test_a_name_that_is_known_as_a_whole_is_not_taken_apart() -> None:
    (name,) = made(BARE)["name"]
    assert name["text"] == "Amalia Thornquist"
    assert not {"family", "given"} & name.keys()
    assert name["extension"][0]["valueCode"] == "as-text"


def test_what_nobody_recorded_is_unknown_or_left_out() -> None:
    resource = made(BARE)
    assert resource["gender"] == "unknown"
    assert not {"extension", "telecom", "address", "contact", "communication"} & resource.keys()
    assert not [name for name in resource if name.startswith("deceased")]
    assert resource["active"] is True


def test_what_is_known_is_told() -> None:
    resource = made(FULL)
    (name,) = resource["name"]
    assert (name["family"], name["given"]) == ("Thornquist", ["Amalia Rose"])
    assert "extension" not in name
    assert [(one["type"]["coding"][0]["code"], one["value"]) for one in resource["identifier"]] == [
        ("MR", "MFP-100482"),
        ("MC", "1EG4TE5MK73"),
    ]
    assert resource["identifier"][0]["system"] == PRACTICE.urn
    assert resource["gender"] == "female"
    assert resource["birthDate"] == "1951-03-17"
    assert resource["telecom"] == [
        {"system": "phone", "value": "+1 555 0100", "use": "mobile", "rank": 1}
    ]
    assert resource["communication"][0]["language"]["coding"][0]["code"] == "es-US"
    assert resource["contact"][0]["relationship"][0]["coding"][0]["code"] == "DAUC"


def test_a_death_is_told_as_exactly_as_it_is_known() -> None:
    dead = replace(BARE, standing="deceased")
    assert made(dead)["deceasedBoolean"] is True
    assert made(dead)["active"] is False
    on = replace(dead, died_on=date(2026, 11, 3))
    assert made(on)["deceasedDateTime"] == "2026-11-03"
    at = replace(on, died_at=datetime(2026, 11, 3, 4, 5, tzinfo=UTC))
    assert made(at)["deceasedDateTime"] == "2026-11-03T04:05:00Z"


def test_who_was_transferred_is_not_active_and_not_dead() -> None:
    resource = made(replace(BARE, standing="transferred"))
    assert resource["active"] is False
    assert not [name for name in resource if name.startswith("deceased")]
