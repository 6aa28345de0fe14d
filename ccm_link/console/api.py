"""The JSON API: the same actions as the pages, for programs. Refusals are problem documents."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from alerts import store as alerts_store
from ccm_link import tasks, time_log, work
from ccm_link.console import api_models, inputs, patient_head, problems, sessions
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ingest import store

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": api_models.ProblemDocument} for status in (401, 403, 404, 409, 422)
}
router = APIRouter(prefix="/api/v1", responses=_REFUSALS)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _desk: AtDesk) -> dict[str, Any]:
    """Return this API's description."""
    description: dict[str, Any] = request.app.openapi()
    return description


@router.post("/session")
def sign_in(request: Request, response: Response, given: inputs.SignIn) -> api_models.Session:
    """Sign in; the answer sets the session's cookie."""
    opened = sessions.sign_in(request, given.sign_in_name, given.password)
    if opened is None:
        raise problems.Refused(problems.WRONG_SIGN_IN)
    account, token = opened
    sessions.set_cookie(request, response, token)
    return api_models.Session.model_validate(account)


@router.delete("/session", status_code=204)
def sign_out(request: Request) -> Response:
    """Sign out; also without a living session."""
    sessions.sign_out(request)
    answer = Response(status_code=204)
    sessions.clear_cookie(request, answer)
    return answer


@router.get("/worklist")
def worklist(desk: AtDesk) -> api_models.Worklist:
    """Return the open tasks: urgent first, then what is due first."""
    with desk.transaction() as cur:
        return api_models.Worklist(
            open_count=tasks.open_task_count(cur, desk.practice_id),
            last_reading_stored_at=store.last_stored_at(cur, desk.practice_id),
            tasks=[api_models.Task.of(task) for task in tasks.open_tasks(cur, desk.practice_id)],
        )


@router.get("/tasks/{task_id}")
def read_task(desk: AtDesk, task_id: UUID) -> api_models.TaskWithHistory:
    """Return one task with its history, its readings and what the rules said about them."""
    with desk.transaction() as cur:
        task = _task(cur, desk, task_id)
        events = tasks.events(cur, desk.practice_id, task_id)
        breaches = [
            api_models.Breach(
                reading_id=event.reading_id,
                measured_at=event.measured_at,
                sentence=event.note,
                trace=alerts_store.trace_of(cur, desk.practice_id, event.reading_id),
            )
            for event in alerts_store.episode_events(cur, desk.practice_id, task.episode_id)
            if event.reading_id is not None and event.measured_at is not None
        ]
    return api_models.TaskWithHistory(
        **api_models.Task.of(task).model_dump(),
        events=[api_models.TaskEvent.model_validate(event) for event in events],
        breaches=breaches,
    )


@router.post("/tasks/{task_id}/claim")
def claim(desk: AtDesk, task_id: UUID, given: inputs.ClaimTask) -> api_models.Task:
    """Make an unowned task one's own."""
    with desk.transaction() as cur:
        claimed = tasks.claim(
            cur, desk.practice_id, task_id, desk.staff_id, given.row_version, desk.now
        )
    return api_models.Task.of(claimed)


@router.post("/tasks/{task_id}/timer", status_code=201)
def start_timer(desk: AtDesk, task_id: UUID, given: inputs.StartTimer) -> api_models.Timer:
    """Start one's timer on a task; a timer that runs elsewhere is stored first."""
    with desk.transaction() as cur:
        timer, _ = time_log.start_timer(
            cur,
            desk.practice_id,
            desk.staff_id,
            _task(cur, desk, task_id).patient_id,
            activity=given.activity,
            at=desk.now,
            limit=desk.timer_limit,
            task_id=task_id,
        )
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
    if isinstance(stopped, work.DiscardedTimer):
        return api_models.StoppedTimer(entry=None)
    return api_models.StoppedTimer(entry=api_models.TimeEntry.model_validate(stopped))


@router.post("/time-entries", status_code=201)
def add_time(desk: AtDesk, given: inputs.TimeEntry) -> api_models.TimeEntry:
    """Log a span of one's own work that no timer held."""
    with desk.transaction() as cur:
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
    return api_models.TimeEntry.model_validate(added)


@router.post("/tasks/{task_id}/complete")
def complete(desk: AtDesk, task_id: UUID, given: inputs.CompleteTask) -> api_models.Task:
    """Complete a task; one's timer on it stops with the same note."""
    with desk.transaction() as cur:
        completed = tasks.complete(
            cur,
            desk.practice_id,
            task_id,
            desk.staff_id,
            given.row_version,
            given.disposition,
            given.note,
            desk.now,
            timer_limit=desk.timer_limit,
        )
    return api_models.Task.of(completed)


@router.get("/patients/{patient_id}/readings")
def readings(
    desk: AtDesk, patient_id: UUID, asked: Annotated[inputs.ReadingsQuery, Query()]
) -> api_models.Readings:
    """Return a patient's readings of one kind, measured from ``from`` until before ``to``, oldest first."""
    with desk.transaction() as cur:
        patient = patient_head.load(cur, desk, patient_id).record
        found = store.readings_of_patient(
            cur, desk.practice_id, patient.patient_id, asked.kind, asked.from_at, asked.until_at
        )
    return api_models.Readings.of(found)


def _task(cur: Cursor, desk: Desk, task_id: UUID) -> work.Task:
    task = tasks.task(cur, desk.practice_id, task_id)
    if task is None:
        raise problems.Refused(problems.NOT_FOUND)
    return task
