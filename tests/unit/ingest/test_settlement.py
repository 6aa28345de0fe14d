from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from firmware_profiles import topics, uuids, wire
from firmware_profiles.wire import GatewayStatus, ReceiptStatus
from ingest import intake, settlement
from ingest.arrivals import open_message
from ingest.intake import Plan
from ingest.quarantine import IngestReason
from ingest.receipts import Fate
from ingest.rows import Candidate, ContextRow, QuarantineRow

GATEWAY, EPOCH = "gw-aaaa1111", "e" * 32

Make = Callable[..., Any]


def only_candidate(plan: Plan) -> Candidate:
    (candidate,) = settlement.outcomes([plan], Candidate)
    return candidate


def settle(plan: Plan, *, claimed: bool, content: bytes = b"") -> Plan:
    candidate = only_candidate(plan)
    reading = candidate.reading
    (settled,) = settlement.settle_readings(
        [plan],
        set() if claimed else {reading.reading_id},
        {} if claimed else {(reading.practice_id, candidate.record_key): content},
    )
    return settled


def fate(plan: Plan) -> Fate:
    return settlement.fates([plan])[GATEWAY, EPOCH, 1]


def test_reading_is_stored_when_its_key_was_claimed(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(open_batch([make_record()]), make_directory(), noon)

    settled = settle(plan, claimed=True)

    assert settled == plan
    assert fate(settled) == Fate(ReceiptStatus.STORED)
    assert settlement.messages_taken_in([settled], set()) == [intake.message_row(plan)]


def test_reading_is_a_duplicate_when_its_key_is_held_with_the_same_bytes(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    record = make_record(decoded={"systolic_mmhg": 1})
    plan = intake.plan(open_batch([record]), make_directory(), noon)

    settled = settle(plan, claimed=False, content=only_candidate(plan).content_sha256)

    assert fate(settled) == Fate(ReceiptStatus.DUPLICATE)
    assert settlement.messages_taken_in([settled], set()) == []
    # The event was written when the reading was.
    assert settlement.security_events([settled], set()) == []


def test_reading_is_a_conflict_when_its_key_is_held_with_other_bytes(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(open_batch([make_record()]), make_directory(), noon)

    settled = settle(plan, claimed=False, content=b"other")

    (row,) = settlement.outcomes([settled], QuarantineRow)
    assert (row.reason, row.raw) == (IngestReason.RECORD_CONFLICT, make_record().raw)
    assert fate(settled) == Fate(ReceiptStatus.QUARANTINED, "record_conflict")
    (event,) = settlement.security_events([settled], {row.quarantine_id})
    assert (event.event, event.gateway_id) == ("record_conflict", GATEWAY)
    # The same conflict again is no news, but its gateway still has to be told.
    assert settlement.security_events([settled], set()) == []
    assert settlement.messages_taken_in([settled], set()) == []


def test_event_names_fields_when_a_stored_reading_was_decoded_otherwise(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    record = make_record(decoded={"systolic_mmhg": 98765})
    plan = intake.plan(open_batch([record]), make_directory(), noon)

    (event,) = settlement.security_events([plan], set())

    assert event.event == "advisory_differs"
    assert "systolic_mmhg" in event.detail
    assert "98765" not in event.detail


def test_no_event_is_written_when_a_record_is_merely_bad(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(open_batch([make_record(raw=b"")]), make_directory(), noon)
    (row,) = settlement.outcomes([plan], QuarantineRow)

    assert settlement.security_events([plan], {row.quarantine_id}) == []
    assert settlement.messages_taken_in([plan], {row.quarantine_id}) == [intake.message_row(plan)]
    assert fate(plan) == Fate(ReceiptStatus.QUARANTINED, "empty_frame")


def test_context_is_a_duplicate_when_it_was_there(
    open_batch: Make, make_record: Make, make_directory: Make, context_frame: Make, noon: datetime
) -> None:
    record = make_record(
        profile_id="standard-glucometer",
        characteristic=uuids.GLUCOSE_MEASUREMENT_CONTEXT,
        raw=context_frame(),
    )
    plan = intake.plan(open_batch([record]), make_directory(), noon)
    (row,) = settlement.outcomes([plan], ContextRow)

    (new,) = settlement.settle_contexts([plan], {(row.message_id, 1)})
    (known,) = settlement.settle_contexts([plan], set())

    assert fate(new) == Fate(ReceiptStatus.STORED)
    assert fate(known) == Fate(ReceiptStatus.DUPLICATE)


def test_no_fate_is_told_when_a_message_was_not_readable(
    make_arrival: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(open_message(make_arrival(b"{")), make_directory(), noon)

    assert settlement.fates([plan]) == {}


def test_sightings_are_merged_when_a_gateway_sent_several_messages(
    open_batch: Make,
    make_record: Make,
    make_arrival: Make,
    make_directory: Make,
    noon: datetime,
) -> None:
    def status(online: bool) -> Plan:
        said = GatewayStatus(online=online, boot_id="0" * 8, at=noon, waiting_records=0)
        arrival = make_arrival(wire.encode_status(said), topic=topics.status(GATEWAY))
        return intake.plan(open_message(arrival), make_directory(), noon)

    batch = intake.plan(open_batch([make_record()]), make_directory(), noon)

    (seen,) = settlement.sightings([status(online=True), batch, status(online=False)])

    assert (seen.gateway_id, seen.is_online) == (GATEWAY, False)
    assert seen.seen_at == batch.opened.arrival.received_at


def test_outcomes_keep_their_order_when_collected(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    plans = [
        intake.plan(open_batch([make_record(seq=seq), make_record(seq=seq + 1)]), who, noon)
        for seq, who in ((1, make_directory()), (3, make_directory()))
    ]

    found = settlement.outcomes(plans, Candidate)

    assert [candidate.reading.outbox_seq for candidate in found] == [1, 2, 3, 4]
    assert len({candidate.reading.reading_id for candidate in found} - {UUID(int=0)}) == 4
