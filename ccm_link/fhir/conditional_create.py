"""By what another record knows that it has an observation already: the PHD guide's key, and a name of ours. Pure.

The key of the guide is made of what the peripheral said, so that two gateways, or two systems, that bring the same
record come to the same key. Our own name is that of one version of one reading here, and is always there.

Source: HL7 Personal Health Device implementation guide 2.0.0, PhdBaseObservation (conditional create identifier) and
“Generating the time stamp part of the identifier”: device, patient, type and the device's own time in seconds since
2000, with dashes between them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ingest.rows import Origin, StoredReading

SYSTEM: Final = codings.PHD + "PhdBaseObservation"
_EPOCH: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - the peripheral's own wall clock has no zone


def own(reading_id: UUID, part: str) -> Json:
    """Return our own name of an observation: the reading's id, or one made of it for what goes beside it."""
    return codings.uuid_identifier(uuid5(reading_id, part) if part else reading_id)


def identifiers(
    reading: StoredReading, part: str, mdc_type: int | None, bluetooth_address: str | None
) -> list[Json]:
    """Return an observation's identifiers, our own first.

    The guide's key is left out where the peripheral has no clock, and from later versions: the first one keeps it, and
    must not be taken for them.
    """
    found = [own(reading.reading_id, part)]
    is_first = reading.origin is Origin.DEVICE and reading.version == 1
    if is_first and reading.device_time is not None and mdc_type and bluetooth_address:
        device = bluetooth_address.replace(":", "")
        seconds = int((reading.device_time - _EPOCH).total_seconds())
        key = f"{device}-{reading.patient_id}-{mdc_type}-{seconds}"
        found.append({"system": SYSTEM, "value": key})
    return found


def criterion(resource: Json) -> str:
    """Return what ``If-None-Exist`` asks for a resource: the guide's key where there is one, else our own name.

    Raises:
        KeyError: It has no identifier.
    """
    by_system = {one["system"]: one["value"] for one in resource["identifier"]}
    system = SYSTEM if SYSTEM in by_system else resource["identifier"][0]["system"]
    return f"identifier={system}|{by_system[system]}"
