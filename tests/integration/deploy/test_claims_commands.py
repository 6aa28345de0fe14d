"""A month is worked out by the clock, closed by a command, and its claims are listed, written into a file, followed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ccm_link.claim import (
    claim_records,
    claims,
    month_facts,
    month_proposals,
    month_states,
    site_tables,
)
from ccm_link.claim.claim_states import ClaimState
from ccm_link.month import Month
from ccm_link.settings import CcmLinkSettings
from deploy import cli, month_clock
from deploy.settings import SchedulerSettings
from ingest import people
from ingest.people import Practice
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
    status, out, _ = run("packet", "write", practice.patient_id, month, tmp_path)
    packet, sha256 = out.split()[0], out.split()[-1]
    assert (status, Path(packet).stat().st_mode & 0o777) == (0, 0o600)
    assert run("packet", "check", packet)[0] == 0
    ((whose, detail),) = practice.owner.execute(
        "select patient_ids, detail from ingest.audit_event where kind = 'export' and resource = 'evidence'"
    ).fetchall()
    assert (whose, detail["sha256"]) == ([practice.patient_id], sha256)
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


class Clock:
    """The scheduler's job on the months, run at an instant."""

    def __init__(self, database: Any, practice: BillingPractice) -> None:
        self.practice = practice
        self.stop = threading.Event()
        self.database = database
        self.of_console = CcmLinkSettings(database=database.conninfo("homevitals_console"))

    def run(self, at: datetime, tables: Path = Path()) -> None:
        """Look what is due, and do it."""
        of_console = replace(self.of_console, billing_tables=tables)
        of_practice = self.practice.practice_id
        with self.database.connect("homevitals_scheduler", of_practice) as connection:
            month_clock.work_out(connection, SchedulerSettings(), of_console, at, self.stop)

    def worked_out(self) -> dict[str, datetime]:
        """Return when each month was."""
        with self.practice.owner.transaction():
            rows = self.practice.owner.execute(
                "select to_char(month_on, 'YYYY-MM'), worked_out_at from ccm.month_state"
            ).fetchall()
        return dict(rows)


def test_months_are_worked_out_once_a_day_by_one_of_many(
    database: Any,
    practice: BillingPractice,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """3 November, 03:00 in New York (UTC−5): the current month, and the former one in its first days."""
    caplog.set_level(logging.INFO)
    clock = Clock(database, practice)
    night = datetime(2026, 11, 3, 8, tzinfo=UTC)
    hour, day = timedelta(hours=1), timedelta(days=1)
    clock.run(night + hour)  # nobody has anything to bill
    assert clock.worked_out() == {}
    practice.enrol("ccm", at=night - 60 * day)
    practice.diagnose("I10")
    practice.work("ccm", night - 10 * day, 20 * 60)

    clock.stop.set()
    clock.run(night + hour)  # told to end: nothing of it is kept
    assert clock.worked_out() == {}
    clock.stop.clear()
    with practice.console.transaction(), practice.console.cursor() as cur:
        for month in (Month(2026, 10), Month(2026, 11)):
            assert month_states.take_turn(cur, practice.practice_id, month, night)
        clock.run(night + hour)  # another one is at it
    assert clock.worked_out() == {}
    clock.run(night + hour)
    first = {"2026-10": night + hour, "2026-11": night + hour}
    assert clock.worked_out() == first
    for later in (2 * hour, day - hour):  # another scheduler, a restart, the evening
        clock.run(night + later)
    assert clock.worked_out() == first
    clock.run(night + day)
    assert clock.worked_out() == dict.fromkeys(first, night + day)
    clock.run(night + 14 * day)
    assert clock.worked_out()["2026-10"] == night + day
    assert clock.worked_out()["2026-11"] == night + 14 * day

    deeds = practice.owner.execute(
        "select agent_id, resource_id, detail->>'patients' from ingest.audit_event"
        " where agent_kind = 'service' order by at, resource_id"
    ).fetchall()
    days = ["2026-10", "2026-11", "2026-10", "2026-11", "2026-11"]
    assert deeds == [("schedule", month, "1") for month in days]
    told = [one for one in caplog.records if one.message == "month_worked_out"]
    assert [one.__dict__["month"] for one in told if one.__dict__["ready"]] == ["2026-10"] * 2

    def broken(*_: object) -> None:
        raise psycopg.errors.DiskFull

    caplog.clear()
    (tmp_path / "2026.toml").write_text("not a table")
    clock.run(night + 15 * day, tmp_path)
    monkeypatch.setattr(month_facts, "of_patients", broken)
    clock.run(night + 15 * day)
    assert [(one.message, one.levelname) for one in caplog.records] == [
        ("months_failed", "WARNING"),
        ("month_failed", "WARNING"),
    ]
    assert caplog.records[1].__dict__["reason"] == "DiskFull"
    assert clock.worked_out()["2026-11"] == night + 14 * day

    # 1 December, 02:59 in New York: the turn is still that of 30 November, and there is a new month.
    place = Practice(practice.practice_id, "x", "X", "America/New_York")
    found = month_clock.due(place, SchedulerSettings(), datetime(2026, 12, 1, 7, 59, tzinfo=UTC))
    turn = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert {str(month): since for month, since in found} == {"2026-12": turn, "2026-11": turn}
    # Later on, the former one has a turn only where it never was worked out, as after an upgrade.
    clock.practice.owner.execute("delete from ccm.month_state")
    clock.practice.owner.commit()
    monkeypatch.undo()
    for day_of_month in (25, 26):
        clock.run(datetime(2026, 11, day_of_month, 9, tzinfo=UTC))
    assert clock.worked_out() == {
        "2026-10": datetime(2026, 11, 25, 9, tzinfo=UTC),
        "2026-11": datetime(2026, 11, 26, 9, tzinfo=UTC),
    }
