"""What the person beside a running gateway may ask about pairing: open a window for one peripheral, list who is there.

The protocol is that of :mod:`gateway.control_socket`::

    {"do": "pair", "address": …, "seconds": …, "if_needed": …}
        → {"news": {"stage": …, "title": …, "passkey": …, "words": …, "seconds_left": …}}, {"want": "passkey"}
        → {"answer": {"stage": "paired", …}}
    {"do": "pairable", "seconds": …}
        → {"answer": {"peripherals": [{"address": …, "name": …, "rssi_dbm": …, "title": …, "mode": …,
                                       "is_allowed": …, "is_paired": …}]}}
    {"do": "bond_notes"} → {"answer": {"notes": [what to do about a peripheral without a good bond, …]}}
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware_profiles import models
from gateway import bond_book, errors, passkeys
from gateway.control_socket import Dialogue, Handler, Members
from gateway.pairing_window import News, Stage, Window
from gateway.settings import NOT_SET
from gateway.surroundings import Heard
from gateway.visiting import Visiting

# A peripheral stays in pairing mode for half a minute or a minute, and somebody has to put it there first.
DEFAULT_WINDOW_S: Final = 120.0
LONGEST_WINDOW_S: Final = 600.0
# How often somebody who waits hears that they do not wait for nothing.
_TICK_S: Final = 10.0
_LATELY_S: Final = 60.0
# A gateway that has just started, or whose bluetoothd has, opens its radio within seconds.
_RADIO_PATIENCE_S: Final = 15.0
_LONGEST_LISTENING_S: Final = 60.0
# The first conversation may bring years of records.
_LONGEST_ATTEMPT_S: Final = 300.0


class PairingRequests:
    """Works on them.

    Args:
        visiting: The radios and what they share.
        passkeys_file: Codes that were noted beforehand; read anew for each pairing.
    """

    def __init__(self, visiting: Visiting, passkeys_file: Path = NOT_SET) -> None:
        self._visiting = visiting
        self._passkeys_file = passkeys_file

    def handlers(self) -> Mapping[str, Handler]:
        """Return what each request is called."""
        return {
            "pair": self.pair,
            "pairable": self.pairable,
            bond_book.NOTES_REQUEST: self.bond_notes,
        }

    async def pair(self, request: Members, dialogue: Dialogue) -> Members:
        """Open a window and wait until the peripheral is paired.

        Raises:
            ControlError: it cannot be paired here, or was not in time.
            ConfigurationError: the codes that were noted cannot be used.
        """
        address = str(request.get("address", "")).upper()
        seconds = _bounded(request.get("seconds"), DEFAULT_WINDOW_S, LONGEST_WINDOW_S)
        if not self._visiting.watch.is_allowed(address):
            raise errors.ControlError(
                f"{address} is not one of this home's peripherals: add it to “peripherals” in the configuration and"
                " start the gateway again, or let the practice add it on the server; then pair it"
            )
        await self._require_radio()
        is_good = self._visiting.is_bonded(address) and self._visiting.bonds.loss(address) is None
        if is_good and request.get("if_needed"):
            return dataclasses.asdict(News(Stage.PAIRED, words="They are paired already."))
        operator = _Person(dialogue, passkeys.read(self._passkeys_file).get(address))
        with self._visiting.desk.open(address, seconds, operator) as window:
            self._visiting.watch.expect(address)
            loss = self._visiting.bonds.loss(address)
            if loss is not None:
                await operator.tell(News(Stage.FAILED, words=self._visiting.advice(loss)))
            ticking = asyncio.create_task(self._tick(window, operator))
            try:
                end = await window.wait(seconds, _LONGEST_ATTEMPT_S)
            finally:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)
        if end is None:
            raise errors.ControlError(self._too_late(address))
        return dataclasses.asdict(end)

    async def pairable(self, request: Members, _dialogue: Dialogue) -> Members:
        """Listen for a while and return who is there that could be paired, the loudest first."""
        await asyncio.sleep(_bounded(request.get("seconds"), _TICK_S, _LONGEST_LISTENING_S))
        heard = self._visiting.watch.surroundings.within(_LATELY_S)
        known = (self._described(one) for one in heard)
        return {"peripherals": [one for one in known if one is not None]}

    async def bond_notes(self, _request: Members, _dialogue: Dialogue) -> Members:
        """Return what a person has to do about peripherals whose bond is lost, or that were never paired."""
        visiting = self._visiting
        lost = {loss.address: visiting.advice(loss) for loss in visiting.bonds.losses()}
        unpaired = {
            address: f"{address} is not paired yet: run “homevitals-gateway pair {address}”"
            for address in visiting.unpaired()
            if address not in lost
        }
        return {"notes": [words for _, words in sorted((lost | unpaired).items())]}

    async def _require_radio(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RADIO_PATIENCE_S):
                while not any(one.adapter for one in self._visiting.radios):  # noqa: ASYNC110  # it is rare
                    await asyncio.sleep(0.1)
                return
        raise errors.ControlError(
            "the gateway has no working Bluetooth adapter now: “homevitals-gateway doctor” says why"
        )

    def _described(self, heard: Heard) -> Members | None:
        profile = models.known().match(heard.seen)
        is_allowed = self._visiting.watch.is_allowed(heard.address)
        if profile is None and not is_allowed:
            return None
        return {
            "address": heard.address,
            "name": heard.seen.name,
            "rssi_dbm": heard.rssi_dbm,
            "title": profile.title if profile else None,
            "mode": profile.pairing.mode if profile else None,
            "is_allowed": is_allowed,
            "is_paired": self._visiting.is_bonded(heard.address),
        }

    async def _tick(self, window: Window, operator: _Person) -> None:
        profile = self._visiting.profile_of(window.address)
        words = " ".join(profile.texts.pairing.split()) if profile else ""
        while True:
            left_s = self._visiting.desk.remaining_s()
            stage = Stage.WORKING if window.is_trying else Stage.SEARCHING
            await operator.tell(News(stage, words=words), seconds_left=round(left_s))
            words = ""
            await asyncio.sleep(_TICK_S)
            heard = self._visiting.watch.surroundings.last(window.address)
            if heard is not None and models.known().match(heard.seen) is None:
                await window.note_unknown(heard.seen.name or "")

    def _too_late(self, address: str) -> str:
        heard = {one.address for one in self._visiting.watch.surroundings.within(_LATELY_S)}
        if self._visiting.is_bonded(address):
            return (
                f"{address} did not come within the time. It is paired with this gateway; take a measurement to see"
                " whether it still works"
            )
        if address not in heard:
            return (
                f"{address} was not heard within the time. Put it into pairing mode beside the gateway, check the"
                " address, and try again; “homevitals-gateway pair --list” says who is heard"
            )
        return (
            f"{address} was heard, and they did not pair within the time. Put it into pairing mode again, let it forget"
            " other hosts if it knows one only, and try again"
        )


class _Person:
    """Whoever has asked, at the other end of a dialogue; they may leave at any time.

    Args:
        dialogue: The way to them.
        noted_passkey: What they need not be asked for.
    """

    def __init__(self, dialogue: Dialogue, noted_passkey: str | None) -> None:
        self._dialogue = dialogue
        self._noted_passkey = noted_passkey

    async def tell(self, news: News, **more: object) -> None:
        """Say how far it is."""
        with contextlib.suppress(OSError, TimeoutError):
            await self._dialogue.tell(dataclasses.asdict(news) | more)

    async def ask_passkey(self) -> str:
        """Return what was noted beforehand, or else is typed."""
        if self._noted_passkey is not None:
            return self._noted_passkey
        try:
            return str((await self._dialogue.ask("passkey")).get("passkey", ""))
        except (OSError, TimeoutError):
            return ""


def _bounded(seconds: object, default_s: float, longest_s: float) -> float:
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        return min(max(float(seconds), 0.0), longest_s)
    return default_s
