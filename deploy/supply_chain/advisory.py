"""Known weaknesses of packages: the form in which we keep them, and which pinned version one of them is about. Pure.

A version is affected where the advisory lists it or one of its ranges holds it, in the order of Python's own versions.

Source: Open Source Vulnerability format, version 1.6, section "Evaluation", December 2023.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from packaging.version import InvalidVersion, Version

from deploy import errors


class Bound(StrEnum):
    """What happens at a version of a range."""

    INTRODUCED = "introduced"
    FIXED = "fixed"
    LAST_AFFECTED = "last_affected"


Event = tuple[Bound, str]


@dataclass(frozen=True, slots=True)
class Advisory:
    """One known weakness of one package.

    Attributes:
        advisory_id: As its source calls it.
        aliases: The same weakness elsewhere, CVE numbers above all.
        package: Normalised name.
        ranges: Each a list of events along the versions; “introduced 0” means from the first version on.
        versions: Affected versions that no range holds.
    """

    advisory_id: str
    aliases: tuple[str, ...]
    package: str
    ranges: tuple[tuple[Event, ...], ...]
    versions: tuple[str, ...] = ()

    @property
    def fixed_in(self) -> tuple[str, ...]:
        """Versions that end a range."""
        return tuple(at for events in self.ranges for kind, at in events if kind is Bound.FIXED)


@dataclass(frozen=True, slots=True)
class Collection:
    """Advisories from one source, as they were at one date.

    Attributes:
        source: Whose advisories these are.
        licence: Under which they may be kept here.
        commit: The source's state; empty where it has none.
        taken_on: The date of that state.
        packages: What was looked for; a package that is not here may have advisories all the same.
        is_complete: Whether everything that the source knows about these packages is here.
    """

    source: str
    licence: str
    commit: str
    taken_on: date
    packages: frozenset[str]
    is_complete: bool
    advisories: tuple[Advisory, ...]


def affects(advisory: Advisory, version: str) -> bool:
    """Say whether a version has the weakness. A version that is none of Python's counts as affected if it is listed."""
    try:
        asked = Version(version)
    except InvalidVersion:
        return version in advisory.versions
    return _is_listed(advisory.versions, asked) or any(
        _is_inside(events, asked) for events in advisory.ranges
    )


def _is_listed(versions: Sequence[str], asked: Version) -> bool:
    return any(found == asked for found in map(_version, versions) if found is not None)


def _is_inside(events: Iterable[Event], asked: Version) -> bool:
    inside = False
    for kind, at in sorted(events, key=_place):
        bound = None if at == "0" else _version(at)
        if kind is Bound.INTRODUCED:
            inside = inside or bound is None or asked >= bound
        elif bound is not None:
            past = asked >= bound if kind is Bound.FIXED else asked > bound
            inside = inside and not past
    return inside


def _place(event: Event) -> Version:
    return _version(event[1]) or Version("0.dev0")


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def read(text: str) -> Collection:
    """Read a collection as :func:`write` writes it.

    Raises:
        SupplyChainError: it has another form.
    """
    try:
        document = json.loads(text)
        return Collection(
            document["source"],
            document["licence"],
            document["commit"],
            date.fromisoformat(document["taken_on"]),
            frozenset(document["packages"]),
            document["is_complete"],
            tuple(_read_one(entry) for entry in document["advisories"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise errors.SupplyChainError(
            f"a file of advisories cannot be read ({type(error).__name__}); make it again with deploy/lock"
        ) from error


def _read_one(entry: dict[str, Any]) -> Advisory:
    return Advisory(
        entry["id"],
        tuple(entry["aliases"]),
        entry["package"],
        tuple(tuple((Bound(kind), at) for kind, at in events) for events in entry["ranges"]),
        tuple(entry.get("versions", ())),
    )


def write(collection: Collection) -> str:
    """Return a collection as JSON, one advisory a line, so that a renewal shows what came and went."""
    head = {
        "source": collection.source,
        "licence": collection.licence,
        "commit": collection.commit,
        "taken_on": collection.taken_on.isoformat(),
        "is_complete": collection.is_complete,
        "packages": sorted(collection.packages),
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(entry)}," for key, entry in head.items()]
    rows = [
        "    " + json.dumps(_written(one))
        for one in sorted(collection.advisories, key=lambda one: (one.package, one.advisory_id))
    ]
    body = ",\n".join(rows)
    return "{\n" + "\n".join(lines) + '\n  "advisories": [\n' + body + "\n  ]\n}\n"


def _written(advisory: Advisory) -> dict[str, object]:
    entry: dict[str, object] = {
        "id": advisory.advisory_id,
        "package": advisory.package,
        "aliases": advisory.aliases,
        "ranges": advisory.ranges,
    }
    if advisory.versions:
        entry["versions"] = advisory.versions
    return entry
