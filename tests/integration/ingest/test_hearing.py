"""Since when this service has heard its broker without a break, so that our silence is not taken for a home's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingest import hearing, named_queries
from ingest.hearing import Hearing

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
Q = named_queries.load("ingest", "hearing")


def span(database: Any, role: str = "homevitals_alerts") -> Hearing | None:
    with database.connect(role) as connection, connection.cursor() as cur:
        return hearing.span(cur)


def note(database: Any, *minutes: float, is_connected: bool = True) -> None:
    with psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True) as connection:
        for each in minutes:
            at = AT + timedelta(minutes=each)
            hearing.note(connection, at, is_connected=is_connected)


def test_nothing_is_known_before_a_worker_has_heard_the_broker(database: Any) -> None:
    note(database, 0, is_connected=False)

    assert span(database) is None
    assert set(Q) == {"note", "span"}


def test_a_short_break_is_none_and_a_long_one_begins_the_time_anew(database: Any) -> None:
    note(database, 0, 1, 3, 5.5)
    assert span(database) == Hearing(AT, AT + timedelta(minutes=5.5))

    note(database, 4)  # a second worker whose clock is behind takes nothing back
    assert span(database, "homevitals_console") == Hearing(AT, AT + timedelta(minutes=5.5))

    note(database, 9)
    assert span(database) == Hearing(AT + timedelta(minutes=9), AT + timedelta(minutes=9))
