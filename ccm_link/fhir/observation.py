"""Readings as Observations: US Core's vital signs, and what the PHD guide wants of what a peripheral sent. Pure.

A reading becomes one observation for each thing that was measured: a cuff's pressures and its pulse are two, a glucose
and what its user said about the meal are two. The main one has the reading's id, another one the id with its part
behind it.

- No number is guessed: what gave none has ``dataAbsentReason``. A test of the strips is no observation of a person.
- No time is guessed: where only the reception is known, ``effectiveDateTime`` is absent with the reason “unknown”, and
  ``issued`` and a note tell when it arrived.
- A version that replaced another one is “amended” and names it; the one that it replaced is “entered-in-error”.
- What was imported has no device, no category of the PHD guide, and a note.

Sources: US Core 6.1.0, vital signs profiles; HL7 PHD implementation guide 2.0.0; MDC codes of a meal's context: public
IEEE 11073-10417 stacks, those but for bedtime also in the PHD guide's examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ccm_link.fhir import (
    codings,
    conditional_create,
    glucose_codes,
    imported_glucose,
    sent_numbers,
)
from ccm_link.fhir.codings import Json
from ccm_link.fhir.sent_numbers import Sent
from firmware_profiles import codes, kinds
from firmware_profiles.codes import Quantity
from firmware_profiles.glucose import FluidType
from firmware_profiles.kinds import Number
from firmware_profiles.readings import Kind, Result
from ingest.importing import formats
from ingest.measured_at import TimeQuality
from ingest.rows import Origin, StoredReading

PULSE: Final = "pulse"
MEAL: Final = "meal"
PARTS: Final = ("", PULSE, MEAL)
"""What an observation of a reading can be, in the order in which they are listed; "" is the reading itself."""

_GATEWAY_DEVICE: Final = codings.STRUCTURE + "observation-gatewayDevice"
_REPLACES: Final = codings.STRUCTURE + "observation-replaces"
_PATIENT_SUPPLIED: Final = codings.coding(
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-tags", "patient-supplied"
)
# Exports of what cuffs keep for their owners, who handed them in. Whose a bundle or a table of ours was, nobody knows.
_OF_PATIENTS: Final = frozenset(
    formats.PROFILES[one].profile_id for one in (formats.Format.OMRON, formats.Format.AND)
)
VITAL_SIGNS: Final = codings.concept(codings.hl7("observation-category", "vital-signs"))
_OF_DEVICE: Final = codings.concept(
    codings.coding("http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories", "phd")
)
_NUMERIC: Final = codings.PHD + "PhdNumericObservation"
_COMPOUND: Final = codings.PHD + "PhdCompoundNumericObservation"
_CODED: Final = codings.PHD + "PhdCodedEnumerationObservation"

_PROFILES: Final = {
    Kind.BLOOD_PRESSURE: codings.US_CORE + "blood-pressure",
    Kind.BODY_WEIGHT: codings.US_CORE + "body-weight",
    Kind.PULSE_OXIMETRY: codings.US_CORE + "pulse-oximetry",
    Kind.BODY_TEMPERATURE: codings.US_CORE + "body-temperature",
}
"""Kinds that FHIR counts among the vital signs; glucose and ketone are none."""

_HEART_RATE: Final = codings.US_CORE + "heart-rate"
# US Core wants both: by pulse oximetry, and in arterial blood whatever the method.
_SATURATION_WITHOUT_METHOD: Final = codings.loinc("2708-6")

_MEAL_TYPE: Final = 8417864
_MEALS: Final = {
    "before_meal": (8417868, "MDC_CTXT_GLU_MEAL_PREPRANDIAL"),
    "after_meal": (8417872, "MDC_CTXT_GLU_MEAL_POSTPRANDIAL"),
    "fasting": (8417876, "MDC_CTXT_GLU_MEAL_FASTING"),
    "casual": (8417880, "MDC_CTXT_GLU_MEAL_CASUAL"),
    "bedtime": (8417908, "MDC_CTXT_GLU_MEAL_BEDTIME"),
}

_SITE: Final = "site_"
# Source: PHD guide 2.0.0: “HI” and “LO” are what a special number says, infinity of either sign.
_ABSENT: Final = {
    Result.NOT_MEASURABLE: ("error", "The device tried and got no number."),
    Result.ABOVE_RANGE: ("positive-infinity", "HI: above what the device can measure."),
    Result.BELOW_RANGE: ("negative-infinity", "LO: below what the device can measure."),
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a reading in the store.

    Attributes:
        bluetooth_address: The peripheral's; None where it is not known.
        meal: What the user told the meter, a word of ``firmware_profiles.glucose_context.MEALS``; None for nothing.
        replaces_id: The version that this one took the place of; None where that was nobody's, and so no observation.
    """

    bluetooth_address: str | None = None
    meal: str | None = None
    replaces_id: UUID | None = None


NOTHING_BESIDE: Final = Beside()


def observation_id(reading_id: UUID, part: str) -> str:
    """Return the id of an observation."""
    return f"{reading_id}.{part}" if part else str(reading_id)


def parted(resource_id: str) -> tuple[UUID, str] | None:
    """Return the reading and the part that an id names; None where it is none of ours."""
    text, _, part = resource_id.partition(".")
    try:
        reading_id = UUID(text)
    except ValueError:
        return None
    is_ours = part in PARTS and resource_id == observation_id(reading_id, part)
    return (reading_id, part) if is_ours else None


def of_reading(reading: StoredReading, beside: Beside = NOTHING_BESIDE) -> list[Json]:
    """Return a reading's observations, the main one first; none where it is nobody's or a test of the strips."""
    return [resource for _, resource in parts_of(reading, beside)]


def parts_of(reading: StoredReading, beside: Beside = NOTHING_BESIDE) -> Iterator[tuple[str, Json]]:
    """Yield the same with the part that each is."""
    if reading.patient_id is None or reading.result is Result.CONTROL_SOLUTION:
        return
    sent = _sent(reading)
    yield "", _main(reading, beside, sent)
    if "pulse_bpm" in sent:
        yield PULSE, _pulse(reading, beside, sent["pulse_bpm"])
    if reading.kind is Kind.GLUCOSE and beside.meal in _MEALS:
        yield MEAL, _meal(reading, beside, str(beside.meal))


def _sent(reading: StoredReading) -> Mapping[str, Sent]:
    imported = imported_glucose.of(reading) if reading.kind is Kind.GLUCOSE else None
    return sent_numbers.of(reading) if imported is None else {"glucose_mg_dl": imported[1]}


def _main(reading: StoredReading, beside: Beside, sent: Mapping[str, Sent]) -> Json:
    if reading.kind is Kind.BLOOD_PRESSURE:
        panel = codes.BLOOD_PRESSURE_PANEL
        return _observation(
            reading,
            beside,
            code=_coded(panel, "Blood pressure"),
            mdc_type=panel.mdc,
            us_core=_PROFILES[reading.kind],
            phd=_COMPOUND,
            component=[
                _component(reading, number, sent.get(number.name))
                for number in kinds.OF[reading.kind].numbers
                if number.name != "pulse_bpm" and (number.is_needed or number.name in sent)
            ],
        )
    (number,) = kinds.OF[reading.kind].needed
    code, mdc_type = _code_of(reading, number, sent.get(number.name))
    return _observation(
        reading,
        beside,
        code=code,
        mdc_type=mdc_type,
        us_core=_PROFILES.get(reading.kind),
        phd=_NUMERIC,
        **_value(reading, sent.get(number.name)),
    )


def _pulse(reading: StoredReading, beside: Beside, sent: Sent) -> Json:
    (number,) = (one for one in kinds.OF[reading.kind].numbers if one.name == "pulse_bpm")
    return _observation(
        reading,
        beside,
        part=PULSE,
        code=_coded(number.quantity, "Pulse"),
        mdc_type=number.quantity.mdc,
        us_core=_HEART_RATE,
        phd=_NUMERIC,
        **_value(reading, sent),
    )


def _meal(reading: StoredReading, beside: Beside, meal: str) -> Json:
    return _observation(
        reading,
        beside,
        part=MEAL,
        code=codings.concept(
            codings.mdc(_MEAL_TYPE, "MDC_CTXT_GLU_MEAL"), text="Meal around a glucose measurement"
        ),
        mdc_type=_MEAL_TYPE,
        us_core=None,
        phd=_CODED,
        valueCodeableConcept=codings.concept(
            codings.mdc(*_MEALS[meal]), text=meal.replace("_", " ")
        ),
        derivedFrom=[codings.reference("Observation", reading.reading_id)],
    )


def _observation(
    reading: StoredReading,
    beside: Beside,
    *,
    code: Json,
    mdc_type: int | None,
    us_core: str | None,
    phd: str,
    part: str = "",
    **measured: Any,
) -> Json:
    is_sent = reading.origin is Origin.DEVICE
    is_vital = us_core is not None
    return codings.resource(
        "Observation",
        observation_id(reading.reading_id, part),
        profiles=[
            *([us_core] if us_core is not None else []),
            *([phd] if is_sent else []),
        ],
        meta=_meta(reading),
        extension=[*_gateway(reading), *_replaced(beside, part)],
        identifier=conditional_create.identifiers(
            reading, part, mdc_type, beside.bluetooth_address
        ),
        status=status(reading, beside),
        category=[*([VITAL_SIGNS] if is_vital else []), *([_OF_DEVICE] if is_sent else [])],
        code=code,
        subject=codings.reference("Patient", reading.patient_id),
        **_effective(reading),
        issued=codings.instant(reading.stored_at),
        bodySite=_site(reading),
        note=[{"text": text} for text in _notes(reading)],
        device=codings.reference("Device", reading.peripheral_id) if is_sent else None,
        **measured,
    )


def status(reading: StoredReading, beside: Beside) -> str:
    """Return how a version stands."""
    if reading.superseded_at is not None:
        return "entered-in-error"
    return "final" if beside.replaces_id is None else "amended"


def _meta(reading: StoredReading) -> Json:
    # A version is stored once, and marked once when another takes its place.
    is_replaced = reading.superseded_at is not None
    return codings.without_empty(
        {
            "versionId": "2" if is_replaced else "1",
            "lastUpdated": codings.instant(reading.superseded_at or reading.stored_at),
            "tag": [_PATIENT_SUPPLIED] if reading.profile_id in _OF_PATIENTS else [],
        }
    )


def _gateway(reading: StoredReading) -> list[Json]:
    if reading.gateway_id is None:
        return []
    gateway = codings.reference("Device", reading.gateway_id)
    return [{"url": _GATEWAY_DEVICE, "valueReference": gateway}]


def _replaced(beside: Beside, part: str) -> list[Json]:
    if beside.replaces_id is None:
        return []
    former = codings.reference("Observation", observation_id(beside.replaces_id, part))
    return [{"url": _REPLACES, "valueReference": former}]


def _effective(reading: StoredReading) -> Json:
    if reading.time_quality is TimeQuality.UNKNOWN:
        return {"_effectiveDateTime": codings.absent_extension("unknown")}
    return {"effectiveDateTime": codings.instant(reading.measured_at)}


def _site(reading: StoredReading) -> Json | None:
    sites = [name for name in reading.qualifiers if name.startswith(_SITE)]
    return codings.concept(text=_words(sites[0].removeprefix(_SITE))) if sites else None


def _notes(reading: StoredReading) -> Iterator[str]:
    if reading.time_quality is TimeQuality.UNKNOWN:
        arrived = codings.instant(reading.measured_at)
        yield f"When it was measured is not known: it arrived at {arrived}, and was measured then or earlier."
    if reading.time_quality is TimeQuality.UNCERTAIN:
        yield "The time of measurement is uncertain: the device's clock could not be checked."
    if reading.origin is Origin.IMPORT:
        yield "Imported from a file; not sent by a device."
    told = [name for name in reading.qualifiers if not name.startswith(_SITE)]
    if told:
        yield f"The device reported: {', '.join(_words(name) for name in told)}."


def _words(name: str) -> str:
    return name.replace("_", " ")


def _coded(quantity: Quantity, text: str, *more: Json) -> Json:
    own = [codings.loinc(quantity.loinc), *more]
    if quantity.mdc is not None:
        own.append(codings.mdc(quantity.mdc, quantity.mdc_name))
    return codings.concept(*own, text=text)


def _code_of(reading: StoredReading, number: Number, sent: Sent | None) -> tuple[Json, int | None]:
    """Return the code of a kind with one number, and its MDC code."""
    text = kinds.OF[reading.kind].title
    if reading.kind is Kind.GLUCOSE:
        found = _glucose_codings(reading, codes.MG_PER_DL if sent is None else sent.ucum)
        mdc_type = next(
            (int(one["code"]) for one in found if one["system"] == codes.MDC_SYSTEM), None
        )
        return codings.concept(*found, text=text), mdc_type
    more = [_SATURATION_WITHOUT_METHOD] if reading.kind is Kind.PULSE_OXIMETRY else []
    return _coded(number.quantity, text, *more), number.quantity.mdc


def _glucose_codings(reading: StoredReading, ucum: str) -> list[Json]:
    if reading.origin is Origin.DEVICE:
        # A meter whose protocol does not tell the specimen is one for strips and a drop from the finger.
        said = sent_numbers.fluid_type(reading)
        return glucose_codes.codings_of(
            FluidType.CAPILLARY_WHOLE_BLOOD if said is None else said, ucum
        )
    imported = imported_glucose.of(reading)
    return [] if imported is None else [codings.loinc(imported[0])]


def _value(reading: StoredReading, sent: Sent | None) -> Json:
    if sent is not None:
        return {"valueQuantity": codings.quantity(sent.number, sent.ucum)}
    return {"dataAbsentReason": codings.absent(*_ABSENT[reading.result])}


def _component(reading: StoredReading, number: Number, sent: Sent | None) -> Json:
    code = _coded(number.quantity, number.words.capitalize())
    return {"code": code, **_value(reading, sent)}
