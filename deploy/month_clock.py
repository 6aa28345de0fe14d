"""Practices' months worked out by the clock, once a day in each practice's night, so that lists of them are fresh.

Any number of schedulers may do it: of each month one at a time does, and whoever comes later finds it done. A month is
one transaction: whatever ends it, nothing of it is kept, and the next look begins it anew. The log has numbers alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from ccm_link.claim import month_states, site_tables
from ccm_link.claim.site_tables import SiteTables
from ccm_link.errors import CcmLinkError
from ccm_link.month import Month
from ccm_link.settings import CcmLinkSettings
from deploy.settings import SchedulerSettings
from ingest import audit, people, tenancy
from ingest.people import Practice

log = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(minutes=10)
"""How soon after its hour, and after a failure, a month's turn comes."""

_AGENT: Final = audit.Agent(audit.AgentKind.SERVICE, "schedule")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_CONNECT_TIMEOUT_S: Final = 10
# A large practice takes minutes: so often its progress is a line.
_TOLD_EVERY_S: Final = 30.0


class _Stopped(Exception):
    """The process is told to end; what was begun is taken back."""


def due(
    practice: Practice, settings: SchedulerSettings, now: datetime
) -> Iterator[tuple[Month, datetime]]:
    """Yield the months that have a turn, each with the instant since which it is due; all in the practice's days. Pure.

    The current one always, and the former one in the first days of a month, while its last entries come in; later only
    if it never was worked out.
    """
    zone = ZoneInfo(practice.time_zone)
    here = now.astimezone(zone)
    hour = wall_time(settings.month_hour)
    turn_at = datetime.combine(here.date(), hour, zone).astimezone(UTC)
    if turn_at > now:
        turn_at = datetime.combine(here.date() - timedelta(days=1), hour, zone).astimezone(UTC)
    yield Month(here.year, here.month), turn_at
    last_on = here.date().replace(day=1) - timedelta(days=1)
    is_early = here.day <= settings.former_month_days
    yield Month(last_on.year, last_on.month), turn_at if is_early else _NEVER


def work_out(
    connection: psycopg.Connection[Any],
    settings: SchedulerSettings,
    of_console: CcmLinkSettings,
    now: datetime,
    stop: threading.Event,
) -> None:
    """Work out every practice's months that are due; what fails in one is said, and keeps no other.

    Args:
        connection: Of the role homevitals_scheduler, which only learns from it which practices there are.
        settings: At what hour, and how long the former month.
        of_console: The database as the role homevitals_console reaches it, which may work months out; the tables.
        now: Aware UTC.
        stop: Ends it within some hundred patients.
    """
    if settings.month_hour < 0:
        return
    with connection.transaction(), connection.cursor() as cur:
        practices = people.practices(cur)
    try:
        tables = site_tables.of_folder(of_console.billing_tables)
        with psycopg.connect(
            of_console.database, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
        ) as console:
            for practice in practices:
                for month, since in due(practice, settings, now):
                    _one(console, practice.practice_id, month, tables, since, now, stop)
    except _Stopped:
        log.info("months_stopped")
    except (CcmLinkError, psycopg.Error) as error:
        log.warning("months_failed", extra={"reason": type(error).__name__})


def _one(
    console: psycopg.Connection[Any],
    practice_id: UUID,
    month: Month,
    tables: SiteTables,
    since: datetime,
    at: datetime,
    stop: threading.Event,
) -> None:
    """Work one month out, if it is this process's turn."""
    began_s = told_s = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal told_s
        if stop.is_set():
            raise _Stopped
        if time.monotonic() - told_s > _TOLD_EVERY_S:
            told_s = time.monotonic()
            log.info(
                "month_goes_on",
                extra={
                    "practice_id": practice_id,
                    "month": str(month),
                    "count": done,
                    "waiting": of - done,
                },
            )

    try:
        with tenancy.transaction(console, practice_id) as cur:
            if not month_states.take_turn(cur, practice_id, month, since):
                return
            kept = month_states.work_out_all(cur, practice_id, month, tables, at, told)
            detail = {"deed": "work-out", "patients": kept.patients, "new_claims": kept.new_claims}
            audit.record(cur, [_event(practice_id, month, detail, at)])
    except (CcmLinkError, psycopg.Error) as error:
        if console.broken:
            raise
        log.warning(
            "month_failed",
            extra={
                "practice_id": practice_id,
                "month": str(month),
                "reason": type(error).__name__,
            },
        )
    else:
        log.info(
            "month_worked_out",
            extra={
                "practice_id": practice_id,
                "month": str(month),
                "count": kept.patients,
                "ready": kept.ready,
                "held": kept.held,
                "duration_s": round(time.monotonic() - began_s, 1),
            },
        )


def _event(practice_id: UUID, month: Month, detail: dict[str, object], at: datetime) -> audit.Event:
    return audit.Event(
        practice_id=practice_id,
        at=at,
        kind=audit.Kind.CHANGE,
        action=audit.Action.EXECUTE,
        agent=_AGENT,
        purpose=audit.Purpose.OPERATIONS,
        resource="month",
        resource_id=str(month),
        detail=detail,
    )
