"""Which peripherals this gateway has bonded with, and whether both sides still have the key.

A bond that one side has lost does not mend itself: somebody has to stand beside the peripheral. So it is told apart
from a link that just failed, and said with what to do.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from firmware_profiles.device_profile import DeviceProfile, PairingMode

log = logging.getLogger(__name__)

# Under this name it is remembered that a peripheral was paired, and how.
_NAME: Final = "bond"
# What the person beside the gateway asks to hear what there is to do; see gateway/pairing_requests.py.
NOTES_REQUEST: Final = "bond_notes"
# A bonded peripheral that drops the link before it has shown its services may be at the edge of range once or twice.
_BROKEN_LIMIT: Final = 3


class Side(StrEnum):
    """Who has lost the key."""

    PERIPHERAL = "peripheral"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class BondLoss:
    """A bond that is gone.

    Attributes:
        address: of the peripheral, upper case with colons.
        side: who has lost the key.
        since: when that was noticed, aware UTC.
        is_certain: False if it is only likely: links break, but nobody has said why.
    """

    address: str
    side: Side
    since: datetime
    is_certain: bool


class Memory(Protocol):
    """Where it is remembered, per peripheral."""

    def recall(self, peripheral: str) -> dict[str, bytes]:
        """Return what is remembered, by name."""
        ...

    def remember(self, peripheral: str, name: str, content: bytes) -> None:
        """Remember something."""
        ...

    def forget(self, peripheral: str) -> None:
        """Forget everything, for the peripheral is paired anew."""
        ...


class BondBook:
    """The bonds of all radios of this gateway.

    Args:
        memory: Where bonds are remembered.
        now: The gateway's clock, aware UTC.
    """

    def __init__(self, memory: Memory, now: Callable[[], datetime]) -> None:
        self._memory = memory
        self._now = now
        self._losses: dict[str, BondLoss] = {}
        self._broken_counts: dict[str, int] = {}

    def losses(self) -> list[BondLoss]:
        """Return all bonds that are gone, those noticed first first."""
        return sorted(self._losses.values(), key=lambda loss: loss.since)

    def loss(self, address: str) -> BondLoss | None:
        """Return the loss of one peripheral's bond, or None."""
        return self._losses.get(address)

    def is_remembered(self, address: str) -> bool:
        """Whether a peripheral was ever paired here."""
        return _NAME in self._memory.recall(address)

    def profile_id(self, address: str) -> str | None:
        """Return the profile by which a peripheral was paired, or None."""
        content = self._memory.recall(address).get(_NAME)
        return None if content is None else str(json.loads(content)["profile_id"])

    def is_usable(self, address: str, profile: DeviceProfile) -> bool:
        """Whether a bond is as good as its profile asks for."""
        if profile.pairing.mode is not PairingMode.PASSKEY:
            return True
        content = self._memory.recall(address).get(_NAME)
        # Bonds that were not made here were made by a person at this machine.
        return content is None or json.loads(content)["is_authenticated"] is not False

    def note_attempt(self, address: str) -> None:
        """Take note that a new bond may come about now: what else is remembered belongs to the one before.

        Keys of proprietary protocols and the mark of a one-time setup are made in the first conversation over a bond,
        so this comes before it.

        Raises:
            OutboxError: the disk refuses.
        """
        content = self._memory.recall(address).get(_NAME)
        self._memory.forget(address)
        if content is not None:
            self._memory.remember(address, _NAME, content)

    def note_paired(self, address: str, profile: DeviceProfile, *, is_authenticated: bool) -> None:
        """Take note of a new bond.

        Args:
            address: Of the peripheral.
            profile: By which it was paired.
            is_authenticated: Whether a code was compared.

        Raises:
            OutboxError: the disk refuses.
        """
        self._remember(address, profile, is_authenticated=is_authenticated)
        self._mend(address)

    def note_talked(self, address: str, profile: DeviceProfile) -> None:
        """Take note that a conversation over the bond went well.

        Raises:
            OutboxError: the disk refuses.
        """
        if profile.pairing.mode is PairingMode.NONE:
            return
        if not self.is_remembered(address):
            self._remember(address, profile, is_authenticated=None)
        self._mend(address)

    def note_refused(self, address: str) -> None:
        """Take note that the peripheral does not have our key."""
        self._lose(address, Side.PERIPHERAL, is_certain=True)

    def note_broken(self, address: str) -> None:
        """Take note that a bonded peripheral dropped the link before it showed its services."""
        count = self._broken_counts[address] = self._broken_counts.get(address, 0) + 1
        if count >= _BROKEN_LIMIT and address not in self._losses:
            self._lose(address, Side.PERIPHERAL, is_certain=False)

    def note_missing(self, address: str) -> bool:
        """Take note that there is no key of a peripheral on our side; return whether there has ever been one."""
        if not self.is_remembered(address):
            return False
        self._lose(address, Side.GATEWAY, is_certain=True)
        return True

    def keep_only(self, addresses: Iterable[str]) -> None:
        """Forget losses of peripherals that do not belong here any more."""
        wanted = set(addresses)
        for address in self._losses.keys() - wanted:
            del self._losses[address]

    def _remember(
        self, address: str, profile: DeviceProfile, *, is_authenticated: bool | None
    ) -> None:
        content = {
            "profile_id": profile.profile_id,
            "noted_at": self._now().isoformat(),
            "is_authenticated": is_authenticated,
        }
        self._memory.remember(address, _NAME, json.dumps(content).encode())

    def _mend(self, address: str) -> None:
        self._broken_counts.pop(address, None)
        if self._losses.pop(address, None) is not None:
            log.info("bond_mended", extra={"peripheral_id": address[-5:]})

    def _lose(self, address: str, side: Side, *, is_certain: bool) -> None:
        known = self._losses.get(address)
        if known is not None and (known.side is side and known.is_certain >= is_certain):
            return
        since = known.since if known else self._now()
        self._losses[address] = BondLoss(address, side, since, is_certain)
        log.error(
            "bond_lost",
            extra={"peripheral_id": address[-5:], "side": side, "is_certain": is_certain},
        )


def advice(loss: BondLoss, profile: DeviceProfile | None, *, is_bluez: bool) -> str:
    """Return what has happened to a bond and what to do, for the person beside the peripheral.

    Args:
        loss: What was noticed.
        profile: Of the peripheral, if it is known; it says how the peripheral forgets its host.
        is_bluez: Whether BlueZ keeps our keys: then only a person may remove one.
    """
    title = profile.title if profile else "The peripheral"
    pairing = " ".join(profile.texts.pairing.split()) if profile else ""
    pair = f"run “homevitals-gateway pair {loss.address}”. {pairing}".strip()
    if loss.side is Side.GATEWAY:
        clearing = (
            f"If it does not pair, let it forget this gateway first. {_one_line(profile.texts.clearing)} "
            if profile
            else ""
        )
        return f"{title}: this gateway has lost the key that the two shared. Pair them again: {pair} {clearing}".strip()
    maybe = "has" if loss.is_certain else "has probably"
    one_host = (
        " It knows one host only: if somebody has paired it with a phone, delete it there."
        if profile and profile.pairing.one_host
        else ""
    )
    remove = (
        f" Then let this machine forget it: “bluetoothctl remove {loss.address}”."
        if is_bluez
        else ""
    )
    clearing = f" {_one_line(profile.texts.clearing)}" if profile else ""
    return (
        f"{title} {maybe} lost the key that it shared with this gateway; its records stay in it until the two are"
        f" paired again.{one_host}{clearing}{remove} Then {pair}"
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
