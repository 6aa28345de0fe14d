"""Resources on their way into another record: whom they refer to there, and whether they say what we said. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from ccm_link.care_record.port import Json
from ccm_link.fhir import codings

# What a server writes itself, or may write otherwise: the text is made from the rest.
_SERVERS_OWN: Final = frozenset({"id", "meta", "text"})
_KEPT_OF_META: Final = frozenset({"profile", "security", "tag"})


def readdressed(resource: Json, known: Mapping[str, str]) -> Json:
    """Return a resource whose references lead to the other record.

    Args:
        resource: As it is here; references are ``Type/<our id>``.
        known: Reference here → reference there.

    Returns:
        A copy without the resource's own id and version. A reference that is not known there becomes one by identifier:
        whoever has the other resource knows it by that, and nothing of ours leads anywhere there.
    """
    copy: Json = _readdressed(resource, known)
    del copy["id"]
    meta = {name: each for name, each in copy.pop("meta", {}).items() if name in _KEPT_OF_META}
    return {**copy, "meta": meta} if meta else copy


def references(one: object) -> Iterator[str]:
    """Yield every reference ``Type/<our id>`` of a resource."""
    if isinstance(one, list):
        for each in one:
            yield from references(each)
    elif isinstance(one, dict):
        target = one.get("reference")
        if isinstance(target, str) and "/" in target:
            yield target
        for each in one.values():
            yield from references(each)


def _readdressed(one: Any, known: Mapping[str, str]) -> Any:
    if isinstance(one, list):
        return [_readdressed(each, known) for each in one]
    if not isinstance(one, dict):
        return one
    copy = {name: _readdressed(each, known) for name, each in one.items()}
    target = copy.get("reference")
    if isinstance(target, str) and "/" in target:
        copy.pop("reference")
        if target in known:
            return {"reference": known[target], **copy}
        kind, _, own_id = target.partition("/")
        return {"type": kind, "identifier": _identifier(own_id), **copy}
    return copy


def _identifier(own_id: str) -> Json:
    try:
        return codings.uuid_identifier(UUID(own_id))
    except ValueError:
        return {"value": own_id}


def is_there(theirs: Json, ours: Json) -> bool:
    """Say whether what they have is what we say, apart from what a server writes itself.

    >>> is_there({"status": "final", "meta": {"versionId": "3"}}, {"status": "final", "id": "ours"})
    True
    """
    return (theirs.keys() ^ ours.keys()) <= _SERVERS_OWN and _says(theirs, ours)


def _says(theirs: object, ours: object) -> bool:
    """Say whether everything that we say stands in what they have; deeper down, what they added does not matter."""
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and all(
            name in theirs and _says(theirs[name], each)
            for name, each in ours.items()
            if name not in _SERVERS_OWN
        )
    if isinstance(ours, list):
        return (
            isinstance(theirs, list)
            and len(theirs) == len(ours)
            and all(_says(*pair) for pair in zip(theirs, ours, strict=True))
        )
    return theirs == ours
