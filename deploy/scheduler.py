"""What happens by the clock: partitions ahead, old sessions out, months worked out, a word when something is behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import psycopg

from alerts import notifications
from ccm_link import alert_burden
from ccm_link.settings import CcmLinkSettings
from ccm_link.task import overdue_tasks, quiet_tasks, scheduled_tasks
from deploy import clockwork, month_clock
from deploy.clockwork import Job
from deploy.settings import SchedulerSettings
from ingest import (
    evaluation_queue,
    gaps,
    gateway_health,
    people,
    retention,
    session_store,
    store,
    tenancy,
)
from ingest.people import Practice

log = logging.getLogger(__name__)

# What an outbox took with it never comes: a log that repeats it for ever would not be read.
_LOST_IS_SAID_FOR: Final = timedelta(days=1)
# A day is chance, a month hides what was changed last week.
_BURDEN_IS_OF: Final = timedelta(days=7)
_FAILING_IS_SAID_FOR: Final = timedelta(
    days=7
)  # an address that nobody has tried since is nobody's news


def partitions_ahead(
    connection: psycopg.Connection, settings: SchedulerSettings, now: datetime
) -> None:
    """Make the partitions of this month and the months ahead; nothing to do on TimescaleDB."""
    with connection.transaction(), connection.cursor() as cur:
        until = now + timedelta(days=31 * settings.months_ahead)
        made = store.ensure_series(cur, now, until)
    if made:
        log.info("partitions_made", extra={"count": made})


def old_readings(
    connection: psycopg.Connection, settings: SchedulerSettings, now: datetime
) -> None:
    """Delete the readings that are older than is wanted, where somebody has decided so."""
    if not settings.keep_readings_years:
        return
    before_at = now - timedelta(days=366 * settings.keep_readings_years)  # rather a day too long
    with connection.transaction(), connection.cursor() as cur:
        dropped = retention.drop_before(cur, before_at)
    if dropped:
        log.warning(
            "old_readings_deleted", extra={"count": dropped, "before": f"{before_at:%Y-%m-%d}"}
        )


def old_sessions(
    connection: psycopg.Connection, _settings: SchedulerSettings, now: datetime
) -> None:
    """Delete the sessions that can never be used again."""
    with connection.transaction(), connection.cursor() as cur:
        ended = session_store.delete_ended_sessions(cur, now)
    if ended:
        log.info("sessions_deleted", extra={"count": ended})


def old_heartbeats(
    connection: psycopg.Connection, settings: SchedulerSettings, now: datetime
) -> None:
    """Delete what gateways said of themselves long ago; the last word of each stays."""
    before_at = now - timedelta(days=settings.keep_heartbeats_days)
    with connection.transaction(), connection.cursor() as cur:
        deleted = gateway_health.delete_past(cur, before_at)
    if deleted:
        log.info("heartbeats_deleted", extra={"count": deleted})


def watch_queue(connection: psycopg.Connection, settings: SchedulerSettings, now: datetime) -> None:
    """Say when evaluation work waits too long: then tasks are late, and somebody has to look."""
    with connection.transaction(), connection.cursor() as cur:
        oldest_at = evaluation_queue.oldest_evaluation_work_at(cur)
    if oldest_at is not None and (now - oldest_at).total_seconds() > settings.queue_alarm_s:
        log.warning(
            "evaluation_is_behind", extra={"age_s": round((now - oldest_at).total_seconds())}
        )


def watch_gateways(
    connection: psycopg.Connection, settings: SchedulerSettings, now: datetime
) -> None:
    """Say how many gateways have been silent; the console shows which."""
    with connection.transaction(), connection.cursor() as cur:
        silent = store.count_silent_gateways(cur, now - timedelta(hours=settings.silent_gateway_h))
    if silent:
        log.warning("gateways_silent", extra={"count": silent})


def watch_gaps(connection: psycopg.Connection, settings: SchedulerSettings, now: datetime) -> None:
    """Say how many outboxes have numbers missing for long; the console and “homevitals gaps” show which."""
    with connection.transaction(), connection.cursor() as cur:
        old = gaps.count(
            cur,
            before_at=now - timedelta(hours=settings.outbox_gap_h),
            replaced_since=now - _LOST_IS_SAID_FOR,
        )
    if old.waiting or old.lost:
        log.warning("outbox_gaps", extra={"waiting": old.waiting, "lost": old.lost})


def watch_calls(connection: psycopg.Connection, settings: SchedulerSettings, now: datetime) -> None:
    """Say when people are not called in time, and how many addresses take no messages; the console shows which."""
    with connection.transaction(), connection.cursor() as cur:
        since = notifications.waiting_since(cur, now)
        failing = notifications.count_failing(cur, now - _FAILING_IS_SAID_FOR)
    if since is not None and (now - since).total_seconds() > settings.notify_alarm_s:
        log.warning("notifier_is_behind", extra={"age_s": round((now - since).total_seconds())})
    if failing:
        log.warning("addresses_failing", extra={"count": failing})


def fall_back(connection: psycopg.Connection, settings: SchedulerSettings, now: datetime) -> None:
    """Give tasks back to the worklist that somebody took on and left alone, practice by practice."""

    def give_back(practice: Practice) -> int:
        with tenancy.transaction(connection, practice.practice_id) as cur:
            return quiet_tasks.fall_back(cur, practice.practice_id, settings.fall_back_after, now)

    if given_back := _in_each_practice(connection, "fall_back", give_back):
        log.warning("tasks_fell_back", extra={"count": given_back})


def mark_overdue(
    connection: psycopg.Connection, settings: SchedulerSettings, now: datetime
) -> None:
    """Mark the tasks whose time is over, and give the planned ones among them back, practice by practice."""

    def mark(practice: Practice) -> int:
        with tenancy.transaction(connection, practice.practice_id) as cur:
            return overdue_tasks.mark(cur, practice.practice_id, settings.overdue_after, now)

    if marked := _in_each_practice(connection, "mark_overdue", mark):
        log.warning("tasks_overdue", extra={"count": marked})


def open_scheduled(
    connection: psycopg.Connection, _settings: SchedulerSettings, now: datetime
) -> None:
    """Open the tasks that schedules ask for today, practice by practice."""

    def open_due(practice: Practice) -> int:
        zone = ZoneInfo(practice.time_zone)
        with tenancy.transaction(connection, practice.practice_id) as cur:
            schedules = scheduled_tasks.in_force(cur, practice.practice_id, zone, now)
        opened = 0
        for schedule in schedules:
            is_more = True
            while is_more:
                with tenancy.transaction(connection, practice.practice_id) as cur:
                    found = scheduled_tasks.open_due(cur, practice.practice_id, schedule, zone, now)
                opened += found
                is_more = found == scheduled_tasks.MOST_AT_ONCE
        return opened

    if opened := _in_each_practice(connection, "open_scheduled", open_due):
        log.info("scheduled_tasks_opened", extra={"count": opened})


def _in_each_practice(
    connection: psycopg.Connection, name: str, deed: Callable[[Practice], int]
) -> int:
    """Do something in the scope of each practice, and return the sum; what fails in one is said, and keeps no other."""
    with connection.transaction(), connection.cursor() as cur:
        practices = people.practices(cur)
    done = 0
    for practice in practices:
        try:
            done += deed(practice)
        except psycopg.Error as error:
            if connection.broken:
                raise
            log.warning("%s_failed", name, extra={"sqlstate": error.sqlstate or ""})
    return done


def tell_burden(
    connection: psycopg.Connection, _settings: SchedulerSettings, now: datetime
) -> None:
    """Say for each practice what its alerts asked for in the last week, and how much was worth it: numbers alone."""
    with connection.transaction(), connection.cursor() as cur:
        loads = alert_burden.of_practices(cur, now - _BURDEN_IS_OF, now)
    for load in loads:
        log.info(
            "alert_burden",
            extra={
                "practice_id": load.practice_id,
                "tasks": load.tasks,
                "actionable": load.actionable,
                "not_actionable": load.not_actionable,
                "patient_days": round(load.patient_days),
            },
        )


_JOBS: Final[dict[Callable[[psycopg.Connection, SchedulerSettings, datetime], None], timedelta]] = {
    partitions_ahead: timedelta(hours=6),
    old_readings: timedelta(days=1),
    old_sessions: timedelta(minutes=30),
    old_heartbeats: timedelta(days=1),
    watch_queue: timedelta(seconds=30),
    watch_gateways: timedelta(hours=1),
    watch_gaps: timedelta(minutes=15),
    watch_calls: timedelta(minutes=1),
    fall_back: timedelta(minutes=1),
    mark_overdue: timedelta(minutes=1),
    open_scheduled: timedelta(minutes=10),
    tell_burden: timedelta(days=1),
}


def run(settings: SchedulerSettings, of_console: CcmLinkSettings, stop: threading.Event) -> None:
    """Run the jobs until ``stop``; one process is enough, two do no harm."""
    jobs = [Job(job.__name__, _now(job, settings), every) for job, every in _JOBS.items()]

    def work_out_months(connection: psycopg.Connection) -> None:
        month_clock.work_out(connection, settings, of_console, datetime.now(UTC), stop)

    jobs.append(Job("work_out_months", work_out_months, month_clock.LOOK_EVERY))
    clockwork.run(settings.database, jobs, stop)


def _now(
    job: Callable[[psycopg.Connection, SchedulerSettings, datetime], None],
    settings: SchedulerSettings,
) -> Callable[[psycopg.Connection], None]:
    return lambda connection: job(connection, settings, datetime.now(UTC))
