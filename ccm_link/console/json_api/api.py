"""The JSON API: the same actions as the pages, for programs. Refusals are problem documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from alerts import episode
from alerts import store as alerts_store
from ccm_link.console import problems, rate_limits, task_deeds, task_record, time_deeds
from ccm_link.console.desk import AtDesk
from ccm_link.console.entrance import sessions, sign_in
from ccm_link.console.json_api import api_description, api_models
from ccm_link.console.posted import inputs, planned_inputs, task_inputs, time_inputs
from ccm_link.task import tasks, worklist
from ccm_link.task.worklist import Tab
from ingest import store

router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _desk: AtDesk) -> dict[str, Any]:
    """Return this API's description."""
    return api_description.of(request.app, sessions.cookie_name(request))


@router.post("/session")
def open_session(request: Request, response: Response, given: inputs.SignIn) -> api_models.Session:
    """Sign in with a local account; the answer sets the session's cookie."""
    outcome = sign_in.by_password(request, given.sign_in_name, given.password, code=given.code)
    if isinstance(outcome, sign_in.Wait):
        raise rate_limits.TooMany(outcome.wait_s)
    if isinstance(outcome, sign_in.Halfway):
        lacks = outcome.lacks_second_factor
        raise problems.Refused(sign_in.SECOND_FACTOR_MISSING if lacks else sign_in.CODE_NEEDED)
    if isinstance(outcome, sign_in.Wrong):
        raise problems.Refused(problems.WRONG_SIGN_IN)
    sign_in.welcome(request, response, outcome)
    return api_models.Session.model_validate(outcome.account)


@router.delete("/session", status_code=204)
def close_session(request: Request) -> Response:
    """Sign out; also without a living session."""
    sessions.sign_out(request)
    answer = Response(status_code=204)
    sessions.forget(request, answer)
    return answer


@router.get("/worklist")
def read_worklist(desk: AtDesk, tab: Tab = Tab.NEEDS_ACTION) -> api_models.Worklist:
    """Return the tasks of a tab: urgent, overdue, then what is due first; of what is resolved, the newest first."""
    with desk.transaction() as cur:
        viewer = task_record.viewer(cur, desk)
        found = worklist.tasks_of(cur, viewer, tab)
        counts = worklist.counts(cur, viewer)
        desk.saw(*(task.patient_id for task in found), tasks=len(found))
        return api_models.Worklist(
            open_count=counts[Tab.NEEDS_ACTION] + counts[Tab.SNOOZED],
            hidden_count=worklist.hidden_count(cur, desk.practice_id),
            counts={each.value: count for each, count in counts.items()},
            last_reading_stored_at=store.last_stored_at(cur, desk.practice_id),
            tasks=[api_models.Task.of(task) for task in found],
        )


@router.get("/tasks/{task_id}")
def read_task(desk: AtDesk, task_id: UUID) -> api_models.TaskWithHistory:
    """Return one task with its history, its readings and what the rules said about them."""
    with desk.transaction() as cur:
        task = task_record.load(cur, desk, task_id)
        events = tasks.events(cur, desk.practice_id, task_id)
        breaches = [
            api_models.Breach(
                reading_id=breach.reading_id,
                measured_at=breach.measured_at,
                sentence=breach.sentence,
                withdrawn_because=breach.withdrawn or None,
                trace=alerts_store.trace_of(cur, desk.practice_id, breach.reading_id),
            )
            for breach in episode.breaches(task_record.episode_events(cur, desk, task))
        ]
        desk.saw(task.patient_id, resource_id=task_id, breaches=len(breaches))
    return api_models.TaskWithHistory(
        **api_models.Task.of(task).model_dump(),
        events=[api_models.TaskEvent.model_validate(event) for event in events],
        breaches=breaches,
    )


@router.post("/tasks/{task_id}/claim")
def claim(desk: AtDesk, task_id: UUID, given: task_inputs.ClaimTask) -> api_models.Task:
    """Make a task one's own that is nobody's or was assigned to one; its alert is acknowledged."""
    with desk.transaction() as cur:
        return api_models.Task.of(task_deeds.claim(cur, desk, task_id, given))


@router.post("/tasks/{task_id}/release")
def release(desk: AtDesk, task_id: UUID, given: task_inputs.ReleaseTask) -> api_models.Task:
    """Give a task back to the worklist."""
    with desk.transaction() as cur:
        return api_models.Task.of(task_deeds.release(cur, desk, task_id, given))


@router.post("/tasks/{task_id}/assign")
def assign(desk: AtDesk, task_id: UUID, given: task_inputs.AssignTask) -> api_models.Task:
    """Hand a task over to a colleague, who acknowledges it by claiming it."""
    with desk.transaction() as cur:
        return api_models.Task.of(task_deeds.assign(cur, desk, task_id, given))


@router.post("/tasks/{task_id}/snooze")
def snooze(desk: AtDesk, task_id: UUID, given: task_inputs.SnoozeTask) -> api_models.Task:
    """Let a task wait: urgent ones for 30 minutes at most, clinical ones for a day, all others for a week."""
    with desk.transaction() as cur:
        return api_models.Task.of(
            task_deeds.snooze(cur, desk, task_id, given.row_version, given.until_at, given.reason)
        )


@router.post("/tasks/{task_id}/snooze/end")
def end_snooze(desk: AtDesk, task_id: UUID, given: task_inputs.EndSnooze) -> api_models.Task:
    """Let a snoozed task be seen before its time."""
    with desk.transaction() as cur:
        return api_models.Task.of(task_deeds.end_snooze(cur, desk, task_id, given))


@router.post("/tasks/{task_id}/timer", status_code=201)
def start_timer(desk: AtDesk, task_id: UUID, given: time_inputs.StartTimer) -> api_models.Timer:
    """Start one's timer on a task; a timer that runs elsewhere is stored first."""
    with desk.transaction() as cur:
        patient_id = task_record.load(cur, desk, task_id).patient_id
        timer = time_deeds.start(cur, desk, patient_id, task_id, given)
    return api_models.Timer.model_validate(timer)


@router.post("/tasks/{task_id}/complete")
def complete(
    desk: AtDesk, task_id: UUID, given: planned_inputs.CompleteTaskAndFollow
) -> api_models.Task:
    """Complete a task and open what is to follow it; one's timer on it stops with the same note."""
    wanted = None if given.follow_up is None else given.follow_up.wanted()
    with desk.transaction() as cur:
        return api_models.Task.of(task_deeds.complete(cur, desk, task_id, given, wanted))
