"""GATT building blocks of the virtual peripherals: everything behind encryption, as the health profiles demand.

Source: Blood Pressure Profile 1.1.1 and Glucose Profile 1.0.1, section 6.1 of each (LE security mode 1, level 2 or 3).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from bumble import att, gatt
from bumble.device import Connection, Device

from firmware_profiles import errors as leaf_errors
from firmware_profiles import uuids
from firmware_profiles.gatt_time import CurrentTime

Read = Callable[[Connection], bytes]
Write = Callable[[Connection, bytes], None]

# Source: Current Time Service 1.1, section 3.1.2.1.
DATA_FIELD_IGNORED: Final = 0x80

Properties = gatt.Characteristic.Properties
# Without a bond a peer is told “insufficient authentication”, which makes its host start pairing.
_OPEN: Final = att.Attribute.READABLE | att.Attribute.WRITEABLE
_PROTECTED: Final = (
    att.Attribute.READABLE
    | att.Attribute.WRITEABLE
    | att.Attribute.READ_REQUIRES_AUTHENTICATION
    | att.Attribute.WRITE_REQUIRES_AUTHENTICATION
)
_INDICATES: Final = b"\x02\x00"


def characteristic(
    device: Device,
    uuid: str,
    properties: gatt.Characteristic.Properties,
    *,
    read: Read | None = None,
    write: Write | None = None,
    is_open: bool = False,
) -> gatt.Characteristic[bytes]:
    """Make a characteristic, with a protected subscription descriptor where it can notify or indicate.

    Args:
        device: The peripheral it belongs to.
        uuid: Short UUID.
        properties: What a peer may do.
        read: Returns the content; without it reading is refused.
        write: Takes a written content; without it writing is refused.
        is_open: Whether it can be used on a link without encryption, as on devices that do not bond.
    """
    made: gatt.Characteristic[bytes] = gatt.Characteristic(
        uuid.upper(),
        properties,
        _OPEN if is_open else _PROTECTED,
        gatt.CharacteristicValue(read=read or _refuse_read, write=write or _refuse_write),
    )
    if properties & (Properties.NOTIFY | Properties.INDICATE):
        made.descriptors = [
            gatt.Descriptor(
                gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
                _OPEN if is_open else _PROTECTED,
                device.gatt_server.make_descriptor_value(made),
            )
        ]
    return made


def constant(device: Device, uuid: str, content: bytes) -> gatt.Characteristic[bytes]:
    """Make a characteristic that can only be read and always says the same."""
    return characteristic(device, uuid, Properties.READ, read=lambda _connection: content)


def device_information(
    device: Device, manufacturer: str, model: str, firmware: str = "1.0"
) -> gatt.Service:
    """Make the Device Information Service; what is empty is not there at all."""
    told = {
        uuids.MANUFACTURER_NAME: manufacturer,
        uuids.MODEL_NUMBER: model,
        uuids.FIRMWARE_REVISION: firmware,
    }
    return gatt.Service(
        uuids.DEVICE_INFORMATION_SERVICE.upper(),
        [constant(device, uuid, text.encode()) for uuid, text in told.items() if text],
    )


def battery(device: Device, level_percent: int) -> gatt.Service:
    """Make the Battery Service with a fixed level."""
    level = constant(device, uuids.BATTERY_LEVEL, bytes([level_percent]))
    return gatt.Service(uuids.BATTERY_SERVICE.upper(), [level])


def current_time_service(
    device: Device,
    *,
    show: Callable[[], datetime],
    adjust: Callable[[datetime], None],
    is_told: bool = False,
) -> gatt.Service:
    """Make the Current Time Service of a clock that a bonded host may read and set.

    Args:
        device: The peripheral it belongs to.
        show: Returns the naive time displayed.
        adjust: Sets the display to a naive time.
        is_told: Whether it also notifies its time.
    """

    def write(_connection: Connection, content: bytes) -> None:
        try:
            shown = CurrentTime.from_bytes(content).wall_clock()
        except leaf_errors.FrameError:
            raise att.ATT_Error(att.ErrorCode.INVALID_ATTRIBUTE_LENGTH) from None
        if shown is None:
            raise att.ATT_Error(DATA_FIELD_IGNORED)
        adjust(shown)

    current_time = characteristic(
        device,
        uuids.CURRENT_TIME,
        Properties.READ | Properties.WRITE | (Properties.NOTIFY if is_told else Properties(0)),
        read=lambda _connection: CurrentTime.of(show()).to_bytes(),
        write=write,
    )
    return gatt.Service(uuids.CURRENT_TIME_SERVICE.upper(), [current_time])


def is_subscribed(
    device: Device, connection: Connection, source: gatt.Characteristic[bytes]
) -> bool:
    """Whether a peer has notifications or indications of a characteristic switched on."""
    switched: bytes = device.gatt_server.read_cccd(connection, source)
    return switched[0] != 0


def restore_subscription(
    device: Device, connection: Connection, source: gatt.Characteristic[bytes]
) -> None:
    """Switch indications on for a bonded peer that has left them on in an earlier connection."""
    device.gatt_server.subscribers.setdefault(connection, {})[source.handle] = _INDICATES


def _refuse_read(_connection: Connection) -> bytes:
    raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)


def _refuse_write(_connection: Connection, _content: bytes) -> None:
    raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)
