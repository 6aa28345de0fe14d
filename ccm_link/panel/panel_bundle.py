"""A panel as a FHIR R4 bundle in JSON: Patient, and of each the Condition, Coverage and RelatedPerson that point at it.

A patient's record number is the identifier of type MR, or the only one that is no MBI. Conditions count by their code
of ICD-10-CM; those that are over, refuted or entered in error are left out, and so are coverages that are not active.
What a coverage is stands in its type, in the words of :class:`ccm_link.registry.coverage.Kind` or as a code of the
Source of Payment Typology; anything else is ``other``. Other resources are read over. That the practice may talk with
somebody stands in no bundle, so nobody is allowed by one.

Sources: FHIR R4 (4.0.1); US Core 6.1.0 (birth sex); Source of Payment Typology 9.2, NAHDO (https://nahdo.org/sopt).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ccm_link.errors import BadCode
from ccm_link.fhir import codings
from ccm_link.panel import panel_patient
from ccm_link.panel.panel_patient import PanelPatient
from ccm_link.registry import conditions
from ccm_link.registry.coverage import Kind
from ccm_link.registry.patient_identifiers import MBI_SYSTEM
from firmware_profiles import strict_json
from firmware_profiles.errors import WireError
from firmware_profiles.strict_json import Element
from ingest import errors
from ingest.importing.imported_row import Fault, FaultReason, Place

# The whole bundle is in memory: some ten thousand patients with what belongs to them.
MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_DEPTH: Final = 24
_NOBODY: Final = 0  # entries are counted from 1

_BIRTH_SEX: Final = codings.US_CORE + "birthsex"
_TIME_ZONE: Final = codings.STRUCTURE + "timezone"
_ROLE_CODE: Final = codings.TERMINOLOGY + "v3-RoleCode"
_OVER: Final = frozenset({"resolved", "inactive", "remission"})
_NOT_SO: Final = frozenset({"refuted", "entered-in-error"})
_USES: Final = frozenset({"home", "work", "mobile"})
# By how their codes begin; the longest that fits counts.
_TYPOLOGY: Final = (
    ("11", Kind.MEDICARE_ADVANTAGE),
    ("12", Kind.MEDICARE_PART_B),
    ("2", Kind.MEDICAID),
    ("5", Kind.COMMERCIAL),
    ("6", Kind.COMMERCIAL),
    ("81", Kind.SELF_PAY),
)

Node = dict[str, Any]
Cells = dict[str, str]


def read(payload: bytes, time_zone: str) -> Iterator[PanelPatient | list[Fault]]:
    """Yield what the bundle says of each patient, or all that is wrong with it.

    Args:
        payload: The file.
        time_zone: IANA name of whoever's Patient does not say one.

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
    bundle = _Bundle()
    for number, element in enumerate(elements, start=1):
        if fault := bundle.take(number, element):
            yield [fault]
    for number, resource in bundle.others:
        if fault := bundle.add(number, resource):
            yield [fault]
    for number, cells in bundle.patients.items():
        yield panel_patient.read(number, cells, time_zone)


@dataclass(slots=True)
class _Bundle:
    """The patients of a bundle by the numbers of their entries, and what points at them."""

    patients: dict[int, Cells] = field(default_factory=dict)
    known_as: dict[str, int] = field(default_factory=dict)
    others: list[tuple[int, Node]] = field(default_factory=list)

    def take(self, number: int, element: Element) -> Fault | None:
        """Take an entry in, or say what is wrong with it; what is nothing of ours is read over."""
        resource = _resource(element)
        if resource is None:
            return _fault(number, "is no resource in plain JSON", "resource")
        kind = resource.get("resourceType")
        if kind not in _READ:
            return None
        if wrong := _wrong(resource):
            return _fault(number, "is not as FHIR R4 has it", wrong)
        if kind != "Patient":
            self.others.append((number, resource))
            return None
        node: Any = element.node
        self.patients[number] = _patient(resource)
        names = {f"Patient/{resource['id']}"} if resource.get("id") else set()
        if node.get("fullUrl"):
            names.add(str(node["fullUrl"]))
        for name in names:
            # What points at two points at neither.
            self.known_as[name] = _NOBODY if name in self.known_as else number
        return None

    def add(self, number: int, resource: Node) -> Fault | None:
        """Add what a resource says to the patient at whom it points."""
        kind = str(resource["resourceType"])
        whose = str(_READ[kind])
        reference = (resource.get(whose) or {}).get("reference", "")
        cells = self.patients.get(self.known_as.get(reference, _NOBODY))
        if cells is None:
            return _fault(number, "points at no patient of the bundle", whose)
        words = _ADDING[kind](resource, cells)
        return None if words is None else _fault(number, words, kind)


def _patient(resource: Node) -> Cells:
    name = _first(resource.get("name"))
    cells = {
        "display_name": str(name.get("text") or ""),
        "family_name": str(name.get("family") or ""),
        "given_names": " ".join(str(one) for one in name.get("given") or ()),
        "born_on": str(resource.get("birthDate") or ""),
        "gender": str(resource.get("gender") or ""),
        "birth_sex": _extension(resource, _BIRTH_SEX),
        "time_zone": _extension(resource, _TIME_ZONE),
    }
    for one in resource.get("communication") or ():
        if one.get("preferred") or len(resource["communication"]) == 1:
            cells["language"] = _code(one.get("language"), None)
    _identifiers(resource, cells)
    _standing(resource, cells)
    for telecom in resource.get("telecom") or ():
        column = {"phone": "phone", "email": "email"}.get(str(telecom.get("system")))
        if column is not None and (place := _free(cells, column)) is not None:
            cells[column + place] = str(telecom.get("value") or "")
            if column == "phone" and telecom.get("use") in _USES:
                cells[f"phone_use{place}"] = str(telecom["use"])
    for address in (resource.get("address") or ())[:1]:
        cells |= {
            "street": ", ".join(str(line) for line in address.get("line") or ()),
            "city": str(address.get("city") or ""),
            "state": str(address.get("state") or ""),
            "postal_code": str(address.get("postalCode") or ""),
            "country": str(address.get("country") or "US"),
        }
    return cells


def _identifiers(resource: Node, cells: Cells) -> None:
    rest = []
    for one in resource.get("identifier") or ():
        kind = _code(one.get("type"), None)
        value, system = str(one.get("value") or ""), str(one.get("system") or "")
        if system == MBI_SYSTEM or kind == "MC":
            cells["mbi"] = value
        elif kind == "MR":
            cells.setdefault("record_number", value)
        else:
            rest.append((system, value))
    if "record_number" not in cells and len(rest) == 1:
        cells["record_number"] = rest.pop()[1]
    for system, value in rest:
        if (place := _free(cells, "other_id")) is not None:
            cells |= {f"other_id{place}": value, f"other_id_system{place}": system}


def _standing(resource: Node, cells: Cells) -> None:
    died = resource.get("deceasedDateTime")
    if died is not None or resource.get("deceasedBoolean"):
        cells["standing"] = "deceased"
        # The day as it is written: whoever wrote it meant it by the clocks there. A month or a year alone is no day.
        cells["standing_since"] = (
            str(died)[:10] if died and len(str(died)) >= len("2026-11-03") else ""
        )
    elif resource.get("active") is False:
        cells["standing"] = "inactive"


def _condition(resource: Node, cells: Cells) -> str | None:
    clinical, verified = (
        _code(resource.get(name), None) for name in ("clinicalStatus", "verificationStatus")
    )
    if clinical in _OVER or verified in _NOT_SO:
        return None
    code = _code(resource.get("code"), codings.ICD_10_CM)
    try:
        word = conditions.written(code)
    except BadCode:
        return "has no code of ICD-10-CM"
    onset = str(resource.get("onsetDateTime") or "")[: len("2026-11-03")]
    if len(onset) == len("2026-11-03"):
        word += f"@{onset}"
    cells["conditions"] = f"{cells.get('conditions', '')} {word}".strip()
    return None


def _coverage(resource: Node, cells: Cells) -> str | None:
    if resource.get("status") != "active":
        return None
    place = _free(cells, "payer_kind")
    if place is None:
        return "is one coverage too many"
    payer = _first(resource.get("payor"))
    period = resource.get("period") or {}
    cells |= {
        f"payer_kind{place}": _kind(resource.get("type") or {}),
        f"payer_name{place}": str(payer.get("display") or ""),
        f"payer_id{place}": str((payer.get("identifier") or {}).get("value") or ""),
        f"member_id{place}": str(resource.get("subscriberId") or ""),
        f"covered_from{place}": str(period.get("start") or "")[: len("2026-11-03")],
        f"covered_until{place}": str(period.get("end") or "")[: len("2026-11-03")],
    }
    return None


def _kind(of: Node) -> str:
    codes = [str(one.get("code")) for one in of.get("coding") or ()]
    for word in (*codes, str(of.get("text"))):
        if word in set(Kind):
            return word
    fitting = (kind for begins, kind in _TYPOLOGY for code in codes if code.startswith(begins))
    return next(fitting, Kind.OTHER)


def _related(resource: Node, cells: Cells) -> str | None:
    if resource.get("active") is False:
        return None
    place = _free(cells, "carer_name")
    if place is None:
        return "is one person too many"
    name = _first(resource.get("name"))
    parts = (*(name.get("given") or ()), name.get("family"))
    phones = [one for one in resource.get("telecom") or () if one.get("system") == "phone"]
    relationship = (_code(one, _ROLE_CODE) for one in resource.get("relationship") or ())
    cells |= {
        f"carer_name{place}": str(name.get("text") or " ".join(str(one) for one in parts if one)),
        f"carer_relationship{place}": next((one for one in relationship if one), ""),
        f"carer_phone{place}": str(_first(phones).get("value") or ""),
    }
    return None


# Resource type → what of it points at the patient; None for the patient.
_READ: Final[Mapping[str, str | None]] = {
    "Patient": None,
    "Condition": "subject",
    "Coverage": "beneficiary",
    "RelatedPerson": "patient",
}
_ADDING: Final = {"Condition": _condition, "Coverage": _coverage, "RelatedPerson": _related}


def _first(nodes: Any) -> Node:
    """Return the first of some nodes; an empty one where there is none."""
    return next((one for one in nodes or () if isinstance(one, dict)), {})


def _free(cells: Cells, column: str) -> str | None:
    """Return what stands behind a column's name in the first place that is free; None where none is."""
    places = ["", *(f"_{number}" for number in range(2, panel_patient.MOST_OF_A_KIND + 1))]
    return next((place for place in places if f"{column}{place}" not in cells), None)


def _code(concept: Any, system: str | None) -> str:
    """Return the first code of a concept, of one system where one is asked for; "" where there is none."""
    coding = concept.get("coding") if isinstance(concept, dict) else None
    fitting = [one for one in coding or () if system is None or one.get("system") == system]
    return str(_first(fitting).get("code") or "")


def _extension(resource: Node, url: str) -> str:
    for one in resource.get("extension") or ():
        if one.get("url") == url:
            return str(one.get("valueCode") or "")
    return ""


def _resource(element: Element) -> Node | None:
    node = None if element.fault is not None else element.node
    resource = node.get("resource") if isinstance(node, dict) else None
    return resource if isinstance(resource, dict) else None


def _wrong(resource: Node) -> str | None:
    """Return which element is not as FHIR has it, in the schema's own words; None where all is."""
    # Loaded here: it takes a quarter of a second, and tables do without.
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    model = get_fhir_model_class(str(resource["resourceType"]))
    try:
        model.model_validate(resource)
    except ValidationError as error:
        parts = [part for part in error.errors()[0]["loc"] if part in model.model_fields]
        return ".".join(str(part) for part in parts) or "resource"
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return "resource"
    return None


def _fault(number: int, words: str, name: str) -> Fault:
    return Fault(Place(number, name), FaultReason.NOT_FHIR, words, b"")
