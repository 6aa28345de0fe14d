"""Where a reading's way ends, and what is said there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from deploy import errors, way

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def out_of_reach(_gateway_id: str, _epoch: str, _seq: int) -> None:
    return None


def reach(connection: psycopg.Connection, station: str, practice_id: Any) -> None:
    """Put one row where a reading of this station would have left it."""
    patient_id, episode_id, rule_id = uuid4(), uuid4(), uuid4()
    match station:
        case "MQTT message":
            connection.execute(
                "insert into ingest.message (practice_id, topic, packet_id, received_at, payload_sha256, record_count)"
                " values (%s, 't', 1, %s, '', 1)",
                (practice_id, AT),
            )
        case "reading":
            connection.execute(
                "insert into ingest.record_key values (%s, 'k', 'c', gen_random_uuid(), %s)",
                (practice_id, AT),
            )
        case "rule and its trace":
            connection.execute(
                "insert into alerts.evaluation values (%s, gen_random_uuid(), %s, gen_random_uuid(), %s,"
                " 'no_breach', null, '{}')",
                (practice_id, AT, AT),
            )
        case "episode":
            connection.execute(
                "insert into ingest.patient values (%s, %s, 'N', '1950-01-01', 'R', 'UTC')",
                (practice_id, patient_id),
            )
            connection.execute(
                "insert into alerts.rule (practice_id, rule_id, version, severity, in_force_from, set_by, reason,"
                " family, definition) values (%s, %s, 1, 'urgent', %s, 'who', 'why', 'f', '{}')",
                (practice_id, rule_id, AT),
            )
            connection.execute(
                "insert into alerts.episode (practice_id, episode_id, patient_id, rule_id, rule_version, family,"
                " severity, opened_at, breach_count, breached_at)"
                " values (%s, %s, %s, %s, 1, 'f', 'urgent', %s, 1, %s)",
                (practice_id, episode_id, patient_id, rule_id, AT, AT),
            )


def test_the_check_names_the_first_station_that_nothing_reached(database: Any) -> None:
    with database.connect() as connection:
        practice_id = connection.execute(
            "insert into ingest.practice (slug, name, time_zone) values ('p-1', 'P', 'UTC') returning practice_id"
        ).fetchone()[0]
        stations = ["MQTT message", "reading", "rule and its trace", "episode"]
        for station, following in zip(stations, [*stations[1:], "task"], strict=True):
            assert way.where_it_stopped(connection.cursor())[0] == station
            reach(connection, station, practice_id)
            assert way.where_it_stopped(connection.cursor())[0] == following


def test_an_unknown_reading_has_no_way(database: Any) -> None:
    with (
        database.connect("homevitals_console") as connection,
        pytest.raises(errors.DeployError, match="no such reading"),
    ):
        way.of_reading(connection.cursor(), uuid4(), uuid4(), out_of_reach)


def test_there_is_no_newest_task_before_the_first(database: Any) -> None:
    with (
        database.connect("homevitals_console") as connection,
        pytest.raises(errors.DeployError, match="no reading has become a task yet"),
    ):
        way.of_newest_task(connection.cursor(), uuid4(), out_of_reach)


def test_a_station_that_was_not_reached_says_so() -> None:
    text = way.as_text([way.Station("raw bytes", AT, ["12 34"]), way.Station("task")])
    assert (
        text
        == "1. raw bytes   2026-11-21 12:00:00.000 UTC\n     12 34\n2. task\n     did not get here"
    )
