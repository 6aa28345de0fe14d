"""What is said about a file that is imported: counts, places of faults, what became of it. Never what stands in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ingest.import_run import Survey
from ingest.importing.formats import Format
from ingest.importing.imported_row import Fault

# A file with more faults than that is the wrong file, or is read in the wrong way.
FAULTS_TOLD: Final = 1000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was found.

    Attributes:
        format: What the file was read as.
        survey: The counts.
        faults: The first faults, at most :data:`FAULTS_TOLD`.
        time_zone: What was said about times without a zone; None for each patient's own.
        other_table_at: The line on which another table begins that was not read; None where there is none.
        as_json: Whether it is for a program.
    """

    format: Format
    survey: Survey
    faults: Sequence[Fault]
    time_zone: str | None
    other_table_at: int | None
    as_json: bool

    def print(self, ending: str) -> None:
        """Print it on standard output, with what became of the file in words."""
        if self.as_json:
            print(json.dumps(self._json(ending), indent=2))
            return
        survey = self.survey
        print(f"{self.format}: {survey.rows} rows of {len(survey.patient_ids)} patients")
        if survey.first_at is not None and survey.last_at is not None:
            print(f"  {survey.new} new, measured {_day(survey.first_at)} to {_day(survey.last_at)}")
        else:
            print(f"  {survey.new} new")
        for count, words in (
            (survey.there, "already there: imported before"),
            (survey.from_device, "already there from a device"),
            (survey.repeated, "say the same as an earlier row of the file"),
            (survey.faults, "faulty:"),
        ):
            if count:
                print(f"  {count} {words}")
        for fault in self.faults:
            print(f"    {_place(self.format, fault)}: {fault.words}")
        if survey.faults > len(self.faults):
            print(f"    … and {survey.faults - len(self.faults)} more")
        if self.other_table_at is not None:
            print(f"line {self.other_table_at} begins another table, which was not read")
        if self.format is not Format.FHIR:
            zone = self.time_zone or "the patient's own"
            print(f"times without a zone were read in {zone}; say another with --time-zone")
        print(ending)

    def _json(self, ending: str) -> dict[str, Any]:
        survey = self.survey
        return {
            "format": self.format.value,
            "rows": survey.rows,
            "new": survey.new,
            "already_imported": survey.there,
            "already_from_a_device": survey.from_device,
            "repeated_in_the_file": survey.repeated,
            "faulty": survey.faults,
            "faults": [
                {
                    "row": fault.place.number,
                    "name": fault.place.name,
                    "reason": fault.reason.value,
                    "words": fault.words,
                }
                for fault in self.faults
            ],
            "other_table_at": self.other_table_at,
            "is_whole": survey.is_whole,
            "outcome": ending,
        }


def _place(chosen: Format, fault: Fault) -> str:
    if chosen is Format.FHIR:
        path = f"entry[{fault.place.number - 1}]"
        return f"{path}.{fault.place.name}" if fault.place.name else path
    return f"line {fault.place.number}" + (f", {fault.place.name}" if fault.place.name else "")


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
