"""A virtual glucometer that follows the Bluetooth Glucose Profile.

Source: Glucose Service 1.0.1, 2022-01-18, sections 3.1 to 3.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from bumble import att, gatt
from bumble.device import Connection

from firmware_profiles import racp, uuids
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import FluidType, GlucoseMeasurement, Sample, SampleLocation
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.racp import OpCode, Operator, ResponseCode
from firmware_profiles.sfloat import Sfloat
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.memory import StoredRecord
from gateway.ward.series import GlucoseRow
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

# Bits of Glucose Feature: no optional one but the time fault (bit 9). Source: GATT Specification Supplement.
_FEATURES: Final = (1 << 9).to_bytes(2, "little")
# 1 mg/dL is 10^-5 kg/L.
_MG_DL_EXPONENT: Final = -5
_MINUTE: Final = timedelta(minutes=1)
_BY_SEQUENCE: Final = 1


class StandardGlucometer(VirtualPeripheral[GlucoseRow]):
    """A meter with Glucose Service and Current Time Service.

    Its inner clock is never set; setting the display changes the offset that each record carries.
    """

    service: ClassVar[str] = uuids.GLUCOSE_SERVICE

    @property
    def display_time(self) -> datetime:
        """Return the naive time that the display shows: inner clock plus offset."""
        contents = self.memory.contents
        return contents.clock.read(self._now()) + contents.display_offset_min * _MINUTE

    def _services(self) -> list[gatt.Service]:
        self._procedure: asyncio.Task[None] | None = None
        self._sources = {
            uuid: building_blocks.characteristic(self.device, uuid, Properties.NOTIFY)
            for uuid in (uuids.GLUCOSE_MEASUREMENT, uuids.GLUCOSE_MEASUREMENT_CONTEXT)
        }
        self._control_point = building_blocks.characteristic(
            self.device,
            uuids.RECORD_ACCESS_CONTROL_POINT,
            Properties.WRITE | Properties.INDICATE,
            write=self._on_request,
        )
        features = building_blocks.constant(self.device, uuids.GLUCOSE_FEATURE, _FEATURES)
        return [
            gatt.Service(
                uuids.GLUCOSE_SERVICE.upper(),
                [*self._sources.values(), features, self._control_point],
            ),
            building_blocks.current_time_service(
                self.device, show=lambda: self.display_time, adjust=self._adjust
            ),
            building_blocks.device_information(self.device, "Homevitals", "Virtual glucometer"),
        ]

    def _encode(self, row: GlucoseRow, stamp: Stamp) -> Frames:
        measurement = GlucoseMeasurement(
            sequence_number=stamp.sequence,
            base_time=DateTime.of(stamp.clock_time),
            sample=Sample(
                concentration=Sfloat.of(Decimal(row.glucose_mg_dl).scaleb(_MG_DL_EXPONENT)),
                fluid_type=FluidType.CAPILLARY_PLASMA,
                location=SampleLocation.FINGER,
            ),
            time_offset_min=stamp.display_offset_min or None,
            context_follows=row.meal is not None,
        )
        frames = [(uuids.GLUCOSE_MEASUREMENT, measurement.to_bytes())]
        if row.meal is not None:
            context = GlucoseMeasurementContext(sequence_number=stamp.sequence, meal=row.meal)
            frames.append((uuids.GLUCOSE_MEASUREMENT_CONTEXT, context.to_bytes()))
        return frames

    def _adjust(self, shown: datetime) -> None:
        inner = self.memory.contents.clock.read(self._now())
        self.memory.set_display_offset(round((shown - inner) / _MINUTE))

    async def _converse(self, connection: Connection) -> None:
        """Wait to be asked; a meter sends nothing by itself."""

    def _on_disconnection(self, reason: int) -> None:
        if self._procedure is not None:
            self._procedure.cancel()
            self._procedure = None
        super()._on_disconnection(reason)

    def _on_request(self, connection: Connection, content: bytes) -> None:
        """Take a request, or refuse it with the error that the service defines.

        Raises:
            ATT_Error: subscriptions are missing, or another procedure is running.
        """
        sources = (*self._sources.values(), self._control_point)
        if not all(building_blocks.is_subscribed(self.device, connection, s) for s in sources):
            raise att.ATT_Error(att.ErrorCode.CCCD_IMPROPERLY_CONFIGURED)
        is_abort = content[:1] == bytes([OpCode.ABORT])
        if self._procedure is not None and not self._procedure.done():
            if not is_abort:
                raise att.ATT_Error(att.ErrorCode.PROCEDURE_ALREADY_IN_PROGRESS)
            self._procedure.cancel()
        self._procedure = self._spawn(self._carry_out(connection, content))

    async def _carry_out(self, connection: Connection, content: bytes) -> None:
        try:
            request = _understood(content)
        except _RefusedError as refused:
            await self._answer(
                connection, racp.Response(_op_code(content), refused.code).to_bytes()
            )
            return
        if request.op_code is OpCode.ABORT:
            await self._answer(connection, _response(request, ResponseCode.SUCCESS))
            return
        selected = self._selected(request)
        if request.op_code is OpCode.REPORT_COUNT:
            await self._answer(connection, racp.CountResponse(len(selected)).to_bytes())
            return
        if not selected:
            await self._answer(connection, _response(request, ResponseCode.NO_RECORDS_FOUND))
            return
        await self._report(connection, selected)
        # A host may hang up in the same moment as it confirms; that it confirmed counts nevertheless.
        await asyncio.shield(self._spawn(self._conclude(connection, request, selected)))

    async def _conclude(
        self, connection: Connection, request: racp.Request, reported: Sequence[StoredRecord]
    ) -> None:
        # Returns with the host's confirmation; without one it raises, and nothing counts as sent.
        await self._answer(connection, _response(request, ResponseCode.SUCCESS))
        self.memory.mark_sent([record.sequence for record in reported])

    async def _report(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        for record in records:
            for uuid, content in record.frames:
                await self.device.gatt_server.notify_subscriber(
                    connection, self._sources[uuid], bytes.fromhex(content)
                )
            # Lets an abort in, and the link breathe.
            await asyncio.sleep(0)

    async def _answer(self, connection: Connection, answer: bytes) -> None:
        await self.device.gatt_server.indicate_subscriber(connection, self._control_point, answer)

    def _selected(self, request: racp.Request) -> list[StoredRecord]:
        first = request.sequence_numbers[0] if request.sequence_numbers else 0
        return [record for record in self.memory.contents.records if record.sequence >= first]


class _RefusedError(Exception):
    """A request that this meter does not carry out."""

    def __init__(self, code: ResponseCode) -> None:
        super().__init__(code.name)
        self.code = code


def _understood(content: bytes) -> racp.Request:
    """Read a request for all records, for those from a number on, for either's count, or to abort."""
    op_code = _op_code(content)
    if op_code not in (OpCode.REPORT_RECORDS, OpCode.REPORT_COUNT, OpCode.ABORT):
        raise _RefusedError(ResponseCode.OP_CODE_NOT_SUPPORTED)
    operator, operand = content[1:2], content[2:]
    if op_code == OpCode.ABORT:
        if operator != bytes([Operator.NULL]):
            raise _RefusedError(ResponseCode.INVALID_OPERATOR)
        if operand:
            raise _RefusedError(ResponseCode.INVALID_OPERAND)
        return racp.abort()
    if operator == bytes([Operator.ALL]):
        if operand:
            raise _RefusedError(ResponseCode.INVALID_OPERAND)
        return racp.Request(OpCode(op_code), Operator.ALL)
    if operator != bytes([Operator.AT_LEAST]):
        known = operator and operator[0] in set(Operator) - {Operator.NULL}
        raise _RefusedError(
            ResponseCode.OPERATOR_NOT_SUPPORTED if known else ResponseCode.INVALID_OPERATOR
        )
    if operand[:1] != bytes([_BY_SEQUENCE]):
        raise _RefusedError(ResponseCode.OPERAND_NOT_SUPPORTED)
    if len(operand) != 3:
        raise _RefusedError(ResponseCode.INVALID_OPERAND)
    return racp.Request(
        OpCode(op_code), Operator.AT_LEAST, (int.from_bytes(operand[1:], "little"),)
    )


def _op_code(content: bytes) -> int:
    return content[0] if content else 0


def _response(request: racp.Request, code: ResponseCode) -> bytes:
    return racp.Response(request.op_code, code).to_bytes()
