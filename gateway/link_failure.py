"""What bleak and the operating system raise when a link fails, and what it means for a session.

The one distinction that matters to people is made here: a lost bond, which somebody must mend, and everything else,
which mends itself.
"""

from __future__ import annotations

from typing import Final

from bleak import exc

from gateway import errors
from gateway.errors import SessionReason

# EOFError: the D-Bus connection to BlueZ ended, as when its daemon restarts.
CAUSES: Final = (exc.BleakError, OSError, EOFError, TimeoutError)

_IN_PROGRESS: Final = "org.bluez.Error.InProgress"
# So BlueZ 5.66 answers when a link, also of LE, came up and ended before it had shown its services; among others when
# the peripheral does not have our key. Seen in `tests/bluez/`.
_FAILED: Final = "org.bluez.Error.Failed"
_CANCELED: Final = "br-connection-canceled"
_REFUSED_FOR_SECURITY: Final = frozenset(
    {
        exc.BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        exc.BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
        exc.BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
        exc.BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
    }
)


def session_error(error: BaseException, otherwise: SessionReason) -> errors.SessionError:
    """Say what a failure means.

    Args:
        error: One of `CAUSES`.
        otherwise: The reason for a link that just failed.
    """
    if _is_about_the_bond(error):
        return errors.SessionError(
            SessionReason.PAIRING_REFUSED,
            "gateway and peripheral do not share a bond; “homevitals-gateway devices” says what to do",
        )
    if is_in_progress(error):
        return errors.SessionError(
            SessionReason.ADAPTER_BUSY,
            "the Bluetooth adapter is busy with something else, or says so",
        )
    match error:
        case exc.BleakCharacteristicNotFoundError():
            return errors.SessionError(
                SessionReason.MISSING_CHARACTERISTIC,
                f"the peripheral lacks characteristic {error.char_specifier}; its profile does not fit",
            )
        case exc.BleakGATTProtocolError():
            return errors.SessionError(SessionReason.REFUSED, "the peripheral refused a request")
        case _:
            return errors.SessionError(otherwise, f"the link failed: {type(error).__name__}")


def is_in_progress(error: BaseException) -> bool:
    """Whether BlueZ says that it is busy already."""
    return isinstance(error, exc.BleakDBusError) and error.dbus_error == _IN_PROGRESS


def broke_while_connecting(error: BaseException | None) -> bool:
    """Whether the peripheral dropped a link before it had shown its services, without saying why."""
    if isinstance(error, exc.BleakDBusError):
        return (error.dbus_error, error.dbus_error_details) == (_FAILED, _CANCELED)
    # bleak has no class of its own for it; those it has are about something else.
    return type(error) is exc.BleakError


def _is_about_the_bond(error: BaseException) -> bool:
    if isinstance(error, exc.BleakGATTProtocolError):
        return error.code in _REFUSED_FOR_SECURITY
    return isinstance(error, exc.BleakDBusError) and "Authentication" in error.dbus_error
