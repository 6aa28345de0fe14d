"""Groups of conditions that are chronic as a rule, by their ICD-10-CM codes: which of them a patient's codes are of."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that count as one.

    Attributes:
        codes: beginnings of ICD-10-CM codes, with their point.
    """

    name: str
    title: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All groups, with where they come from."""

    title: str
    source: str
    groups: Mapping[str, Group]
    by_beginning: Mapping[str, str]

    def of_code(self, code: str) -> str | None:
        """Return the name of the group that names a code most closely; None: it is of none."""
        for length in range(len(code), 0, -1):
            name = self.by_beginning.get(code[:length])
            if name is not None:
                return name
        return None

    def of_codes(self, codes: Iterable[str]) -> dict[str, list[str]]:
        """Return the groups that a patient's codes are of, each with those codes, in alphabetical order."""
        found: dict[str, list[str]] = {}
        for code in sorted(set(codes)):
            name = self.of_code(code)
            if name is not None:
                found.setdefault(name, []).append(code)
        return dict(sorted(found.items()))


@functools.cache
def catalogue() -> Catalogue:
    """Return the catalogue that we ship, read once per process."""
    file = resources.files("ccm_link.program").joinpath("chronic_conditions.toml")
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    groups = [Group(one["name"], one["title"], tuple(one["codes"])) for one in document["group"]]
    return Catalogue(
        document["title"],
        " ".join(document["source"].split()),
        {one.name: one for one in groups},
        {code: one.name for one in groups for code in one.codes},
    )
