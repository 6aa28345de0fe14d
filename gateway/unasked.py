"""Records that peripherals send before their session has asked, kept without it.

Only where the host stack confirms by itself (BlueZ): see `gateway/bluez/capture.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from firmware_profiles.device_profile import DeviceProfile
from gateway import captured_records, clock_quality, errors
from gateway.adapter import Unasked
from gateway.errors import StorageReason
from gateway.keeper import Keeper
from gateway.record import CapturedRecord

log = logging.getLogger(__name__)


class UnaskedRecords:
    """Keeps them.

    Args:
        keeper: Where records go.
        profile_of: The profile of an allowed peripheral by address, or None.
        time_zone: IANA name of the zone in which the home's clocks run.
        now: The gateway's clock, aware UTC.

    Attributes:
        counts: how many were kept, by address.
        disk_failed: set when the disk has failed with one; then `disk_error` says how.
    """

    def __init__(
        self,
        keeper: Keeper,
        profile_of: Callable[[str], DeviceProfile | None],
        time_zone: str,
        now: Callable[[], datetime],
    ) -> None:
        self._keeper = keeper
        self._profile_of = profile_of
        self._time_zone = time_zone
        self._now = now
        self.counts: Counter[str] = Counter()
        self.disk_failed = asyncio.Event()
        self.disk_error: errors.OutboxError | None = None

    def wishes(self) -> Unasked:
        """Return what an adapter is told about them."""
        return Unasked(self._is_wanted, self._keep)

    def _is_wanted(self, address: str, characteristic: str) -> bool:
        """Whether a characteristic is listened to at all times."""
        profile = self._profile_of(address)
        return (
            profile is not None
            and profile.pairing.indicates_unasked
            and characteristic in profile.measurement_characteristics
        )

    def _keep(self, address: str, characteristic: str, raw: bytes) -> None:
        """Store a frame.

        Raises:
            OutboxError: it is not stored.
        """
        profile = self._profile_of(address)
        if profile is None:
            return
        received_at = self._now()
        try:
            self._keeper.append(
                CapturedRecord(
                    peripheral=address,
                    profile_id=profile.profile_id,
                    profile_version=profile.version,
                    characteristic=characteristic,
                    raw=raw,
                    received_at=received_at,
                    gateway_clock=clock_quality.judge(received_at),
                    device_clock_offset_s=None,  # nobody has read its clock in this conversation
                    time_zone=self._time_zone,
                    link=captured_records.LINKS[profile.pairing.mode],
                )
            )
        except errors.OutboxError as error:
            if error.reason is not StorageReason.FULL:
                self.disk_error = error
                self.disk_failed.set()
            raise
        self.counts[address] += 1
