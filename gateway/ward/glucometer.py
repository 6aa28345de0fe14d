"""Virtual glucometers with the standard's Glucose Service, and with the habits of many models.

Source: Glucose Service 1.0.1, 2022-01-18, sections 3.1 to 3.4.
"""

from __future__ import annotations

import asyncio
import contextlib
import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Final

from bumble import att, gatt
from bumble.device import Connection

from firmware_profiles import errors as leaf_errors
from firmware_profiles import racp, sfloat, uuids
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import FluidType, GlucoseMeasurement, Sample, SampleLocation
from firmware_profiles.glucose_context import Circumstances, GlucoseMeasurementContext
from firmware_profiles.protocols import taidoc
from firmware_profiles.racp import OpCode, Operator, ResponseCode
from firmware_profiles.sfloat import Sfloat
from gateway.ward import gatt as building_blocks
from gateway.ward import meter_clocks, meter_habits
from gateway.ward.gatt import Properties
from gateway.ward.home import PeripheralSettings
from gateway.ward.memory import StoredRecord
from gateway.ward.meter_habits import Clock
from gateway.ward.series import GlucoseRow, Series
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

# Bits of Glucose Feature: no optional one but the time fault (bit 9). Source: GATT Specification Supplement.
_FEATURES: Final = (1 << 9).to_bytes(2, "little")
# 1 mg/dL is 10^-5 kg/L.
_MG_DL_EXPONENT: Final = -5
_MINUTE: Final = timedelta(minutes=1)
_BY_SEQUENCE: Final = 1
_NOT_AVAILABLE: Final = Circumstances(tester=15, health=15)
_KETONE_MEAL: Final = 6
# TaiDoc's own channel, of which this meter understands one command. Source: support statement of the profile fora-gd40.
_SWITCH_SERVICE: Final = "00001523-1212-efde-1523-785feabcd123"
_SWITCH_OFF: Final = bytes.fromhex("515000000000a344")
_BOGUS_AT: Final = datetime(2037, 1, 1)  # noqa: DTZ001  # a peripheral's clock has no zone


class Glucometer(VirtualPeripheral[GlucoseRow]):
    """Waits to be asked for its records; all else is its model's habit.

    A meter with a Current Time Service never sets its inner clock; setting the display changes the offset that each
    record carries. The others set the clock that records are stamped with.

    Attributes:
        habits: what its model does; a test may change them before it is switched on.
        is_off: whether a host has switched it off.
    """

    service: ClassVar[str | None] = uuids.GLUCOSE_SERVICE

    def __init__(
        self,
        settings: PeripheralSettings,
        series: Series[GlucoseRow],
        zone: zoneinfo.ZoneInfo,
        folder: Path,
        now: Callable[[], datetime],
    ) -> None:
        self.habits = meter_habits.BY_MODEL[settings.model]
        self.is_off = False
        super().__init__(settings, series, zone, folder, now)
        self.shows_passkey = self.habits.shows_passkey

    @property
    def display_time(self) -> datetime:
        """Return the naive time that the display shows: inner clock plus offset."""
        contents = self.memory.contents
        return contents.clock.read(self._now()) + contents.display_offset_min * _MINUTE

    async def measure_with(self, result: Sfloat, location: SampleLocation) -> StoredRecord:
        """Measure something special, such as HI or control solution."""
        contents = self.memory.contents
        stamp = Stamp(contents.next_sequence, contents.clock.read(self._now()), 0)
        record = self.memory.add(self._frames(stamp, result, location, None))
        await self._advertise_if_needed()
        return record

    def _services(self) -> list[gatt.Service]:
        self._procedure: asyncio.Task[None] | None = None
        self._overheard = 0
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
        if self.habits.sends_unasked:
            self._control_point.on(self._control_point.EVENT_SUBSCRIPTION, self._on_subscription)
        features = building_blocks.constant(self.device, uuids.GLUCOSE_FEATURE, _FEATURES)
        glucose = [*self._sources.values(), features, self._control_point]
        maker = self.habits.maker
        services = [
            building_blocks.device_information(
                self.device, maker.manufacturer, maker.model, maker.firmware
            )
        ]
        match self.habits.clock:
            case Clock.NONE:
                pass
            case Clock.CURRENT_TIME:
                services.append(
                    building_blocks.current_time_service(
                        self.device, show=lambda: self.display_time, adjust=self._move_display
                    )
                )
            case Clock.DATE_TIME:
                glucose.append(self._date_time())
            case clock:
                services.append(
                    meter_clocks.service(
                        clock, self.device, lambda: self.display_time, self._set_clock
                    )
                )
        if self.habits.has_switch:
            switch = building_blocks.characteristic(
                self.device, taidoc.CHANNEL, Properties.WRITE, write=self._on_command
            )
            services.append(gatt.Service(_SWITCH_SERVICE, [switch]))
        return [gatt.Service(uuids.GLUCOSE_SERVICE.upper(), glucose), *services]

    def _on_command(self, connection: Connection, content: bytes) -> None:
        if content == _SWITCH_OFF:
            self.is_off = True
            self._spawn(self.hang_up(connection))

    def _date_time(self) -> gatt.Characteristic[bytes]:
        def write(_connection: Connection, content: bytes) -> None:
            with contextlib.suppress(leaf_errors.FrameError):
                shown = DateTime.from_bytes(content).wall_clock()
                if shown is not None:
                    self._set_clock(shown)

        return building_blocks.characteristic(
            self.device,
            uuids.DATE_TIME,
            Properties.READ | Properties.WRITE,
            read=lambda _connection: DateTime.of(self.display_time).to_bytes(),
            write=write,
        )

    def _encode(self, row: GlucoseRow, stamp: Stamp) -> Frames:
        every = self.habits.ketone_every
        meal = row.meal
        result = Sfloat.of(Decimal(row.glucose_mg_dl).scaleb(_MG_DL_EXPONENT))
        if every and stamp.sequence % every == every - 1:
            # A tenth of a millimole of ketone for each mg/dL of the figure: from 0.0 to 2.9 mmol/L.
            meal = _KETONE_MEAL
            result = Sfloat.of(Decimal(row.glucose_mg_dl % 30).scaleb(_MG_DL_EXPONENT))
        return self._frames(stamp, result, SampleLocation.FINGER, meal)

    def _frames(
        self, stamp: Stamp, result: Sfloat, location: SampleLocation, meal: int | None
    ) -> Frames:
        has_context = self.habits.always_contexts or (
            meal is not None and not self.habits.no_contexts
        )
        measurement = GlucoseMeasurement(
            sequence_number=stamp.sequence,
            base_time=DateTime.of(stamp.clock_time),
            sample=Sample(result, FluidType.CAPILLARY_PLASMA, location),
            time_offset_min=stamp.display_offset_min or None,
            context_follows=has_context,
        )
        source = uuids.GLUCOSE_MEASUREMENT
        frames = [(source, self.habits.knobs.deviating(source, measurement.to_bytes()))]
        if has_context:
            context = GlucoseMeasurementContext(
                sequence_number=stamp.sequence,
                meal=meal,
                circumstances=None if meal is not None else _NOT_AVAILABLE,
            )
            frames.append((uuids.GLUCOSE_MEASUREMENT_CONTEXT, context.to_bytes()))
        return frames

    def _move_display(self, shown: datetime) -> None:
        inner = self.memory.contents.clock.read(self._now())
        self.memory.set_display_offset(round((shown - inner) / _MINUTE))

    def _set_clock(self, shown: datetime) -> None:
        self.memory.set_clock(self.memory.contents.clock.adjusted(shown, self._now()))

    async def _converse(self, _connection: Connection) -> None:
        """Wait to be asked; most meters send nothing by themselves."""
        self._overheard = 0

    def _on_disconnection(self, reason: int) -> None:
        if self._procedure is not None:
            self._procedure.cancel()
            self._procedure = None
        super()._on_disconnection(reason)

    def _on_subscription(self, peer: Connection, _notify: bool, indicate: bool) -> None:
        if indicate:
            self._procedure = self._spawn(self._send_unasked(peer))

    async def _send_unasked(self, connection: Connection) -> None:
        records = self._records()
        await self._report(connection, records)
        self.memory.mark_sent([record.sequence for record in records])

    def _on_request(self, connection: Connection, content: bytes) -> None:
        """Take a request, or refuse it with the error that the service defines.

        Raises:
            ATT_Error: subscriptions are missing, or another procedure is running.
        """
        sources = (*self._sources.values(), self._control_point)
        if not all(building_blocks.is_subscribed(self.device, connection, s) for s in sources):
            raise att.ATT_Error(att.ErrorCode.CCCD_IMPROPERLY_CONFIGURED)
        if self._overheard < self.habits.overhears:
            self._overheard += 1
            return
        is_abort = content[:1] == bytes([OpCode.ABORT])
        if self._procedure is not None and not self._procedure.done():
            if not is_abort:
                raise att.ATT_Error(att.ErrorCode.PROCEDURE_ALREADY_IN_PROGRESS)
            self._procedure.cancel()
        self._procedure = self._spawn(self._carry_out(connection, content))

    async def _carry_out(self, connection: Connection, content: bytes) -> None:
        try:
            request = _understood(content)
            self._refuse_if_unable(request)
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

    def _refuse_if_unable(self, request: racp.Request) -> None:
        if request.op_code is OpCode.REPORT_COUNT and not self.habits.counts:
            raise _RefusedError(ResponseCode.OP_CODE_NOT_SUPPORTED)
        if request.sequence_numbers and not self.habits.selects:
            raise _RefusedError(ResponseCode.OPERATOR_NOT_SUPPORTED)

    async def _conclude(
        self, connection: Connection, request: racp.Request, reported: Sequence[StoredRecord]
    ) -> None:
        # Returns with the host's confirmation; without one it raises, and nothing counts as sent.
        await self._answer(connection, _response(request, ResponseCode.SUCCESS))
        self.memory.mark_sent([record.sequence for record in reported])

    async def _report(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        frames = [frame for record in records for frame in record.frames]
        if self.habits.contexts_last:
            frames.sort(key=lambda frame: frame[0] != uuids.GLUCOSE_MEASUREMENT)
        for uuid, content in frames:
            await self.device.gatt_server.notify_subscriber(
                connection, self._sources[uuid], bytes.fromhex(content)
            )
            # Lets an abort in, and the link breathe.
            await asyncio.sleep(0)

    async def _answer(self, connection: Connection, answer: bytes) -> None:
        await self.device.gatt_server.indicate_subscriber(connection, self._control_point, answer)

    def _selected(self, request: racp.Request) -> list[StoredRecord]:
        first = request.sequence_numbers[0] if request.sequence_numbers else 0
        return [record for record in self._records() if record.sequence >= first]

    def _records(self) -> list[StoredRecord]:
        """Return the records as the meter would number and send them now."""
        records = list(self.memory.contents.records)
        if self.habits.newest_first:
            records = [_renumbered(one, place) for place, one in enumerate(reversed(records))]
        if self.habits.bogus_high and records:
            stamp = Stamp(records[-1].sequence + 1, _BOGUS_AT, 0)
            frames = self._frames(stamp, sfloat.POSITIVE_INFINITY, SampleLocation.FINGER, None)
            records.append(StoredRecord.of(stamp.sequence, frames))
        return records


def _renumbered(record: StoredRecord, number: int) -> StoredRecord:
    """Write another number into a record's frames."""
    sequence = number.to_bytes(2, "little").hex()
    frames = tuple((uuid, raw[:2] + sequence + raw[6:]) for uuid, raw in record.frames)
    return replace(record, sequence=number, frames=frames)


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
