"""Telling the household's Home Assistant, beside everything else: nothing here can hold up or lose a record.

A record is offered after it is safe in the outbox, and offering it does no more than put it into a short queue. When
the household's broker is away or slow, the oldest offers are dropped, counted and said. Whatever fails here is tried
again later, and costs nothing but itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

from firmware_profiles import decode, models
from firmware_profiles import errors as leaf_errors
from firmware_profiles.gateway_configuration import AllowedPeripheral
from firmware_profiles.readings import GlucoseContext, Kind
from gateway import errors
from gateway.backoff import Backoff
from gateway.following import Plan
from gateway.home_assistant import discovery
from gateway.home_assistant.discovery import GatewayState, Message, Topics
from gateway.home_assistant.household_broker import HouseholdBroker
from gateway.record import CapturedRecord
from gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

# A cuff hands over a day; whoever comes back from a holiday need not see each of three hundred old readings pass by.
MOST_WAITING: Final = 64
_SHORTEST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 300.0
_FAREWELL_WITHIN_S: Final = 2.0

# A user of a peripheral, and what was measured: it has an entity of its own for each number.
_Series = tuple[str, Kind, int | None]


class Telling:
    """What one gateway tells. Everything runs in the event loop's thread.

    Args:
        settings: Where the household's broker is, and whether the household wants readings there.
        gateway_id: Who tells.
        plan: Returns what holds now: the peripherals with their names, and how often the status is said.
        state: Returns how gateway and peripherals are now.

    Attributes:
        dropped_count: readings that were dropped because the queue was full.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        gateway_id: str,
        plan: Callable[[], Plan],
        state: Callable[[], GatewayState],
    ) -> None:
        self._settings = settings
        self._topics = Topics(gateway_id)
        self._plan = plan
        self._state = state
        self._offered: deque[CapturedRecord] = deque(maxlen=MOST_WAITING)
        self._awake = asyncio.Event()
        self._announced: set[_Series] = set()
        self._told: Plan | None = None
        self.dropped_count = 0

    def offer(self, record: CapturedRecord) -> None:
        """Tell a record that is safe in the outbox, if the household wants readings; never blocks, never raises."""
        if not self._settings.home_assistant_readings:
            return
        if len(self._offered) == MOST_WAITING:
            self.dropped_count += 1
        self._offered.append(record)
        self._awake.set()

    def wake(self) -> None:
        """Tell the state now: the plan has changed."""
        self._awake.set()

    async def run(self) -> NoReturn:
        """Tell, until cancelled."""
        backoff = Backoff(shortest_s=_SHORTEST_PAUSE_S, longest_s=_LONGEST_PAUSE_S)
        while True:
            reason = "failed"
            try:
                await self._tell_over_one_connection(backoff)
            except errors.UplinkError as error:
                reason = error.reason
            except Exception:  # the top of what must cost nothing but itself
                log.exception("home_assistant_failed")
            self._say_dropped()
            delay_s = backoff.after_failure_s()
            log.warning(
                "home_assistant_down", extra={"reason": reason, "delay_s": round(delay_s, 1)}
            )
            await asyncio.sleep(delay_s)

    async def _tell_over_one_connection(self, backoff: Backoff) -> NoReturn:
        will = Message(self._topics.availability, discovery.OFFLINE, retain=True)
        broker = HouseholdBroker(self._settings, f"homevitals-{self._topics.gateway_id}", will)
        try:
            await broker.open()
            log.info("home_assistant_up")
            self._told = None
            await self._tell(broker, backoff)
        finally:
            await _leave(broker, will)

    async def _tell(self, broker: HouseholdBroker, backoff: Backoff) -> NoReturn:
        state_due_at_s = 0.0
        while True:
            self._awake.clear()
            plan = self._plan()
            if plan != self._told:
                await self._announce(broker, plan)
                state_due_at_s = 0.0
            if time.monotonic() >= state_due_at_s:
                for message in discovery.states(self._topics, self._state()):
                    await broker.publish(message)
                state_due_at_s = time.monotonic() + plan.status_every_s
            await self._tell_records(broker, plan)
            backoff.reset()
            try:
                async with asyncio.timeout(max(state_due_at_s - time.monotonic(), 0.0)):
                    await self._awake.wait()
            except TimeoutError:
                pass

    async def _announce(self, broker: HouseholdBroker, plan: Plan) -> None:
        """Announce gateway and peripherals; take back what the broker keeps of gone ones, and of unwanted readings."""
        wanted = [Message(self._topics.availability, discovery.ONLINE, retain=True)]
        wanted += discovery.gateway_entities(self._topics, plan.status_every_s)
        for one in plan.peripherals.values():
            wanted += discovery.peripheral_entities(self._topics, one, plan.status_every_s)
        for message in wanted:
            await broker.publish(message)
        topics = {message.topic for message in wanted}
        for topic in await broker.kept(self._topics.configs):
            if topic not in topics and not self._is_wanted_reading(topic, plan):
                await broker.publish(Message(topic, b"", retain=True))
        self._announced.clear()
        self._told = plan

    def _is_wanted_reading(self, topic: str, plan: Plan) -> bool:
        return self._settings.home_assistant_readings and any(
            self._topics.is_about(topic, address) for address in plan.peripherals
        )

    async def _tell_records(self, broker: HouseholdBroker, plan: Plan) -> None:
        self._say_dropped()
        while self._offered:
            record = self._offered[0]
            peripheral = plan.peripherals.get(record.peripheral)
            if peripheral is not None:
                await self._tell_record(broker, peripheral, record)
            if self._offered and self._offered[0] is record:  # or it was dropped meanwhile
                self._offered.popleft()

    async def _tell_record(
        self, broker: HouseholdBroker, peripheral: AllowedPeripheral, record: CapturedRecord
    ) -> None:
        try:
            profile = models.by_id(record.profile_id, record.profile_version)
            decoded = decode.decode_record(profile, record.characteristic, record.raw)
        except leaf_errors.FirmwareProfilesError:
            return  # what nobody can read is nothing to show; the practice sees it in quarantine
        if isinstance(decoded, GlucoseContext):
            return
        message = discovery.reading(self._topics, record.peripheral, decoded, record.received_at)
        if message is None:
            return
        series = (record.peripheral, decoded.KIND, decoded.user_slot)
        if series not in self._announced:
            for entity in discovery.reading_entities(
                self._topics, peripheral, decoded.KIND, decoded.user_slot
            ):
                await broker.publish(entity)
            self._announced.add(series)
        await broker.publish(message)

    def _say_dropped(self) -> None:
        if self.dropped_count:
            log.warning("home_assistant_readings_dropped", extra={"count": self.dropped_count})
            self.dropped_count = 0


async def _leave(broker: HouseholdBroker, farewell: Message) -> None:
    # Without a connection, or in time, the will says it for us: stopping must not wait for a broker.
    with contextlib.suppress(errors.UplinkError, TimeoutError):
        async with asyncio.timeout(_FAREWELL_WITHIN_S):
            await broker.publish(farewell)
    await broker.close()
