"""The rules that a practice starts with: dated, sourced, editable protocol content.

These are not medical advice and not built into the evaluation: :func:`adopt` writes them as version
1 of the practice's own rules, under the name of whoever adopts them, and the practice changes them
from then on. Payers and guidelines leave the limits of home monitoring to the practice; each line
says where its number comes from and how far the source goes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from alerts import store
from alerts.rules import Comparison, Measure, Question, Rule, RuleProposal, Severity

PROTOCOL: Final = "Homevitals starting rules of 2026-01"

_DUE_WITHIN: Final = {Severity.URGENT: timedelta(hours=1), Severity.CLINICAL: timedelta(days=1)}
"""Urgent: within the hour; clinical: by the same time next day. Program custom, no guideline."""

_AHA: Final = "AHA/ACC blood pressure guideline 2025 (categories unchanged from 2017)"
_ADA: Final = "ADA Standards of Care 2025, section 6"
_CUSTOM: Final = "custom of remote monitoring programs, no guideline"


def _rule(
    severity: Severity,
    measure: Measure,
    comparison: Comparison,
    limit_value: float,
    title: str,
    source: str,
) -> RuleProposal:
    return RuleProposal(
        question=Question(measure=measure, comparison=comparison, severity=severity),
        title=title,
        limit_value=limit_value,
        due_within=_DUE_WITHIN[severity],
        source=source,
    )


_URGENT, _CLINICAL = Severity.URGENT, Severity.CLINICAL
_ABOVE, _BELOW = Comparison.AT_OR_ABOVE, Comparison.BELOW

RULES: Final[tuple[RuleProposal, ...]] = (
    # The guideline says "above 180" and "above 120"; here the limit itself is a breach: safer.
    _rule(
        _URGENT,
        Measure.SYSTOLIC_MMHG,
        _ABOVE,
        180,
        "Severely raised systolic pressure",
        f"{_AHA}: severe hypertension, systolic above 180 mmHg",
    ),
    _rule(
        _URGENT,
        Measure.DIASTOLIC_MMHG,
        _ABOVE,
        120,
        "Severely raised diastolic pressure",
        f"{_AHA}: severe hypertension, diastolic above 120 mmHg",
    ),
    _rule(
        _URGENT, Measure.SYSTOLIC_MMHG, _BELOW, 90, "Low systolic pressure", f"{_CUSTOM}: below 90"
    ),
    _rule(
        _CLINICAL,
        Measure.SYSTOLIC_MMHG,
        _ABOVE,
        140,
        "Raised systolic pressure",
        f"{_AHA}: stage 2 hypertension, systolic from 140 mmHg",
    ),
    _rule(
        _CLINICAL,
        Measure.DIASTOLIC_MMHG,
        _ABOVE,
        90,
        "Raised diastolic pressure",
        f"{_AHA}: stage 2 hypertension, diastolic from 90 mmHg",
    ),
    _rule(_CLINICAL, Measure.PULSE_BPM, _ABOVE, 120, "Fast pulse", f"{_CUSTOM}: above 120"),
    _rule(_CLINICAL, Measure.PULSE_BPM, _BELOW, 50, "Slow pulse", f"{_CUSTOM}: below 50"),
    _rule(
        _URGENT,
        Measure.GLUCOSE_MG_DL,
        _BELOW,
        54,
        "Severely low glucose",
        f"{_ADA}: level 2 hypoglycemia, below 54 mg/dL",
    ),
    _rule(
        _CLINICAL,
        Measure.GLUCOSE_MG_DL,
        _BELOW,
        70,
        "Low glucose",
        f"{_ADA}: level 1 hypoglycemia, below 70 mg/dL",
    ),
    _rule(
        _URGENT,
        Measure.GLUCOSE_MG_DL,
        _ABOVE,
        400,
        "Severely high glucose",
        f"{_CUSTOM}: above 400",
    ),
    _rule(
        _CLINICAL,
        Measure.GLUCOSE_MG_DL,
        _ABOVE,
        250,
        "High glucose",
        f"{_ADA}: level 2 hyperglycemia, above 250 mg/dL",
    ),
)


def adopt(cur: store.Cursor, practice_id: UUID, *, set_by: str, at: datetime) -> list[Rule]:
    """Put the starting rules in force for a practice.

    Args:
        cur: Open cursor of a role that may write rules.
        practice_id: The practice, which has none of these rules yet.
        set_by: Who adopts them.
        at: From when on; readings measured before are not asked about.

    Raises:
        errors.RuleChanged: One of the rules is in force from then or later.
    """
    return [
        store.add_rule_version(
            cur, practice_id, proposal, set_by=set_by, reason=f"Adopted {PROTOCOL}.", at=at
        )
        for proposal in RULES
    ]
