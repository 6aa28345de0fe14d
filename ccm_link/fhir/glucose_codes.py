"""Which codes a glucose goes under: its specimen decides the system, its unit the dimension. Pure.

A pair of specimen and unit that has no line here has no LOINC code, and none is put in its place: the observation then
goes under its MDC code alone, or under words alone where the specimen is not known. Concentration tables in public code
often have 14743-9 beside mg/dL; that is what this module is for.

Sources: LOINC 41653-7 and 14743-9 (capillary blood by glucometer), 2339-0 and 15074-8 (blood), 2345-7 and 14749-6
(serum or plasma), 99504-3 and 105272-9 (interstitial fluid): HL7 and IVD LIVD publications, HL7 CGM implementation
guide; 32016-8 (capillary blood, no method) as in ``ingest/importing/fhir_bundle.py``. MDC: 65536 * partition 2 + term
code, as in ``firmware_profiles/codes.py``; 160184 and 160368 stand in examples of the PHD implementation guide 2.0.0,
the others come from public IEEE 11073-20601 stacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from firmware_profiles.codes import MG_PER_DL, MMOL_PER_L
from firmware_profiles.glucose import FluidType


@dataclass(frozen=True, slots=True)
class _Specimen:
    """A specimen's MDC code with its reference identifier, and its LOINC codes by unit."""

    mdc: int
    name: str
    loinc: Mapping[str, str]


_CAPILLARY: Final = {MG_PER_DL: "41653-7", MMOL_PER_L: "14743-9"}
_PLASMA: Final = {MG_PER_DL: "2345-7", MMOL_PER_L: "14749-6"}
_BLOOD: Final = {MG_PER_DL: "2339-0", MMOL_PER_L: "15074-8"}
_INTERSTITIAL: Final = {MG_PER_DL: "99504-3", MMOL_PER_L: "105272-9"}
_NONE: Final[Mapping[str, str]] = {}

_SPECIMENS: Final[Mapping[int, _Specimen]] = {
    FluidType.CAPILLARY_WHOLE_BLOOD: _Specimen(
        160184, "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", _CAPILLARY
    ),
    # A drop from the finger too: the meter says that it shows what plasma of it would have.
    FluidType.CAPILLARY_PLASMA: _Specimen(160188, "MDC_CONC_GLU_CAPILLARY_PLASMA", _CAPILLARY),
    FluidType.VENOUS_WHOLE_BLOOD: _Specimen(160192, "MDC_CONC_GLU_VENOUS_WHOLEBLOOD", _NONE),
    FluidType.VENOUS_PLASMA: _Specimen(160196, "MDC_CONC_GLU_VENOUS_PLASMA", _PLASMA),
    FluidType.ARTERIAL_WHOLE_BLOOD: _Specimen(160200, "MDC_CONC_GLU_ARTERIAL_WHOLEBLOOD", _NONE),
    FluidType.ARTERIAL_PLASMA: _Specimen(160204, "MDC_CONC_GLU_ARTERIAL_PLASMA", _PLASMA),
    FluidType.UNDETERMINED_WHOLE_BLOOD: _Specimen(
        160364, "MDC_CONC_GLU_UNDETERMINED_WHOLEBLOOD", _BLOOD
    ),
    FluidType.UNDETERMINED_PLASMA: _Specimen(160368, "MDC_CONC_GLU_UNDETERMINED_PLASMA", _PLASMA),
    FluidType.INTERSTITIAL_FLUID: _Specimen(160212, "MDC_CONC_GLU_ISF", _INTERSTITIAL),
}

# What bundles of FHIR may say a glucose is, each with the one unit that goes with it.
IMPORTED: Final[Mapping[str, str]] = {
    "2339-0": MG_PER_DL,
    "15074-8": MMOL_PER_L,
    "41653-7": MG_PER_DL,
    "14743-9": MMOL_PER_L,
    "32016-8": MG_PER_DL,
}
ALL_LOINC: Final = frozenset(
    code for specimen in _SPECIMENS.values() for code in specimen.loinc.values()
) | frozenset(IMPORTED)


def codings_of(fluid_type: int, ucum: str) -> list[Json]:
    """Return the codings of a glucose: LOINC and MDC, as far as there are any for this specimen in this unit."""
    specimen = _SPECIMENS.get(fluid_type)
    if specimen is None:
        return []
    loinc = specimen.loinc.get(ucum)
    named = [codings.loinc(loinc)] if loinc else []
    return [*named, codings.mdc(specimen.mdc, specimen.name)]
