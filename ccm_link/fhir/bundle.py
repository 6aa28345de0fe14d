"""What a search found, as a Bundle with its links. Pure.

Source: FHIR R4 (4.0.1), Bundle (searchset) and Search: the link “self” says what was searched for, “next” leads on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ccm_link.fhir import codings, outcome
from ccm_link.fhir.codings import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of what was found.

    Attributes:
        resources: At most as many as were asked for.
        next_place: Where the next page begins; None on the last one.
        total: Of all pages; None where nobody counted.
    """

    resources: Sequence[Json]
    next_place: dict[str, Any] | None = None
    total: int | None = None


def searchset(
    found: Found, *, base_url: str, self_url: str, next_url: str | None, passed_over: int
) -> Json:
    """Return a page as a Bundle.

    Args:
        found: The page.
        base_url: Of this server, without a slash at its end.
        self_url: What was searched for.
        next_url: Where the next page is.
        passed_over: How many parameters were not used.
    """
    entries: list[Json] = [
        {
            "fullUrl": f"{base_url}/{one['resourceType']}/{one['id']}",
            "resource": one,
            "search": {"mode": "match"},
        }
        for one in found.resources
    ]
    if passed_over:
        told = outcome.passed_over(passed_over)
        entries.append({"resource": told, "search": {"mode": "outcome"}})
    links = [{"relation": "self", "url": self_url}]
    if next_url is not None:
        links.append({"relation": "next", "url": next_url})
    return codings.without_empty(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": found.total,
            "link": links,
            "entry": entries,
        }
    )
