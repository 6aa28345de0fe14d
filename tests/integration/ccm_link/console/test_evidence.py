"""What a claim rests on, the packet of its month, self-audit and report: each shown to whom it concerns."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.types.json import Jsonb

from ccm_link.evidence import audit_packet
from tests.made_up_practice import Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


@pytest.fixture
def claim_id(connect: Connect, made_up: MadeUp) -> UUID:
    """A claim for Amalia's October: twice the same span of one entry, and a day with one reading."""
    whose = {"practice_id": made_up.practice_id, "patient_id": made_up.patients["amalia"]}
    with connect("postgres") as connection:

        def one(statement: str, **more: Any) -> Any:
            row = connection.execute(statement, whose | more).fetchone()  # type: ignore[call-overload]
            return row[0]

        claim: UUID = one(
            "insert into ccm.claim (practice_id, patient_id, month_on, practitioner_id, facts_sha256, diagnoses,"
            " proposed_at) values (%(practice_id)s, %(patient_id)s, '2026-11-01', %(staff_id)s, '', '{I10}', now())"
            " returning claim_id",
            staff_id=made_up.staff["dana"],
        )
        entry_id = one(
            "select entry_id from ccm.time_entry where practice_id = %(practice_id)s"
            " and patient_id = %(patient_id)s and voided_at is null"
        )
        reading_id = one(
            "select reading_id from ingest.reading_series where practice_id = %(practice_id)s"
            " and patient_id = %(patient_id)s and measured_day = '2026-11-09' limit 1"
        )
        for number, code, rules in (
            (1, "99490", [{"name": "99490", "source": "a text"}]),
            (2, "99457", []),
            (3, "99454", []),
        ):
            connection.execute(
                "insert into ccm.claim_line (practice_id, claim_id, line_number, patient_id, program, code, units,"
                " service_on, first_on, last_on, diagnosis_pointers, rules, is_set_up)"
                " values (%s, %s, %s, %s, %s, %s, 1, '2026-11-09', '2026-11-01', '2026-11-30', '{1}', %s, false)",
                (
                    whose["practice_id"],
                    claim,
                    number,
                    whose["patient_id"],
                    "ccm" if code == "99490" else "rpm",
                    code,
                    Jsonb(rules),
                ),
            )
        for number in (1, 2):
            connection.execute(
                "insert into ccm.claim_share select practice_id, %s, %s, 1, patient_id, entry_id, started_at, ended_at"
                " from ccm.time_entry where entry_id = %s",
                (claim, number, entry_id),
            )
        connection.execute(
            "insert into ccm.claim_day values (%s, %s, 3, %s, '2026-11-09', %s)",
            (whose["practice_id"], claim, whose["patient_id"], [reading_id]),
        )
    return claim


def test_claim_is_opened_down_to_the_reading_and_back(
    sign_in: SignIn, claim_id: UUID, casey: httpx.Client
) -> None:
    petra = sign_in("petra")
    page = petra.get(f"/claims/{claim_id}/evidence")
    said = text_of(page)
    assert "99490, 1 unit" in said
    assert "source a text" in said
    assert "1 day with readings that the device sent by itself" in said
    (reading,) = re.findall(r"/readings/[0-9a-f-]+", page.text)
    assert "99454" in text_of(casey.get(reading))
    assert f"/claims/{claim_id}/evidence" in casey.get(reading).text
    assert petra.get(f"/claims/{UUID(int=0)}/evidence").status_code == 404


def test_what_is_wrong_with_it_is_found(sign_in: SignIn, claim_id: UUID) -> None:
    page = sign_in("augustin").get("/self-audit")
    said = text_of(page)
    assert "that another claimed unit holds as well" in said
    assert f"/claims/{claim_id}/evidence" in page.text
    # One patient monitored, no visit recorded.
    assert "Monitored without a visit to us before" in said
    assert "1 of 1 (100 %) look at it" in said


def test_packet_is_one_file_whose_hash_is_on_paper(
    sign_in: SignIn, made_up: MadeUp, claim_id: UUID
) -> None:
    dana = sign_in("dana")
    address = f"/patients/{made_up.patients['amalia']}/month/2026-11/packet"
    assert f"{address}.json" in dana.get(address.removesuffix("/packet")).text
    found = dana.get(f"{address}.json")
    content = json.loads(found.content)
    assert content["sections"]["claim"][0]["claim_id"] == str(claim_id)
    assert {"consent", "time_entry", "time_link", "task", "alert_event", "reading"} <= content[
        "sections"
    ].keys()
    assert content["trace"]["month"] == "2026-11"
    assert content["chain"]["findings"] == []
    assert audit_packet.broken_links(content) == []
    for entry in content["sections"]["time_entry"]:
        entry["note"] += "."
    changed = {
        one["position"] for one in content["sections"]["time_link"] if one["kind"] == "entry"
    }
    assert set(audit_packet.broken_links(content)) >= changed != set()
    # The clock of this test stands still, so the same is asked twice.
    assert dana.get(f"{address}.json").content == found.content
    assert len(hashlib.sha256(found.content).hexdigest()) == 64
    assert dana.get(f"{address}.pdf").content.startswith(b"%PDF-")
    assert dana.get(address.replace("2026-11", "2026-13") + ".json").status_code == 422
    assert dana.get(f"/patients/{UUID(int=0)}/month/2026-11/packet.json").status_code == 404
    assert sign_in("casey").get(f"{address}.pdf").status_code == 403


def test_packet_of_a_restricted_patient_is_refused_and_the_trail_says_who_asked(
    sign_in: SignIn, made_up: MadeUp, connect: Connect
) -> None:
    petra, amalia = sign_in("petra"), made_up.patients["amalia"]
    form = {"patient_id": str(amalia), "staff_id": str(made_up.staff["dana"]), "reason": "r"}
    assert petra.post("/restrictions", data=form).status_code == 303
    for suffix in ("json", "pdf"):
        address = f"/patients/{amalia}/month/2026-11/packet.{suffix}"
        assert sign_in("augustin").get(address).status_code == 403
    with connect("postgres") as connection:
        refused = connection.execute(
            "select agent_id, patient_ids from ingest.audit_event"
            " where resource = 'evidence' and outcome = 'refused'"
        ).fetchall()
    assert refused == [(str(made_up.staff["augustin"]), [amalia])] * 2


def test_report_says_what_is_known_and_what_is_not(sign_in: SignIn, claim_id: UUID) -> None:
    said = text_of(sign_in("petra").get("/reports?days=90"))
    assert "Patients in care" in said
    assert "the site has no table of fees" in said
    assert "Glucose readings within 70 to 180 mg/dL, first and last" in said
