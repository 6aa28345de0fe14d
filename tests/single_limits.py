"""Limits for single readings in force: rules under which one reading is enough."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from alerts import activation, rule_set
from alerts.rule_set import RuleSpec
from alerts.rules import Rule

RULES: tuple[RuleSpec, ...] = rule_set.shipped_set("single-limits").rules


def adopt(cur: Any, practice_id: UUID, *, set_by: str, at: datetime) -> list[Rule]:
    return activation.activate(
        cur,
        practice_id,
        rule_set.shipped_set("single-limits"),
        clinician=set_by,
        reason="test",
        at=at,
    )
