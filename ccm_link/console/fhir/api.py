"""The addresses of the read-only FHIR R4 API: what it can do, and for each type one resource and a search.

A search is asked for in an address, or posted to ``_search`` as a form: then whom it is about stands in no address.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final, TypeAlias
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response

from ccm_link.console import problems
from ccm_link.console.desk import AtDesk, Desk
from ccm_link.console.fhir import answers, devices, observations, of_patient, patients
from ccm_link.console.fhir.asked import Given
from ccm_link.console.routes.routes_of_fhir import ID_NAMES
from ccm_link.fhir import capability
from ccm_link.fhir.server_types import TYPES

# The CapabilityStatement describes it; the OpenAPI description is the JSON API's.
router = APIRouter(prefix=answers.BASE, include_in_schema=False)

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 100

_Search: TypeAlias = Callable[[Desk, Given], Response]
_Read: TypeAlias = Callable[[Desk, str], Response]

_OWN: Final[dict[str, tuple[_Search, _Read]]] = {
    "Patient": (patients.search, patients.read),
    "Observation": (observations.search, observations.read),
    "Device": (devices.search, devices.read),
}


@router.get("/metadata")
def metadata(desk: AtDesk) -> Response:
    """Return what this server can do."""
    statement = capability.statement(answers.base_url(desk.request), desk.now.date())
    return answers.written(statement)


async def _posted(request: Request) -> Given:
    """Return the fields of a form.

    Raises:
        Refused: 415 for another content type; 400 for what is no form in UTF-8.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise problems.Refused(problems.WRONG_TYPE)
    try:
        text = (await request.body()).decode("utf-8")
        fields = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise problems.Refused(problems.BAD_FORM) from None
    if any("\0" in part for field in fields for part in field):
        raise problems.Refused(problems.BAD_FORM)
    return fields


def _by_address(search: _Search) -> Callable[..., Response]:
    def answer(desk: AtDesk) -> Response:
        return search(desk, desk.request.query_params.multi_items())

    return answer


def _by_form(search: _Search) -> Callable[..., Response]:
    def answer(desk: AtDesk, posted: Annotated[Given, Depends(_posted)]) -> Response:
        return search(desk, [*desk.request.query_params.multi_items(), *posted])

    return answer


def _by_id(read: _Read, name: str) -> Callable[..., Response]:
    def answer(desk: AtDesk) -> Response:
        return read(desk, desk.request.path_params[name])

    return answer


for _kind in TYPES:
    _search, _read = _OWN.get(_kind) or (
        partial(of_patient.search, kind=_kind),
        partial(of_patient.read, kind=_kind),
    )
    router.add_api_route(f"/{_kind}", _by_address(_search), methods=["GET"])
    router.add_api_route(f"/{_kind}/_search", _by_form(_search), methods=["POST"])
    _name = ID_NAMES[_kind]
    router.add_api_route(f"/{_kind}/{{{_name}}}", _by_id(_read, _name), methods=["GET"])
