"""The pages about other systems: an administrator connects, whoever cares for patients matches, both mend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from ccm_link.settings import CcmLinkSettings
from tests import console_server, made_up_practice
from tests.console_server import Console
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

SignIn = Callable[[str], httpx.Client]
# A form without fields, as a browser posts it.
EMPTY: Any = {"content": "", "headers": {"content-type": "application/x-www-form-urlencoded"}}


@pytest.fixture
def console(database: Any, made_up: MadeUp, clock: Clock, tmp_path: Path) -> Iterator[Console]:
    settings = CcmLinkSettings(ehrs=("main",), secrets_key_file=tmp_path / "none")
    with console_server.serve(database.conninfo, clock, settings) as found:
        yield found


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_an_administrator_connects_and_ends_and_sees_no_patient(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, clock: Clock
) -> None:
    petra = sign_in("petra")
    assert "Homevitals itself is the record" in text_of(petra.get("/ehr-link"))
    assert petra.post("/ehr-link/ehr", data={"ehr": "other"}).status_code == 422
    assert petra.post("/ehr-link/ehr", data={"ehr": "main"}).status_code == 303
    assert petra.post("/ehr-link/ehr", data={"ehr": "main"}).status_code == 409
    webhook = {
        "name": "Panel",
        "address": "https://panel.example.org/h",
        "tells_task_opened": "yes",
    }
    assert (
        petra.post("/ehr-link/webhooks", data=webhook | {"address": "http://x"}).status_code == 422
    )
    assert (
        petra.post("/ehr-link/webhooks", data=webhook | {"tells_task_opened": ""}).status_code
        == 422
    )
    assert petra.post("/ehr-link/webhooks", data=webhook).status_code == 303
    said = text_of(petra.get("/ehr-link"))
    assert "is told: task opened" in said
    assert "panel.example.org" in said
    # There may be a secret in it.
    assert "panel.example.org" not in sign_in("casey").get("/ehr-link").text
    assert "who the patient is as well" not in said
    made_up_practice.add_breach(connect, made_up, "bertram", 196, clock.now)
    page = petra.get("/ehr-link")
    assert "Oyelaran" not in page.text
    assert petra.get("/ehr-link/patients").status_code == 403
    receivers = re.findall(r"/receivers/([0-9a-f-]{36})/pause", page.text)
    for receiver in receivers:
        assert petra.post(f"/ehr-link/receivers/{receiver}/pause", **EMPTY).status_code == 303
    assert text_of(petra.get("/ehr-link")).count("paused") == 2
    ended = f"/ehr-link/receivers/{receivers[0]}/end"
    assert petra.post(ended, data={"reason": " "}).status_code == 422
    assert petra.post(ended, data={"reason": "Another one."}).status_code == 303
    assert petra.post(ended, data={"reason": "Another one."}).status_code == 404
    assert sign_in("casey").post("/ehr-link/ehr", data={"ehr": "main"}).status_code == 403


def test_who_cares_for_patients_matches_them_and_mends_what_did_not_arrive(
    sign_in: SignIn, connect: Connect, made_up: MadeUp, clock: Clock
) -> None:
    assert sign_in("petra").post("/ehr-link/ehr", data={"ehr": "main"}).status_code == 303
    made_up_practice.add_breach(connect, made_up, "bertram", 150, clock.now)
    made_up_practice.add_breach(connect, made_up, "noor", 150, clock.now)
    bertram, noor = made_up.patients["bertram"], made_up.patients["noor"]
    with connect("postgres") as connection:
        connection.execute(
            "update ccm.outgoing set state = 'held', failure = 'patient_unknown' where kind = 'observation'"
        )
        connection.execute(
            "update ccm.outgoing set state = 'dead', failure = 'changed_there', settled_at = queued_at"
            " where kind = 'observation' and patient_id = %s",
            (noor,),
        )
        connection.commit()
    casey = sign_in("casey")
    said = text_of(casey.get("/ehr-link"))
    assert "Somebody has changed it in the EHR" in said
    page = casey.get("/ehr-link/patients")
    assert "Bertram Oyelaran" in page.text
    assert casey.post(f"/ehr-link/patients/{bertram}", data={"remote_id": "a/b"}).status_code == 422
    assert casey.post(f"/ehr-link/patients/{bertram}", data={"remote_id": "p-1"}).status_code == 303
    assert casey.post(f"/ehr-link/patients/{noor}", data={"remote_id": "p-1"}).status_code == 409
    foreign = f"/ehr-link/patients/{made_up.foreign_patient_id}"
    assert casey.post(foreign, data={"remote_id": "p-2"}).status_code == 404
    (letter,) = set(re.findall(r"/dead-letters/([0-9a-f-]{36})/", casey.get("/ehr-link").text))
    again = f"/ehr-link/dead-letters/{letter}/redrive"
    assert casey.post(again, data={"overwrites": "yes"}).status_code == 303
    assert casey.post(again, **EMPTY).status_code == 409
    assert (
        casey.post(f"/ehr-link/dead-letters/{letter}/give-up", data={"reason": "r"}).status_code
        == 409
    )
    with connect("postgres") as connection:
        found = connection.execute(
            "select patient_id, state, overwrites from ccm.outgoing where kind = 'observation' order by patient_id"
        ).fetchall()
        trail = connection.execute(
            "select resource, patient_ids from ingest.audit_event where resource in ('ehr_patient', 'outgoing')"
            " and kind = 'change'"
        ).fetchall()
    assert dict.fromkeys(found) == dict.fromkeys(
        sorted([(bertram, "waiting", False), (noor, "waiting", True)])
    )
    assert sorted(trail) == [("ehr_patient", [bertram]), ("outgoing", [])]
