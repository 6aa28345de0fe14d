"""Which device profile fits a peripheral: first by what it advertises, then again by what it shows when connected.

Two cuffs with one name on the box may speak different protocols, and only their services or their firmware tell them
apart. So a profile may ask for more than an advertisement holds; the most specific profile that may fit leads the
session, and after discovery the choice is made again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from firmware_profiles.settings import setting

_NO_COMPANY: Final = -1


@dataclass(frozen=True, slots=True)
class Seen:
    """An advertisement.

    Attributes:
        name: local name, if there was one.
        services: advertised service UUIDs, in the form of `uuids.short_uuid`.
        company_data: manufacturer-specific data by company identifier.
    """

    name: str | None = None
    services: frozenset[str] = frozenset()
    company_data: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a connected peripheral shows: its services, and its Device Information strings (None: not told)."""

    services: frozenset[str] = frozenset()
    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    hardware: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One way to recognise a peripheral; everything that is given must hold."""

    name: str = setting(
        "", help="regular expression that the advertised name begins with; (?i) ignores case"
    )
    services: tuple[str, ...] = setting((), help="services that are advertised, all of them")
    company_id: int = setting(
        _NO_COMPANY, minimum=_NO_COMPANY, maximum=0xFFFF, help="company identifier advertised"
    )
    company_data: str = setting(
        "",
        help="what the data of that company begins with: hexadecimal digits, a dot for a digit that does not matter",
    )
    gatt_services: tuple[str, ...] = setting(
        (), help="services found after connecting, all of them"
    )
    manufacturer: str = setting(
        "", help="regular expression for the whole manufacturer name (2a29)"
    )
    model: str = setting("", help="regular expression for the whole model number (2a24)")
    firmware: str = setting("", help="regular expression for the whole firmware revision (2a26)")
    hardware: str = setting("", help="regular expression for the whole hardware revision (2a27)")

    @property
    def strings(self) -> Mapping[str, str]:
        """Regular expressions by the Device Information string that they are for."""
        every = {
            "manufacturer": self.manufacturer,
            "model": self.model,
            "firmware": self.firmware,
            "hardware": self.hardware,
        }
        return {name: pattern for name, pattern in every.items() if pattern}

    @property
    def specificity(self) -> tuple[int, ...]:
        """Rank among other matches: the greater goes first."""
        return (
            len(self.strings),
            len(self.gatt_services),
            len(self.company_data),
            bool(self.name),
            self.company_id != _NO_COMPANY,
            len(self.services),
        )

    @property
    def hidden_count(self) -> int:
        """How many things it asks for that an advertisement does not show."""
        return len(self.strings) + len(self.gatt_services)

    @property
    def visible_specificity(self) -> tuple[int, ...]:
        """Rank among other matches as long as only the advertisement is known."""
        return (
            len(self.company_data),
            bool(self.name),
            self.company_id != _NO_COMPANY,
            len(self.services),
        )

    def may_be(self, seen: Seen) -> bool:
        """Whether an advertisement does not speak against it."""
        return (
            (not self.name or re.match(self.name, seen.name or "") is not None)
            and seen.services.issuperset(self.services)
            and self._company_fits(seen.company_data)
        )

    def is_it(self, seen: Seen, found: Found) -> bool:
        """Whether advertisement and connected peripheral show everything that it asks for."""
        return (
            self.may_be(seen)
            and found.services.issuperset(self.gatt_services)
            and all(
                re.fullmatch(pattern, getattr(found, name) or "") is not None
                for name, pattern in self.strings.items()
            )
        )

    def mistakes(self) -> list[tuple[str, str]]:
        """Return what cannot be right, as key and reason."""
        problems = []
        for name in ("name", "manufacturer", "model", "firmware", "hardware"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                problems.append((name, f"expected a regular expression: {error}"))
        if not re.fullmatch(r"[0-9a-f.]*", self.company_data):
            problems.append(("company_data", "expected hexadecimal digits and dots, lower case"))
        if self.company_data and self.company_id == _NO_COMPANY:
            problems.append(("company_data", "expected company_id beside it"))
        if not (self.name or self.services or self.company_id != _NO_COMPANY):
            problems.append(
                ("name", "expected name, services or company_id: else every peripheral would fit")
            )
        return problems

    def _company_fits(self, company_data: Mapping[int, bytes]) -> bool:
        if self.company_id == _NO_COMPANY:
            return True
        content = company_data.get(self.company_id)
        return content is not None and re.match(self.company_data, content.hex()) is not None
