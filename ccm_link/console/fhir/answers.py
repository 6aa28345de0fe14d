"""Resources and bundles on their way out: their addresses, their versions, their media type."""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response

from ccm_link.console import problems, surroundings
from ccm_link.console.desk import Desk
from ccm_link.console.fhir import asked as asking
from ccm_link.console.fhir.asked import Asked
from ccm_link.fhir import bundle, resource_json
from ccm_link.fhir.bundle import Found
from ccm_link.fhir.codings import Json

BASE: Final = "/fhir/R4"
_VERSION_DIGITS: Final = 16

_NOT_COUNTED: Final = problems.Problem(
    400,
    "This is not counted",
    "How many resources of this type there are is not told.",
    "Fetch them, page by page.",
)


def base_url(request: Request) -> str:
    """Return this server's address as the asker knows it, without a slash at its end."""
    public = surroundings.of(request).settings.public_url.rstrip("/")
    return f"{public or f'{request.url.scheme}://{request.url.netloc}'}{BASE}"


def versioned(resource: Json) -> Json:
    """Return a resource with a version: one that keeps none of its own is told apart by its content."""
    meta = resource.get("meta", {})
    if "versionId" in meta:
        return resource
    digest = hashlib.sha256(resource_json.written(resource)).hexdigest()[:_VERSION_DIGITS]
    return {**resource, "meta": {**meta, "versionId": digest}}


def one(request: Request, resource: Json) -> Response:
    """Return one resource; nothing but its version where the asker has that."""
    told = versioned(resource)
    headers = {"ETag": f'W/"{told["meta"]["versionId"]}"'}
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    return written(told, headers=headers)


def page(desk: Desk, asked: Asked, found: Found) -> Response:
    """Return a page of what was found.

    Raises:
        Refused: 400; only the number is asked for, and nobody counted.
    """
    if asked.is_count:
        if found.total is None:
            raise problems.Refused(_NOT_COUNTED)
        found = Found(resources=(), total=found.total)
    base = base_url(desk.request)
    address = f"{base}/{asked.kind}"
    used = [*asked.said, ("_sort", asked.sort), ("_count", str(asked.count))]
    next_url = None
    if found.next_place is not None:
        cursor = asking.sealed(desk, asked, found.next_place)
        next_url = f"{address}?{urlencode({'_cursor': cursor})}"
    whole = bundle.searchset(
        Found(
            resources=[versioned(each) for each in found.resources],
            next_place=found.next_place,
            total=found.total,
        ),
        base_url=base,
        self_url=f"{address}?{urlencode(used)}",
        next_url=next_url,
        passed_over=asked.passed_over,
    )
    return written(whole)


def written(resource: Json, *, headers: dict[str, str] | None = None) -> Response:
    """Return a resource as JSON."""
    return Response(
        resource_json.written(resource), media_type=resource_json.CONTENT_TYPE, headers=headers
    )
