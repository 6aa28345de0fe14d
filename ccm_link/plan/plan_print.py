"""A signed care plan for reading: what stands in it by heading, and as a PDF that is the same for the same version.

What people wrote goes into the template as data, never as its source: see ``care_plan.typ``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import typst

from ccm_link import local_days
from ccm_link.plan import plan_document
from ccm_link.plan.care_plan import Version
from ingest.people import Patient, Practice

TITLE: Final = "Care plan"
_TEMPLATE: Final = "care_plan.typ"
_FOOT: Final = (
    "In an emergency call the emergency number. Nobody watches home readings every minute."
)


@dataclass(frozen=True, slots=True)
class PrintedSection:
    """A heading and what stands under it."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrintedPlan:
    """A plan as it is read.

    Attributes:
        head: whose it is and who signed it: names and what is said.
        foot: on every page.
    """

    title: str
    head: tuple[tuple[str, str], ...]
    sections: tuple[PrintedSection, ...]
    foot: str


def printed(version: Version, patient: Patient, practice: Practice) -> PrintedPlan:
    """Return a version as it is read; sections in which nothing stands are left out. Pure."""
    signed_on = version.signed_at.astimezone(ZoneInfo(practice.time_zone)).date()
    told = plan_document.texts(version.document)
    return PrintedPlan(
        title=TITLE,
        head=(
            ("For", f"{patient.display_name}, born {_day(patient.born_on)}"),
            ("Record", patient.record_number),
            ("Practice", practice.name),
            ("Version", f"{version.version}, signed by {version.signed_by} on {_day(signed_on)}"),
        ),
        sections=tuple(PrintedSection(heading, lines) for heading, lines in told.items() if lines),
        foot=_FOOT,
    )


def pdf(plan: PrintedPlan) -> bytes:
    """Return a plan as a PDF, tagged for screen readers; it takes some hundredths of a second.

    Scripts that the template's font does not have are set in a font of this machine, if it has one for them.
    """
    template = (resources.files("ccm_link.plan") / _TEMPLATE).read_bytes()
    return typst.compile(template, format="pdf", sys_inputs={"plan": json.dumps(asdict(plan))})


def _day(on: date) -> str:
    return f"{local_days.in_full_words(on)} {on.year}"
