"""What stands in the audit trail before and after a change: ids, times, words of closed lists. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.agreements import Agreement
from alerts.limits import limit_of
from alerts.rules import Rule
from ccm_link.console import trail
from ccm_link.minutes.time_entry import TimeEntry, Timer
from ccm_link.work import Task
from ingest.assignments import Assignment

State = Mapping[str, object]


def task(of: Task) -> State:
    """Return who has a task, whether it waits, and what became of it."""
    return {
        "status": of.status,
        "severity": of.severity,
        "owner_staff_id": of.owner_staff_id,
        "acknowledged_at": of.acknowledged_at,
        "snoozed_until": of.snoozed_until,
        "row_version": of.row_version,
        "disposition": of.disposition,
        "note": None if of.disposition_note is None else trail.sha256_of(of.disposition_note),
    }


def timer(of: Timer) -> State:
    """Return what a timer runs for, since when, and whether it waits."""
    return {
        "timer_id": of.timer_id,
        "task_id": of.task_id,
        "program": of.program,
        "activity": of.activity,
        "started_at": of.started_at,
        "paused_at": of.paused_at,
        "is_idle": of.is_idle,
    }


def time_entry(of: TimeEntry) -> State:
    """Return a span of work and whether it counts."""
    return {
        "staff_id": of.staff_id,
        "task_id": of.task_id,
        "program": of.program,
        "activity": of.activity,
        "method": of.contact.method,
        "counterpart": of.contact.counterpart,
        "outcome": of.contact.outcome,
        "billing_role": of.billing_role,
        "started_at": of.started_at,
        "ended_at": of.ended_at,
        "entered": of.entered,
        "needs_approval": of.needs_approval,
        "is_late": of.is_late,
        "note": trail.sha256_of(of.note),
        "reason": trail.sha256_of(of.reason) if of.reason else "",
        "voided_at": of.voided_at,
        "voided_by": of.voided_by,
        "void_reason": None if of.void_reason is None else trail.sha256_of(of.void_reason),
    }


def assignment(of: Assignment) -> State:
    """Return from when until when a slot of a peripheral is somebody's, and whether that counts."""
    return {
        "peripheral_id": of.peripheral_id,
        "user_slot": of.user_slot,
        "valid_from": of.valid_from,
        "valid_until": of.valid_until,
        "replaces": of.replaces,
        "voided_at": of.voided_at,
    }


def agreement(of: Agreement) -> State:
    """Return a schedule with its version, and what it asks for."""
    return {
        "version": of.version,
        "made_for": "practice" if of.patient_id is None else "patient",
        "schedule": of.schedule.words,
        "reason": trail.sha256_of(of.reason),
    }


def rule(of: Rule) -> State:
    """Return a rule with its version, for whom it is, and its limit if it has one."""
    limit = limit_of(of.spec.signal)
    return {
        "rule_id": of.rule_id,
        "version": of.version,
        "made_for": of.scope,
        "is_asked": of.is_asked,
        "until": of.in_force_until,
        "question": f"{of.spec.family}/{of.spec.severity}",
        "limit": None if limit is None else limit.number,
        "reason": trail.sha256_of(of.reason),
    }
