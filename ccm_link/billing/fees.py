"""What a unit of a code pays, as a site says it: amounts with their days and sources, in whole cents. Pure.

We ship no amounts: they differ by payer, locality and year. What has no amount is shown as that, never as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from ccm_link.billing.proposal import Line
from ccm_link.billing.rule_book import TableError, read_day
from firmware_profiles.settings import REQUIRED, setting
from firmware_profiles.toml_tables import TomlTables

_MAX_CHARACTERS: Final = 200_000
_AMOUNT: Final = re.compile(r"([0-9]{1,7})\.([0-9]{2})", re.ASCII)
_CENTS: Final = 100


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a table of fees."""

    title: str = setting(REQUIRED, help="what a person calls it, with payer and locality")
    currency: str = setting("USD", help="of the amounts")
    source: str = setting(REQUIRED, help="where the amounts come from, with the day")


@dataclass(frozen=True, slots=True)
class _FeeTable:
    """A ``[[fee]]``."""

    code: str = setting(REQUIRED, help="the code's number")
    from_on: str = setting(REQUIRED, help="first day of service, like 2026-01-01")
    until_on: str = setting(REQUIRED, help="last day of service")
    amount: str = setting(REQUIRED, help='for one unit, with two decimals, like "66.13"')


@dataclass(frozen=True, slots=True)
class Fee:
    """What one unit pays for services from one day to another, both included."""

    code: str
    from_on: date
    until_on: date
    cents: int


@dataclass(frozen=True, slots=True)
class Fees:
    """A checked table of fees."""

    head: Head
    fees: tuple[Fee, ...]

    def of(self, code: str, on: date) -> Fee | None:
        """Return what a unit pays for a service on a day; None where the table does not say."""
        return next(
            (one for one in self.fees if one.code == code and one.from_on <= on <= one.until_on),
            None,
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """What lines come to.

    Attributes:
        cents: of the lines that have a fee.
        unpriced: codes of the lines that have none, which the sum therefore leaves out.
    """

    cents: int
    unpriced: tuple[str, ...]


def parse(name: str, toml_text: str) -> Fees:
    """Read a table of fees.

    Raises:
        TableError: with every mistake in it and its line.
    """
    tables = TomlTables(toml_text, _MAX_CHARACTERS)
    top = {key: entry for key, entry in tables.document.items() if key != "fee"}
    head = None if tables.mistakes else tables.load(Head, top, "", 1)
    found: list[Fee] = []
    for table, number in tables.tables("fee"):
        row = tables.load(_FeeTable, table, "fee", number)
        fee = None if row is None else _fee(tables, row, number)
        if fee is None:
            continue
        if any(_overlap(fee, other) for other in found):
            tables.note(
                "fee", number, "code", f"there is another fee of {fee.code} for some of these days"
            )
        found.append(fee)
    if head is None or tables.mistakes:
        raise TableError(name, tables.mistakes)
    return Fees(head, tuple(found))


def amount(lines: Iterable[Line], fees: Fees) -> Amount:
    """Add up lines, each by the fee of its day of service."""
    cents = 0
    unpriced: set[str] = set()
    for line in lines:
        fee = fees.of(line.code, line.service_on)
        if fee is None:
            unpriced.add(line.code)
        else:
            cents += fee.cents * line.count
    return Amount(cents, tuple(sorted(unpriced)))


def _fee(tables: TomlTables, row: _FeeTable, number: int) -> Fee | None:
    from_on = read_day(tables, "fee", number, "from_on", row.from_on)
    until_on = read_day(tables, "fee", number, "until_on", row.until_on)
    found = _AMOUNT.fullmatch(row.amount)
    if found is None:
        tables.note("fee", number, "amount", 'expected an amount like "66.13"')
    if from_on is None or until_on is None or found is None:
        return None
    if until_on < from_on:
        tables.note("fee", number, "until_on", "must not lie before from_on")
    return Fee(row.code, from_on, until_on, int(found[1]) * _CENTS + int(found[2]))


def _overlap(one: Fee, other: Fee) -> bool:
    return (
        one.code == other.code and one.from_on <= other.until_on and other.from_on <= one.until_on
    )
