"""The proprietary clocks of meters that otherwise follow the standard: Ascensia's and i-SENS'.

Source: `firmware_profiles.protocols.contour_clock` and `firmware_profiles.protocols.caresens_clock`.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from bumble import gatt
from bumble.device import Connection, Device

from firmware_profiles import errors as leaf_errors
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.protocols import caresens_clock, contour_clock
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.meter_habits import Clock

_CONTOUR_SERVICE: Final = "00000000-0002-11e2-9e96-0800200c9a66"
# Protocol 1.5 and 1.4, in the order of the protocol's clocks.
_CARESENS_SERVICES: Final = ("c4dea010-5a9d-11e9-8647-d663bd873d93", "FFF0")
_CARESENS_COMMAND: Final = b"\xc0\x03\x01\x00"


def service(
    clock: Clock, device: Device, show: Callable[[], datetime], adjust: Callable[[datetime], None]
) -> gatt.Service:
    """Make the vendor's service around a clock.

    Args:
        clock: whose.
        device: The peripheral it belongs to.
        show: Returns the naive time displayed.
        adjust: Sets the display to a naive time.
    """
    if clock is Clock.CONTOUR:
        return _contour(device, adjust)
    place = 0 if clock is Clock.CARESENS_1_5 else 1
    return _caresens(device, _CARESENS_SERVICES[place], caresens_clock.CLOCKS[place], show, adjust)


def _contour(device: Device, adjust: Callable[[datetime], None]) -> gatt.Service:
    def write(connection: Connection, content: bytes) -> None:
        with contextlib.suppress(leaf_errors.FrameError, struct.error):
            utc = DateTime.from_bytes(content[1:8]).wall_clock()
            (offset_min,) = struct.unpack("<h", content[8:])
            if utc is not None and content[0] == 1:
                adjust(utc + timedelta(minutes=offset_min))
                _later(device.gatt_server.indicate_subscriber(connection, made, content[:1]))

    made = building_blocks.characteristic(
        device, contour_clock.CLOCK, Properties.WRITE | Properties.INDICATE, write=write
    )
    return gatt.Service(_CONTOUR_SERVICE, [made])


def _caresens(
    device: Device,
    service_uuid: str,
    clock_uuid: str,
    show: Callable[[], datetime],
    adjust: Callable[[datetime], None],
) -> gatt.Service:
    def write(connection: Connection, content: bytes) -> None:
        if content[:4] != _CARESENS_COMMAND or len(content) != 11:
            return
        if not any(content[4:]):  # the question
            answer = _CARESENS_COMMAND + DateTime.of(show()).to_bytes()
            _later(device.gatt_server.notify_subscriber(connection, made, answer))
            return
        shown = DateTime.from_bytes(content[4:]).wall_clock()
        if shown is not None:
            adjust(shown)  # confirmed so late that nobody waits for it

    made = building_blocks.characteristic(
        device, clock_uuid, Properties.WRITE | Properties.NOTIFY, write=write
    )
    return gatt.Service(service_uuid, [made])


_answers: set[asyncio.Task[None]] = set()


def _later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _answers.add(task)
    task.add_done_callback(_answers.discard)
