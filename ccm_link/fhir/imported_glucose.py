"""What a bundle of FHIR said about a glucose that was imported from it: code, number and unit, as they stand. Pure."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from ccm_link.fhir import glucose_codes
from ccm_link.fhir.sent_numbers import Sent
from firmware_profiles.codes import LOINC_SYSTEM, MMOL_PER_L
from ingest.importing import fhir_bundle, numbers
from ingest.rows import StoredReading


def of(reading: StoredReading) -> tuple[str, Sent] | None:
    """Return the LOINC code and the number in the unit that goes with it.

    None where the reading is not from a bundle, or where the store's number is not the one that stands there.
    """
    if reading.profile_id != fhir_bundle.PROFILE_ID:
        return None
    entry: Any = json.loads(reading.raw, parse_float=Decimal, parse_int=Decimal)
    resource = entry["resource"]
    said = [str(one.get("code")) for one in resource["code"]["coding"] if _is_loinc(one)]
    code = next((one for one in said if one in glucose_codes.IMPORTED), None)
    if code is None:
        return None
    sent = Sent(resource["valueQuantity"]["value"], glucose_codes.IMPORTED[code])
    is_molar = sent.ucum == MMOL_PER_L
    stored = numbers.mg_dl(sent.number) if is_molar else float(sent.number)
    return (code, sent) if stored == reading.glucose_mg_dl else None


def _is_loinc(coding: Any) -> bool:
    return isinstance(coding, dict) and coding.get("system") == LOINC_SYSTEM
