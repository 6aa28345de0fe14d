"""Read tables of a TOML document into declared classes, and say of every mistake on which line it is.

For documents that people write and that hold lists of tables, such as device profiles and rule sets. What a table may
hold is declared as for settings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from firmware_profiles import errors, settings

_HEADER: Final = re.compile(r"\s*\[{1,2}\s*([a-z_]+)\s*\]{1,2}")

_Table = TypeVar("_Table")


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in a document; line 0 if it is nowhere in particular."""

    line: int
    what: str

    def text(self, name: str) -> str:
        """Say it with the document's name."""
        return f"{name}, line {self.line}: {self.what}" if self.line else f"{name}: {self.what}"


class TomlTables:
    """One document that is being read; collects what is wrong with it.

    Attributes:
        document: as parsed; empty if it is no TOML at all, which is then a mistake.
        mistakes: found until now.
    """

    def __init__(self, toml_text: str, max_characters: int) -> None:
        self.mistakes: list[Mistake] = []
        self.document: dict[str, Any] = {}
        self._lines = toml_text.splitlines()
        if len(toml_text) > max_characters:
            self.mistakes.append(Mistake(0, f"longer than {max_characters} characters"))
            return
        try:
            self.document = tomllib.loads(toml_text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"at line (\d+)", str(error))
            self.mistakes.append(Mistake(int(found[1]) if found else 0, f"not TOML: {error}"))
        except (RecursionError, ValueError):
            # The parser lets these through: thousands of brackets, a number of thousands of digits.
            self.mistakes.append(Mistake(0, "not TOML: nested too deeply, or a number too long"))

    def table(self, cls: type[_Table], section: str) -> _Table | None:
        """Read a table of its own, ``[section]``."""
        found = self.document.get(section, {})
        if not isinstance(found, dict):
            self.note("", 1, section, f"expected a table, written [{section}]")
            return None
        return self.load(cls, found, section, 1)

    def tables(self, section: str) -> list[tuple[dict[str, Any], int]]:
        """Return the tables of a list, ``[[section]]``, each with its number from 1."""
        found = self.document.get(section, [])
        if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
            self.note("", 1, section, f"expected tables, each written [[{section}]]")
            return []
        return [(table, number) for number, table in enumerate(found, start=1)]

    def load(
        self, cls: type[_Table], table: Mapping[str, Any], section: str, number: int
    ) -> _Table | None:
        """Read one table that has been found, the n-th of its name; None if something is wrong with it."""
        try:
            return settings.load(cls, table, {}, section=section).settings
        except errors.SettingsError as error:
            for problem in error.problems:
                text = problem.removeprefix(f"[{section}] ")
                key = re.search(r"[a-z_0-9]+(?=:)|(?<=\")[^\"]+(?=\";)", text)
                self.note(section, number, key[0] if key else "", text)
            return None

    def note(self, section: str, number: int, key: str, what: str) -> None:
        """Take note of a mistake at a key of the n-th table of a name; at the table itself if the key is not there."""
        text = what if not key or key in what else f"{key}: {what}"
        where = f"[{section}] " if section else ""
        self.mistakes.append(Mistake(self.line_of(section, number, key), where + text))

    def line_of(self, section: str, number: int, key: str) -> int:
        """Return the line of a key in the n-th table of a name; the table's own line if the key is not there."""
        current, seen, header_line = "", 0 if section else 1, 0
        for position, line in enumerate(self._lines, start=1):
            header = _HEADER.match(line)
            if header is not None:
                if not section and header[1] == key:
                    return position
                current = header[1]
                seen += current == section
                if current == section and seen == number:
                    header_line = position
            elif current == section and seen == number and key and _is_at(key, line):
                return position
        return header_line


def _is_at(key: str, line: str) -> bool:
    return (
        re.match(rf"\s*\"?{re.escape(key)}\"?\s*=|.*[{{,]\s*{re.escape(key)}\s*=", line) is not None
    )
