"""What this gateway follows: its own settings, and over them the last configuration that the server has sent.

The settings' file keeps the last word on what a person typed in for this machine alone: who it is, its broker, its
radio, its time zone, and whether the server may say anything here at all (``remote_configuration``). The list of
peripherals is the server's as soon as it has sent one, also where that is shorter: a practice has to be able to take a
cuff out of a thousand homes, and a list on each machine would keep it in. Pauses are the server's where it gives them.

A change takes effect at once: whoever needs a part of it asks for `Following.plan` each time, or is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.gateway_configuration import AllowedPeripheral, GatewayConfiguration
from firmware_profiles.signed_configuration import (
    ConfigurationAnswer,
    ConfigurationRefusal,
    Refused,
)
from gateway import configuration_store, remote_configuration
from gateway.configuration_store import Kept
from gateway.remote_configuration import Accepted
from gateway.rotation import Identities
from gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

_SWITCHED_OFF: Final = Refused(None, ConfigurationRefusal.SWITCHED_OFF)


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds at a moment.

    Attributes:
        number: of the server's configuration; 0 where there is none, and the settings alone hold.
        peripherals: by Bluetooth address: all that may be connected to.
        revisit_after_s: pause before a peripheral is asked again after a good conversation, seconds.
        resend_after_s: wait for a receipt before a record is sent again, seconds.
        status_every_s: pause between two words about ourselves, seconds.
    """

    number: int
    peripherals: Mapping[str, AllowedPeripheral]
    revisit_after_s: float
    resend_after_s: float
    status_every_s: float

    @property
    def pinned(self) -> Mapping[str, str]:
        """Address → id of the profile that a person has chosen for it."""
        return {
            address: one.profile_id
            for address, one in self.peripherals.items()
            if one.profile_id is not None
        }


def plan_of(settings: GatewaySettings, configuration: GatewayConfiguration | None) -> Plan:
    """Return what holds under settings and a configuration, if there is one."""
    if configuration is None:
        return Plan(
            0,
            _by_address(AllowedPeripheral(address) for address in settings.peripherals),
            settings.revisit_after_s,
            settings.resend_after_s,
            settings.status_every_s,
        )
    schedule = configuration.schedule
    return Plan(
        configuration.number,
        _by_address(configuration.peripherals),
        _given(schedule.revisit_after_s, settings.revisit_after_s),
        _given(schedule.resend_after_s, settings.resend_after_s),
        _given(schedule.status_every_s, settings.status_every_s),
    )


class Following:
    """The plan of this process, and how it changes. Everything runs in the event loop's thread.

    Args:
        settings: Of this machine.
        identities: Who this gateway is, and whose signature counts.
        own_profiles: The site's profiles that this machine has in a folder of its own.

    Attributes:
        plan: what holds now.
        news: set whenever the server should hear what is followed; whoever tells it clears it.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        identities: Identities,
        own_profiles: Sequence[DeviceProfile] = (),
    ) -> None:
        self._settings = settings
        self._identities = identities
        self._own_profiles = own_profiles
        self._kept: Kept | None = None
        self._refused: Refused | None = None
        self._on_change: list[Callable[[Plan], None]] = []
        self._on_unknown_key: list[Callable[[], None]] = []
        self.news = asyncio.Event()
        if settings.remote_configuration:
            self._kept = configuration_store.load(settings.state_folder, identities.gateway_id)
        self._know_profiles()
        self.plan = plan_of(settings, self._kept.configuration if self._kept else None)

    def on_change(self, callback: Callable[[Plan], None]) -> None:
        """Have a function called with every new plan."""
        self._on_change.append(callback)

    def on_unknown_key(self, callback: Callable[[], None]) -> None:
        """Have a function called when a configuration is signed by a key that we have not learned."""
        self._on_unknown_key.append(callback)

    def answer(self) -> ConfigurationAnswer:
        """Return what the server is told."""
        return ConfigurationAnswer(self.plan.number, self._refused)

    def take(self, payload: bytes) -> None:
        """Follow a configuration that came, or say why not; every one that comes is answered."""
        if not payload:  # the broker was told to forget the one that it kept
            return
        self._refused = self._decided(payload)
        if self._refused is not None:
            log.error(
                "configuration_refused",
                extra={"reason": self._refused.reason, "number": self._refused.number},
            )
            if self._refused.reason is ConfigurationRefusal.UNKNOWN_KEY:
                _call(self._on_unknown_key)
        self.news.set()

    def _decided(self, payload: bytes) -> Refused | None:
        if not self._settings.remote_configuration:
            return _SWITCHED_OFF
        verdict = remote_configuration.judge(
            payload,
            self._identities.configuration_keys,
            self._identities.gateway_id,
            self._kept,
            self._own_profiles,
        )
        if isinstance(verdict, Accepted):
            return self._follow(verdict)
        return verdict

    def _follow(self, accepted: Accepted) -> Refused | None:
        """Keep a configuration, and only then follow it: what held before a crash holds after it."""
        configuration = accepted.configuration
        try:
            configuration_store.keep(self._settings.state_folder, accepted.signed, accepted.key)
        except OSError as error:
            log.exception("configuration_not_stored", extra={"error": type(error).__name__})
            return Refused(configuration.number, ConfigurationRefusal.NOT_STORED)
        self._kept = Kept(accepted.signed, configuration)
        models.add(accepted.profiles)
        self.plan = plan_of(self._settings, configuration)
        log.info(
            "configuration_followed",
            extra={"number": configuration.number, "count": len(configuration.peripherals)},
        )
        for callback in self._on_change:
            callback(self.plan)
        return None

    def _know_profiles(self) -> None:
        """Know the profiles at the start. A kept one that this release cannot read costs itself alone, and is said.

        A whole home would fall silent if all of the configuration went with it.
        """
        if self._kept is None:
            models.add(self._own_profiles)
            return
        configuration = self._kept.configuration
        profiles, broken = remote_configuration.site_profiles(
            configuration.profile_files, self._own_profiles
        )
        models.add(profiles)
        if broken:
            self._refused = remote_configuration.refused_for(configuration, broken)
            log.error("configuration_profiles_broken", extra={"number": configuration.number})


def _call(callbacks: Sequence[Callable[[], None]]) -> None:
    for callback in callbacks:
        callback()


def _given(seconds: float | None, otherwise: float) -> float:
    return otherwise if seconds is None else seconds


def _by_address(allowed: Iterable[AllowedPeripheral]) -> Mapping[str, AllowedPeripheral]:
    return MappingProxyType({one.address: one for one in allowed})
