"""Cuffs, meters and gateways as Devices of the PHD guide. Pure.

The guide asks for what the store does not know: manufacturer, model number, the version of a specialization,
revisions. Such elements say that they are unknown; a model number is told where the device profile is of one model
alone. Whose one is stands nowhere in it: a cuff has several users, and changes hands.

Source: HL7 PHD implementation guide 2.0.0, PhdDevice and PhgDevice, with the codes of its value sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from firmware_profiles import errors, models
from firmware_profiles.readings import Kind
from ingest.assignments import Peripheral
from ingest.directory import Gateway, Standing

_PHD: Final = codings.PHD + "PhdDevice"
_PHG: Final = codings.PHD + "PhgDevice"
_BLUETOOTH: Final = "http://hl7.org/fhir/sid/eui-48/bluetooth"
_BTMAC: Final = codings.concept(codings.hl7("ContinuaDeviceIdentifiers", "BTMAC"))
_SIMPLE_DEVICE: Final = codings.mdc(65573, "MDC_MOC_VMS_MDS_SIMP")
_GATEWAY: Final = codings.mdc(531981, "MDC_MOC_VMS_MDS_AHD")
_FIRMWARE: Final = codings.mdc(531976, "MDC_ID_PROD_SPEC_FW")
_SOFTWARE: Final = codings.mdc(531975, "MDC_ID_PROD_SPEC_SW")
_GLUCOSE: Final = (528401, "MDC_DEV_SPEC_PROFILE_GLUCOSE")
_SPECIALIZATIONS: Final = {
    Kind.BLOOD_PRESSURE: (528391, "MDC_DEV_SPEC_PROFILE_BP"),
    Kind.GLUCOSE: _GLUCOSE,
    Kind.BODY_WEIGHT: (528399, "MDC_DEV_SPEC_PROFILE_SCALE"),
    Kind.PULSE_OXIMETRY: (528388, "MDC_DEV_SPEC_PROFILE_PULS_OXIM"),
    Kind.BODY_TEMPERATURE: (528392, "MDC_DEV_SPEC_PROFILE_TEMP"),
    Kind.KETONE: _GLUCOSE,  # a meter that keeps ketone among its glucose
}
_GENERIC: Final = (528457, "MDC_DEV_SPEC_PROFILE_GENERIC")
_UNKNOWN: Final = codings.absent_extension("unknown")


def of_peripheral(known: Peripheral) -> Json:
    """Return a cuff or a meter with what its newest device profile says of it."""
    try:
        profile = models.newest(known.profile_id)
    except errors.ProfileError:  # a site's own, which this process was not told of
        return peripheral(known, title="", models=(), kinds=())
    return peripheral(known, title=profile.title, models=profile.models, kinds=profile.kinds)


def peripheral(
    known: Peripheral,
    *,
    title: str,
    models: tuple[str, ...],
    kinds: Iterable[Kind],
) -> Json:
    """Return a cuff or a meter.

    Args:
        known: What the store knows.
        title: What its device profile calls it; "" where nobody knows the profile.
        models: Names on the boxes of what the profile covers.
        kinds: What it measures.
    """
    specializations = dict.fromkeys(_SPECIALIZATIONS[kind] for kind in kinds) or [_GENERIC]
    return codings.resource(
        "Device",
        known.peripheral_id,
        profiles=[_PHD],
        identifier=[
            codings.uuid_identifier(known.peripheral_id),
            {
                "type": _BTMAC,
                "system": _BLUETOOTH,
                "value": known.bluetooth_address.replace(":", "-"),
            },
        ],
        _manufacturer=_UNKNOWN,
        **_model(models),
        deviceName=[{"name": title, "type": "user-friendly-name"}] if title else [],
        type=codings.concept(_SIMPLE_DEVICE),
        specialization=[_specialization(*one) for one in specializations],
        version=[{"type": codings.concept(_FIRMWARE), "_value": _UNKNOWN}],
    )


def gateway(known: Gateway, software: str) -> Json:
    """Return a gateway.

    Args:
        known: What the store knows.
        software: The version that it says it runs; "" where it has not said.
    """
    is_active = known.status is Standing.ACTIVE
    return codings.resource(
        "Device",
        known.gateway_id,
        profiles=[_PHG],
        identifier=[{"system": known.practice_id.urn, "value": known.gateway_id}],
        status="active" if is_active else "inactive",
        manufacturer="Homevitals",
        deviceName=[{"name": known.label, "type": "user-friendly-name"}],
        type=codings.concept(_GATEWAY),
        specialization=[_specialization(*_GENERIC)],
        version=[
            {"type": codings.concept(_SOFTWARE)}
            | ({"value": software} if software else {"_value": _UNKNOWN})
        ],
    )


def _model(models: tuple[str, ...]) -> Json:
    return {"modelNumber": models[0]} if len(models) == 1 else {"_modelNumber": _UNKNOWN}


def _specialization(code: int, name: str) -> Json:
    return {"systemType": codings.concept(codings.mdc(code, name)), "_version": _UNKNOWN}
