"""The patient page on both storage engines: charts, tables, marks, limits."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from tests import made_up_practice
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = pytest.mark.db


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_the_page_says_whose_it_is_and_shows_the_course(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    page = casey.get(f"/patients/{made_up.patients['amalia']}")
    said = text_of(page)
    assert "Amalia Thornquist" in said
    assert "75 years, born 17 Mar 1951" in said
    assert "Record MFP-100482" in said
    assert "10:42 at home" in said
    (alt,) = set(re.findall(r'<img[^>]* alt="([^"]+)"', page.text))
    assert alt.startswith("Blood pressure from 14 Oct to 12 Nov 2026: ")
    assert "the latest is 186 over 108 on 12 Nov at 10:07" in alt
    assert unescape(alt) in said  # the table's caption says the same
    assert "12 min 30 s Chronic care management" in said
    assert "Reached: no code yet. For 99490: 7 min 30 s by 30 November." in said
    assert "Glucose from 14 Oct to 12 Nov 2026: no readings" in said


def test_a_window_is_counted_in_the_patients_days(casey: httpx.Client, made_up: MadeUp) -> None:
    address = f"/patients/{made_up.patients['amalia']}"
    for days, first in (("7", "6 Nov"), ("14", "30 Oct"), ("90", "15 Aug")):
        assert f"Blood pressure from {first} to 12 Nov" in casey.get(f"{address}?days={days}").text
    for days in ("8", "-1", "1e9", "7_0", "", "7&days=30"):
        answer = casey.get(f"{address}?days={days}")
        assert answer.status_code == 422
        assert "Choose one of the list." in answer.text or "came twice" in answer.text


def test_charts_are_drawn_on_the_server(casey: httpx.Client, made_up: MadeUp) -> None:
    for chart in ("blood-pressure", "glucose"):
        address = f"/patients/{made_up.patients['bertram']}/charts/{chart}.svg"
        for query in ("", "?days=90", "?theme=dark&size=narrow"):
            drawn = casey.get(address + query)
            assert drawn.status_code == 200
            assert drawn.headers["content-type"] == "image/svg+xml"
            assert drawn.headers["cache-control"] == "no-store"
            assert drawn.text.startswith("<svg")
        assert casey.get(address.replace(chart, "weight")).status_code == 404
        assert casey.get(address, params={"theme": "sepia"}).status_code == 422


def test_marks_say_how_far_a_time_can_be_trusted_and_what_has_no_number(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    said = text_of(casey.get(f"/patients/{made_up.patients['noor']}"))
    assert "time uncertain" in said
    assert "device clock not set" in said
    assert "The cuff tried and got no number" in said
    said = text_of(casey.get(f"/patients/{made_up.patients['bertram']}"))
    assert "Below what the meter can show (LO)" in said
    assert "Test of the strips with control solution, not blood" in said
    assert "clock corrected" in said


def test_unassigned_readings_are_nobodys(casey: httpx.Client, made_up: MadeUp) -> None:
    for patient_id in made_up.patients.values():
        assert "177" not in text_of(casey.get(f"/patients/{patient_id}?days=90"))
    said = text_of(casey.get("/unassigned"))
    assert "standard-cuff" in said
    assert "does not tell users apart 2 " in said


def test_a_name_in_any_script_is_shown_as_it_is(casey: httpx.Client) -> None:
    assert "نور Þórdís D’Souza 🙂" in unescape(casey.get("/patients").text)


LIMIT = {
    "question": "systolic-high/clinical",
    "limit": "150",
    "reason": "Known, tolerates it; cardiology agrees.",
}


def test_a_limit_for_one_patient_has_who_and_why_and_decides_from_then_on(
    casey: httpx.Client, made_up: MadeUp, connect: Connect, clock: Clock
) -> None:
    address = f"/patients/{made_up.patients['bertram']}"
    answer = casey.post(f"{address}/rules", data=LIMIT)
    assert answer.headers["location"] == f"{address}?said=limit-set"
    said = text_of(casey.get(f"{address}?said=limit-set"))
    assert "The limit is in force" in said
    assert (
        "Raised systolic pressure for this patient Systolic pressure at or above 150 mmHg in one reading."
        in said
    )
    assert "set by Casey Lindqvist: Known, tolerates it; cardiology agrees." in said
    assert "for the whole practice" in said
    assert "at or above 150" not in text_of(casey.get(f"/patients/{made_up.patients['amalia']}"))

    clock.move(minutes=5)
    made_up_practice.add_breach(connect, made_up, "bertram", 145, clock.now)
    assert "145 mmHg" not in text_of(casey.get("/worklist"))
    clock.move(minutes=5)
    made_up_practice.add_breach(connect, made_up, "bertram", 152, clock.now)
    assert "152 mmHg" in text_of(casey.get("/worklist"))

    answer = casey.post(f"{address}/rules", data=LIMIT | {"limit": "155", "reason": "Again."})
    assert answer.status_code == 303
    assert "Version 2" in text_of(casey.get(address))


BAD_LIMITS = {
    "no reason": ({"reason": ""}, "Fill this in."),
    "at the urgent limit": ({"limit": "180"}, "This contradicts"),
    "kPa": ({"limit": "18.7"}, "lies between 70 and 250 mmHg"),
    "with unit": ({"limit": "150 mmHg"}, "Write a number like"),
    "unknown": ({"question": "weight-high/urgent"}, "Choose one of the list."),
    "over": ({"until_on": "2026-11-11"}, "This day is over."),
    "quote": ({"question": "x' or 1=1"}, "Choose one of the list."),
    "somebody else's": ({"patient_id": "x"}, "There is no such field."),
}


def test_a_limit_that_cannot_be_is_refused_with_what_was_typed_kept(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    for case, (changed, words) in BAD_LIMITS.items():
        with subtests.test(case):
            form = LIMIT | changed
            answer = casey.post(f"/patients/{made_up.patients['bertram']}/rules", data=form)
            assert answer.status_code == 422
            assert words in answer.text
            assert "<details open>" in answer.text
            if "limit" in changed:
                assert f'value="{form["limit"]}"' in answer.text
            assert "for this patient</span>" not in answer.text
