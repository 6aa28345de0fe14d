"""What a failed link means."""

from __future__ import annotations

import pytest
from bleak import exc

from gateway import link_failure
from gateway.errors import SessionReason

FAILED = "org.bluez.Error.Failed"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exc.BleakDBusError("org.bluez.Error.InProgress", []), SessionReason.ADAPTER_BUSY),
        (
            exc.BleakDBusError("org.bluez.Error.AuthenticationFailed", []),
            SessionReason.PAIRING_REFUSED,
        ),
        (exc.BleakGATTProtocolError(0x05), SessionReason.PAIRING_REFUSED),
        (exc.BleakGATTProtocolError(0x0F), SessionReason.PAIRING_REFUSED),
        (exc.BleakGATTProtocolError(0x0E), SessionReason.REFUSED),
        (exc.BleakDBusError(FAILED, []), SessionReason.LINK_LOST),
        (EOFError(), SessionReason.LINK_LOST),
        (TimeoutError(), SessionReason.LINK_LOST),
    ],
)
def test_reason_is_told_when_a_link_fails(error: Exception, reason: SessionReason) -> None:
    found = link_failure.session_error(error, SessionReason.LINK_LOST)
    assert found.reason is reason


@pytest.mark.parametrize(
    ("error", "is_early"),
    [
        (exc.BleakError("hung up"), True),
        (exc.BleakDBusError(FAILED, ["br-connection-canceled"]), True),
        (exc.BleakDBusError(FAILED, ["le-connection-abort-by-local"]), False),
        (exc.BleakDBusError("org.bluez.Error.InProgress", []), False),
        (exc.BleakDeviceNotFoundError("x"), False),
        (TimeoutError(), False),
        (None, False),
    ],
)
def test_bond_is_suspected_when_the_peripheral_itself_ended_the_link_early(
    error: Exception | None, *, is_early: bool
) -> None:
    assert link_failure.broke_while_connecting(error) is is_early
