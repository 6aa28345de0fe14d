"""What every route asks of an address and of a JSON body before its own model looks at the fields.

FastAPI reads JSON with Python's liberties (NaN, the last of two equal keys, UTF-16, any depth) and passes over
parameters that a route does not know. These two stand before every route as dependencies of the application, behind
the question who is asking.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from ccm_link.console import problems, security
from firmware_profiles import strict_json
from firmware_profiles.errors import WireError, WireReason

JSON_TYPE: Final = "application/json"

# Said better by the route's own model, which knows its fields.
_LEFT_TO_THE_MODEL: Final = frozenset({WireReason.EMPTY, WireReason.NOT_OBJECT})


def check_address(request: Request) -> None:
    """Refuse an address that can be read in two ways, and a program's parameter that no route knows.

    A parameter given twice counts as one or the other, depending on who reads; one that is passed over lets a program
    believe that it had asked for less. Pages pass over unknown ones: what links to them may add its own.

    Raises:
        Refused: 422.
    """
    try:
        query = unquote_to_bytes(request.scope["query_string"]).decode("utf-8")
    except UnicodeDecodeError:
        raise problems.Refused(problems.invalid({"query": "This is not UTF-8."})) from None
    if "\0" in query:
        raise problems.Refused(problems.invalid({"query": "There is a NUL in it."}))
    if problems.is_fhir(request.scope):
        return  # ccm_link/console/fhir/asked.py reads it: what may come twice there, and what is passed over, FHIR says
    asked = [name for name, _ in request.query_params.multi_items()]
    if len(asked) != len(set(asked)):
        raise problems.Refused(problems.invalid({"query": "A parameter came twice."}))
    if problems.is_for_programs(request.scope):
        known = _parameters(request.scope["route"].dependant)
        if known is not None and not set(asked) <= known:
            raise problems.Refused(
                problems.invalid({"query": "There is a parameter that this address does not have."})
            )


def _parameters(dependant: Dependant) -> set[str] | None:
    """Return the names of a route's parameters; ``None`` where a model takes them all and refuses others itself."""
    names: set[str] = set()
    waiting = [dependant]
    while waiting:
        asked_by = waiting.pop()
        waiting += asked_by.dependencies
        for field in asked_by.query_params:
            if _is_model(field.field_info.annotation):
                return None
            names.add(field.alias)
    return names


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


async def check_body(request: Request) -> None:
    """Refuse a JSON body that is anything but plain JSON, on the routes that take one.

    Raises:
        Refused: 415 for another content type; 400 for what is no JSON, is nested deeper than
            ``strict_json.MAX_DEPTH``, or has a key twice; 422 for numbers and texts that nothing could hold.
    """
    if getattr(request.scope["route"], "body_field", None) is None:
        return
    body = await request.body()
    if not body:
        return
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != JSON_TYPE:
        raise problems.Refused(problems.WRONG_TYPE)
    try:
        strict_json.parse_object(body, max_bytes=security.MAX_BODY_BYTES)
    except WireError as error:
        if error.reason not in _LEFT_TO_THE_MODEL:
            raise problems.Refused(problems.of_json(error.reason)) from None
