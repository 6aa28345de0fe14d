"""The JSON API: the same actions as the pages, for programs. Refusals are problem documents."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from alerts import episode
from alerts import store as alerts_store
from ccm_link import repeated_requests, tasks, time_log, work, worklist
from ccm_link.console import (
    api_description,
    api_models,
    input_types,
    inputs,
    patient_head,
    problems,
    rate_limits,
    sessions,
    sign_in,
    task_deeds,
    task_inputs,
    task_record,
    time_lines,
)
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.repeated_requests import KeyedRequest
from ccm_link.worklist import Tab
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
def start_timer(desk: AtDesk, task_id: UUID, given: inputs.StartTimer) -> api_models.Timer:
    """Start one's timer on a task; a timer that runs elsewhere is stored first."""
    with desk.transaction() as cur:
        patient_id = task_record.load(cur, desk, task_id).patient_id
        timer, former = time_log.start_timer(
            cur,
            desk.practice_id,
            desk.staff_id,
            patient_id,
            activity=given.activity,
            at=desk.now,
            limit=desk.timer_limit,
            task_id=task_id,
        )
        if former is not None:
            time_lines.ended(desk, former)
        time_lines.started(desk, timer)
    return api_models.Timer.model_validate(timer)


@router.post("/timer/stop")
def stop_timer(desk: AtDesk, given: inputs.StopTimer) -> api_models.StoppedTimer:
    """Stop one's timer and store its span."""
    with desk.transaction() as cur:
        stopped = time_log.stop_timer(
            cur,
            desk.practice_id,
            desk.staff_id,
            note=given.note,
            at=desk.now,
            limit=desk.timer_limit,
            ended_at=given.ended_at,
        )
        time_lines.ended(desk, stopped)
    if isinstance(stopped, work.DiscardedTimer):
        return api_models.StoppedTimer(entry=None)
    return api_models.StoppedTimer(entry=api_models.TimeEntry.model_validate(stopped))


@router.post("/time-entries", status_code=201)
def add_time(
    desk: AtDesk,
    given: inputs.TimeEntry,
    idempotency_key: Annotated[input_types.RequestKey | None, Header()] = None,
) -> api_models.TimeEntry:
    """Log a span of one's own work that no timer held; sent again under the same key, it is logged once."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, given.patient_id)
        keyed = None
        if idempotency_key is not None:
            body = given.model_dump_json().encode()
            keyed = KeyedRequest(desk.practice_id, desk.staff_id, idempotency_key, body, desk.now)
            if (former := _made_before(cur, desk, keyed)) is not None:
                return former
        added = time_log.add_by_hand(
            cur,
            desk.practice_id,
            desk.staff_id,
            given.patient_id,
            started_at=given.started_at,
            ended_at=given.ended_at,
            activity=given.activity,
            note=given.note,
            reason=given.reason,
            at=desk.now,
            task_id=given.task_id,
        )
        if keyed is not None:
            repeated_requests.remember(cur, keyed, added.entry_id)
        time_lines.added(desk, added)
    return api_models.TimeEntry.model_validate(added)


def _made_before(cur: Cursor, desk: Desk, keyed: KeyedRequest) -> api_models.TimeEntry | None:
    entry_id = repeated_requests.made_before(cur, keyed)
    entry = None if entry_id is None else time_log.entry(cur, desk.practice_id, entry_id)
    if entry is None:
        return None
    desk.saw(entry.patient_id, resource_id=entry.entry_id)
    return api_models.TimeEntry.model_validate(entry)


@router.post("/tasks/{task_id}/complete")
def complete(desk: AtDesk, task_id: UUID, given: task_inputs.CompleteTask) -> api_models.Task:
    """Complete a task; one's timer on it stops with the same note."""
    with desk.transaction() as cur:
        return api_models.Task.of(task_deeds.complete(cur, desk, task_id, given))
