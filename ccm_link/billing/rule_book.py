"""The dated tables of billing rules as one book: read strictly, folded by day, with a payer's own rows on top.

A year has a file, ``2026.toml``, that holds what changed in it; rows of the years before go on until a later file
replaces or ends them. A year without a file is not known, even if the year before is. A payer's overlay is a file of
the same rows, which take the place of ours for that payer.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any, Final, Generic, TypeVar

from ccm_link import errors
from ccm_link.billing import rows
from ccm_link.billing.rows import Code, Ended, FirstMinutes, FurtherMinutes, Program, Requirement
from firmware_profiles.settings import REQUIRED, setting
from firmware_profiles.toml_tables import Mistake, TomlTables

_MAX_CHARACTERS: Final = 200_000
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_YEAR: Final = re.compile(r"20[0-9]{2}")

_Row_co = TypeVar("_Row_co", bound=rows.Row, covariant=True)
_Wanted = TypeVar("_Wanted", bound=rows.Row)
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a table."""

    title: str = setting(REQUIRED, help="what a person calls it")
    from_on: str = setting(
        REQUIRED, help="its first day, like 2026-01-01; of a year the first of it"
    )
    note: str = setting(REQUIRED, help="what its rows rest on, and what is not known")


@dataclass(frozen=True, slots=True)
class InForce(Generic[_Row_co]):
    """A row with where it stands.

    Attributes:
        table: name of the table that holds it: a year, or a payer's overlay.
        line: its line there.
        from_on: the first day on which it holds.
    """

    section: str
    row: _Row_co
    table: str
    line: int
    from_on: date


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table as it was read; its rows in the order of their days."""

    name: str
    head: Head
    from_on: date
    rows: tuple[InForce[rows.Row], ...]


class TableError(errors.BadBillingTable):
    """A table has mistakes; correct every one of them."""

    def __init__(self, name: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistake.text(name) for mistake in self.mistakes))


class Rules:
    """The rows in force on one day."""

    def __init__(self, day: date, found: Mapping[_Key, InForce[rows.Row]]) -> None:
        self.day = day
        self._found = found
        self._of: dict[type[rows.Row], tuple[InForce[Any], ...]] = {}

    def of(self, cls: type[_Wanted]) -> tuple[InForce[_Wanted], ...]:
        """Return all rows of a class, by name."""
        if cls not in self._of:
            suited = (one for one in self._found.values() if isinstance(one.row, cls))
            self._of[cls] = tuple(sorted(suited, key=lambda one: one.row.name))
        return self._of[cls]

    def find(self, cls: type[_Wanted], name: str) -> InForce[_Wanted] | None:
        """Return the row of a class and name."""
        return next((one for one in self.of(cls) if one.row.name == name), None)

    def dangling(self) -> Iterator[tuple[InForce[rows.Row], str]]:
        """Yield rows that speak of a row that is not in force, each with what is wrong."""
        programs = {one.row.name for one in self.of(Program)}
        requirements = {one.row.name for one in self.of(Requirement)}
        firsts = {one.row.name for one in self.of(FirstMinutes)}
        for one in self._found.values():
            spoken = _spoken_of(one.row)
            for name in sorted(spoken.programs - programs):
                yield one, f'{one.row.name} speaks of program "{name}", which is not in force'
            for name in sorted(spoken.requirements - requirements):
                yield one, f'{one.row.name} speaks of requirement "{name}", which is not in force'
            if isinstance(one.row, FurtherMinutes) and one.row.after not in firsts:
                yield (
                    one,
                    f"{one.row.name} follows {one.row.after}, which is no first code in force",
                )


class Book:
    """All tables together.

    Attributes:
        years: of which there is a table.
        payer: name of the overlay on top; None: the rules of the tables alone.
    """

    def __init__(self, tables: Iterable[TableFile], overlay: TableFile | None = None) -> None:
        self._tables = tuple(sorted(tables, key=lambda table: table.from_on))
        self._overlay = overlay
        self._on: dict[date, Rules] = {}
        self.years = frozenset(table.from_on.year for table in self._tables)
        self.payer = overlay.name if overlay else None

    def on(self, day: date) -> Rules:
        """Return the rules of a day.

        Raises:
            errors.NoBillingTable: There is no table of its year.
        """
        if day.year not in self.years:
            raise errors.NoBillingTable(day.year)
        if day not in self._on:
            self._on[day] = self._folded(day)
        return self._on[day]

    def last_known(self, day: date) -> Rules:
        """Return the rules of a day, or, of a year without a table, those in which the nearest year before ended.

        For what programs are called and ask for, so that care and its minutes are written down meanwhile; what is
        billed is only ever asked of `on`.
        """
        if day.year in self.years:
            return self.on(day)
        earlier = [year for year in self.years if year < day.year]
        return self.on(date(max(earlier, default=min(self.years)), 12, 31))

    def with_payer(self, name: str, toml_text: str) -> Book:
        """Return the book with a payer's overlay on top.

        Raises:
            TableError: with every mistake in the overlay and its line.
        """
        overlay = _parsed(name, toml_text)
        book = Book(self._tables, overlay)
        book.check(overlay)
        return book

    def check(self, table: TableFile) -> None:
        """Hold one of its tables against the others.

        Raises:
            TableError: Rows in force on a day on which the table changes something speak of rows that are not.
        """
        days = {row.from_on for row in table.rows if row.from_on.year in self.years}
        wrong = {
            Mistake(one.line if one.table == table.name else 0, what)
            for day in days
            for one, what in self.on(day).dangling()
        }
        if wrong:
            raise TableError(
                table.name, sorted(wrong, key=lambda mistake: (mistake.line, mistake.what))
            )

    def _folded(self, day: date) -> Rules:
        found: dict[_Key, InForce[rows.Row]] = {}
        for table in (*self._tables, *((self._overlay,) if self._overlay else ())):
            for one in table.rows:
                if one.from_on > day:
                    continue
                if isinstance(one.row, Ended):
                    found.pop((one.row.section, one.row.name), None)
                else:
                    found[one.section, one.row.name] = one
        return Rules(day, found)


def shipped() -> dict[str, str]:
    """Return the tables that we ship: text by name, which is the year."""
    folder = resources.files("ccm_link.billing").joinpath("tables")
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }


def read(texts: Mapping[str, str]) -> Book:
    """Read tables of years: `shipped`, with a site's own files, which replace ours of the same year.

    Args:
        texts: text of each file by its name without ``.toml``.

    Raises:
        TableError: with every mistake in the first table that has some, and their lines.
    """
    tables = []
    for name, text in sorted(texts.items()):
        if not _YEAR.fullmatch(name):
            raise TableError(name, [Mistake(0, "a table is called by its year, like 2027")])
        tables.append(_parsed(name, text))
    book = Book(tables)
    for table in tables:
        book.check(table)
    return book


def read_day(tables: TomlTables, section: str, number: int, key: str, text: str) -> date | None:
    """Read a day of the n-th table of a name; None, and a mistake, if it is none."""
    if _DAY.fullmatch(text):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(text)
    tables.note(section, number, key, "expected a day like 2026-07-05")
    return None


def _parsed(name: str, toml_text: str) -> TableFile:
    tables = TomlTables(toml_text, _MAX_CHARACTERS)
    head_keys = {key: entry for key, entry in tables.document.items() if key not in rows.SECTIONS}
    head = None if tables.mistakes else tables.load(Head, head_keys, "", 1)
    from_on = None if head is None else read_day(tables, "", 1, "from_on", head.from_on)
    if head is None or from_on is None:
        raise TableError(name, tables.mistakes)
    if _YEAR.fullmatch(name) and from_on != date(int(name), 1, 1):
        tables.note("", 1, "from_on", f"expected {name}-01-01, the first day of the year")
    found = [
        one
        for section in rows.SECTIONS
        for table, number in tables.tables(section)
        if (one := _row(tables, table, section, number, name, from_on)) is not None
    ]
    seen: dict[tuple[str, str, date], int] = {}
    for one in found:
        twice = seen.setdefault((one.section, one.row.name, one.from_on), one.line)
        if twice != one.line:
            tables.mistakes.append(
                Mistake(
                    one.line, f"{one.row.name} stands in line {twice} already, for the same day"
                )
            )
    if tables.mistakes:
        raise TableError(name, tables.mistakes)
    # On one day a row is ended first, so that another of the same name can begin.
    in_order = sorted(found, key=lambda one: (one.from_on, one.section != rows.ENDED, one.line))
    return TableFile(name, head, from_on, tuple(in_order))


def _row(
    tables: TomlTables,
    table: Mapping[str, Any],
    section: str,
    number: int,
    name: str,
    first_on: date,
) -> InForce[rows.Row] | None:
    cls = rows.SECTIONS[section]
    if cls is Code:
        form = table.get("form")
        cls = rows.CODE_FORMS.get(form, Code) if isinstance(form, str) else Code
        if cls is Code:
            tables.note(section, number, "form", f"expected one of {', '.join(rows.CODE_FORMS)}")
            return None
        table = {key: entry for key, entry in table.items() if key != "form"}
    row = tables.load(cls, table, section, number)
    if row is None:
        return None
    if not row.name.strip() or not row.source.strip():
        tables.note(section, number, "", "name and source need words")
    if isinstance(row, rows.Exclusion) and len(row.programs) != 2:
        tables.note(section, number, "programs", "expected two programs")
    if isinstance(row, Ended) and row.section not in rows.SECTIONS:
        tables.note(section, number, "section", f"expected one of {', '.join(rows.SECTIONS)}")
    from_on = read_day(tables, section, number, "from_on", row.from_on) if row.from_on else first_on
    if from_on is None:
        return None
    if from_on < first_on or (_YEAR.fullmatch(name) and from_on.year != first_on.year):
        tables.note(section, number, "from_on", "outside of the table's own time")
    return InForce(section, row, name, tables.line_of(section, number, ""), from_on)


@dataclass(frozen=True, slots=True)
class _SpokenOf:
    programs: frozenset[str] = frozenset()
    requirements: frozenset[str] = frozenset()


def _spoken_of(row: rows.Row) -> _SpokenOf:
    match row:
        case Program(requires=requires):
            return _SpokenOf(requirements=frozenset(requires))
        case rows.FirstMinutes() | rows.SupplyDays() | rows.SetUp():
            return _SpokenOf(frozenset({row.program}), frozenset(row.needs))
        case rows.Blocker() | rows.Exclusion():
            return _SpokenOf(programs=frozenset(row.programs))
        case rows.Coverage():
            return _SpokenOf(programs=frozenset({row.name}))
        case _:
            return _SpokenOf()
