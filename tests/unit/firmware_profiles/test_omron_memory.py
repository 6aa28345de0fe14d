from __future__ import annotations

from collections.abc import Iterator
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
    Remember,
    Situation,
    StopListening,
    Write,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import omron_frames, omron_memory, omron_record
from firmware_profiles.protocols.omron_frames import ANSWER, FROM_CUFF, TO_CUFF, Frame
from firmware_profiles.protocols.omron_memory import UNLOCK, OmronMemory
from firmware_profiles.protocols.omron_record import Layout
from firmware_profiles.readings import BloodPressureReading, Result
from tests.protocol_leader import HOME_TIME, Led

ADDRESS = "C4:65:1B:00:00:01"
KEY = bytes(range(16))  # what the leader draws
PROTOCOLS = [omron_memory.HEM_7322T, omron_memory.HEM_7361T, omron_memory.HEM_7155T]
IDS = ["hem-7322t", "hem-7361t", "hem-7155t"]
SHOWN = HOME_TIME.local - timedelta(minutes=3)


@dataclass
class Cuff:
    """A cuff with a memory, which can be made to misbehave.

    Attributes:
        key: who may open its memory.
        refusals: how often it says no before it takes a key; None when it is not in pairing mode.
        lost, broken: how many of its next answers nobody hears, or arrive with a wrong octet.
        late: whether it says each answer once more before the next one.
    """

    protocol: OmronMemory
    memory: dict[int, bytes] = field(default_factory=dict)
    key: bytes | None = None
    refusals: int | None = None
    clock: bytes | None = None
    lost: int = 0
    broken: int = 0
    late: bool = False
    backwards: bool = False
    status: int = 0
    asked: list[Frame] = field(default_factory=list)
    listened: list[str] = field(default_factory=list)
    is_open: bool = False
    last: list[Notification] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        return self.protocol.layout

    def write(self, user: int, place: int, systolic_mmhg: int = 128, **what: bool) -> bytes:
        """Put a record into a ring; return the answer in which it will come."""
        taken_at = SHOWN - timedelta(days=1, hours=user) + timedelta(minutes=place)
        content = self.layout.record(taken_at, systolic_mmhg, 82, 71, **what)
        span = self.layout.places()[(user - 1) * self.layout.ring_size + place]
        self.memory[span.address] = content
        index = self.memory.get(self.layout.index.address, bytes(self.layout.index.size))
        counted = int.from_bytes(index, "big") + 1
        self.memory[self.layout.index.address] = counted.to_bytes(self.layout.index.size, "big")
        return Frame(ANSWER | omron_frames.READ, span.address, span.size, content).to_bytes()

    def __call__(self, action: Write | Listen) -> list[Notification]:
        if isinstance(action, Listen):
            self.listened.append(action.characteristic)
            return []
        if action.characteristic == UNLOCK:
            return [Notification(UNLOCK, self._lock(action.content).ljust(17, b"\0"))]
        assert action.characteristic == TO_CUFF[0]
        return list(self._answers(Frame.from_bytes(action.content)))

    def _lock(self, said: bytes) -> bytes:
        command, key = said[0], said[1:]
        match command:
            case omron_memory.PREPARE_FOR_KEY:
                if self.refusals is None or self.refusals > 0:
                    self.refusals = None if self.refusals is None else self.refusals - 1
                    return b"\x82\x0f"
                return b"\x82\x00"
            case omron_memory.SET_KEY:
                is_new = key != self.key
                self.key = key
                return b"\x80\x00" if is_new else b"\x80\x01"
            case _:
                self.is_open = key == self.key
                return b"\x81\x00" if self.is_open else b"\x81\x04"

    def _answers(self, question: Frame) -> Iterator[Notification]:
        self.asked.append(question)
        if self.late:
            yield from self.last
        if self.lost or not self.is_open:
            self.lost -= 1
            return
        raw = bytearray(self._answer(question).to_bytes())
        raw[-1] ^= bool(self.broken)
        self.broken -= bool(self.broken)
        pieces = [
            Notification(FROM_CUFF[channel], piece)
            for channel, piece in enumerate(omron_frames.pieces(bytes(raw)))
        ]
        self.last = pieces[::-1] if self.backwards else pieces
        yield from self.last

    def _answer(self, question: Frame) -> Frame:
        kind = ANSWER | question.kind
        if question.kind != omron_frames.READ:
            return Frame(kind)
        content = self.memory.get(question.address, b"\xff" * question.size)
        if question.address == self.layout.clock.address:
            content = self.clock or self.layout.clock_block(SHOWN)
        return Frame(kind, question.address, question.size, content, self.status)


def paired(protocol: OmronMemory = omron_memory.HEM_7322T, **what: object) -> Cuff:
    return Cuff(protocol, key=KEY, **what)  # type: ignore[arg-type]


def visit(cuff: Cuff, memory: dict[str, bytes] | None = None) -> Led:
    course = Led(cuff, memory={"key": KEY} if memory is None else dict(memory))
    situation = Situation(address=ADDRESS, memory=dict(course.memory))
    return course.lead(cuff.protocol.conversation(situation))


@pytest.fixture(params=PROTOCOLS, ids=IDS)
def cuff(request: pytest.FixtureRequest) -> Cuff:
    return paired(request.param)


def test_every_record_of_every_user_is_kept_as_it_was_answered(cuff: Cuff) -> None:
    last = cuff.layout.ring_size - 1
    answers = [cuff.write(1, 0), cuff.write(1, last), cuff.write(2, 0), cuff.write(2, last)]
    course = visit(cuff)
    assert course.kept == answers
    readings = [cuff.protocol.decode(raw) for raw in course.kept]
    assert [one.user_slot for one in readings] == [1, 1, 2, 2]
    assert {(one.systolic_mmhg, one.diastolic_mmhg, one.pulse_bpm) for one in readings} == {
        (128.0, 82.0, 71.0)
    }
    assert course.shown == SHOWN.replace(microsecond=0)


def test_nothing_is_ever_written_to_the_memory(cuff: Cuff) -> None:
    cuff.write(1, 0)
    visit(cuff)
    kinds = {question.kind for question in cuff.asked}
    assert kinds == {omron_frames.BEGIN, omron_frames.READ, omron_frames.END}
    assert not any(question.content for question in cuff.asked)
    assert cuff.asked[-1].kind == omron_frames.END


def test_later_visit_keeps_only_what_is_new_also_when_the_ring_has_wrapped(cuff: Cuff) -> None:
    for place in range(cuff.layout.ring_size):
        cuff.write(1, place)
    first = visit(cuff)
    assert len(first.kept) == cuff.layout.ring_size
    newest = [cuff.write(1, 0, systolic_mmhg=140), cuff.write(2, 5)]
    second = visit(cuff, first.memory)
    assert second.kept == newest
    # Another gateway, or one that has forgotten, gets the same bytes, hence the same keys.
    again = visit(cuff)
    assert set(again.kept) == {*first.kept[1:], *newest}


def test_memory_that_has_not_changed_is_not_read_again(cuff: Cuff) -> None:
    cuff.write(1, 3)
    first = visit(cuff)
    cuff.asked.clear()
    assert visit(cuff, first.memory).kept == []
    assert len(cuff.asked) == 4  # begin, clock, index, end


def test_what_was_kept_counts_as_known_only_after_the_whole_memory_was_read() -> None:
    one = paired()
    one.write(1, 0)
    one.write(2, 99)

    def breaking(action: Write | Listen) -> list[Notification] | None:
        # At the second user's ring.
        if isinstance(action, Write) and action.content[3:5] == b"\x08\x24":
            return None
        return one(action)

    course = Led(breaking, memory={"key": KEY})
    talk = one.protocol.conversation(Situation(address=ADDRESS, memory={"key": KEY}))
    with pytest.raises(EOFError):
        course.lead(talk)
    assert len(course.kept) == 1
    assert course.memory == {"key": KEY}
    assert len(visit(one, course.memory).kept) == 2


def test_key_is_given_once_and_remembered_before_the_cuff_has_it() -> None:
    one = Cuff(omron_memory.HEM_7361T, refusals=2)
    one.write(1, 0)
    course = visit(one, {})
    assert one.key == KEY == course.memory["key"]
    assert course.pauses == [1.0, 1.0]
    given = Write(UNLOCK, bytes([omron_memory.SET_KEY]) + KEY)
    assert course.events.index(Remember("key", KEY)) < course.events.index(given)
    assert len(course.kept) == 1
    assert given not in visit(one, course.memory).events


def test_cuff_that_has_our_key_already_may_refuse_to_take_it_again() -> None:
    one = paired(refusals=0)
    assert visit(one, {}).memory["key"] == KEY


def test_only_what_the_lock_needs_is_subscribed_before_it_is_open() -> None:
    one = paired()
    events = visit(one).events
    opened = events.index(Write(UNLOCK, bytes([omron_memory.USE_KEY]) + KEY))
    assert [one for one in events[:opened] if isinstance(one, Listen)] == [
        Listen(FROM_CUFF[0]),
        Listen(UNLOCK),
    ]
    assert events[opened + 1 : opened + 5] == [
        StopListening(UNLOCK),
        *(Listen(channel) for channel in FROM_CUFF[1:]),
    ]
    # And nothing stays subscribed for the next session.
    assert events[-4:] == [StopListening(channel) for channel in FROM_CUFF]


@pytest.mark.parametrize(
    ("one", "memory", "advice"),
    [
        pytest.param(Cuff(omron_memory.HEM_7322T), {}, "until P blinks", id="not in pairing mode"),
        pytest.param(
            Cuff(omron_memory.HEM_7322T, key=b"another's key..."),
            {"key": KEY},
            "another host",
            id="another host's key",
        ),
        pytest.param(paired(lost=1000), {"key": KEY}, "does not answer", id="silent memory"),
        pytest.param(paired(status=2), {"key": KEY}, "code 2", id="refusal"),
        pytest.param(paired(clock=bytes(10)), {"key": KEY}, "laid out differently", id="other"),
        pytest.param(paired(clock=b"\x01" * 10), {"key": KEY}, "laid out", id="other checksum"),
    ],
)
def test_refusal_ends_with_advice_and_keeps_nothing(
    one: Cuff, memory: dict[str, bytes], advice: str
) -> None:
    one.write(1, 0)
    course = Led(one, memory=dict(memory))
    talk = one.protocol.conversation(Situation(address=ADDRESS, memory=memory))
    with pytest.raises(ConversationError, match=advice):
        course.lead(talk)
    assert course.kept == []
    if one.asked and one.asked[0].kind == omron_frames.BEGIN and not one.lost > 100:
        assert one.asked[-1].kind == omron_frames.END  # it is not left in the middle


def test_silent_lock_ends_with_advice() -> None:
    course = Led(lambda _: [], memory={"key": KEY})
    talk = omron_memory.HEM_7322T.conversation(Situation(address=ADDRESS, memory={"key": KEY}))
    with pytest.raises(ConversationError, match="does not answer"):
        course.lead(talk)


def test_transfer_that_the_cuff_ends_by_itself_ends_with_its_code() -> None:
    one = paired()

    def ending(action: Write | Listen) -> list[Notification]:
        if isinstance(action, Write) and action.content[1:3] == b"\x01\x00":
            raw = Frame(ANSWER | omron_frames.END, status=5).to_bytes()
            return [Notification(FROM_CUFF[0], omron_frames.pieces(raw)[0])]
        return one(action)

    talk = one.protocol.conversation(Situation(address=ADDRESS, memory={"key": KEY}))
    with pytest.raises(ConversationError, match="code 5"):
        Led(ending).lead(talk)


@pytest.mark.parametrize(
    "fault",
    [{"lost": 1}, {"lost": 4}, {"broken": 1}, {"broken": 4}, {"late": True}, {"backwards": True}],
)
def test_lost_broken_late_and_disordered_answers_are_got_over(fault: dict[str, int]) -> None:
    one = paired(**fault)
    answers = [one.write(1, 0), one.write(1, 1), one.write(2, 7)]
    course = visit(one)
    assert course.kept == answers
    assert course.silences == fault.get("lost", 0) + fault.get("broken", 0)


@pytest.mark.parametrize("blank", ["", "ff" * 14, "00" * 14, "fe" + "00" * 7 + "010203040506"])
def test_place_that_was_never_written_is_no_record(blank: str) -> None:
    one = paired()
    answer = one.write(1, 1)
    one.memory[one.layout.rings[0]] = bytes.fromhex(blank)
    assert visit(one).kept == [answer]


def test_clock_that_nobody_has_set_is_not_noted() -> None:
    one = paired(clock=omron_record.HEM_7322T.clock_block(omron_record.NEVER_SET))
    assert visit(one).shown is None


@pytest.mark.parametrize(
    ("layout", "block", "shown"),
    [
        # omblepy, report 57: read from a HEM-7280T, which has the map of the HEM-7322T.
        pytest.param(
            omron_record.HEM_7322T, "08c8091912122c1b855d", "2025-09-18T18:27:44", id="big"
        ),
        # hass-omron, pull request 193 and report 92: cuffs with the same clock as the HEM-7361T.
        pytest.param(
            omron_record.HEM_7361T,
            "c6a40100000000001a09140d1908d000",
            "2026-09-20T13:25:08",
            id="little",
        ),
        pytest.param(
            omron_record.HEM_7155T,
            "c2a00000000000001a09090b1f07bf00",
            "2026-09-09T11:31:07",
            id="little, another",
        ),
    ],
)
def test_clocks_of_real_cuffs_are_read(layout: Layout, block: str, shown: str) -> None:
    assert layout.clock_time(bytes.fromhex(block)) == datetime.fromisoformat(shown)
    wrong = bytearray.fromhex(block)
    wrong[2] ^= 1
    assert layout.clock_time(bytes(wrong)) is None
    assert layout.clock_time(bytes.fromhex(block)[:-1]) is None


@pytest.mark.parametrize(
    ("layout", "record", "told"),
    [
        # hass-omron, report 13: from a HEM-7322T-E.
        pytest.param(
            omron_record.HEM_7322T,
            "5261154a20531e3b00716b80f93a",
            (122, 82, 74, "2021-08-02T19:56:59"),
            id="HEM-7322T",
        ),
        # hass-omron, its tests: from a HEM-7600T-E, which writes as the HEM-7322T does.
        pytest.param(
            omron_record.HEM_7322T,
            "5b781a4819d71b42000014006996",
            (145, 91, 72, "2026-06-14T23:45:02"),
            id="HEM-7600T",
        ),
        # hass-omron, report 92: from a HEM-7188T1, which writes as the HEM-7361T does.
        pytest.param(
            omron_record.HEM_7361T,
            "7d5d461a2b2541160000200000010200",
            (150, 93, 70, "2026-09-09T11:25:01"),
            id="HEM-7188T1",
        ),
        # hass-omron, its tests: from a HEM-7142T2, whose records end two octets earlier.
        pytest.param(
            omron_record.HEM_7155T,
            "6558541a331ade1800004c00ba000000",
            (126, 88, 84, "2026-06-17T19:35:30"),
            id="HEM-7142T2",
        ),
    ],
)
def test_records_of_real_cuffs_are_read(
    layout: Layout, record: str, told: tuple[int, int, int, str]
) -> None:
    reading = layout.reading(bytes.fromhex(record), user=2)
    assert reading == BloodPressureReading(
        device_time=datetime.fromisoformat(told[3]),
        user_slot=2,
        result=Result.MEASURED,
        systolic_mmhg=float(told[0]),
        diastolic_mmhg=float(told[1]),
        mean_arterial_mmhg=None,
        pulse_bpm=float(told[2]),
        qualifiers=(),
    )


@pytest.mark.parametrize("layout", [omron_record.HEM_7322T, omron_record.HEM_7361T])
@given(
    taken_at=st.datetimes(SHOWN.replace(year=2016), SHOWN.replace(year=2063)),
    pressures=st.tuples(st.integers(25, 250), st.integers(10, 250)).map(sorted),
    pulse=st.integers(10, 255),
    moved=st.booleans(),
    irregular=st.booleans(),
)
def test_reading_comes_back_when_encoded_and_decoded(
    layout: Layout,
    taken_at: datetime,
    pressures: list[int],
    pulse: int,
    moved: bool,
    irregular: bool,
) -> None:
    diastolic, systolic = pressures[0], max(pressures[1], 25)
    taken_at = taken_at.replace(microsecond=0)
    record = layout.record(taken_at, systolic, diastolic, pulse, moved=moved, irregular=irregular)
    reading = layout.reading(record, 1)
    assert reading.device_time == taken_at
    assert (reading.systolic_mmhg, reading.diastolic_mmhg) == (systolic, diastolic)
    assert reading.pulse_bpm == pulse
    assert reading.qualifiers == ("body_movement",) * moved + ("irregular_pulse",) * irregular


@pytest.mark.parametrize(
    ("record", "device_time", "qualifiers"),
    [
        pytest.param("5261154a20531e3f00716b80f93a", "2021-08-02T19:56:59", (), id="second 63"),
        pytest.param("5261154a3c531e3b00716b80f93a", None, (), id="month 15"),
        pytest.param("52610f4a04201000000000000000", None, (), id="clock never set"),
        pytest.param(
            "5261150920531e3b00716b80f93a",
            "2021-08-02T19:56:59",
            ("pulse_implausible",),
            id="pulse 9",
        ),
        pytest.param(
            "5261154ae0531e3b00716b80f93a",
            "2021-08-02T19:56:59",
            ("body_movement", "irregular_pulse"),
            id="both flags",
        ),
    ],
)
def test_parts_that_cannot_be_read_leave_the_rest(
    record: str, device_time: str | None, qualifiers: tuple[str, ...]
) -> None:
    reading = omron_record.HEM_7322T.reading(bytes.fromhex(record), 1)
    assert reading.device_time == (device_time and datetime.fromisoformat(device_time))
    assert reading.qualifiers == qualifiers
    assert (reading.pulse_bpm is None) == ("pulse_implausible" in qualifiers)


def answer(
    address: int, record: str, kind: int = ANSWER | omron_frames.READ, status: int = 0
) -> bytes:
    content = bytes.fromhex(record)
    return Frame(kind, address, len(content), content, status).to_bytes()


RECORD = "5261154a20531e3b00716b80f93a"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(answer(0x0260, RECORD), FrameReason.RESERVED_VALUE, id="not a record"),
        pytest.param(answer(0x02AD, RECORD), FrameReason.RESERVED_VALUE, id="between records"),
        pytest.param(answer(0x0824 + 1400, RECORD), FrameReason.RESERVED_VALUE, id="behind"),
        pytest.param(answer(0x02AC, RECORD, 0x81C0), FrameReason.RESERVED_VALUE, id="a write"),
        pytest.param(answer(0x02AC, RECORD, status=1), FrameReason.RESERVED_VALUE, id="refusal"),
        pytest.param(answer(0x02AC, "ff" * 14), FrameReason.RESERVED_VALUE, id="blank"),
        pytest.param(answer(0x02AC, RECORD[:-2]), FrameReason.SHORT_FRAME, id="short"),
        pytest.param(answer(0x02AC, RECORD * 2), FrameReason.TRAILING_BYTES, id="two records"),
        pytest.param(
            answer(0x02AC, "8861" + RECORD[4:]), FrameReason.IMPOSSIBLE_VALUE, id="wrong way round"
        ),
        pytest.param(answer(0x02AC, "0961" + RECORD[4:]), FrameReason.IMPOSSIBLE_VALUE, id="9"),
        pytest.param(b"", FrameReason.EMPTY_FRAME, id="nothing"),
    ],
)
def test_what_is_no_record_is_refused(raw: bytes, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as refused:
        omron_memory.HEM_7322T.decode(raw)
    assert refused.value.reason is reason


def test_systolic_pressure_beyond_what_the_little_family_writes_is_none() -> None:
    with pytest.raises(FrameError) as refused:
        omron_record.HEM_7361T.reading(bytes.fromhex("e25d461a2b254116") + bytes(8), 1)
    assert refused.value.reason is FrameReason.RESERVED_VALUE


@pytest.mark.parametrize("name", ["omron-hem-7322t", "omron-hem-7361t", "omron-hem-7155t"])
@given(
    raw=st.binary(max_size=24)
    | st.builds(
        lambda address, content: answer(address, content.hex()),
        st.integers(0x0098, 0x0E64),
        st.binary(max_size=20),
    )
)
def test_no_bytes_raise_anything_but_a_frame_error(name: str, raw: bytes) -> None:
    profile = models.newest(name)
    try:
        reading = decode.decode_record(profile, FROM_CUFF[0], raw)
    except FrameError:
        return
    assert isinstance(reading, BloodPressureReading)
    assert reading.user_slot in {1, 2}
    assert reading.systolic_mmhg is not None
    assert reading.diastolic_mmhg is not None
    assert reading.systolic_mmhg >= reading.diastolic_mmhg


@given(
    st.lists(st.tuples(st.sampled_from([UNLOCK, *FROM_CUFF]), st.binary(max_size=20)), max_size=40)
)
def test_no_notifications_raise_anything_but_a_conversation_error(
    junk: list[tuple[str, bytes]],
) -> None:
    notifications = iter(junk)

    def babbling(_: Write | Listen) -> list[Notification]:
        one = next(notifications, None)
        return [] if one is None else [Notification(*one)]

    course = Led(babbling)
    with pytest.raises(ConversationError):
        course.lead(omron_memory.HEM_7322T.conversation(Situation(address=ADDRESS)))
    assert not any(isinstance(event, Keep) for event in course.events)
