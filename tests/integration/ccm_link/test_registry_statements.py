"""The statements about what is known of patients run under the roles that need them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ON = date(2026, 3, 1)
ID = uuid4()
CONSOLE = "homevitals_console"
OF_PATIENT = {"practice_id": ID, "patient_id": ID}
OF_PATIENTS = {"practice_id": ID, "patient_ids": [ID]}
BY = {"by": "c", "at": AT, **OF_PATIENT}
FILES: dict[str, dict[str, dict[str, Any]]] = {
    "ccm_link.registry/coverage": {
        "add": {
            "kind": "medigap",
            "payer_name": "p",
            "payer_id": None,
            "member_id": None,
            "rank": 1,
            "covered_from": ON,
            "covered_until": None,
            "recorded_by": "c",
            "at": AT,
            **OF_PATIENT,
        },
        "end_on": {
            "coverage_id": ID,
            "covered_until": ON,
            "ended_by": "c",
            "at": AT,
            **OF_PATIENT,
        },
        "withdraw": {"coverage_id": ID, "why": "w", "withdrawn_by": "c", "at": AT, **OF_PATIENT},
        "of_patients": OF_PATIENTS,
        "on_day": {"day": ON, **OF_PATIENTS},
    },
    "ccm_link.registry/patient_identifiers": {
        "add": {
            "kind": "MR",
            "system": "s",
            "value": "v",
            "recorded_by": "c",
            "at": AT,
            **OF_PATIENT,
        },
        "end_identifier": {
            "identifier_id": ID,
            "reason": "r",
            "ended_by": "c",
            "at": AT,
            **OF_PATIENT,
        },
        "of_patients": OF_PATIENTS,
    },
    "ccm_link.registry/patient_contacts": {
        "unprefer": BY,
        "add_telecom": {
            "kind": "phone",
            "address": "+12125550100",
            "used_for": "home",
            "is_preferred": True,
            "may_text": False,
            "may_voicemail": False,
            **BY,
        },
        "end_telecom": {"telecom_id": ID, **BY},
        "telecoms": OF_PATIENTS,
        "end_address": BY,
        "add_address": {
            "street": "s",
            "city": "c",
            "state": None,
            "postal_code": None,
            "country": "US",
            **BY,
        },
        "addresses": OF_PATIENTS,
    },
    "ccm_link.registry/related_people": {
        "add": {"name": "n", "relationship": "SPS", "phone": None, **BY},
        "end_person": {"related_id": ID, **BY},
        "allow": {"related_id": ID, "given_at": AT, "by": "c", **OF_PATIENT},
        "end_permission": {"related_id": ID, **BY},
        "of_patients": OF_PATIENTS,
        "permissions": OF_PATIENT,
    },
    "ccm_link.registry/patient_standing": {
        "count_open_tasks": {"practice_id": ID},
        "open_tasks": {"practice_id": ID, "limit": 10},
    },
}
SET_ASIDE: dict[str, dict[str, Any]] = {
    name: {"note": "n", "at": AT, **OF_PATIENT} for name in ("set_aside", "end_runs", "take_up")
}


@pytest.mark.parametrize(("file", "runs"), [("alerts/set_aside", SET_ASIDE), *FILES.items()])
def test_every_statement_has_a_run_here_a_use_in_its_module_and_the_rights_it_needs(
    database: Any, file: str, runs: dict[str, dict[str, Any]]
) -> None:
    package, subject = file.split("/")
    text = (resources.files(package) / f"{subject}.py").read_text(encoding="utf-8")
    statements = named_queries.load(package, subject)
    assert set(statements) == set(runs)
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(runs)
    with database.connect() as admin:
        admin.execute("insert into ingest.practice values (%s, 'p', 'UTC', 'elm')", (ID,))
        admin.execute(
            "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')", (ID, ID)
        )
    for name, parameters in runs.items():
        with database.connect(CONSOLE) as connection:
            scopes.work_for(connection, ID)
            connection.execute(getattr(statements, name), parameters)
