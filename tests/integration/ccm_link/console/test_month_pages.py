"""The pages of months: what is proposed and why, what holds it, claims that somebody vouches for, files of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import httpx
import pytest

from tests import monitored_patient
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

FORM = {"content-type": "application/x-www-form-urlencoded"}
DECEMBER = datetime(2026, 12, 2, 15, tzinfo=UTC)


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


@pytest.fixture
def ready(made_up: MadeUp, connect: Connect, clock: Clock) -> str:
    clock.now = DECEMBER
    return f"/patients/{monitored_patient.prepare(connect, made_up)}/month/2026-11"


def test_a_month_from_the_first_look_to_a_claim_in_a_file(
    ready: str, casey: httpx.Client, sign_in: Callable[[str], httpx.Client], connect: Connect
) -> None:
    first = text_of(casey.get(ready))
    assert "No episode of monitoring touches this month." in first
    started = {"started_on": "2026-10-10", "set_up_billed": "unknown"}
    assert casey.post(f"{ready}/monitoring", data=started).status_code == 303
    assert casey.post(f"{ready}/monitoring", data=started).status_code == 409
    page = casey.get(ready)
    said = text_of(page)
    assert "99454" in said
    assert "10 Oct 2026 to 8 Nov 2026" in said
    assert 'href="/readings/' in page.text
    # The clinician settles nothing in silence: a hold has its key, and wants a reason.
    keys = re.findall(r'name="hold_key" value="([^"]+)"', page.text)
    assert keys
    key = unescape(keys[0])
    settle = {"hold_key": key, "becomes": "settled"}
    assert casey.post(f"{ready}/settle", data=settle).status_code == 422
    assert casey.post(f"{ready}/settle", data=settle | {"reason": "Looked at."}).status_code == 303
    assert casey.post(f"{ready}/settle", data=settle | {"reason": "Again."}).status_code == 422
    assert "Looked at." in text_of(casey.get(ready))

    assert casey.post(f"{ready}/propose", headers=FORM).status_code == 303
    (claim,) = casey.get("/api/v1/claims?month=2026-11").json()["claims"]
    assert claim["state"] == "proposed"
    attesting = f"{ready}/claims/{claim['claim_id']}/attest"
    vouched = {"row_version": "1", "diagnoses": "i10", "vouched": "yes"}
    assert casey.post(attesting, data=vouched).status_code == 403, "whoever worked does not vouch"
    dana, petra = sign_in("dana"), sign_in("petra")
    assert dana.post(attesting, data=vouched | {"diagnoses": "I50"}).status_code == 422
    assert dana.post(attesting, data={**vouched, "vouched": ""}).status_code == 422
    assert dana.post(attesting, data=vouched).status_code == 303
    assert dana.post(attesting, data=vouched).status_code == 409
    assert "Attested 2 Dec 2026" in text_of(dana.get(ready))

    refused = petra.post("/month/export", data={"month": "2026-11", "file_format": "x12"})
    assert refused.status_code == 422
    assert "the practice's NPI" in text_of(refused)
    file = petra.post("/month/export", data={"month": "2026-11", "file_format": "csv"})
    assert file.status_code == 200
    assert file.headers["content-disposition"].startswith('attachment; filename="claims-2026-11-')
    assert "99454" in file.text
    assert (
        petra.post("/month/export", data={"month": "2026-11", "file_format": "csv"}).status_code
        == 409
    )
    recording = f"{ready}/claims/{claim['claim_id']}/record"
    assert petra.post(recording, data={"becomes": "submitted", "reference": "7"}).status_code == 303
    assert petra.post(recording, data={"becomes": "paid", "paid": "51.5"}).status_code == 422
    assert petra.post(recording, data={"becomes": "paid", "paid": "51.50"}).status_code == 303
    assert "$51.50" in text_of(petra.get(ready))
    with connect("postgres") as connection:
        kinds = connection.execute(
            "select kind, resource from ingest.audit_event where resource = 'claim' and outcome = 'success'"
        ).fetchall()
    assert ("export", "claim") in kinds
    assert kinds.count(("change", "claim")) == 3


def test_the_practices_month_is_worked_out_and_listed(
    ready: str, casey: httpx.Client, sign_in: Callable[[str], httpx.Client], connect: Connect
) -> None:
    assert "Nothing was worked out for this month." in text_of(casey.get("/month?month=2026-11"))
    assert casey.post("/month/work-out", data={"month": "2026-11"}).status_code == 303
    said = text_of(casey.get("/month?month=2026-11"))
    assert "Amalia Thornquist" in said
    assert "No amounts are shown: the site has no table of fees." in said
    assert "export" not in said.lower(), "a care manager writes no files"
    assert casey.get("/month?month=2026-11&show=held").status_code == 200
    assert casey.get("/month?month=2026-13").status_code == 422
    assert casey.get("/month?month=2026-11&show=nothing").status_code == 422
    assert casey.get(f"/patients/{ready.split('/')[2]}/month/1999-01").status_code == 422
    # A month of a year without a table says so.
    assert "There are no rules for this year" in text_of(
        casey.get(ready.replace("2026-11", "2014-11"))
    )
    petra = sign_in("petra")
    said = {
        "from_on": "2026-01-01",
        "site": "office",
        "prefers_personal": "no",
        "npi": "1234567890",
    }
    assert "Nothing was saved yet" in petra.post("/month/who-bills", data=said).text
    said["npi"] = "1234567893"
    nowhere = petra.post("/month/who-bills", data=said | {"site": "nowhere"})
    assert (nowhere.status_code, "Choose one of the list" in nowhere.text) == (422, True)
    assert petra.post("/month/who-bills", data=said).status_code == 303
    assert "1234567893" in text_of(petra.get("/month/who-bills"))
    # The tables of another year may not know the kind any more.
    with connect("postgres") as connection:
        connection.execute("update ccm.practice_billing set site = 'barge'")
        connection.commit()
    assert "barge" in text_of(petra.get("/month/who-bills"))
