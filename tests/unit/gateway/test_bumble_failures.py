"""bumble's failures in bleak's words."""

from __future__ import annotations

import asyncio

import pytest
from bleak import exc
from bumble import att, core, hci

from gateway.bumble_backend.failures import as_bleak_errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(att.ATT_Error(att.ErrorCode.INVALID_HANDLE), 0x01, id="att"),
        pytest.param(core.ProtocolError(4, "smp", "CONFIRM_VALUE_FAILED"), 0x05, id="pairing"),
        pytest.param(hci.HCI_Error(hci.HCI_PIN_OR_KEY_MISSING_ERROR), 0x05, id="key-missing"),
    ],
)
def test_code_is_what_bleak_would_give_when_the_peer_refuses(error: Exception, code: int) -> None:
    with pytest.raises(exc.BleakGATTProtocolError) as refused, as_bleak_errors():
        raise error
    assert refused.value.code == code


@pytest.mark.parametrize(
    "error",
    [
        core.TimeoutError(),
        core.InvalidStateError(),
        hci.HCI_Error(hci.HCI_CONNECTION_TIMEOUT_ERROR),
        asyncio.CancelledError(),  # how bumble tells that the link went down
    ],
)
def test_error_is_bleak_s_when_the_link_fails(error: BaseException) -> None:
    async def work() -> None:
        with pytest.raises(exc.BleakError), as_bleak_errors():
            raise error

    asyncio.run(work())


def test_cancellation_stays_one_when_the_task_itself_is_cancelled() -> None:
    async def work() -> None:
        with as_bleak_errors():
            await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())


def test_cancellation_is_not_lost_when_the_call_swallowed_it() -> None:
    async def swallowing() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return  # what asyncio.wait_for does when the result arrives in the same moment

    async def work() -> None:
        with as_bleak_errors():
            await swallowing()
        raise AssertionError("went on after it was cancelled")

    async def cancel() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
