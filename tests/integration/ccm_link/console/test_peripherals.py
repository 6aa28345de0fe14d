"""Who measures with what: people change assignments, readings follow, and everything stays to be seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest

from alerts import evaluator
from alerts.settings import AlertsSettings
from ccm_link.care_side import CARE_SIDE
from ingest import attribution
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]

FROM = {"from_on": "2026-11-01", "from_time": "08:00"}


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


@pytest.fixture
def stray(connect: Connect, made_up: MadeUp) -> str:
    """Return the address of the page of the cuff that is nobody's; two readings of it wait."""
    return "/peripherals/" + _one(
        connect, "select peripheral_id from ingest.reading_series where patient_id is null limit 1"
    )


@pytest.fixture
def cuff(connect: Connect, made_up: MadeUp) -> str:
    """Return the address of the page of Amalia's cuff."""
    return "/peripherals/" + _one(
        connect, "select peripheral_id from ingest.assignment where patient_id = %s",
        made_up.patients["amalia"],
    )  # fmt: skip


@pytest.fixture
def assignment(connect: Connect, made_up: MadeUp, cuff: str) -> str:
    """Return the address of the page of Amalia's assignment."""
    found = _one(
        connect, "select assignment_id from ingest.assignment where patient_id = %s",
        made_up.patients["amalia"],
    )  # fmt: skip
    return f"{cuff}/assignments/{found}"


def _one(connect: Connect, query: str, *parameters: Any) -> str:
    with connect("postgres") as connection:
        row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return str(row[0])


def follow(connect: Connect, clock: Clock) -> None:
    """Let ingest and the rules do what is due."""
    with connect("homevitals_ingest") as connection:
        connection.autocommit = True
        while attribution.follow(connection, clock.now):
            pass
    with connect("homevitals_alerts") as connection:
        while evaluator.evaluate_batch(connection, AlertsSettings(), CARE_SIDE, clock.now):
            pass


def lines(connect: Connect) -> list[dict[str, Any]]:
    with connect("postgres") as connection:
        return [
            row
            for (row,) in connection.execute(
                "select to_jsonb(e) from ingest.audit_event e where resource = 'assignment' and kind = 'change'"
                " order by e.xmin::text::bigint, e.event_id"
            )
        ]


def test_from_the_unassigned_readings_a_cuff_is_given_to_a_patient_and_they_follow(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, clock: Clock, stray: str
) -> None:
    assert f'href="{stray}"' in casey.get("/unassigned").text
    page = casey.get(stray)
    assert "2 readings, measured 11 Nov 2026" in text_of(page)
    assert 'value="2026-11-11"' in page.text  # the first one's day is proposed
    form = {"patient_id": str(made_up.patients["noor"]), **FROM}

    answer = casey.post(f"{stray}/assignments", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{stray}?said=assigned")
    said = text_of(casey.get(f"{stray}?said=assigned"))
    assert "Readings follow within seconds" in said
    assert "Readings are following a change of the assignments right now" in said
    follow(connect, clock)

    said = text_of(casey.get(stray))
    assert "MFP-100533 does not tell users apart 1 Nov 2026, 08:00 EST , no end 2 Casey" in said
    assert "right now" not in said
    assert "Every reading belongs to somebody." in text_of(casey.get("/unassigned"))
    (line,) = lines(connect)
    assert (line["action"], line["patient_ids"]) == ("C", [str(made_up.patients["noor"])])
    assert line["detail"]["after"]["valid_from"] == "2026-11-01T13:00:00+00:00"


def test_a_cuff_that_was_somebody_elses_takes_its_readings_and_its_alert_back(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, clock: Clock, assignment: str
) -> None:
    amalia, bertram = made_up.patients["amalia"], made_up.patients["bertram"]
    task = _one(
        connect,
        "select task_id from ccm.task where patient_id = %s and severity = 'urgent'",
        amalia,
    )
    form = {
        "patient_id": str(bertram),
        "from_on": "2026-11-12",
        "from_time": "09:00",
        "reason": "His own was broken.",
    }
    assert casey.post(f"{assignment}/correct-patient", data=form).status_code == 303
    follow(connect, clock)

    page = casey.get(f"/tasks/{task}")
    said = text_of(page)
    assert "186/108" in said
    assert "withdrawn This reading was not the patient’s" in said
    assert "No reading of this alert counts any more." in said
    assert "Open, due" in said
    (breach,) = casey.get(f"/api/v1/tasks/{task}").json()["breaches"]
    assert breach["withdrawn_because"].startswith("This reading was not the patient’s")
    assert "186/108" in text_of(casey.get(f"/patients/{bertram}?days=7"))
    assert "186/108" not in text_of(casey.get(f"/patients/{amalia}?days=7"))
    assert "corrected" in text_of(casey.get(f"/patients/{bertram}?days=7"))
    assert "His own was broken." not in str(lines(connect))
    told = {(line["action"], *line["patient_ids"]) for line in lines(connect)}
    assert told == {("U", str(amalia)), ("C", str(amalia)), ("C", str(bertram))}

    (reading,) = re.findall(r'href="(/readings/[^"]+)">Its versions', page.text)
    said = text_of(casey.get(reading))
    assert "This version counts no more" in said
    assert "The cuff’s clock, corrected" in said
    assert "1e bc 00 6c" in said
    assert "1 shown here Amalia Thornquist" in said
    assert "2 Bertram Oyelaran" in said
    assert "The assignment of the peripheral was changed, by Casey Lindqvist" in said
    found = casey.get(f"/api/v1{reading}/versions").json()
    assert [one["patient_id"] for one in found["versions"]] == [str(amalia), str(bertram)]
    assert found["raw"].startswith("1ebc006c")


def test_what_was_corrected_stays_to_be_seen_with_who_and_why(
    casey: httpx.Client, connect: Connect, clock: Clock, cuff: str, assignment: str
) -> None:
    form = {"from_on": "2026-11-10", "from_time": "07:00", "reason": "She got it on the 10th."}
    assert casey.post(f"{assignment}/correct-time", data=form).status_code == 303
    follow(connect, clock)

    said = text_of(casey.get(cuff))
    assert "a correction" in said
    assert (
        "Found wrong by Casey Lindqvist, 12 Nov 2026, 10:42 EST : She got it on the 10th." in said
    )
    assert "It counts for nothing any more." in text_of(casey.get(assignment))
    # What nobody is known for any more waits.
    assert "standard-cuff" in text_of(casey.get("/unassigned"))
    answer = casey.post(f"{assignment}/correct-time", data=form)
    assert answer.status_code == 409
    assert "The assignment has changed" in text_of(answer)


def test_an_ended_assignment_says_who_ended_it(
    casey: httpx.Client, cuff: str, assignment: str, connect: Connect
) -> None:
    form = {"until_on": "2026-11-12", "until_time": "09:00"}
    assert casey.post(f"{assignment}/end", data=form).status_code == 303
    assert "Ended by Casey Lindqvist" in text_of(casey.get(cuff))
    answer = casey.post(f"{assignment}/end", data=form)
    assert answer.status_code == 409
    (line,) = lines(connect)
    assert line["detail"]["before"]["valid_until"] is None
    assert line["detail"]["after"]["valid_until"] == "2026-11-12T14:00:00+00:00"


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({**FROM}, "Fill this in."),
        ({"patient_id": "", **FROM}, "Fill this in."),
        ({"patient_id": "x", **FROM}, "This is no identifier."),
        ({"from_on": "12.11.2026", "from_time": "08:00"}, "Write a date like 2026-11-03."),
        (
            {**FROM, "until_on": "2026-11-02"},
            "Say both the day and the time of the end, or neither.",
        ),
        ({**FROM, "until_on": "2026-10-01", "until_time": "08:00"}, "The end has to be later"),
        ({**FROM, "user_slot": "255"}, "At most 254."),
        ({**FROM, "user_slot": "two"}, "Write the number that the peripheral shows"),
        ({"from_on": "2026-03-08", "from_time": "02:30"}, "The clocks skipped this time"),
        ({**FROM, "practice_id": "x"}, "There is no such field."),
    ],
)
def test_a_form_that_cannot_be_used_comes_back_with_what_is_wrong_and_what_was_typed(
    casey: httpx.Client,
    connect: Connect,
    made_up: MadeUp,
    stray: str,
    form: dict[str, str],
    complaint: str,
) -> None:
    somebody = {} if form == FROM else {"patient_id": str(made_up.patients["noor"])}
    answer = casey.post(f"{stray}/assignments", data=somebody | form)

    assert answer.status_code == 422
    assert complaint in text_of(answer)
    if "from_on" in form:
        assert f'value="{form["from_on"]}"' in answer.text
    assert lines(connect) == []


def test_a_slot_that_somebody_has_is_refused_in_words(
    casey: httpx.Client, made_up: MadeUp, cuff: str
) -> None:
    form = {"patient_id": str(made_up.patients["noor"]), **FROM}
    answer = casey.post(f"{cuff}/assignments", data=form)

    assert answer.status_code == 409
    assert "Somebody has it in that time" in text_of(answer)
    assert casey.post(f"{cuff}/assignments", data={**form, "user_slot": "2"}).status_code == 303


def test_a_correction_that_changes_nothing_is_refused(
    casey: httpx.Client, made_up: MadeUp, assignment: str
) -> None:
    form = {"patient_id": str(made_up.patients["amalia"]), **FROM, "reason": "r"}
    assert casey.post(f"{assignment}/correct-patient", data=form).status_code == 409
    before = {
        "until_on": "2020-01-02",
        "until_time": "08:00",
        "from_on": "2020-01-01",
        "from_time": "08:00",
    }
    form = {"patient_id": str(made_up.patients["noor"]), **before, "reason": "r"}
    assert casey.post(f"{assignment}/correct-patient", data=form).status_code == 409


def test_operators_and_administrators_see_peripherals_and_nobody_who_measures(
    sign_in: SignIn, cuff: str, assignment: str, made_up: MadeUp
) -> None:
    for name in ("ozzie", "petra"):
        browser = sign_in(name)
        for place in ("/peripherals", cuff):
            answer = browser.get(place)
            assert answer.status_code == 200
            assert "standard-cuff" in answer.text
            for word in ("Thornquist", "Oyelaran", "MFP-", "/patients/", "Casey", "readings"):
                assert word not in answer.text.partition("</header>")[2], (name, place, word)
        assert browser.get(assignment).status_code == 403
        form = {"patient_id": str(made_up.patients["noor"]), **FROM, "user_slot": "3"}
        assert browser.post(f"{cuff}/assignments", data=form).status_code == 403
    assert sign_in("augustin").get("/peripherals").status_code == 403


def test_a_restricted_patients_cuff_is_somebodys_and_nothing_says_whose(
    sign_in: SignIn,
    casey: httpx.Client,
    connect: Connect,
    made_up: MadeUp,
    cuff: str,
    assignment: str,
) -> None:
    amalia = made_up.patients["amalia"]
    restrict = {
        "patient_id": str(amalia),
        "staff_id": str(made_up.staff["dana"]),
        "reason": "She works here.",
    }
    assert sign_in("petra").post("/restrictions", data=restrict).status_code == 303
    reading = _one(
        connect, "select reading_id from ingest.reading_series where patient_id = %s", amalia
    )

    for answer in (casey.get("/peripherals"), casey.get(cuff)):
        assert answer.status_code == 200
        assert "Amalia" not in answer.text
        assert "100482" not in answer.text
        assert str(amalia) not in answer.text
        assert "atient whom you do not see" in text_of(answer)
    for path in (assignment, f"/readings/{reading}", f"/api/v1/readings/{reading}/versions"):
        assert casey.get(path).status_code == 404
    api = casey.get(f"/api/v1{cuff}/assignments").json()
    assert (api["assignments"], api["others_hidden"]) == ([], True)
    form = {"patient_id": str(made_up.patients["noor"]), **FROM}
    answer = casey.post(f"{cuff}/assignments", data=form)
    assert answer.status_code == 409
    assert "a patient whom you do not see" in text_of(answer)
    assert "Amalia" not in answer.text
    # Nor can anything be put into the record.
    form = {"patient_id": str(amalia), "user_slot": "2", **FROM}
    assert casey.post(f"{cuff}/assignments", data=form).status_code == 403
    assert "Amalia Thornquist" in sign_in("dana").get(cuff).text


def test_a_version_of_a_patient_whom_one_does_not_see_is_only_said_to_be_there(
    sign_in: SignIn,
    casey: httpx.Client,
    connect: Connect,
    made_up: MadeUp,
    clock: Clock,
    assignment: str,
) -> None:
    bertram = made_up.patients["bertram"]
    form = {
        "patient_id": str(bertram),
        "from_on": "2026-11-12",
        "from_time": "09:00",
        "reason": "r",
    }
    assert casey.post(f"{assignment}/correct-patient", data=form).status_code == 303
    follow(connect, clock)
    restrict = {"patient_id": str(bertram), "staff_id": str(made_up.staff["dana"]), "reason": "r"}
    assert sign_in("petra").post("/restrictions", data=restrict).status_code == 303
    first = _one(
        connect,
        "select reading_id from ingest.reading_series where superseded_at is not null and systolic_mmhg = 186",
    )

    answer = casey.get(f"/readings/{first}")
    assert "Another version is of a patient whom you do not see." in text_of(answer)
    assert "Bertram" not in answer.text
    assert len(casey.get(f"/api/v1/readings/{first}/versions").json()["versions"]) == 1


def test_programs_do_the_same(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, clock: Clock, stray: str
) -> None:
    noor, bertram = str(made_up.patients["noor"]), str(made_up.patients["bertram"])
    path = f"/api/v1{stray}/assignments"
    assert stray.rpartition("/")[2] in [
        one["peripheral_id"] for one in casey.get("/api/v1/peripherals").json()["peripherals"]
    ]
    given = {"patient_id": noor, "user_slot": None, "valid_from": "2026-11-01T13:00:00Z"}
    answer = casey.post(path, json=given)
    assert answer.status_code == 201, answer.text
    (one,) = answer.json()["assignments"]
    assert (one["patient_id"], one["valid_until"], answer.json()["is_followed"]) == (
        noor,
        None,
        False,
    )
    follow(connect, clock)
    assert casey.get(path).json()["is_followed"]

    one_path = f"{path}/{one['assignment_id']}"
    wrong = {"patient_id": bertram, "valid_from": "2026-11-12T00:00:00Z", "reason": "r"}
    found = casey.post(f"{one_path}/correct-patient", json=wrong).json()["assignments"]
    assert [(each["patient_id"], bool(each["voided_at"])) for each in found] == [
        (bertram, False), (noor, False), (noor, True),
    ]  # fmt: skip
    latest = f"{path}/{found[0]['assignment_id']}"
    until = {"valid_until": "2026-11-12T15:00:00Z"}
    assert casey.post(f"{latest}/end", json=until).status_code == 200
    time = {
        "valid_from": "2026-11-12T01:00:00Z",
        "valid_until": "2026-11-12T02:00:00Z",
        "reason": "r",
    }
    assert casey.post(f"{latest}/correct-time", json=time).status_code == 200
    for bad in (
        {**given, "user_slot": 255},
        {**given, "valid_from": "2026-11-01"},
        {"patient_id": noor},
    ):
        assert casey.post(path, json=bad).status_code == 422
    clash = casey.post(path, json=given)
    assert (clash.status_code, clash.json()["reason"]) == (409, "overlapping_assignment")
    assert casey.get(f"/api/v1/peripherals/{uuid4()}/assignments").status_code == 404
    assert casey.get(f"/api/v1/readings/{uuid4()}/versions").status_code == 404


def test_another_practices_things_are_not_there(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, cuff: str
) -> None:
    foreign = made_up.foreign_patient_id
    peripheral, reading = (
        _one(connect, f"select {column} from ingest.reading_series where patient_id = %s", foreign)
        for column in ("peripheral_id", "reading_id")
    )
    for path in (f"/peripherals/{peripheral}", f"/readings/{reading}"):
        assert casey.get(path).status_code == 404
    form = {"patient_id": str(made_up.patients["noor"]), **FROM}
    assert casey.post(f"/peripherals/{peripheral}/assignments", data=form).status_code == 404
    form = {"patient_id": str(foreign), "user_slot": "4", **FROM}
    assert casey.post(f"{cuff}/assignments", data=form).status_code == 404


def test_a_correction_moves_no_sign_of_life(
    casey: httpx.Client, connect: Connect, made_up: MadeUp, clock: Clock, assignment: str
) -> None:
    """The line at the head of each page says when the homes were heard, not when somebody corrected something."""
    form = {"from_on": "2026-11-10", "from_time": "07:00", "reason": "r"}
    clock.move(minutes=5)
    casey.post(f"{assignment}/correct-time", data=form)
    follow(connect, clock)
    assert "Last reading received 39 minutes ago" in text_of(casey.get("/worklist"))
