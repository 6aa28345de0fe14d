"""“homevitals month” and “homevitals claims”: a month is closed, claims are listed, written into a file, followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ccm_link.claim import claim_records, claims, month_proposals, site_tables
from ccm_link.claim.claim_states import ClaimState
from ccm_link.month import Month
from deploy import cli
from ingest import people
from tests import billing_practice
from tests.billing_practice import NEW_YORK, BillingPractice

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def practice(database: Any) -> Iterator[BillingPractice]:
    with billing_practice.opened(database) as found:
        with found.owner.cursor() as cur:
            people.add_staff(
                cur,
                found.practice_id,
                sign_in_name="petra",
                display_name="Petra",
                role=people.Role.PRACTICE_ADMINISTRATOR,
                password_argon2="-",
            )
        found.owner.commit()
        yield found


@pytest.fixture
def run(database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HOMEVITALS_CCM_LINK_DATABASE", database.conninfo("homevitals_console"))
    monkeypatch.setenv(
        "HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE", database.conninfo("homevitals_entrance")
    )

    def command(*words: object) -> tuple[int, str, str]:
        status = cli.main([str(word) for word in words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


def test_a_month_is_closed_and_its_claims_are_followed(
    practice: BillingPractice, run: Run, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    last = now.astimezone(NEW_YORK).replace(day=1) - timedelta(days=20)
    month = Month(last.year, last.month)
    practice.enrol("ccm", at=now - timedelta(days=200))
    practice.diagnose("I10")
    practice.work("ccm", last.replace(hour=12).astimezone(UTC), 20 * 60)
    status, _, err = run("month", "close", month, "--by", "ada")
    assert (status, "no administrator who signs in under this name" in err) == (1, True)
    status, out, _ = run("month", "close", month, "--by", "petra")
    assert status == 0
    assert f"the time log of {month} is locked" in out
    assert "1 patients, 1 with something to bill, 0 with something held, 1 claims proposed" in out
    assert run("month", "work-out", month)[1].endswith("0 claims proposed anew\n")

    status, out, _ = run("claims", "list", month)
    number = out.split("\t")[0]
    assert out == f"{number}\tproposed\t99490 x 1\t\n"
    file = tmp_path / "claims.csv"
    status, _, err = run("claims", "export", month, file)
    assert (status, "No claim of this month waits for a file." in err) == (1, True)
    assert not file.exists()
    _attest(practice, month, now)
    status, _, err = run("claims", "export", month, file, "--format", "x12")
    assert (status, "x12 needs --submitter-id" in err) == (1, True)
    route = ("--submitter-id", "HV0001", "--receiver-id", "CLEARING1", "--receiver-name", "A B")
    status, _, err = run("claims", "export", month, file, "--format", "x12", *route)
    assert (status, f"claim {number}: the practice's NPI" in err) == (1, True)
    assert run("claims", "export", month, file)[0] == 0
    assert "99490" in file.read_text()
    assert run("claims", "record", number, "paid", "--paid", "66.13")[0] == 1
    assert run("claims", "record", number, "submitted", "--reference", "12")[0] == 0
    assert run("claims", "record", 999_999, "void")[0] == 1
    assert run("claims", "record", number, "paid", "--paid", "66.13")[0] == 0
    assert run("claims", "list", month, "--state", "paid")[1].endswith("\t12\n")
    deeds = practice.owner.execute(
        "select kind, resource from ingest.audit_event where agent_kind = 'command_line' order by at"
    ).fetchall()
    assert deeds.count(("export", "claim")) == 1
    assert deeds.count(("change", "claim")) == 2
    assert deeds.count(("change", "month")) == 2
    assert deeds.count(("change", "month_lock")) == 1


def _attest(practice: BillingPractice, month: Month, at: datetime) -> None:
    tables = site_tables.of_folder(Path())
    with practice.console.transaction():
        cur = practice.console.cursor()
        (claim,) = claim_records.of_month(cur, practice.practice_id, month, [ClaimState.PROPOSED])
        found = month_proposals.of_patient(
            cur, practice.practice_id, practice.patient_id, month, tables, at
        )
        claims.attest(
            cur,
            practice.practice_id,
            claim,
            found,
            tables,
            NEW_YORK,
            diagnoses=["I10"],
            row_version=claim.row_version,
            made_by="Dana",
            at=at,
        )
