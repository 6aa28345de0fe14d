"""Each format: what is read, what is refused, where; and whatever the bytes, rows or faults and nothing else."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.readings import Kind, Result
from ingest import errors, formula_cells, import_candidates, record_key
from ingest.import_candidates import ImportCandidate, Person, Told
from ingest.importing import formats, numbers, wall_time
from ingest.importing.formats import Format
from ingest.importing.imported_row import Fault, FaultReason, ImportedRow, Numbers, Outcome
from ingest.importing.wall_time import DateOrder
from ingest.measured_at import TimeQuality
from tests import imported_files

APAC = '"Measurement Date","Timezone","SYS(mmHg)","DIA(mmHg)","Pulse(bpm)","Irregular heartbeat detected","Device"'
JAPANESE = '"測定日","タイムゾーン","最高血圧(mmHg)","最低血圧(mmHg)","脈拍(bpm)","不規則脈波検出","体動検出","機種"'


def read(
    content: str | bytes, chosen: Format | None = None, order: DateOrder | None = None
) -> list[Outcome]:
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    chosen = chosen or formats.detect(stream, ",")
    return list(formats.read(stream, chosen, delimiter=",", order=order).rows)


def row(content: str, **how: Any) -> ImportedRow:
    (found,) = read(content, **how)
    assert isinstance(found, ImportedRow), found
    return found


def fault(content: str, **how: Any) -> Fault:
    (found,) = read(content, **how)
    assert isinstance(found, Fault), found
    return found


@pytest.mark.parametrize(
    ("content", "measured_at", "zone", "expected"),
    [
        pytest.param(
            imported_files.omron("Jan 6 2025,08:46,117,76,50,-,-,-,-"),
            datetime(2025, 1, 6, 8, 46),  # noqa: DTZ001 - a wall clock
            None,
            Numbers(117, 76, pulse_bpm=50),
            id="English",
        ),
        pytest.param(
            imported_files.omron("Sep 14 2026,12:22 am,150,79,-,-,-,-,=1"),
            datetime(2026, 9, 14, 0, 22),  # noqa: DTZ001
            None,
            Numbers(150, 79),
            id="English, am, no pulse",
        ),
        pytest.param(
            "Datum,Zeit,Systolisch (mmHg),Diastolisch (mmHg),Puls (bpm)\n13 Juli 2026,07:05,121,81,61",
            datetime(2026, 7, 13, 7, 5),  # noqa: DTZ001
            None,
            Numbers(121, 81, pulse_bpm=61),
            id="German",
        ),
        pytest.param(
            f'{JAPANESE}\n"2019/12/09 12:15","Asia/Tokyo","127","85","62","未検出","未検出","HEM-6232T"',
            datetime(2019, 12, 9, 12, 15),  # noqa: DTZ001
            "Asia/Tokyo",
            Numbers(127, 85, pulse_bpm=62),
            id="Japanese",
        ),
        pytest.param(
            f'{APAC}\n"2024/12/09 12:15","Asia/Singapore","127","85","62","","HEM-7600T"',
            datetime(2024, 12, 9, 12, 15),  # noqa: DTZ001
            "Asia/Singapore",
            Numbers(127, 85, pulse_bpm=62),
            id="Asia and Pacific",
        ),
        pytest.param(
            "Measurement Date,Time Zone,SYS,DIA,Pulse,Device Model Name\n2024-12-09 1:15 PM,Asia/Manila,127,85,62,x",
            datetime(2024, 12, 9, 13, 15),  # noqa: DTZ001
            "Asia/Manila",
            Numbers(127, 85, pulse_bpm=62),
            id="logbook",
        ),
    ],
)
def test_omrons_exports_are_known_by_their_header(
    content: str, measured_at: datetime, zone: str | None, expected: Numbers
) -> None:
    assert formats.detect(io.BytesIO(content.encode()), ",") is Format.OMRON
    found = row(content)
    assert (found.measured_at, found.time_zone, found.numbers) == (measured_at, zone, expected)
    assert (found.record_number, found.kind, found.time_step) == (
        None,
        Kind.BLOOD_PRESSURE,
        timedelta(minutes=1),
    )
    assert found.raw == content.encode().splitlines(keepends=True)[1]


def test_another_table_below_ends_the_first_and_is_named() -> None:
    file = imported_files.omron(
        "Jan 6 2025,08:46,117,76,50,-,-,-,-",
        "",
        '"Date","Total steps","Distance"',
        "Jan 6 2025,5000,3",
    )
    found = formats.read(io.BytesIO(file.encode()), Format.OMRON, delimiter=",", order=None)
    (only,) = found.rows
    assert isinstance(only, ImportedRow)
    assert found.other_table_at == 4
    # Our own header once more is no other table: somebody put two files together.
    twice = imported_files.omron(imported_files.OMRON_HEADER)
    assert fault(twice).place.number == 2


def test_an_irregular_pulse_is_said() -> None:
    line = '"2024/12/09 12:15","Asia/Tokyo","127","85","62","{}","x"'
    assert row(f"{APAC}\n{line.format('Detected')}").qualifiers == ("irregular_pulse",)
    assert row(f"{APAC}\n{line.format('Not detected')}").qualifiers == ()


@pytest.mark.parametrize(
    ("cells", "name", "reason"),
    [
        ("Smarch 6 2025,08:46,117,76,50", "date", FaultReason.BAD_TIME),
        ("Feb 30 2025,08:46,117,76,50", "date", FaultReason.BAD_TIME),
        ("Jan 6 1999,08:46,117,76,50", "date", FaultReason.BAD_TIME),
        ("01/06/2025,08:46,117,76,50", "date", FaultReason.AMBIGUOUS_DATE),
        ("Jan 6 2025,13:46 pm,117,76,50", "time", FaultReason.BAD_TIME),
        ("Jan 6 2025,24:00,117,76,50", "time", FaultReason.BAD_TIME),
        ("Jan 6 2025,08:46,-,76,50", "systolic_mmhg", FaultReason.MISSING),
        ("Jan 6 2025,08:46,117,,50", "diastolic_mmhg", FaultReason.MISSING),
        ("Jan 6 2025,08:46,76,117,50", "diastolic_mmhg", FaultReason.IMPOSSIBLE),
        ("Jan 6 2025,08:46,117,76,500", "pulse_bpm", FaultReason.IMPOSSIBLE),
        ('Jan 6 2025,08:46,"117,5",76,50', "systolic_mmhg", FaultReason.NOT_A_NUMBER),
    ],
)
def test_a_fault_has_its_line_column_and_reason(cells: str, name: str, reason: FaultReason) -> None:
    found = fault(imported_files.omron(f"{cells},-,-,-,-"))
    assert (found.place.number, found.place.name, found.reason) == (2, name, reason)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n",
        "Date,Systolic (mmHg),Diastolic (mmHg),Pulse (bpm)\n",
        "Date,Time,SYS,DIA,Pulse\nJan 6 2025,07:00,121,81,61\n",
        "[]",
        '{"resourceType": "Patient"}',
        '{"resourceType": "Bundle", "entry": [}',
        "\x89PNG\r\n",
        "",
    ],
)
def test_what_is_not_known_is_refused_with_what_is_expected(content: str) -> None:
    with pytest.raises(errors.FileRefused) as refused:
        read(content)
    assert len(str(refused.value)) > 20


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Date,Time,SYS,DIA,Pulse", "2026-03-05,07:30,121,81,61"),
        (
            "Date,Time,Systolic (mmHg),Diastolic (mmHg),Pulse Rate (bpm),IHB",
            "2026/03/05,7:30 AM,121,81,61,x",
        ),
        ("Date/Time,Systolic,Diastolic,Pulse", "Mar 5 2026 07:30,121,81,61"),
        ("Measurement Date,SYS(mmHg),DIA(mmHg),Pulse(bpm)", "2026-03-05 7:30 AM,121,81,61"),
    ],
)
def test_ands_exports_are_read_where_they_are_asked_for(header: str, cells: str) -> None:
    found = row(f"{header}\n{cells}\n", chosen=Format.AND)
    assert found.measured_at == datetime(2026, 3, 5, 7, 30)  # noqa: DTZ001 - a wall clock
    assert found.numbers == Numbers(121, 81, pulse_bpm=61)


def test_the_order_of_a_date_is_what_was_said() -> None:
    file = imported_files.omron("03/04/2025,07:30,121,81,61,-,-,-,-")
    assert row(file, order=DateOrder.DAY_FIRST).measured_at.month == 4
    assert row(file, order=DateOrder.MONTH_FIRST).measured_at.month == 3


@pytest.mark.parametrize(
    ("extra", "kind", "result", "expected"),
    [
        ("glucose_mg_dl", Kind.GLUCOSE, Result.MEASURED, Numbers(glucose_mg_dl=104.5)),
        # 5.5 mmol/L × 18.0156 = 99.0858 mg/dL
        ("glucose_mmol_l", Kind.GLUCOSE, Result.MEASURED, Numbers(glucose_mg_dl=99.0858)),
    ],
)
def test_glucose_has_a_unit_in_its_name(
    extra: str, kind: Kind, result: Result, expected: Numbers
) -> None:
    number = "104.5" if extra == "glucose_mg_dl" else "5.5"
    found = row(f"record_number,measured_at,{extra}\nR-1,2026-03-05T07:30Z,{number}\n")
    assert (found.kind, found.result, found.numbers) == (kind, result, expected)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ("R-1,2026-03-05T07:30Z,121,81,,104,,", "kind"),
        ("R-1,2026-03-05T07:30Z,121,81,,,glucose,", "kind"),
        ("R-1,2026-03-05T07:30Z,,,,,,", ""),
        ("R-1,2026-03-05T07:30Z,,,,104,glucose,above_range", "result"),
        ("R-1,2026-03-05T07:30Z,,,,,glucose,splendid", "result"),
        (",2026-03-05T07:30Z,121,81,,,,", "record_number"),
        ("R-1,,121,81,,,,", "measured_at"),
    ],
)
def test_a_generic_row_that_contradicts_itself_is_a_fault(cells: str, name: str) -> None:
    found = fault(f"{imported_files.GENERIC_HEADER},kind,result\n{cells}\n")
    assert found.place.name == name


def test_a_panel_and_glucose_are_read_from_a_bundle() -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [
            {"value": "other"},
            {"type": {"coding": [{"code": "MR"}]}, "value": "R-7"},
        ],
    }
    pressures, referring, molar = read(
        imported_files.bundle(
            patient,
            imported_files.panel(),
            imported_files.panel(subject={"reference": "Patient/p1"}),
            imported_files.glucose(5.5, "15074-8", "mmol/L"),
        )
    )
    assert isinstance(pressures, ImportedRow)
    assert pressures.numbers == Numbers(128, 79)
    assert pressures.place.number == 2
    assert pressures.measured_at == datetime(2025, 3, 5, 13, tzinfo=UTC)
    assert json.loads(pressures.raw)["resource"]["status"] == "final"
    assert isinstance(referring, ImportedRow)
    assert referring.record_number == "R-7"
    assert isinstance(molar, ImportedRow)
    assert molar.numbers == Numbers(glucose_mg_dl=99.0858)


@pytest.mark.parametrize(
    ("code", "number", "unit", "kind", "numbers"),
    [
        ("29463-7", 78.4, "kg", Kind.BODY_WEIGHT, Numbers(weight_kg=78.4)),
        ("8310-5", 36.6, "Cel", Kind.BODY_TEMPERATURE, Numbers(temperature_celsius=36.6)),
        ("2708-6", 97, "%", Kind.PULSE_OXIMETRY, Numbers(spo2_percent=97.0)),
        ("59408-5", 97, "%", Kind.PULSE_OXIMETRY, Numbers(spo2_percent=97.0)),
        ("104816-4", 0.4, "mmol/L", Kind.KETONE, Numbers(ketone_mmol_l=0.4)),
    ],
)
def test_an_observation_of_one_number_is_read_from_a_bundle(
    code: str, number: float, unit: str, kind: Kind, numbers: Numbers
) -> None:
    (found,) = read(imported_files.bundle(imported_files.glucose(number, code, unit)))
    assert isinstance(found, ImportedRow)
    assert (found.kind, found.numbers) == (kind, numbers)


def test_a_weight_in_pounds_is_not_taken_for_kilograms() -> None:
    pounds = imported_files.glucose(172.8, "29463-7", "[lb_av]")
    found = fault(imported_files.bundle(pounds))
    assert (found.place.name, found.reason) == ("valueQuantity", FaultReason.UNKNOWN_WORD)


@pytest.mark.parametrize(
    ("column", "cell", "kind", "numbers"),
    [
        ("weight_kg", "78.4", Kind.BODY_WEIGHT, Numbers(weight_kg=78.4)),
        ("temperature_celsius", "36.6", Kind.BODY_TEMPERATURE, Numbers(temperature_celsius=36.6)),
        ("ketone_mmol_l", "0.4", Kind.KETONE, Numbers(ketone_mmol_l=0.4)),
        (
            "spo2_percent,pulse_bpm",
            "97,61",
            Kind.PULSE_OXIMETRY,
            Numbers(spo2_percent=97.0, pulse_bpm=61.0),
        ),
    ],
)
def test_every_kind_can_be_read_from_our_own_csv(
    column: str, cell: str, kind: Kind, numbers: Numbers
) -> None:
    (found,) = read(f"record_number,measured_at,{column}\nR-1,2026-03-05T07:30Z,{cell}\n")
    assert isinstance(found, ImportedRow)
    assert (found.kind, found.numbers) == (kind, numbers)


@pytest.mark.parametrize(
    ("columns", "cells", "name"),
    [
        ("weight_kg,glucose_mg_dl", "78.4,104", "kind"),
        ("weight_kg,kind", "78.4,glucose", "kind"),
        ("weight_kg", "501", "weight_kg"),
        ("spo2_percent", "101", "spo2_percent"),
        ("pulse_bpm,spo2_percent,kind", "61,,pulse_oximetry", "spo2_percent"),
    ],
)
def test_a_row_is_one_measurement_of_one_kind(columns: str, cells: str, name: str) -> None:
    found = fault(f"record_number,measured_at,{columns}\nR-1,2026-03-05T07:30Z,{cells}\n")
    assert found.place.name == name


@pytest.mark.parametrize(
    ("resource", "name", "reason"),
    [
        (imported_files.panel(status="entered-in-error"), "status", FaultReason.UNKNOWN_WORD),
        (imported_files.panel(status=7), "status", FaultReason.NOT_FHIR),
        (
            imported_files.panel(effectiveDateTime="2025-03-05"),
            "effectiveDateTime",
            FaultReason.BAD_TIME,
        ),
        (imported_files.panel(effectiveDateTime=None), "effectiveDateTime", FaultReason.MISSING),
        (imported_files.panel(code=imported_files.coded("8302-2")), "code", FaultReason.NOT_OURS),
        (imported_files.panel(component=None), "systolic_mmhg", FaultReason.MISSING),
        (imported_files.panel(79, 128), "diastolic_mmhg", FaultReason.IMPOSSIBLE),
        (
            imported_files.panel(subject={"reference": "Patient/x"}),
            "subject",
            FaultReason.UNKNOWN_PATIENT,
        ),
        (imported_files.glucose(5.5, unit="mmol/L"), "valueQuantity", FaultReason.UNKNOWN_WORD),
        (imported_files.glucose(-5), "valueQuantity", FaultReason.NOT_A_NUMBER),
        ({"resourceType": "Observation"}, "code", FaultReason.NOT_FHIR),
    ],
)
def test_a_faulty_observation_has_its_entry_and_path(
    resource: dict[str, Any], name: str, reason: FaultReason
) -> None:
    found = fault(imported_files.bundle(resource))
    assert (found.place.number, found.place.name, found.reason) == (1, name, reason)


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
CELLS = st.one_of(
    TEXT,
    st.sampled_from(
        ["", "-", "121", "81.5", "Jan 6 2025", "2026-03-05T07:30Z", '"', "R-1", "NaN", "1e9"]
    ),
)


@given(
    header=st.sampled_from(
        [
            imported_files.GENERIC_HEADER,
            imported_files.OMRON_HEADER,
            APAC,
            "Date,Time,SYS,DIA,Pulse",
            "Date/Time,SYS,DIA,Pulse",
        ]
    ),
    rows=st.lists(st.lists(CELLS, max_size=9), max_size=4),
    chosen=st.sampled_from([Format.OMRON, Format.AND, Format.GENERIC]),
    order=st.sampled_from([None, *DateOrder]),
)
def test_any_table_becomes_rows_and_faults(
    header: str, rows: list[list[str]], chosen: Format, order: DateOrder | None
) -> None:
    content = "\n".join([header, *(",".join(cells) for cells in rows)])
    _takes(content.encode(), chosen, order)


@given(content=st.binary(max_size=300), chosen=st.sampled_from(list(Format)))
def test_any_bytes_become_rows_faults_or_a_refusal(content: bytes, chosen: Format) -> None:
    _takes(content, chosen, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(imported_files.panel())), JSON, max_size=3))
def test_any_observation_becomes_a_row_or_a_fault(changes: dict[str, Any]) -> None:
    _takes(imported_files.bundle(imported_files.panel() | changes).encode(), Format.FHIR, None)


def _takes(content: bytes, chosen: Format, order: DateOrder | None) -> None:
    try:
        found = read(content, chosen, order)
    except errors.FileRefused:
        return
    for one in found:
        assert isinstance(one, ImportedRow | Fault)
        if isinstance(one, ImportedRow):
            numbers.check(one.kind, one.result, one.numbers)
            assert one.raw in content


@given(st.text(max_size=20))
def test_what_is_escaped_comes_back(text: str) -> None:
    escaped = formula_cells.escaped(text)
    assert formula_cells.plain(escaped) == text
    assert not escaped.startswith(("=", "+", "-", "@", "\t", "\r"))


PERSON = Person("R-1", UUID(int=1), "America/New_York")
AT = datetime(2026, 6, 1, tzinfo=UTC)


def candidate(
    content: str, people: dict[str, Person] | None = None, **told: Any
) -> ImportCandidate | Fault:
    about = {"record_number": None, "time_zone": None, **told}
    known = {"R-1": PERSON} if people is None else people
    chosen = Told(UUID(int=9), formats.PROFILES[Format.OMRON], **about)
    return import_candidates.candidate(row(content), known, chosen, AT)


@pytest.mark.parametrize(
    ("day", "clock", "measured_at", "quality"),
    [
        ("Mar 7 2026", "07:30", datetime(2026, 3, 7, 12, 30, tzinfo=UTC), TimeQuality.GOOD),
        ("Mar 8 2026", "02:30", datetime(2026, 3, 8, 7, 30, tzinfo=UTC), TimeQuality.UNCERTAIN),
        ("Nov 2 2025", "01:30", datetime(2025, 11, 2, 5, 30, tzinfo=UTC), TimeQuality.UNCERTAIN),
        ("Nov 2 2025", "02:30", datetime(2025, 11, 2, 7, 30, tzinfo=UTC), TimeQuality.GOOD),
    ],
    ids=["ordinary", "skipped", "twice", "after"],
)
def test_a_wall_clock_is_the_patients(
    day: str, clock: str, measured_at: datetime, quality: TimeQuality
) -> None:
    found = candidate(imported_files.omron(f"{day},{clock},121,81,61,-,-,-,-"), record_number="R-1")
    assert isinstance(found, ImportCandidate)
    assert (found.reading.measured_at, found.reading.time_quality) == (measured_at, quality)
    assert found.until_at - found.reading.measured_at == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("record_number", "told", "reason"),
    [
        ("R-1", "R-2", FaultReason.ANOTHER_PATIENT),
        ("R-2", None, FaultReason.UNKNOWN_PATIENT),
    ],
)
def test_whose_a_row_is_has_to_be_known_and_one(
    record_number: str, told: str | None, reason: FaultReason
) -> None:
    content = f"record_number,measured_at,glucose_mg_dl\n{record_number},2026-03-05T07:30Z,104\n"
    found = candidate(content, record_number=told)
    assert isinstance(found, Fault)
    assert found.reason is reason


def test_the_key_is_what_the_file_says_and_nothing_else() -> None:
    at = datetime(2026, 3, 5, 12, 30, tzinfo=UTC)
    numbers = Numbers(glucose_mg_dl=104.0).by_name()
    ordinary = (UUID(int=1), Kind.GLUCOSE, Result.MEASURED, at, numbers)
    key = record_key.import_key(*ordinary)
    # As it was before there were other kinds: what is stored is still known.
    assert key.hex() == "ecc3d342341b36fb0917a68c976974b0ddd7fbf9eaad843db0141c16337bfa4b"
    local = at.astimezone(wall_time.zone("Asia/Tokyo"))
    assert record_key.import_key(*ordinary[:3], local, numbers) == key
    for changed in (
        (uuid4(), *ordinary[1:]),
        (ordinary[0], Kind.BLOOD_PRESSURE, *ordinary[2:]),
        (*ordinary[:2], Result.ABOVE_RANGE, *ordinary[3:]),
        (*ordinary[:3], at + timedelta(seconds=1), ordinary[4]),
        (*ordinary[:4], Numbers(pulse_bpm=104.0).by_name()),
        (*ordinary[:4], Numbers(glucose_mg_dl=104.0, weight_kg=70.0).by_name()),
    ):
        assert record_key.import_key(*changed) != key
