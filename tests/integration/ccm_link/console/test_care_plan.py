"""Care plans on their pages: written, signed, compared, given, read at home; what belongs to them; flags of gaps."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest

from tests.made_up_practice import ZONE, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
NOOR = "نور Þórdís D’Souza 🙂"
SignIn = Callable[[str], httpx.Client]


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def filled(page: httpx.Response, **changed: str) -> dict[str, str]:
    """Return what the form of the sections would send, with some of it changed."""
    (form,) = re.findall(
        r'<form method="post" action="[^"]*/text">(.*?)</form>', page.text, re.DOTALL
    )
    areas = re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    inputs = re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form)
    return {name: unescape(text) for name, text in [*areas, *inputs]} | changed


def test_a_plan_is_written_by_the_team_signed_by_a_clinician_compared_and_given(
    casey: httpx.Client,
    sign_in: SignIn,
    sign_in_at_home: SignIn,
    made_up: MadeUp,
    clock: Clock,
    connect: Connect,
) -> None:
    address = f"/patients/{made_up.patients['amalia']}/plan"
    said = text_of(casey.get(address))
    assert "Version 1, signed by Dana Achterberg" in said
    assert "not given to the patient yet" in said
    # The goal is below 130 mmHg, and the practice calls from 140 on: no contradiction; the readings are above.
    assert re.search(r"Not reached yet: mean 1\d\d\.\d mmHg of \d+ readings on \d+ days", said)
    assert "systolic" in said
    home = sign_in_at_home("patient")
    assert "has not given you a care plan here yet" in text_of(home.get("/own-record/plan"))
    assert home.get("/own-record/plan/pdf").status_code == 404

    form = {"content-type": "application/x-www-form-urlencoded"}
    draft = casey.post(f"{address}/draft", headers=form).headers["location"]
    assert draft == f"{address}/draft"
    page = casey.get(draft)
    changed = filled(page, problems="Hypertension\nType 2 diabetes")
    assert casey.post(f"{draft}/text", data=changed).status_code == 303
    stale = casey.post(f"{draft}/text", data=changed | {"problems": "Only mine"})
    assert stale.status_code == 409
    assert "Only mine" in stale.text  # nothing typed is lost
    goal = {"row_version": "2", "what": "Calmer", "measure": "systolic_mmhg", "side": "below"}
    assert "Fill in the reading" in casey.post(f"{draft}/goals", data=goal).text
    goal["target"] = "145"
    assert casey.post(f"{draft}/goals", data=goal).status_code == 303
    taken = {"row_version": "3", "place": "1"}
    assert casey.post(f"{draft}/goals/take-out", data=taken).status_code == 303

    signing = {"row_version": "4", "signature": "Casey Lindqvist"}
    assert casey.post(f"{draft}/sign", data=signing).status_code == 403
    dana = sign_in("dana")
    assert "Type your own name" in dana.post(f"{draft}/sign", data=signing).text
    clock.move(minutes=1)
    signed = dana.post(f"{draft}/sign", data=signing | {"signature": "dana achterberg"})
    assert signed.headers["location"] == f"{address}?said=signed"
    said = text_of(casey.get(address))
    assert "Version 2, signed by Dana Achterberg" in said
    assert "calls somebody from 140 mmHg on, but below 145 reaches the goal" in said
    different = text_of(casey.get(f"{address}/versions/2"))
    assert "What became different from version 1" in different
    assert "Problems: 1 line put in, 1 taken out" in different
    assert "Taken out: Falls" in different
    assert "Goals: 1 line put in, 1 taken out" in different
    assert casey.get(f"{address}/versions/3").status_code == 404
    assert casey.post(f"{draft}/sign", data=signing).status_code == 403
    assert dana.post(f"{draft}/text", data=changed).status_code == 409

    (plan_id,) = set(re.findall(r'name="plan_id" value="([^"]+)"', casey.get(address).text))
    given = {
        "plan_id": plan_id, "method": "own_record", "recipient": "carer", "given_on": "2026-11-12",
        "given_time": "23:00",
    }  # fmt: skip
    assert "Name the carer" in casey.post(f"{address}/shares", data=given).text
    given["recipient_name"] = "Ada"
    assert "That time is to come." in casey.post(f"{address}/shares", data=given).text
    early = given | {"given_time": "01:00"}
    assert "was not signed yet" in casey.post(f"{address}/shares", data=early).text
    now = clock.now.astimezone(ZONE)
    clock.move(minutes=2)
    given["given_time"] = f"{now:%H:%M:%S}"
    given["given_on"] = f"{now:%Y-%m-%d}"
    assert casey.post(f"{address}/shares", data=given).status_code == 303
    read = text_of(home.get("/own-record/plan"))
    assert "Type 2 diabetes" in read
    assert "Falls" not in read
    pdf = home.get("/own-record/plan/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content == casey.get(f"{address}/versions/2/pdf").content

    reviewed = {"plan_id": plan_id, "note": "Went through it."}
    assert casey.post(f"{address}/reviews", data=reviewed).status_code == 303
    assert "Went through it." in text_of(casey.get(address))
    plan = casey.get(f"/api/v1/patients/{made_up.patients['amalia']}/care-plan").json()
    assert (plan["version"], plan["review_due_on"]) == (2, "2027-05-12")
    assert plan["goals"][0]["contradictions"] == []
    with connect("postgres") as connection:
        details = connection.execute(
            "select detail from ingest.audit_event where resource = 'care_plan' and kind = 'change'"
            " and outcome = 'success'"
        ).fetchall()
        with pytest.raises(Exception, match="never changed"):
            connection.execute("update ccm.care_plan set document = '{}' where version = 1")
    assert len(details) == 7
    assert "diabetes" not in str(details)


def test_medication_stays_lessons_and_devices_are_kept(
    casey: httpx.Client, made_up: MadeUp, clock: Clock, connect: Connect
) -> None:
    address = f"/patients/{made_up.patients['amalia']}/plan"
    listed = {"name": "Metformin", "dose": "500 mg twice", "source": "Package.", "rxnorm_code": "x"}
    assert "RXCUI" in casey.post(f"{address}/medication", data=listed).text
    listed["rxnorm_code"] = "6809"
    assert casey.post(f"{address}/medication", data=listed).status_code == 303
    assert casey.post(f"{address}/medication", data=listed).status_code == 409
    held = {"from_patient": "yes", "from_pharmacy": "yes", "discrepancies": "Pharmacy: 850 mg."}
    assert (
        casey.post(f"{address}/medication/reconciliations", data={"discrepancies": "x"}).status_code
        == 422
    )
    assert casey.post(f"{address}/medication/reconciliations", data=held).status_code == 303
    clock.move(minutes=1)
    (line,) = casey.get(f"/api/v1{address[:-5]}/medication").json()["medication"]
    ending = f"{address}/medication/{line['medication_id']}/end"
    assert casey.post(ending, data={"reason": "Stopped."}).status_code == 303
    assert casey.post(ending, data={"reason": "Stopped."}).status_code == 409
    assert casey.post(f"{address}/medication/reconciliations", data=held).status_code == 303
    said = text_of(casey.get(f"{address}/medication"))
    assert "Interactions are not checked" in said
    assert "Taken off since: Metformin, 500 mg twice" in said
    assert "Next review due in 365 days on 12 Nov 2027" in said

    stay = {
        "stay_kind": "inpatient", "facility": "County hospital", "source": "The daughter called.",
        "admitted_on": "2026-11-05", "admitted_time": "08:00",
    }  # fmt: skip
    assert casey.post(f"{address}/stays", data=stay).status_code == 303
    clash = stay | {"stay_kind": "emergency", "admitted_on": "2026-11-06"}
    assert "somewhere else in that time" in casey.post(f"{address}/stays", data=clash).text
    (found,) = casey.get(f"/api/v1{address[:-5]}/stays").json()["stays"]
    leaving = f"{address}/stays/{found['stay_id']}/discharge"
    left = {"discharged_on": "2026-11-04", "discharged_time": "08:00"}
    assert "before the beginning" in casey.post(leaving, data=left).text
    left["discharged_on"] = "2026-11-09"
    assert casey.post(leaving, data=left).status_code == 303
    assert casey.post(leaving, data=left).status_code == 409
    (found,) = casey.get(f"/api/v1{address[:-5]}/stays").json()["stays"]
    # The day after Monday 9 November, then Veterans Day: Thursday, by the practice's clocks.
    assert found["contact_due_at"] == "2026-11-13T04:59:00Z"
    assert "Speak with the patient after" in casey.get(f"/tasks/{found['contact_task_id']}").text
    voiding = f"{address}/stays/{found['stay_id']}/void"
    assert casey.post(voiding, data={"reason": "Another patient."}).status_code == 303
    assert casey.post(f"{address}/stays", data=clash).status_code == 303

    lesson = {
        "topic": "blood_pressure_technique", "taught_how": "video", "learner": "both",
        "taught_on": "2026-11-11", "taught_time": "08:00", "teach_back": "yes", "cuff_fits": "yes",
    }  # fmt: skip
    assert casey.post(f"{address}/education", data=lesson).status_code == 303
    with connect("postgres") as connection:
        (peripheral_id,) = connection.execute(
            "select peripheral_id from ingest.assignment where patient_id = %s",
            (made_up.patients["amalia"],),
        ).fetchone() or (None,)
    set_up = {
        "peripheral_id": str(peripheral_id), "learner": "patient", "set_up_on": "2026-11-01",
        "set_up_time": "08:00", "taught_on": "2026-11-01", "taught_time": "07:59",
    }  # fmt: skip
    address += "/education"
    assert "before it was set up" in casey.post(f"{address}/set-ups", data=set_up).text
    set_up["taught_time"] = "08:15"
    assert casey.post(f"{address}/set-ups", data=set_up).status_code == 303
    foreign = set_up | {"peripheral_id": str(made_up.practice_id)}
    assert (
        "does not measure with this device" in casey.post(f"{address}/set-ups", data=foreign).text
    )
    said = text_of(casey.get(address))
    assert "Still to learn: No smoking" in said
    assert "First reading received 2 Nov 2026" in said


def test_gaps_are_counted_filtered_and_leave_out_who_is_not_active(
    casey: httpx.Client, made_up: MadeUp, connect: Connect
) -> None:
    found = casey.get("/api/v1/care-gaps").json()
    kinds = {one["display_name"]: [gap["kind"] for gap in one["gaps"]] for one in found["patients"]}
    assert set(kinds) == {"Amalia Thornquist", "Bertram Oyelaran", NOOR}
    assert "no_plan" in kinds[NOOR]
    assert "plan_not_shared" in kinds["Amalia Thornquist"]
    said = text_of(casey.get("/care-gaps?gap=no_plan"))
    assert NOOR in said
    assert "Amalia" not in said
    assert casey.get("/care-gaps?gap=luck").status_code == 422
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.patient set standing = 'transferred', standing_since = now()"
            " where patient_id = %s",
            (made_up.patients["noor"],),
        )
    only = casey.get("/api/v1/care-gaps", params={"gap": "no_plan"}).json()
    assert only["patients"] == []
    assert only["cared_for_count"] == found["cared_for_count"] - 1


DRAFT = {"row_version": "1", "review_months": "6", "medication_months": "12"}
GOAL = {"row_version": "1", "what": "x", "measure": "systolic_mmhg", "side": "below", "target": "9"}
TEACH = {
    "topic": "medication", "taught_how": "phone", "learner": "patient", "taught_on": "2026-11-11",
    "taught_time": "08:00", "teach_back": "yes",
}  # fmt: skip
STAY = {
    "stay_kind": "inpatient", "facility": "f", "source": "s", "admitted_on": "2026-11-01",
    "admitted_time": "08:00",
}  # fmt: skip
# What is posted where, and what the page says of it.
BAD_INPUT = [
    ("draft/text", DRAFT | {"review_months": "0"}, "At least 1."),
    ("draft/text", DRAFT | {"review_months": "13"}, "At most 12."),
    ("draft/text", DRAFT | {"medication_months": "1e1"}, "a number of months from 1 to 12"),
    ("draft/text", DRAFT | {"problems": "\n".join("x" * 101)}, "At most 100 lines."),
    ("draft/text", DRAFT | {"problems": "x" * 4001}, "At most 4,000 characters."),
    ("draft/text", DRAFT | {"problems": "a\u202eb"}, "invisible control characters"),
    ("draft/text", DRAFT | {"interventions": "calls: "}, "Write each line as who"),
    ("draft/text", DRAFT | {"contributors": "nurse: Ada"}, "Write each line as patient"),
    ("draft/text", DRAFT | {"horoscope": "x"}, "There is no such field."),
    ("draft/goals", GOAL | {"target": "-1"}, "Write a number like"),
    ("draft/goals", GOAL | {"target": "NaN"}, "Write a number like"),
    ("draft/goals", GOAL | {"target": "2000"}, "This cannot be used."),
    ("draft/goals", GOAL | {"measure": "mood"}, "Choose one of the list."),
    ("draft/goals", GOAL | {"what": "two\nlines"}, "Write it in one line."),
    ("draft/goals", GOAL | {"by_on": "2026-02-30"}, "Write a date"),
    ("draft/goals/take-out", {"row_version": "1", "place": "-1"}, "Choose one of the list."),
    ("draft/goals/take-out", {"row_version": "1", "place": "99"}, "changed after the page"),
    ("draft/goals/take-out", {"row_version": "7", "place": "0"}, "changed after the page"),
    ("medication", {"name": "x", "dose": "x", "source": "s", "rxnorm_code": "0"}, "RXCUI"),
    ("medication", {"name": "x", "dose": " ", "source": "s"}, "Fill this in."),
    ("stays", STAY | {"admitted_on": "2026-11-13"}, "That time is to come."),
    ("stays", STAY | {"discharged_on": "2026-11-02"}, "Say both the day and the time"),
    (
        "stays",
        STAY | {"discharged_on": "2026-11-01", "discharged_time": "08:00"},
        "before the beginning",
    ),
    ("stays", STAY | {"admitted_on": "2026-03-08", "admitted_time": "02:30"}, "clocks skipped"),
    ("education", TEACH | {"taught_on": "2026-11-13"}, "That time is to come."),
    ("education", TEACH | {"teach_back": "maybe"}, "Choose one of the list."),
    ("education", TEACH | {"cuff_fits": "no"}, "Choose one of the list."),
]


def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    casey: httpx.Client, made_up: MadeUp, connect: Connect, subtests: pytest.Subtests
) -> None:
    address = f"/patients/{made_up.patients['amalia']}/plan"
    form = {"content-type": "application/x-www-form-urlencoded"}
    casey.post(f"{address}/draft", headers=form)
    for place, posted, says in BAD_INPUT:
        with subtests.test(f"{place}: {says}"):
            answer = casey.post(f"{address}/{place}", data=posted)
            assert answer.status_code in {409, 422}
            assert says in text_of(answer)
    with connect("postgres") as connection:
        (changed,) = connection.execute(
            "select (select count(*) from ccm.care_plan where row_version > 1 and version is null)"
            " + (select count(*) from ccm.medication) + (select count(*) from ccm.stay)"
            " + (select count(*) from ccm.education)"
        ).fetchone() or (None,)
    assert changed == 0
