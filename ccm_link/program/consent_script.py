"""What patients are told before they consent: our words for each program, or the practice's own, in versions."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import resources
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from ccm_link import store
from ccm_link.program import program_errors
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "consent_script")

# For programs of the tables that have no script of their own.
_ANY_OTHER: Final = "other"


class Origin(StrEnum):
    """Whose words they are."""

    SHIPPED = "shipped"
    PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that a patient has to be told."""

    name: str
    title: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All that a patient is told about a program.

    Attributes:
        program: by the name that the billing tables give it.
        version: counted for each origin; the words of a version never change.
        source: why it is these elements.
    """

    program: str
    origin: Origin
    version: int
    title: str
    source: str
    elements: tuple[Element, ...]

    @property
    def names(self) -> frozenset[str]:
        """The elements' names, as a consent keeps them."""
        return frozenset(one.name for one in self.elements)


@functools.cache
def shipped() -> Mapping[str, Script]:
    """Return our newest script of each program that has one of its own, and that of :data:`_ANY_OTHER`."""
    found: dict[str, Script] = {}
    folder = resources.files("ccm_link.program").joinpath("consent_scripts")
    for file in folder.iterdir():
        if file.name.endswith(".toml"):
            script = _read(tomllib.loads(file.read_text(encoding="utf-8")))
            if script.program not in found or found[script.program].version < script.version:
                found[script.program] = script
    return found


def of_program(program: str) -> Script:
    """Return our words for a program."""
    ours = shipped()
    return ours.get(program, ours[_ANY_OTHER])


def in_force(cur: store.Cursor, practice_id: UUID, program: str) -> Script:
    """Return the practice's own newest script for a program, or ours."""
    ours = of_program(program)

    def own(*, version: int, elements: Mapping[str, str]) -> Script:
        return Script(
            program=program,
            origin=Origin.PRACTICE,
            version=version,
            title=ours.title,
            source=ours.source,
            elements=tuple(
                Element(one.name, one.title, elements[one.name]) for one in ours.elements
            ),
        )

    found = store.row(cur, own, _Q.newest, practice_id=practice_id, program=program)
    return found or ours


def add(
    cur: store.Cursor,
    practice_id: UUID,
    program: str,
    words: Mapping[str, str],
    *,
    former_version: int,
    added_by: str,
    at: datetime,
) -> int:
    """Add a version of the practice's own words for a program, in force from now on, and return its number.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        program: For which program.
        words: By name of the element: of all that ours has, and of no other.
        former_version: The practice's own version that was looked at; 0: there was none.
        added_by: Who.
        at: Now.

    Raises:
        program_errors.BadScript: An element is missing, empty, or none of ours.
        program_errors.ProgramConflict: Somebody else added one meanwhile.
    """
    wanted = of_program(program).names
    if words.keys() != wanted or not all(text.strip() for text in words.values()):
        raise program_errors.BadScript
    version = store.scalar(
        cur,
        _Q.add,
        practice_id=practice_id,
        program=program,
        elements=Jsonb(dict(words)),
        former_version=former_version,
        added_by=added_by,
        at=at,
    )
    if version is None:
        raise program_errors.ProgramConflict
    return int(str(version))


def _read(document: Mapping[str, Any]) -> Script:
    return Script(
        program=document["program"],
        origin=Origin.SHIPPED,
        version=document["version"],
        title=document["title"],
        source=" ".join(document["source"].split()),
        elements=tuple(
            Element(one["name"], one["title"], " ".join(one["words"].split()))
            for one in document["element"]
        ),
    )
