"""One row of an imported file, or what is wrong with it: where and why, never what stands there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from firmware_profiles import kinds
from firmware_profiles.readings import Kind, Result
from ingest import errors
from ingest.measured_at import TimeQuality


class FaultReason(StrEnum):
    """Why a row cannot become a reading."""

    NOT_TEXT = "not_text"  # not UTF-8, or a NUL in it
    NOT_CSV = "not_csv"
    RAGGED = "ragged"
    TOO_LONG = "too_long"
    MISSING = "missing"
    NOT_A_NUMBER = "not_a_number"
    IMPOSSIBLE = "impossible"  # a number or time out of range, diastolic above systolic
    BAD_TIME = "bad_time"
    AMBIGUOUS_DATE = "ambiguous_date"
    UNKNOWN_WORD = "unknown_word"
    UNKNOWN_PATIENT = "unknown_patient"
    ANOTHER_PATIENT = "another_patient"
    NOT_FHIR = "not_fhir"
    NOT_OURS = "not_ours"  # an observation of something else


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands.

    Attributes:
        number: Of the row, from 1: its line in a CSV file (the first of several), its entry in a bundle.
        name: The column or the FHIR path; "" for the whole row.
    """

    number: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot become a reading.

    Attributes:
        words: What is wrong and what is expected; never repeats the row.
        raw: The row's own bytes, for the file of rejects alone.
    """

    place: Place
    reason: FaultReason
    words: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one measurement; None where the file has none."""

    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    mean_arterial_mmhg: float | None = None
    pulse_bpm: float | None = None
    glucose_mg_dl: float | None = None
    weight_kg: float | None = None
    spo2_percent: float | None = None
    temperature_celsius: float | None = None
    ketone_mmol_l: float | None = None

    def by_name(self) -> dict[str, float | None]:
        """Return them by the names of the store's columns."""
        return {name: getattr(self, name) for name in kinds.NUMBERS}


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """What a row says.

    Attributes:
        record_number: The practice's number for the patient; None where the file does not say whose it is.
        measured_at: An instant, aware; or naive, the wall clock of ``time_zone`` or of the patient.
        time_zone: IANA name that the row itself gives; None where it gives none.
        time_step: What the file's times are exact to: a minute where it shows no seconds.
        time_quality: What the file says about its own time.
        raw: The row's own bytes.
    """

    place: Place
    record_number: str | None
    kind: Kind
    result: Result
    measured_at: datetime
    time_zone: str | None
    time_step: timedelta
    raw: bytes = field(repr=False)
    numbers: Numbers = Numbers()
    time_quality: TimeQuality = TimeQuality.GOOD
    qualifiers: tuple[str, ...] = ()


Outcome: TypeAlias = ImportedRow | Fault


class RowRefused(errors.IngestError, ValueError):
    """The row cannot become a reading; becomes a :class:`Fault` with its place."""

    def __init__(self, reason: FaultReason, words: str, name: str = "") -> None:
        super().__init__(words)
        self.reason = reason
        self.words = words
        self.name = name

    def fault(self, number: int, raw: bytes) -> Fault:
        """Return what the report says about the row."""
        return Fault(Place(number, self.name), self.reason, self.words, raw)
