"""The radios' work, for ever: open each, look out for peripherals, hold a conversation with whoever is there.

Each radio scans and connects on its own, one thing at a time; a peripheral is held by one of them at a time. What all
of them share is here too: who is allowed, the pairing desk, the book of bonds, and what was kept unasked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NoReturn

from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.wire_health import Bond
from gateway import adapter as radio
from gateway import errors, scan, session
from gateway import settings as gateway_settings
from gateway.adapter_health import AdapterHealth, Task
from gateway.backoff import Backoff
from gateway.bond_book import BondBook, BondLoss, advice
from gateway.bond_outcomes import BondOutcomes
from gateway.errors import AdapterReason, SessionReason, StorageReason
from gateway.keeper import Keeper
from gateway.outbox import Outbox
from gateway.pairing_window import PairingDesk, Window
from gateway.pulse import Pulse
from gateway.radio_journal import RadioJournal
from gateway.roll_call import RollCall
from gateway.sighting import Sighting
from gateway.unasked import UnaskedRecords

log = logging.getLogger(__name__)

# While a person stands beside the peripheral: soon enough for its pairing mode, which lasts half a minute or more.
_PAIRING_PAUSE_S: Final = 2.0
# Nothing can change about an unusable bond but by a person.
_UNUSABLE_PAUSE_S: Final = 300.0
# How long a peripheral is left alone while the outbox takes nothing.
_CLOSED_PAUSE_S: Final = 30.0
_CLOSED_WORDS: Final = (
    "this gateway takes no records now; “homevitals-gateway outbox summary” says why"
)
# To find the service, to switch a controller off and on, to begin scanning: each has a limit of its own below it.
_OPENS_WITHIN_S: Final = 180.0
# The slowest meter hands over a full memory in minutes; each step of it has a limit of its own.
_LONGEST_VISIT_S: Final = 1800.0
_ANY: Final = "default"
# A peripheral that has sent everything unasked may hang up before it was asked: that is a conversation that went well.
_HUNG_UP: Final = frozenset({SessionReason.LINK_LOST, SessionReason.UNREACHABLE})


@dataclass(slots=True)
class Radio:
    """One radio, as it is now.

    Attributes:
        name: what people call it.
        platform_adapter: the system's name of it; empty for the first one.
        health: when it has to be switched off and on.
        adapter: the open adapter, or None while there is none.
    """

    name: str
    platform_adapter: str
    health: AdapterHealth
    adapter: radio.Adapter | None = None


class Visiting:
    """All radios of one gateway.

    Args:
        settings: The whole configuration.
        keeper: Where records go.
        outbox: What is remembered of peripherals, and whether there is room.
        now: The gateway's clock, aware UTC.
        pulse: Hears of each step of each radio's loop.

    Attributes:
        radios: as they are now.
        radio_journal: how they have been.
        roll_call: how the peripherals have been.
        watch: whom they look out for.
        desk: where pairing windows are opened.
        bonds: with whom there is a bond, and whose is lost.
        revisit_after_s: pause after a good conversation, seconds.
    """

    def __init__(
        self,
        settings: gateway_settings.GatewaySettings,
        keeper: Keeper,
        outbox: Outbox,
        now: Callable[[], datetime],
        pulse: Pulse | None = None,
    ) -> None:
        self._settings = settings
        self._pulse = pulse or Pulse(time.monotonic)
        self._keeper = keeper
        self._now = now
        self._outbox = outbox
        self._failures: dict[str, Backoff] = {}
        self._profiles: dict[str, DeviceProfile] = {}
        self._unpaired: set[str] = set()
        self._unasked = UnaskedRecords(keeper, self._allowed_profile, settings.time_zone, now)
        self.revisit_after_s = settings.revisit_after_s
        self.watch = scan.Watch(settings.peripherals, time.monotonic)
        self.desk = PairingDesk(time.monotonic)
        self.bonds = BondBook(outbox, now)
        self._outcomes = BondOutcomes(self.bonds, self.advice)
        is_platform = settings.adapter == gateway_settings.PLATFORM
        names = settings.platform_adapters if is_platform else ()
        self.radios = [
            Radio(name or _ANY, name, AdapterHealth(0.0, time.monotonic)) for name in names or ("",)
        ]
        self.radio_journal = RadioJournal(now)
        self.roll_call = RollCall(outbox, self.bond_of, now)
        self.allow(settings.peripherals)

    def allow(
        self, addresses: Collection[str], pinned: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Replace the addresses of peripherals that may be connected.

        Args:
            addresses: Upper case with colons.
            pinned: Profiles that somebody has chosen, by address.
        """
        self.watch.allow(addresses, pinned)
        self.bonds.keep_only(addresses)
        self._unpaired.intersection_update(addresses)
        for one in self.radios:  # who expects nobody misses nobody
            one.health.silence_limit_s = self._settings.radio_silence_s if addresses else 0.0

    async def run(self) -> NoReturn:
        """Use all radios until cancelled.

        Raises:
            OutboxError: the disk failed, and nothing may be taken from a peripheral any more.
        """
        works: list[Coroutine[Any, Any, Any]] = [self._use(one) for one in self.radios]
        tasks = {asyncio.create_task(work) for work in (*works, self._unasked.disk_failed.wait())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._unasked.disk_error is not None:
            raise self._unasked.disk_error
        for task in done:
            task.result()
        raise AssertionError("a loop that never ends has ended")

    def advice(self, loss: BondLoss) -> str:
        """Return what to do about a lost bond, for the person beside the peripheral."""
        is_bluez = self._settings.adapter == gateway_settings.PLATFORM
        return advice(loss, self.profile_of(loss.address), is_bluez=is_bluez)

    def profile_of(self, address: str) -> DeviceProfile | None:
        """Return the profile that a peripheral was talked to by last, or None."""
        known = self._profiles.get(address)
        if known is None:
            profile_id = self.bonds.profile_id(address)
            known = models.known().newest.get(profile_id) if profile_id else None
        return known

    def _allowed_profile(self, address: str) -> DeviceProfile | None:
        return self.profile_of(address) if self.watch.is_allowed(address) else None

    def unpaired(self) -> list[str]:
        """Return the addresses of peripherals that were heard and cannot be asked, for they were never paired."""
        return [one for one in sorted(self._unpaired) if not self.is_bonded(one)]

    def is_bonded(self, address: str) -> bool:
        """Whether one of the open radios has a key of a peripheral."""
        return any(one.adapter and one.adapter.is_bonded(address) for one in self.radios)

    def bond_of(self, address: str) -> Bond:
        """Return whether gateway and peripheral know each other's keys, as far as is known now."""
        if self.bonds.loss(address) is not None:
            return Bond.LOST
        if self.is_bonded(address):
            return Bond.BONDED
        return Bond.UNKNOWN if any(one.adapter is None for one in self.radios) else Bond.NONE

    async def _use(self, one: Radio) -> NoReturn:
        """Open a radio, again whenever it is lost; switch it off and on if it hangs."""
        backoff = Backoff(shortest_s=0.5, longest_s=30.0)
        while True:
            is_hanging = one.health.needs_power_cycle()
            self._pulse.beat(one.name, _OPENS_WITHIN_S)
            try:
                async with radio.opened(
                    self._settings,
                    self.desk,
                    self._unasked.wishes(),
                    platform_adapter=one.platform_adapter,
                    power_cycle=is_hanging,
                ) as adapter:
                    if is_hanging:
                        one.health.note_power_cycled()
                        log.warning("radio_power_cycled", extra={"adapter": one.name})
                    one.adapter = adapter
                    self.radio_journal.opened(one.name)
                    log.info("radio_open", extra={"adapter": one.name})
                    await _until_lost(adapter, self._visit_peripherals(one, adapter, backoff))
            except errors.AdapterError as error:
                delay_s = backoff.after_failure_s()
                self.radio_journal.failed(one.name, error.reason)
                log.warning(
                    "radio_down", extra={"reason": error.reason, "delay_s": round(delay_s, 1)}
                )
                self._pulse.beat(one.name, delay_s + _OPENS_WITHIN_S)
                await asyncio.sleep(delay_s)
            finally:
                one.adapter = None

    async def _visit_peripherals(
        self, one: Radio, adapter: radio.Adapter, backoff: Backoff
    ) -> NoReturn:
        while True:
            # A home may be silent for days; whether the radio still hears anything is for its own health to say.
            self._pulse.stopped(one.name)
            sighting = await scan.next_sighting(
                adapter, self.watch, one.health, self._note_unpaired
            )
            self._pulse.beat(one.name, _LONGEST_VISIT_S)
            backoff.reset()  # only now has the radio proved to work
            try:
                await self._visit(one, adapter, sighting)
            except errors.GatewayError:
                raise
            except Exception:  # a fault of ours, or of a protocol, costs one conversation only
                log.exception("visit_failed", extra=_who(sighting))
                self.watch.pause(
                    sighting.address, self._backoff(sighting.address).after_failure_s()
                )
            finally:
                self.watch.release(sighting.address)
            if one.health.needs_power_cycle():
                raise errors.AdapterError(
                    AdapterReason.BUSY, "the Bluetooth adapter connects to nobody any more"
                )

    async def _visit(self, one: Radio, adapter: radio.Adapter, sighting: Sighting) -> None:
        """Hold one conversation, and decide how long to leave the peripheral alone."""
        window = self.desk.window_for(sighting.address)
        if window is None and not self.bonds.is_usable(sighting.address, sighting.profile):
            self.watch.pause(sighting.address, _UNUSABLE_PAUSE_S)
            return
        if self._outbox.closure(self._now()) is not None:
            if window is not None:
                await window.note_failed(_CLOSED_WORDS)
            self.watch.pause(sighting.address, _CLOSED_PAUSE_S)
            return
        self._profiles[sighting.address] = sighting.profile
        self.roll_call.heard(sighting.address, self._rssi_dbm(sighting.address))
        self._outcomes.begin(sighting, window)
        conversation = session.Session(
            adapter, sighting, self._keeper, self._settings.time_zone, self._now
        )
        await adapter.expect(sighting.address)
        started_s = time.monotonic()
        kept_before = self._unasked.counts[sighting.address]
        count, failure = 0, None
        try:
            count = await conversation.run()
        except errors.SessionError as error:
            _raise_if_disk_failed(error)
            failure = error
        kept_count = self._unasked.counts[sighting.address] - kept_before
        if failure is not None and not (kept_count and failure.reason in _HUNG_UP):
            await self._note_failed(one, adapter, sighting, failure, window)
            return
        count += kept_count
        one.health.note_worked(Task.CONNECT)
        self._profiles[sighting.address] = conversation.profile
        duration_s = round(time.monotonic() - started_s, 3)
        log.info(
            "session_done",
            extra=_who(sighting)
            | {"count": count, "unasked_count": kept_count, "duration_s": duration_s},
        )
        if conversation.battery_percent is not None:
            self.roll_call.battery(sighting.address, conversation.battery_percent)
        self.roll_call.talked(sighting.address, conversation.profile.profile_id)
        self._backoff(sighting.address).reset()
        self.watch.note_served(sighting.address, self.revisit_after_s)
        self._outcomes.went_well(adapter, sighting, conversation.profile, count, window)

    async def _note_failed(
        self,
        one: Radio,
        adapter: radio.Adapter,
        sighting: Sighting,
        error: errors.SessionError,
        window: Window | None,
    ) -> None:
        if error.reason is SessionReason.ADAPTER_BUSY:
            one.health.note_busy(Task.CONNECT)
        else:
            one.health.note_worked(Task.CONNECT)
        await self._outcomes.failed(adapter, sighting, error, window)
        pause_s = _PAIRING_PAUSE_S
        if window is None:
            pause_s = self._backoff(sighting.address).after_failure_s()
        self.watch.pause(sighting.address, pause_s)
        self.roll_call.failed(sighting.address, error.reason)
        log.warning(
            "session_failed",
            extra=_who(sighting) | {"reason": error.reason, "delay_s": round(pause_s, 1)},
        )

    def _note_unpaired(self, address: str) -> None:
        """Say once that a peripheral cannot be asked because there is no bond."""
        if self.is_bonded(address) or any(one.adapter is None for one in self.radios):
            return  # another radio has its key, or may have it
        if address not in self._unpaired:
            self._unpaired.add(address)
            if not self.bonds.note_missing(address):
                log.warning("peripheral_not_paired", extra={"peripheral_id": address[-5:]})

    def _rssi_dbm(self, address: str) -> int | None:
        heard = self.watch.surroundings.last(address)
        return heard.rssi_dbm if heard else None

    def _backoff(self, address: str) -> Backoff:
        return self._failures.setdefault(address, Backoff(shortest_s=1.0, longest_s=300.0))


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
    raise errors.AdapterError(
        AdapterReason.LOST, "the Bluetooth controller is gone; it will be opened again"
    )


def _raise_if_disk_failed(error: errors.SessionError) -> None:
    """Let a failed disk end the process: after a write that failed, nothing on it can be trusted."""
    cause = error.__cause__
    if isinstance(cause, errors.OutboxError) and cause.reason is not StorageReason.FULL:
        raise cause


def _who(sighting: Sighting) -> dict[str, object]:
    return {"peripheral_id": sighting.short_name, "profile_id": sighting.profile.profile_id}
