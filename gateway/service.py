"""The gateway process: one outbox, one radio, one uplink, and the loops that join them."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from gateway import adapter as radio
from gateway import errors, rotation, scan, session, site_profiles
from gateway import settings as gateway_settings
from gateway.backoff import Backoff
from gateway.control_socket import ControlSocket, Handler
from gateway.errors import StorageReason
from gateway.following import Following
from gateway.outbox import Outbox
from gateway.record import CapturedRecord
from gateway.renewal import Renewal
from gateway.rotation import Fixed, Rotation
from gateway.sighting import Sighting
from gateway.uplink import Uplink

log = logging.getLogger(__name__)

_HOUSEKEEPING_EVERY_S: Final = 60.0
# Small, so that pruning never holds up a notification for long.
_PRUNE_BATCH: Final = 200


class Gateway:
    """Everything that runs in one gateway process.

    Args:
        settings: The whole configuration.
        identities: Who this gateway is.
        outbox: The open outbox; closed by whoever opened it.
    """

    def __init__(
        self,
        settings: gateway_settings.GatewaySettings,
        identities: Fixed | Rotation,
        outbox: Outbox,
    ) -> None:
        self._settings = settings
        self._identities = identities
        self._outbox = outbox
        self._following = Following(settings, identities, site_profiles.own())
        self._uplink = Uplink(self._following, identities, outbox, _now)
        self._watch = scan.Watch(settings.peripherals, time.monotonic)
        self._failures: dict[str, Backoff] = {}
        # What “homevitals-gateway …” beside this process may ask, by name; see gateway/control_socket.py.
        self._requests: dict[str, Handler] = {}

    async def run(self) -> NoReturn:
        """Run all loops until cancelled.

        Raises:
            OutboxError: the disk failed, and nothing may be taken from a peripheral any more.
        """
        loops: list[Coroutine[Any, Any, Any]] = [
            self._uplink.run(),
            self._use_radio(),
            self._keep_house(),
            ControlSocket(self._settings.state_folder, self._requests).serve(),
        ]
        if isinstance(self._identities, Rotation):
            renewal = Renewal(self._settings, self._identities, self._uplink.reconnect, _now)
            self._following.on_unknown_key(renewal.hurry)
            loops.append(renewal.run())
        tasks = {asyncio.create_task(loop) for loop in loops}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()
        raise AssertionError("a loop that never ends has ended")

    async def _use_radio(self) -> None:
        """Open the radio, again whenever it is lost."""
        backoff = Backoff(shortest_s=0.5, longest_s=30.0)
        while True:
            try:
                async with radio.opened(self._settings) as adapter:
                    log.info("radio_open", extra={"adapter": self._settings.adapter})
                    await _until_lost(adapter, self._visit_peripherals(adapter, backoff))
            except errors.AdapterError as error:
                delay_s = backoff.after_failure_s()
                log.warning(
                    "radio_down",
                    extra={"error": type(error).__name__, "delay_s": round(delay_s, 1)},
                )
                await asyncio.sleep(delay_s)

    async def _visit_peripherals(self, adapter: radio.Adapter, backoff: Backoff) -> NoReturn:
        while True:
            sighting = await scan.next_sighting(adapter, self._watch)
            backoff.reset()  # only now has the radio proved to work
            pause_s = await self._visit(adapter, sighting)
            self._watch.pause(sighting.address, pause_s)

    async def _visit(self, adapter: radio.Adapter, sighting: Sighting) -> float:
        """Hold one conversation; return how long to leave the peripheral alone, in seconds."""
        conversation = session.Session(
            adapter, sighting, _Keeper(self._outbox, self._uplink), self._settings.time_zone, _now
        )
        who: dict[str, object] = {
            "peripheral_id": sighting.short_name,
            "profile_id": sighting.profile.profile_id,
        }
        backoff = self._failures.setdefault(
            sighting.address, Backoff(shortest_s=1.0, longest_s=300.0)
        )
        started_s = time.monotonic()
        try:
            count = await conversation.run()
        except errors.SessionError as error:
            _raise_if_disk_failed(error)
            pause_s = backoff.after_failure_s()
            log.warning(
                "session_failed", extra=who | {"reason": error.reason, "delay_s": round(pause_s, 1)}
            )
            return pause_s
        backoff.reset()
        duration_s = round(time.monotonic() - started_s, 3)
        log.info("session_done", extra=who | {"count": count, "duration_s": duration_s})
        return self._settings.revisit_after_s

    async def _keep_house(self) -> None:
        """Forget what has been receipted long ago; say what was ignored."""
        while True:
            before = _now() - timedelta(days=self._settings.keep_receipted_days)
            try:
                pruned_count = _PRUNE_BATCH
                while pruned_count == _PRUNE_BATCH:
                    pruned_count = self._outbox.prune(before, _PRUNE_BATCH)
                    await asyncio.sleep(0)  # a notification may be waiting
            except errors.OutboxError as error:
                if error.reason is not StorageReason.FULL:
                    raise
            if self._watch.ignored_count:
                log.info("advertisers_ignored", extra={"count": self._watch.ignored_count})
                self._watch.ignored_count = 0
            await asyncio.sleep(_HOUSEKEEPING_EVERY_S)


class _Keeper:
    """The outbox as a session sees it; the uplink hears of every new record."""

    def __init__(self, outbox: Outbox, uplink: Uplink) -> None:
        self._outbox = outbox
        self._uplink = uplink
        self.watermark = outbox.watermark
        self.set_watermark = outbox.set_watermark
        self.recall = outbox.recall
        self.remember = outbox.remember

    def append(self, record: CapturedRecord) -> int:
        """Store a record durably and return its number."""
        seq = self._outbox.append(record)
        self._uplink.wake()
        return seq


def run(settings: gateway_settings.GatewaySettings) -> errors.ExitCode:
    """Run the gateway until SIGTERM or SIGINT, and return the exit code that belongs to it.

    Raises:
        IdentityError: this gateway has no identity that it can use.
        OutboxError: the outbox is in use by another process, or the disk failed.
    """
    outbox = Outbox(settings.state_folder, _now())
    try:
        # Behind the outbox's lock: nobody enrols while a gateway runs.
        return asyncio.run(_until_signal(settings, rotation.opened(settings), outbox))
    finally:
        outbox.close()


async def _until_signal(
    settings: gateway_settings.GatewaySettings, identities: Fixed | Rotation, outbox: Outbox
) -> errors.ExitCode:
    loop = asyncio.get_running_loop()
    stopped_by: asyncio.Future[signal.Signals] = loop.create_future()

    def stop(number: signal.Signals) -> None:
        if not stopped_by.done():
            stopped_by.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    gateway = asyncio.create_task(Gateway(settings, identities, outbox).run())
    log.info("gateway_started", extra={"gateway_id": identities.gateway_id, "epoch": outbox.epoch})
    waits: set[asyncio.Future[Any]] = {gateway, stopped_by}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if gateway.done():
        gateway.result()
    gateway.cancel()
    await asyncio.gather(gateway, return_exceptions=True)
    log.info("gateway_stopped", extra={"waiting": outbox.waiting_count})
    is_interrupt = stopped_by.result() is signal.SIGINT
    return errors.ExitCode.INTERRUPTED if is_interrupt else errors.ExitCode.OK


async def _until_lost(adapter: radio.Adapter, visits: Coroutine[Any, Any, NoReturn]) -> NoReturn:
    """Run the visits until the radio is gone.

    Raises:
        AdapterError: it is gone, or does not scan.
    """
    lost = asyncio.create_task(adapter.wait_lost())
    visiting = asyncio.create_task(visits)
    try:
        await asyncio.wait({lost, visiting}, return_when=asyncio.FIRST_COMPLETED)
        if visiting.done():
            visiting.result()
    finally:
        lost.cancel()
        visiting.cancel()
        await asyncio.gather(lost, visiting, return_exceptions=True)
    raise errors.AdapterError("the Bluetooth controller is gone; it will be opened again")


def _raise_if_disk_failed(error: errors.SessionError) -> None:
    """Let a failed disk end the process: after a write that failed, nothing on it can be trusted."""
    cause = error.__cause__
    if isinstance(cause, errors.OutboxError) and cause.reason is not StorageReason.FULL:
        raise cause


def _now() -> datetime:
    return datetime.now(UTC)
