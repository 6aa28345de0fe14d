"""The records of one session: each is durable before anything else happens to it."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import datetime
from typing import Final

from firmware_profiles import conversation, wire
from firmware_profiles.device_profile import DeviceProfile, PairingMode
from gateway import clock_quality, conversing, errors
from gateway.errors import SessionReason
from gateway.keeper import Keeper
from gateway.record import CapturedRecord

LINKS: Final = {
    PairingMode.NONE: wire.Link.UNAUTHENTICATED,
    PairingMode.JUST_WORKS: wire.Link.ENCRYPTED,
    PairingMode.PASSKEY: wire.Link.AUTHENTICATED,
}
"""How well a link is protected, by how it was paired."""


class CapturedRecords:
    """Takes records of one peripheral and keeps what belongs to each: profile, link, clocks.

    Args:
        address: Of the peripheral, upper case with colons.
        profile: What leads the session; a better one may take its place before the first record.
        keeper: Where records go.
        zone: In which the home's clocks run.
        now: The gateway's clock, aware UTC.
        on_failure: Called when the disk refuses, before that is raised.
    """

    def __init__(
        self,
        address: str,
        profile: DeviceProfile,
        keeper: Keeper,
        zone: zoneinfo.ZoneInfo,
        now: Callable[[], datetime],
        on_failure: Callable[[], None],
    ) -> None:
        self.profile = profile
        self.count = 0
        self.failure: errors.OutboxError | None = None
        self._address = address
        self._keeper = keeper
        self._zone = zone
        self._now = now
        self._on_failure = on_failure
        self._clock_offset_s: float | None = None

    def keep(self, characteristic: str, raw: bytes) -> None:
        """Store a record durably.

        Raises:
            OutboxError: it is not stored, hence (where we have a say) not confirmed; the session ends.
        """
        received_at = self._now()
        try:
            self._keeper.append(
                CapturedRecord(
                    peripheral=self._address,
                    profile_id=self.profile.profile_id,
                    profile_version=self.profile.version,
                    characteristic=characteristic,
                    raw=raw,
                    received_at=received_at,
                    gateway_clock=clock_quality.judge(received_at),
                    device_clock_offset_s=self._clock_offset_s,
                    time_zone=self._zone.key,
                    link=LINKS[self.profile.pairing.mode],
                )
            )
        except errors.OutboxError as error:
            self.failure = error
            self._on_failure()
            raise
        self.count += 1

    def note_clock(self, device_time: datetime) -> None:
        """Note what the peripheral's clock shows now, naive, before it is set."""
        self._clock_offset_s = (self.home_time().local - device_time).total_seconds()

    def home_time(self) -> conversation.HomeTime:
        """Return the time in the home."""
        return conversing.home_time(self._now(), self._zone)

    def raise_failure(self) -> None:
        """Let a failure of the disk end the session, whatever else failed after it.

        Raises:
            SessionError: the disk has refused.
        """
        if self.failure is not None:
            raise errors.SessionError(SessionReason.STORAGE, str(self.failure)) from self.failure
