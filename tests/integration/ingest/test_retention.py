"""Old readings end as whole months, with their summaries and without their record keys."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

import psycopg
import pytest

from deploy import scheduler
from deploy.settings import SchedulerSettings
from ingest import named_queries, retention
from tests.integration.ingest import test_daily_summary as summed
from tests.integration.ingest.test_daily_summary import practice, reading, store_all

__all__ = ["practice"]
pytestmark = pytest.mark.db

SCHEDULER = "homevitals_scheduler"
NOW = datetime.now(UTC).replace(microsecond=0)
OLD, KEPT = NOW - timedelta(days=365 * 8), NOW - timedelta(days=365 * 6)


def end_of(database: Any, before_at: datetime) -> int:
    with database.connect(SCHEDULER) as connection, connection.transaction():
        return retention.drop_before(connection.cursor(), before_at)


def test_old_readings_and_their_summaries_go_and_keys_stay(
    database: Any, practice: UUID, owner: Any
) -> None:
    store_all(database, *(reading(at) for at in (OLD, KEPT, NOW)))
    owner.execute(
        "insert into ingest.record_key select practice_id, uuid_send(reading_id), '', reading_id, measured_at"
        " from ingest.reading_series"
    )
    summed.refresh(database)

    with database.connect(SCHEDULER) as connection:
        scheduler.old_readings(connection, SchedulerSettings(keep_readings_years=7), NOW)
    summed.refresh(database)

    assert owner.execute("select measured_at from ingest.reading_series order by 1").fetchall() == [
        (KEPT,),
        (NOW,),
    ]
    assert [day.measured_day for day in summed.summaries(database)] == [KEPT.date(), NOW.date()]
    assert owner.execute("select count(*) from ingest.record_key").fetchone() == (3,)
    assert end_of(database, NOW - timedelta(days=365 * 7)) == 0


def test_days_that_a_border_cuts_in_two_are_summed_up_again(
    database: Any, practice: UUID, owner: Any
) -> None:
    # A day in Honolulu (UTC-10) lies in both months.
    border = datetime(2020, 2, 1, tzinfo=UTC)
    day = border.date() - timedelta(days=1)
    before, behind = (
        reading(border + timedelta(hours=hours), measured_day=day) for hours in (-1, 1)
    )
    store_all(database, before, behind)
    if database.engine == "timescaledb":
        pytest.skip("chunks have other borders; TimescaleDB's own refresh sums up again")

    assert end_of(database, border) == 1

    (summary,) = summed.summaries(database)
    assert (summary.reading_count, summary.first_measured_at) == (1, border + timedelta(hours=1))


def test_readings_are_kept_for_ever_unless_somebody_decided_otherwise(
    database: Any, practice: UUID, owner: Any
) -> None:
    store_all(database, reading(OLD))

    with database.connect(SCHEDULER) as connection:
        scheduler.old_readings(connection, SchedulerSettings(), NOW)

    assert owner.execute("select count(*) from ingest.reading_series").fetchone() == (1,)


def test_what_is_younger_than_two_years_is_never_deleted(database: Any) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="two years"):
        end_of(database, NOW - timedelta(days=700))


@pytest.mark.parametrize("role", ["homevitals_ingest", "homevitals_console", "homevitals_alerts"])
def test_nobody_but_the_scheduler_may(database: Any, role: str) -> None:
    with (
        database.connect(role) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        retention.drop_before(connection.cursor(), OLD)


def test_the_statement_is_used(database: Any) -> None:
    text = (resources.files("ingest") / "retention.py").read_text(encoding="utf-8")
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(named_queries.load("ingest", "retention"))


def test_two_schedulers_make_the_partitions_of_three_months_ahead_once(
    database: Any, owner: Any
) -> None:
    if database.engine == "timescaledb":
        pytest.skip("a hypertable makes its own chunks")
    now, failures = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), []

    def make() -> None:
        try:
            with database.connect(SCHEDULER) as connection:
                scheduler.partitions_ahead(connection, SchedulerSettings(), now)
        except psycopg.Error as failure:
            failures.append(failure)

    both = [threading.Thread(target=make) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert failures == []
    found = owner.execute(
        "select relname, pg_get_expr(relpartbound, oid) from pg_class where relispartition"
        " and relkind = 'r' and relnamespace = 'ingest'::regnamespace order by 1"
    ).fetchall()
    assert [name for name, _ in found] == [
        f"reading_{month}" for month in ("2026_11", "2026_12", "2027_01", "2027_02", "2027_03")
    ]
    assert found[0][1] == "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')"
