"""The addresses of the read-only FHIR R4 API: what it can do, and for each type one resource and a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Response

from ccm_link.console.desk import AtDesk
from ccm_link.console.fhir import answers, devices, observations, of_patient, patients
from ccm_link.fhir import capability
from ccm_link.fhir.server_types import TYPES

# The CapabilityStatement describes it; the OpenAPI description is the JSON API's.
router = APIRouter(prefix=answers.BASE, include_in_schema=False)

_OWN: Final = {"Patient": patients, "Observation": observations, "Device": devices}


@router.get("/metadata")
def metadata(desk: AtDesk) -> Response:
    """Return what this server can do."""
    statement = capability.statement(answers.base_url(desk.request), desk.now.date())
    return answers.written(statement)


def _search_of(kind: str) -> Callable[..., Response]:
    def search(desk: AtDesk) -> Response:
        return of_patient.search(desk, kind)

    return search


def _read_of(kind: str) -> Callable[..., Response]:
    def read(desk: AtDesk, resource_id: str) -> Response:
        return of_patient.read(desk, kind, resource_id)

    return read


for _kind in TYPES:
    _own = _OWN.get(_kind)
    router.add_api_route(f"/{_kind}", _search_of(_kind) if _own is None else _own.search)
    router.add_api_route(
        f"/{_kind}/{{resource_id}}", _read_of(_kind) if _own is None else _own.read
    )
