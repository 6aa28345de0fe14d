"""A made-up claim for tests of files of claims: everything is there unless a test takes it away."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from ccm_link.claim_files.contents import (
    Address,
    Biller,
    FileClaim,
    FileLine,
    Insured,
    Practitioner,
)

BILLER = Biller(
    legal_name="Millbrook Family Practice PLLC",
    npi="1234567893",
    tax_number="123456789",
    address=Address("12 Main Street", "Millbrook", "NY", "125450001"),
    place_of_service="11",
    contact_name="Petra Nowak",
    contact_phone="8455550100",
)
CLAIM = FileClaim(
    claim_id=UUID(int=1),
    number=4711,
    month="2026-11",
    state="attested",
    insured=Insured(
        patient_id=UUID(int=2),
        record_number="MFP-100482",
        name="Amalia Thornquist",
        family_name="Thornquist",
        given_names="Amalia",
        born_on=date(1951, 3, 17),
        gender="female",
        address=Address("3 Elm Street", "Millbrook", "NY", "12545"),
        payer_name="Medicare",
        payer_id="13102",
        member_id="1EG4TE5MK73",
        kind="medicare_part_b",
    ),
    practitioner=Practitioner(UUID(int=3), "Dana Achterberg", "Achterberg", "Dana", "1992999916"),
    diagnoses=("I10", "E11.9"),
    lines=(
        FileLine(
            number=1,
            program="ccm",
            code="99490",
            units=1,
            service_on=date(2026, 11, 19),
            first_on=date(2026, 11, 1),
            last_on=date(2026, 11, 30),
            pointers=(1, 2),
            charge_cents=6613,
            seconds=1200,
        ),
        FileLine(
            number=2,
            program="ccm",
            code="99439",
            units=2,
            service_on=date(2026, 11, 27),
            first_on=date(2026, 11, 1),
            last_on=date(2026, 11, 30),
            pointers=(1, 2),
            charge_cents=12226,
            seconds=2400,
        ),
    ),
)
