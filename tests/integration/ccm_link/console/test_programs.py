"""The pages of programs: a patient's way into one by plain forms, and what is said where one cannot be taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest

from tests.console_bodies_programs import TOLD
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def enrolment_of(browser: httpx.Client, patient: str, program: str) -> dict[str, Any]:
    found = browser.get(f"/api/v1/patients/{patient}/programs").json()["enrolments"]
    return next(one for one in found if one["program"] == program)


def test_a_patient_is_led_into_remote_monitoring_and_out_of_it(
    casey: httpx.Client,
    sign_in: Callable[[str], httpx.Client],
    made_up: MadeUp,
    connect: Connect,
    clock: Clock,
) -> None:
    patient = str(made_up.patients["amalia"])
    page = f"/patients/{patient}/program"
    said = text_of(casey.get(page))
    assert "Chronic care management Active" in said
    assert "Not recorded here" in said  # how the consent was taken that was carried over
    assert "Remote physiologic monitoring May suit" in said

    answer = casey.post(f"{page}/enrolments", data={"program": "rpm", "reason": "Raised."})
    assert answer.headers["location"] == f"{page}?said=identified"
    held = enrolment_of(casey, patient, "rpm")
    address = f"{page}/enrolments/{held['enrolment_id']}"

    def post(step: str, **fields: str) -> httpx.Response:
        version = str(enrolment_of(casey, patient, "rpm")["row_version"])
        return casey.post(f"{address}/{step}", data={"row_version": version} | fields)

    listed = text_of(casey.get("/program?program=rpm"))
    assert "Amalia Thornquist" in listed
    again = {"next_on": "2026-11-13", "next_time": "09:00"}
    first = {"row_version": "1", "try_method": "phone", "outcome": "voicemail"}
    assert casey.post(f"{address}/attempts", data=first | again).status_code == 303
    twice = casey.post(f"{address}/attempts", data=first | again)  # a double click
    assert twice.status_code == 409
    assert "changed after the page was drawn" in twice.text
    listed = text_of(casey.get("/program?tab=identified"))
    assert "Call again 13 Nov 2026, 09:00 EST 1 attempt, the last: voicemail" in listed

    wrong = post("attempts", try_method="letter", outcome="reached", spoke_with="patient")
    assert wrong.status_code == 422
    assert "no conversation" in wrong.text
    assert post("consent", consent_method="verbal", given_by="patient", **TOLD).status_code == 422
    dana = str(made_up.staff["dana"])
    assert post("practitioner", biller_id=dana, reason="Hers.").status_code == 303
    later = {"happened_on": "2026-11-30", "happened_time": "10:00"}
    consent = {"consent_method": "verbal", "given_by": "patient", **TOLD}
    wrong = post("consent", **consent, **later)
    assert (wrong.status_code, "cannot be given in the future" in wrong.text) == (422, True)
    told = dict(consent)
    del told["told_cost_sharing"]
    wrong = post("consent", **told)
    assert (wrong.status_code, "has to be told all of it" in wrong.text) == (422, True)
    assert 'name="told_may_stop" value="yes" checked' in wrong.text  # what was ticked stays so
    assert post("consent", **consent).status_code == 303
    held = enrolment_of(casey, patient, "rpm")
    assert (held["state"], held["needs_consent"]) == ("consented", False)

    wrong = post("step", to_state="active")
    assert wrong.status_code == 422
    assert "an order for the monitoring" in wrong.text
    for name in ("order", "medical_device", "established_patient"):
        vouched = {"requirement": name, "is_met": "yes", "basis": "B.", "from_on": "2026-11-12"}
        assert casey.post(f"{page}/attestations", data=vouched).status_code == 303
        assert casey.post(f"{page}/attestations", data=vouched).status_code == 409
    assert post("step", to_state="planned").status_code == 422  # there is no such state in it
    assert post("step", to_state="active").status_code == 303
    assert "Remote physiologic monitoring Active" in text_of(casey.get(page))

    clock.move(minutes=5)
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set role = 'clinician' where sign_in_name = 'robin'"
        )
    robin = str(made_up.staff["robin"])
    answer = post("practitioner", biller_id=robin, reason="Dana left.")
    assert answer.headers["location"].endswith("said=consent-needed")
    assert "Nothing can be billed: a consent is missing" in text_of(casey.get(page))
    assert "a consent is missing" in text_of(casey.get("/program?tab=active&program=rpm"))
    assert post("consent", **consent).status_code == 303

    clock.move(minutes=5)
    wrong = post("consent/take-back", reason="Enough.", **later)
    assert (wrong.status_code, "That time is to come." in wrong.text) == (422, True)
    before = {"happened_on": "2026-11-01", "happened_time": "10:00"}
    wrong = post("consent/take-back", reason="Enough.", **before)
    assert (wrong.status_code, "was not given yet by then" in wrong.text) == (422, True)
    assert post("consent/take-back", reason="Enough.").status_code == 303
    said = text_of(casey.get(page))
    assert "in the program until 1 Dec 2026, 00:00 EST" in said
    with connect("postgres") as connection:
        told_of = str(
            connection.execute(
                "select detail from ingest.audit_event where resource = 'program' and kind = 'change'"
            ).fetchall()
        )
    assert "opted_out" in told_of
    assert "Enough." not in told_of


def test_team_visits_and_what_is_billed_beside_are_kept_by_plain_forms(
    casey: httpx.Client, made_up: MadeUp, clock: Clock
) -> None:
    patient = str(made_up.patients["amalia"])
    page = f"/patients/{patient}/program"
    robin, dana = str(made_up.staff["robin"]), str(made_up.staff["dana"])

    def done(path: str, status: int = 303, **fields: str) -> None:
        answer = casey.post(f"{page}/{path}", data=fields)
        assert answer.status_code == status, text_of(answer)

    done("team/care-manager", staff_id=robin)
    done("team/care-manager", 409, staff_id=robin)
    done("team/care-manager", 422, staff_id=str(made_up.staff["ozzie"]))
    done("team/outside", outside_role="pharmacy", organisation="Elm Street", phone="555 0134")
    done("team/outside", 422, outside_role="pharmacy", organisation="Elm", phone="call me")
    done("team/outside", 422, outside_role="pharmacy")
    visit = {"practitioner_id": dana, "visited_on": "2026-10-01", "visit_kind": "annual_wellness"}
    done("visits", **visit, was_discussed="yes")
    done("visits", 409, **visit)
    done("visits", 422, **visit | {"visited_on": "2026-12-01"})
    beside = {"what": "apcm", "by_whom": "others", "from_on": "2026-10-01", "source": "Told."}
    done("beside", **beside)
    done("beside", 409, **beside)
    done("beside", 422, **beside | {"what": "anything"})
    done(
        "attestations", 422, requirement="continuity", is_met="yes", basis="b", from_on="2026-11-01"
    )
    clock.move(minutes=1)
    said = text_of(casey.get(page))
    assert "Care manager: Robin O’Hara" in said
    assert "Pharmacy: Elm Street , 555 0134" in said
    assert "Annual wellness visit, 1 Oct 2026, Dana Achterberg care management talked about" in said
    assert "Advanced primary care management , somebody else, from 1 Oct 2026" in said
    found = casey.get(f"/api/v1/patients/{patient}/programs").json()
    assert found["care_manager_id"] == robin
    asked = {one["name"]: one["is_met"] for one in found["enrolments"][0]["requirements"]}
    assert asked["continuity"] is True
    assert asked["round_the_clock_access"] is None


def test_whom_a_program_may_suit_is_explained_on_a_page_and_in_the_api(
    casey: httpx.Client, made_up: MadeUp
) -> None:
    said = text_of(casey.get("/program/eligible?program=pcm"))
    assert "Bertram Oyelaran MFP-100517 Diabetes mellitus E11.9" in said
    # Who is in chronic care management is not in principal care management of the same practitioner.
    assert "Chronic care management has an open enrolment." in said
    found = casey.get("/api/v1/programs/pcm/eligible?limit=2").json()
    assert (found["patient_count"], len(found["patients"])) == (3, 2)
    assert {one["verdict"] for one in found["patients"]} == {"blocked"}
    assert casey.get("/api/v1/programs/none/eligible").status_code == 404
    assert casey.get("/program/eligible?program=none").status_code == 404


def test_a_practice_says_once_what_holds_for_all(
    sign_in: Callable[[str], httpx.Client], casey: httpx.Client, made_up: MadeUp
) -> None:
    petra = sign_in("petra")
    line = {"based_on": "0", "phone": "+1 212 555 0100"}
    assert petra.post("/program/practice/line", data=line).status_code == 303
    assert petra.post("/program/practice/line", data=line).status_code == 409
    vouched = {"requirement": "certified_record", "is_met": "yes", "basis": "b"}
    days = {"from_on": "2026-01-01"}
    attest = "/program/practice/attestations"
    assert petra.post(attest, data=vouched | days).status_code == 303
    assert petra.post(attest, data=vouched | days | {"requirement": "risk"}).status_code == 422
    script = "/program/practice/scripts/ccm"
    own = {name.replace("told_", "words_"): "In our own words." for name in TOLD}
    assert petra.post(script, data={"based_on": "0", **own}).status_code == 303
    assert petra.post(script, data={"based_on": "0", **own}).status_code == 409
    del own["words_may_stop"]
    assert petra.post(script, data={"based_on": "1", **own}).status_code == 422
    said = text_of(casey.get("/program/practice"))
    assert "+1 212 555 0100" in said
    assert "The practice’s own words, version 1." in said
    assert casey.post("/program/practice/line", data=line).status_code == 403

    call = {
        "called_on": "2026-11-11",
        "called_time": "22:10",
        "call_record": "MFP-100482",
        "caller": "Her son",
        "said": "Dizzy.",
    }
    assert casey.post("/program/after-hours", data=call).status_code == 303
    assert casey.post("/program/after-hours", data=call).status_code == 409
    for wrong in ({"called_on": "2026-11-30"}, {"call_record": "x"}, {"answered_on": "2026-11-11"}):
        assert casey.post("/program/after-hours", data=call | wrong).status_code == 422
    said = text_of(casey.get("/program/after-hours"))
    assert "Her son , about Amalia Thornquist nobody answered : Dizzy." in said
