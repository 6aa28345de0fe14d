from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import decode, models
from firmware_profiles.conversation import (
    ConversationError,
    Keep,
    Listen,
    Notification,
    Situation,
    Write,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import lifescan_frames, onetouch_verio
from firmware_profiles.readings import GlucoseReading, Result
from tests.protocol_leader import HOME_TIME, Led

LOCAL = HOME_TIME.local

ADDRESS = "C4:65:1B:00:00:01"
FROM_A_METER = bytes.fromhex("02 1300 03 06bb81443144000000000000 03 f29a")
REFUSED = lifescan_frames.framed(b"\x09\x03")


@dataclass
class Meter:
    """A meter that holds records by their number and can be made to misbehave.

    Attributes:
        records: answers by the number of the test.
        held: how many it says it holds; None for as many as it has.
        lost: how many of its next answers nobody hears.
        broken: how many of its next answers arrive with a wrong octet.
        failures: how often it says that it failed to read a record.
        repeats: whether it sends each answer once more when it is asked the next thing.
        content_size: octets in a packet.
    """

    records: dict[int, bytes] = field(default_factory=dict)
    counter: int = 0
    held: int | None = None
    clock: datetime = LOCAL
    lost: int = 0
    broken: int = 0
    repeats: bool = False
    acknowledges: bool = True
    content_size: int = lifescan_frames.PACKET_CONTENT_SIZE
    status: int | None = None
    failures: int = 0
    asked: list[bytes] = field(default_factory=list)
    waiting: list[bytes] = field(default_factory=list)
    last: list[bytes] = field(default_factory=list)

    def __call__(self, action: Write | Listen) -> list[Notification]:
        if isinstance(action, Listen):
            return []
        assert action.characteristic == onetouch_verio.REQUESTS
        return heard(*self._packets(action.content))

    def _packets(self, content: bytes) -> Iterator[bytes]:
        if lifescan_frames.is_acknowledgement(content):
            if self.waiting:
                yield self.waiting.pop(0)
            return
        request = lifescan_frames.message_of(content[1:])
        self.asked.append(request)
        if self.repeats:
            yield from self.last
        if self.acknowledges:
            yield lifescan_frames.acknowledgement(content)
        if self.lost:
            self.lost -= 1
            return
        packets = lifescan_frames.packets(self._answer(request), self.content_size)
        self.last = packets
        if self.broken:
            self.broken -= 1
            packets = [*packets[:-1], packets[-1][:-1] + bytes([packets[-1][-1] ^ 1])]
        self.waiting = packets[1:]
        yield packets[0]

    def _answer(self, request: bytes) -> bytes:
        if self.status is not None:
            return lifescan_frames.framed(bytes([self.status, 0x03]))
        if request == onetouch_verio.READ_CLOCK:
            return told(onetouch_verio.clock_setting(self.clock))
        if request == onetouch_verio.READ_COUNTER:
            return told(self.counter.to_bytes(4, "little"))
        if request == onetouch_verio.READ_RECORD_COUNT:
            held = len(self.records) if self.held is None else self.held
            return told(held.to_bytes(2, "little"))
        if request[:1] == onetouch_verio.READ_RECORD and self.failures:
            self.failures -= 1
            return lifescan_frames.framed(bytes([onetouch_verio.FAILED]))
        if request[:1] == onetouch_verio.READ_RECORD:
            return self.records.get(int.from_bytes(request[1:], "little"), REFUSED)
        assert request[:2] == onetouch_verio.SET_CLOCK
        shown = onetouch_verio.clock_time(int.from_bytes(request[2:], "little"))
        assert shown is not None
        self.clock = shown
        return told(b"")


def heard(*packets: bytes) -> list[Notification]:
    return [Notification(onetouch_verio.ANSWERS, packet) for packet in packets]


def told(content: bytes) -> bytes:
    return lifescan_frames.framed(bytes([onetouch_verio.OK]) + content)


def record(number: int, **what: int) -> bytes:
    taken_at = LOCAL - timedelta(days=10) + timedelta(hours=number)
    return onetouch_verio.encode(taken_at, what.pop("glucose_mg_dl", 100 + number), **what)  # type: ignore[arg-type]


def meter(*numbers: int, **what: object) -> Meter:
    records = {number: record(number) for number in numbers}
    return Meter(records=records, counter=max(numbers, default=0), **what)  # type: ignore[arg-type]


def visit(
    one: Callable[[Write | Listen], list[Notification] | None], watermark: int | None = None
) -> Led:
    situation = Situation(address=ADDRESS, watermark=watermark)
    return Led(one).lead(onetouch_verio.conversation(situation))


def records_asked(one: Meter) -> list[int]:
    return [int.from_bytes(request[1:], "little") for request in one.asked if request[0] == 0xB3]


def test_first_visit_reads_all_that_the_meter_holds_newest_first() -> None:
    verio = meter(7, 8, 9)
    course = visit(verio)
    assert course.kept == [record(9), record(8), record(7)]
    assert course.reached == 9
    assert course.shown == LOCAL
    assert course.silences == 0


def test_later_visit_asks_only_for_what_is_new() -> None:
    verio = meter(*range(1, 10))
    course = visit(verio, watermark=7)
    assert course.kept == [record(9), record(8)]
    assert records_asked(verio) == [9, 8]
    verio.asked.clear()
    assert visit(verio, watermark=9).kept == []
    assert records_asked(verio) == []


def test_record_keeps_its_key_when_the_memory_wraps() -> None:
    # After another test the oldest is gone and each other has another place, but the same number and bytes.
    before = visit(meter(7, 8, 9)).kept
    after = visit(meter(8, 9, 10)).kept
    identities = [{onetouch_verio.identity(raw) for raw in kept} for kept in (before, after)]
    assert len(identities[0] & identities[1]) == 2


def test_record_whose_tag_was_changed_is_still_the_same_record() -> None:
    raw = record(5)
    tagged = record(5, tag=1)
    assert raw != tagged
    assert onetouch_verio.identity(raw) == onetouch_verio.identity(tagged)
    assert onetouch_verio.identity(raw) != onetouch_verio.identity(record(5, glucose_mg_dl=106))
    assert onetouch_verio.identity(raw) != onetouch_verio.identity(record(6, glucose_mg_dl=105))


def test_each_record_is_kept_before_it_is_acknowledged() -> None:
    events = visit(meter(1, 2)).events
    after = [events[at + 1] for at, event in enumerate(events) if isinstance(event, Keep)]
    assert after == [Write(onetouch_verio.REQUESTS, b"\x81", response=None)] * 2


def test_looks_further_back_for_as_many_as_the_meter_holds() -> None:
    # A test that gave no value has a number, but is not among those held.
    verio = meter(1, 2, 3, 5, 6)
    verio.records[4] = record(4, glucose_mg_dl=0)
    verio.held = 5
    assert [decode_(raw).result for raw in visit(verio).kept].count(Result.MEASURED) == 5
    assert records_asked(verio) == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("never_set", [b"\0" * 11, b"\xff" * 11, b""])
def test_place_that_was_never_written_is_no_record(never_set: bytes) -> None:
    verio = meter(8, 9)
    verio.records[9] = told(never_set)
    verio.held = 1
    assert visit(verio).kept == [record(8)]


def test_gives_up_looking_when_the_meter_says_that_it_holds_more_than_it_has() -> None:
    verio = meter(100, held=3)
    course = visit(verio)
    assert course.kept == [record(100)]
    assert course.reached == 100
    assert len(records_asked(verio)) == 3 + 32


def test_reads_all_when_the_counter_lies_behind_ours() -> None:
    course = visit(meter(1, 2), watermark=3184)
    assert course.kept == [record(2), record(1)]
    assert course.reached == 2


def test_number_above_two_octets_is_asked_for_by_its_lower_two() -> None:
    verio = meter(0x0001)
    verio.counter, verio.held = 0x1_0001, 1
    course = visit(verio, watermark=0x1_0000)
    assert course.kept == [record(1)]
    assert course.reached == 0x1_0001


@pytest.mark.parametrize(
    ("off_s", "is_set"), [(0, False), (59, False), (-59, False), (60, True), (-3600, True)]
)
def test_clock_is_set_last_and_only_when_it_is_a_minute_off(off_s: int, is_set: bool) -> None:
    verio = meter(1, clock=LOCAL + timedelta(seconds=off_s))
    course = visit(verio)
    assert course.shown == LOCAL + timedelta(seconds=off_s)
    assert (verio.asked[-1][:2] == onetouch_verio.SET_CLOCK) == is_set
    assert course.pauses == [2.0] * is_set
    if is_set:
        assert verio.clock == LOCAL


def test_clock_that_nobody_has_set_is_not_noted_and_is_set() -> None:
    verio = meter(1, clock=onetouch_verio.EPOCH)
    course = visit(verio)
    assert course.shown is None
    assert verio.clock == LOCAL


def test_records_are_safe_when_the_meter_falls_silent_after_its_clock_was_set() -> None:
    verio = meter(1, 2, clock=LOCAL - timedelta(hours=1))

    def silent(action: Write | Listen) -> list[Notification]:
        is_setting = isinstance(action, Write) and action.content[5:7] == onetouch_verio.SET_CLOCK
        return [] if is_setting else verio(action)

    course = visit(silent)
    assert (len(course.kept), course.reached, course.silences) == (2, 2, 1)


@pytest.mark.parametrize(
    "fault", [{"lost": 1}, {"lost": 4}, {"broken": 1}, {"broken": 4}, {"lost": 2, "broken": 2}]
)
def test_lost_and_broken_answers_are_asked_for_again(fault: dict[str, int]) -> None:
    course = visit(meter(1, 2, 3, **fault))
    assert course.kept == [record(3), record(2), record(1)]
    assert course.silences == sum(fault.values())


@pytest.mark.parametrize(("failures", "count"), [(1, 3), (4, 3), (5, 2)])
def test_record_that_the_meter_failed_to_read_is_asked_for_again(failures: int, count: int) -> None:
    course = visit(meter(1, 2, 3, failures=failures))
    assert course.kept == [record(number) for number in (3, 2, 1)][-count:]
    assert course.silences == 0


def test_broken_answer_is_not_acknowledged() -> None:
    course = visit(meter(broken=1))
    first, second, *_ = course.written
    assert (
        first
        == second
        == lifescan_frames.packets(lifescan_frames.framed(onetouch_verio.READ_CLOCK))[0]
    )


def test_repeated_answer_is_acknowledged_and_not_taken_for_the_next_one() -> None:
    course = visit(meter(1, 2, 3, 5, repeats=True, held=4))
    assert course.kept == [record(5), record(3), record(2), record(1)]
    # Once for the answer and once for its repetition, but for the last.
    assert course.written.count(b"\x81") == 2 * (3 + 5) - 1


def test_equal_answers_to_two_questions_are_two_answers() -> None:
    # Two refusals look alike.
    verio = meter(1, 4)
    course = visit(verio)
    assert course.kept == [record(4), record(1)]
    assert course.silences == 0


def test_meter_that_does_not_acknowledge_questions_is_understood() -> None:
    assert visit(meter(1, 2, acknowledges=False)).kept == [record(2), record(1)]


@pytest.mark.parametrize("content_size", [19, 18, 10, 7, 1])
def test_answers_in_several_packets_are_put_together(content_size: int) -> None:
    course = visit(meter(1, 2, content_size=content_size))
    assert course.kept == [record(2), record(1)]
    assert course.silences == 0


def test_silence_ends_with_advice() -> None:
    course = Led(meter(lost=100))
    with pytest.raises(ConversationError, match="does not answer"):
        course.lead(onetouch_verio.conversation(Situation(address=ADDRESS)))
    assert course.silences == 5
    assert course.reached is None


def test_chatter_that_is_no_answer_ends_with_advice() -> None:
    def chatter(_: Write | Listen) -> list[Notification]:
        return heard(b"", b"\xc1", b"\x41x", b"\x02x") * 99

    with pytest.raises(ConversationError, match="does not answer"):
        visit(chatter)


@pytest.mark.parametrize(
    ("status", "advice"),
    [(0x07, "lost its bond"), (0x08, "not for it"), (0x09, "does not know"), (0x0F, "does not")],
)
def test_refusal_ends_with_advice(status: int, advice: str) -> None:
    with pytest.raises(ConversationError, match=advice):
        visit(meter(status=status))


def test_what_was_read_before_the_link_broke_is_asked_for_again() -> None:
    # Nothing is noted as reached before the last record of the visit is kept.
    verio = meter(1, 2, 3)

    def breaking(action: Write | Listen) -> list[Notification] | None:
        last = onetouch_verio.READ_RECORD + b"\x01\x00"
        return None if isinstance(action, Write) and action.content[5:8] == last else verio(action)

    course = Led(breaking)
    with pytest.raises(EOFError):
        course.lead(onetouch_verio.conversation(Situation(address=ADDRESS)))
    assert (len(course.kept), course.reached) == (2, None)


def decode_(raw: bytes) -> GlucoseReading:
    return onetouch_verio.decode(raw)


def test_packet_that_a_meter_sent_is_read() -> None:
    # JugglucoNG, VerioSessionTest: “68 mg/dl”, at 314481bb seconds.
    reading = decode_(FROM_A_METER)
    assert reading == GlucoseReading(
        sequence_number=None,
        base_time=datetime.fromisoformat("2026-03-11T19:40:42"),
        device_time=datetime.fromisoformat("2026-03-11T19:40:42"),
        result=Result.MEASURED,
        glucose_mg_dl=68.0,
        qualifiers=(),
        context_follows=False,
    )


@pytest.mark.parametrize(
    ("glucose_mg_dl", "control_solution", "result"),
    [
        (20, 0, Result.MEASURED),
        (600, 0, Result.MEASURED),
        (601, 0, Result.ABOVE_RANGE),
        (0xFFFF, 0, Result.ABOVE_RANGE),
        (19, 0, Result.BELOW_RANGE),
        (1, 0, Result.BELOW_RANGE),
        (0, 0, Result.NOT_MEASURABLE),
        (110, 1, Result.CONTROL_SOLUTION),
        (601, 1, Result.CONTROL_SOLUTION),
    ],
)
def test_only_a_number_of_a_person_within_range_is_a_number(
    glucose_mg_dl: int, control_solution: int, result: Result
) -> None:
    reading = decode_(record(1, glucose_mg_dl=glucose_mg_dl, control_solution=control_solution))
    assert reading.result is result
    assert (reading.glucose_mg_dl is not None) == (result is Result.MEASURED)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param("06 bb814431 4400 02 00 000000", FrameReason.RESERVED_VALUE, id="control 2"),
        pytest.param("06 bb814431 4400 00 00 010000", FrameReason.RESERVED_VALUE, id="octet 8"),
        pytest.param("06 bb814431 4400 00 00 000001", FrameReason.RESERVED_VALUE, id="octet 10"),
        pytest.param("09 bb814431 4400 00 00 000000", FrameReason.RESERVED_VALUE, id="refusal"),
        pytest.param("06 bb814431 4400 00 00 0000", FrameReason.SHORT_FRAME, id="short"),
        pytest.param("06 bb814431 4400 00 00 00000000", FrameReason.TRAILING_BYTES, id="long"),
        pytest.param("", FrameReason.SHORT_FRAME, id="nothing"),
    ],
)
def test_what_nobody_has_explained_is_refused(message: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as refused:
        decode_(lifescan_frames.framed(bytes.fromhex(message)))
    assert refused.value.reason is reason


@pytest.mark.parametrize("seconds", ["00000000", "ffffffff"])
def test_time_of_a_clock_that_was_never_set_is_none(seconds: str) -> None:
    raw = lifescan_frames.framed(bytes.fromhex(f"06 {seconds} 4400 0000000000"))
    assert decode_(raw).device_time is None


@given(
    st.datetimes(LOCAL - timedelta(days=9000), LOCAL + timedelta(days=9000)),
    st.integers(20, 600),
    st.integers(0, 255),
)
def test_reading_comes_back_when_encoded_and_decoded(
    taken_at: datetime, glucose_mg_dl: int, tag: int
) -> None:
    taken_at = taken_at.replace(microsecond=0)
    reading = decode_(onetouch_verio.encode(taken_at, glucose_mg_dl, tag=tag))
    assert (reading.device_time, reading.glucose_mg_dl) == (taken_at, glucose_mg_dl)


@given(st.binary(max_size=24) | st.binary(max_size=14).map(lifescan_frames.framed))
def test_no_bytes_raise_anything_but_a_frame_error(raw: bytes) -> None:
    profile = models.newest("onetouch-verio")
    try:
        reading = decode.decode_record(profile, onetouch_verio.ANSWERS, raw)
    except FrameError:
        return
    assert isinstance(reading, GlucoseReading)
    assert decode.advisory(reading)["sequence_number"] is None


@given(st.lists(st.binary(max_size=20), max_size=30))
def test_no_notifications_raise_anything_but_a_conversation_error(junk: list[bytes]) -> None:
    notifications = iter(junk)

    with pytest.raises(ConversationError):
        visit(lambda _: heard(next(notifications, b"")))
