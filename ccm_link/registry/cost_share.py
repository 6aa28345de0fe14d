"""What a patient may have to pay of care management, said from the kinds of their coverage. Pure; no promise.

Sources: Medicare Part B pays 80 % of the allowed amount behind the yearly deductible, and the rest is the patient's or
a second payer's (42 CFR 410.152(b); CMS MLN booklet 909188, Chronic Care Management Services). A practice may not waive
it as a routine (Noridian, Chronic Care Management, questions and answers). Amounts are no matter of this module.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ccm_link.registry.coverage import Kind

NO_PROMISE: Final = (
    "This is general and no promise: only the payer knows what this patient will be charged."
)

_UNKNOWN: Final = (
    "No coverage is recorded for this day, so nothing can be said about what the patient pays."
)
_PART_B: Final = (
    "With Part B alone the patient usually pays the yearly deductible first, and then 20 % of what Medicare allows, "
    "in each month in which the service is billed."
)
_SECOND: Final = (
    "Part B pays first; a Medigap policy usually takes over the 20 %, and some policies the deductible, so that the "
    "patient often pays nothing or little."
)
_DUAL: Final = (
    "Part B pays first; Medicaid often takes over the patient's share, so that the patient often pays nothing: check "
    "which help the patient has."
)
_BOTH: Final = (
    "Part B pays first, and the second payer may take over the 20 %: ask it whether it does."
)
_ALONE: Final = {
    Kind.MEDICARE_ADVANTAGE: "A Medicare Advantage plan sets its own copayment, which can be nothing: ask the plan.",
    Kind.MEDICAID: "Medicaid differs by state: whether it pays for care management, and what the patient pays.",
    Kind.COMMERCIAL: "A commercial plan may ask for its deductible, a copayment or a share, or not cover the service: "
    "ask the plan.",
    Kind.MEDIGAP: "Medigap pays only behind Part B, and no Part B is recorded for this day: check the coverage.",
    Kind.OTHER: "What this payer leaves to the patient is not known here: ask it.",
    Kind.SELF_PAY: "The patient pays by themselves: agree on the price before the service.",
}


def sentence(kinds: Collection[Kind]) -> str:
    """Return what is usual for somebody with coverages of these kinds on one day, whatever their order.

    To be said together with :data:`NO_PROMISE`.
    """
    if Kind.MEDICARE_PART_B in kinds:
        if Kind.MEDICAID in kinds:
            return _DUAL
        if Kind.MEDIGAP in kinds:
            return _SECOND
        return _PART_B if set(kinds) <= {Kind.MEDICARE_PART_B, Kind.SELF_PAY} else _BOTH
    return next((said for kind, said in _ALONE.items() if kind in kinds), _UNKNOWN)
