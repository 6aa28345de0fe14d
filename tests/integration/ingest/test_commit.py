from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from firmware_profiles import topics, uuids, wire
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import GlucoseMeasurement, Sample
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.readings import Kind
from firmware_profiles.sfloat import Sfloat
from firmware_profiles.wire import GatewayStatus, ReceiptStatus, Record
from ingest import assignments, evaluation_queue, held_records, people, record_key, store, tenancy
from ingest.arrivals import Opened
from ingest.commit import Committer
from ingest.quarantine import IngestReason
from ingest.receipts import Fate, Fates
from ingest.tenancy import Scope

pytestmark = pytest.mark.db

STORED, DUPLICATE = Fate(ReceiptStatus.STORED), Fate(ReceiptStatus.DUPLICATE)
CONFLICT = Fate(ReceiptStatus.QUARANTINED, "record_conflict")

Owner = psycopg.Connection[Any]


@pytest.fixture
def committer(database: Any) -> Iterator[Committer]:
    connection = psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True)
    yield Committer(connection)
    connection.close()


def take_in(committer: Committer, *messages: Opened) -> list[Fate]:
    return list(committer.take_in(messages, datetime.now(UTC)).values())


def count(owner: Owner, table: str) -> int:
    row = owner.execute(f"select count(*) from ingest.{table}").fetchone()
    assert row is not None
    return int(row[0])


def glucose(home: Any, seq: int, mg_dl: int = 110, sequence_number: int = 7) -> Record:
    raw = GlucoseMeasurement(
        sequence_number=sequence_number,
        base_time=DateTime.of((home.now - timedelta(hours=1)).replace(tzinfo=None)),
        sample=Sample(concentration=Sfloat(mg_dl, -5), fluid_type=1, location=1),
    ).to_bytes()
    record: Record = home.record(seq)
    return replace(
        record,
        profile_id="standard-glucometer",
        characteristic=uuids.GLUCOSE_MEASUREMENT,
        raw=raw,
        peripheral="AA:BB:CC:DD:EE:02",
    )


def context(home: Any, seq: int, meal: int = 1) -> Record:
    return replace(
        glucose(home, seq),
        characteristic=uuids.GLUCOSE_MEASUREMENT_CONTEXT,
        raw=GlucoseMeasurementContext(sequence_number=7, meal=meal).to_bytes(),
    )


def test_reading_is_found_again_as_it_was_taken_in(
    committer: Committer, home: Any, database: Any
) -> None:
    record = home.record(3, 151, device_clock_offset_s=12.5)
    opened = home.message([record])

    assert take_in(committer, opened) == [STORED]

    with (
        database.connect("homevitals_console", home.practice_id) as console,
        console.cursor() as cur,
    ):
        (reading,) = store.readings_of_patient(
            cur,
            home.practice_id,
            home.patient_id,
            Kind.BLOOD_PRESSURE,
            home.now - timedelta(days=1),
            home.now + timedelta(days=1),
        )
        measured_at = home.now - timedelta(minutes=3) + timedelta(seconds=12.5)
        assert (reading.measured_at, reading.systolic_mmhg) == (measured_at, 151.0)
        assert reading.device_time == (home.now - timedelta(minutes=3)).replace(tzinfo=None)
        assert reading.raw == record.raw
        assert (reading.outbox_epoch, reading.outbox_seq) == (home.epoch, 3)
        assert reading.qualifiers == ()
        assert store.reading(cur, home.practice_id, reading.reading_id) == reading
        way = store.provenance(cur, home.practice_id, reading.reading_id)
        assert way is not None
        assert (way.topic, way.record_count) == (topics.readings(home.gateway_id), 1)
        assert way.message_id == opened.arrival.message_id
        assert way.bluetooth_address == home.bluetooth_address
        assert way.content_sha256 == record_key.content_sha256(record.raw)


def test_reading_is_nobody_elses_when_another_practice_asks(
    committer: Committer, home: Any, other_home: Any, owner: Owner
) -> None:
    # the same cuff's address, the same bytes: each practice has its own
    assert take_in(committer, home.message([home.record(1)])) == [STORED]
    assert take_in(committer, other_home.message([other_home.record(1)])) == [STORED]
    found = owner.execute("select practice_id, reading_id, patient_id from ingest.reading_series")
    reading_of = {practice_id: (reading_id, patient) for practice_id, reading_id, patient in found}
    reading_id, patient_id = reading_of[home.practice_id]

    assert patient_id == home.patient_id
    with owner.cursor() as cur:
        assert store.reading(cur, home.practice_id, reading_id) is not None
        assert store.reading(cur, other_home.practice_id, reading_id) is None
        assert store.provenance(cur, other_home.practice_id, reading_id) is None


def test_record_is_stored_once_when_it_comes_again(
    committer: Committer, home: Any, owner: Owner
) -> None:
    opened = home.message([home.record(1), home.record(2)])

    assert take_in(committer, opened) == [STORED, STORED]
    assert take_in(committer, opened) == [DUPLICATE, DUPLICATE]
    # another outbox, another gateway clock, another batch: still the same measurement
    again = [home.record(9, raw=home.record(1).raw)]
    assert take_in(committer, home.message(again, epoch="f" * 32)) == [DUPLICATE]
    assert count(owner, "reading_series") == count(owner, "record_key") == 2
    assert count(owner, "evaluation_queue") == 2
    assert count(owner, "message") == 1


def test_record_is_stored_once_when_one_batch_has_it_twice(
    committer: Committer, home: Any, owner: Owner
) -> None:
    raw = home.record(1).raw
    twice = home.message([home.record(1), home.record(2, raw=raw)])
    again = home.message([home.record(3, raw=raw)])

    assert take_in(committer, twice, again) == [STORED, DUPLICATE, DUPLICATE]
    assert count(owner, "reading_series") == 1


def test_undated_measurements_are_both_kept_when_they_are_equal(
    committer: Committer, home: Any, owner: Owner
) -> None:
    first, second = home.record(1, dated=False), home.record(2, dated=False)
    assert first.raw == second.raw

    assert take_in(committer, home.message([first, second])) == [STORED, STORED]
    assert take_in(committer, home.message([first, second])) == [DUPLICATE, DUPLICATE]
    assert count(owner, "reading_series") == 2


def test_first_wins_when_the_same_record_comes_with_other_bytes(
    committer: Committer, home: Any, owner: Owner
) -> None:
    true, forged = glucose(home, 1, 110), glucose(home, 2, 300)

    assert take_in(committer, home.message([true])) == [STORED]
    for _ in range(2):
        assert take_in(committer, home.message([forged])) == [CONFLICT]

    stored = owner.execute("select glucose_mg_dl from ingest.reading_series").fetchall()
    assert stored == [(pytest.approx(110.0),)]
    (kept,) = owner.execute("select reason, raw, outbox_seq from ingest.quarantine").fetchall()
    assert kept == ("record_conflict", forged.raw, 2)
    (event,) = owner.execute("select event, gateway_id from ingest.security_event").fetchall()
    assert event == ("record_conflict", home.gateway_id)


def test_first_wins_when_both_are_in_one_batch(
    committer: Committer, home: Any, owner: Owner
) -> None:
    opened = home.message([glucose(home, 1, 110), glucose(home, 2, 300)])

    assert take_in(committer, opened) == [STORED, CONFLICT]


def test_conflict_is_seen_when_a_place_in_the_outbox_is_used_twice(
    committer: Committer, home: Any
) -> None:
    assert take_in(committer, home.message([home.record(1, 120, dated=False)])) == [STORED]
    assert take_in(committer, home.message([home.record(1, 160, dated=False)])) == [CONFLICT]


def test_context_is_kept_beside_its_reading_and_only_once(
    committer: Committer, home: Any, owner: Owner
) -> None:
    opened = home.message([glucose(home, 1), context(home, 2)])

    assert take_in(committer, opened) == [STORED, STORED]
    assert take_in(committer, home.message([context(home, 2)])) == [DUPLICATE]
    assert take_in(committer, home.message([context(home, 3, meal=2)])) == [STORED]
    contexts = owner.execute(
        "select context ->> 'meal', message_id = %s from ingest.glucose_context order by outbox_seq",
        (opened.arrival.message_id,),
    ).fetchall()
    assert contexts == [("before_meal", True), ("after_meal", False)]
    assert count(owner, "message") == 2


def test_bad_records_are_kept_and_their_neighbours_stored(
    committer: Committer, home: Any, owner: Owner, database: Any
) -> None:
    records = [home.record(1), home.record(2, raw=b"\0"), home.record(3)]

    fates = take_in(committer, home.message(records))

    assert fates == [STORED, Fate(ReceiptStatus.QUARANTINED, "short_frame"), STORED]
    with (
        database.connect("homevitals_console", home.practice_id) as console,
        console.cursor() as cur,
    ):
        (row,) = held_records.still_open(cur, home.practice_id, limit=10)
    assert (row.raw, row.outbox_seq, row.reason) == (b"\0", 2, "short_frame")
    assert row.record is not None
    assert row.record["profile_id"] == "standard-cuff"
    # the same again does not pile up, but is told again
    assert take_in(committer, home.message(records))[1] == fates[1]
    assert count(owner, "quarantine") == 1
    assert count(owner, "message") == 1


def test_broken_message_is_kept_whole_once(committer: Committer, home: Any, owner: Owner) -> None:
    for _ in range(2):
        assert take_in(committer, home.opened(b'{"version":')) == []

    kept = owner.execute("select practice_id, reason, raw from ingest.quarantine").fetchall()
    assert kept == [(home.practice_id, "not_json", b'{"version":')]


def test_unknown_gateway_gets_its_records_into_quarantine_only(
    committer: Committer, home: Any, owner: Owner
) -> None:
    stranger = replace(home, gateway_id="gw-zzzz9999")

    fates = take_in(committer, stranger.message([home.record(1), home.record(2)]))

    assert fates == [Fate(ReceiptStatus.QUARANTINED, "unknown_gateway")] * 2
    assert count(owner, "reading_series") == 0
    with owner.cursor() as cur:
        kept = held_records.still_open(cur, None, limit=10)
    assert {row.outbox_seq for row in kept} == {1, 2}
    assert count(owner, "security_event") == 2


def test_revoked_gateway_is_refused_from_the_next_message_on(
    committer: Committer, home: Any, owner: Owner
) -> None:
    assert take_in(committer, home.message([home.record(1)])) == [STORED]
    owner.execute("update ingest.gateway set status = 'revoked', revoked_at = now()")

    fates = take_in(committer, home.message([home.record(2)]))

    assert fates == [Fate(ReceiptStatus.QUARANTINED, "revoked_gateway")]
    assert count(owner, "reading_series") == 1


def test_new_peripheral_is_registered_and_its_reading_waits(
    committer: Committer, home: Any, owner: Owner, database: Any
) -> None:
    record = home.record(1, peripheral="AA:BB:CC:DD:EE:77")

    assert take_in(committer, home.message([record])) == [STORED]

    assert count(owner, "evaluation_queue") == 0
    with (
        database.connect("homevitals_console", home.practice_id) as console,
        console.cursor() as cur,
    ):
        (waiting,) = store.unassigned_readings(cur, home.practice_id)
    assert (waiting.bluetooth_address, waiting.profile_id) == ("AA:BB:CC:DD:EE:77", "standard-cuff")
    assert (waiting.reading_count, waiting.user_slot) == (1, None)
    assert waiting.first_measured_at == waiting.last_measured_at == home.now - timedelta(minutes=1)


def test_patient_is_who_had_the_cuff_when_it_measured(
    committer: Committer, home: Any, owner: Owner
) -> None:
    with owner.cursor() as cur:
        peripheral_id = people.add_peripheral(
            cur, home.practice_id, bluetooth_address="AA:BB:CC:DD:EE:55", profile_id="standard-cuff"
        )
        assignments.assign(
            cur,
            home.practice_id,
            peripheral_id=peripheral_id,
            user_slot=None,
            patient_id=home.patient_id,
            valid_from=home.now - timedelta(minutes=20),
            valid_until=home.now - timedelta(minutes=10),
            assigned_by="test",
            at=home.now,
        )
    records = [home.record(seq, peripheral="AA:BB:CC:DD:EE:55") for seq in (5, 15, 25)]

    take_in(committer, home.message(records))

    found = owner.execute(
        "select outbox_seq, patient_id from ingest.reading_series order by outbox_seq"
    )
    assert found.fetchall() == [(5, None), (15, home.patient_id), (25, None)]


def test_evaluators_are_woken_once_for_a_batch(
    committer: Committer, home: Any, database: Any
) -> None:
    with database.connect("homevitals_alerts") as alerts:
        alerts.autocommit = True
        alerts.execute("listen homevitals_evaluation")

        take_in(committer, home.message([home.record(1), home.record(2)]))
        woken = [notify.channel for notify in alerts.notifies(timeout=5, stop_after=1)]
        more = list(alerts.notifies(timeout=0.1))

    assert woken == ["homevitals_evaluation"]
    assert more == []


def test_work_is_queued_for_what_rules_judge_only(
    committer: Committer, home: Any, owner: Owner
) -> None:
    not_measurable = bytes.fromhex("00 ff07 ff07 ff07")  # three times NaN
    records = [home.record(1), home.record(2, raw=not_measurable, device_clock_offset_s=None)]

    assert take_in(committer, home.message(records)) == [STORED, STORED]

    queued = owner.execute(
        "select result from ingest.evaluation_queue join ingest.reading_series using (reading_id)"
    )
    assert queued.fetchall() == [("measured",)]


def test_gateway_is_seen_and_online_as_it_says(
    committer: Committer, home: Any, owner: Owner
) -> None:
    def seen() -> Any:
        with owner.cursor() as cur:
            (gateway,) = store.gateways(cur, home.practice_id)
        return gateway

    assert (seen().last_seen_at, seen().is_online) == (None, False)
    status = GatewayStatus(online=True, boot_id="0" * 8, at=home.now, waiting_records=0)
    online = home.opened(wire.encode_status(status), topics.status(home.gateway_id))
    take_in(committer, online)
    assert (seen().last_seen_at, seen().is_online) == (online.arrival.received_at, True)

    take_in(committer, home.message([home.record(1)]))  # within seconds, which is no news
    assert seen().last_seen_at == online.arrival.received_at
    batch = home.message([home.record(2)])
    later = replace(batch.arrival, received_at=batch.arrival.received_at + timedelta(minutes=1))
    batch = replace(batch, arrival=later)
    take_in(committer, batch)
    assert (seen().last_seen_at, seen().is_online) == (batch.arrival.received_at, True)

    will = wire.encode_status(replace(status, online=False))
    take_in(committer, home.opened(will, topics.status(home.gateway_id)))
    assert (seen().last_seen_at, seen().is_online) == (batch.arrival.received_at, False)

    with owner.cursor() as cur:
        assert store.count_silent_gateways(cur, batch.arrival.received_at) == 0
        assert store.count_silent_gateways(cur, home.now + timedelta(days=1)) == 1


def test_advice_that_differs_is_an_event_once(
    committer: Committer, home: Any, owner: Owner
) -> None:
    opened = home.message([home.record(1, decoded={"systolic_mmhg": 99999})])

    take_in(committer, opened)
    take_in(committer, opened)

    ((event, detail),) = owner.execute("select event, detail from ingest.security_event").fetchall()
    assert event == "advisory_differs"
    assert "systolic_mmhg" in detail
    assert "99999" not in detail


def test_old_and_new_measurements_find_their_place_when_clocks_are_wild(
    committer: Committer, home: Any, owner: Owner, database: Any
) -> None:
    days = (0, 40, 400, 1800, 3000)  # the last is beyond five years: it gets the time of reception
    records = [
        home.record(minutes, received_at=home.now, device_clock_offset_s=-86400.0 * day)
        for minutes, day in enumerate(days, start=1)
    ]

    assert take_in(committer, home.message(records)) == [STORED] * 5

    found = owner.execute(
        "select measured_at from ingest.reading_series order by outbox_seq"
    ).fetchall()
    expected = [
        home.now - timedelta(minutes=i, days=day) for i, day in enumerate(days[:4], start=1)
    ]
    assert [measured_at for (measured_at,) in found] == [*expected, home.now]
    if database.engine == "partitions":
        tables = owner.execute("select count(*) from pg_inherits").fetchone()
        assert tables is not None
        assert tables[0] >= 4


def test_message_is_refused_whole_when_it_could_not_be_taken_in(
    committer: Committer, home: Any, owner: Owner
) -> None:
    fates: Fates = committer.refuse(
        home.message([home.record(4)]), IngestReason.STORAGE_REFUSED, "sqlstate 23514", home.now
    )

    assert fates == {
        (home.gateway_id, home.epoch, 4): Fate(ReceiptStatus.QUARANTINED, "storage_refused")
    }
    kept = owner.execute("select practice_id, reason, detail from ingest.quarantine").fetchall()
    assert kept == [(home.practice_id, "storage_refused", "sqlstate 23514")]


def test_nothing_is_stored_when_one_row_is_refused(
    committer: Committer, home: Any, owner: Owner
) -> None:
    owner.execute("alter table ingest.reading_series add constraint test check (outbox_seq <> 2)")

    with pytest.raises(psycopg.errors.CheckViolation):
        take_in(committer, home.message([home.record(1), home.record(2)]))

    assert (
        count(owner, "reading_series") == count(owner, "record_key") == count(owner, "message") == 0
    )


def test_rows_are_exact_when_workers_race_for_the_same_messages(
    database: Any, home: Any, owner: Owner
) -> None:
    # Each worker gets all messages in its own order, cut into batches of its own: every key, every
    # quarantine row and every new peripheral is fought for.
    messages = [
        home.message(
            [
                home.record(10 * i + 1),
                home.record(10 * i + 2, peripheral=f"AA:BB:CC:DD:EE:{i:02X}"),
                home.record(10 * i + 3, raw=b"\0"),
                context(home, 10 * i + 4, meal=1 + i % 5),
            ]
        )
        for i in range(10, 40)
    ]
    failures: list[BaseException] = []
    told: list[Fates] = []

    def work(number: int) -> None:
        size = 3 + number
        mine = messages[:: 1 if number % 2 else -1]
        try:
            with psycopg.connect(
                database.conninfo("homevitals_ingest"), autocommit=True
            ) as connection:
                committer = Committer(connection)
                told.extend(
                    committer.take_in(mine[first : first + size], datetime.now(UTC))
                    for first in range(0, len(mine), size)
                )
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert count(owner, "reading_series") == count(owner, "record_key") == 60
    assert count(owner, "quarantine") == 30
    assert count(owner, "glucose_context") == 5
    assert count(owner, "evaluation_queue") == 30  # the other peripherals are nobody's
    assert count(owner, "peripheral") == 1 + 30 + 1
    assert sum(len(fates) for fates in told) == 4 * 30 * 4
    stored = [fate for fates in told for fate in fates.values() if fate == STORED]
    assert len(stored) == 60 + 5


def test_keys_are_claimed_in_their_order_so_that_workers_never_wait_crosswise(
    committer: Committer, home: Any, owner: Owner
) -> None:
    take_in(committer, home.message([home.record(seq) for seq in range(1, 101)]))

    found = owner.execute("select record_key from ingest.record_key order by ctid").fetchall()
    assert found == sorted(found)


def test_work_is_taken_finished_and_counted(committer: Committer, home: Any, database: Any) -> None:
    take_in(committer, home.message([home.record(seq) for seq in (1, 2, 3)]))
    soon = datetime.now(UTC) + timedelta(minutes=1)

    with (
        database.connect("homevitals_alerts") as first,
        database.connect("homevitals_alerts") as second,
        first.cursor() as cur,
        second.cursor() as other,
    ):
        work = evaluation_queue.take_evaluation_work(cur, 2, soon)
        rest = evaluation_queue.take_evaluation_work(other, 2, soon)
        assert len(work) == 2
        assert len(rest) == 1
        assert {item.patient_id for item in work} == {home.patient_id}
        tenancy.enter(cur, Scope((home.practice_id,)))
        found = store.reading(cur, home.practice_id, work[0].reading_id)
        assert found is not None
        assert found.measured_at == work[0].measured_at
        evaluation_queue.finish_evaluation_work(cur, [item.queue_id for item in work])
        evaluation_queue.postpone_evaluation_work(
            other, rest[0].queue_id, retry_at=soon + timedelta(hours=1), last_error="Test"
        )
        first.commit()
        second.commit()
        assert evaluation_queue.take_evaluation_work(cur, 10, soon) == []
        (again,) = evaluation_queue.take_evaluation_work(cur, 10, soon + timedelta(hours=1))
        assert again.attempts == 1
    with database.connect("homevitals_scheduler") as scheduler, scheduler.cursor() as cur:
        assert evaluation_queue.oldest_evaluation_work_at(cur) == again.queued_at


def test_finishing_is_refused_when_the_work_is_gone(database: Any) -> None:
    with (
        database.connect("homevitals_alerts") as connection,
        connection.cursor() as cur,
        pytest.raises(store.errors.StoreError),
    ):
        evaluation_queue.finish_evaluation_work(cur, [UUID(int=7).int])


def test_engine_of_the_series_is_known(database: Any) -> None:
    with database.connect("homevitals_ingest") as connection, connection.cursor() as cur:
        assert store.series_engine(cur) == database.engine


def test_partitions_are_made_ahead_once(database: Any) -> None:
    now = datetime.now(UTC)
    with database.connect("homevitals_scheduler") as connection, connection.cursor() as cur:
        made = store.ensure_series(cur, now, now + timedelta(days=62))
        again = store.ensure_series(cur, now, now + timedelta(days=62))

    assert made in ({0} if database.engine == "timescaledb" else {3, 4})
    assert again == 0


def outbox(owner: Owner) -> Any:
    return owner.execute(
        "select epoch, positions::text, gap_since is not null from ingest.outbox_epoch order by epoch"
    ).fetchall()


def test_numbers_of_the_outbox_are_noted_whatever_became_of_their_records(
    committer: Committer, home: Any, owner: Owner
) -> None:
    take_in(committer, home.message([home.record(1), home.record(2), home.record(2, 150)]))
    assert outbox(owner) == [(home.epoch, "{[1,3)}", False)]

    take_in(committer, home.message([home.record(7), home.record(5, raw=b"")]))
    assert outbox(owner) == [(home.epoch, "{[1,3),[5,6),[7,8)}", True)]

    take_in(committer, home.message([home.record(3), home.record(4), home.record(6)]))
    assert outbox(owner) == [(home.epoch, "{[1,8)}", False)]

    take_in(committer, home.message([home.record(2), home.record(4)], epoch="f" * 32))
    assert ("f" * 32, "{[2,3),[4,5)}", True) in outbox(owner)
