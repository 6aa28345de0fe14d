"""What the end of a conversation means for the bond, and what the person who pairs is told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from firmware_profiles.device_profile import DeviceProfile, PairingMode
from gateway import errors, link_failure
from gateway.adapter import Adapter
from gateway.bond_book import BondBook, BondLoss
from gateway.errors import SessionReason
from gateway.pairing_window import Window
from gateway.sighting import Sighting

log = logging.getLogger(__name__)

_WITHOUT_CODE: Final = (
    "But nobody compared a code, which this model has: anybody near could have been in between. The gateway will not"
    " use this bond. Let this machine forget it (“bluetoothctl remove {address}”), let the peripheral forget this"
    " gateway, and pair them again."
)


class BondOutcomes:
    """Draws the conclusions.

    Args:
        bonds: The book that they are written into.
        advice: What to do about a lost bond, in words.
    """

    def __init__(self, bonds: BondBook, advice: Callable[[BondLoss], str]) -> None:
        self._bonds = bonds
        self._advice = advice

    def begin(self, sighting: Sighting, window: Window | None) -> None:
        """Forget what belonged to the bond before, if a new one may be made now.

        Raises:
            OutboxError: the disk refuses.
        """
        has_bonds = sighting.profile.pairing.mode is not PairingMode.NONE
        if window is not None and window.is_new and has_bonds:
            self._bonds.note_attempt(sighting.address)

    def went_well(
        self,
        adapter: Adapter,
        sighting: Sighting,
        profile: DeviceProfile,
        count: int,
        window: Window | None,
    ) -> None:
        """Draw them from a conversation that went well.

        Args:
            adapter: The radio.
            sighting: With whom it was.
            profile: What led it to its end.
            count: How many records it brought.
            window: The pairing window in which it was, if there was one.

        Raises:
            OutboxError: the disk refuses.
        """
        if window is None:
            self._bonds.note_talked(sighting.address, profile)
            return
        words = f"It handed over {count} record{'' if count == 1 else 's'}."
        if window.is_new and adapter.is_bonded(sighting.address):
            words = self._paired(sighting, profile, window, words)
        else:
            self._bonds.note_talked(sighting.address, profile)
        window.end(profile.title, words)

    async def failed(
        self,
        adapter: Adapter,
        sighting: Sighting,
        error: errors.SessionError,
        window: Window | None,
    ) -> None:
        """Draw them from a conversation that failed; a bond may have come about all the same.

        Raises:
            OutboxError: the disk refuses.
        """
        is_bonded = adapter.is_bonded(sighting.address)
        if window is not None and not is_bonded:
            await window.note_failed(f"they did not pair: {error}")
        elif window is not None and window.is_new:
            words = f"The first conversation failed: {error}."
            profile = sighting.profile
            window.end(profile.title, self._paired(sighting, profile, window, words))
        elif is_bonded:
            self._note_key(adapter, sighting, error)
            if window is not None:
                loss = self._bonds.loss(sighting.address)
                await window.note_failed(self._advice(loss) if loss else str(error))

    def _note_key(self, adapter: Adapter, sighting: Sighting, error: errors.SessionError) -> None:
        """Find out whether a failure means that the peripheral has lost its key."""
        is_refused = adapter.was_key_refused(sighting.address)
        if is_refused or error.reason is SessionReason.PAIRING_REFUSED:
            self._bonds.note_refused(sighting.address)
        elif error.reason is SessionReason.UNREACHABLE and link_failure.broke_while_connecting(
            error.__cause__
        ):
            self._bonds.note_broken(sighting.address)

    def _paired(
        self, sighting: Sighting, profile: DeviceProfile, window: Window, words: str
    ) -> str:
        """Write a new bond into the book and return what there is to say."""
        is_authenticated = window.is_authenticated
        self._bonds.note_paired(sighting.address, profile, is_authenticated=is_authenticated)
        log.info(
            "paired",
            extra={"peripheral_id": sighting.short_name, "is_authenticated": is_authenticated},
        )
        if profile.pairing.mode is PairingMode.PASSKEY and not is_authenticated:
            return _WITHOUT_CODE.format(address=sighting.address)
        return words
