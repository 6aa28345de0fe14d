"""What a patient is expected to measure, and when silence is expected: agreed and set on the patient's page."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from alerts import agreements, silence_windows
from alerts.errors import AlertsError
from alerts.silence_windows import Whom
from ccm_link.console import expected, patient_head, problems, states, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages import patients
from ccm_link.console.posted import expected_inputs, forms, input_types
from ccm_link.console.posted.forms import Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words import wording
from firmware_profiles.readings import Kind

router = APIRouter(prefix="/patients/{patient_id}", include_in_schema=False)

_SCHEDULE: Final = "schedule"  # beside the kind, what the trail calls a schedule


class _Form(StrEnum):
    """The forms' names, which begin the ids of their fields."""

    AGREE = "agree"
    SILENCE = "silence"


@router.post("/schedule")
def agree(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Put a schedule of the patient's own in force."""
    given, complaints = forms.check(expected_inputs.AgreeForm, fields)
    if given is None:
        return _refused(desk, patient_id, Refusal(_Form.AGREE, fields, complaints))
    try:
        with desk.transaction() as cur:
            before = _own(desk, cur, patient_id, given.agreed.kind)
            agreements.agree(
                cur,
                desk.practice_id,
                patient_id,
                given.agreed,
                set_by=desk.who.display_name,
                reason=given.reason,
                at=desk.now,
            )
            after = _own(desk, cur, patient_id, given.agreed.kind)
            desk.changed(
                Resource.RULE,
                f"{_SCHEDULE}/{given.agreed.kind}",
                before=None if before is None else states.agreement(before),
                after=None if after is None else states.agreement(after),
                patient_id=patient_id,
            )
    except AlertsError as error:
        refusal = Refusal(_Form.AGREE, fields, problem=problems.of_error(error))
        return _refused(desk, patient_id, refusal)
    return _back(patient_id, patients.Said.AGREED)


@router.post("/schedule/end")
def end_schedule(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """End the patient's own schedule of a kind, so that the practice's holds again."""
    given, _ = forms.check(expected_inputs.EndScheduleForm, fields)
    if given is None:
        raise problems.Refused(problems.NOT_FOUND)
    with desk.transaction() as cur:
        before = _own(desk, cur, patient_id, given.kind)
        if before is None or not agreements.end(
            cur, desk.practice_id, patient_id, given.kind, desk.now
        ):
            raise problems.Refused(problems.NOT_FOUND)
        desk.changed(
            Resource.RULE,
            f"{_SCHEDULE}/{given.kind}",
            before=states.agreement(before),
            patient_id=patient_id,
        )
    return _back(patient_id, patients.Said.SCHEDULE_ENDED)


@router.post("/silence")
def set_window(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Say when silence of the patient is expected."""
    given, complaints = forms.check(expected_inputs.WindowForm, fields)
    if given is None:
        return _refused(desk, patient_id, Refusal(_Form.SILENCE, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            zone = ZoneInfo(desk.practice(cur).time_zone)
            from_at = input_types.local_instant(given.from_on, given.from_time, zone)
            until_at = input_types.local_instant(given.until_on, given.until_time, zone)
            if from_at is None or until_at is None:
                skipped = {"from_time" if from_at is None else "until_time": wording.SKIPPED_HOUR}
                refusal = Refusal(_Form.SILENCE, fields, skipped)
                return patients.show(desk, cur, patient_id, refusal=refusal)
            window_id = silence_windows.add(
                cur,
                desk.practice_id,
                Whom(patient_id=patient_id),
                from_at=from_at,
                until_at=until_at,
                cause=given.cause,
                reason=given.reason,
                set_by=desk.who.display_name,
                at=desk.now,
            )
            after = {
                "from_at": from_at,
                "until_at": until_at,
                "cause": given.cause,
                "reason": trail.sha256_of(given.reason),
            }
            desk.changed(Resource.RULE, window_id, after=after, patient_id=patient_id)
    except AlertsError as error:
        refusal = Refusal(_Form.SILENCE, fields, problem=problems.of_error(error))
        return _refused(desk, patient_id, refusal)
    return _back(patient_id, patients.Said.SILENCE_SET)


@router.post("/silence/{window_id}/end")
def end_window(desk: AtDesk, patient_id: UUID, window_id: UUID, fields: Posted) -> Response:
    """End a time of silence of the patient before its time."""
    if fields:
        raise problems.Refused(problems.invalid({}))
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        held = silence_windows.of_patient(cur, desk.practice_id, patient_id, desk.now)
        is_own = any(one.window_id == window_id and one.patient_id == patient_id for one in held)
        if not is_own or not silence_windows.end(
            cur, desk.practice_id, window_id, ended_by=desk.who.display_name, at=desk.now
        ):
            raise problems.Refused(problems.NOT_FOUND)
        desk.changed(
            Resource.RULE,
            window_id,
            before={"ended_at": None},
            after={"ended_at": desk.now},
            patient_id=patient_id,
        )
    return _back(patient_id, patients.Said.SILENCE_ENDED)


def _own(desk: Desk, cur: Cursor, patient_id: UUID, kind: Kind) -> agreements.Agreement | None:
    head = patient_head.load(cur, desk, patient_id)
    return expected.own(expected.load(cur, desk, head, may_change=True), kind)


def _back(patient_id: UUID, said: patients.Said) -> RedirectResponse:
    return RedirectResponse(f"/patients/{patient_id}?said={said}#expected", 303)


def _refused(desk: Desk, patient_id: UUID, refusal: Refusal) -> Response:
    with desk.transaction() as cur:
        return patients.show(desk, cur, patient_id, refusal=refusal)
