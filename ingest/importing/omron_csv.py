"""CSV exports of OMRON connect: blood pressures of one person.

What is read, from what evidence, and how sure (looked up 2026-11; nobody here had the app):

- United States, Canada, Europe, English: ``Date,Time,Systolic (mmHg),Diastolic (mmHg),Pulse (bpm),Symptoms,Consumed,
  TruRead,Notes`` with rows such as ``Jan 12 2025,08:12,114,74,47,-,-,-,-``, the time also as ``05:22 am``. Documented
  with rows of real reports by several independent converters. Sure.
- The same in German: ``Datum,Zeit,Systolisch (mmHg),Diastolisch (mmHg),Puls (bpm)``, dates as ``13 Juli 2026``. One
  converter that its author uses daily. Fairly sure.
- Japan: ``測定日,タイムゾーン,最高血圧(mmHg),最低血圧(mmHg),脈拍(bpm),不規則脈波検出,…,機種`` with rows such as
  ``2019/12/09 12:15,Asia/Tokyo,127,85,62``. The tests of one program with a real row. Fairly sure.
- Asia and the Pacific, English: ``Measurement Date,Timezone,SYS(mmHg),DIA(mmHg),Pulse(bpm),Irregular heartbeat
  detected,…,Device``; header and reading code of one program, dates as in Japan. Not sure of the dates: any form
  that leaves one meaning is read.
- The logbook that the app sends by mail: ``Measurement Date,Time Zone,SYS,DIA,Pulse,Device Model Name`` and its
  Japanese form; titles only, from the sending program's own texts. Not sure of the dates either.

Other languages and exports of weight or activity are refused by their header. Reports of 2024 had further tables
(steps, weight) below the first, each with a header that begins with the date's column: these are not read, and the
report says on which line they begin. Symptoms and notes stay in the row's bytes and are not shown.
"""

from __future__ import annotations

from typing import Final

from ingest.importing.vendor_table import Variant

PROFILE_ID: Final = "import-omron-csv"
PROFILE_VERSION: Final = 1

VARIANTS: Final = (
    Variant(
        title="OMRON connect in English",
        date=("date",),
        time=("time",),
        systolic_mmhg=("systolic (mmhg)",),
        diastolic_mmhg=("diastolic (mmhg)",),
        pulse_bpm=("pulse (bpm)",),
    ),
    Variant(
        title="OMRON connect in German",
        date=("datum",),
        time=("zeit",),
        systolic_mmhg=("systolisch (mmhg)",),
        diastolic_mmhg=("diastolisch (mmhg)",),
        pulse_bpm=("puls (bpm)",),
    ),
    Variant(
        title="OMRON connect of Asia and the Pacific",
        date=("measurement date",),
        zone=("timezone", "time zone"),
        systolic_mmhg=("sys(mmhg)", "sys"),
        diastolic_mmhg=("dia(mmhg)", "dia"),
        pulse_bpm=("pulse(bpm)", "pulse"),
        irregular=("irregular heartbeat detected",),
        detected=frozenset({"detected"}),
    ),
    Variant(
        title="OMRON connect in Japanese",
        date=("測定日",),
        zone=("タイムゾーン",),
        systolic_mmhg=("最高血圧(mmhg)", "最高血圧（mmhg）"),
        diastolic_mmhg=("最低血圧(mmhg)", "最低血圧（mmhg）"),
        pulse_bpm=("脈拍(bpm)", "脈拍（bpm）"),
        irregular=("不規則脈波検出",),
        detected=frozenset({"検出"}),
    ),
)
