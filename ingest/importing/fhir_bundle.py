"""FHIR R4 bundles of observations: blood-pressure panels and single numbers, checked by ``fhir.resources``.

Read are ``Observation`` resources that are final, amended or corrected, with ``effectiveDateTime`` to the minute and a
zone, of LOINC 85354-9 with the components 8480-6 and 8462-4 (8478-0 mean and 8867-4 pulse where they are there), or of
a glucose code below, or of the code of another kind's number (``firmware_profiles/kinds.py``; 2708-6 for oxygen
saturation too). Units are UCUM: mm[Hg], /min, mg/dL, mmol/L, kg, %, Cel. The patient is known by a record number:
``subject.identifier``, or the identifier (of type MR where there are several) of a ``Patient`` in the same bundle.

Other resources are read over. An observation of anything else is a fault, so that nobody believes it was taken in.

Sources: FHIR R4 (4.0.1), Observation and Bundle; LOINC as in ``firmware_profiles/codes.py``, 2339-0, 32016-8 (mass)
and 15074-8 (substance) for blood and capillary blood without a method.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from firmware_profiles import codes, kinds, strict_json
from firmware_profiles.errors import WireError
from firmware_profiles.readings import Kind, Result
from firmware_profiles.strict_json import Element
from ingest import errors
from ingest.importing import numbers, wall_time
from ingest.importing.imported_row import (
    FaultReason,
    ImportedRow,
    Numbers,
    Outcome,
    Place,
    RowRefused,
)

PROFILE_ID: Final = "import-fhir-r4"
PROFILE_VERSION: Final = 1

# The whole bundle is in memory: about 30 000 observations. Larger exports come in several bundles anyway.
MAX_BYTES: Final = 32 * 1024 * 1024
_MAX_DEPTH: Final = 24  # an extension of a component of an entry needs 14

_STATUS: Final = frozenset({"final", "amended", "corrected"})
_PRESSURES: Final = {
    number.quantity.loinc: number for number in kinds.OF[Kind.BLOOD_PRESSURE].numbers
}
# LOINC has one code for each dimension of the unit: mass or substance concentration in blood or capillary blood.
_GLUCOSE: Final = {
    "2339-0": codes.MG_PER_DL,
    codes.GLUCOSE_MASS.loinc: codes.MG_PER_DL,
    "32016-8": codes.MG_PER_DL,
    "15074-8": codes.MMOL_PER_L,
    codes.GLUCOSE_MOLAR.loinc: codes.MMOL_PER_L,
}
# Observations of one number, by LOINC code; a pulse without the rest is no reading of ours.
_SINGLE: Final = {
    declaration.needed[0].quantity.loinc: (kind, declaration.needed[0])
    for kind, declaration in kinds.OF.items()
    if kind not in (Kind.BLOOD_PRESSURE, Kind.GLUCOSE)
} | {"2708-6": (Kind.PULSE_OXIMETRY, kinds.OF[Kind.PULSE_OXIMETRY].needed[0])}
_UNIT_WORDS: Final = {
    "mmHg": codes.MMHG,
    "beats/minute": codes.PER_MINUTE,
    "bpm": codes.PER_MINUTE,
    "°C": codes.CELSIUS,
}

Node = dict[str, Any]


def read(payload: bytes) -> Iterator[Outcome]:
    """Yield what each observation says, or what is wrong with it.

    Raises:
        FileRefused: it is no bundle of FHIR R4 in JSON.
    """
    try:
        envelope, elements = strict_json.split(
            payload, "entry", max_bytes=MAX_BYTES, max_depth=_MAX_DEPTH
        )
    except WireError as error:
        raise errors.FileRefused(f"the file is no FHIR bundle in JSON: {error}") from None
    if envelope.get("resourceType") != "Bundle":
        raise errors.FileRefused("the file is no FHIR bundle: its resourceType is not “Bundle”")
    people = _people(elements)
    for number, element in enumerate(elements, start=1):
        raw = element.text.encode("utf-8", "replace")
        try:
            imported = _entry(number, element, raw, people)
        except RowRefused as refused:
            yield refused.fault(number, raw)
        else:
            if imported is not None:
                yield imported


def _entry(
    number: int, element: Element, raw: bytes, people: Mapping[str, str]
) -> ImportedRow | None:
    if element.fault is not None:
        raise RowRefused(FaultReason.NOT_FHIR, str(element.fault))
    resource = _resource(element)
    if resource is None:
        raise RowRefused(FaultReason.NOT_FHIR, "the entry holds no resource", "resource")
    if resource.get("resourceType") != "Observation":
        return None
    _validate(resource)
    if resource.get("status") not in _STATUS:
        words = f"expected {', '.join(sorted(_STATUS))}"
        raise RowRefused(FaultReason.UNKNOWN_WORD, words, "status")
    measured_at, step = _effective(resource)
    kind, found = _numbers(resource)
    numbers.check(kind, Result.MEASURED, found)
    return ImportedRow(
        place=Place(number),
        record_number=_record_number(resource, people),
        kind=kind,
        result=Result.MEASURED,
        measured_at=measured_at,
        time_zone=None,
        time_step=step,
        raw=raw,
        numbers=found,
    )


def _resource(element: Element) -> Node | None:
    node = element.node
    resource = node.get("resource") if isinstance(node, dict) else None
    return resource if isinstance(resource, dict) else None


def _validate(resource: Node) -> None:
    # Loaded here: it takes a quarter of a second, and other formats do without.
    from fhir.resources.R4B.observation import Observation
    from pydantic import ValidationError

    try:
        Observation.model_validate(resource)
    except ValidationError as error:
        # Only the schema's own names: a key that was sent may be anything.
        parts = [part for part in error.errors()[0]["loc"] if part in Observation.model_fields]
        path = ".".join(str(part) for part in parts)
        words = "is not as FHIR R4 has it"
        raise RowRefused(FaultReason.NOT_FHIR, words, path or "resource") from None
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        raise RowRefused(FaultReason.NOT_FHIR, "is not as FHIR R4 has it", "resource") from None


def _effective(resource: Node) -> tuple[Any, Any]:
    text = resource.get("effectiveDateTime")
    if not isinstance(text, str):
        words = "expected a time; periods and instants are not read"
        raise RowRefused(FaultReason.MISSING, words, "effectiveDateTime")
    measured_at, step = wall_time.rfc_3339(text, "effectiveDateTime")
    if measured_at.tzinfo is None:
        words = "expected a zone behind the time, like -05:00"
        raise RowRefused(FaultReason.BAD_TIME, words, "effectiveDateTime")
    return measured_at, step


def _numbers(resource: Node) -> tuple[Kind, Numbers]:
    loinc = _loinc_codes(resource)
    if codes.BLOOD_PRESSURE_PANEL.loinc in loinc:
        return Kind.BLOOD_PRESSURE, _pressures(resource)
    for code, unit in _GLUCOSE.items():
        if code in loinc:
            number = _quantity(resource, unit, "valueQuantity")
            glucose = numbers.mg_dl(number) if unit == codes.MMOL_PER_L else float(number)
            return Kind.GLUCOSE, Numbers(glucose_mg_dl=glucose)
    for code, (kind, declared) in _SINGLE.items():
        if code in loinc:
            number = _quantity(resource, str(declared.quantity.ucum), "valueQuantity")
            return kind, Numbers(**{declared.name: float(number)})
    words = f"expected LOINC 85354-9 (blood pressure), a glucose code, {', '.join(_SINGLE)}"
    raise RowRefused(FaultReason.NOT_OURS, words, "code")


def _pressures(resource: Node) -> Numbers:
    found: dict[str, float] = {}
    for position, component in enumerate(resource.get("component") or ()):
        for code in _loinc_codes(component) & _PRESSURES.keys():
            declared, path = _PRESSURES[code], f"component[{position}].valueQuantity"
            if declared.name in found:
                words = "the panel holds this component twice"
                raise RowRefused(FaultReason.IMPOSSIBLE, words, path)
            found[declared.name] = float(_quantity(component, str(declared.quantity.ucum), path))
    return Numbers(**found)


def _loinc_codes(node: Node) -> set[str]:
    coding = (node.get("code") or {}).get("coding") or ()
    return {
        str(each.get("code"))
        for each in coding
        if each and each.get("system") == codes.LOINC_SYSTEM
    }


def _quantity(node: Node, unit: str, path: str) -> Decimal:
    quantity = node.get("valueQuantity")
    if not isinstance(quantity, dict) or quantity.get("value") is None:
        raise RowRefused(FaultReason.MISSING, "the number is missing", path)
    if quantity.get("comparator"):
        words = "“more than” and “less than” are no measurement"
        raise RowRefused(FaultReason.NOT_A_NUMBER, words, path)
    said = quantity.get("code") or quantity.get("unit")
    is_ucum = quantity.get("system") in (None, codes.UCUM_SYSTEM)
    if not is_ucum or _UNIT_WORDS.get(str(said), said) != unit:
        raise RowRefused(FaultReason.UNKNOWN_WORD, f"expected the UCUM unit {unit}", path)
    number = numbers.decimal(str(quantity["value"]), path)
    if number is None:
        raise RowRefused(FaultReason.MISSING, "the number is missing", path)
    return number


def _people(elements: list[Element]) -> dict[str, str]:
    """Return record numbers by what a reference to a patient of the bundle may say."""
    found = {}
    for element in elements:
        resource = _resource(element)
        if element.fault is not None or resource is None:
            continue
        if resource.get("resourceType") == "Patient":
            record_number = _identifier(resource.get("identifier"))
            if record_number is not None:
                node: Any = element.node
                found[f"Patient/{resource.get('id')}"] = record_number
                found[str(node.get("fullUrl"))] = record_number
    return found


def _identifier(identifiers: object) -> str | None:
    """Return the record number among a patient's identifiers: the only one, or the only one of type MR."""
    known = (
        [each for each in identifiers if isinstance(each, dict)]
        if isinstance(identifiers, list)
        else []
    )
    if len(known) > 1:
        known = [each for each in known if _is_record_number(each)]
    found = known[0].get("value") if len(known) == 1 else None
    return found if isinstance(found, str) and found.strip() else None


def _is_record_number(identifier: Node) -> bool:
    kind = identifier.get("type")
    coding = kind.get("coding") if isinstance(kind, dict) else None
    return isinstance(coding, list) and any(
        isinstance(each, dict) and each.get("code") == "MR" for each in coding
    )


def _record_number(resource: Node, people: Mapping[str, str]) -> str | None:
    """Return whose observation it is; None where it does not say, so that somebody has to say it for the file."""
    subject = resource.get("subject") or {}
    own = subject.get("identifier")
    if own is not None:
        return _identifier([own])
    reference = subject.get("reference")
    if reference is None:
        return None
    found = people.get(str(reference))
    if found is None:
        words = "the bundle holds no such patient with one record number"
        raise RowRefused(FaultReason.UNKNOWN_PATIENT, words, "subject")
    return found
