"""bumble's failures in the words of bleak, so that no caller has to know which backend is in use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from bleak import exc
from bumble import att, core, hci
from bumble.transport.common import TransportLostError

# The peer, or we, have lost the key of the bond; or the keys differ.
_BOND_ERRORS = frozenset(
    {
        hci.HCI_AUTHENTICATION_FAILURE_ERROR,
        hci.HCI_PIN_OR_KEY_MISSING_ERROR,
        hci.HCI_CONNECTION_TERMINATED_DUE_TO_MIC_FAILURE_ERROR,
    }
)


@contextlib.contextmanager
def as_bleak_errors() -> Iterator[None]:
    """Run bumble calls; what they raise comes out as bleak's exceptions.

    Raises:
        BleakGATTProtocolError: the peer answered with an ATT error; INSUFFICIENT_AUTHENTICATION also when the link
            could not be encrypted.
        BleakError: the link or the controller failed.
    """
    try:
        yield
    except att.ATT_Error as error:
        raise exc.BleakGATTProtocolError(int(error.error_code)) from error
    except core.ProtocolError as error:
        if error.error_namespace == "smp" or error.error_code in _BOND_ERRORS:
            code = exc.BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION
            raise exc.BleakGATTProtocolError(code) from error
        raise exc.BleakError(
            f"the controller refused: {error.error_name or error.error_code}"
        ) from error
    except (core.BaseBumbleError, TransportLostError) as error:
        raise exc.BleakError(f"the host stack failed: {type(error).__name__}") from error
    except asyncio.CancelledError:
        # bumble cancels its own futures when a link goes down, which reaches us like a cancellation of our task.
        if _is_being_cancelled():
            raise
        raise exc.BleakError("the peripheral disconnected") from None
    if _is_being_cancelled():
        # bumble waits with asyncio.wait_for, which in Python 3.11 drops a cancellation that arrives together with the
        # result. Without this the task would go on for ever.
        raise asyncio.CancelledError


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
