"""What is expected of a patient, and what silence meant, as the patient's page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from alerts import agreements, clock_breaches, silence_windows
from alerts.agreements import Agreement
from alerts.clock_breaches import Told
from alerts.silence_windows import Cause, SilenceWindow
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.patient_head import PatientHead
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from firmware_profiles import kinds
from firmware_profiles.readings import Kind

_SHOWN_BACK: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected, when nothing is, and what came of it.

    Attributes:
        agreements: the schedule in force of each kind that has one, the patient's own or the practice's default.
        windows: times of silence that are not over, the patient's and the whole practice's.
        told: what rules found that the clock asks, the newest first.
        kinds: what a schedule can be agreed for, as a form names it and as a person reads it.
        causes: why silence may be expected, likewise.
        may_change: whether the person may agree and set.
    """

    agreements: tuple[Agreement, ...]
    windows: tuple[SilenceWindow, ...]
    told: tuple[Told, ...]
    kinds: tuple[tuple[str, str], ...]
    causes: tuple[tuple[str, str], ...]
    may_change: bool


def load(cur: Cursor, desk: Desk, patient: PatientHead, *, may_change: bool) -> Expected:
    """Load what is expected of a patient now."""
    patient_id = patient.record.patient_id
    held = agreements.of_patient(cur, desk.practice_id, patient_id, desk.now)
    holding = (agreements.in_force(held, patient_id, kind, desk.now) for kind in kinds.OF)
    return Expected(
        agreements=tuple(one for one in holding if one is not None),
        windows=tuple(silence_windows.of_patient(cur, desk.practice_id, patient_id, desk.now)),
        told=tuple(
            clock_breaches.of_patient(cur, desk.practice_id, patient_id, desk.now - _SHOWN_BACK)
        ),
        kinds=tuple((kind.value, kinds.OF[kind].title) for kind in kinds.OF),
        causes=causes(),
        may_change=may_change and permissions.may(desk.who, Resource.RULE, Action.CHANGE),
    )


def causes() -> tuple[tuple[str, str], ...]:
    """Return why silence may be expected, as a form names it and as a person reads it."""
    return tuple((cause.value, cause.value.capitalize()) for cause in Cause)


def own(expected: Expected, kind: Kind) -> Agreement | None:
    """Return the patient's own schedule of a kind that is in force."""
    found = (one for one in expected.agreements if one.schedule.kind is kind and one.patient_id)
    return next(found, None)
