"""From the bytes of a record to the reading they mean, under its device profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, get_args

from firmware_profiles import blood_pressure, decoder_knobs, errors, glucose, protocols, uuids
from firmware_profiles.body_temperature import TemperatureMeasurement
from firmware_profiles.body_weight import WeightMeasurement
from firmware_profiles.enhanced_blood_pressure import EnhancedMeasurement
from firmware_profiles.errors import FrameReason
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.pulse_oximetry import SpotCheck
from firmware_profiles.readings import (
    BloodPressureReading,
    BodyWeightReading,
    Decoded,
    GlucoseContext,
    Reading,
    Result,
)

if TYPE_CHECKING:
    from firmware_profiles.device_profile import DeviceProfile

_DECODERS: Final[Mapping[str, Callable[[bytes], Decoded]]] = {
    uuids.BLOOD_PRESSURE_MEASUREMENT: blood_pressure.read,
    uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT: (
        lambda raw: EnhancedMeasurement.from_bytes(raw).reading()
    ),
    uuids.GLUCOSE_MEASUREMENT: glucose.read,
    uuids.GLUCOSE_MEASUREMENT_CONTEXT: (
        lambda raw: GlucoseMeasurementContext.from_bytes(raw).reading()
    ),
    uuids.WEIGHT_MEASUREMENT: lambda raw: WeightMeasurement.from_bytes(raw).reading(),
    uuids.PLX_SPOT_CHECK_MEASUREMENT: lambda raw: SpotCheck.from_bytes(raw).reading(),
    uuids.TEMPERATURE_MEASUREMENT: lambda raw: TemperatureMeasurement.from_bytes(raw).reading(),
}

_WITH_USERS: Final = (BloodPressureReading, BodyWeightReading)

_NAMES: Final[Mapping[type, tuple[str, ...]]] = {
    one: tuple(f.name for f in fields(one)) for one in get_args(Reading)
}
_FIELDS: Final[Mapping[type, Callable[[Any], tuple[Any, ...]]]] = {
    kind: attrgetter(*names) for kind, names in _NAMES.items()
}
_TIMES: Final = {
    kind: tuple(name for name in names if name.endswith("_time")) for kind, names in _NAMES.items()
}

# A reading's fields as JSON text: they are numbers, words of ours and times, in which nothing has to be escaped.
_TEXT_FORMS: Final = {
    kind: "{" + ",".join(f'"{name}":%s' for name in names) + "}" for kind, names in _NAMES.items()
}
_ENTRIES: Final[Mapping[type, Callable[[Any], str]]] = {
    type(None): lambda _: "null",
    bool: lambda flag: "true" if flag else "false",
    int: int.__repr__,
    float: float.__repr__,
    Result: lambda word: f'"{word.value}"',
    datetime: lambda at: f'"{at.isoformat()}"',
    tuple: lambda words: f'"{" ".join(words)}"',
}


def is_record(characteristic: str) -> bool:
    """Whether notifications of a standard characteristic are records."""
    return characteristic in _DECODERS


def decode_record(profile: DeviceProfile, characteristic: str, raw: bytes) -> Decoded:
    """Decode one record.

    Args:
        profile: the profile the record names.
        characteristic: where the bytes came from, in the form of `uuids.short_uuid`.
        raw: the bytes as sent.

    Raises:
        FrameError: `unknown_characteristic` if it carries no records, `wrong_profile` if this
            profile's device has no such records, otherwise what is wrong with the bytes.
    """
    decoder = _DECODERS.get(characteristic)
    if characteristic not in profile.measurement_characteristics:
        if decoder is None:
            raise errors.FrameError(
                FrameReason.UNKNOWN_CHARACTERISTIC, "this characteristic does not carry records"
            )
        raise errors.FrameError(
            FrameReason.WRONG_PROFILE,
            f"{profile.profile_id} has no records of characteristic {characteristic}",
        )
    if profile.protocol is not None:
        return protocols.decode(profile.protocol, raw)
    assert decoder is not None  # noqa: S101 - the profile subscribes only to what has one
    if profile.knobs is decoder_knobs.STANDARD:
        decoded = decoder(raw)
    else:
        decoded = profile.knobs.decoded(characteristic, raw, decoder)
    if (
        isinstance(decoded, _WITH_USERS)
        and decoded.user_slot is not None
        and not profile.user_slots
    ):
        # The profile knows better than the byte: such a device does not tell its users apart.
        return replace(decoded, user_slot=None)
    return decoded


def advisory(decoded: Decoded) -> dict[str, float | int | str | None]:
    """Flatten what was decoded, for the wire: times as ISO text, qualifiers joined by spaces.

    The server makes the same of the same bytes and compares.
    """
    if isinstance(decoded, GlucoseContext):
        return {"sequence_number": decoded.sequence_number, **decoded.fields}
    flat = dict(zip(_NAMES[type(decoded)], _FIELDS[type(decoded)](decoded), strict=True))
    for name in _TIMES[type(decoded)]:
        if flat[name] is not None:
            flat[name] = flat[name].isoformat()
    flat["qualifiers"] = " ".join(decoded.qualifiers)
    return flat


def advisory_text(decoded: Reading) -> str:
    """Write :func:`advisory` as the wire has it: JSON without spaces."""
    kind = type(decoded)
    return _TEXT_FORMS[kind] % tuple(
        [_ENTRIES[type(entry)](entry) for entry in _FIELDS[kind](decoded)]
    )
