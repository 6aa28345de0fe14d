"""Readings for programs: pages, the latest, days and statistics, on both storages."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.made_up_practice import ZONE, Clock, Connect, MadeUp

pytestmark = pytest.mark.db
SignIn = Callable[[str], httpx.Client]
SPAN = {"from": "2026-08-01T00:00:00Z", "to": "2026-11-13T00:00:00Z"}
PRESSURES = {"kind": "blood_pressure", **SPAN}


def address(made_up: MadeUp, patient: str, rest: str) -> str:
    return f"/api/v1/patients/{made_up.patients[patient]}/{rest}"


def got(client: httpx.Client, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(path, params={k: v for k, v in query.items() if v is not None})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def pages(client: httpx.Client, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        answer = got(client, path, **query, cursor=cursor)
        found.append(answer["readings"])
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


def test_pages_of_any_size_come_to_the_same(casey: httpx.Client, made_up: MadeUp) -> None:
    path = address(made_up, "amalia", "readings")
    (whole,) = pages(casey, path, **PRESSURES, limit=1000)
    assert len(whole) > 100
    assert whole == sorted(whole, key=lambda one: (one["measured_at"], one["reading_id"]))
    for limit in (50, 37):
        assert [
            one for page in pages(casey, path, **PRESSURES, limit=limit) for one in page
        ] == whole
    assert len(got(casey, path, **PRESSURES)["readings"]) == min(200, len(whole))


def test_a_reading_says_its_units_its_codes_and_how_sure_its_time_is(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    found = got(casey, address(made_up, "noor", "readings"), **PRESSURES)
    assert found["codes"] == {
        "systolic_mmhg": {"loinc": "8480-6", "ucum": "mm[Hg]"},
        "diastolic_mmhg": {"loinc": "8462-4", "ucum": "mm[Hg]"},
        "mean_arterial_mmhg": {"loinc": "8478-0", "ucum": "mm[Hg]"},
        "pulse_bpm": {"loinc": "8867-4", "ucum": "/min"},
    }
    first = found["readings"][0]
    assert first["patient_id"] == str(made_up.patients["noor"])
    assert (first["origin"], first["version"], first["result"]) == ("device", 1, "measured")
    assert (first["time_method"], first["time_quality"]) == ("device_clock_corrected", "good")
    for one in found["readings"]:
        for name in ("measured_at", "stored_at"):
            assert datetime.fromisoformat(one[name]).utcoffset() == timedelta(0)


def test_a_cursor_is_good_for_its_query_its_hour_and_its_practice_alone(
    casey: httpx.Client, sign_in: SignIn, made_up: MadeUp, clock: Clock, subtests: pytest.Subtests
) -> None:
    path = address(made_up, "amalia", "readings")
    cursor = got(casey, path, **PRESSURES, limit=2)["next_cursor"]
    middle = len(cursor) // 2
    other = "A" if cursor[middle] != "A" else "B"
    asked = {
        "changed": (path, {"cursor": cursor[:middle] + other + cursor[middle + 1 :]}),
        "cut off": (path, {"cursor": cursor[:-4]}),
        "none of ours": (path, {"cursor": "sentinel-Thornquist"}),
        "not even text for one": (path, {"cursor": "é\n"}),
        "of another kind": (path, {"cursor": cursor, "kind": "glucose"}),
        "of another span": (path, {"cursor": cursor, "from": "2026-08-02T00:00:00Z"}),
        "of another patient": (address(made_up, "noor", "readings"), {"cursor": cursor}),
    }
    for case, (where, changed) in asked.items():
        with subtests.test(case):
            answer = casey.get(where, params=PRESSURES | {"limit": 2} | changed)
            assert (answer.status_code, answer.json()["reason"]) == (400, "bad_cursor")
            assert "sentinel" not in answer.text
    # The same practice's colleague may go on where somebody stopped; another size of page does not matter.
    more = got(sign_in("dana"), path, **PRESSURES, limit=3, cursor=cursor)["readings"]
    assert [one["reading_id"] for one in more] == [
        one["reading_id"] for one in got(casey, path, **PRESSURES, limit=5)["readings"][2:]
    ]
    clock.move(minutes=61)
    visitor = sign_in("casey")
    assert visitor.get(path, params=PRESSURES | {"cursor": cursor}).status_code == 400


def test_another_practices_cursor_is_refused_like_a_changed_one(
    casey: httpx.Client, sign_in: SignIn, made_up: MadeUp
) -> None:
    cursor = got(casey, address(made_up, "amalia", "readings"), **PRESSURES, limit=2)["next_cursor"]
    answer = sign_in("fremd@another").get(
        f"/api/v1/patients/{made_up.foreign_patient_id}/readings",
        params=PRESSURES | {"cursor": cursor},
    )
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_cursor")


BAD_LIMITS = ["0", "-1", "1001", "1e9", "1_0", "+5", " 5", "5.0", "٥", "", "05", "true"]


def test_a_limit_that_is_none_is_refused_by_name(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for limit in BAD_LIMITS:
        with subtests.test(limit):
            answer = casey.get(
                address(made_up, "noor", "readings"), params=PRESSURES | {"limit": limit}
            )
            assert answer.status_code == 422
            assert set(answer.json()["fields"]) == {"limit"}


def test_the_latest_does_not_claim_what_cannot_be_dated(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    found = got(casey, address(made_up, "noor", "readings/latest"))
    pressure = found["blood_pressure"]
    # 144/92 five hours ago is uncertain and dated; 136/84 arrived three hours ago, and was measured then or earlier.
    assert pressure["latest_with_number"]["reading"]["systolic_mmhg"] == 144
    assert pressure["latest_with_number"]["age_s"] == 5 * 3600
    assert pressure["latest"]["reading"]["result"] == "not_measurable"
    assert pressure["latest"]["age_s"] == 2 * 3600
    assert pressure["undated"]["reading"]["systolic_mmhg"] == 136
    assert pressure["undated"]["age_s"] == 3 * 3600
    assert found["glucose"] == {"latest_with_number": None, "latest": None, "undated": None}
    assert found["now"] == "2026-11-12T15:42:00Z"
    assert set(found["codes"]) >= {"systolic_mmhg", "glucose_mg_dl"}


def numbers_of_week(casey: httpx.Client, made_up: MadeUp, last_day: date) -> dict[Any, list[float]]:
    """Return Amalia's systolic pressures by local day and half of the day, of the week that ends with a day."""
    (readings,) = pages(casey, address(made_up, "amalia", "readings"), **PRESSURES, limit=1000)
    found: dict[Any, list[float]] = {}
    for one in readings:
        at = datetime.fromisoformat(one["measured_at"]).astimezone(ZONE)
        part = "morning" if 6 <= at.hour < 12 else "evening" if at.hour >= 18 else None
        if part and last_day - timedelta(days=7) < at.date() <= last_day:
            found.setdefault((at.date(), part), []).append(one["systolic_mmhg"])
    return found


def test_the_weeks_average_is_that_of_the_readings_that_the_api_lists(
    casey: httpx.Client, made_up: MadeUp, connect: Connect
) -> None:
    path = address(made_up, "amalia", "statistics/blood-pressure")
    for last_day in (date(2026, 10, 20), date(2026, 10, 12), date(2026, 9, 5)):
        found = got(casey, path, last_day=str(last_day))
        week = numbers_of_week(casey, made_up, last_day)
        days = sorted({day for day, _ in week})
        averaged = [one for (day, _), two in week.items() if day != days[0] for one in two[:2]]
        protocol = found["protocol"]
        assert protocol["readings_taken"] == sum(len(two[:2]) for two in week.values())
        assert protocol["days"] == len(days)
        assert protocol["day_dropped"] == str(days[0])
        if protocol["readings_taken"] >= 12:
            assert protocol["average"]["systolic_mmhg"] == pytest.approx(statistics.mean(averaged))
            assert protocol["average"]["not_given"] is None
        else:
            assert protocol["average"]["not_given"]["reason"] == "too_few_readings"
        assert found["time_zone"] == "America/New_York"


def test_too_little_blood_pressure_is_said_with_what_it_would_take(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    found = got(casey, address(made_up, "noor", "statistics/blood-pressure"))
    assert (found["first_day"], found["last_day"], found["days"]) == ("2026-11-06", "2026-11-12", 7)
    # Both were taken before six in the morning by the clocks at home: dated, and no readings of the protocol.
    lack = {"reason": "too_few_days", "needed": 3, "had": 0}
    assert found["protocol"]["outside_hours"] == 2
    assert found["protocol"]["average"]["not_given"] == lack
    assert found["protocol"]["average"]["systolic_mmhg"] is None
    assert found["variability"]["not_given"]["reason"] == "too_few_days"
    assert found["variability"]["systolic"]["sd_mmhg"] is None
    assert found["material"] == {
        "entered": 2,
        "imported": 0,
        "undated": 1,
        "without_number": 1,
        "control_solution": 0,
    }


def test_strips_get_shares_of_readings_and_no_gmi(casey: httpx.Client, made_up: MadeUp) -> None:
    found = got(casey, address(made_up, "bertram", "statistics/glucose"), days=30)
    (readings,) = pages(
        casey, address(made_up, "bertram", "readings"), kind="glucose", **SPAN, limit=1000
    )
    in_window = [
        one
        for one in readings
        if datetime.fromisoformat(one["measured_at"]).astimezone(ZONE).date() > date(2026, 10, 13)
    ]
    numbers = [one["glucose_mg_dl"] for one in in_window if one["result"] == "measured"]
    told = found["statistics"]
    assert (told["numbers"], told["below_range"]) == (len(numbers), 1)
    assert told["readings"] == len(numbers) + 1
    assert told["mean_mg_dl"] == pytest.approx(statistics.mean(numbers))
    assert told["sd_mg_dl"] == pytest.approx(statistics.stdev(numbers))
    below = sum(number < 70 for number in numbers) + 1
    assert told["share_of_readings"]["below_70_percent"] == pytest.approx(
        100 * below / (len(numbers) + 1)
    )
    assert (told["gmi_percent"], told["time_in_range_percent"]) == (None, None)
    assert told["sensor_not_given"]["reason"] == "not_continuous"
    assert found["material"]["control_solution"] == 1


WINDOWS = {
    "days=0": "days",
    "days=6": "days",
    "days=93": "days",
    "days=1_0": "days",
    "days=%2B7": "days",
    "days=7&days=8": "query",
    "last_day=2026-02-30": "last_day",
    "last_day=1794268800": "last_day",
    "last_day=2026-11-12T00:00:00Z": "last_day",
    "last_day=": "last_day",
    "sentinel=1": "sentinel",
}


def test_a_window_that_is_none_is_refused(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    path = address(made_up, "noor", "statistics/blood-pressure")
    for query, field in WINDOWS.items():
        with subtests.test(query):
            answer = casey.get(f"{path}?{query}")
            assert answer.status_code == 422
            assert set(answer.json()["fields"]) == {field}


@pytest.mark.parametrize(
    "rest", ["readings", "readings/latest", "summaries/daily", "statistics/glucose"]
)
def test_another_practices_patient_is_nobodys(
    casey: httpx.Client, made_up: MadeUp, rest: str
) -> None:
    query = {
        "readings": PRESSURES,
        "summaries/daily": {"kind": "glucose", "from": "2026-11-01", "to": "2026-11-02"},
    }.get(rest, {})
    answers = [
        casey.get(f"/api/v1/patients/{one}/{rest}", params=query)
        for one in (made_up.foreign_patient_id, uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_patients_days(casey: httpx.Client, made_up: MadeUp) -> None:
    path = address(made_up, "bertram", "summaries/daily")
    found = got(casey, path, kind="glucose", **{"from": "2026-11-01", "to": "2026-11-12"})
    assert found["time_zone"] == "America/New_York"
    assert set(found["codes"]) == {"glucose_mg_dl"}
    assert [one["measured_day"] for one in found["days"]] == sorted(
        one["measured_day"] for one in found["days"]
    )
    low = next(one for one in found["days"] if one["measured_day"] == "2026-11-10")
    assert low["below_range_count"] == 1
    for one in found["days"]:
        assert one["systolic_mmhg"] is None
        assert one["glucose_mg_dl"]["count"] == one["reading_count"]
    for query in (
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2025-10-01", "to": "2026-11-12"},
    ):
        answer = casey.get(path, params={"kind": "glucose", **query})
        assert answer.status_code == 422


def test_every_look_is_in_the_trail(casey: httpx.Client, made_up: MadeUp, connect: Connect) -> None:
    for rest, query in (
        ("readings", PRESSURES),
        ("readings/latest", {}),
        ("statistics/blood-pressure", {}),
        ("statistics/glucose", {}),
        ("summaries/daily", {"kind": "glucose", "from": "2026-11-01", "to": "2026-11-02"}),
    ):
        got(casey, address(made_up, "noor", rest), **query)
    with connect("postgres") as connection:
        lines = connection.execute(
            "select patient_ids, action, resource from ingest.audit_event where kind = 'read'"
        ).fetchall()
    assert lines == [([made_up.patients["noor"]], "R", "patient_record")] * 5
