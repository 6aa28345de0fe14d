"""Readings and quarantine in PostgreSQL.

This module and ``people.py`` execute all SQL of the package. Every function takes an open cursor;
whoever opened the transaction commits it. Functions for people who signed in take their practice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from firmware_profiles.readings import Kind, Result
from ingest import directory, errors, evaluation_queue, named_queries, rows, statements
from ingest.measured_at import TimeMethod, TimeQuality

if TYPE_CHECKING:
    from typing import LiteralString

Cursor = psycopg.Cursor[Any]
_Row = TypeVar("_Row")

_Q: Final = named_queries.load("ingest")
_READING_FIELDS: Final = rows.StoredReading._fields
# Most practices have a reading of the last hour, and nearly all one of the last two days.
_LATELY: Final = (timedelta(hours=1), timedelta(days=2), timedelta(days=60))
_MESSAGE_TYPES: Final = [
    "uuid",
    "uuid",
    "text",
    "int4",
    "timestamptz",
    "timestamptz",
    "bytea",
    "int4",
]
_QUALIFIERS: Final = _READING_FIELDS.index("qualifiers")
# Of the columns of copy_taken_in, in their order; a binary COPY is written with them.
_COPIED_TYPES: Final = (
    *("uuid", "uuid", "uuid", "uuid", "int2", "text", "text", "timestamptz", "text", "text", "timestamp"),
    *("float8", "timestamptz", "timestamptz", "float8", "float8", "float8", "float8", "float8", "int4"),
    *("text[]", "text", "int4", "text", "bytea", "text", "text", "int8", "uuid", "text", "date", "int2"),
    *("timestamptz", "float8", "float8", "float8", "float8", "bytea", "bytea"),
)  # fmt: skip


def gateways_by_id(cur: Cursor, gateway_ids: Collection[str]) -> dict[str, directory.Gateway]:
    """Return the known ones of these gateways."""
    return {
        gateway.gateway_id: gateway
        for gateway in _gateways(cur, _Q.gateways_by_id, {"gateway_ids": list(gateway_ids)})
    }


def register_peripherals(cur: Cursor, heard: Collection[tuple[UUID, str, str]]) -> None:
    """Add peripherals, given as (practice, Bluetooth address, profile id), that are not there yet."""
    practice_ids, addresses, profile_ids = _arrays(heard, 3)
    cur.execute(
        _Q.register_peripherals,
        {
            "practice_ids": practice_ids,
            "bluetooth_addresses": addresses,
            "profile_ids": profile_ids,
        },
    )


def peripherals_by_address(
    cur: Cursor, heard: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], directory.Peripheral]:
    """Return the known ones of these peripherals, by practice and Bluetooth address."""
    practice_ids, addresses = _arrays(heard, 2)
    found: dict[tuple[UUID, str], tuple[UUID, list[directory.Assignment]]] = {}
    cur.execute(
        _Q.peripherals_by_address,
        {"practice_ids": practice_ids, "bluetooth_addresses": addresses},
    )
    for practice_id, address, peripheral_id, user_slot, patient_id, *valid in cur:
        _, assignments = found.setdefault((practice_id, address), (peripheral_id, []))
        if patient_id is not None:
            assignments.append(directory.Assignment(user_slot, patient_id, *valid))
    return {
        key: directory.Peripheral(peripheral_id, tuple(assignments))
        for key, (peripheral_id, assignments) in found.items()
    }


def ensure_series(cur: Cursor, from_at: datetime, until_at: datetime) -> int:
    """Make the monthly partitions that a span touches; return how many were new."""
    cur.execute(_Q.ensure_series, {"from_at": from_at, "until_at": until_at})
    return int(_one(cur)[0])


def make_taken_in(cur: Cursor) -> None:
    """Make the connection's own tables, into which readings and messages are copied, unless it has them."""
    cur.execute(_Q.make_taken_in)
    cur.execute(_Q.make_messages_taken_in)


def claim_and_store(cur: Cursor, candidates: Sequence[rows.Candidate]) -> set[UUID]:
    """Store readings whose record keys nobody holds, and queue them for the rules; return the ids of the others.

    The connection has to have its tables (:func:`make_taken_in`). Two transactions that claim the same key at once wait
    here for each other: the second sees the first's row.
    """
    if not candidates:
        return set()
    _copy(cur, [(c.reading, c.record_key, c.content_sha256) for c in candidates])
    cur.execute(_Q.claim_and_store_taken_in, {"judged": list(evaluation_queue.JUDGED)})
    lost = {reading_id for (reading_id,) in cur}
    cur.execute(_Q.wake_evaluators)
    return lost


def contents_by_record_key(
    cur: Cursor, keys: Collection[tuple[UUID, bytes]]
) -> dict[tuple[UUID, bytes], bytes]:
    """Return the content hash stored under each of these keys, given as (practice, record key)."""
    practice_ids, record_keys = _arrays(keys, 2)
    cur.execute(
        _Q.contents_by_record_key, {"practice_ids": practice_ids, "record_keys": record_keys}
    )
    return {(practice_id, key): content for practice_id, key, content in cur}


def add_readings(cur: Cursor, readings: Sequence[rows.StoredReading]) -> None:
    """Store readings that have no record key of their own: later versions, and whatever claimed its key before."""
    if readings:
        make_taken_in(cur)
        _copy(cur, [(reading, None, None) for reading in readings])
        cur.execute(_Q.store_taken_in)


def _copy(
    cur: Cursor, wanted: Sequence[tuple[rows.StoredReading, bytes | None, bytes | None]]
) -> None:
    with cur.copy(_Q.copy_taken_in) as copy:
        copy.set_types(_COPIED_TYPES)
        for reading, record_key, content_sha256 in wanted:
            columns: list[object] = [*reading, record_key, content_sha256]
            # psycopg writes a tuple as a row and a list as an array: the qualifiers are an array.
            columns[_QUALIFIERS] = list(reading.qualifiers)
            copy.write_row(columns)


def add_contexts(cur: Cursor, contexts: Sequence[rows.ContextRow]) -> set[tuple[UUID, int]]:
    """Store glucose contexts; return (message, outbox sequence number) of those that were new."""
    in_order = sorted(
        contexts,
        key=attrgetter("practice_id", "peripheral_id", "sequence_number", "content_sha256"),
    )
    parameters = [asdict(row) | {"context": Jsonb(row.context)} for row in in_order]
    return set(_execute_many(cur, _Q.insert_context, parameters))


def add_quarantine(cur: Cursor, refused: Sequence[rows.QuarantineRow]) -> set[UUID]:
    """Keep what could not become data; return the ids of the rows that were not there before."""
    in_order = sorted(
        refused,
        key=lambda row: (
            row.topic,
            row.outbox_epoch or "",
            row.outbox_seq or -1,
            row.content_sha256,
        ),
    )
    parameters = [
        asdict(row) | {"record": None if row.record is None else Jsonb(row.record)}
        for row in in_order
    ]
    return {
        quarantine_id for (quarantine_id,) in _execute_many(cur, _Q.insert_quarantine, parameters)
    }


def add_messages(cur: Cursor, messages: Sequence[rows.MessageRow]) -> None:
    """Remember the messages that readings, contexts or quarantine rows point at.

    The connection has to have its tables (:func:`make_taken_in`).
    """
    if not messages:
        return
    with cur.copy(_Q.copy_messages_taken_in) as copy:
        copy.set_types(_MESSAGE_TYPES)
        for row in messages:
            copy.write_row(row)
    cur.execute(_Q.store_messages_taken_in)


def add_security_events(cur: Cursor, events: Sequence[rows.SecurityEvent]) -> None:
    """Write down what an operator should look into."""
    if not events:
        return
    cur.executemany(_Q.insert_security_event, [asdict(row) for row in events])


def see_gateways(cur: Cursor, sightings: Collection[rows.GatewaySighting]) -> None:
    """Note when gateways were heard and whether they are online; one sighting per gateway."""
    gateway_ids, seen_ats, are_online = _arrays(
        [(s.gateway_id, s.seen_at, s.is_online) for s in sightings], 3
    )
    cur.execute(
        _Q.see_gateways,
        {"gateway_ids": gateway_ids, "seen_ats": seen_ats, "are_online": are_online},
    )


def see_outbox_positions(
    cur: Cursor, arrived: Collection[rows.OutboxPositions], at: datetime
) -> None:
    """Note which numbers of gateways' outboxes have arrived; one row per outbox."""
    if not arrived:
        return
    cur.execute(
        _Q.see_outbox_positions,
        {
            "practice_ids": [a.practice_id for a in arrived],
            "gateway_ids": [a.gateway_id for a in arrived],
            "epochs": [a.epoch for a in arrived],
            "positions": [
                "{" + ",".join(f"[{first},{last}]" for first, last in a.runs) + "}" for a in arrived
            ],
            "at": at,
        },
    )


def readings_of_patient(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    kind: Kind,
    from_at: datetime,
    until_at: datetime,
) -> list[rows.StoredReading]:
    """Return a patient's measurements from ``from_at`` until before ``until_at``, oldest first."""
    return stored_readings(
        cur,
        _Q.readings_of_patient,
        {
            "practice_id": practice_id,
            "patient_id": patient_id,
            "kind": kind,
            "from_at": from_at,
            "until_at": until_at,
        },
    )


def last_stored_at(cur: Cursor, practice_id: UUID) -> datetime | None:
    """Return when the practice's newest reading came from a home, aware UTC; None before the first.

    While readings of the last two months come in, one that was measured earlier makes no newer sign.
    """
    newest_at: datetime | None = None
    for within in _LATELY:
        cur.execute(_Q.last_stored_lately_at, {"practice_id": practice_id, "within": within})
        (newest_at,) = _one(cur)
        if newest_at is not None:
            return newest_at
    cur.execute(_Q.last_stored_at, {"practice_id": practice_id})
    (newest_at,) = _one(cur)
    return newest_at


def reading(cur: Cursor, practice_id: UUID, reading_id: UUID) -> rows.StoredReading | None:
    """Return one reading of the practice, whichever version of it; None if it has no such reading."""
    place = _place_of_reading(cur, practice_id, reading_id)
    found = stored_readings(cur, _Q.reading, place) if place else []
    return found[0] if found else None


def provenance(cur: Cursor, practice_id: UUID, reading_id: UUID) -> rows.Provenance | None:
    """Return the way of one reading from the peripheral to the store."""
    place = _place_of_reading(cur, practice_id, reading_id)
    found = statements.rows(cur, rows.Provenance, _Q.provenance, place) if place else []
    return found[0] if found else None


def _place_of_reading(cur: Cursor, practice_id: UUID, reading_id: UUID) -> dict[str, Any] | None:
    """Return the parameters that lead to a reading, None if the practice has no such reading."""
    asked = {"practice_id": practice_id, "reading_id": reading_id}
    row = cur.execute(_Q.measured_at_of_reading, asked).fetchone()
    return None if row is None else asked | {"measured_at": row[0]}


def unassigned_readings(cur: Cursor, practice_id: UUID) -> list[rows.UnassignedReadings]:
    """Return per user of each peripheral what waits for an assignment, latest first."""
    return statements.rows(
        cur, rows.UnassignedReadings, _Q.unassigned_readings, {"practice_id": practice_id}
    )


def gateways(cur: Cursor, practice_id: UUID) -> list[directory.Gateway]:
    """Return the practice's gateways, revoked ones too, by label."""
    return _gateways(cur, _Q.gateways, {"practice_id": practice_id})


def count_silent_gateways(cur: Cursor, before_at: datetime) -> int:
    """Return how many active gateways were heard once but not since ``before_at``."""
    cur.execute(_Q.count_silent_gateways, {"before_at": before_at})
    return int(_one(cur)[0])


def series_engine(cur: Cursor) -> str:
    """Return what the time series are stored in: ``timescaledb`` or ``partitions``."""
    cur.execute(_Q.series_engine)
    return str(_one(cur)[0])


def stored_readings(
    cur: Cursor, query: LiteralString, parameters: Mapping[str, Any]
) -> list[rows.StoredReading]:
    """Return the readings that a statement finds; its columns are those of ``ingest.reading``."""
    with cur.connection.cursor(row_factory=dict_row) as found:
        return [_reading(row) for row in found.execute(query, parameters)]


def _reading(row: dict[str, Any]) -> rows.StoredReading:
    # Only the known columns: a newer version may have added some to the view.
    return rows.StoredReading(
        **{name: row[name] for name in _READING_FIELDS}
        | {
            "kind": Kind(row["kind"]),
            "result": Result(row["result"]),
            "time_method": TimeMethod(row["time_method"]),
            "time_quality": TimeQuality(row["time_quality"]),
            "qualifiers": tuple(row["qualifiers"]),
            "origin": rows.Origin(row["origin"]),
        }
    )


def _gateways(
    cur: Cursor, query: LiteralString, parameters: Mapping[str, Any]
) -> list[directory.Gateway]:
    return [
        directory.Gateway(gateway_id, practice_id, label, directory.Standing(status), *seen)
        for gateway_id, practice_id, label, status, *seen in cur.execute(
            query, parameters
        ).fetchall()
    ]


def _execute_many(
    cur: Cursor, query: LiteralString, parameters: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """Run a statement with each set of parameters in one round trip; return all rows that came back."""
    if not parameters:
        return []
    cur.executemany(query, parameters, returning=True)
    return [row for result in cur.results() for row in result.fetchall()]


def _arrays(found: Collection[tuple[Any, ...]], width: int) -> tuple[list[Any], ...]:
    """Turn rows into columns, for ``unnest``."""
    return tuple([row[i] for row in found] for i in range(width))


def _one(cur: Cursor) -> Any:
    row = cur.fetchone()
    if row is None:
        raise errors.StoreError
    return row
