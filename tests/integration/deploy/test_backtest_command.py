"""“homevitals alerts backtest”: rules are asked about what is stored, on both storages, and the trail says whose."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts import history, rule_set
from alerts.backtest import backtest
from alerts.measures import Measure
from deploy import cli
from firmware_profiles.readings import Kind
from ingest import tenancy
from tests.made_up_practice import NOW, MadeUp

pytestmark = pytest.mark.db

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    database: Any,
    made_up: MadeUp,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("HOMEVITALS_CCM_LINK_DATABASE", database.conninfo("homevitals_console"))
    monkeypatch.setenv(
        "HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE", database.conninfo("homevitals_entrance")
    )

    def command(*words: object) -> tuple[int, str, str]:
        status = cli.main(["alerts", "backtest", "--practice", "millbrook", *map(str, words)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


def test_history_comes_as_arrays_patient_by_patient_in_event_time(
    database: Any, made_up: MadeUp
) -> None:
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        pressures, patients = history.courses(
            cur, made_up.practice_id, Kind.BLOOD_PRESSURE, NOW - timedelta(days=100), NOW
        )
        glucose, _ = history.courses(
            cur, made_up.practice_id, Kind.GLUCOSE, NOW - timedelta(days=100), NOW
        )
    with database.connect("postgres") as connection:
        expected = connection.execute(
            "select patient_id, extract(epoch from measured_at)::bigint, systolic_mmhg, pulse_bpm"
            " from ingest.reading_series where practice_id = %s and kind = 'blood_pressure' and"
            " result = 'measured' and time_quality <> 'unknown' and patient_id is not null"
            " order by patient_id, measured_at",
            (made_up.practice_id,),
        ).fetchall()
    assert [
        (patients[patient], at_s, systolic, None if np.isnan(pulse) else pulse)
        for patient, at_s, systolic, pulse in zip(
            pressures.patient,
            pressures.at_s,
            pressures.numbers[Measure.SYSTOLIC_MMHG],
            pressures.numbers[Measure.PULSE_BPM],
            strict=True,
        )
    ] == expected
    # “LO” is below everything, control solution is nobody's.
    assert np.isneginf(glucose.numbers[Measure.GLUCOSE_MG_DL]).sum() == 1
    assert pressures.until_s == int(NOW.timestamp())


def test_command_prints_the_burden_beside_the_rules_in_force(run: Run) -> None:
    status, out, _ = run("hypertension", "--since", "2026-08-01")
    assert status == 0
    assert "High blood pressure at home" in out
    assert "patient-days" in out
    assert "systolic-high" in out
    assert "would be new" in out
    assert "systolic-high (clinical), mmHg: 121.5:" in out


def test_json_says_what_the_functions_say(run: Run, database: Any, made_up: MadeUp) -> None:
    status, out, _ = run("diabetes", "--since", "2026-08-01", "--json")
    assert status == 0
    (told,) = json.loads(out)
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        courses, _ = history.courses(
            cur, made_up.practice_id, Kind.GLUCOSE, NOW - timedelta(days=100), NOW
        )
    rules = rule_set.parse("diabetes", rule_set.shipped()["diabetes"]).rules
    found = backtest(rules, Kind.GLUCOSE, courses, rule_set.shipped_set("single-limits").rules)
    assert told["readings"] == found.readings > 10
    assert told["total"]["episodes"] == found.total.episodes


def test_trail_names_the_patients_whose_readings_were_asked_about(
    run: Run, database: Any, made_up: MadeUp
) -> None:
    run("hypertension", "--since", "2026-08-01", "--json", "--no-sensitivity")
    with database.connect("postgres") as connection:
        (patients,) = connection.execute(
            "select patient_ids from ingest.audit_event where resource = 'readings' order by at desc limit 1"
        ).fetchone()
    assert made_up.patients["amalia"] in patients


def test_file_with_a_mistake_is_refused_with_its_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = rule_set.shipped()["diabetes"].replace("k = 3", "k = 30")
    file.write_text(text, encoding="utf-8")
    status, _, err = run(file, "--since", "2026-08-01")
    assert status == 1
    assert "mine.toml, line" in err
    assert "30 of 20 readings" in err
    status, _, err = run(tmp_path / "nowhere.toml", "--since", "2026-08-01")
    assert status == 1
    assert "neither a file" in err


def test_rules_that_the_clock_asks_are_not_tried_and_that_is_said(run: Run, tmp_path: Path) -> None:
    status, out, err = run("silence", "--since", "2026-08-01")
    assert (status, out) == (1, "")
    assert "the clock asks these rules" in err
    file = tmp_path / "both.toml"
    silence = rule_set.shipped()["silence"]
    rule = silence[silence.index('[[rule]]\nfamily = "battery-low"') :].split("\n\n")[0]
    file.write_text(rule_set.shipped()["diabetes"] + "\n" + rule, encoding="utf-8")
    status, out, _ = run(file, "--since", "2026-08-01", "--no-sensitivity")
    assert status == 0
    assert "Not tried, for the clock asks it: battery-low (technical)." in out


def test_shares_and_parts_are_all_who_have_readings_with_the_arrays_of_all(
    database: Any, made_up: MadeUp
) -> None:
    asked = (made_up.practice_id, Kind.BLOOD_PRESSURE, NOW - timedelta(days=100), NOW)
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        whole, patients = history.courses(cur, *asked)
        counts = np.bincount(whole.patient).tolist()
        (together,) = history.shares(cur, *asked)
        apart = history.shares(cur, *asked, most_readings=1)
        parts = [history.courses(cur, *asked, of=share) for share in apart]
        nobody = history.shares(cur, made_up.practice_id, Kind.KETONE, NOW, NOW)
        nothing, _ = history.courses(cur, *asked, of=[])
        streamed = list(history.parts(cur, *asked))
        one_by_one = list(history.parts(cur, *asked, most_readings=1))
        ((empty, no_one),) = history.parts(cur, made_up.practice_id, Kind.KETONE, NOW, NOW)
    assert together == patients
    assert apart == [[one] for one in patients]
    assert [len(part) for part, _ in parts] == counts
    assert np.concatenate([part.at_s for part, _ in parts]).tolist() == whole.at_s.tolist()
    assert (nobody, len(nothing)) == ([[]], 0)
    ((all_at_once, streamed_patients),) = streamed
    assert streamed_patients == [one for _, some in one_by_one for one in some] == patients
    for name in ("patient", "at_s", "local_day"):
        np.testing.assert_array_equal(getattr(all_at_once, name), getattr(whole, name))
    for measure, numbers in whole.numbers.items():
        np.testing.assert_array_equal(all_at_once.numbers[measure], numbers)
    assert [len(part) for part, _ in one_by_one] == counts
    assert (len(empty), no_one) == (0, [])


def test_chart_is_drawn_beside_the_table_and_replaced_only_if_told_so(
    run: Run, tmp_path: Path
) -> None:
    asked = ("hypertension", "--since", "2026-08-01", "--no-sensitivity")
    svg, pdf = tmp_path / "chart.svg", tmp_path / "chart.pdf"
    assert run(*asked, "--chart", svg)[0] == run(*asked, "--chart", pdf)[0] == 0
    assert "episodes for 100 patient-days" in svg.read_text(encoding="utf-8")
    assert pdf.read_bytes().startswith(b"%PDF")
    before = svg.read_bytes()
    status, _, err = run(*asked, "--chart", svg)
    assert (status, svg.read_bytes()) == (1, before)
    assert "--force" in err
    assert run(*asked, "--chart", svg, "--force")[0] == 0
    status, _, err = run(*asked, "--chart", tmp_path / "chart.gif")
    assert status == 1
    assert ".svg, .pdf or .png" in err
