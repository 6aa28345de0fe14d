"""The bill of materials of a lock as CycloneDX 1.6: the same lock, machine and instant give the same bytes.

Source: CycloneDX 1.6 (ECMA-424, first edition, June 2024).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from deploy import errors
from deploy.supply_chain import licences, lock_file
from deploy.supply_chain.licences import Reviewed
from deploy.supply_chain.lock_file import Pin
from deploy.supply_chain.programs import Program

# The serial number of a bill is made from its content below this name, so the same content has the same number.
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "homevitals.sbom")
# Bill of a lock → what it is a bill of.
_SUBJECTS: Final = {
    "gateway": "homevitals-gateway",
    "demo": "homevitals-server",
    "test": "homevitals-test",
}


@dataclass(frozen=True, slots=True)
class Release:
    """What the bill is written for: our version, and the instant that it names (aware UTC)."""

    version: str
    at: datetime


def document(
    lock: str, pins: Sequence[Pin], programs: Sequence[Program], known: Reviewed, release: Release
) -> str:
    """Return the bill of one lock as JSON text with a line end.

    Raises:
        SupplyChainError: the library says that the result is not CycloneDX.
    """
    subject = Component(
        name=_SUBJECTS[lock],
        version=release.version,
        type=ComponentType.APPLICATION,
        bom_ref=_SUBJECTS[lock],
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    packages = {(pin.name, pin.version): _package(pin, known) for pin in pins}
    others = [_program(program) for program in programs]
    bom = Bom(
        components=[*packages.values(), *others],
        metadata=BomMetaData(component=subject, timestamp=release.at),
        serial_number=uuid.uuid5(_NAMESPACE, repr((lock, release, list(pins), list(programs)))),
    )
    _connect(bom, subject, pins, packages, others)
    text = str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"
    check(text)
    return text


def check(text: str) -> None:
    """Compare a bill with the schema.

    Raises:
        SupplyChainError: it is not CycloneDX 1.6.
    """
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem is not None:
        raise errors.SupplyChainError(
            "the bill of materials is not CycloneDX 1.6; look at what changed in deploy/supply_chain/sbom.py"
        )


def _package(pin: Pin, known: Reviewed) -> Component:
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    licence = licences.licence_of(pin.name, known)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(purl.to_string()),
        comment="the files of this version that may be installed",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in pin.sha256s],
    )
    return Component(
        name=pin.name,
        version=pin.version,
        purl=purl,
        bom_ref=purl.to_string(),
        external_references=[files],
        licenses=[] if licence is None else [LicenseFactory().make_from_string(licence)],
        properties=_properties(marker=pin.marker),
    )


def _program(program: Program) -> Component:
    purl = PackageURL("generic", name=program.name, version=program.version or None)
    return Component(
        name=program.name,
        version=program.version or None,
        type=ComponentType.APPLICATION,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[LicenseFactory().make_from_string(program.licence)],
        properties=_properties(comes_with=program.comes_with),
    )


def _properties(*, marker: str = "", comes_with: str = "") -> list[Property]:
    named = {"homevitals:marker": marker, "homevitals:comes-with": comes_with}
    return [Property(name=name, value=text) for name, text in named.items() if text]


def _connect(
    bom: Bom,
    subject: Component,
    pins: Sequence[Pin],
    packages: dict[tuple[str, str], Component],
    others: Sequence[Component],
) -> None:
    """Write down who wants whom, as the lock says it; programs are wanted by the product itself."""
    wanted: dict[str, list[Component]] = {}
    for pin in pins:
        for name in pin.wanted_by:
            wanted.setdefault(name, []).append(packages[pin.name, pin.version])
    bom.register_dependency(subject, [*wanted.get(lock_file.OURSELVES, []), *others])
    for (name, _), component in packages.items():
        bom.register_dependency(component, wanted.get(name, []))
