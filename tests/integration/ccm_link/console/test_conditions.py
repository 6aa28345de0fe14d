"""What a patient has: recorded with where it is known from, ended with a reason, and never changed."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_a_condition_is_recorded_ended_and_kept(
    casey: httpx.Client, made_up: MadeUp, connect: Connect, clock: Clock
) -> None:
    address = f"/patients/{made_up.patients['amalia']}"
    recorded = {"diagnosis": " e119 ", "source": "Problem list of 3 November."}
    answer = casey.post(f"{address}/conditions", data=recorded)
    assert answer.headers["location"] == f"{address}?said=condition-recorded"
    said = text_of(casey.get(answer.headers["location"]))
    assert "The condition is recorded." in said
    assert "E11.9, type 2 diabetes mellitus" in said
    assert "by Casey Lindqvist: Problem list of 3 November." in said

    again = casey.post(f"{address}/conditions", data=recorded)
    assert again.status_code == 409
    assert "recorded already" in again.text
    wrong = casey.post(f"{address}/conditions", data=recorded | {"diagnosis": "diabetes"})
    assert wrong.status_code == 422
    assert "This is no code of ICD-10-CM." in wrong.text
    assert 'value="diabetes"' in wrong.text

    first, _ = casey.get(f"/api/v1{address}/conditions").json()["conditions"]
    assert first["code"] == "E11.9"
    clock.move(minutes=5)
    ending = f"{address}/conditions/{first['condition_id']}/end"
    assert casey.post(ending, data={"reason": ""}).status_code == 422
    assert casey.post(ending, data={"reason": "Another patient’s."}).status_code == 303
    assert casey.post(ending, data={"reason": "Again."}).status_code == 409
    said = text_of(casey.get(address))
    assert "Conditions I10, essential (primary) hypertension" in said
    assert "ended by Casey Lindqvist: Another patient’s." in said
    other = f"/patients/{made_up.patients['noor']}/conditions/{first['condition_id']}/end"
    assert casey.post(other, data={"reason": "Not hers."}).status_code == 409

    assert casey.post(f"{address}/conditions", data=recorded).status_code == 303
    found = casey.get(f"/api/v1{address}/conditions").json()["conditions"]
    assert [(one["code"], one["ended_at"] is None) for one in found] == [
        ("E11.9", True),
        ("I10", True),
        ("E11.9", False),
    ]
    with connect("postgres") as connection:
        details = connection.execute(
            "select detail from ingest.audit_event where resource = 'condition' and kind = 'change' order by at"
        ).fetchall()
    assert [sorted(detail) for (detail,) in details] == [["after"], ["after", "before"], ["after"]]
    assert "Problem list" not in str(details)
