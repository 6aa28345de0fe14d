"""CSV exports of A&D's apps (A&D Connect, A&D Heart Track): blood pressures of one person.

No export of these apps was found in public, and nobody here had the app (looked up 2026-11): **the columns below are
what such tables usually have, not what was seen.** Therefore this format is read only where it is asked for
(``--format and``), never guessed; and a date that could have two meanings is refused as everywhere. Look at the dry
run's count and span before applying. Whoever has a real file: the names are in :data:`VARIANTS`.

Pressures in kPa, other languages, and exports of weight are not read.
"""

from __future__ import annotations

from typing import Final

from ingest.importing.vendor_table import Variant

PROFILE_ID: Final = "import-and-csv"
PROFILE_VERSION: Final = 1

_SYSTOLIC: Final = (
    "systolic (mmhg)",
    "systolic(mmhg)",
    "sys(mmhg)",
    "sys (mmhg)",
    "systolic",
    "sys",
)
_DIASTOLIC: Final = (
    "diastolic (mmhg)",
    "diastolic(mmhg)",
    "dia(mmhg)",
    "dia (mmhg)",
    "diastolic",
    "dia",
)
_PULSE: Final = ("pulse (bpm)", "pulse(bpm)", "pulse rate (bpm)", "pulse rate", "pulse")

VARIANTS: Final = (
    Variant(
        title="A&D, date and time apart",
        date=("date", "measurement date"),
        time=("time", "measurement time"),
        systolic_mmhg=_SYSTOLIC,
        diastolic_mmhg=_DIASTOLIC,
        pulse_bpm=_PULSE,
    ),
    Variant(
        title="A&D, date and time together",
        date=("date/time", "date time", "measurement date", "date"),
        systolic_mmhg=_SYSTOLIC,
        diastolic_mmhg=_DIASTOLIC,
        pulse_bpm=_PULSE,
    ),
)
