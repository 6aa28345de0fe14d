"""The statements about care plans and what belongs to them run under the role of the console, on both engines."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = uuid4()
OF_PATIENT = {"practice_id": ID, "patient_id": ID}
BY = {"staff_id": ID, "at": AT}
DRAFT = {**OF_PATIENT, **BY, "row_version": 1, "document": Jsonb({})}
PLAN = {**OF_PATIENT, **BY, "plan_id": ID}
MANY = {"practice_id": ID, "patient_ids": [ID], "at": AT}
STAY = {**OF_PATIENT, **BY, "stay_id": ID, "discharged_at": AT, "contact_due_at": AT}
# By file: what reads it, and each statement with what it is given.
FILES: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "ccm_link.plan/care_plan": (
        "care_plan.py",
        {
            "begin": DRAFT,
            "change": DRAFT,
            "sign": {**DRAFT, "role": "clinician"},
            "discard": {**DRAFT, "reason": "r"},
            "draft": OF_PATIENT,
            "versions": OF_PATIENT,
            "add_review": {**PLAN, "note": "n"},
            "reviews": OF_PATIENT,
            "heads": MANY,
        },
    ),
    "ccm_link.plan/plan_sharing": (
        "plan_sharing.py",
        {
            "add_share": {
                **PLAN,
                "method": "printed",
                "recipient": "carer",
                "recipient_name": "Ada",
                "shared_at": AT,
            },
            "shares": OF_PATIENT,
        },
    ),
    "ccm_link.plan/medication": (
        "medication.py",
        {
            "record": {
                **OF_PATIENT,
                **BY,
                "name": "Metformin",
                "rxnorm_code": "6809",
                "dose": "500 mg",
                "taken_from_on": None,
                "source": "s",
                "prescriber": "",
            },
            "end_medication": {
                **OF_PATIENT,
                **BY,
                "medication_id": ID,
                "ended_on": None,
                "reason": "r",
            },
            "of_patient": OF_PATIENT,
            "reconcile": {**OF_PATIENT, **BY, "sources": ["patient"], "discrepancies": ""},
            "reconciliations": OF_PATIENT,
            "last_reviews": {**MANY, "kinds": ["inpatient"]},
        },
    ),
    "ccm_link.plan/stays": (
        "stays.py",
        {
            "record": {
                **STAY,
                "kind": "inpatient",
                "facility": "f",
                "source": "s",
                "admitted_at": AT - timedelta(days=3),
            },
            "discharge": STAY,
            "set_contact_task": {"practice_id": ID, "stay_id": ID, "task_id": ID},
            "void": {**STAY, "reason": "r"},
            "of_patient": OF_PATIENT,
            "away": {
                "practice_id": ID,
                "patient_ids": [ID],
                "kinds": ["inpatient"],
                "from_at": AT,
                "until_at": AT,
            },
        },
    ),
    "ccm_link.plan/education": (
        "education.py",
        {
            "record": {
                **OF_PATIENT,
                **BY,
                "topic": "medication",
                "method": "phone",
                "learner": "patient",
                "taught_at": AT,
                "teach_back": True,
                "points": [],
                "note": "",
            },
            "of_patient": OF_PATIENT,
        },
    ),
    "ccm_link.plan/device_set_ups": (
        "device_set_ups.py",
        {
            "record": {
                **OF_PATIENT,
                **BY,
                "peripheral_id": ID,
                "learner": "patient",
                "set_up_at": AT,
                "taught_at": AT,
            },
            "devices": {**OF_PATIENT, "at": AT},
            "of_patients": MANY,
        },
    ),
    "ccm_link.plan/care_gaps": (
        "care_gap_facts.py",
        {
            "people": {**MANY, "contact_since": AT},
            "last_measured": {**MANY, "kinds": ["blood_pressure", "glucose"], "since": AT},
        },
    ),
}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use_in_its_module(file: str) -> None:
    module, runs = FILES[file]
    package, subject = file.split("/")
    text = (resources.files(package) / module).read_text(encoding="utf-8")

    assert set(named_queries.load(package, subject)) == set(runs)
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(runs)


def test_statements_run_with_the_rights_of_the_console(
    database: Any, subtests: pytest.Subtests
) -> None:
    with database.connect() as admin:
        admin.execute("insert into ingest.practice values (%s, 'p', 'UTC', 'elm')", (ID,))
        admin.execute(
            "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')", (ID, ID)
        )
        admin.execute(
            "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role, password_argon2)"
            " values (%s, %s, 'casey', 'C', 'clinician', '')",
            (ID, ID),
        )
        admin.commit()
    with database.connect("homevitals_console") as connection:
        scopes.work_for(connection, ID)
        for file, (_, runs) in FILES.items():
            for name, parameters in runs.items():
                statement = getattr(named_queries.load(*file.split("/")), name)
                with subtests.test(f"{file}: {name}"), connection.transaction():
                    connection.execute(statement, parameters)
