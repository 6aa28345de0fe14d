"""What makes a record the same record, however often and over whichever gateway it arrives.

The key is made of what the peripheral said and of nothing that we made of it: no corrected time, no
id of this process, no patient. It is compared within one practice.

- A record of the Glucose Service, whatever its strip measured, is known by its sequence number and base
  time, which the user cannot change. A meter sends its whole memory again whenever it is asked, and a
  second gateway may ask too: the same record then has another place in the outbox and still is the same.
- A few meters number their records anew with each that is added. There all but the number says which it is.
- Any other record with a device time is known by its bytes, but for those that its user may still change:
  the same numbers at the same second are the same measurement. Without one, a number that the peripheral
  gave it tells it apart from others.
- Cuffs, scales, oximeters and thermometers number nothing, and one without a usable device time sends
  equal bytes for equal measurements. Nothing in them tells a
  second measurement from a repetition of the first, so the place in the outbox enters the key: two
  equal undated measurements are both kept, and a message that is merely delivered twice is not. The
  price is that a cuff without a clock that repeats itself over Bluetooth is counted twice; losing a
  measurement would be worse, and such cuffs keep no memory to repeat from.
- What was imported is known by what the file says: whose, when, which numbers. The same file again, or another
  export of the same weeks, brings nothing new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from firmware_profiles import glucose_pair, kinds, protocols, uuids
from firmware_profiles.readings import Kind, Reading, Result

# Source: Bluetooth GATT Specification Supplement, Glucose Measurement: flags (1 byte), sequence
# number (2), base time (7).
_NUMBER = slice(1, 3)
_BASE_TIME = slice(3, 10)
# What the first version put into the key of an imported reading, there or not.
_ALWAYS_IN_KEY = frozenset(
    {"systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg", "pulse_bpm", "glucose_mg_dl"}
)


def record_key(
    peripheral: str,
    characteristic: str,
    raw: bytes,
    decoded: Reading,
    outbox_position: tuple[str, int],
) -> bytes:
    """Return the key of a record, a SHA-256.

    Args:
        peripheral: Bluetooth address.
        characteristic: where the bytes came from.
        raw: the bytes.
        decoded: what they mean.
        outbox_position: (epoch, sequence number) in the gateway's outbox.
    """
    if characteristic == uuids.GLUCOSE_MEASUREMENT and decoded.sequence_number is not None:
        identity = [b"glucose", str(decoded.sequence_number).encode(), raw[_BASE_TIME]]
    elif decoded.device_time is not None:
        identity = [b"dated", lasting(characteristic, raw, decoded)]
    elif decoded.sequence_number is not None:
        identity = [b"numbered", str(decoded.sequence_number).encode(), raw]
    else:
        epoch, seq = outbox_position
        identity = [b"undated", epoch.encode(), str(seq).encode()]
    return _digest(peripheral.encode(), characteristic.encode(), *identity)


def import_key(
    patient_id: UUID,
    kind: Kind,
    result: Result,
    measured_at: datetime,
    numbers: Mapping[str, float | None],
) -> bytes:
    """Return the key of an imported measurement, a SHA-256.

    Args:
        patient_id: whose it is.
        kind: what was measured.
        result: what came of it.
        measured_at: the instant, aware.
        numbers: all its numbers, by name.
    """
    # Numbers of kinds that came later are in the keys of their own kind only: others stay what they were.
    told = [(name, numbers[name]) for name in kinds.NUMBERS]
    entering = [number for name, number in told if name in _ALWAYS_IN_KEY or number is not None]
    at = measured_at.astimezone(UTC).isoformat(timespec="microseconds")
    return _digest(
        b"import",
        patient_id.bytes,
        *(str(part).encode() for part in (kind, result, at)),
        *(repr(number).encode() for number in entering),
    )


def lasting(characteristic: str, raw: bytes, decoded: Reading) -> bytes:
    """Return what of a record's bytes never changes, however often the peripheral sends it.

    A glucose measurement that was kept together with its context is itself only: its user may still tell the meter of
    another meal. A number that is no more than a place in the meter's memory is left out.
    """
    if characteristic != uuids.GLUCOSE_MEASUREMENT:
        return protocols.identity(characteristic, raw)
    measurement, _ = glucose_pair.parted(raw)
    if decoded.sequence_number is not None:
        return measurement
    return measurement[: _NUMBER.start] + measurement[_NUMBER.stop :]


def content_sha256(raw: bytes) -> bytes:
    """Return the hash by which two records under one key are told apart."""
    return hashlib.sha256(raw).digest()


def _digest(*parts: bytes) -> bytes:
    """Hash parts with their lengths, so that no two lists of parts run into the same bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()
