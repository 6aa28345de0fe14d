"""A&D's vendor service, as far as its one setting goes: whether measurements are kept while nobody listens.

Source: support statements of the profiles and-ua-651ble and and-ua-656ble.
"""

from __future__ import annotations

from typing import Final

from bumble import att, gatt
from bumble.device import Connection, Device

from firmware_profiles.protocols import and_buffer
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.memory import Memory

_SERVICE: Final = "233bf000-5a34-1b6d-975c-000d5690abe4"


def service(device: Device, memory: Memory) -> gatt.Service:
    """Make the service of a device with this memory."""
    answer = b""

    def write(_connection: Connection, content: bytes) -> None:
        nonlocal answer
        if content[:-1] == and_buffer.SET_SIZE:
            memory.set_buffer_size(content[-1])
        elif content == and_buffer.READ_SIZE:
            answer = and_buffer.SIZE_IS + bytes([memory.contents.buffer_size])
        else:
            raise att.ATT_Error(att.ErrorCode.VALUE_NOT_ALLOWED)

    commands = building_blocks.characteristic(
        device,
        and_buffer.COMMANDS,
        Properties.READ | Properties.WRITE,
        read=lambda _connection: answer,
        write=write,
    )
    return gatt.Service(_SERVICE, [commands])
