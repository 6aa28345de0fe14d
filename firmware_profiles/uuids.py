"""Bluetooth SIG numbers of the services and characteristics we use.

A 16-bit number is written as four lower-case hexadecimal digits: that is the name it has in device
profiles, in records on the wire and in the store. Vendor UUIDs have no short form and are written
in full.

Source: Bluetooth SIG Assigned Numbers, GATT services and characteristics, 2025.
"""

from __future__ import annotations

from typing import Final

BLOOD_PRESSURE_SERVICE: Final = "1810"
BLOOD_PRESSURE_MEASUREMENT: Final = "2a35"
INTERMEDIATE_CUFF_PRESSURE: Final = "2a36"
BLOOD_PRESSURE_FEATURE: Final = "2a49"
ENHANCED_BLOOD_PRESSURE_MEASUREMENT: Final = "2b34"
ENHANCED_INTERMEDIATE_CUFF_PRESSURE: Final = "2b35"
BLOOD_PRESSURE_RECORD: Final = "2b36"

GLUCOSE_SERVICE: Final = "1808"
GLUCOSE_MEASUREMENT: Final = "2a18"
GLUCOSE_MEASUREMENT_CONTEXT: Final = "2a34"
GLUCOSE_FEATURE: Final = "2a51"
RECORD_ACCESS_CONTROL_POINT: Final = "2a52"

WEIGHT_SCALE_SERVICE: Final = "181d"
WEIGHT_MEASUREMENT: Final = "2a9d"
WEIGHT_SCALE_FEATURE: Final = "2a9e"

PULSE_OXIMETER_SERVICE: Final = "1822"
PLX_SPOT_CHECK_MEASUREMENT: Final = "2a5e"
PLX_CONTINUOUS_MEASUREMENT: Final = "2a5f"
PLX_FEATURES: Final = "2a60"

HEALTH_THERMOMETER_SERVICE: Final = "1809"
TEMPERATURE_MEASUREMENT: Final = "2a1c"
TEMPERATURE_TYPE: Final = "2a1d"
INTERMEDIATE_TEMPERATURE: Final = "2a1e"

CURRENT_TIME_SERVICE: Final = "1805"
CURRENT_TIME: Final = "2a2b"
LOCAL_TIME_INFORMATION: Final = "2a0f"
DATE_TIME: Final = "2a08"
DEVICE_TIME_SERVICE: Final = "1847"
DEVICE_TIME: Final = "2b90"

DEVICE_INFORMATION_SERVICE: Final = "180a"
SYSTEM_ID: Final = "2a23"
MODEL_NUMBER: Final = "2a24"
SERIAL_NUMBER: Final = "2a25"
FIRMWARE_REVISION: Final = "2a26"
MANUFACTURER_NAME: Final = "2a29"
HARDWARE_REVISION: Final = "2a27"

BATTERY_SERVICE: Final = "180f"
BATTERY_LEVEL: Final = "2a19"

_BASE_HEAD: Final = "0000"
_BASE_TAIL: Final = "-0000-1000-8000-00805f9b34fb"


def full_uuid(short: str) -> str:
    """Write a 16-bit number as a whole UUID, inside the Bluetooth base UUID; a whole one stays."""
    if len(short) == 36:
        return short
    return f"{_BASE_HEAD}{short.lower()}{_BASE_TAIL}"


def short_uuid(full: str) -> str:
    """Return the four digits of a UUID made from the Bluetooth base, any other in lower case."""
    lowered = full.lower()
    if len(lowered) == 36 and lowered.startswith(_BASE_HEAD) and lowered.endswith(_BASE_TAIL):
        return lowered[4:8]
    return lowered
