"""Patients of the FHIR API: one of them, and those who are sought."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Response

from ccm_link import fhir_rows
from ccm_link.console import patient_head, problems
from ccm_link.console.desk import Desk
from ccm_link.console.fhir import answers
from ccm_link.console.fhir import asked as asking
from ccm_link.console.fhir.asked import Asked, Given
from ccm_link.fhir import patient, search_text
from ccm_link.fhir.bundle import Found
from ccm_link.fhir.search_text import Token, Unusable
from ccm_link.fhir_rows import SoughtPatients

_UTC = ZoneInfo("UTC")  # a birthday has no zone


def read(desk: Desk, resource_id: str) -> Response:
    """Return one patient."""
    asking.check_format(desk.request)
    patient_id = known_id(resource_id)
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        found = fhir_rows.particulars(cur, desk.practice_id, [patient_id])
        desk.saw(patient_id, resource_id=patient_id)
    return answers.one(desk.request, patient.of(found[patient_id]))


def search(desk: Desk, given: Given) -> Response:
    """Return the patients who are sought, in the order of ids."""
    asked = asking.search(desk, "Patient", given)
    sought = _sought(asked)
    after = None if asked.place is None else UUID(asked.place["id"])
    with desk.transaction() as cur:
        ids = fhir_rows.patients(
            cur, desk.practice_id, sought, after_id=after, limit=asked.count + 1
        )
        shown = ids[: asked.count]
        known = fhir_rows.particulars(cur, desk.practice_id, shown)
        desk.saw(*shown, patients=len(shown))
    more = {"id": str(shown[-1])} if len(ids) > asked.count and shown else None
    found = Found(resources=[patient.of(known[one]) for one in shown], next_place=more)
    return answers.page(desk, asked, found)


def known_id(resource_id: str) -> UUID:
    """Return the id of a patient.

    Raises:
        Refused: 404; it is none of ours.
    """
    try:
        found = UUID(resource_id)
    except ValueError:
        raise problems.Refused(problems.NOT_FOUND) from None
    if str(found) != resource_id:
        raise problems.Refused(problems.NOT_FOUND)
    return found


def _sought(asked: Asked) -> SoughtPatients:
    born = asked.span("birthdate", _UTC)
    try:
        born_from, born_until = (None, None) if born is None else search_text.days(born)
    except Unusable as error:
        raise asking.unusable({"birthdate": error.expected}) from None
    ids = asked.ids
    return SoughtPatients(
        patient_ids=None if ids is None else tuple(_uuids(ids)),
        identifiers=_identifiers(asked.tokens("identifier")),
        names=asked.strings("name"),
        families=asked.strings("family"),
        given=asked.strings("given"),
        genders=_codes(asked.tokens("gender")),
        is_active=_is_active(asked.tokens("active")),
        born_from=born_from,
        born_until=born_until,
    )


def _uuids(ids: list[str]) -> list[UUID]:
    found = []
    for one in ids:
        try:
            found.append(UUID(one))
        except ValueError:  # an id that is nobody's
            continue
    return found


def _identifiers(tokens: list[Token] | None) -> tuple[tuple[str | None, str], ...] | None:
    if tokens is None:
        return None
    if any(token.code is None for token in tokens):
        raise asking.unusable({"identifier": "expected a number behind the system and |"})
    return tuple((token.system, str(token.code)) for token in tokens)


def _codes(tokens: list[Token] | None) -> tuple[str, ...] | None:
    return None if tokens is None else tuple(token.code for token in tokens if token.code)


def _is_active(tokens: list[Token] | None) -> bool | None:
    codes = None if tokens is None else {token.code for token in tokens}
    if codes is None or codes == {"true", "false"}:
        return None
    if codes not in ({"true"}, {"false"}):
        raise asking.unusable({"active": "expected true or false"})
    return codes == {"true"}
