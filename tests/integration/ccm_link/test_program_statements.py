"""The statements about programs are valid on both engines, for the role that uses them."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from ingest import named_queries

pytestmark = pytest.mark.db

SUBJECTS = (
    "ccm_link.program/after_hours",
    "ccm_link.program/attestations",
    "ccm_link/audience",
    "ccm_link/departure",
    "ccm_link.program/billed_beside",
    "ccm_link.program/billing_practitioner",
    "ccm_link.program/care_team",
    "ccm_link.program/consent_script",
    "ccm_link.program/consents",
    "ccm_link.program/eligibility",
    "ccm_link.program/enrolment",
    "ccm_link.program/outreach",
    "ccm_link.program/practitioner_visits",
    "ccm_link.program/program_list",
    "ccm_link.claim/programs",
)
# Beside the console, which may run them all.
ALSO = {
    "is_in_care": "homevitals_alerts",
    "memberships": "homevitals_alerts",
    "open_enrolment": "homevitals_owner",
    "add_event": "homevitals_owner",
    "carry_over": "homevitals_owner",
}


def test_every_statement_is_valid_and_its_roles_may_run_it(
    database: Any, subtests: pytest.Subtests
) -> None:
    for subject in SUBJECTS:
        queries = named_queries.load(*subject.split("/"))
        for name in queries:
            statement = getattr(queries, name)
            parameters = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement))
            for role in {"homevitals_console", ALSO.get(name, "homevitals_console")}:
                with (
                    subtests.test(f"{subject}.{name} as {role}"),
                    database.connect(role) as connection,
                ):
                    connection.execute(cast("Any", "explain " + statement), parameters)
