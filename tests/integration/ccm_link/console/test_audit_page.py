"""The auditor's page and the export: complete, filtered, a page at a time, and events of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import httpx
import pytest

from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]


def test_the_auditor_sees_who_looked_at_whom(
    casey: httpx.Client, sign_in: SignIn, made_up: MadeUp
) -> None:
    amalia = made_up.patients["amalia"]
    assert casey.get(f"/patients/{amalia}").status_code == 200
    auditor = sign_in("augustin")
    page = auditor.get(f"/audit?patient={amalia}&days=7&kind=read").text
    assert "Casey Lindqvist" in page
    assert "patient record" in page
    assert "Thornquist" not in page  # ids, not names
    other = auditor.get(f"/audit?patient={made_up.patients['noor']}&kind=change").text
    assert "No such event" in other


def test_pages_follow_each_other_without_gap_or_repetition(
    casey: httpx.Client, sign_in: SignIn, clock: Clock, made_up: MadeUp
) -> None:
    for _ in range(120):
        assert casey.get("/quarantine").status_code == 200
    clock.move(seconds=1)
    auditor = sign_in("augustin")
    asked = f"/audit?kind=read&staff={made_up.staff['casey']}"
    first = auditor.get(asked).text
    later = re.search(r'href="(/audit\?[^"]*before=[^"]*)"', first)
    assert later is not None
    second = auditor.get(later[1].replace("&amp;", "&")).text
    assert [page.count('<th scope="row"') for page in (first, second)] == [100, 20]
    assert "Earlier events" not in second


@pytest.mark.parametrize(
    "query",
    [
        "days=4711",
        "kind=everything",
        "staff=robin",
        "before=2026-11-12T00:00:00Z",
        "before=yesterday&event=0b9d7a52-4a0e-4c5e-9d9f-2f1f6f0c8a11",
        "unknown=canary",
    ],
)
def test_a_question_that_makes_no_sense_is_refused_without_repeating_it(
    sign_in: SignIn, query: str
) -> None:
    answer = sign_in("augustin").get(f"/audit?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[2].partition("&")[0] not in re.sub(
        "<head>.*</head>", "", answer.text
    )


def test_the_export_is_fhir_and_an_event_of_its_own(
    casey: httpx.Client, sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    casey.get(f"/patients/{made_up.patients['amalia']}")
    auditor = sign_in("augustin")
    answer = auditor.get("/audit/export?from=2026-11-12T00:00:00Z&to=2026-11-13T00:00:00Z")
    assert answer.headers["content-type"].startswith("application/fhir+ndjson")
    resources = [json.loads(line) for line in answer.text.splitlines()]
    assert {one["resourceType"] for one in resources} == {"AuditEvent"}
    assert any(str(made_up.patients["amalia"]) in json.dumps(one) for one in resources)
    with connect("postgres") as connection:
        (resource, detail) = connection.execute(
            "select resource, detail from ingest.audit_event where kind = 'export'"
        ).fetchone()
    assert resource == "audit_trail"
    assert detail["resources"] == len(resources)


def test_neither_page_nor_export_is_for_those_who_are_audited(casey: httpx.Client) -> None:
    assert casey.get("/audit").status_code == 403
    export = "/audit/export?from=2026-11-12T00:00:00Z&to=2026-11-13T00:00:00Z"
    assert casey.get(export).status_code == 403


def test_exports_are_limited(sign_in: SignIn) -> None:
    auditor = sign_in("augustin")
    export = "/audit/export?from=2026-11-12T00:00:00Z&to=2026-11-13T00:00:00Z"
    answers = [auditor.get(export).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
