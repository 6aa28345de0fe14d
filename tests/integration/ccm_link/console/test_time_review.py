"""Approval, locked months, late entries, amendments, conflicts, credentials and the chain, as people meet them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.made_up_practice import Connect, MadeUp

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
SignIn = Callable[[str], httpx.Client]


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", " ", page.text)).split())


def entry(made_up: MadeUp, day: str, begin: str, end: str, **changes: Any) -> dict[str, Any]:
    """Return a span of work by the clocks of the practice, as a program sends it."""
    return {
        "patient_id": str(made_up.patients["amalia"]),
        "started_at": f"{day}T{begin}:00-05:00",
        "ended_at": f"{day}T{end}:00-05:00",
        "program": "ccm",
        "activity": "chart_review",
        "note": "Read the chart.",
        "reason": "No timer.",
    } | changes


def add(browser: httpx.Client, sent: dict[str, Any]) -> UUID:
    answer = browser.post("/api/v1/time-entries", json=sent)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["entry_id"])


def test_time_waits_for_a_supervisor_and_nobody_approves_their_own(
    sign_in: SignIn, made_up: MadeUp
) -> None:
    petra, casey, dana = sign_in("petra"), sign_in("casey"), sign_in("dana")
    policy = {"by_hand_needs_approval": "yes"}
    assert casey.post("/time/approval/policy", data=policy).status_code == 403
    assert petra.post("/time/approval/policy", data=policy).status_code == 303
    own = add(dana, entry(made_up, "2026-11-12", "08:00", "08:10"))
    caseys = add(casey, entry(made_up, "2026-11-12", "08:20", "08:30"))
    approve = {"verdict": "approve"}
    assert casey.post(f"/time/approval/entries/{caseys}", data=approve).status_code == 403
    answer = dana.post(f"/time/approval/entries/{own}", data=approve)
    assert (answer.status_code, "Nobody approves their own time" in answer.text) == (409, True)
    answer = dana.post(f"/time/approval/entries/{caseys}", data={"verdict": "refuse"})
    assert "Say why you refuse it." in answer.text
    assert "Your own: a colleague decides." in text_of(dana.get("/time/approval"))
    assert dana.post(f"/time/approval/entries/{caseys}", data=approve).status_code == 303
    assert dana.post(f"/time/approval/entries/{caseys}", data=approve).status_code == 409
    assert (
        petra.post(
            f"/time/approval/entries/{own}", data={"verdict": "refuse", "note": "No."}
        ).status_code
        == 303
    )
    assert "No entry waits." in petra.get("/time/approval").text
    log = text_of(casey.get("/time"))
    assert ("Approved" in log, "Refused" in log) == (True, True)


def test_a_locked_month_takes_late_entries_and_amendments_that_another_approves(
    sign_in: SignIn, made_up: MadeUp
) -> None:
    petra, casey, dana = sign_in("petra"), sign_in("casey"), sign_in("dana")
    october = add(casey, entry(made_up, "2026-10-20", "08:00", "08:10"))
    assert petra.post("/time/locks", data={"month": "2026-11"}).status_code == 409
    assert casey.post("/time/locks", data={"month": "2026-10"}).status_code == 403
    assert "Lock October 2026 for good" in petra.get("/time/locks").text
    for _ in range(2):  # a double click
        assert petra.post("/time/locks", data={"month": "2026-10"}).status_code == 303
    assert "October 2026" in text_of(petra.get("/time/locks"))

    late = entry(made_up, "2026-10-21", "08:00", "08:10")
    answer = casey.post("/api/v1/time-entries", json=late)
    assert (answer.status_code, answer.json()["reason"]) == (409, "month_locked")
    answer = casey.post("/api/v1/time-entries", json=late | {"is_late": True})
    assert (answer.json()["needs_approval"], answer.json()["is_approved"]) == (True, None)
    answer = casey.post(f"/time/{october}/void", data={"reason": "Wrong."})
    assert (answer.status_code, "The month is locked" in answer.text) == (409, True)

    page = casey.get(f"/time/{october}")
    assert "It counts once another person has approved it." in page.text
    amended = {
        "worked_on": "2026-10-20",
        "started": "08:00",
        "ended": "08:25",
        "program": "ccm",
        "activity": "chart_review",
        "billing_role": "clinical_staff",
        "note": "Longer.",
        "reason": "Misread the clock.",
    }
    assert casey.post(f"/time/{october}/amendments", data=amended).status_code == 303
    waiting = dana.get("/time/approval")
    assert "Misread the clock." in waiting.text
    found = re.search(r"/time/approval/amendments/([0-9a-f-]{36})", waiting.text)
    assert found is not None
    assert dana.post(found[0], data={"verdict": "approve"}).status_code == 303
    assert dana.post(found[0], data={"verdict": "approve"}).status_code == 409
    page = text_of(casey.get(f"/time/{october}"))
    assert "25 min" in page
    assert "Approved by Dana" in page
    answer = casey.post(f"/time/{october}/amendments", data=amended)
    assert "changes nothing" in text_of(answer)


def test_a_conflict_shows_both_entries_and_is_decided_by_a_person(
    sign_in: SignIn, made_up: MadeUp
) -> None:
    casey, dana = sign_in("casey"), sign_in("dana")
    nurse = add(casey, entry(made_up, "2026-11-12", "08:00", "08:10"))
    colleague = add(dana, entry(made_up, "2026-11-12", "08:05", "08:15", program="rpm"))
    assert "1 conflict of this month waits for a person" in text_of(casey.get("/time"))
    page = text_of(dana.get("/time/conflicts"))
    assert "One patient, two programs" in page
    assert "5 min" in page
    where = f"/time/conflicts/{nurse}/{colleague}"
    decide = {"winner_id": str(nurse), "month": "2026-11", "reason": "The cuff was not looked at."}
    assert casey.post(where, data=decide).status_code == 403
    assert dana.post(where, data=decide | {"reason": ""}).status_code == 422
    assert dana.post(where, data=decide).status_code == 303
    answer = dana.post(where, data=decide)  # the same form again: it had seen no decision
    assert (answer.status_code, "decided it meanwhile" in answer.text) == (409, True)
    page = text_of(casey.get("/time/conflicts"))
    assert "Dana Achterberg decided" in page
    (told,) = casey.get("/api/v1/time-conflicts?month=2026-11").json()["conflicts"]
    assert (told["is_undecided"], told["counting_entry_id"]) == (False, str(nurse))
    assert (
        dana.post(where.replace(str(nurse), str(made_up.practice_id)), data=decide).status_code
        == 404
    )


def test_credentials_are_recorded_ended_and_stand_in_entries(
    sign_in: SignIn, made_up: MadeUp, connect: Connect
) -> None:
    petra = sign_in("petra")
    where = f"/staff/{made_up.staff['robin']}/credentials"
    given = {
        "credential": "np",
        "billing_role": "qualified_professional",
        "employer": "contractor",
        "supervisor_staff_id": str(made_up.staff["dana"]),
        "npi": "1234567890",
        "may_bill": "yes",
        "from_on": "2026-11-01",
    }
    assert sign_in("casey").post(where, data=given).status_code == 403
    assert "no National Provider Identifier" in petra.post(where, data=given).text
    given["npi"] = "1234567893"
    assert "Only physicians" in petra.post(where, data=given | {"credential": "rn"}).text
    assert "Another credential" in petra.post(where, data=given).text
    with connect("postgres") as admin:
        (credential_id,) = admin.execute(
            "select credential_id from ccm.staff_credential where staff_id = %s",
            (made_up.staff["robin"],),
        ).fetchone() or (None,)
    ending = f"/staff/credentials/{credential_id}/end"
    assert ending in petra.get("/staff/credentials").text
    ended = {"until_on": "2026-11-01", "reason": "A degree."}
    assert petra.post(ending, data=ended).status_code == 303
    assert petra.post(ending, data=ended).status_code == 409
    assert petra.post(where, data=given).status_code == 303
    page = text_of(petra.get("/staff/credentials"))
    assert (
        "Nurse practitioner (NP) , qualified professional, of a contractor, NPI 1234567893" in page
    )
    sent = entry(made_up, "2026-11-12", "08:00", "08:10", method="chart_work")
    answer = sign_in("robin").post("/api/v1/time-entries", json=sent).json()
    assert (answer["credential"], answer["billing_role"], answer["method"]) == (
        "np",
        "qualified_professional",
        "chart_work",
    )


BAD: dict[str, tuple[dict[str, str], str | None]] = {
    "zero": ({"ended_at": "2026-11-12T08:00:00-05:00"}, "ends_before_start"),
    "negative": ({"ended_at": "2026-11-12T07:00:00-05:00"}, "ends_before_start"),
    "25 hours": ({"started_at": "2026-11-11T07:10:00-05:00"}, "too_long"),
    "future": ({"ended_at": "2026-11-12T15:00:00-05:00"}, "in_the_future"),
    "to nobody": ({"method": "phone", "counterpart": "nobody", "outcome": "reached"}, None),
}


def test_each_kind_of_bad_entry_has_its_answer(
    sign_in: SignIn, made_up: MadeUp, subtests: pytest.Subtests
) -> None:
    casey = sign_in("casey")
    for name, (changed, reason) in BAD.items():
        sent = entry(made_up, "2026-11-12", "08:00", "08:10") | changed
        with subtests.test(name):
            answer = casey.post("/api/v1/time-entries", json=sent)
            assert (answer.status_code, answer.json().get("reason")) == (422, reason)


def test_overlaps_retries_and_time_before_consent_have_their_answers(
    sign_in: SignIn, made_up: MadeUp
) -> None:
    casey = sign_in("casey")
    sent = entry(made_up, "2026-11-12", "08:00", "08:10")
    key = {"Idempotency-Key": "one-and-the-same-key"}
    first = casey.post("/api/v1/time-entries", json=sent, headers=key)
    again = casey.post("/api/v1/time-entries", json=sent, headers=key)
    assert (first.status_code, first.json()) == (201, again.json())
    unknown = casey.post("/api/v1/time-entries", json=sent | {"program": "chess"})
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown_program")
    other = casey.post("/api/v1/time-entries", json=sent | {"note": "Else."}, headers=key)
    assert (other.status_code, other.json()["reason"]) == (409, "key_used")
    overlap = casey.post("/api/v1/time-entries", json=sent)
    assert (overlap.status_code, overlap.json()["reason"]) == (422, "overlapping_time")
    span = {"started_at": "2024-03-05T10:00:00Z", "ended_at": "2024-03-05T10:10:00Z"}
    add(casey, sent | span)
    assert "Not in the program then: does not count" in casey.get("/time?month=2024-03").text


def test_the_chain_is_checked_on_a_page(sign_in: SignIn, connect: Connect) -> None:
    petra = sign_in("petra")
    assert "Whole" in text_of(petra.get("/time/chain"))
    with connect("postgres") as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute("update ccm.time_entry set note = note || '!'")
    page = text_of(petra.get("/time/chain"))
    assert "Something does not fit" in page
    assert "The row that the link is over was changed." in page
