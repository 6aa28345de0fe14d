"""The collector's side of the record access control point: ask a meter for what we do not have yet.

Asked first for the records after the last one known. A meter that cannot select sends all. A meter that has nothing
newer is asked for the last known one again: if it does not have that either, its numbering has started over (reset,
or another meter under the same address) and it is asked for all. Otherwise every reading of the new numbering would
look old, and be lost.

Source: Glucose Service 1.0.1, 2022-01-18, section 3.4 (procedures and their answers).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Final

import bleak

from firmware_profiles import errors as leaf_errors
from firmware_profiles import racp, uuids
from firmware_profiles.racp import OpCode, ResponseCode
from firmware_profiles.session_steps import ReportRecords, Sync

log = logging.getLogger(__name__)

# Without a record or an answer for so long, the procedure is dead. Source: the ATT transaction time-out, Bluetooth
# Core Specification 5.4, Vol 3 Part F, 3.3.3; the Glucose Profile adopts it for its procedures.
_PROGRESS_TIMEOUT_S: Final = 30.0
_CONTROL_POINT: Final = uuids.full_uuid(uuids.RECORD_ACCESS_CONTROL_POINT)
_HIGHEST_SEQUENCE: Final = 0xFFFF
_CANNOT_SELECT: Final = frozenset(
    {
        ResponseCode.INVALID_OPERATOR,
        ResponseCode.OPERATOR_NOT_SUPPORTED,
        ResponseCode.INVALID_OPERAND,
        ResponseCode.OPERAND_NOT_SUPPORTED,
    }
)


class ProcedureError(Exception):
    """The meter did not complete the report; it will be asked again."""


class Procedure:
    """What one session asks of one meter."""

    def __init__(self) -> None:
        self._sequences: list[int] = []
        self._answer: racp.Response | None = None
        self._is_over = False
        self._is_complete = False
        self._are_numbers_lasting = True
        self._stirred = asyncio.Event()

    async def report(
        self, client: bleak.BleakClient, how: ReportRecords, known: int | None
    ) -> None:
        """Have the meter send its records and return when it says that it has sent all it was asked for.

        Args:
            client: Connected and subscribed to records and control point.
            how: What the profile says about the meter's reports.
            known: Last sequence number reported before, or None.

        Raises:
            ProcedureError: the meter refused, fell silent or hung up.
            BleakError: the link failed.
        """
        await asyncio.sleep(how.settle_s)
        self._are_numbers_lasting = not how.newest_first
        if how.sync is Sync.ALL or how.newest_first:
            known = None
        code = await self._ask_for_new(client, known)
        if code not in (ResponseCode.SUCCESS, ResponseCode.NO_RECORDS_FOUND):
            raise ProcedureError(f"the meter answered {code.name.lower()}; look at its display")
        self._is_complete = True

    def note_record(self, characteristic: str, raw: bytes) -> None:
        """Take a stored record as progress; of a measurement, note its number."""
        if characteristic == uuids.GLUCOSE_MEASUREMENT and len(raw) >= 3:
            self._sequences.append(int.from_bytes(raw[1:3], "little"))
        self._stirred.set()

    def note_answer(self, raw: bytes) -> None:
        """Take an indication of the control point; anything but an answer to our request is ignored."""
        try:
            answer = racp.response_from_bytes(raw)
        except leaf_errors.FrameError:
            log.warning("control_point_answer_unreadable", extra={"length": len(raw)})
            return
        if isinstance(answer, racp.Response) and answer.request_op_code == OpCode.REPORT_RECORDS:
            self._answer = answer
            self._stirred.set()

    def stop(self) -> None:
        """Stop waiting: the link is gone or records can no longer be stored."""
        self._is_over = True
        self._stirred.set()

    def watermark(self) -> int | None:
        """Return the last sequence number that need not be asked for again, or None if that is unknown.

        After a report that was cut off, the last measurement's context may be missing, so the one before it counts;
        and only if the meter sent its records oldest first.
        """
        if not self._are_numbers_lasting:
            return None
        if self._is_complete:
            return max(self._sequences, default=None)
        is_ascending = all(first < second for first, second in itertools.pairwise(self._sequences))
        return self._sequences[-2] if is_ascending and len(self._sequences) > 1 else None

    async def _ask_for_new(self, client: bleak.BleakClient, known: int | None) -> ResponseCode:
        if known is None or known >= _HIGHEST_SEQUENCE:
            return await self._ask(client, racp.report_all())
        code = await self._ask(client, racp.report_from(known + 1))
        if code in _CANNOT_SELECT:
            return await self._ask(client, racp.report_all())
        if code is not ResponseCode.NO_RECORDS_FOUND:
            return code
        if await self._ask(client, racp.report_from(known)) is ResponseCode.NO_RECORDS_FOUND:
            log.warning("meter_numbering_started_over")
            return await self._ask(client, racp.report_all())
        return ResponseCode.SUCCESS

    async def _ask(self, client: bleak.BleakClient, request: racp.Request) -> ResponseCode:
        self._answer = None
        await client.write_gatt_char(_CONTROL_POINT, request.to_bytes(), response=True)
        while self._answer is None:
            if self._is_over:
                raise ProcedureError("the meter hung up before its report was complete")
            self._stirred.clear()
            try:
                async with asyncio.timeout(_PROGRESS_TIMEOUT_S):
                    await self._stirred.wait()
            except TimeoutError:
                await client.write_gatt_char(_CONTROL_POINT, racp.abort().to_bytes(), response=True)
                raise ProcedureError("the meter fell silent in its report") from None
        return self._answer.code
