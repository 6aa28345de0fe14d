"""What a corrected assignment becomes, and which readings get a new version. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.readings import Kind, Result
from ingest import assignments, attribution
from ingest.assignments import Span
from ingest.directory import UNDATED_REACHES_BACK, Assignment, Peripheral
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import StoredReading

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CUFF = UUID(int=9)

ANN, BOB = UUID(int=1), UUID(int=2)


def hours(patient_id: UUID, from_h: int, until_h: int | None) -> Span:
    return Span(patient_id, AT + from_h * HOUR, None if until_h is None else AT + until_h * HOUR)


@pytest.mark.parametrize(
    ("until_h", "part", "becomes"),
    [
        (10, (BOB, 0, 10), [(BOB, 0, 10)]),
        (10, (BOB, -5, None), [(BOB, 0, 10)]),
        (10, (BOB, 3, 7), [(ANN, 0, 3), (BOB, 3, 7), (ANN, 7, 10)]),
        (10, (BOB, 3, None), [(ANN, 0, 3), (BOB, 3, 10)]),
        (None, (BOB, 3, None), [(ANN, 0, 3), (BOB, 3, None)]),
        (None, (BOB, 0, 3), [(BOB, 0, 3), (ANN, 3, None)]),
        (10, (None, 0, None), []),
        (10, (None, 3, 20), [(ANN, 0, 3)]),
        (None, (None, 3, 7), [(ANN, 0, 3), (ANN, 7, None)]),
        (10, (BOB, 10, 12), [(ANN, 0, 10)]),
    ],
    ids=[
        "the whole", "more than the whole", "the middle", "to the end", "from then on", "the beginning",
        "nobody at all", "nobody to the end", "nobody for a while", "a part that is none",
    ],
)  # fmt: skip
def test_a_part_of_an_assignment_was_somebody_elses(
    until_h: int | None,
    part: tuple[UUID | None, int, int | None],
    becomes: list[tuple[UUID, int, int | None]],
) -> None:
    patient_id, from_h, part_until_h = part
    until_at = None if part_until_h is None else AT + part_until_h * HOUR

    found = assignments.with_part_of(
        hours(ANN, 0, until_h), patient_id, AT + from_h * HOUR, until_at
    )

    assert found == [hours(*span) for span in becomes]


def reading(
    hour: float, quality: TimeQuality = TimeQuality.GOOD, slot: int | None = None
) -> StoredReading:
    return StoredReading(
        practice_id=UUID(int=8),
        reading_id=uuid4(),
        patient_id=None,
        peripheral_id=CUFF,
        user_slot=slot,
        kind=Kind.BLOOD_PRESSURE,
        result=Result.MEASURED,
        measured_at=AT + hour * HOUR,
        time_method=TimeMethod.DEVICE_CLOCK,
        time_quality=quality,
        device_time=None,
        device_clock_offset_s=None,
        gateway_received_at=AT,
        stored_at=AT,
        systolic_mmhg=120,
        diastolic_mmhg=70,
        mean_arterial_mmhg=None,
        pulse_bpm=70,
        glucose_mg_dl=None,
        sequence_number=None,
        qualifiers=(),
        profile_id="standard-cuff",
        profile_version=1,
        characteristic="2a35",
        raw=b"",
        gateway_id="gw-00000000",
        outbox_epoch="0" * 32,
        outbox_seq=1,
        message_id=UUID(int=7),
    )


def cuff(*given: tuple[UUID, int, int | None], zone: str = "UTC") -> Peripheral:
    return Peripheral(
        CUFF,
        tuple(
            Assignment(None, span.patient_id, span.valid_from, span.valid_until, zone)
            for span in (hours(*one) for one in given)
        ),
    )


def test_a_new_version_has_an_id_a_number_and_the_new_patients_day_and_nothing_else_of_its_own() -> (
    None
):
    former = reading(13)  # 01:00 of the next day in UTC

    ((found, new),) = attribution.reattributed(
        [former, reading(-1)], cuff((ANN, 0, None), zone="America/New_York"), AT + 40 * HOUR
    )

    assert found is former
    assert new.reading_id != former.reading_id
    assert (new.patient_id, new.version, new.stored_at) == (ANN, 2, AT + 40 * HOUR)
    assert new.measured_day == date(2026, 3, 10)
    rest = {"reading_id", "patient_id", "version", "stored_at", "measured_day"}
    for name in set(StoredReading._fields) - rest:
        assert getattr(new, name) == getattr(former, name), name


@pytest.mark.parametrize(
    ("given_to", "patient_id"),
    [
        ([(ANN, -24, None)], ANN),
        ([(BOB, -48, -24), (ANN, -24, None)], None),
        ([(BOB, -24 * 40, -24 * 32), (ANN, -24, None)], ANN),
        ([(ANN, -48, -24), (ANN, -24, None)], ANN),
        ([(ANN, -48, 1), (BOB, 1, None)], ANN),
        ([], None),
    ],
    ids=[
        "one owner", "another owner not long ago", "another owner long ago", "the same owner twice",
        "another owner afterwards", "nobody",
    ],
)  # fmt: skip
def test_an_undated_reading_is_nobodys_where_somebody_else_had_the_cuff_not_long_before(
    given_to: list[tuple[UUID, int, int | None]], patient_id: UUID | None
) -> None:
    found = cuff(*given_to).assignment_of(None, AT, TimeQuality.UNKNOWN)

    assert getattr(found, "patient_id", None) == patient_id
    assert timedelta(days=31) == UNDATED_REACHES_BACK


OWNERS = st.sampled_from([ANN, BOB, None])
HOURS = st.integers(-100, 100)
QUALITIES = st.sampled_from([TimeQuality.GOOD, TimeQuality.UNKNOWN])


@given(
    changes=st.lists(st.tuples(OWNERS, HOURS, st.none() | HOURS), max_size=12),
    made=st.lists(st.tuples(HOURS, QUALITIES, st.integers(0, 12)), max_size=12),
)
def test_in_whatever_order_assignments_change_and_readings_arrive_the_end_is_that_of_the_final_assignments(
    changes: list[tuple[UUID | None, int, int | None]],
    made: list[tuple[int, TimeQuality, int]],
) -> None:
    spans = [Span(ANN, AT - 50 * HOUR, None)]
    stored: list[StoredReading] = []
    for step in range(len(changes) + 1):
        who = _peripheral(spans)
        for hour, quality, arrives in made:
            if min(arrives, len(changes)) == step:
                new = reading(hour, quality)
                # As ingest does, with the assignments of this step.
                stored += [now for _, now in attribution.reattributed([new], who, AT)] or [new]
        if step < len(changes):
            patient_id, from_h, until_h = changes[step]
            until_at = None if until_h is None else AT + until_h * HOUR
            if spans:
                first, *rest = spans
                spans = rest + assignments.with_part_of(
                    first, patient_id, AT + from_h * HOUR, until_at
                )
            wanted = {
                former.reading_id: now
                for former, now in attribution.reattributed(stored, _peripheral(spans), AT)
            }
            stored = [wanted.get(one.reading_id, one) for one in stored]

    final = _peripheral(spans)
    assert attribution.reattributed(stored, final, AT) == []
    in_order = [reading(hour, quality) for hour, quality, _ in made]
    fresh = [
        getattr(final.assignment_of(None, one.measured_at, one.time_quality), "patient_id", None)
        for one in in_order
    ]
    key = lambda one: (one[0], str(one[1]), str(one[2]))  # noqa: E731
    assert sorted(
        ((one.measured_at, one.time_quality, one.patient_id) for one in stored), key=key
    ) == sorted(
        (
            (one.measured_at, one.time_quality, owner)
            for one, owner in zip(in_order, fresh, strict=True)
        ),
        key=key,
    )


@given(
    whole_until=st.none() | st.integers(1, 100),
    part=st.tuples(OWNERS, HOURS, st.none() | HOURS),
    hour=st.floats(-120, 120),
)
def test_outside_of_the_part_an_assignment_stays_as_it_was(
    whole_until: int | None, part: tuple[UUID | None, int, int | None], hour: float
) -> None:
    patient_id, from_h, until_h = part
    whole = hours(ANN, 0, whole_until)
    becomes = assignments.with_part_of(
        whole, patient_id, AT + from_h * HOUR, None if until_h is None else AT + until_h * HOUR
    )
    at = AT + hour * HOUR
    is_in_whole = whole.valid_from <= at < whole.ends_at
    is_in_part = AT + from_h * HOUR <= at and (until_h is None or at < AT + until_h * HOUR)
    expected = (patient_id if is_in_part else ANN) if is_in_whole else None

    owners = [span.patient_id for span in becomes if span.valid_from <= at < span.ends_at]

    assert owners == ([] if expected is None else [expected])


def _peripheral(spans: list[Span]) -> Peripheral:
    return Peripheral(
        CUFF,
        tuple(Assignment(None, s.patient_id, s.valid_from, s.valid_until, "UTC") for s in spans),
    )
