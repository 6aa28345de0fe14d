"""Claims as a table and as FHIR: no cell computes, and every resource is one by FHIR's own model."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.chargeitem import ChargeItem
from fhir.resources.R4B.claim import Claim

from ccm_link.claim_files import fhir, sheet
from tests.made_up_claims import BILLER, CLAIM

AT = datetime(2026, 12, 1, 14, 5, tzinfo=UTC)
SUPPLY = replace(
    CLAIM.lines[0],
    number=3,
    code="99454",
    first_on=date(2026, 10, 20),
    last_on=date(2026, 11, 18),
    days=16,
    seconds=0,
    reading_ids=(UUID(int=7), UUID(int=8)),
    charge_cents=None,
)


def test_a_row_for_each_line_and_no_formula_in_any() -> None:
    insured = replace(CLAIM.insured, name='=HYPERLINK("x")', member_id="+1")
    text = sheet.write(BILLER, [replace(CLAIM, insured=insured)])
    first, second = csv.DictReader(io.StringIO(text))
    assert first["patient"] == '\'=HYPERLINK("x")'
    assert first["member_id"] == "'+1"
    assert [first["code"], first["units"], first["charge_usd"], first["seconds"]] == [
        "99490", "1", "66.13", "1200",
    ]  # fmt: skip
    assert second["diagnoses"] == "I10 E11.9"


def test_every_resource_is_one_by_fhirs_own_model() -> None:
    claim = replace(CLAIM, lines=(*CLAIM.lines, SUPPLY), is_corrected=True, corrects="ICN-99")
    found = fhir.bundle(BILLER, [claim, CLAIM], AT)
    Bundle.model_validate(found)
    resources = [entry["resource"] for entry in found["entry"]]
    claims = [Claim.model_validate(one) for one in resources if one["resourceType"] == "Claim"]
    items = [one for one in resources if one["resourceType"] == "ChargeItem"]
    for one in items:
        ChargeItem.model_validate(one)
    assert [one.status for one in claims] == ["draft", "draft"]
    assert len(items) == 5
    assert "total" not in resources[0], "one line has no charge"
    assert claims[1].total is not None
    assert float(claims[1].total.value) == 188.39
    (supply,) = [one for one in items if one["code"]["coding"][0]["code"] == "99454"]
    assert [one["reference"] for one in supply["service"]] == [
        f"Observation/{UUID(int=number)}" for number in (7, 8)
    ]
    assert supply["note"][0]["text"] == "Rests on 16 days with automatic readings."


def test_codes_stand_in_the_system_that_publishes_them() -> None:
    (line,) = [replace(CLAIM.lines[0], code="G0556")]
    found = fhir.bundle(BILLER, [replace(CLAIM, lines=(line,))], AT)
    coding = found["entry"][0]["resource"]["item"][0]["productOrService"]["coding"][0]
    assert "HCPCS" in coding["system"]
