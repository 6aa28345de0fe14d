"""What a patient is expected to measure, when silence is expected, and what silence meant: on the console's pages."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from alerts import activation, clock_watch, rule_set
from ccm_link.care_side import CARE_SIDE
from ingest import tenancy
from tests import gateway_heartbeat
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
FORM = {"content-type": "application/x-www-form-urlencoded"}
AGREED = {
    "kind": "blood_pressure",
    "how": "sessions",
    "morning": "1",
    "on_days": "mon, fri",
    "reason": "Enough.",
}


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_a_schedule_is_agreed_on_changed_and_given_up(
    casey: httpx.Client, made_up: MadeUp, clock: Clock, connect: Connect
) -> None:
    address = f"/patients/{made_up.patients['amalia']}"
    said = text_of(casey.get(address))
    assert "Glucose : 3 a week. for this patient" in said
    assert "She finds every day too much." in said

    answer = casey.post(f"{address}/schedule", data=AGREED)
    assert answer.headers["location"] == f"{address}?said=agreed#expected"
    said = text_of(casey.get(answer.headers["location"]))
    assert "The schedule holds from now on" in said
    assert "Blood pressure : 1 Mon, Fri from 06:00 to 12:00. for this patient" in said
    assert casey.post(f"{address}/schedule", data=AGREED).status_code == 409  # at the same instant

    for wrong, told in (
        ({"morning": ""}, "how many measurements a session has"),
        ({"on_days": "Monday"}, "Write days like"),
        ({"morning_from": "13:00"}, "The hours do not fit together"),
        ({"kind": "mood"}, "Choose one of the list."),
        ({"morning": "1000"}, "Write a number from 0 to 9."),
    ):
        refused = casey.post(f"{address}/schedule", data=AGREED | wrong)
        assert refused.status_code == 422
        assert told in unescape(refused.text)
        assert "Enough." in refused.text  # what was typed is kept

    clock.move(minutes=5)
    ending = {"kind": "blood_pressure"}
    assert casey.post(f"{address}/schedule/end", data=ending).status_code == 303
    assert casey.post(f"{address}/schedule/end", data=ending).status_code == 404
    assert "Mon, Fri from" not in text_of(casey.get(address))
    with connect("postgres") as connection:
        details = connection.execute(
            "select resource_id, detail from ingest.audit_event where resource_id like 'schedule/%' order by at"
        ).fetchall()
    assert [resource_id for resource_id, _ in details] == ["schedule/blood_pressure"] * 2
    assert "Enough" not in str(details)


def test_silence_is_expected_of_a_patient_a_gateway_or_all_until_somebody_ends_it(
    casey: httpx.Client, made_up: MadeUp, clock: Clock
) -> None:
    address = f"/patients/{made_up.patients['amalia']}"
    assert "Travel : 22 Nov 2026" in text_of(casey.get(address))
    window = {
        "cause": "hospital", "from_on": "2026-11-12", "from_time": "09:00", "until_on": "2026-11-19",
        "until_time": "12:00", "reason": "A new hip.",
    }  # fmt: skip
    assert casey.post(f"{address}/silence", data=window).status_code == 303
    page = casey.get(address)
    assert "Hospital" in page.text
    assert "A new hip." in page.text
    for wrong, told in (
        ({"until_on": "2026-11-11"}, "later than the beginning"),
        ({"until_on": "2027-11-11"}, "lasts 92 days at most"),
        ({"until_on": "2027-03-14", "until_time": "02:30"}, "The clocks skipped this time"),
        ({"cause": "boredom"}, "Choose one of the list."),
    ):
        refused = casey.post(f"{address}/silence", data=window | wrong)
        assert refused.status_code == 422
        assert told in unescape(refused.text)
    ending = re.findall(rf"{address}/silence/[0-9a-f-]+/end", page.text)[0]
    clock.move(minutes=1)
    other = ending.replace(str(made_up.patients["amalia"]), str(made_up.patients["noor"]))
    assert casey.post(other, headers=FORM).status_code == 404
    assert casey.post(ending, headers=FORM).status_code == 303
    assert casey.post(ending, headers=FORM).status_code == 404
    assert "A new hip." not in casey.get(address).text

    fleet = window | {"whom": "practice", "cause": "maintenance", "reason": "New broker."}
    assert casey.post("/quiet-times/windows", data=fleet).status_code == 303
    assert (
        casey.post("/quiet-times/windows", data=fleet | {"whom": "gw-home0001"}).status_code == 303
    )
    assert (
        casey.post("/quiet-times/windows", data=fleet | {"whom": "gw-else0001"}).status_code == 422
    )
    said = text_of(casey.get("/quiet-times"))
    assert "Maintenance , the whole practice: 12 Nov 2026" in said
    assert "(gw-home0001)" in said
    assert "With her sister" not in said  # a patient's is on the patient's page alone
    assert "the whole practice" in text_of(casey.get(address))
    ending = re.findall(r"/quiet-times/windows/[0-9a-f-]+/end", casey.get("/quiet-times").text)[0]
    assert casey.post(ending, headers=FORM).status_code == 303


def test_quiet_hours_are_set_changed_and_ended(casey: httpx.Client, clock: Clock) -> None:
    hours = {
        "from_time": "18:00",
        "until_time": "08:00",
        "quiet_days": "sat, sun",
        "reason": "Closed.",
    }
    said = text_of(casey.get("/quiet-times"))
    assert "There are none" in said
    assert "The rules about silence have not been asked" in said
    assert casey.post("/quiet-times/hours", data=hours).status_code == 303
    said = text_of(casey.get("/quiet-times?said=hours-set"))
    assert "Every day from 18:00 to 08:00 and all day on Sat, Sun" in said
    every = "mon tue wed thu fri sat sun"
    refused = casey.post("/quiet-times/hours", data=hours | {"quiet_days": every})
    assert refused.status_code == 422
    clock.move(minutes=1)
    assert casey.post("/quiet-times/hours", data=hours | {"from_time": "19:00"}).status_code == 303
    clock.move(minutes=1)
    assert "from 19:00 to" in text_of(casey.get("/quiet-times"))
    assert casey.post("/quiet-times/hours/end", headers=FORM).status_code == 303
    assert casey.post("/quiet-times/hours/end", headers=FORM).status_code == 404


def test_a_task_says_which_link_is_missing_and_what_to_do(
    casey: httpx.Client, made_up: MadeUp, clock: Clock, connect: Connect, database: Any
) -> None:
    now = clock.now
    begin = now - timedelta(days=50)
    with connect("postgres") as connection, connection.cursor() as cur:
        tenancy.enter(cur, tenancy.Scope((made_up.practice_id,)))
        activation.activate(
            cur,
            made_up.practice_id,
            rule_set.shipped_set("silence"),
            clinician="Dana Achterberg",
            reason="test",
            at=begin,
        )
        cur.execute(
            "update ingest.hearing set since_at = %s, until_at = %s",
            (now - timedelta(days=60), now),
        )
        cur.execute("delete from ingest.evaluation_queue")
        (peripheral_id, address) = cur.execute(
            "select peripheral_id, bluetooth_address from ingest.peripheral join ingest.assignment"
            " using (practice_id, peripheral_id) where patient_id = %s",
            (made_up.patients["amalia"],),
        ).fetchone() or (None, None)
        cur.execute(
            "update ingest.peripheral set profile_id = 'standard-cuff' where peripheral_id = %s",
            (peripheral_id,),
        )
        cur.execute(
            "delete from ingest.reading_series where patient_id = %s and measured_at > %s",
            (made_up.patients["amalia"], now - timedelta(days=9)),
        )
    gateway_heartbeat.say(connect, made_up.practice_id, "gw-home0001", now)
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.gateway_health"
            " set health = jsonb_set(health, '{peripherals,0,peripheral}', to_jsonb(%s::text))",
            (address,),
        )
    with connect("homevitals_alerts") as connection:
        connection.autocommit = True
        assert clock_watch.ask_all(connection, CARE_SIDE, now) > 0
    assert "rules about silence were asked last just now." in text_of(casey.get("/quiet-times"))
    said = text_of(casey.get(f"/patients/{made_up.patients['amalia']}"))
    assert "What silence meant in the last 30 days" in said
    assert "Outreach Blood pressure: 28 of 28 agreed measurements of 7 days are missing." in said
    (task,) = (
        one
        for one in casey.get("/api/v1/worklist").json()["tasks"]
        if one["title"].startswith("Blood pressure is not")
        and one["patient_id"] == str(made_up.patients["amalia"])
    )
    page = text_of(casey.get(f"/tasks/{task['task_id']}"))
    assert "The patient did not measure" in page
    assert "Ask the patient how they are and what keeps them from measuring." in page
    assert "cannot be found" not in page
    assert casey.get(f"/api/v1/tasks/{task['task_id']}").status_code == 200
