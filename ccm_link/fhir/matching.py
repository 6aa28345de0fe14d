"""Whether a resource is what a search asks for: codes and times are looked up in the resource as it is told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from ccm_link.fhir.codings import Json
from ccm_link.fhir.search_text import Span, Token

# Where each parameter's answer stands. Source: FHIR R4 (4.0.1), expressions of the search parameters, as far as our
# resources have the elements.
_TOKENS: Final[Mapping[str, Sequence[str]]] = {
    "category": ("category",),
    "code": ("code",),
    "status": ("status",),
    "priority": ("priority",),
    "clinical-status": ("clinicalStatus",),
    "lifecycle-status": ("lifecycleStatus",),
    "identifier": ("identifier",),
    "type": ("type",),
}
_DATES: Final[Mapping[str, Sequence[str]]] = {
    "date": ("effectiveDateTime", "dateTime", "period.start", "effectivePeriod.start"),
    "authored-on": ("authoredOn",),
    "recorded-date": ("recordedDate",),
    "target-date": ("target.dueDate",),
    "_lastUpdated": ("meta.lastUpdated",),
}


def has_code(resource: Json, parameter: str, tokens: Sequence[Token]) -> bool:
    """Say whether a resource has any of some codes where a parameter looks."""
    found = [one for path in _TOKENS[parameter] for one in _coded(_at(resource, path))]
    return any(token.fits(system, code) for token in tokens for system, code in found)


def is_in(resource: Json, parameter: str, span: Span) -> bool:
    """Say whether one of the times at which a parameter looks lies in a span; what has none lies in none."""
    return any(span.holds(at) for path in _DATES[parameter] for at in _times(_at(resource, path)))


def sort_key(resource: Json, parameter: str) -> str:
    """Return by what a resource is sorted: a time as text in UTC, or "" where it has none."""
    if parameter == "_id":
        return str(resource["id"])
    found = [at for path in _DATES[parameter] for at in _times(_at(resource, path))]
    return min(found).isoformat() if found else ""


def _at(node: Any, path: str) -> Iterator[Any]:
    """Yield what stands at a path, of each of several where there are several."""
    name, _, rest = path.partition(".")
    for each in node if isinstance(node, list) else [node]:
        one = each.get(name) if isinstance(each, dict) else None
        if one is not None:
            yield from _at(one, rest) if rest else (one if isinstance(one, list) else [one])


def _coded(nodes: Iterator[Any]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, str):
            yield "", node
        elif "coding" in node:
            for each in node["coding"]:
                yield each.get("system", ""), each.get("code", "")
        elif "value" in node:
            yield node.get("system", ""), node["value"]


def _times(nodes: Iterator[Any]) -> Iterator[datetime]:
    for node in nodes:
        if "T" in node:
            yield datetime.fromisoformat(node)
        else:
            day = date.fromisoformat(node)
            yield datetime(day.year, day.month, day.day, tzinfo=UTC)
