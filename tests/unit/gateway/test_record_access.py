"""What a meter is asked for, what is compared with what it says it has, and what is asked once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from bleak import exc

from firmware_profiles import models, racp
from firmware_profiles.decode import decode_record
from firmware_profiles.decoder_knobs import DecoderKnobs
from firmware_profiles.errors import FrameError
from firmware_profiles.matching import Match
from firmware_profiles.racp import OpCode, ResponseCode
from firmware_profiles.readings import KetoneReading
from firmware_profiles.session_steps import ReportRecords, Sync
from gateway import errors, record_access
from gateway.errors import SessionReason
from gateway.record_access import Known, Procedure, ProcedureError
from tests import profile_versions
from tests.gateway_sessions import ADDRESS, Shelf

METER = models.newest("standard-glucometer")
COUNT_ALL = racp.count()
ALL = racp.report_all()


def count_from(number: int) -> racp.Request:
    return racp.count_of(racp.report_from(number))


def measurement(number: int, base_time: bytes = b"\xea\x07\x02\x01\x07\x05\x09") -> bytes:
    return b"\x12" + number.to_bytes(2, "little") + base_time + b"\x64\xb0\x11"


def context(number: int, meal: int = 1) -> bytes:
    return b"\x02" + number.to_bytes(2, "little") + bytes([meal])


BASE_TIME = measurement(0)[3:10]
OTHER_TIME = b"\xe9\x07\x02\x01\x07\x05\x09"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second pass as a hundredth of one."""
    for name in (
        "_COUNT_SILENCE_S",
        "_REPORT_SILENCE_S",
        "_RECORD_GAP_S",
        "_PROGRESS_TIMEOUT_S",
    ):
        monkeypatch.setattr(record_access, name, getattr(record_access, name) / 100)


@dataclass
class Meter:
    """A meter's memory: answers as the service demands, as far as it can."""

    numbers: list[int]
    base_time: bytes = BASE_TIME
    can_select: bool = True
    can_count: bool = True
    overhears: int = 0  # so many requests
    loses: int = 0  # so many records of a first report
    claims: int = 0  # so many records more than it has
    hangs_up_after: int | None = None
    answers_first: bool = False
    is_busy_once: bool = False
    contexts_last: bool = False
    meals: dict[int, int] = field(default_factory=dict)
    requests: list[racp.Request] = field(default_factory=list)

    def take(self, content: bytes, send: Callable[[str, bytes], None], hang_up: Any) -> None:
        request = racp.Request.from_bytes(content)
        self.requests.append(request)
        if self.is_busy_once:
            self.is_busy_once = False
            raise exc.BleakGATTProtocolError(0x80)
        if self.overhears:
            self.overhears -= 1
            return
        asyncio.get_running_loop().call_soon(self._carry_out, request, send, hang_up)

    def _carry_out(
        self, request: racp.Request, send: Callable[[str, bytes], None], hang_up: Any
    ) -> None:
        def answer(code: ResponseCode) -> None:
            send("2a52", racp.Response(request.op_code, code).to_bytes())

        if request.op_code is OpCode.ABORT:
            answer(ResponseCode.SUCCESS)
            return
        first = request.sequence_numbers[0] if request.sequence_numbers else 0
        chosen = [number for number in self.numbers if number >= first]
        if request.op_code is OpCode.REPORT_COUNT and not self.can_count:
            answer(ResponseCode.OP_CODE_NOT_SUPPORTED)
        elif request.sequence_numbers and not self.can_select:
            answer(ResponseCode.OPERATOR_NOT_SUPPORTED)
        elif request.op_code is OpCode.REPORT_COUNT:
            send("2a52", racp.CountResponse(len(chosen) + self.claims).to_bytes())
        elif not chosen:
            answer(ResponseCode.NO_RECORDS_FOUND)
        else:
            if self.answers_first:
                answer(ResponseCode.SUCCESS)
            is_whole = self._report(chosen[self.loses :], send, hang_up)
            self.loses = 0
            if is_whole and not self.answers_first:
                answer(ResponseCode.SUCCESS)

    def _report(self, numbers: list[int], send: Callable[[str, bytes], None], hang_up: Any) -> bool:
        frames = [("2a18", number) for number in numbers]
        contexts = [("2a34", number) for number in numbers]
        if not self.contexts_last:
            frames = [one for pair in zip(frames, contexts, strict=True) for one in pair]
        else:
            frames += contexts
        for count, (uuid, number) in enumerate(frames):
            if count == self.hangs_up_after:
                hang_up()
                return False
            if uuid == "2a18":
                send(uuid, measurement(number, self.base_time))
            else:
                send(uuid, context(number, self.meals.get(number, 1)))
        return True


class Link:
    """As much of bleak's client as a procedure needs."""

    def __init__(self, meter: Meter, procedure: Procedure) -> None:
        self._meter = meter
        self._procedure = procedure
        self.brought: list[tuple[str, bytes]] = []

    async def write_gatt_char(self, _uuid: str, content: bytes, response: bool) -> None:
        assert response
        self._meter.take(content, self.send, self._procedure.stop)

    def send(self, uuid: str, content: bytes) -> None:
        if uuid == "2a52":
            self._procedure.note_answer(content)
        else:
            self.brought += self._procedure.wholes(uuid, content, is_paired=False)
            self._procedure.note_record(uuid, content)


@dataclass
class Asked:
    """What came of asking a meter."""

    requests: list[racp.Request]
    numbers: list[int]
    reached: Known | None
    error: str = ""


def ask(meter: Meter, known: Known | None = None, how: ReportRecords | None = None) -> Asked:
    async def talk() -> Asked:
        procedure = Procedure()
        link = Link(meter, procedure)
        error = ""
        try:
            await procedure.report(link, how or ReportRecords(), known)  # type: ignore[arg-type]
        except ProcedureError as failure:
            error = str(failure)
        numbers = [
            int.from_bytes(raw[1:3], "little") for uuid, raw in link.brought if uuid == "2a18"
        ]
        return Asked(meter.requests, numbers, procedure.reached(), error)

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("meter", "last", "requests", "brought", "reached"),
    [
        pytest.param(Meter([0, 1, 2]), None, [COUNT_ALL, ALL], [0, 1, 2], 2, id="first-time"),
        pytest.param(
            Meter([0, 1, 2]), 1, [count_from(1), racp.report_from(1)], [2], 2, id="one-new"
        ),
        pytest.param(
            Meter([0, 1, 2]), 2, [count_from(2), racp.report_from(2)], [], 2, id="nothing-new"
        ),
        pytest.param(
            Meter([0, 1, 2], can_select=False),
            1,
            [count_from(1), racp.report_from(1), COUNT_ALL, ALL],
            [0, 1, 2],
            2,
            id="cannot-select",
        ),
        pytest.param(
            Meter([0, 1]),
            700,
            [count_from(700), COUNT_ALL, ALL],
            [0, 1],
            1,
            id="numbering-started-over",
        ),
        pytest.param(
            Meter(list(range(9)), base_time=OTHER_TIME),
            5,
            [count_from(5), racp.report_from(5), COUNT_ALL, ALL],
            [5, 6, 7, 8, *range(9)],
            8,
            id="numbering-started-over-and-counted-past-it",
        ),
        pytest.param(
            Meter([0, 1, 7]),
            5,
            [count_from(5), racp.report_from(5), COUNT_ALL, ALL],
            [7, 0, 1, 7],
            7,
            id="last-one-is-gone",
        ),
        pytest.param(Meter([]), None, [COUNT_ALL], [], None, id="empty-meter"),
        pytest.param(Meter([4]), 65535, [COUNT_ALL, ALL], [4], 4, id="numbers-exhausted"),
        pytest.param(
            Meter([0, 1], can_count=False), None, [COUNT_ALL, ALL], [0, 1], 1, id="cannot-count"
        ),
        pytest.param(
            Meter([0, 1], overhears=1), None, [COUNT_ALL] * 2 + [ALL], [0, 1], 1, id="overheard"
        ),
        pytest.param(
            Meter([0, 1], overhears=3),
            None,
            [COUNT_ALL] * 3 + [ALL],
            [0, 1],
            1,
            id="does-not-answer-counts",
        ),
        pytest.param(
            Meter([0, 1], overhears=4),
            None,
            [COUNT_ALL] * 3 + [ALL] * 2,
            [0, 1],
            1,
            id="overheard-report",
        ),
        pytest.param(
            Meter([0, 1], is_busy_once=True), None, [COUNT_ALL] * 2 + [ALL], [0, 1], 1, id="busy"
        ),
        pytest.param(
            Meter([0, 1, 2], loses=1),
            None,
            [COUNT_ALL, ALL, ALL],
            [1, 2, 0, 1, 2],
            2,
            id="lost-one-on-the-way",
        ),
        pytest.param(
            Meter([0, 1], answers_first=True),
            None,
            [COUNT_ALL, ALL],
            [0, 1],
            1,
            id="answer-overtakes",
        ),
    ],
)
def test_meter_is_asked_for_what_is_missing(
    meter: Meter,
    last: int | None,
    requests: list[racp.Request],
    brought: list[int],
    reached: int | None,
) -> None:
    asked = ask(meter, None if last is None else Known(last, BASE_TIME))
    assert asked.error == ""
    assert asked.requests == requests
    assert asked.numbers == brought
    assert (asked.reached and asked.reached.number) == reached


def test_number_alone_is_enough_when_its_time_was_not_remembered() -> None:
    asked = ask(Meter([0, 1], base_time=OTHER_TIME), Known(1, None))
    assert asked.numbers == [1]
    assert asked.reached == Known(1, OTHER_TIME)


def test_all_300_records_come_and_are_counted() -> None:
    asked = ask(Meter(list(range(300))))
    assert asked.numbers == list(range(300))
    assert asked.reached == Known(299, BASE_TIME)


def test_report_counts_as_cut_off_when_fewer_come_than_the_meter_has() -> None:
    asked = ask(Meter([0, 1, 2], claims=1))
    assert "fewer records" in asked.error
    assert asked.requests == [COUNT_ALL, ALL, ALL]
    assert asked.reached is None  # all are asked for again


def test_meter_that_falls_silent_is_told_to_stop() -> None:
    asked = ask(Meter([0], overhears=9))
    assert "silent" in asked.error
    assert asked.requests == [COUNT_ALL] * 3 + [ALL] * 2 + [racp.abort()]


@pytest.mark.parametrize(
    ("meter", "reached"),
    [
        # The context of the last measurement may be missing: it is asked for again.
        pytest.param(Meter([5, 6, 7, 9], hangs_up_after=6), 6, id="ascending"),
        pytest.param(Meter([9, 7, 6, 5], hangs_up_after=6), None, id="newest-first"),
        pytest.param(Meter([5, 6], hangs_up_after=2), None, id="one-only"),
        pytest.param(
            Meter([5, 6, 7, 9], hangs_up_after=6, contexts_last=True), 6, id="two-contexts-of-four"
        ),
        pytest.param(
            Meter([5, 6, 7, 9], hangs_up_after=4, contexts_last=True), None, id="no-context-yet"
        ),
    ],
)
def test_meter_resumes_by_number_when_the_link_was_lost_in_its_report(
    meter: Meter, reached: int | None
) -> None:
    asked = ask(meter)
    assert "hung up" in asked.error
    assert (asked.reached and asked.reached.number) == reached


def test_meter_is_asked_for_all_when_its_profile_says_so() -> None:
    meter = Meter([0, 1, 2])
    assert ask(meter, Known(1, BASE_TIME), ReportRecords(sync=Sync.ALL)).numbers == [0, 1, 2]
    meter = Meter([2, 1, 0])
    asked = ask(meter, Known(1, BASE_TIME), ReportRecords(newest_first=True))
    assert (asked.numbers, asked.reached) == ([2, 1, 0], None)


@contextmanager
def unasked(numbers: list[int]) -> Iterator[tuple[Meter, Callable[[], Asked]]]:
    """A meter that sends everything before it is asked."""
    meter = Meter(list(numbers))

    async def talk() -> Asked:
        procedure = Procedure()
        link = Link(meter, procedure)

        def dump() -> None:
            for number in numbers:
                link.send("2a18", measurement(number))
                link.send("2a34", context(number))

        asyncio.get_running_loop().call_later(0.01, dump)
        how = ReportRecords(sync=Sync.ALL, unasked_s=0.05)
        await procedure.report(link, how, None)  # type: ignore[arg-type]
        brought = [
            int.from_bytes(raw[1:3], "little") for uuid, raw in link.brought if uuid == "2a18"
        ]
        return Asked(meter.requests, brought, procedure.reached())

    yield meter, lambda: asyncio.run(talk())


def test_meter_that_sends_unasked_is_not_asked_any_more() -> None:
    with unasked([228, 229]) as (_, talk):
        asked = talk()
        assert (asked.requests, asked.numbers) == ([], [228, 229])
    with unasked([]) as (meter, talk):
        meter.numbers.append(3)  # it waits to be asked after all
        asked = talk()
        assert (asked.requests, asked.numbers) == ([COUNT_ALL, ALL], [3])


KETONE_METER = replace(
    METER,
    profile_id="ketone-meter",
    match=(Match(name="Something", services=("1808",)),),
    knobs=DecoderKnobs(ketone_meal_code=6),
)


def visit(hold: Any, script: Any, meter: Meter, shelf: Shelf, profile: Any = METER) -> int:
    peripheral = script(
        ("2a18", "2a34", "2a52"),
        on_write={"2a52": lambda client, raw: meter.take(raw, client.send, client.hang_up)},
    )
    with profile_versions.known(*([profile] if profile is KETONE_METER else [])):
        count: int = hold(peripheral, profile, shelf)
    return count


def test_last_record_is_known_at_the_next_visit(hold: Any, script: Any) -> None:
    shelf = Shelf()
    assert visit(hold, script, Meter([0, 1, 2]), shelf) == 6
    assert shelf.watermark(ADDRESS, METER.profile_id) == 2
    assert shelf.recall(ADDRESS)["last_base_time"] == BASE_TIME
    again = Meter([0, 1, 2, 3])
    assert visit(hold, script, again, shelf) == 2  # asked from the last one on, which is known
    assert again.requests[-1] == racp.report_from(2)


def test_reset_meter_loses_nothing(hold: Any, script: Any) -> None:
    shelf = Shelf()
    visit(hold, script, Meter([0, 1, 2]), shelf)
    reset = Meter([0, 1, 2, 3, 4], base_time=OTHER_TIME)
    visit(hold, script, reset, shelf)
    found = {record.raw[1] for record in shelf.records if record.raw[3:10] == OTHER_TIME}
    assert found == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("contexts_last", [False, True])
def test_ketone_never_stands_in_the_outbox_without_its_context(
    hold: Any, script: Any, contexts_last: bool
) -> None:
    shelf = Shelf()
    meter = Meter([1, 2], contexts_last=contexts_last, meals={2: 6})
    visit(hold, script, meter, shelf, KETONE_METER)
    kinds = [
        type(decode_record(KETONE_METER, record.characteristic, record.raw)).__name__
        for record in shelf.records
    ]
    assert kinds == ["GlucoseReading", "GlucoseContext", "KetoneReading", "GlucoseContext"]


def test_measurement_whose_context_was_cut_off_is_kept_and_means_nothing(
    hold: Any, script: Any
) -> None:
    shelf = Shelf()
    meter = Meter([1, 2], hangs_up_after=3, meals={2: 6})
    with pytest.raises(errors.SessionError) as failed:
        visit(hold, script, meter, shelf, KETONE_METER)
    assert failed.value.reason is SessionReason.REFUSED
    *_, last = shelf.records
    with pytest.raises(FrameError, match="context is missing"):
        decode_record(KETONE_METER, last.characteristic, last.raw)
    assert shelf.watermark(ADDRESS, KETONE_METER.profile_id) == 1  # the second is asked for again
    whole = Meter([1, 2], meals={2: 6})
    visit(hold, script, whole, shelf, KETONE_METER)
    ketone, _ = shelf.records[-2:]
    found = decode_record(KETONE_METER, ketone.characteristic, ketone.raw)
    assert isinstance(found, KetoneReading)
