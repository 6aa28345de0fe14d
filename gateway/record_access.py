"""The collector's side of the record access control point: ask a meter for what we do not have yet.

A meter is first asked how many records it has for us, then for these, and what came is compared with the number. It is
asked from the last record on that we know, that one included: if it does not have it any more, or has another under its
number, its numbering has started over (reset, or another meter under the same address) and it is asked for all.
Otherwise every reading of the new numbering would look old, and be lost. If it is the same, it is not stored again. A
meter that cannot select sends all.

Some meters overhear a first request; it is repeated. What is sent twice by that is recognised by number and time.

Source: Glucose Service 1.0.1, 2022-01-18, section 3.4 (procedures and their answers); tidepool-org/uploader,
bluetoothLEDriver.js, and npm ble-glucose 0.7.0 (overheard requests, and the seconds after which they are repeated).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import dataclass
from typing import Final, Self

import bleak
from bleak import exc

from firmware_profiles import errors as leaf_errors
from firmware_profiles import glucose_pair, racp, uuids
from firmware_profiles.racp import OpCode, ResponseCode
from firmware_profiles.session_steps import ReportRecords, Sync
from gateway.keeper import Keeper

log = logging.getLogger(__name__)

# Without a record or an answer for so long, the procedure is dead. Source: the ATT transaction time-out, Bluetooth
# Core Specification 5.4, Vol 3 Part F, 3.3.3; the Glucose Profile adopts it for its procedures.
_PROGRESS_TIMEOUT_S: Final = 30.0
# A request that nothing follows for so long was overheard; it is made once more, the quick one twice.
_COUNT_SILENCE_S: Final = 1.0
_COUNT_ATTEMPTS: Final = 3
_REPORT_SILENCE_S: Final = 5.0
# So long a record may come after the one before it, and so after an answer that has overtaken it. Source: Pulse
# Oximeter Service 1.0.1, which says of the same procedures what the Glucose Service leaves open.
_RECORD_GAP_S: Final = 5.0
# What a meter answers to a request while it is still at the one before: the service's own code, and the common one.
_STILL_BUSY: Final = frozenset({0x80, 0xFE})
_CONTROL_POINT: Final = uuids.full_uuid(uuids.RECORD_ACCESS_CONTROL_POINT)
_HIGHEST_NUMBER: Final = 0xFFFF
_CANNOT_SELECT: Final = frozenset(
    {
        ResponseCode.INVALID_OPERATOR,
        ResponseCode.OPERATOR_NOT_SUPPORTED,
        ResponseCode.INVALID_OPERAND,
        ResponseCode.OPERAND_NOT_SUPPORTED,
    }
)
# In a measurement's frame. Source: GATT Specification Supplement, Glucose Measurement.
_BASE_TIME: Final = slice(3, 10)
# Under this name the base time of the last record known is remembered.
_LAST_BASE_TIME: Final = "last_base_time"

_Answer = racp.CountResponse | racp.Response


class ProcedureError(Exception):
    """The meter did not complete the report; it will be asked again."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last record that a meter has fully reported.

    Attributes:
        number: its sequence number.
        base_time: its seven bytes, which nobody can change; None if they are not remembered.
    """

    number: int
    base_time: bytes | None

    @classmethod
    def of(cls, keeper: Keeper, peripheral: str, profile_id: str) -> Self | None:
        """Return what is known of a meter, or None of one that has not reported yet."""
        number = keeper.watermark(peripheral, profile_id)
        if number is None:
            return None
        return cls(number, keeper.recall(peripheral).get(_LAST_BASE_TIME))

    def note(self, keeper: Keeper, peripheral: str, profile_id: str) -> None:
        """Let it be known. Between the two writes the time does not fit the number: then all is asked for again."""
        if self.base_time is not None:
            keeper.remember(peripheral, _LAST_BASE_TIME, self.base_time)
        keeper.set_watermark(peripheral, profile_id, self.number)


class Procedure:
    """What one session asks of one meter."""

    def __init__(self) -> None:
        self._pairs = glucose_pair.PairMaker()
        self._known: Known | None = None  # while the meter is asked from it on
        self._known_has_come = False
        self._reported: list[Known] = []  # measurements, as they came
        self._without_context: set[int] = set()
        self._answer: _Answer | None = None
        self._progress = 0
        self._is_over = False
        self._is_complete = False
        self._are_numbers_lasting = True
        self._stirred = asyncio.Event()

    async def report(
        self, client: bleak.BleakClient, how: ReportRecords, known: Known | None
    ) -> None:
        """Have the meter send its records and return when it has sent all that it was asked for.

        Args:
            client: Connected and subscribed to records and control point.
            how: What the profile says about the meter's reports.
            known: The last record reported before, or None.

        Raises:
            ProcedureError: the meter refused, fell silent, hung up, or sent fewer records than it has.
            BleakError: the link failed.
        """
        await asyncio.sleep(how.settle_s)
        self._are_numbers_lasting = not how.newest_first
        if how.unasked_s and await self._came_unasked(how.unasked_s):
            self._is_complete = True
            return
        is_selective = how.sync is Sync.INCREMENTAL and not how.newest_first
        if is_selective and known is not None and known.number < _HIGHEST_NUMBER:
            self._is_complete = await self._report_from(client, known)
        if not self._is_complete:
            self._forget()
            code = await self._report_counted(client, racp.report_all())
            _require_success(code)
            self._is_complete = True
        if self._without_context:
            log.warning("contexts_missing", extra={"count": len(self._without_context)})

    def wholes(
        self, characteristic: str, raw: bytes, *, is_paired: bool
    ) -> list[tuple[str, bytes]]:
        """Return the records, each with its characteristic, that are whole by what came; none if it is known already.

        Args:
            characteristic: Where the bytes came from.
            raw: The bytes.
            is_paired: Whether only the context says what a strip was for, so that a measurement waits for it. The meter
                has both meanwhile.
        """
        if self._is_known(characteristic, raw):
            return []
        return self._pairs.take(characteristic, raw) if is_paired else [(characteristic, raw)]

    def rest(self) -> list[tuple[str, bytes]]:
        """Return what still waits for its context when the report has ended."""
        return self._pairs.rest()

    def note_record(self, characteristic: str, raw: bytes) -> None:
        """Take a record that is stored, or held until its context comes, as progress."""
        number = glucose_pair.sequence_number(raw)
        if characteristic == uuids.GLUCOSE_MEASUREMENT and number is not None:
            self._reported.append(Known(number, raw[_BASE_TIME]))
            if glucose_pair.announces_context(raw):
                self._without_context.add(number)
        elif characteristic == uuids.GLUCOSE_MEASUREMENT_CONTEXT and number is not None:
            self._without_context.discard(number)
        self._move()

    def note_answer(self, raw: bytes) -> None:
        """Take an indication of the control point; anything but an answer to a request of ours is ignored."""
        try:
            answer = racp.response_from_bytes(raw)
        except leaf_errors.FrameError:
            log.warning("control_point_answer_unreadable", extra={"length": len(raw)})
            return
        self._answer = answer
        self._move()

    def stop(self) -> None:
        """Stop waiting: the link is gone or records can no longer be stored."""
        self._is_over = True
        self._stirred.set()

    def reached(self) -> Known | None:
        """Return the last record that need not be asked for again, or None if that is unknown.

        After a report that was cut off, the last measurement's context may be missing, so the one before it counts, and
        none whose announced context has not come; and only if the meter sent its records oldest first.
        """
        if not self._are_numbers_lasting:
            return None
        if self._is_complete:
            return max(self._reported, key=lambda one: one.number, default=None)
        numbers = [one.number for one in self._reported]
        if not all(first < second for first, second in itertools.pairwise(numbers)):
            return None
        bound = min(self._without_context, default=_HIGHEST_NUMBER + 1)
        whole = [one for one in self._reported[:-1] if one.number < bound]
        return whole[-1] if whole else None

    async def _report_from(self, client: bleak.BleakClient, known: Known) -> bool:
        """Ask for the last known record and all after it; return whether that one is what it was."""
        self._known = known
        code = await self._report_counted(client, racp.report_from(known.number))
        self._known = None
        if code in _CANNOT_SELECT:
            return False
        _require_success(code)
        if any(_is_same(one, known) for one in self._reported):
            return True
        log.warning("meter_numbering_started_over")
        return False

    async def _report_counted(
        self, client: bleak.BleakClient, request: racp.Request
    ) -> ResponseCode:
        """Ask how many, ask for them, compare; what is missing is asked for once more."""
        counted = await self._count(client, request)
        if counted == 0:
            return ResponseCode.NO_RECORDS_FOUND
        code = await self._ask(client, request)
        for is_last in (False, True):
            if code is not ResponseCode.SUCCESS or counted is None:
                return code
            if await self._have_come(counted):
                return code
            log.warning(
                "meter_report_incomplete",
                extra={"count": len(set(self._reported)), "number": counted},
            )
            if not is_last:
                code = await self._ask(client, request)
        raise ProcedureError("the meter has sent fewer records than it says it has")

    async def _count(self, client: bleak.BleakClient, request: racp.Request) -> int | None:
        """Return how many records a request is for, or None if the meter does not say."""
        count = racp.count_of(request)
        for _ in range(_COUNT_ATTEMPTS):
            await self._request(client, count)
            answer = await self._await_answer(OpCode.REPORT_COUNT, _COUNT_SILENCE_S)
            if answer is not None:
                return answer.count if isinstance(answer, racp.CountResponse) else None
        log.info("meter_does_not_count")
        return None

    async def _ask(self, client: bleak.BleakClient, request: racp.Request) -> ResponseCode:
        await self._request(client, request)
        before = self._progress
        answer = await self._await_answer(OpCode.REPORT_RECORDS, _REPORT_SILENCE_S)
        if answer is None and self._progress == before:
            await self._request(client, request)
        if answer is None:
            answer = await self._await_answer(OpCode.REPORT_RECORDS, _PROGRESS_TIMEOUT_S)
        if not isinstance(answer, racp.Response):
            await self._request(client, racp.abort())
            raise ProcedureError("the meter fell silent in its report")
        return answer.code

    async def _request(self, client: bleak.BleakClient, request: racp.Request) -> None:
        self._answer = None
        try:
            await client.write_gatt_char(_CONTROL_POINT, request.to_bytes(), response=True)
        except exc.BleakGATTProtocolError as error:
            if error.code not in _STILL_BUSY:
                raise

    async def _await_answer(self, op_code: OpCode, silence_s: float) -> _Answer | None:
        """Return the answer to a request, or None after so much silence."""
        while True:
            if self._answer is not None and _answered(self._answer) == op_code:
                return self._answer
            if self._is_over:
                raise ProcedureError("the meter hung up before its report was complete")
            if not await self._moved_within(silence_s):
                return None

    async def _have_come(self, expected: int) -> bool:
        """Whether so many records came; those that the answer has overtaken are waited for."""
        while len(set(self._reported)) < expected:
            if self._is_over or not await self._moved_within(_RECORD_GAP_S):
                return False
        return True

    async def _came_unasked(self, silence_s: float) -> bool:
        """Wait for what a meter sends as soon as it is subscribed to, until it falls silent."""
        while not self._is_over and await self._moved_within(silence_s):
            pass
        return bool(self._reported)

    async def _moved_within(self, seconds: float) -> bool:
        self._stirred.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        except TimeoutError:
            return False
        return True

    def _is_known(self, characteristic: str, raw: bytes) -> bool:
        """Whether this is the last record known, with the same time as then, or its context."""
        if self._known is None or glucose_pair.sequence_number(raw) != self._known.number:
            return False
        if characteristic == uuids.GLUCOSE_MEASUREMENT:
            self._known_has_come = raw[_BASE_TIME] == self._known.base_time
        return self._known_has_come

    def _move(self) -> None:
        self._progress += 1
        self._stirred.set()

    def _forget(self) -> None:
        """Begin anew: only the report of all records says what has been reached."""
        self._reported.clear()
        self._without_context.clear()


def _answered(answer: _Answer) -> int:
    """Return the op code of the request that an answer is for."""
    if isinstance(answer, racp.CountResponse):
        return OpCode.REPORT_COUNT
    return answer.request_op_code


def _is_same(reported: Known, known: Known) -> bool:
    return reported.number == known.number and known.base_time in {None, reported.base_time}


def _require_success(code: ResponseCode) -> None:
    if code not in (ResponseCode.SUCCESS, ResponseCode.NO_RECORDS_FOUND):
        raise ProcedureError(f"the meter answered {code.name.lower()}; look at its display")
