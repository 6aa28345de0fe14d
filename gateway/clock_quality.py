"""Whether this machine's clock can be believed."""

from __future__ import annotations

import ctypes
import functools
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firmware_profiles import wire

# A machine without a battery-backed clock starts in 1970 or at its last shutdown; nothing was ever measured with this
# software before it existed.
_FIRST_RELEASE_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TIMESYNCD_MARK: Final = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR: Final = 5  # return value of ntp_gettime(3): the clock is not disciplined
# More than sizeof(struct ntptimeval) on every platform.
_BUFFER_BYTES: Final = 256


def judge(now: datetime) -> wire.GatewayClock:
    """Return what is known about the clock that just said `now` (aware).

    SYNCHRONISED: systemd-timesyncd has said so since boot, or the kernel is disciplined by any NTP daemon.
    UNSYNCHRONISED: the clock stands before the software existed. UNKNOWN: everything else, because a machine whose
    hypervisor keeps its clock right looks to the kernel like one that nobody keeps right.
    """
    if now < _FIRST_RELEASE_AT:
        return wire.GatewayClock.UNSYNCHRONISED
    if _TIMESYNCD_MARK.exists() or _is_disciplined():
        return wire.GatewayClock.SYNCHRONISED
    return wire.GatewayClock.UNKNOWN


@functools.cache
def _ntp_gettime() -> ctypes._NamedFuncPointer | None:
    try:
        return ctypes.CDLL(None).ntp_gettime
    except (OSError, AttributeError):
        return None  # not glibc on Linux


def _is_disciplined() -> bool:
    ntp_gettime = _ntp_gettime()
    if ntp_gettime is None:
        return False
    state = ntp_gettime(ctypes.create_string_buffer(_BUFFER_BYTES))
    return bool(0 <= state < _TIME_ERROR)
