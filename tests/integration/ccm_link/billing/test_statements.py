"""Each statement about months, monitoring, who bills and claims runs on both engines with the rights of the console."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from ingest import named_queries
from tests.billing_practice import BillingPractice

pytestmark = pytest.mark.db

AT, DAY = datetime(2026, 11, 10, tzinfo=UTC), date(2026, 11, 1)
STATEMENTS: dict[str, dict[str, Any]] = {
    "month_facts": {
        "hold_key": "k",
        "is_settled": True,
        "reason": "r",
    },
    "month_states": {"states": Jsonb([])},
    "monitoring": {
        "program": "rpm",
        "started_on": DAY,
        "set_up_billed": None,
        "started_by": "x",
        "ended_on": DAY,
        "ended_at": AT,
        "ended_by": "x",
        "reason": "r",
    },
    "practice_billing": {
        "from_on": DAY,
        "site": "office",
        "prefers_personal": False,
        **dict.fromkeys(
            (
                "legal_name",
                "npi",
                "tax_number",
                "street",
                "city",
                "state",
                "zip_code",
                "place_of_service",
                "contact_name",
                "contact_phone",
                "staff_ids",
            )
        ),
        "recorded_by": "x",
        "family_name": "x",
        "given_names": "x",
    },
    "claims": {
        "claims": Jsonb([]),
        "lines": Jsonb([]),
        "states": ["proposed"],
        "claim_number": 1,
        "line_number": 1,
        "program": "ccm",
        "code": "99490",
        "units": 1,
        "is_set_up": False,
        "service_on": DAY,
        "first_on": DAY,
        "last_on": DAY,
        "diagnosis_pointers": [1],
        "rules": Jsonb([]),
        "unit_numbers": [],
        "entry_ids": [],
        "from_ats": [],
        "until_ats": [],
        "day": DAY,
        "reading_ids": [uuid4()],
        "payer": None,
        "tables": "2026",
        "tables_sha256": b"x",
        "diagnoses": ["I10"],
        "row_version": 1,
        "former": "exported",
        "state": "submitted",
        "made_by": "x",
        "reference": "",
        "denial_codes": [],
        "paid_cents": None,
        "note": "",
        "format": "csv",
        "file_sha256": b"x",
        "claim_count": 1,
        "export_number": 1,
    },
}
# Another word of a parameter than its neighbours take.
OTHERWISE = {
    "note_event": {"export_number": None},
    "freeze_day": {"line_number": 2},
}


@pytest.mark.parametrize("subject", list(STATEMENTS))
def test_each_statement_runs_as_the_console(billing: BillingPractice, subject: str) -> None:
    claim_id = uuid4()
    billing.insert(
        "ccm.claim",
        claim_id=claim_id,
        patient_id=billing.patient_id,
        month_on=DAY,
        facts_sha256=b"x",
        diagnoses=[],
        proposed_at=AT,
        practitioner_id=billing.doctor,
    )
    billing.insert(
        "ccm.claim_line",
        claim_id=claim_id,
        line_number=2,
        patient_id=billing.patient_id,
        program="ccm",
        code="99439",
        units=1,
        is_set_up=False,
        service_on=DAY,
        first_on=DAY,
        last_on=DAY,
        diagnosis_pointers=[],
    )
    billing.owner.commit()
    known = {
        "practice_id": billing.practice_id,
        "patient_id": billing.patient_id,
        "patient_ids": [billing.patient_id],
        "staff_id": billing.nurse,
        "monitoring_id": uuid4(),
        "claim_id": claim_id,
        "claim_ids": [claim_id],
        "first_on": DAY,
        "month_on": DAY,
        "last_on": date(2026, 11, 30),
        "on": DAY,
        "from_at": AT,
        "until_at": AT,
        "at": AT,
    }
    queries = named_queries.load("ccm_link.claim", subject)
    for name in queries:
        given = known | STATEMENTS[subject] | OTHERWISE.get(name, {})
        with billing.console.transaction(force_rollback=True):
            billing.console.execute(getattr(queries, name), given)


@pytest.mark.parametrize("subject", list(STATEMENTS))
def test_every_parameter_that_is_given_is_asked_for(subject: str) -> None:
    text = resources.files("ccm_link.claim").joinpath(f"{subject}.sql").read_text(encoding="utf-8")
    asked = set(re.findall(r"%\((\w+)\)s", text))
    assert set(STATEMENTS[subject]) - asked == set()


def test_one_claim_is_found_by_its_key_also_in_a_practice_that_no_statistics_know(
    database: Any,
) -> None:
    with database.connect() as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute(
            "insert into ccm.claim (practice_id, claim_id, patient_id, month_on, practitioner_id, payer, facts_sha256,"
            " diagnoses, proposed_at) select %s, gen_random_uuid(), gen_random_uuid(), '2026-11-01', gen_random_uuid(),"
            " 'x', decode(repeat('00', 32), 'hex'), '{}', now() from generate_series(1, 10000)",
            (uuid4(),),
        )
        owner.execute("analyze ccm.claim")
        plan = owner.execute(
            "explain (format json) select state from ccm.claim where practice_id = %s and claim_id = %s",
            (uuid4(), uuid4()),
        ).fetchone()
    assert "claim_id" in plan[0][0]["Plan"]["Index Cond"]
