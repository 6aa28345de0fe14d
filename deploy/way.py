"""The way of one reading, station by station: what each kept, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row

from alerts import store as alerts_store
from ccm_link import work
from ccm_link.task import tasks
from deploy import errors
from firmware_profiles import decode, kinds, models
from ingest import corrections, imports, named_queries, rows, store
from ingest.rows import Origin

_Q: Final = named_queries.load("deploy")

Cursor = psycopg.Cursor[Any]

# Finds a row in a gateway's outbox by (gateway, epoch, sequence number); None where the outbox is out of reach.
OutboxRow = Callable[[str, str, int], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the way.

    Attributes:
        name: Its name.
        at: When the reading was there, aware UTC; None if it did not get there.
        lines: What the station kept, in words; empty if the reading did not get there.
    """

    name: str
    at: datetime | None = None
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Way:
    """All stations, and whose reading it is; None while it waits for an assignment."""

    patient_id: UUID | None
    stations: list[Station]


def of_newest_task(cur: Cursor, practice_id: UUID, outbox_row: OutboxRow) -> Way:
    """Return the way of the reading that led to the practice's newest task, completed ones first.

    Raises:
        DeployError: there is no task yet.
    """
    found = _row(cur, _Q.newest_task, practice_id=practice_id)
    if found is None:
        raise errors.DeployError("no reading has become a task yet; wait a little and try again")
    return of_task(cur, practice_id, found.task_id, outbox_row)


def of_task(cur: Cursor, practice_id: UUID, task_id: UUID, outbox_row: OutboxRow) -> Way:
    """Return the way of the reading that opened a task, from its bytes to the time logged.

    Raises:
        DeployError: the practice has no such task, or no alert made it.
    """
    task = tasks.task(cur, practice_id, task_id)
    if task is None:
        raise errors.DeployError("there is no such task")
    if task.episode_id is None:
        raise errors.DeployError("no alert made this task, so no reading leads to it")
    opened = alerts_store.episode_events(cur, practice_id, task.episode_id)[0]
    if opened.reading_id is None:
        raise errors.DeployError("the episode does not name the reading that opened it")
    stations = [
        *_to_the_store(cur, practice_id, _reading(cur, practice_id, opened.reading_id), outbox_row),
        *_through_the_rules(cur, practice_id, opened.reading_id, task.episode_id),
        *_through_the_work(cur, practice_id, task),
    ]
    return Way(task.patient_id, stations)


def of_reading(cur: Cursor, practice_id: UUID, reading_id: UUID, outbox_row: OutboxRow) -> Way:
    """Return the way of any reading of the practice, as far as it went.

    Raises:
        DeployError: the practice has no such reading.
    """
    reading = _reading(cur, practice_id, reading_id)
    led_to = _row(cur, _Q.task_of_reading, practice_id=practice_id, reading_id=reading_id)
    task = None if led_to is None else tasks.task(cur, practice_id, led_to.task_id)
    stations = [
        *_to_the_store(cur, practice_id, reading, outbox_row),
        *_through_the_rules(
            cur, practice_id, reading_id, None if task is None else task.episode_id
        ),
        *([] if task is None else _through_the_work(cur, practice_id, task)),
    ]
    return Way(reading.patient_id, stations)


def as_text(stations: list[Station]) -> str:
    """Return the way for a terminal: a heading and its lines for each station."""
    parts = []
    for number, station in enumerate(stations, start=1):
        at = "" if station.at is None else f"   {station.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
        lines = station.lines or ["did not get here"]
        parts.append(
            f"{number}. {station.name}{at}\n" + "\n".join(f"     {line}" for line in lines)
        )
    return "\n".join(parts)


def where_it_stopped(cur: Cursor) -> tuple[str, str]:
    """Return the first station of the way that nothing of the practice has reached, and words about it."""
    reached = _row(cur, _Q.stations_reached)
    words = {
        "MQTT message": "ingest has taken in no message: look at the logs of gateway, broker and ingest",
        "reading": "messages came, but no reading: look at “homevitals quarantine”",
        "rule and its trace": "readings are stored, but none was evaluated: look at the log of the evaluator",
        "episode": "readings are evaluated, but none has breached a rule yet",
        "task": "an episode is open without a task: look at the log of the evaluator",
    }
    for (station, what), is_reached in zip(words.items(), reached or (), strict=True):
        if not is_reached:
            return station, what
    return "task", "all tasks have an owner, and no new reading has breached a rule yet"


def _reading(cur: Cursor, practice_id: UUID, reading_id: UUID) -> rows.StoredReading:
    reading = store.reading(cur, practice_id, reading_id)
    if reading is None:
        raise errors.DeployError("there is no such reading")
    return reading


def _to_the_store(
    cur: Cursor, practice_id: UUID, reading: rows.StoredReading, outbox_row: OutboxRow
) -> Iterator[Station]:
    if reading.origin is Origin.IMPORT:
        yield from _from_a_file(cur, reading)
        return
    found = store.provenance(cur, practice_id, reading.reading_id)
    if found is None:
        raise errors.DeployError("nobody knows how the reading came here")
    row = outbox_row(found.gateway_id, found.outbox_epoch, found.outbox_seq)
    yield Station(
        "raw bytes",
        reading.gateway_received_at,
        [
            f"{reading.raw.hex(' ')}",
            f"characteristic {reading.characteristic} of peripheral {found.bluetooth_address}",
        ],
    )
    yield _record_station(reading)
    yield _outbox_station(found, row)
    yield Station(
        "MQTT message",
        found.received_at,
        [
            f"topic {found.topic}, packet {found.packet_id}, {found.record_count} records",
            f"message {found.message_id}, SHA-256 {found.payload_sha256.hex()}",
        ],
    )
    yield Station(
        "reading" if reading.version == 1 else f"reading, version {reading.version}",
        found.stored_at,
        [
            f"{_numbers(reading)}, measured {reading.measured_at:%Y-%m-%d %H:%M:%S} UTC",
            f"by {reading.time_method} ({reading.time_quality}); reading {reading.reading_id}",
            f"patient {reading.patient_id}; record key {found.record_key.hex()}",
        ],
    )
    yield from _other_versions(cur, practice_id, reading)


def _other_versions(
    cur: Cursor, practice_id: UUID, reading: rows.StoredReading
) -> Iterator[Station]:
    for one in corrections.history(cur, practice_id, reading.reading_id):
        if one.reading_id == reading.reading_id:
            continue
        made = (
            f"{one.cause} by {one.made_by}: {one.detail}" if one.cause else "as it was stored first"
        )
        counts = (
            "counts"
            if one.superseded_at is None
            else f"counted until {one.superseded_at:%Y-%m-%d %H:%M:%S} UTC"
        )
        yield Station(
            f"version {one.version} of it",
            one.stored_at,
            [f"{made}; {counts}", f"patient {one.patient_id}; reading {one.reading_id}"],
        )


def _from_a_file(cur: Cursor, reading: rows.StoredReading) -> Iterator[Station]:
    row = imports.row_of(cur, reading.practice_id, reading.reading_id)
    if row is None:
        raise errors.DeployError("nobody knows how the reading came here")
    yield Station(
        "row of a file",
        row.started_at,
        [
            f"row {row.row_number} of a file in the format “{row.format}”, imported by {row.started_by}",
            f"SHA-256 of the file {row.file_sha256.hex()}",
            f"{reading.raw.hex(' ')}",
        ],
    )
    yield Station(
        "reading",
        reading.stored_at,
        [
            f"{_numbers(reading)}, measured {reading.measured_at:%Y-%m-%d %H:%M:%S} UTC",
            f"imported, not sent by a device ({reading.time_quality}); reading {reading.reading_id}",
            f"patient {reading.patient_id}",
        ],
    )


def _record_station(reading: rows.StoredReading) -> Station:
    """Decode the raw bytes once more: what was stored has to follow from them."""
    profile = models.by_id(reading.profile_id, reading.profile_version)
    decoded = decode.advisory(decode.decode_record(profile, reading.characteristic, reading.raw))
    shown = ", ".join(
        f"{name} {found}" for name, found in decoded.items() if found not in (None, "")
    )
    lines = [f"profile {reading.profile_id} version {reading.profile_version}", shown]
    return Station("record", reading.gateway_received_at, lines)


def _outbox_station(found: rows.Provenance, row: dict[str, Any] | None) -> Station:
    place = f"{found.gateway_id}, epoch {found.outbox_epoch}, number {found.outbox_seq}"
    if row is None:
        return Station(
            "outbox row", None, [f"{place} (kept on the gateway, out of reach from here)"]
        )
    receipted_at = datetime.fromisoformat(row["receipted_at"]) if row["receipted_at"] else None
    return Station("outbox row", receipted_at, [place, f"receipt: {row['receipt_status']}"])


def _through_the_rules(
    cur: Cursor, practice_id: UUID, reading_id: UUID, episode_id: UUID | None
) -> Iterator[Station]:
    evaluation = _row(cur, _Q.evaluation_of_reading, practice_id=practice_id, reading_id=reading_id)
    if evaluation is None:
        yield Station("rule and its trace")
        return
    silence = f" ({evaluation.silence})" if evaluation.silence else ""
    yield Station(
        "rule and its trace",
        evaluation.evaluated_at,
        [
            f"outcome: {evaluation.outcome}{silence}",
            *(
                f"{'breached' if rule['breached'] else 'kept'}: {rule['title']}, version {rule['version']}"
                f" for the {rule['made_for']}: {rule['sentence']}"
                for rule in evaluation.trace["rules"]
            ),
        ],
    )
    if episode_id is None:
        return
    episode = alerts_store.episode(cur, practice_id, episode_id)
    events = alerts_store.episode_events(cur, practice_id, episode_id)
    yield Station(
        "episode",
        None if episode is None else episode.opened_at,
        [f"episode {episode_id}"]
        + [f"{event.at:%H:%M:%S} {event.event}: {event.note}" for event in events],
    )


def _through_the_work(cur: Cursor, practice_id: UUID, task: work.Task) -> Iterator[Station]:
    due = f"due {task.due_at:%Y-%m-%d %H:%M} UTC"
    history = [
        f"{event.at:%H:%M:%S} {event.event} {event.staff_name or ''}".rstrip()
        for event in tasks.events(cur, practice_id, task.task_id)
    ]
    yield Station(
        "task",
        task.opened_at,
        [
            f"{task.severity}: {task.title}, {due}; task {task.task_id}",
            *history,
            f"disposition: {task.disposition or 'none yet'}",
        ],
    )
    with cur.connection.cursor(row_factory=namedtuple_row) as found:
        entries: list[Any] = found.execute(
            _Q.entries_of_task, {"practice_id": practice_id, "task_id": task.task_id}
        ).fetchall()
    yield Station(
        "time entry",
        entries[0].ended_at if entries else None,
        [
            f"{(entry.ended_at - entry.started_at).total_seconds():.1f} s of {entry.activity} "
            f"by {entry.staff_name} ({entry.entered}), entry {entry.entry_id}"
            for entry in entries
        ],
    )


def _row(cur: Cursor, statement: Any, **parameters: Any) -> Any:
    with cur.connection.cursor(row_factory=namedtuple_row) as found:
        return found.execute(statement, parameters).fetchone()


def _numbers(reading: rows.StoredReading) -> str:
    found = ((one, getattr(reading, one.name)) for one in kinds.OF[reading.kind].numbers)
    shown = [
        f"{one.words} {one.text(number)} {one.unit}" for one, number in found if number is not None
    ]
    return ", ".join(shown) or reading.result
