"""Weight, oxygen saturation, temperature and ketone where people and programs see them, on both storage engines."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from firmware_profiles import kinds
from firmware_profiles.readings import Kind, Result
from tests import made_up_practice
from tests.made_up_practice import Connect, MadeUp

pytestmark = pytest.mark.db

AN_HOUR_AGO = made_up_practice.NOW - timedelta(hours=1)  # 09:42 at home
SAID: dict[Kind, tuple[dict[str, float], str, str]] = {
    Kind.BODY_WEIGHT: ({"weight_kg": 78.47148001}, "body-weight", "78.5 kg (173.0 lb)"),
    Kind.PULSE_OXIMETRY: ({"spo2_percent": 93.0, "pulse_bpm": 88.0}, "pulse-oximetry", "93 %"),
    Kind.BODY_TEMPERATURE: (
        {"temperature_celsius": 38.4},
        "body-temperature",
        "38.4 °C (101.1 °F)",
    ),
    Kind.KETONE: ({"ketone_mmol_l": 1.4}, "ketone", "1.4 mmol/L"),
}


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


@pytest.fixture
def reading_ids(connect: Connect, made_up: MadeUp) -> dict[Kind, Any]:
    return {
        kind: made_up_practice.add_reading(connect, made_up, "amalia", kind, AN_HOUR_AGO, **numbers)
        for kind, (numbers, _, _) in SAID.items()
    }


def test_a_page_shows_every_kind_that_there_is(
    casey: httpx.Client, made_up: MadeUp, reading_ids: dict[Kind, Any]
) -> None:
    address = f"/patients/{made_up.patients['amalia']}"
    said = text_of(casey.get(address))
    for kind, (_, chart, number) in SAID.items():
        declared = kinds.OF[kind]
        assert f"{declared.title} from 14 Oct to 12 Nov 2026: 1 reading on 1 of 30 days" in said
        assert number in said
        drawn = casey.get(f"{address}/charts/{chart}.svg")
        assert drawn.text.startswith("<svg")
        assert number in text_of(casey.get(f"/readings/{reading_ids[kind]}"))
    assert "no limits are set" in said
    assert "pulse 88" in said
    # Where there is nothing and nobody waits for anything, a page says nothing of it.
    assert "Weight from" not in text_of(casey.get(f"/patients/{made_up.patients['bertram']}"))


def test_programs_get_every_kind_with_its_codes(
    casey: httpx.Client, made_up: MadeUp, reading_ids: dict[Kind, Any]
) -> None:
    address = f"/api/v1/patients/{made_up.patients['amalia']}"
    latest = casey.get(f"{address}/readings/latest").json()
    for kind, (numbers, _, _) in SAID.items():
        span = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-13T00:00:00Z", "kind": kind.value}
        page = casey.get(f"{address}/readings", params=span).json()
        (reading,) = page["readings"]
        assert reading["reading_id"] == str(reading_ids[kind])
        assert {name: reading[name] for name in kinds.NUMBERS} == (
            dict.fromkeys(kinds.NUMBERS) | numbers
        )
        assert page["codes"] == {
            one.name: {"loinc": one.quantity.loinc, "ucum": one.quantity.ucum}
            for one in kinds.OF[kind].numbers
        }
        assert latest[kind]["latest_with_number"]["reading"] == reading
        days = {"from": "2026-11-12", "to": "2026-11-12", "kind": kind.value}
        (day,) = casey.get(f"{address}/summaries/daily", params=days).json()["days"]
        assert (day["reading_count"], day["device_count"]) == (1, 1)
        for name, number in numbers.items():
            assert (day[name]["count"], day[name]["mean"]) == (1, number)
        assert day["systolic_mmhg"] is None


def test_what_gave_no_number_is_said_with_the_name_of_the_device(
    casey: httpx.Client, connect: Connect, made_up: MadeUp
) -> None:
    for kind, result in (
        (Kind.BODY_WEIGHT, Result.NOT_MEASURABLE),
        (Kind.PULSE_OXIMETRY, Result.BELOW_RANGE),
        (Kind.KETONE, Result.ABOVE_RANGE),
    ):
        made_up_practice.add_reading(connect, made_up, "amalia", kind, AN_HOUR_AGO, result=result)
    said = text_of(casey.get(f"/patients/{made_up.patients['amalia']}"))
    assert "The scale tried and got no number" in said
    assert "Below what the oximeter can show (LO)" in said
    assert "Above what the meter can show (HI)" in said
    assert "1 reading above the meter's range" in said
    assert "1 attempt gave no number" in said


def test_no_limit_calls_for_a_kind_that_has_none(
    casey: httpx.Client, made_up: MadeUp, reading_ids: dict[Kind, Any]
) -> None:
    before = text_of(casey.get("/worklist"))
    assert not any(declared.title in before for kind, declared in kinds.OF.items() if kind in SAID)
