"""Public codes of what we measure: LOINC for records of care, MDC for devices, UCUM for units.

Glucose is LOINC 41653-7 (capillary blood, glucometer) and not 2339-0 (blood, method unspecified):
the code must say what was done, and a strip test at home is not a laboratory value. A receiver that
only knows 2339-0 needs a mapping at its border. LOINC has one code per dimension of the unit, so a
value in mmol/L goes with 14743-9 and never with 41653-7.

Pulse is LOINC 8867-4 for cuffs and oximeters alike; the MDC code keeps them apart, so send both.

Oxygen saturation is LOINC 59408-5 (by pulse oximetry): it says what was done. FHIR's vital-signs
profile wants 2708-6 (no method) as well; a receiver that follows it needs both at its border.

Ketone is LOINC 104816-4 (beta hydroxybutyrate, substance concentration in blood, no method): the
code that names a test strip was not found in a public source. IEEE 11073-10101 has ketone in urine
only, so there is no MDC code.

Sources, looked up 2026-11:

- LOINC 85354-9, 8480-6, 8462-4, 8478-0, 8867-4: FHIR R5, value set observation-vitalsignresult.
- LOINC 41653-7, 14743-9, 2339-0: gematik HDDT 0.1.0, value set hddt-miv-blood-glucose-measurement.
- MDC 150020, 150021 and unit mm[Hg]: FHIR R5, example compound-numeric-blood-pressure.
- MDC 150022, 150023, 149546, 160184: 65536 * partition 2 (SCADA) + term code 18950, 18951, 18474,
  29112, as in public IEEE 11073-20601 stacks and FHIR examples. Not verified in the text of ISO/IEEE
  11073-10101, which is not public.
- LOINC 29463-7, 8310-5, 59408-5, 2708-6: FHIR R5, profiles bodyweight, bodytemp, oxygensat and example
  observation-example-satO2, which also has MDC 150456. LOINC 104816-4: name and number as quoted in
  public repositories; not verified at LOINC.
- MDC 188736, 150364, 149530: 65536 * partition 2 + term code 57664, 19292, 18458, as in public IEEE
  11073-20601 stacks and FHIR examples.
- Unit /min: US Core 6.1.0, heart-rate profile. Units mg/dL, mmol/L: the gematik value set's codes.

This material contains content from LOINC (http://loinc.org). LOINC is copyright Regenstrief
Institute, Inc. and the LOINC Committee and is available at no cost under the license at
http://loinc.org/license.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOINC_SYSTEM: Final = "http://loinc.org"
MDC_SYSTEM: Final = "urn:iso:std:iso:11073:10101"
UCUM_SYSTEM: Final = "http://unitsofmeasure.org"

MMHG: Final = "mm[Hg]"
PER_MINUTE: Final = "/min"
MG_PER_DL: Final = "mg/dL"
MMOL_PER_L: Final = "mmol/L"
KILOGRAM: Final = "kg"
PER_CENT: Final = "%"
CELSIUS: Final = "Cel"


@dataclass(frozen=True, slots=True)
class Quantity:
    """How the outside world calls one quantity.

    Attributes:
        loinc: LOINC code.
        mdc: IEEE 11073-10101 code, context-free 32-bit form; None where that has none.
        mdc_name: its reference identifier; "" where there is none.
        ucum: unit; None for a panel.
    """

    loinc: str
    mdc: int | None
    mdc_name: str
    ucum: str | None


BLOOD_PRESSURE_PANEL: Final = Quantity("85354-9", 150020, "MDC_PRESS_BLD_NONINV", None)
SYSTOLIC: Final = Quantity("8480-6", 150021, "MDC_PRESS_BLD_NONINV_SYS", MMHG)
DIASTOLIC: Final = Quantity("8462-4", 150022, "MDC_PRESS_BLD_NONINV_DIA", MMHG)
MEAN_ARTERIAL: Final = Quantity("8478-0", 150023, "MDC_PRESS_BLD_NONINV_MEAN", MMHG)
PULSE: Final = Quantity("8867-4", 149546, "MDC_PULS_RATE_NON_INV", PER_MINUTE)
GLUCOSE_MASS: Final = Quantity("41653-7", 160184, "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", MG_PER_DL)
GLUCOSE_MOLAR: Final = Quantity("14743-9", 160184, "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", MMOL_PER_L)
BODY_WEIGHT: Final = Quantity("29463-7", 188736, "MDC_MASS_BODY_ACTUAL", KILOGRAM)
OXYGEN_SATURATION: Final = Quantity("59408-5", 150456, "MDC_PULS_OXIM_SAT_O2", PER_CENT)
OXIMETER_PULSE: Final = Quantity("8867-4", 149530, "MDC_PULS_OXIM_PULS_RATE", PER_MINUTE)
BODY_TEMPERATURE: Final = Quantity("8310-5", 150364, "MDC_TEMP_BODY", CELSIUS)
KETONE: Final = Quantity("104816-4", None, "", MMOL_PER_L)
