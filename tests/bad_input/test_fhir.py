"""Searches over FHIR that are wrong: rows 60 to 64 and 74 of the catalogue of bad input, answered in FHIR's own shape.

What row each is of stands in its name; the rows themselves stand in test_http.py.
"""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from ccm_link.fhir.server_types import TYPES
from tests.bad_input.conftest import Visitor
from tests.made_up_practice import MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
BASE = "/fhir/R4"


def refused(answer: httpx.Response, status: int) -> str:
    """Hold a refusal to FHIR's shape; return what it says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    return f"{issue['code']}: {issue['details']['text']} {issue['diagnostics']}"


def test_row_60_an_id_that_is_none_looks_like_one_that_is_not_there(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    ids = ("1", "x" * 200, "%00", str(uuid4()), str(UUID(int=0)), str(made_up.foreign_patient_id))
    average = f"{uuid4()}.average-pressure."
    for kind in TYPES:
        with subtests.test(kind):
            said = {refused(casey.get(f"{BASE}/{kind}/{one}"), 404) for one in ids}
            assert len(said) == 1
    for one in (f"{average}0001-01-01", f"{average}9999-12-31", f"{average}2026-02-30", average):
        assert refused(casey.get(f"{BASE}/Observation/{one}"), 404) in said


SENTINEL = "sentinel-Thornquist"
UNUSABLE: dict[str, list[tuple[str, str]]] = {
    "no patient": [("code", "85354-9")],
    "two patients": [("patient", "a"), ("subject", "b")],
    "a patient who is none": [("patient", f"Practitioner/{SENTINEL}")],
    "a patient elsewhere": [("patient", f"http://{SENTINEL}.example/Patient/1")],
    "a modifier": [("patient", "1"), ("code:in", SENTINEL)],
    "a chain": [("patient.name", SENTINEL)],
    "no date": [("patient", "1"), ("date", SENTINEL)],
    "a day that is none": [("patient", "1"), ("date", "2026-02-30")],
    "a prefix that is not understood": [("patient", "1"), ("date", "ap2026-02-03")],
    "a hundred years": [("patient", "1"), ("date", "9999-12-31")],
    "a number for a count": [("patient", "1"), ("_count", SENTINEL)],
    "a negative count": [("patient", "1"), ("_count", "-1")],
    "another order": [("patient", "1"), ("_sort", SENTINEL)],
    "another summary": [("patient", "1"), ("_summary", SENTINEL)],
    "a code twice": [("patient", "1"), ("code", "1"), ("code", "2")],
    "an empty code": [("patient", "1"), ("code", "a,,b")],
    "a very long code": [("patient", "1"), ("code", SENTINEL * 20)],
    "very much at once": [("patient", "1"), ("code", ",".join(["x" * 190] * 40))],
    "ids that are none": [("_id", f"{SENTINEL}/../x y")],
    "a cursor that is none": [("_cursor", SENTINEL)],
}


def test_row_64_a_cursor_holds_the_longest_question_that_is_taken(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    codes = ",".join(["85354-9", *("é" * 190 for _ in range(5))])
    query = {"patient": str(made_up.patients["amalia"]), "code": codes, "_count": "1"}
    page = casey.get(f"{BASE}/Observation", params=query)
    assert page.status_code == 200, page.text
    (address,) = (one["url"] for one in page.json()["link"] if one["relation"] == "next")
    assert casey.get(address).status_code == 200


def test_rows_61_to_64_what_cannot_be_searched_for_is_refused_and_not_repeated(
    casey: httpx.Client, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    amalia = str(made_up.patients["amalia"])
    for what, given in UNUSABLE.items():
        with subtests.test(what):
            query = [
                (name, amalia if text == "1" and name == "patient" else text)
                for name, text in given
            ]
            said = refused(casey.get(f"{BASE}/Observation", params=query), 400)
            assert SENTINEL not in said


def test_rows_56_to_58_a_form_that_is_none_is_refused(casey: httpx.Client) -> None:
    form = "application/x-www-form-urlencoded"
    for content, content_type, status in (
        (b'{"name": "a"}', "application/json", 415),
        (b"name=a", "", 415),
        (b"name=%ff", form, 400),
        (b"\xff=a", form, 400),
        (b"name=%00", form, 400),
        (b"&".join([b"name=a"] * 101), form, 400),
        (b"name=a&name=b", form, 400),
        (b"x" * 65_537, form, 413),
    ):
        headers = {"content-type": content_type} if content_type else {}
        answer = casey.post(f"{BASE}/Patient/_search", content=content, headers=headers)
        refused(answer, status)


def test_row_74_no_method_writes(visitor: Visitor, made_up: MadeUp) -> None:
    program = visitor()
    amalia = str(made_up.patients["amalia"])
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("Patient", f"Patient/{amalia}", "Observation", "", "Foo"):
            answer = program.request(
                method,
                f"{BASE}/{path}",
                content=b'{"resourceType": "Patient"}',
                headers={"sec-fetch-site": "none"},
            )
            assert "not-supported" in refused(answer, 405)
