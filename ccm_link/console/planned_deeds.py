"""What a person plans, from a page or a program: done, and told to the audit trail.

Each takes the cursor of the desk's open transaction.

Raises:
    CcmLinkError: as in :mod:`ccm_link.task.planned_tasks`, :mod:`ccm_link.task.task_schedules` and
        :mod:`ccm_link.task.cover`; nothing was changed.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link.console import states, task_record, trail
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.posted import planned_inputs
from ccm_link.console.routes.permissions import Resource
from ccm_link.task import cover, planned_tasks, recurrence, task_schedules, tasks
from ccm_link.task.planned_tasks import NextTask
from ccm_link.task.task_schedules import NewSchedule
from ccm_link.work import Origin, Task


def zone_of(cur: Cursor, desk: Desk) -> ZoneInfo:
    """Return the practice's zone."""
    return ZoneInfo(desk.practice(cur).time_zone)


def today(cur: Cursor, desk: Desk) -> date:
    """Return the practice's day."""
    return desk.now.astimezone(zone_of(cur, desk)).date()


def open_by_hand(
    cur: Cursor, desk: Desk, patient_id: UUID, wanted: NextTask, key: str | None
) -> Task:
    """Open a task for a patient; sent again under the same key, it is opened once."""
    subject = None if key is None else f"{desk.staff_id}:{key}"
    if subject is not None:
        former = planned_tasks.opened_before(cur, desk.practice_id, Origin.BY_HAND, subject)
        if former is not None:
            task = task_record.load(cur, desk, former)
            desk.saw(task.patient_id, resource=Resource.TASK, resource_id=former)
            return task
    planned_tasks.check_due(wanted.due_at, desk.now)
    task_id = planned_tasks.open_task(
        cur,
        desk.practice_id,
        patient_id,
        origin=Origin.BY_HAND,
        title=wanted.title,
        severity=wanted.severity,
        due_at=wanted.due_at,
        candidate_role=wanted.candidate_role,
        owner_staff_id=wanted.owner_staff_id,
        made_by=desk.staff_id,
        reason=wanted.reason,
        at=desk.now,
        subject=subject,
    )
    return _opened(cur, desk, task_id)


def tell_next(cur: Cursor, desk: Desk, former: Task) -> None:
    """Tell of the task that the completion of another one opened; ``former`` is as it was before."""
    subject = planned_tasks.subject_of_next(former)
    task_id = planned_tasks.opened_before(cur, desk.practice_id, Origin.FOLLOW_UP, subject)
    if task_id is not None:
        _opened(cur, desk, task_id)


def _opened(cur: Cursor, desk: Desk, task_id: UUID) -> Task:
    task = tasks.known(cur, desk.practice_id, task_id)
    desk.changed(Resource.TASK, task_id, after=states.task(task), patient_id=task.patient_id)
    return task


def set_up_schedule(
    cur: Cursor,
    desk: Desk,
    patient_id: UUID | None,
    given: planned_inputs.ScheduleForm,
    program: str | None,
) -> UUID:
    """Set a schedule up for a patient, or for everybody in a program."""
    wanted = NewSchedule(
        practice_id=desk.practice_id,
        patient_id=patient_id,
        program=program,
        title=given.title,
        why=given.reason,
        severity=given.severity,
        candidate_role=planned_inputs.group_of(given.for_whom),
        owner_staff_id=planned_inputs.owner_of(given.for_whom, desk.staff_id),
        to_care_manager=given.for_whom == planned_inputs.CARE_MANAGER,
        every=given.every,
        unit=given.unit,
        first_on=given.first_on,
        until_on=given.until_on,
        due_after_days=given.due_after_days,
        due_time=given.due_time,
    )
    schedule_id = task_schedules.set_up(
        cur, wanted, made_by=desk.staff_id, today=today(cur, desk), at=desk.now
    )
    after = {
        "schedule_id": schedule_id,
        "program": program,
        "severity": wanted.severity,
        "every": wanted.every,
        "unit": wanted.unit,
        "first_on": wanted.first_on,
        "until_on": wanted.until_on,
    }
    desk.changed(Resource.TASK, schedule_id, after=after, patient_id=patient_id)
    return schedule_id


def end_schedule(
    cur: Cursor, desk: Desk, patient_id: UUID | None, schedule_id: UUID, reason: str
) -> None:
    """End a schedule."""
    task_schedules.end(
        cur,
        desk.practice_id,
        schedule_id,
        patient_id=patient_id,
        staff_id=desk.staff_id,
        reason=reason,
        at=desk.now,
    )
    desk.changed(
        Resource.TASK,
        schedule_id,
        before={"ended_at": None},
        after={"ended_at": desk.now, "reason": trail.sha256_of(reason)},
        patient_id=patient_id,
    )


def arrange_cover(cur: Cursor, desk: Desk, given: planned_inputs.CoverForm) -> None:
    """Let a colleague stand in for somebody, whole days of the practice."""
    zone = zone_of(cur, desk)
    starts_at = recurrence.instant(given.from_on, time(), zone)
    ends_at = recurrence.instant(given.until_on + timedelta(days=1), time(), zone)
    cover_id = cover.arrange(
        cur,
        desk.practice_id,
        staff_id=given.staff_id,
        covered_by=given.covered_by,
        starts_at=starts_at,
        ends_at=ends_at,
        made_by=desk.staff_id,
        at=desk.now,
    )
    after = {
        "staff_id": given.staff_id,
        "covered_by": given.covered_by,
        "starts_at": starts_at,
        "ends_at": ends_at,
    }
    desk.changed(Resource.TASK, cover_id, after=after)


def call_cover_off(cur: Cursor, desk: Desk, cover_id: UUID) -> None:
    """Call a cover off."""
    cover.call_off(cur, desk.practice_id, cover_id, desk.staff_id, desk.now)
    desk.changed(Resource.TASK, cover_id, before={"ended_at": None}, after={"ended_at": desk.now})


def hand_over_all(cur: Cursor, desk: Desk, given: planned_inputs.HandOverForm) -> cover.HandedOver:
    """Give all open tasks of somebody to a colleague, or back to everybody."""
    done = cover.hand_over_all(
        cur,
        desk.practice_id,
        from_staff_id=given.from_staff_id,
        to_staff_id=planned_inputs.owner_of(given.to_whom, desk.staff_id),
        made_by=desk.staff_id,
        note=given.note,
        at=desk.now,
    )
    for one in (*done.given, *done.released):
        task_record.changed(desk, one.before, one.after, why=given.note)
    desk.saw(
        resource=Resource.TASK,
        resource_id=given.from_staff_id,
        given=len(done.given),
        released=len(done.released),
    )
    return done
