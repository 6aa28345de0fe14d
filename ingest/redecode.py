"""Stored bytes read again with a newer version of their device profile: what changes, and new versions of readings.

The originals stay (:mod:`ingest.corrections`). A run may be ended at any moment and started again: what has a new
version is at the newer profile already, what means the same keeps its version, and what the newer profile cannot read
is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from firmware_profiles import decode, models
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.readings import GlucoseContext
from ingest import audit, corrections, directory, measured_at, named_queries, store, tenancy
from ingest.corrections import Cause, Correction
from ingest.decoded_fields import decoded_fields
from ingest.directory import Peripheral
from ingest.measured_at import Estimate
from ingest.redecode_diff import Diff
from ingest.rows import StoredReading

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
Pair = tuple[StoredReading, StoredReading]

_Q: Final = named_queries.load("ingest", "redecode")

RESOURCE: Final = "reading"  # what its audit events are about
# Of one transaction: short enough that evaluators and ingest beside it never wait for long.
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which readings of one practice are read again.

    Attributes:
        profile_id: Device profile that read them.
        to_version: The version to read them with; readings of it and of later ones are left alone.
        from_versions: Only what these versions have read; None for all older ones.
        from_at: Measured from then on, aware; None for the first.
        until_at: Measured before then, aware; None for the last.
    """

    practice_id: UUID
    profile_id: str
    to_version: int
    from_versions: tuple[int, ...] | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None


def count(cur: Cursor, wanted: Wanted) -> int:
    """Return how many readings a run would read again."""
    row = cur.execute(_Q.count_readable_again, _parameters(wanted)).fetchone()
    return int(row[0]) if row else 0


def dry_run(connection: Connection, wanted: Wanted, progress: Callable[[int], None]) -> Diff:
    """Say what would change, and change nothing.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        wanted: Which readings.
        progress: Told the number of readings after each batch.

    Raises:
        ProfileError: this release does not have that version of the profile.
    """
    diff = Diff()
    for batch, owners in _batches(connection, wanted):
        _read_batch(diff, batch, owners, wanted, datetime.now(UTC))
        progress(len(batch))
    return diff


def apply(
    connection: Connection, wanted: Wanted, by: audit.Agent, progress: Callable[[int], None]
) -> Diff:
    """Put new versions in the place of what changes, batch by batch, each with its line in the audit trail.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        wanted: Which readings.
        by: Who wants it.
        progress: Told the number of readings after each batch.

    Raises:
        ProfileError: this release does not have that version of the profile.
    """
    diff = Diff()
    for batch, owners in _batches(connection, wanted):
        at = datetime.now(UTC)
        pairs = _read_batch(diff, batch, owners, wanted, at)
        if pairs:
            replaced = _replace(connection, wanted, pairs, by, at)
            diff.replaced += replaced
            diff.overtaken += len(pairs) - replaced
        progress(len(batch))
    return diff


def read_again(
    former: StoredReading, profile: DeviceProfile, peripheral: Peripheral, at: datetime
) -> StoredReading:
    """Return what a reading's bytes mean under another version of its profile, as its next version. Pure.

    Whose it is follows the assignments only where the user slot or the instant of measurement changes; a wrong
    assignment is no business of a profile's.

    Args:
        former: The version that counts.
        profile: The version to read with.
        peripheral: The reading's, with its assignments.
        at: Now, aware UTC.

    Raises:
        FrameError: the profile does not read these bytes as a measurement.
    """
    decoded = decode.decode_record(profile, former.characteristic, former.raw)
    if isinstance(decoded, GlucoseContext):
        raise FrameError(FrameReason.WRONG_PROFILE, "the bytes are no measurement")
    before = Estimate(former.measured_at, former.time_method, former.time_quality)
    when = measured_at.moved(
        before, former.device_time, decoded.device_time, former.gateway_received_at
    )
    new = former._replace(
        reading_id=uuid4(),
        stored_at=at,
        profile_version=profile.version,
        version=former.version + 1,
        measured_at=when.measured_at,
        time_method=when.method,
        time_quality=when.quality,
        **decoded_fields(decoded),
    )
    if new.user_slot == former.user_slot and when == before:
        return new
    owner = peripheral.assignment_of(new.user_slot, new.measured_at, new.time_quality)
    return new._replace(
        patient_id=owner.patient_id if owner else None,
        measured_day=owner.day_of(new.measured_at) if owner else None,
    )


def _read_batch(
    diff: Diff,
    batch: Sequence[StoredReading],
    owners: dict[UUID, Peripheral],
    wanted: Wanted,
    at: datetime,
) -> list[Pair]:
    """Read a batch again and count it; return (former, new) of what changes."""
    profile = models.by_id(wanted.profile_id, wanted.to_version)
    changed: list[Pair] = []
    for former in batch:
        assert former.peripheral_id is not None  # noqa: S101 - held by the table for what a device sent
        try:
            new = read_again(former, profile, owners[former.peripheral_id], at)
        except FrameError as error:
            diff.add_unreadable(former, error.reason)
            continue
        if diff.add(former, new):
            changed.append((former, new))
    return changed


def _batches(
    connection: Connection, wanted: Wanted
) -> Iterator[tuple[list[StoredReading], dict[UUID, Peripheral]]]:
    """Yield the readings with their peripherals, in batches between which no transaction is open."""
    models.by_id(wanted.profile_id, wanted.to_version)
    with connection.cursor("redecode", withhold=True) as found:
        with tenancy.transaction(connection, wanted.practice_id):
            found.execute(_Q.readable_again, _parameters(wanted))
        while keys := found.fetchmany(_BATCH):
            reading_ids, measured_ats = zip(*keys, strict=True)
            parameters = {
                "practice_id": wanted.practice_id,
                "reading_ids": list(reading_ids),
                "measured_ats": list(measured_ats),
                "first_at": min(measured_ats),
                "last_at": max(measured_ats),
            }
            with tenancy.transaction(connection, wanted.practice_id) as cur:
                batch = store.stored_readings(cur, _Q.still_to_read, parameters)
                owners = _owners(cur, wanted.practice_id, _peripheral_ids(batch))
            yield batch, owners


def _peripheral_ids(batch: Sequence[StoredReading]) -> set[UUID]:
    return {one.peripheral_id for one in batch if one.peripheral_id is not None}


def _owners(
    cur: Cursor, practice_id: UUID, peripheral_ids: Collection[UUID]
) -> dict[UUID, Peripheral]:
    assignments: dict[UUID, list[directory.Assignment]] = {one: [] for one in peripheral_ids}
    asked = {"practice_id": practice_id, "peripheral_ids": list(peripheral_ids)}
    for peripheral_id, *assignment in cur.execute(_Q.assignments, asked):
        assignments[peripheral_id].append(directory.Assignment(*assignment))
    return {one: Peripheral(one, tuple(known)) for one, known in assignments.items()}


def _replace(
    connection: Connection, wanted: Wanted, pairs: Sequence[Pair], by: audit.Agent, at: datetime
) -> int:
    """Store the new versions of a batch in one transaction; partitions for moved instants come before it."""
    instants = [new.measured_at for _, new in pairs]
    for month_at in {(one.year, one.month) for one in instants}:
        first = datetime(*month_at, 1, tzinfo=UTC)
        with connection.cursor() as cur:
            store.ensure_series(cur, first, first)
    correction = Correction(
        practice_id=wanted.practice_id,
        correction_id=uuid4(),
        at=at,
        cause=Cause.PROFILE,
        made_by=by.agent_id,
        detail=f"read again with {wanted.profile_id} version {wanted.to_version}",
    )
    with tenancy.transaction(connection, wanted.practice_id) as cur:
        replaced = corrections.replace(cur, correction, pairs)
        whose = {one.patient_id for pair in pairs for one in pair}
        event = audit.Event(
            practice_id=wanted.practice_id,
            at=at,
            kind=audit.Kind.CHANGE,
            action=audit.Action.UPDATE,
            agent=by,
            purpose=audit.Purpose.OPERATIONS,
            patient_ids=tuple(one for one in whose if one is not None),
            resource=RESOURCE,
            resource_id=str(correction.correction_id),
            detail={
                "profile": wanted.profile_id,
                "to_version": wanted.to_version,
                "readings": replaced,
            },
        )
        audit.record(cur, [event])
    return replaced


def _parameters(wanted: Wanted) -> dict[str, Any]:
    from_versions = None if wanted.from_versions is None else list(wanted.from_versions)
    return asdict(wanted) | {"from_versions": from_versions}
