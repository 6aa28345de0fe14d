"""Glucometer that follows the Bluetooth Glucose Profile.

Features
    Glucose in kg/L or mol/L, sequence number, base time and user's offset, sample type and
    location, sensor status, meal and other context. HI and LO readings are kept as "above range"
    and "below range" without a number; control solution is kept apart from a person's readings.

Clock
    Current Time (2a2b), read and then set. Setting it moves the display's time; the meter's base
    time stays, so records stay recognisable.

Bonding
    Just Works. A meter that asks for a PIN or shows a passkey needs a profile of its own.

Transfer
    Subscribe to measurement (2a18), context (2a34) and record access control point (2a52), then ask
    for the records from the last sequence number on; a meter that cannot select sends all, and
    known ones are recognised by sequence number and base time. The control point says when the
    transfer is complete, then the gateway hangs up. A context carries the sequence number of its
    measurement, follows it, and may be missing.

Quirks
    None assumed. Not for meters that hide ketones in glucose records, send month 13, or count
    backwards: these need profiles of their own. Records are never deleted from the meter.

Sources
    Glucose Profile 1.0.1 and Glucose Service 1.0.1, Bluetooth SIG, 2022-01-18; GATT Specification
    Supplement, Glucose Measurement, Glucose Measurement Context, Record Access Control Point.
"""

from __future__ import annotations

from typing import Final

from firmware_profiles import uuids
from firmware_profiles.device_profile import (
    Clock,
    DeviceProfile,
    Disconnect,
    Match,
    Pairing,
    ReadClock,
    ReportRecords,
    Subscribe,
    WriteClock,
)
from firmware_profiles.readings import Kind

PROFILE: Final = DeviceProfile(
    profile_id="standard-glucometer",
    version=1,
    title="Standard glucometer",
    kind=Kind.GLUCOSE,
    match=Match(service=uuids.GLUCOSE_SERVICE),
    pairing=Pairing.JUST_WORKS,
    clock=Clock(characteristic=uuids.CURRENT_TIME, readable=True),
    script=(
        ReadClock(),
        WriteClock(),
        Subscribe(uuids.GLUCOSE_MEASUREMENT),
        Subscribe(uuids.GLUCOSE_MEASUREMENT_CONTEXT),
        Subscribe(uuids.RECORD_ACCESS_CONTROL_POINT),
        ReportRecords(),
        Disconnect(),
    ),
    script_budget_s=None,
    user_slots=False,
    support=__doc__,
)
