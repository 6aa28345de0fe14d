"""The gateway process: one outbox, one radio, one uplink, and the loops that join them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from firmware_profiles import wire
from firmware_profiles.wire_health import Closure
from gateway import errors, health, rotation, site_profiles
from gateway import settings as gateway_settings
from gateway.bluez import version
from gateway.control_socket import ControlSocket, Dialogue, Handler, Members
from gateway.errors import StorageReason
from gateway.following import Following, Plan
from gateway.health import HealthReport
from gateway.home_assistant import discovery
from gateway.home_assistant.discovery import GatewayState
from gateway.home_assistant.telling import Telling
from gateway.outbox import Outbox
from gateway.pairing_requests import PairingRequests
from gateway.pulse import Pulse
from gateway.record import CapturedRecord
from gateway.renewal import Renewal
from gateway.rotation import Fixed, Rotation
from gateway.service_notice import ServiceNotice
from gateway.uplink import Uplink
from gateway.visiting import Visiting

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
        notice: The way to whoever supervises this process.
    """

    def __init__(
        self,
        settings: gateway_settings.GatewaySettings,
        identities: Fixed | Rotation,
        outbox: Outbox,
        notice: ServiceNotice,
    ) -> None:
        self._notice = notice
        self._settings = settings
        self._identities = identities
        self._outbox = outbox
        self._pulse = Pulse(time.monotonic)
        self._following = Following(settings, identities, site_profiles.own())
        self._uplink = Uplink(
            self._following, identities, outbox, _now, self._health, self._pulse.beat_of("uplink")
        )
        self._household = Telling(
            settings, identities.gateway_id, lambda: self._following.plan, self._told_at_home
        )
        keeper = _Keeper(outbox, self._uplink, self._household)
        self._visiting = Visiting(settings, keeper, outbox, _now, self._pulse)
        self._report = HealthReport(
            outbox=outbox,
            radios=self._visiting.radio_journal,
            roll_call=self._visiting.roll_call,
            uplink=self._uplink.journal,
            allowed=lambda: tuple(self._following.plan.peripherals),
            state_folder=settings.state_folder,
            now=_now,
        )
        self._use(self._following.plan)
        self._following.on_change(self._use)
        # What “homevitals-gateway …” beside this process may ask, by name; see gateway/control_socket.py.
        self._requests: dict[str, Handler] = {
            **PairingRequests(self._visiting, settings.passkeys_file).handlers(),
            health.REQUEST: self._tell_health,
        }

    async def run(self) -> NoReturn:
        """Run all loops until cancelled.

        Raises:
            OutboxError: the disk failed, and nothing may be taken from a peripheral any more.
        """
        loops: list[Coroutine[Any, Any, Any]] = [
            self._uplink.run(),
            self._visiting.run(),
            self._keep_house(),
            ControlSocket(self._settings.state_folder, self._requests).serve(),
            self._notice.report(self._pulse, self._report.line),
        ]
        if isinstance(self._identities, Rotation):
            renewal = Renewal(self._settings, self._identities, self._uplink.reconnect, _now)
            self._following.on_unknown_key(renewal.hurry)
            loops.append(renewal.run())
        if self._settings.home_assistant_host:
            loops.append(self._household.run())
        tasks = {asyncio.create_task(loop) for loop in loops}
        self._notice.ready()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()
        raise AssertionError("a loop that never ends has ended")

    def _use(self, plan: Plan) -> None:
        self._visiting.allow(plan.peripherals, plan.pinned)
        self._visiting.revisit_after_s = plan.revisit_after_s
        self._household.wake()

    def _health(self) -> wire.Health:
        """Return how the gateway is, with what was heard up to now."""
        for address in self._following.plan.peripherals:
            heard = self._visiting.watch.surroundings.last(address)
            if heard is not None:
                seconds_ago = time.monotonic() - heard.heard_at_s
                self._visiting.roll_call.heard(address, heard.rssi_dbm, seconds_ago)
        return self._report()

    def _told_at_home(self) -> GatewayState:
        return discovery.of_health(self._health(), self._outbox.waiting_count)

    async def _tell_health(self, _request: Members, _dialogue: Dialogue) -> Members:
        return health.answer(self._uplink.status(self._health()))

    async def _keep_house(self) -> None:
        """Forget what has been receipted long ago; say what was ignored, and whether there is room."""
        if self._settings.adapter == gateway_settings.PLATFORM and sys.platform == "linux":
            self._report.bluez = await asyncio.to_thread(version.installed)
        was_closed: Closure | None = None
        while True:
            self._pulse.beat("house", 3 * _HOUSEKEEPING_EVERY_S)
            before = _now() - timedelta(days=self._settings.keep_receipted_days)
            try:
                pruned_count = _PRUNE_BATCH
                while pruned_count == _PRUNE_BATCH:
                    pruned_count = self._outbox.prune(before, _PRUNE_BATCH)
                    await asyncio.sleep(0)  # a notification may be waiting
            except errors.OutboxError as error:
                if error.reason is not StorageReason.FULL:
                    raise
            closed = self._outbox.closure(_now())
            if closed is not was_closed:
                log.log(
                    logging.ERROR if closed else logging.INFO,
                    "outbox_closed" if closed else "outbox_open",
                    extra={"reason": closed} if closed else {},
                )
                was_closed = closed
            watch = self._visiting.watch
            if watch.ignored_count:
                log.info("advertisers_ignored", extra={"count": watch.ignored_count})
                watch.ignored_count = 0
            await asyncio.sleep(_HOUSEKEEPING_EVERY_S)


class _Keeper:
    """The outbox as a session sees it; uplink and household hear of every new record once it is there."""

    def __init__(self, outbox: Outbox, uplink: Uplink, household: Telling) -> None:
        self._outbox = outbox
        self._uplink = uplink
        self._household = household
        self.watermark = outbox.watermark
        self.set_watermark = outbox.set_watermark
        self.recall = outbox.recall
        self.remember = outbox.remember

    def append(self, record: CapturedRecord) -> int:
        """Store a record durably and return its number."""
        seq = self._outbox.append(record)
        self._uplink.wake()
        self._household.offer(record)
        return seq


def run(settings: gateway_settings.GatewaySettings) -> errors.ExitCode:
    """Run the gateway until SIGTERM or SIGINT, and return the exit code that belongs to it.

    Raises:
        IdentityError: this gateway has no identity that it can use.
        OutboxError: the outbox is in use by another process, or the disk failed.
    """
    outbox = Outbox(settings.state_folder, _now(), settings.outbox_limits())
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
    notice = ServiceNotice(os.environ)
    gateway = asyncio.create_task(Gateway(settings, identities, outbox, notice).run())
    log.info("gateway_started", extra={"gateway_id": identities.gateway_id, "epoch": outbox.epoch})
    waits: set[asyncio.Future[Any]] = {gateway, stopped_by}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if gateway.done():
        gateway.result()
    notice.stopping()
    gateway.cancel()
    await asyncio.gather(gateway, return_exceptions=True)
    log.info("gateway_stopped", extra={"waiting": outbox.waiting_count})
    is_interrupt = stopped_by.result() is signal.SIGINT
    return errors.ExitCode.INTERRUPTED if is_interrupt else errors.ExitCode.OK


def _now() -> datetime:
    return datetime.now(UTC)
