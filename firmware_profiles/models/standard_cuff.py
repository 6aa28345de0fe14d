"""Blood-pressure cuff that follows the Bluetooth Blood Pressure Profile.

Features
    Systolic, diastolic, mean arterial pressure; pulse, time stamp, user number and measurement
    status when the cuff sends them. mmHg and kPa. A failed measurement (all values NaN) is kept as
    "not measurable", without numbers.

Clock
    Current Time (2a2b) of the Current Time Service. Read first, so that stored records can be
    corrected by what the clock was off, then set. A cuff without that service still delivers; its
    records keep the cuff's own time.

Bonding
    Just Works. The cuff must be in pairing mode once; put it there with the key its manual names
    and keep it near the gateway until it shows success. A cuff that shows a six-digit passkey needs
    a profile of its own.

Transfer
    The cuff wakes after a measurement, sends every record it has not delivered yet as one
    indication each, oldest first, and hangs up. The standard has no end mark: the session ends when
    the cuff disconnects, or after ten seconds of silence.

    A bonded cuff of this kind may send as soon as the link is encrypted, before it is asked. Use
    the gateway's adapter "bumble", where a record is confirmed only after it is on disk. With the
    adapter "platform" on Linux, bluetoothd confirms such records by itself before any program can
    see them, and they are lost (seen with BlueZ 5.66: two of two records of a later visit).

Quirks
    None assumed. Cuffs known to deviate (big-endian pulse, user number without its flag, all
    records every time) need profiles of their own: do not force them onto this one. Live cuff
    pressure (2a36) is never subscribed.

Sources
    Blood Pressure Profile 1.1.1 and Blood Pressure Service 1.1.1, Bluetooth SIG, 2022-01-18; GATT
    Specification Supplement, Blood Pressure Measurement. Idle time-out: ours; cuffs keep a link 30
    to 60 s.
"""

from __future__ import annotations

from typing import Final

from firmware_profiles import uuids
from firmware_profiles.device_profile import (
    AwaitDisconnect,
    Clock,
    DeviceProfile,
    Match,
    Pairing,
    ReadClock,
    Subscribe,
    WriteClock,
)
from firmware_profiles.readings import Kind

PROFILE: Final = DeviceProfile(
    profile_id="standard-cuff",
    version=1,
    title="Standard blood-pressure cuff",
    kind=Kind.BLOOD_PRESSURE,
    match=Match(service=uuids.BLOOD_PRESSURE_SERVICE),
    pairing=Pairing.JUST_WORKS,
    clock=Clock(characteristic=uuids.CURRENT_TIME, readable=True),
    script=(
        ReadClock(),
        WriteClock(),
        Subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT),
        AwaitDisconnect(idle_timeout_s=10.0),
    ),
    script_budget_s=None,
    user_slots=True,
    support=__doc__,
)
