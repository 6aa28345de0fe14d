"""A&D Medical UA-651BLE and UA-651CNBLE, upper-arm cuff.

Features
    Systolic, diastolic, mean arterial pressure, pulse, time stamp, measurement status. No user
    number: one cuff, one patient. A failed measurement arrives with NaN pressures; a pulse outside
    the cuff's range arrives as NRes and is kept as a missing pulse with the qualifier
    `pulse_not_expressible`.

Clock
    Date Time (2a08) inside the Blood Pressure Service. It cannot be read, and it must be written in
    every session. A write with any part out of range is ignored without an error. After a change of
    batteries the records carry no time stamp until the clock was written: those readings are dated
    by their arrival.

Bonding
    Just Works, after the cuff's own security request. Hold START until the display shows "Pr" (it
    stays so for about a minute) next to the gateway; "End" means success. The cuff knows one host
    only: pairing it with a phone afterwards cuts the gateway off, and it must then be paired with
    the gateway again.

Transfer
    Within five seconds after encryption both the clock write and the subscription must be done;
    otherwise the cuff sends nothing, keeps its records and hangs up. Then it sends the records it
    has not delivered, oldest first, and disconnects by itself. Nothing else may be asked of it in
    the session: every read costs part of the five seconds.

Quirks
    While its vendor setting "buffer size" is 0, readings taken while no gateway listens are lost in
    the cuff; this profile cannot change that setting. Battery level moves in coarse steps.

Sources
    A&D UA-651BLE SDK V1.2, 2014-10-27, through a third-party digest;
    andengineering/AndroidSampleCode, reports 1 and 2. The order of clock write and subscription
    inside the five seconds is not stated there; a sibling's application writes the clock first, and
    so do we.
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
    Subscribe,
    WriteClock,
)
from firmware_profiles.readings import Kind

PROFILE: Final = DeviceProfile(
    profile_id="and-ua-651ble",
    version=1,
    title="A&D UA-651BLE upper-arm cuff",
    kind=Kind.BLOOD_PRESSURE,
    match=Match(
        service=uuids.BLOOD_PRESSURE_SERVICE, name_prefixes=("A&D_UA-651BLE_", "A&D_UA-651CNBLE_")
    ),
    pairing=Pairing.JUST_WORKS,
    clock=Clock(characteristic=uuids.DATE_TIME, readable=False),
    script=(
        WriteClock(),
        Subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT),
        AwaitDisconnect(idle_timeout_s=10.0),
    ),
    script_budget_s=5.0,
    user_slots=False,
    support=__doc__,
)
