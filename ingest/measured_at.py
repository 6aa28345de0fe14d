"""When a measurement was made: the best estimate, and how it came about."""

from __future__ import annotations

import functools
import zoneinfo
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from firmware_profiles.wire import GatewayClock

# A gateway's clock is compared with ingest's own, which is kept by NTP. Ahead: more than network
# time leaves between two servers. Behind: the record may have waited that long in the gateway's
# outbox; longer than a year and a month, a home without network is less likely than a clock without
# battery.
GATEWAY_AHEAD: Final = timedelta(minutes=5)
GATEWAY_BEHIND: Final = timedelta(days=400)

# A gateway that cannot know whether its clock is right (a hypervisor keeps it, no NTP daemon) is believed where the
# message arrives at the very time that the gateway says it sent it, soon after the record came. The network is
# allowed half a minute; a clock that was put right in between would have to be so within the ten minutes.
GATEWAY_AGREES: Final = timedelta(seconds=30)
GATEWAY_SENT_SOON: Final = timedelta(minutes=10)

# A measurement cannot be later than its reception. Ten minutes of grace, because cuffs whose clock
# is not readable are set by hand.
DEVICE_AHEAD: Final = timedelta(minutes=10)
# Longer than meters keep records; a battery change sends clocks back to their year of production.
DEVICE_BEHIND: Final = timedelta(days=5 * 365)
# A clock that nobody could compare with another is believed for as long as a program's month lasts.
# An older record may be real, but an unset clock is as likely.
DEVICE_UNCHECKED: Final = timedelta(days=31)


# What turns wall-clock time into an instant: several times as quick as giving it a zone.
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH: Final = _EPOCH.replace(tzinfo=None)


class TimeMethod(StrEnum):
    """Whose clock ``measured_at`` comes from."""

    DEVICE_CLOCK_CORRECTED = "device_clock_corrected"
    DEVICE_CLOCK = "device_clock"
    GATEWAY_RECEIPT = "gateway_receipt"
    INGEST_RECEIPT = "ingest_receipt"
    IMPORTED = "imported"  # what an imported file says


class TimeQuality(StrEnum):
    """How far ``measured_at`` can be relied on."""

    GOOD = "good"
    UNCERTAIN = "uncertain"  # may be an hour or a clock's drift beside the truth
    UNKNOWN = "unknown"  # the moment of reception; the measurement was then or earlier


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the clocks on a record's way said.

    Attributes:
        device_time: the peripheral's wall clock at the measurement, naive; None without one.
        device_clock_offset_s: seconds to add to the peripheral's clock to get the gateway's wall
            clock, read in the session that brought the record; None if the peripheral's clock is
            not readable.
        time_zone: IANA name of the zone of both wall clocks.
        gateway_received_at: when the gateway had the record, by its clock, aware UTC.
        gateway_clock: what the gateway knows about its own clock.
        gateway_sent_at: when the gateway sent the message, by its clock, aware UTC.
        ingest_received_at: when ingest had the message, aware UTC.
        is_mended: whether a part of the device time was impossible, and was read as the model is known to mean it.
    """

    device_time: datetime | None
    device_clock_offset_s: float | None
    time_zone: str
    gateway_received_at: datetime
    gateway_clock: GatewayClock
    gateway_sent_at: datetime
    ingest_received_at: datetime
    is_mended: bool = False

    @property
    def gateway_clock_is_right(self) -> bool:
        """Whether the gateway's clock is known to be right: by its own word, or because ingest's agrees."""
        if self.gateway_clock is GatewayClock.SYNCHRONISED:
            return True
        on_its_way = self.ingest_received_at - self.gateway_sent_at
        waited = self.gateway_sent_at - self.gateway_received_at
        return abs(on_its_way) <= GATEWAY_AGREES and timedelta(0) <= waited <= GATEWAY_SENT_SOON


@dataclass(frozen=True, slots=True)
class Estimate:
    """An instant (aware UTC) with its provenance."""

    measured_at: datetime
    method: TimeMethod
    quality: TimeQuality


def estimate(clocks: Clocks) -> Estimate:
    """Return the best estimate of the instant of measurement.

    1. A gateway whose clock cannot be right says nothing: the message's arrival counts.
    2. The peripheral's clock, corrected by what the gateway saw in the same session.
    3. The peripheral's clock as it is, if the gateway could not read it.
    4. If that clock is absent, impossible, ahead of reception or years behind: reception at the
       gateway.

    A clock that was mended is never more than uncertain.
    """
    ahead = clocks.gateway_received_at - clocks.ingest_received_at
    if ahead > GATEWAY_AHEAD or ahead < -GATEWAY_BEHIND:
        return Estimate(clocks.ingest_received_at, TimeMethod.INGEST_RECEIPT, TimeQuality.UNKNOWN)
    found = _by_device_clock(clocks)
    if found is not None:
        age = clocks.gateway_received_at - found.measured_at
        if -DEVICE_AHEAD <= age <= DEVICE_BEHIND:
            return replace(found, quality=TimeQuality.UNCERTAIN) if clocks.is_mended else found
    return Estimate(clocks.gateway_received_at, TimeMethod.GATEWAY_RECEIPT, TimeQuality.UNKNOWN)


def moved(
    former: Estimate,
    former_time: datetime | None,
    device_time: datetime | None,
    gateway_received_at: datetime,
) -> Estimate:
    """Return the estimate of a stored reading whose device time turns out to have been read wrongly.

    The zone of the peripheral's clock is not stored. What the former estimate made of the former device time says how
    far both lie apart, and the new one lies as far from the new one; across a change of summer time that is an hour
    wrong, so the result is at most uncertain. Where the former estimate came from a reception, it stays.

    Args:
        former: The estimate so far.
        former_time: The device time that it was made of, naive; None without one.
        device_time: The device time as it is read now, naive; None without one.
        gateway_received_at: When the gateway had the record, aware UTC.
    """
    by_reception = {TimeMethod.GATEWAY_RECEIPT, TimeMethod.INGEST_RECEIPT, TimeMethod.IMPORTED}
    if device_time == former_time or former_time is None or former.method in by_reception:
        return former
    if device_time is not None:
        measured_at = former.measured_at + (device_time - former_time)
        if -DEVICE_AHEAD <= gateway_received_at - measured_at <= DEVICE_BEHIND:
            return Estimate(measured_at, former.method, TimeQuality.UNCERTAIN)
    return Estimate(gateway_received_at, TimeMethod.GATEWAY_RECEIPT, TimeQuality.UNKNOWN)


def _by_device_clock(clocks: Clocks) -> Estimate | None:
    zone = _zone(clocks.time_zone)
    if clocks.device_time is None or zone is None:
        return None
    try:
        if clocks.device_clock_offset_s is None:
            return _as_it_is(clocks, clocks.device_time, zone)
        return _corrected(clocks, clocks.device_time, clocks.device_clock_offset_s, zone)
    except OverflowError:  # a correction beyond the calendar
        return None


def _corrected(
    clocks: Clocks, device_time: datetime, offset_s: float, zone: zoneinfo.ZoneInfo
) -> Estimate:
    """Correct a clock that was compared with the gateway's when the record was read.

    A peripheral's clock runs on when summer time begins or ends, so the zone's UTC offset *at the
    comparison* turns its times into instants, on both sides of the change. Unless somebody set it
    by hand in between, and that cannot be known: a change of the zone's offset between measurement
    and reading makes it uncertain. For the same reason no hour of the wall clock is missing or
    double here.
    """
    utc_offset = _utc_offset(clocks.gateway_received_at, zone)
    measured_at = _EPOCH + (device_time - _WALL_EPOCH + timedelta(0, offset_s) - utc_offset)
    certain = clocks.gateway_clock_is_right and _utc_offset(measured_at, zone) == utc_offset
    return Estimate(
        measured_at,
        TimeMethod.DEVICE_CLOCK_CORRECTED,
        TimeQuality.GOOD if certain else TimeQuality.UNCERTAIN,
    )


def _as_it_is(clocks: Clocks, device_time: datetime, zone: zoneinfo.ZoneInfo) -> Estimate:
    """Read a clock that nobody could compare as the wall clock of its zone.

    In the hour that a change of summer time skips or repeats two instants are possible; the later
    one is taken unless it lies after reception.
    """
    earlier, later = sorted(
        device_time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    measured_at = later if later <= clocks.gateway_received_at else earlier
    age = clocks.gateway_received_at - measured_at
    certain = clocks.gateway_clock_is_right and earlier == later and age <= DEVICE_UNCHECKED
    return Estimate(
        measured_at,
        TimeMethod.DEVICE_CLOCK,
        TimeQuality.GOOD if certain else TimeQuality.UNCERTAIN,
    )


def _utc_offset(at: datetime, zone: zoneinfo.ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


@functools.lru_cache(maxsize=1024)
def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the zone, or None for a name that the tz database does not have."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of the database
        return None
