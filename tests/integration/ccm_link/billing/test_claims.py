"""Claims through the real database: proposed, attested, frozen, exported, followed; refused where it does not fit."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from ccm_link import claim_errors
from ccm_link.claim import (
    claim_exports,
    claim_records,
    claims,
    month_proposals,
    month_states,
    practice_billing,
    site_tables,
)
from ccm_link.claim.claim_records import Claim
from ccm_link.claim.claim_states import ClaimState
from ccm_link.claim_files.contents import Format
from ccm_link.claim_files.professional import Route
from ccm_link.month import Month
from tests.billing_practice import BillingPractice, add_patient

pytestmark = pytest.mark.db

NEW_YORK = ZoneInfo("America/New_York")
NOVEMBER = Month(2026, 11)
CLOSED = datetime(2026, 12, 2, 12, tzinfo=UTC)
ROUTE = Route("HV0001", "CLEARING1", "A Clearing House")


class Month26:
    """The November of one practice, worked on step by step."""

    def __init__(self, practice: BillingPractice, folder: str = "") -> None:
        self.practice, self.tables = practice, site_tables.load(folder)

    @property
    def cur(self) -> Any:
        return self.practice.console.cursor()

    def work_out(self) -> month_states.Kept:
        with self.practice.console.transaction():
            return month_states.work_out_all(
                self.cur, self.practice.practice_id, NOVEMBER, self.tables, CLOSED
            )

    def all(self) -> list[Claim]:
        with self.practice.console.transaction():
            return claim_records.of_month(
                self.cur, self.practice.practice_id, NOVEMBER, list(ClaimState)
            )

    def now_found(self, at: datetime = CLOSED) -> month_proposals.WorkedOut | None:
        return month_proposals.of_patient(
            self.cur,
            self.practice.practice_id,
            self.practice.patient_id,
            NOVEMBER,
            self.tables,
            at,
        )

    def attest(self, claim: Claim, *, at: datetime = CLOSED, **changed: Any) -> None:
        with self.practice.console.transaction():
            claims.attest(
                self.cur,
                self.practice.practice_id,
                claim_records.lock(self.cur, self.practice.practice_id, claim.claim_id),
                self.now_found(at),
                self.tables,
                NEW_YORK,
                **{
                    "diagnoses": ["I10"],
                    "row_version": claim.row_version,
                    "made_by": "Dana",
                    "at": at,
                }
                | changed,
            )

    def record(self, state: ClaimState, **said: Any) -> None:
        with self.practice.console.transaction():
            (claim, *_) = self.all()
            claims.record(
                self.cur,
                self.practice.practice_id,
                claim,
                state,
                made_by="Petra",
                at=CLOSED,
                **said,
            )

    def export(self, wanted: Format, **changed: Any) -> claim_exports.Exported:
        with self.practice.console.transaction():
            return claim_exports.export(
                self.cur,
                self.practice.practice_id,
                NOVEMBER,
                [one for one in self.all() if one.state in {"attested", "exported"}],
                wanted,
                self.tables,
                ROUTE,
                **{"leave_out": False, "made_by": "Petra", "at": CLOSED} | changed,
            )


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@pytest.fixture
def month(billing: BillingPractice) -> Month26:
    """Twenty minutes of chronic care, and sixteen days of monitoring."""
    billing.enrol("ccm")
    billing.enrol("rpm")
    billing.monitor(date(2026, 10, 20))
    billing.measure(date(2026, 10, 20), days=16)
    billing.work("ccm", local(5, 9), 15 * 60)
    billing.work("ccm", local(6, 9), 10 * 60)
    billing.diagnose("I10", "E11.9")
    return Month26(billing)


def test_a_proposal_is_made_once_and_anew_when_facts_change(month: Month26) -> None:
    kept = month.work_out()
    assert (kept.patients, kept.ready, kept.new_claims) == (1, 1, 1)
    (claim,) = month.all()
    assert [(one.code, one.units) for one in claim.lines] == [("99490", 1), ("99454", 1)]
    assert month.work_out().new_claims == 0
    assert month.all() == [claim], "nothing new, the same row"
    month.practice.work("ccm", local(7, 9), 15 * 60)
    assert month.work_out().new_claims == 1
    (anew,) = month.all()
    assert anew.claim_id != claim.claim_id
    assert ("99439", 1) in {(one.code, one.units) for one in anew.lines}


def test_a_proposal_goes_when_nothing_is_left_of_it(month: Month26) -> None:
    month.work_out()
    for (entry_id,) in month.practice.owner.execute(
        "select entry_id from ccm.time_entry"
    ).fetchall():
        month.practice.void(entry_id)
    month.practice.owner.execute("update ccm.monitoring set program = 'nothing'")
    month.practice.owner.commit()
    month.work_out()
    assert month.all() == []


def test_what_is_attested_is_frozen_with_all_that_it_rests_on(month: Month26) -> None:
    month.work_out()
    (proposed,) = month.all()
    month.attest(proposed, diagnoses=["E11.9", "I10"])
    (claim,) = month.all()
    assert (claim.state, claim.diagnoses) == ("attested", ("E11.9", "I10"))
    assert claim.tables == "2015, 2019, 2021"
    assert claim.tables_sha256 == month.tables.sha256_of(None)
    by_code = {line.code: line for line in claim.lines}
    assert by_code["99490"].seconds == 1200
    assert by_code["99490"].diagnosis_pointers == (1, 2)
    rules = by_code["99490"].rules
    assert rules is not None
    assert (rules[0]["name"], rules[0]["section"]) == ("99490", "code")
    assert rules[0]["source"]
    with month.practice.console.transaction():
        days = claim_records.days_of(month.cur, month.practice.practice_id, [claim.claim_id])
    ((_, days_of_line),) = days.items()
    assert len(days_of_line) == 16
    assert all(len(ids) == 1 for _, ids in days_of_line)
    shares = month.practice.owner.execute(
        "select extract(epoch from until_at - from_at)::integer from ccm.claim_share where claim_id = %s"
        " order by from_at",
        (claim.claim_id,),
    ).fetchall()
    assert shares == [(900,), (300,)]
    assert [event.state for event in claim.events] == ["attested"]


@pytest.mark.parametrize(
    "statement",
    [
        "update ccm.claim set diagnoses = '{I50}'",
        "update ccm.claim set state = 'proposed'",
        "delete from ccm.claim",
        "update ccm.claim_line set units = 2",
        "update ccm.claim_line set is_live = false",
        "delete from ccm.claim_line",
        "update ccm.claim_share set until_at = until_at + interval '1 second'",
        "delete from ccm.claim_day",
    ],
)
def test_nobody_changes_what_was_attested(month: Month26, statement: str) -> None:
    month.work_out()
    month.attest(month.all()[0])
    with pytest.raises(psycopg.errors.RaiseException):
        month.practice.owner.execute(statement)
    month.practice.owner.rollback()


def test_attesting_is_refused_where_something_does_not_fit(month: Month26) -> None:
    month.work_out()
    (claim,) = month.all()
    for error, changed in (
        (claim_errors.StaleClaim, {"row_version": 7}),
        (claim_errors.MonthNotOver, {"at": local(30, 23, 59)}),
        (claim_errors.BadDiagnoses, {"diagnoses": []}),
        (claim_errors.BadDiagnoses, {"diagnoses": ["I50"]}),
        (claim_errors.BadDiagnoses, {"diagnoses": ["I10", "I10"]}),
    ):
        with pytest.raises(error):
            month.attest(claim, **changed)
    month.practice.work("ccm", local(7, 9), 15 * 60)
    with pytest.raises(claim_errors.FactsChanged):
        month.attest(claim)
    month.work_out()
    month.attest(month.all()[0])
    with pytest.raises(claim_errors.WrongState):
        month.attest(month.all()[0])


def test_a_block_is_over_by_the_patients_clocks(month: Month26) -> None:
    month.practice.owner.execute("update ccm.monitoring set started_on = '2026-11-01'")
    month.practice.owner.execute("update ingest.patient set time_zone = 'Pacific/Honolulu'")
    month.practice.owner.commit()
    month.work_out()
    midnight = datetime(2026, 12, 1, 0, 1, tzinfo=NEW_YORK)
    (claim,) = month.all()
    assert "99445" in {line.code for line in claim.lines}
    with pytest.raises(claim_errors.MonthNotOver):
        month.attest(claim, at=midnight)
    month.attest(claim, at=midnight + timedelta(hours=5))


def test_facts_that_change_afterwards_are_shown_and_not_taken_over(month: Month26) -> None:
    month.work_out()
    month.attest(month.all()[0])
    (claim,) = month.all()
    assert not claims.has_changed(claim, month.now_found())
    month.practice.work("ccm", local(7, 9), 15 * 60)
    assert month.work_out().new_claims == 0
    assert month.all() == [claim]
    assert claims.has_changed(claim, month.now_found())


def test_a_second_claim_for_the_same_time_is_refused_by_the_database(month: Month26) -> None:
    month.work_out()
    month.attest(month.all()[0])
    claim = month.all()[0]
    insert = (
        "insert into ccm.claim"
        " (practice_id, patient_id, month_on, practitioner_id, facts_sha256, diagnoses, proposed_at)"
        " values (%s, %s, '2026-11-01', %s, '', '{}', now()) returning claim_id"
    )
    mine = (claim.practitioner_id, month.practice.nurse)
    with pytest.raises(psycopg.errors.UniqueViolation):
        month.practice.owner.execute(
            insert, (month.practice.practice_id, claim.patient_id, mine[0])
        )
    month.practice.owner.rollback()
    # Another practitioner's claim can stand beside it, but not with the same code for the same time.
    (other_id,) = month.practice.owner.execute(
        insert, (month.practice.practice_id, claim.patient_id, mine[1])
    ).fetchone() or (None,)
    with pytest.raises(psycopg.errors.UniqueViolation):
        month.practice.insert(
            "ccm.claim_line",
            claim_id=other_id,
            line_number=1,
            patient_id=claim.patient_id,
            program="ccm",
            code="99490",
            units=1,
            is_set_up=False,
            service_on=date(2026, 11, 6),
            first_on=date(2026, 11, 1),
            last_on=date(2026, 11, 30),
            diagnosis_pointers=[],
        )
    month.practice.owner.rollback()


def test_a_claim_goes_its_way_and_a_corrected_one_makes_room(month: Month26) -> None:
    month.work_out()
    with pytest.raises(claim_errors.WrongState):
        month.record(ClaimState.SUBMITTED)
    month.attest(month.all()[0])
    with pytest.raises(claim_errors.WrongState):
        month.record(ClaimState.PAID)
    month.record(ClaimState.SUBMITTED, reference="batch 12")
    month.record(
        ClaimState.DENIED, reference="ICN-99", denial_codes=["CO-16", "N265"], paid_cents=1
    )
    month.record(ClaimState.CORRECTED, note="wrong diagnosis first")
    old = month.all()[0]
    assert [one.state for one in old.events] == ["attested", "submitted", "denied", "corrected"]
    assert old.events[2].denial_codes == ("CO-16", "N265")
    assert old.events[2].paid_cents is None, "a denial pays nothing"
    assert old.reference == "ICN-99"
    assert month.work_out().new_claims == 1
    new = month.all()[1]
    assert new.replaces == old.claim_id
    assert len(new.lines) == len(old.lines)
    month.attest(new)
    with pytest.raises(claim_errors.WrongState), month.practice.console.transaction():
        claims.record(
            month.cur, month.practice.practice_id, old, ClaimState.PAID, made_by="x", at=CLOSED
        )


def test_a_file_is_written_once_and_says_what_is_missing(month: Month26, tmp_path: Path) -> None:
    month.work_out()
    with pytest.raises(claim_errors.NothingToExport):
        month.export(Format.CSV)
    month.attest(month.all()[0])
    with pytest.raises(claim_errors.Incomplete) as refused:
        month.export(Format.X12)
    number = month.all()[0].claim_number
    assert f"claim {number}: the practice's NPI" in refused.value.lacks
    with pytest.raises(claim_errors.NothingToExport):
        month.export(Format.X12, leave_out=True)
    sheet = month.export(Format.CSV)
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [(row["code"], row["seconds"], row["days"]) for row in rows] == [
        ("99490", "1200", "0"),
        ("99454", "0", "16"),
    ]
    assert month.all()[0].state == "exported"
    complete(month.practice)
    (tmp_path / "charges.toml").write_text(CHARGES)
    month.tables = site_tables.load(str(tmp_path))
    owner = month.practice.owner
    owner.execute("update ccm.staff_credential set may_bill = false")
    owner.commit()
    with pytest.raises(claim_errors.Incomplete) as refused:
        month.export(Format.X12)
    assert "the practitioner's NPI, in a credential by which they bill" in refused.value.lacks[0]
    owner.execute("update ccm.staff_credential set may_bill = true")
    owner.commit()
    written = month.export(Format.X12)
    assert written.number == sheet.number + 1
    assert "SV1*HC:99454*51.5*UN*1***1~" in written.text
    assert "NM1*82*1*ACHTERBERG*DANA****XX*1992999916~" in written.text
    found = month.practice.owner.execute(
        "select format, claim_count from ccm.claim_export order by export_number"
    ).fetchall()
    assert found == [("csv", 1), ("x12", 1)]
    assert [one.export_number for one in month.all()[0].events][1:] == [
        sheet.number,
        written.number,
    ]


def test_no_file_says_what_the_facts_bear_no_more(month: Month26) -> None:
    month.work_out()
    month.attest(month.all()[0])
    slip = month.practice.work("ccm", local(7, 9), 15 * 60)
    assert len(month.export(Format.CSV).claims) == 1, "more was done since: it still is so"
    for (entry_id,) in month.practice.owner.execute(
        "select entry_id from ccm.time_entry where entry_id <> %s", [slip]
    ).fetchall():
        month.practice.void(entry_id)
    with pytest.raises(claim_errors.Incomplete) as refused:
        month.export(Format.CSV)
    assert "what it rests on" in refused.value.lacks[0]


def test_a_file_is_for_the_payer_that_was_attested_and_names_the_payers_number_of_a_correction(
    month: Month26, tmp_path: Path
) -> None:
    complete(month.practice)
    (tmp_path / "charges.toml").write_text(CHARGES)
    month.tables = site_tables.load(str(tmp_path))
    month.work_out()
    month.attest(month.all()[0])
    month.record(ClaimState.SUBMITTED, reference="batch 12")
    month.record(ClaimState.CORRECTED)
    month.work_out()
    month.attest(month.all()[1])
    with pytest.raises(claim_errors.Incomplete) as refused:
        month.export(Format.X12)
    assert [one.partition(": ")[2] for one in refused.value.lacks] == [
        "the payer's number of the claim that is corrected"
    ], "our batch is not the payer's number"
    month.practice.owner.execute("set local session_replication_role = replica")
    month.practice.owner.execute("update ccm.coverage set payer_name = 'Another Payer'")
    month.practice.owner.commit()
    with pytest.raises(claim_errors.Incomplete) as refused:
        month.export(Format.CSV)
    assert "the payer by whose rules it was attested" in refused.value.lacks[0]


def test_a_hundred_patients_at_once_and_each_only_with_its_own(billing: BillingPractice) -> None:
    with billing.owner.cursor() as cur:
        ids = [add_patient(cur, billing.practice_id, f"P{nth:03}") for nth in range(12)]
    for nth, patient_id in enumerate(ids):
        billing.enrol("ccm", patient_id=patient_id)
        billing.work("ccm", local(2 + nth, 9), (15 + nth) * 60, patient_id=patient_id)
    month = Month26(billing)
    kept = month.work_out()
    assert (kept.patients, kept.ready + kept.held, kept.new_claims) == (12, 7, 0)
    with billing.console.transaction():
        listed = month_states.of_month(month.cur, billing.practice_id, NOVEMBER)
    assert [one.patient_name for one in listed] == [f"P{nth:03}" for nth in range(12)]
    assert [one.seconds["ccm"] for one in listed] == [(15 + nth) * 60 for nth in range(12)]
    assert [bool(one.held) for one in listed] == [nth >= 5 for nth in range(12)]
    assert all(one.stops for one in listed if one.held), "nothing is attested of them"


CHARGES = """
title = "What we charge"
source = "Our own list, 2026-01-01."
[[fee]]
code = "99490"
from_on = "2026-01-01"
until_on = "2026-12-31"
amount = "66.13"
[[fee]]
code = "99454"
from_on = "2026-01-01"
until_on = "2026-12-31"
amount = "51.50"
"""


def complete(practice: BillingPractice) -> None:
    """Record what a claim needs of the practice, the doctor and the patient."""
    with practice.console.transaction():
        cur = practice.console.cursor()
        practice_billing.say(
            cur,
            practice.practice_id,
            practice_billing.Said(
                from_on=date(2026, 1, 1),
                legal_name="Clinic PLLC",
                npi="1234567893",
                tax_number="123456789",
                street="12 Main Street",
                city="Millbrook",
                state="NY",
                zip_code="125450001",
                place_of_service="11",
                contact_name="Petra Nowak",
                contact_phone="8455550100",
            ),
            recorded_by="Petra",
            at=CLOSED,
        )
        practice_billing.say_name(
            cur,
            practice.practice_id,
            practice.doctor,
            family_name="Achterberg",
            given_names="Dana",
            recorded_by="Petra",
            at=CLOSED,
        )
    practice.insert(
        "ccm.staff_credential",
        staff_id=practice.doctor,
        credential="md",
        billing_role="qualified_professional",
        npi="1992999916",
        employer="own",
        may_bill=True,
        from_at=CLOSED - timedelta(days=365),
        recorded_by=practice.nurse,
        recorded_at=CLOSED,
    )
    practice.owner.execute(
        "update ingest.patient set family_name = 'Quill', given_names = 'Rosa', administrative_gender = 'female'"
    )
    practice.insert(
        "ccm.postal_address",
        patient_id=practice.patient_id,
        street="3 Elm Street",
        city="Millbrook",
        state="NY",
        postal_code="12545",
        country="US",
        recorded_by="x",
        recorded_at=CLOSED,
    )
    practice.insert(
        "ccm.coverage",
        patient_id=practice.patient_id,
        kind="medicare_part_b",
        payer_name="Medicare",
        payer_id="13102",
        member_id="1EG4TE5MK73",
        rank=1,
        covered_from=date(2026, 1, 1),
        recorded_by="x",
        recorded_at=CLOSED,
    )
    practice.owner.commit()
