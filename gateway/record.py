"""What the gateway knows about one record at the moment it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from firmware_profiles import wire


@dataclass(frozen=True, slots=True)
class CapturedRecord:
    """One notification or indication, undecoded, with everything needed to understand it later.

    Attributes:
        peripheral: Bluetooth address, upper case with colons.
        profile_id: device profile that led the conversation.
        profile_version: its version.
        characteristic: short UUID the bytes came from.
        raw: the bytes, at most 512 (the limit of an attribute).
        received_at: gateway clock, aware UTC.
        gateway_clock: what is known about that clock.
        device_clock_offset_s: seconds that the home's wall clock was ahead of the peripheral's, read in this
            conversation before the clock was set; None if the peripheral's clock cannot be read.
        time_zone: IANA name of the zone in which the peripheral's clock runs.
        link: how well the link was protected.
    """

    peripheral: str
    profile_id: str
    profile_version: int
    characteristic: str
    raw: bytes
    received_at: datetime
    gateway_clock: wire.GatewayClock
    device_clock_offset_s: float | None
    time_zone: str
    link: wire.Link
