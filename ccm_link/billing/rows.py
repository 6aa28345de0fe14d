"""What a table of billing rules may hold: the kinds of its rows, each with its source and how sure that is.

Codes are numbers with names of our own; the official descriptors are their publisher's. A row is known by its section
and its name: a later row of the same section and name takes its place as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_profiles.settings import REQUIRED, setting

NO_CAP: Final = 0
LIVE_INTERACTION: Final = "live_interaction"
"""The one need that is counted from the time log instead of being attested."""


class Certainty(StrEnum):
    """How sure a row is. Whatever is weaker than the first two has to be looked at by a person."""

    PRIMARY = "primary"  # read in the rule-maker's own text
    SEVERAL = "several"  # several independent guides agree
    ONE = "one"  # one guide only
    CONTRADICTORY = "contradictory"  # guides contradict each other; the row is the reading chosen
    UNCONFIRMED = "unconfirmed"  # general knowledge, not confirmed
    UNKNOWN = "unknown"  # we do not know: the row says so instead of a value

    @property
    def is_sure(self) -> bool:
        """Whether it may be applied without a look."""
        return self in {Certainty.PRIMARY, Certainty.SEVERAL}


class Pool(StrEnum):
    """Whose seconds count."""

    EVERYBODY = "everybody"  # clinical staff, and the practitioner's own time with it
    PERSONAL = "personal"  # the physician's or other qualified professional's own


class Per(StrEnum):
    """Over which period seconds are counted."""

    MONTH = "month"
    BLOCK = "block"  # the 30-day blocks of the episode of monitoring


class Effect(StrEnum):
    """What comes of two things that meet in one month."""

    ALLOWS = "allows"
    ASKS = "asks"  # proposed, and a person looks
    STOPS = "stops"  # not proposed before a person has settled it


class SiteMode(StrEnum):
    """How a kind of site bills what is computed here."""

    COMPONENTS = "components"  # code by code, as everybody
    CHOICE = "choice"  # code by code or in one bundled code: the site's own choice
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """What every row has."""

    name: str = setting(REQUIRED, help="what it is known by; of a code its number")
    from_on: str = setting(
        "", help="from which day on, like 2026-07-05; left out: the first day of the table"
    )
    source: str = setting(REQUIRED, help="where it comes from: text, section, date")
    certainty: Certainty = setting(REQUIRED, help="how sure that is")


@dataclass(frozen=True, slots=True)
class Program(Row):
    """A service that patients are enrolled in, with a ledger of seconds of its own."""

    title: str = setting(REQUIRED, help="what a person calls it")
    per: Per = setting(Per.MONTH, help="over which period its seconds are counted")
    activities: tuple[str, ...] = setting(REQUIRED, help="work that counts for it")
    requires: tuple[str, ...] = setting((), help="requirements of all its codes")
    live_methods: tuple[str, ...] = setting((), help="ways of contact that are a live interaction")


@dataclass(frozen=True, slots=True)
class Requirement(Row):
    """Something that a person attests, or the time log shows, before a code can be billed."""

    title: str = setting(REQUIRED, help="what has to be there, in words")


@dataclass(frozen=True, slots=True)
class Code(Row):
    """A code with its plain name."""

    title: str = setting(REQUIRED, help="our own plain name of it")


@dataclass(frozen=True, slots=True)
class FirstMinutes(Code):
    """Billed once from a number of full minutes on. Of those reached in a program, the longest is taken."""

    program: str = setting(REQUIRED, help="whose seconds it counts")
    pool: Pool = setting(Pool.EVERYBODY, help="who has to have worked them")
    from_minutes: int = setting(
        REQUIRED, unit="min", minimum=1, maximum=600, help="full minutes, never rounded up"
    )
    needs: tuple[str, ...] = setting((), help="requirements beyond the program's")


@dataclass(frozen=True, slots=True)
class FurtherMinutes(Code):
    """Billed again for each further number of full minutes behind a first code."""

    after: str = setting(REQUIRED, help="the first code that it follows")
    every_minutes: int = setting(
        REQUIRED, unit="min", minimum=1, maximum=600, help="full minutes, never rounded up"
    )
    most_units: int = setting(NO_CAP, minimum=0, maximum=100, help="0: no cap is stated")
    usual_units: int = setting(
        NO_CAP, minimum=0, maximum=100, help="what payers commonly stop at; 0: not known"
    )
    cap_certainty: Certainty = setting(Certainty.UNKNOWN, help="how sure the cap is")


@dataclass(frozen=True, slots=True)
class SupplyDays(Code):
    """Billed once for a 30-day block with so many days of readings. Of those reached, the longest is taken."""

    program: str = setting(REQUIRED, help="of which program the readings are")
    from_days: int = setting(
        REQUIRED, unit="days", minimum=1, maximum=30, help="distinct days with a reading"
    )
    needs: tuple[str, ...] = setting((), help="requirements beyond the program's")


@dataclass(frozen=True, slots=True)
class SetUp(Code):
    """Billed once in an episode of monitoring, with its first block of so many days of readings."""

    program: str = setting(REQUIRED, help="of which program the readings are")
    from_days: int = setting(
        REQUIRED, unit="days", minimum=1, maximum=30, help="distinct days with a reading"
    )
    needs: tuple[str, ...] = setting((), help="requirements beyond the program's")


@dataclass(frozen=True, slots=True)
class Listed(Code):
    """Known by name, for what it excludes; never proposed here."""


@dataclass(frozen=True, slots=True)
class Blocker(Row):
    """Something else that is billed or agreed on for the patient, and what it does to programs of ours."""

    what: str = setting(REQUIRED, help="its word in the facts of a month")
    title: str = setting(REQUIRED, help="what a person calls it")
    programs: tuple[str, ...] = setting(REQUIRED, help="which programs it concerns")
    by_us: Effect = setting(REQUIRED, help="where the same practitioner bills it")
    by_others: Effect = setting(REQUIRED, help="where somebody else bills it")


@dataclass(frozen=True, slots=True)
class Exclusion(Row):
    """Two programs of ours that meet in one month."""

    programs: tuple[str, ...] = setting(REQUIRED, help="the two programs")
    effect: Effect = setting(REQUIRED, help="where the same practitioner bills both")
    effect_of_two: Effect = setting(REQUIRED, help="where two practitioners of ours bill them")


@dataclass(frozen=True, slots=True)
class Site(Row):
    """A kind of site, and how it bills."""

    title: str = setting(REQUIRED, help="what a person calls it")
    mode: SiteMode = setting(REQUIRED, help="how it bills what is computed here")


@dataclass(frozen=True, slots=True)
class Coverage(Row):
    """A program, its name, that a payer covers for some diagnoses only."""

    diagnoses: tuple[str, ...] = setting(REQUIRED, help="beginnings of ICD-10-CM codes, like I50")


@dataclass(frozen=True, slots=True)
class Ended(Row):
    """A row that holds no longer."""

    section: str = setting(REQUIRED, help="the section that it stood in")


CODE: Final = "code"
ENDED: Final = "ended"
CODE_FORMS: Final[Mapping[str, type[Code]]] = {
    "first_minutes": FirstMinutes,
    "further_minutes": FurtherMinutes,
    "days": SupplyDays,
    "set_up": SetUp,
    "listed": Listed,
}
SECTIONS: Final[Mapping[str, type[Row]]] = {
    "program": Program,
    "requirement": Requirement,
    CODE: Code,
    "blocker": Blocker,
    "exclusion": Exclusion,
    "site": Site,
    "coverage": Coverage,
    ENDED: Ended,
}
