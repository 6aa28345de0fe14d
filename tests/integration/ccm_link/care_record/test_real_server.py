"""What reaches a real FHIR server, and how often: Medplum's router over its repository in memory."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from ccm_link.care_record import building, receivers
from ccm_link.care_record.port import Failure
from ccm_link.care_record.sending import LEASE
from ccm_link.plan import care_plan, plan_sharing
from ccm_link.program import enrolment, outreach
from ccm_link.program.enrolment_states import Change
from ccm_link.task import tasks
from tests import made_up_plan
from tests.fhir_server.process import FhirServer, running
from tests.integration.ccm_link.care_record.conftest import NUMBERS, Link

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

KINDS = (
    "Observation", "Patient", "Device", "Task", "Communication", "Consent", "CarePlan", "Goal", "DocumentReference",
)  # fmt: skip
NOOR = {"record_number": "MFP-100533", "born_on": "1960-06-30"}


@pytest.fixture(scope="module")
def one_server() -> Iterator[FhirServer]:
    with running() as server:
        yield server


@pytest.fixture
def ehr(one_server: FhirServer, link: Link) -> FhirServer:
    """An EHR in which one patient is registered, and nothing else of interest."""
    for kind in KINDS:
        for one in one_server.all(kind):
            one_server.ask("DELETE", f"{kind}/{one['id']}")
    register(one_server)
    link.base_url = one_server.base_url
    link.connect_ehr()
    return one_server


def register(server: FhirServer, **said: str) -> str:
    patient = NOOR | said
    made = server.ask(
        "POST",
        "Patient",
        {
            "resourceType": "Patient",
            "identifier": [{"system": NUMBERS, "value": patient["record_number"]}],
            "birthDate": patient["born_on"],
        },
    )
    return str(made["id"])


def by_code(server: FhirServer) -> dict[str, dict[str, Any]]:
    """Return the observations by their LOINC code."""
    return {one["code"]["coding"][0]["code"]: one for one in server.all("Observation")}


def test_a_reading_becomes_observations_of_the_patient_there(ehr: FhirServer, link: Link) -> None:
    reading_id = link.measure()
    link.send_all()
    assert set(link.states()) == {"sent"}
    found = by_code(ehr)
    (patient,) = ehr.all("Patient")
    assert set(found) == {"85354-9", "8867-4"}
    pressure = found["85354-9"]
    assert pressure["subject"] == {"reference": f"Patient/{patient['id']}"}
    assert [one["valueQuantity"]["value"] for one in pressure["component"]] == [134, 82]
    assert pressure["identifier"][0]["value"] == reading_id.urn
    (cuff,) = ehr.all("Device")
    assert pressure["device"] == {"reference": f"Device/{cuff['id']}"}
    # What is not there is named by identifier: no reference of ours would lead anywhere.
    (gateway,) = pressure["extension"]
    assert gateway["valueReference"] == {"type": "Device", "identifier": {"value": "gw-home0001"}}
    with closing(link.database.connect()) as connection:
        told = connection.execute(
            "select kind, agent_id, patient_ids, resource_id from ingest.audit_event where kind = 'export'"
        ).fetchall()
    assert told == [("export", "ehr", [link.made_up.patients["noor"]], str(reading_id))]


def test_what_is_sent_again_changes_nothing(ehr: FhirServer, link: Link) -> None:
    link.measure()
    link.send_all()
    before = ehr.all("Observation")
    with closing(link.database.connect()) as connection:
        # As if it had never been written down: neither that it was sent, nor under which id.
        connection.execute("update ccm.outgoing set state = 'waiting', settled_at = null")
        connection.execute("delete from ccm.ehr_resource")
        connection.commit()
    link.send_all()
    assert ehr.all("Observation") == before


def test_yesterdays_average_is_there_once_and_a_late_reading_changes_it(
    ehr: FhirServer, link: Link
) -> None:
    register(ehr, record_number="MFP-100482", born_on="1951-03-17")
    for _ in range(2):
        link.measure("amalia")
    link.send_all()
    average = by_code(ehr)["96607-7"]
    assert average["status"] == "final"
    assert average["effectivePeriod"]["end"] == "2026-11-12T05:00:00Z"
    assert ehr.history("Observation", average["id"]) == 1
    link.now -= timedelta(hours=30)
    link.measure("amalia", systolic_mmhg=151.0)
    link.now += timedelta(hours=31)
    link.send_all()
    averages = [
        one for one in ehr.all("Observation") if one["code"]["coding"][0]["code"] == "96607-7"
    ]
    assert [one["effectivePeriod"]["end"] for one in averages] == ["2026-11-12T05:00:00Z"]
    assert ehr.history("Observation", average["id"]) == 2


_KILLED = """
import os, signal, sys
from contextlib import closing
from datetime import datetime
import psycopg
from alerts.channels.webhook.settings import WebhookSettings
from ccm_link.care_record import connections, to_ehr
from ccm_link.care_record.carriers import Carriers
from ccm_link.care_record.sending import Sender
from pathlib import Path

to_ehr._Resources.note = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
carriers = Carriers(connections.read(Path(sys.argv[2])), WebhookSettings(), "https://x.example.org")
with closing(psycopg.connect(sys.argv[1], autocommit=True)) as connection:
    Sender(carriers.of, lambda: datetime.fromisoformat(sys.argv[3])).send_some(connection)
"""


def test_a_sender_killed_between_sending_and_noting_doubles_nothing(
    ehr: FhirServer, link: Link
) -> None:
    link.measure()
    folder = link.folder / "ehrs"
    folder.mkdir()
    (folder / "main.toml").write_text(
        f'[ehr]\nbase_url = "{link.base_url}"\nsign_in = "bearer"\nknows_record_numbers = true\n'
        f'secret_file = "{link.connection.secret_file}"\nidentifier_system = "{NUMBERS}"\n'
    )
    asked = [link.database.conninfo("homevitals_link"), str(folder), link.now.isoformat()]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *asked], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    arrived = ehr.all("Observation")
    assert len(arrived) == 2
    assert link.states() == ["waiting"]
    link.now += timedelta(minutes=1)
    assert link.send_all() == 0, "the lease of the dead one holds"
    link.now += LEASE
    link.send_all()
    assert link.states() == ["sent"]
    assert ehr.all("Observation") == arrived


def test_many_senders_double_nothing_and_keep_a_patients_order(ehr: FhirServer, link: Link) -> None:
    readings = [link.measure() for _ in range(4)]
    link.now += timedelta(minutes=1)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: link.send_all(), range(3)))
    link.send_all()
    pressures = [one for one in ehr.all("Observation") if "component" in one]
    assert sorted(one["identifier"][0]["value"] for one in pressures) == sorted(
        one.urn for one in readings
    )
    written = sorted(pressures, key=lambda one: str(one["meta"]["lastUpdated"]))
    assert [one["identifier"][0]["value"] for one in written] == [one.urn for one in readings]


def test_a_corrected_reading_is_in_error_there(ehr: FhirServer, link: Link) -> None:
    reading_id = link.measure()
    link.send_all()
    with closing(link.database.connect()) as connection:
        connection.execute(
            "update ingest.reading_series set superseded_at = %s where reading_id = %s",
            (link.now, reading_id),
        )
        connection.execute(
            "insert into ingest.evaluation_queue (practice_id, patient_id, reading_id, measured_at, queued_at)"
            " select practice_id, patient_id, reading_id, measured_at, %s from ingest.reading_series"
            " where reading_id = %s",
            (link.now, reading_id),
        )
        connection.commit()
    link.send_all()
    assert {one["status"] for one in ehr.all("Observation")} == {"entered-in-error"}
    for one in ehr.all("Observation"):
        assert ehr.history("Observation", one["id"]) == 2


def test_what_somebody_changed_there_is_left_to_a_person(ehr: FhirServer, link: Link) -> None:
    link.measure(pulse_bpm=None)
    link.send_all()
    (observation,) = ehr.all("Observation")
    theirs = observation | {"status": "cancelled"}
    ehr.ask("PUT", f"Observation/{observation['id']}", theirs)
    with closing(link.database.connect()) as connection:
        connection.execute("update ccm.outgoing set state = 'waiting', settled_at = null")
        connection.commit()
    link.send_all()
    assert link.states() == ["dead changed_there"]
    assert ehr.all("Observation")[0]["status"] == "cancelled"
    with link.console() as cur:
        receivers.redrive(cur, link.practice_id, link.now, overwrites=True)
    link.send_all()
    assert link.states() == ["sent"]
    assert ehr.all("Observation")[0]["status"] == "final"


def test_a_patient_who_is_not_found_as_one_is_held_and_matched_by_a_person(
    ehr: FhirServer, link: Link
) -> None:
    register(
        ehr, record_number="MFP-100482", born_on="1951-03-18"
    )  # a day off: somebody else, or a slip
    twin = register(ehr, record_number="MFP-100517", born_on="1947-11-02")
    register(ehr, record_number="MFP-100517", born_on="1947-11-02")
    link.measure("amalia")
    link.measure("bertram")
    link.measure("bertram")
    link.send_all()
    assert link.states() == ["held patient_differs", *["held patient_ambiguous"] * 2]
    assert ehr.all("Observation") == []
    bertram, casey = link.made_up.patients["bertram"], link.made_up.staff["casey"]
    with link.console() as cur:
        assert [one.held for one in receivers.unmatched(cur, link.practice_id, 10)] == [1, 2]
        receivers.match_by_hand(cur, link.practice_id, bertram, twin, by=casey, at=link.now)
    link.send_all()
    assert link.states() == ["held patient_differs", "sent", "sent"]
    subjects = {one["subject"]["reference"] for one in ehr.all("Observation")}
    assert subjects == {f"Patient/{twin}"}


def test_a_resource_that_the_server_refuses_is_a_dead_letter_at_once(
    ehr: FhirServer, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any, subject: building.Subject) -> Any:
        unfit = {
            "resourceType": "Observation",
            "id": "x",
            "identifier": [{"system": "s", "value": "v"}],
        }
        yield building.Part("observation", subject.subject_id, unfit)

    monkeypatch.setitem(building.BUILDERS, "observation", broken)  # type: ignore[arg-type]
    link.measure()
    link.send_all()
    assert link.states() == [f"dead {Failure.REFUSED}"]


def test_tasks_consents_contacts_and_plans_are_there_as_they_stand(
    ehr: FhirServer, link: Link
) -> None:
    noor, staff = link.made_up.patients["noor"], link.made_up.staff
    with link.console() as cur:
        call_somebody(cur, link)
        for _ in range(2):
            link.now += timedelta(minutes=1)
            made_up_plan.sign(cur, link.practice_id, noor, staff_id=staff["dana"], at=link.now)
        (newest, _) = care_plan.versions(cur, link.practice_id, noor)
        plan_sharing.share(
            cur,
            link.practice_id,
            noor,
            newest.plan_id,
            method=plan_sharing.Method.PRINTED,
            recipient=plan_sharing.Recipient.PATIENT,
            recipient_name="",
            shared_at=link.now,
            staff_id=staff["casey"],
            at=link.now,
        )
        (task, *_) = tasks.tasks_of_patient(cur, link.practice_id, noor, limit=1)
        tasks.claim(cur, link.practice_id, task.task_id, staff["casey"], task.row_version, link.now)
        cur.execute(
            "update ccm.consent set revoked_at = %s, revoked_by = 'x', revoke_reason = 'x' where patient_id = %s",
            (link.now, noor),
        )
    link.send_all()
    assert set(link.states()) == {"sent"}
    assert {kind: len(ehr.all(kind)) for kind in KINDS} == {
        "Observation": 0, "Patient": 1, "Device": 0, "Task": 1, "Communication": 2, "Consent": 1, "CarePlan": 2,
        "Goal": 4, "DocumentReference": 2,
    }  # fmt: skip
    plans = {one["title"]: one for one in ehr.all("CarePlan")}
    assert plans["Care plan, version 1"]["status"] == "revoked"
    assert plans["Care plan, version 2"]["status"] == "active"
    goals = {one["reference"] for one in plans["Care plan, version 2"]["goal"]}
    assert goals < {f"Goal/{one['id']}" for one in ehr.all("Goal")}
    assert [one["status"] for one in ehr.all("Task")] == ["in-progress"]
    assert [one["status"] for one in ehr.all("Consent")] == ["inactive"]
    (patient,) = ehr.all("Patient")
    subjects = {one["subject"]["reference"] for one in ehr.all("Communication")}
    assert subjects == {f"Patient/{patient['id']}"}


def call_somebody(cur: Any, link: Link) -> None:
    noor = link.made_up.patients["noor"]
    (held,) = enrolment.of_patient(cur, link.practice_id, noor)
    change = Change(
        practice_id=link.practice_id,
        patient_id=noor,
        enrolment_id=held.enrolment_id,
        row_version=held.row_version,
        made_by="Casey Lindqvist",
        at=link.now,
    )
    outreach.log(
        cur,
        change,
        outreach.NewAttempt(
            tried_at=link.now - timedelta(minutes=1),
            method=outreach.Method.PHONE,
            outcome=outreach.Outcome.VOICEMAIL,
            spoke_with=None,
            note="Asked to call back.",
            next_try_at=None,
        ),
    )
