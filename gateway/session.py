"""One conversation with one peripheral, led by its device profile's script.

The first thing that happens to a notification is a durable commit to the outbox, in the callback itself. On the
bumble backend the peripheral's confirmation leaves only after that, so "delivered" on the cuff means "on our disk".
BlueZ confirms by itself before any application runs: there the window between its confirmation and our commit is the
length of one D-Bus message.

A proprietary protocol is led by `conversing`: it keeps each record before it goes on, and so before it confirms one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import bleak

from firmware_profiles import session_steps
from firmware_profiles.device_profile import DeviceProfile, PairingMode
from gateway import errors, identification, link_failure
from gateway.adapter import Adapter
from gateway.captured_records import CapturedRecords
from gateway.errors import SessionReason
from gateway.keeper import Keeper
from gateway.script import ATT_TIMEOUT_S, Script
from gateway.sighting import Sighting

log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S: Final = 20.0


class Session:
    """A conversation, from connecting to hanging up. Made for one use.

    Args:
        adapter: The open radio.
        sighting: Whom to talk to, and how.
        keeper: Where records go.
        time_zone: IANA name of the zone in which the home's clocks run.
        now: The gateway's clock, aware UTC.
    """

    def __init__(
        self,
        adapter: Adapter,
        sighting: Sighting,
        keeper: Keeper,
        time_zone: str,
        now: Callable[[], datetime],
    ) -> None:
        self._adapter = adapter
        self._sighting = sighting
        self._records = CapturedRecords(
            sighting.address,
            sighting.profile,
            keeper,
            zoneinfo.ZoneInfo(time_zone),
            now,
            on_failure=self._on_failure,
        )
        self._client: bleak.BleakClient = adapter.client(
            sighting.device,
            self._on_disconnected,
            pair=sighting.profile.pairing.mode is not PairingMode.NONE,
            timeout_s=_CONNECT_TIMEOUT_S,
        )
        self._script = Script(self._client, sighting, keeper, self._records)

    @property
    def profile(self) -> DeviceProfile:
        """What leads the conversation: first what the advertisement said, then what the peripheral has shown."""
        return self._records.profile

    @property
    def battery_percent(self) -> int | None:
        """What the peripheral told of its battery; None: nothing."""
        return self._script.battery_percent

    async def run(self) -> int:
        """Hold the whole conversation and return how many records were stored.

        Raises:
            SessionError: it ended early; what was stored until then is safe.
        """
        with self._failing_as(SessionReason.UNREACHABLE):
            await self._client.connect()
        try:
            self._adapter.require_proof(self._sighting)
            await self._identify()
            await self._follow_script()
        finally:
            with contextlib.suppress(*link_failure.CAUSES):
                async with asyncio.timeout(ATT_TIMEOUT_S):
                    await self._client.disconnect()
        self._records.raise_failure()
        return self._records.count

    async def _identify(self) -> None:
        """Let the profile that fits the connected peripheral best lead from here on, unless a person has chosen one."""
        if self._sighting.is_pinned:
            return
        with self._failing_as(SessionReason.LINK_LOST):
            confirmed = await identification.confirmed(
                self._client, self._sighting.seen, ATT_TIMEOUT_S
            )
        if confirmed is None:
            raise errors.SessionError(
                SessionReason.MISSING_CHARACTERISTIC,
                "no device profile fits the services that the peripheral shows",
            )
        if confirmed.profile_id != self.profile.profile_id:
            self._records.profile = confirmed
            who = {
                "peripheral_id": self._sighting.short_name,
                "profile_id": confirmed.profile_id,
            }
            log.info("profile_confirmed", extra=who)

    async def _follow_script(self) -> None:
        setup = self._script.setup
        steps = (*setup, *self.profile.script)
        preparation = list(
            itertools.takewhile(lambda step: isinstance(step, session_steps.PREPARATION), steps)
        )
        try:
            async with asyncio.timeout(self.profile.script_budget_s):
                for step in preparation:
                    await self._take(step)
        except TimeoutError as error:
            raise errors.SessionError(
                SessionReason.TOO_SLOW,
                "the peripheral's own time limit passed before it was ready; it will be asked again",
            ) from error
        for step in steps[len(preparation) :]:
            await self._take(step)
        if setup:
            with self._failing_as(SessionReason.STORAGE):
                self._script.note_set_up()

    async def _take(self, step: session_steps.Step) -> None:
        with self._failing_as(SessionReason.LINK_LOST):
            await self._script.take(step)

    def _on_disconnected(self) -> None:
        self._script.hang_up()

    def _on_failure(self) -> None:
        self._script.stop_waiting()

    @contextlib.contextmanager
    def _failing_as(self, reason: SessionReason) -> Iterator[None]:
        """Turn failures of the link into session errors; a failure of the disk explains any other.

        Args:
            reason: What a link means that just fails, without saying why.
        """
        try:
            yield
        except link_failure.CAUSES as error:
            self._records.raise_failure()
            raise link_failure.session_error(error, reason) from error
        except errors.OutboxError as error:
            raise errors.SessionError(SessionReason.STORAGE, str(error)) from error
