"""A patient's record: added, corrected, standing changed and withdrawn, payers, contacts, people to talk with."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from firmware_profiles.readings import Kind
from tests import made_up_practice
from tests.made_up_practice import NOW, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

ADA = {
    "display_name": "Ada Quist",
    "family_name": "Quist",
    "born_on": "1950-02-03",
    "record_number": "MFP-9",
    "time_zone": "America/Chicago",
    "administrative_gender": "female",
}


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_a_patient_is_added_corrected_and_nothing_is_lost(
    casey: httpx.Client, clock: Clock
) -> None:
    wrong = casey.post("/patients", data=ADA | {"born_on": "3.2.50", "time_zone": "Mars/Base"})
    assert wrong.status_code == 422
    assert "Write a date like 1951-11-03." in wrong.text
    assert "There is no such time zone." in wrong.text
    taken = casey.post("/patients", data=ADA | {"record_number": "MFP-100482"})
    assert "Another patient of the practice has this record number." in taken.text
    added = casey.post("/patients", data=ADA)
    assert added.status_code == 303
    page = casey.get(added.headers["location"])
    assert "The patient is added." in text_of(page)
    address = added.headers["location"].split("?")[0]
    assert "Ada Quist" in casey.get("/patients").text

    clock.move(minutes=1)
    corrected = ADA | {
        "born_on": "1951-02-03",
        "language": "es",
        "based_on": "0",
        "reason": "Her passport.",
    }
    assert casey.post(f"{address}/identity", data=corrected).status_code == 303
    said = text_of(casey.get(address))
    assert "Corrections (1)" in said
    assert "Born on: 1950-02-03 1951-02-03" in said
    # From the page as it was before: somebody else's correction is not undone.
    stale = casey.post(f"{address}/identity", data=corrected | {"language": "en"})
    assert stale.status_code == 409

    for form, data, words in (
        ("identifiers", {"identifier_kind": "MC", "number": "1EG4-TE5-MK7"}, "as on the card"),
        ("coverage", {"coverage_kind": "medicaid", "rank": "1", "covered_from": "2026-01-01"}, ""),
        ("telecoms", {"telecom_kind": "phone", "reached_at": "12", "used_for": "home"}, "+1"),
        ("related", {"related_name": "Bo", "relationship": "DOG"}, "Choose one of the list."),
    ):
        refused = casey.post(f"{address}/{form}", data=data)
        assert (refused.status_code, words in unescape(refused.text)) == (422, True), form


def test_payers_contacts_and_permissions_are_kept_as_they_were(
    casey: httpx.Client, made_up: MadeUp, clock: Clock
) -> None:
    address = f"/patients/{made_up.patients['amalia']}/record"

    def post(form: str, **data: str) -> httpx.Response:
        clock.move(minutes=1)
        kind = {
            "content-type": "application/x-www-form-urlencoded"
        }  # httpx says none of an empty one
        return casey.post(f"{address}/{form}", data=data, headers=kind)

    part_b = {"coverage_kind": "medicare_part_b", "payer_name": "Medicare", "rank": "1"}
    assert post("coverage", **part_b, covered_from="2026-01-01").status_code == 303
    again = post("coverage", **part_b, covered_from="2026-06-01")
    assert "Another payer has this place in the order" in again.text
    second = {"coverage_kind": "medigap", "payer_name": "Elm Mutual", "rank": "2"}
    assert post("coverage", **second, covered_from="2026-01-01").status_code == 303
    assert post("identifiers", identifier_kind="MC", number="1eg4-te5-mk73").status_code == 303
    assert (
        "Somebody of the practice has this number"
        in post("identifiers", identifier_kind="MC", number="1EG4TE5MK73").text
    )
    phone = {"telecom_kind": "phone", "used_for": "home"}
    assert (
        post("telecoms", **phone, reached_at="(212) 555-0100", preferred="yes").status_code == 303
    )
    assert post("telecoms", **phone, reached_at="212 555 0199", preferred="yes").status_code == 303
    assert post("address", street="1 Elm Street", city="Troy", country="US").status_code == 303
    assert post("address", street="2 Oak Street", city="Troy", country="US").status_code == 303
    assert post("related", related_name="Bo Quist", relationship="HUSB").status_code == 303
    page = text_of(casey.get(address))
    assert "a Medigap policy usually takes over the 20 %" in page
    assert "This is general and no promise" in page
    assert "The practice may not talk with them about the patient." in page

    known = casey.get(f"/api/v1{address}").json()
    assert known["identifiers"][0]["value"] == "1EG4TE5MK73"
    assert [(one["address"], one["is_preferred"]) for one in known["telecoms"]] == [
        ("+12125550199", True),
        ("+12125550100", False),
    ]
    assert known["address"]["street"] == "2 Oak Street"
    (bo,) = known["related_people"]
    first = next(one for one in known["coverages"] if one["rank"] == 1)
    assert bo["may_talk_since"] is None

    assert post(f"related/{bo['related_id']}/allow", given_on="2027-01-01").status_code == 422
    assert post(f"related/{bo['related_id']}/allow", given_on="2026-11-02").status_code == 303
    assert post(f"related/{bo['related_id']}/stop").status_code == 303
    assert post(f"related/{bo['related_id']}/stop").status_code == 409
    assert (
        post(f"coverage/{first['coverage_id']}/end", covered_until="2026-10-31").status_code == 303
    )
    assert post("coverage", **part_b, covered_from="2026-11-01").status_code == 303
    page = text_of(casey.get(address))
    assert "Permissions until now (1)" in page
    assert "to 31 Oct 2026" in page


def test_who_died_leaves_lists_and_counts_and_comes_back_where_it_was_wrong(
    casey: httpx.Client, made_up: MadeUp, connect: Connect, clock: Clock
) -> None:
    patient_id = made_up.patients["amalia"]
    address = f"/patients/{patient_id}/record"
    assert "Amalia" in casey.get("/worklist").text
    future = {"seen": "active", "standing": "deceased", "since_on": "2026-11-13", "reason": "r"}
    refused = casey.post(f"{address}/standing", data=future)
    assert refused.status_code == 409
    assert "still to come" in refused.text
    died = future | {"since_on": "2026-11-12", "since_time": "10:30", "reason": "Her son called."}
    assert casey.post(f"{address}/standing", data=died).status_code == 303
    assert casey.post(f"{address}/standing", data=died).status_code == 409  # a double click

    for page in ("/worklist", "/patients"):
        assert "Amalia" not in casey.get(page).text, page
    assert casey.get("/api/v1/worklist").json()["tasks"] == [
        one
        for one in casey.get("/api/v1/worklist").json()["tasks"]
        if one["patient_id"] != str(patient_id)
    ]
    # A reading from after the death is another person's: it is stored, calls nobody, and stands out.
    clock.move(minutes=5)
    made_up_practice.add_breach(connect, made_up, "amalia", 190, clock.now)
    made_up_practice.add_reading(
        connect, made_up, "amalia", Kind.BLOOD_PRESSURE, NOW, systolic_mmhg=120, diastolic_mmhg=80
    )
    page = text_of(casey.get(address))
    assert "Deceased since" in page
    closed = "Closed with it Program: Chronic care management Over"
    assert closed in page
    assert "They are another person’s" in page
    assert "of patients who are not active" in text_of(casey.get("/worklist"))
    listed = text_of(casey.get("/patients/not-active"))
    assert "Amalia Thornquist" in listed
    assert "Raised" in listed or "systolic" in listed.lower()  # her open tasks
    with connect("postgres") as connection:
        silences = connection.execute(
            "select silence from alerts.breach where patient_id = %s and measured_at > %s",
            (patient_id, NOW),
        ).fetchall()
        assert {one for (one,) in silences} == {"not_active"}
        (standing_id, aside) = connection.execute(
            "select standing_id, (select count(*) from alerts.episode where patient_id = %s"
            " and closed_at is null and set_aside_at is not null) from ingest.patient_standing",
            (patient_id,),
        ).fetchone() or (None, 0)
    assert aside > 0

    clock.move(minutes=1)
    withdrawal = f"{address}/standing/{standing_id}/withdraw"
    assert casey.post(withdrawal, data={"reason": "It was her sister."}).status_code == 303
    assert casey.post(withdrawal, data={"reason": "Again."}).status_code == 409
    assert "Amalia" in casey.get("/worklist").text
    assert "Amalia" in casey.get("/patients").text
    assert "It was her sister." in casey.get(address).text
    assert closed in text_of(casey.get(address))  # and stays so
    with connect("postgres") as connection:
        events = connection.execute(
            "select event from alerts.episode_event where event in ('set_aside', 'taken_up') order by at"
        ).fetchall()
    assert [one for (one,) in events] == ["set_aside"] * aside + ["taken_up"] * aside
