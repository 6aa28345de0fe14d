from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from firmware_profiles import decode, models, topics, uuids, wire
from firmware_profiles.errors import FrameReason, WireReason
from firmware_profiles.readings import Kind, Result
from firmware_profiles.wire import Batch, GatewayStatus, Record
from ingest import intake, record_key
from ingest.arrivals import Arrival, Opened, open_message
from ingest.directory import Directory, Standing
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.quarantine import IngestReason
from ingest.rows import Candidate, ContextRow, GatewaySighting, QuarantineRow, StoredReading

GATEWAY, EPOCH, ADDRESS = "gw-aaaa1111", "e" * 32, "AA:BB:CC:DD:EE:01"
PRACTICE, PATIENT, CUFF = UUID(int=1), UUID(int=2), UUID(int=3)

Make = Callable[..., Any]


def advisory(record: Record) -> dict[str, str | float | int | None]:
    profile = models.by_id(record.profile_id, record.profile_version)
    return decode.advisory(decode.decode_record(profile, record.characteristic, record.raw))


def test_reading_has_everything_when_a_cuff_record_is_planned(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    record = make_record(seq=5, device_clock_offset_s=30.0)
    opened = open_batch([record])
    now = noon + timedelta(minutes=3)

    plan = intake.plan(opened, make_directory(), now)

    candidate = plan.decisions[0].outcome
    assert isinstance(candidate, Candidate)
    assert candidate.content_sha256 == record_key.content_sha256(record.raw)
    assert candidate.reading == StoredReading(
        practice_id=PRACTICE,
        reading_id=candidate.reading.reading_id,
        patient_id=PATIENT,
        peripheral_id=CUFF,
        user_slot=None,
        kind=Kind.BLOOD_PRESSURE,
        result=Result.MEASURED,
        measured_at=noon + timedelta(seconds=30),
        time_method=TimeMethod.DEVICE_CLOCK_CORRECTED,
        time_quality=TimeQuality.GOOD,
        device_time=noon.replace(tzinfo=None),
        device_clock_offset_s=30.0,
        gateway_received_at=noon + timedelta(minutes=1),
        stored_at=now,
        systolic_mmhg=128.0,
        diastolic_mmhg=79.0,
        mean_arterial_mmhg=95.0,
        pulse_bpm=None,
        glucose_mg_dl=None,
        sequence_number=None,
        qualifiers=(),
        profile_id="standard-cuff",
        profile_version=1,
        characteristic="2a35",
        raw=record.raw,
        gateway_id=GATEWAY,
        outbox_epoch=EPOCH,
        outbox_seq=5,
        message_id=opened.arrival.message_id,
        measured_day=noon.date(),
    )


def test_reading_has_its_number_when_a_glucose_record_is_planned(
    open_batch: Make, make_record: Make, make_directory: Make, glucose_frame: Make, noon: datetime
) -> None:
    record = make_record(
        profile_id="standard-glucometer",
        characteristic=uuids.GLUCOSE_MEASUREMENT,
        raw=glucose_frame(sequence_number=12, mg_dl=110),
    )

    plan = intake.plan(open_batch([record]), make_directory(), noon)

    candidate = plan.decisions[0].outcome
    assert isinstance(candidate, Candidate)
    reading = candidate.reading
    assert (reading.kind, reading.sequence_number) == (Kind.GLUCOSE, 12)
    assert reading.glucose_mg_dl == pytest.approx(110)
    assert reading.systolic_mmhg is None


def test_context_is_planned_beside_the_reading_when_a_meter_sends_one(
    open_batch: Make, make_record: Make, make_directory: Make, context_frame: Make, noon: datetime
) -> None:
    record = make_record(
        seq=3,
        profile_id="standard-glucometer",
        characteristic=uuids.GLUCOSE_MEASUREMENT_CONTEXT,
        raw=context_frame(sequence_number=12),
    )

    plan = intake.plan(open_batch([record]), make_directory(), noon)

    row = plan.decisions[0].outcome
    assert isinstance(row, ContextRow)
    assert (row.peripheral_id, row.sequence_number, row.outbox_seq) == (CUFF, 12, 3)
    assert row.context["meal"] == "before_meal"


@pytest.mark.parametrize(
    ("user", "slot", "patient_id"),
    [(None, None, PATIENT), (1, 1, PATIENT), (2, 1, None), (1, None, None), (None, 1, None)],
    ids=["no slots", "same slot", "other slot", "slot not assigned", "frame without slot"],
)
def test_patient_comes_from_the_assignment_of_the_slot_when_planned(
    open_batch: Make,
    make_record: Make,
    make_directory: Make,
    cuff_frame: Make,
    noon: datetime,
    user: int | None,
    slot: int | None,
    patient_id: UUID | None,
) -> None:
    opened = open_batch([make_record(raw=cuff_frame(user=user))])

    plan = intake.plan(opened, make_directory(user_slot=slot), noon)

    candidate = plan.decisions[0].outcome
    assert isinstance(candidate, Candidate)
    assert candidate.reading.patient_id == patient_id


def test_patient_is_nobody_when_the_assignment_ended_before_the_measurement(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(open_batch([make_record()]), make_directory(valid_until=noon), noon)

    candidate = plan.decisions[0].outcome
    assert isinstance(candidate, Candidate)
    assert candidate.reading.patient_id is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"raw": b""}, FrameReason.EMPTY_FRAME),
        ({"raw": b"\0\1"}, FrameReason.SHORT_FRAME),
        ({"characteristic": "2a36"}, FrameReason.UNKNOWN_CHARACTERISTIC),
        ({"characteristic": "2a18"}, FrameReason.WRONG_PROFILE),
        ({"profile_id": "no-such-model"}, IngestReason.UNKNOWN_PROFILE),
        ({"profile_version": 99}, IngestReason.UNKNOWN_PROFILE),
    ],
    ids=["empty", "short", "characteristic", "profile", "unknown profile", "unknown version"],
)
def test_record_goes_to_quarantine_and_its_neighbours_live_when_it_is_bad(
    open_batch: Make,
    make_record: Make,
    make_directory: Make,
    cuff_frame: Make,
    noon: datetime,
    changes: dict[str, Any],
    reason: FrameReason | IngestReason,
) -> None:
    bad = make_record(seq=2, decoded={"secret": "x"}, **changes)
    opened = open_batch([make_record(seq=1), bad, make_record(seq=3, raw=cuff_frame(131))])

    plan = intake.plan(opened, make_directory(), noon)

    assert [type(decision.outcome) for decision in plan.decisions] == [
        Candidate, QuarantineRow, Candidate,
    ]  # fmt: skip
    row = plan.decisions[1].outcome
    assert isinstance(row, QuarantineRow)
    assert (row.reason, row.raw, row.outbox_epoch, row.outbox_seq) == (reason, bad.raw, EPOCH, 2)
    assert (row.practice_id, row.gateway_id) == (PRACTICE, GATEWAY)
    # Enough to process it again, but not the gateway's decoding.
    assert row.record is not None
    assert row.record["peripheral"] == ADDRESS
    assert not row.record.keys() & {"decoded", "raw", "seq"}


def test_record_keeps_its_text_when_it_breaks_the_wire_format(
    make_arrival: Make, open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    good = open_batch([make_record(seq=1), make_record(seq=2)]).arrival.payload
    payload = good.replace(b'"time_zone":"UTC"', b'"time_zone":true', 1)
    opened = open_message(make_arrival(payload))

    plan = intake.plan(opened, make_directory(), noon)

    bad, fine = (decision.outcome for decision in plan.decisions)
    assert isinstance(bad, QuarantineRow)
    assert isinstance(fine, Candidate)
    assert (bad.reason, bad.outbox_seq, bad.record) == (WireReason.WRONG_TYPE, 1, None)
    assert b'"time_zone":true' in bad.raw


@pytest.mark.parametrize(
    ("directory_status", "reason", "practice_id"),
    [
        (None, IngestReason.UNKNOWN_GATEWAY, None),
        (Standing.EXPECTED, IngestReason.UNCLAIMED_GATEWAY, PRACTICE),
        (Standing.REVOKED, IngestReason.REVOKED_GATEWAY, PRACTICE),
    ],
    ids=["unknown", "not claimed yet", "revoked"],
)
def test_every_record_goes_to_quarantine_when_its_gateway_may_not_send(
    open_batch: Make,
    make_record: Make,
    make_directory: Make,
    noon: datetime,
    directory_status: Standing | None,
    reason: IngestReason,
    practice_id: UUID | None,
) -> None:
    who = make_directory(directory_status) if directory_status else Directory({}, {})
    opened = open_batch([make_record(seq=1), make_record(seq=2)])

    plan = intake.plan(opened, who, noon)

    rows = [decision.outcome for decision in plan.decisions]
    assert [(row.reason, row.outbox_seq, row.practice_id) for row in rows] == [
        (reason, 1, practice_id),
        (reason, 2, practice_id),
    ]
    assert intake.peripherals_heard([opened], who.gateways) == set()
    assert intake.sighting(plan) is None


def test_message_goes_to_quarantine_whole_when_its_envelope_is_broken(
    make_arrival: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(open_message(make_arrival(b"{")), make_directory(), noon)

    (decision,) = plan.decisions
    row = decision.outcome
    assert isinstance(row, QuarantineRow)
    assert (row.reason, row.raw, row.practice_id) == (WireReason.NOT_JSON, b"{", PRACTICE)
    assert (row.outbox_epoch, row.outbox_seq, row.record) == (None, None, None)


def test_message_goes_to_quarantine_under_nobody_when_its_topic_is_bad(
    make_arrival: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(open_message(make_arrival(b"{}", topic="hv/1/up/x")), make_directory(), noon)

    row = plan.decisions[0].outcome
    assert isinstance(row, QuarantineRow)
    assert (row.reason, row.practice_id, row.gateway_id) == (WireReason.BAD_TOPIC, None, None)


def test_message_goes_to_quarantine_when_ingest_itself_failed_on_it(
    make_arrival: Make, make_directory: Make, noon: datetime
) -> None:
    plan = intake.plan(Opened(make_arrival(b"?"), None, None), make_directory(), noon)

    row = plan.decisions[0].outcome
    assert isinstance(row, QuarantineRow)
    assert row.reason == IngestReason.PROCESSING_FAILED


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({}, ""),
        ({"systolic_mmhg": 208.0}, "systolic_mmhg"),
        ({"systolic_mmhg": 208.0, "pulse_bpm": 60}, "pulse_bpm, systolic_mmhg"),
        ({"Jane Doe": 1}, "fields that the record does not have"),
    ],
    ids=["agrees", "one field", "two fields", "unknown field"],
)
def test_differing_fields_are_named_without_values_when_the_gateway_decoded_otherwise(
    open_batch: Make,
    make_record: Make,
    make_directory: Make,
    noon: datetime,
    change: dict[str, Any],
    differing: str,
) -> None:
    record = make_record()
    record = replace(record, decoded=advisory(record) | change)

    plan = intake.plan(open_batch([record]), make_directory(), noon)

    assert plan.decisions[0].differing == differing


def test_differing_field_is_named_when_the_gateway_left_it_out(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    record = make_record()
    decoded = {name: entry for name, entry in advisory(record).items() if name != "result"}

    plan = intake.plan(open_batch([replace(record, decoded=decoded)]), make_directory(), noon)

    assert plan.decisions[0].differing == "result"


def test_message_row_leads_back_to_the_wire_when_records_are_taken_in(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    opened = open_batch([make_record(seq=1), make_record(seq=2)], packet_id=77)

    row = intake.message_row(intake.plan(opened, make_directory(), noon))

    assert (row.message_id, row.packet_id) == (opened.arrival.message_id, 77)
    assert (row.topic, row.record_count) == (topics.readings(GATEWAY), 2)
    assert isinstance(opened.content, Batch)
    assert row.sent_at == opened.content.sent_at


@pytest.mark.parametrize(
    ("online", "is_retained", "expected"),
    [(True, False, (True, True)), (True, True, (False, True)), (False, False, (False, False))],
    ids=["says it is there", "said so some day", "last will"],
)
def test_gateway_is_heard_only_when_it_speaks_itself_and_now(
    make_arrival: Make,
    make_directory: Make,
    noon: datetime,
    online: bool,
    is_retained: bool,
    expected: tuple[bool, bool],
) -> None:
    status = GatewayStatus(online=online, boot_id="0" * 8, at=noon, waiting_records=0)
    arrival: Arrival = make_arrival(
        wire.encode_status(status), topic=topics.status(GATEWAY), is_retained=is_retained
    )

    plan = intake.plan(open_message(arrival), make_directory(), noon)

    was_heard, is_online = expected
    assert plan.decisions == ()
    assert intake.sighting(plan) == GatewaySighting(
        GATEWAY, arrival.received_at if was_heard else None, is_online
    )


def test_batch_says_that_its_gateway_was_heard_but_not_that_it_is_online(
    open_batch: Make, make_record: Make, make_directory: Make, noon: datetime
) -> None:
    opened = open_batch([make_record()])

    plan = intake.plan(opened, make_directory(), noon)

    assert intake.sighting(plan) == GatewaySighting(GATEWAY, opened.arrival.received_at, None)


def test_peripherals_are_heard_when_records_are_readable(
    open_batch: Make, make_record: Make, make_directory: Make
) -> None:
    opened = open_batch([make_record(seq=1), make_record(seq=2, peripheral="AA:BB:CC:DD:EE:02")])

    assert intake.peripherals_heard([opened], make_directory().gateways) == {
        (PRACTICE, ADDRESS, "standard-cuff"),
        (PRACTICE, "AA:BB:CC:DD:EE:02", "standard-cuff"),
    }
