"""When the practice is not there for what may wait, and when silence of a gateway or of everybody is expected."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import clock_breaches, clock_watch, quiet_hours, silence_windows
from alerts.errors import AlertsError
from alerts.silence_windows import Whom
from ccm_link.console import expected, problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import expected_inputs, forms, input_types
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import wording
from ingest import store
from ingest.directory import Standing

router = APIRouter(prefix="/quiet-times", include_in_schema=False)


# Four turns of the watch; evaluators that run ask every few minutes.
_LATE_AFTER: Final = 4 * clock_watch.ASK_EVERY


class _Form(StrEnum):
    """The forms' names, which begin the ids of their fields."""

    HOURS = "hours"
    WINDOW = "fleet-window"


class Said(StrEnum):
    """What the page confirms after an action."""

    HOURS_SET = "hours-set"
    HOURS_ENDED = "hours-ended"
    WINDOW_SET = "window-set"
    WINDOW_ENDED = "window-ended"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.HOURS_SET:
                return "The quiet hours hold from now on. What is urgent or clinical does not wait for them."
            case Said.HOURS_ENDED:
                return "There are no quiet hours any more."
            case Said.WINDOW_SET:
                return "In that time nobody is told of silence. Readings are judged as ever."
            case Said.WINDOW_ENDED:
                return "It is ended: from now on silence is told again."


@router.get("")
def quiet_times_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show quiet hours and times of silence of gateways and of the practice."""
    with desk.transaction() as cur:
        return _show(desk, cur, said=said.sentence if said else "")


@router.post("/hours")
def keep_hours(desk: AtDesk, fields: Posted) -> Response:
    """Put quiet hours in force."""
    given, complaints = forms.check(expected_inputs.QuietHoursForm, fields)
    if given is None:
        return _refused(desk, Refusal(_Form.HOURS, fields, complaints))
    try:
        with desk.transaction() as cur:
            version = quiet_hours.keep(
                cur,
                desk.practice_id,
                given.hours,
                set_by=desk.who.display_name,
                reason=given.reason,
                at=desk.now,
            )
            after = {
                "from": f"{given.from_time:%H:%M}",
                "until": f"{given.until_time:%H:%M}",
                "days": " ".join(given.hours.quiet_days),
                "reason": trail.sha256_of(given.reason),
            }
            desk.changed(Resource.QUIET_TIMES, version, after=after)
    except AlertsError as error:
        return _refused(desk, Refusal(_Form.HOURS, fields, problem=problems.of_error(error)))
    return _back(Said.HOURS_SET)


@router.post("/hours/end")
def end_hours(desk: AtDesk, fields: Posted) -> Response:
    """End the quiet hours."""
    _expect_nothing(fields)
    with desk.transaction() as cur:
        kept = quiet_hours.in_force(cur, desk.practice_id, desk.now)
        if kept is None or not quiet_hours.end(cur, desk.practice_id, desk.now):
            raise problems.Refused(problems.NOT_FOUND)
        desk.changed(Resource.QUIET_TIMES, kept.version, before={"version": kept.version})
    return _back(Said.HOURS_ENDED)


@router.post("/windows")
def set_window(desk: AtDesk, fields: Posted) -> Response:
    """Say when silence of a gateway's homes, or of all, is expected."""
    given, complaints = forms.check(expected_inputs.FleetWindowForm, fields)
    if given is None:
        return _refused(desk, Refusal(_Form.WINDOW, fields, complaints))
    try:
        with desk.transaction() as cur:
            zone = ZoneInfo(desk.practice(cur).time_zone)
            from_at = input_types.local_instant(given.from_on, given.from_time, zone)
            until_at = input_types.local_instant(given.until_on, given.until_time, zone)
            wrong = {}
            if from_at is None or until_at is None:
                wrong = {"from_time" if from_at is None else "until_time": wording.SKIPPED_HOUR}
            elif given.gateway_id and given.gateway_id not in dict(_gateways(desk, cur)):
                wrong = {"whom": "Choose one of the list."}
            if wrong or from_at is None or until_at is None:
                return _show(desk, cur, refusal=Refusal(_Form.WINDOW, fields, wrong))
            window_id = silence_windows.add(
                cur,
                desk.practice_id,
                Whom(gateway_id=given.gateway_id),
                from_at=from_at,
                until_at=until_at,
                cause=given.cause,
                reason=given.reason,
                set_by=desk.who.display_name,
                at=desk.now,
            )
            after = {
                "gateway_id": given.gateway_id,
                "from_at": from_at,
                "until_at": until_at,
                "cause": given.cause,
                "reason": trail.sha256_of(given.reason),
            }
            desk.changed(Resource.QUIET_TIMES, window_id, after=after)
    except AlertsError as error:
        return _refused(desk, Refusal(_Form.WINDOW, fields, problem=problems.of_error(error)))
    return _back(Said.WINDOW_SET)


@router.post("/windows/{window_id}/end")
def end_window(desk: AtDesk, window_id: UUID, fields: Posted) -> Response:
    """End a time of silence before its time."""
    _expect_nothing(fields)
    with desk.transaction() as cur:
        held = silence_windows.of_fleet(cur, desk.practice_id, desk.now)
        is_there = any(one.window_id == window_id for one in held)
        if not is_there or not silence_windows.end(
            cur, desk.practice_id, window_id, ended_by=desk.who.display_name, at=desk.now
        ):
            raise problems.Refused(problems.NOT_FOUND)
        desk.changed(
            Resource.QUIET_TIMES,
            window_id,
            before={"ended_at": None},
            after={"ended_at": desk.now},
        )
    return _back(Said.WINDOW_ENDED)


def _show(
    desk: Desk, cur: Cursor, *, said: str = "", refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    windows = silence_windows.of_fleet(cur, desk.practice_id, desk.now)
    gateways = dict(_gateways(desk, cur))
    asked_at = clock_breaches.asked_at(cur, desk.practice_id)
    return desk.page(
        cur,
        "quiet_times.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        asked_at=asked_at,
        is_late=asked_at is None or desk.now - asked_at > _LATE_AFTER,
        kept=quiet_hours.in_force(cur, desk.practice_id, desk.now),
        windows=windows,
        gateways=gateways,
        whom=[("practice", "The whole practice"), *gateways.items()],
        causes=expected.causes(),
        may_change=permissions.may(desk.who, Resource.QUIET_TIMES, Action.CHANGE),
        said=said,
        refusal=refusal,
    )


def _gateways(desk: Desk, cur: Cursor) -> list[tuple[str, str]]:
    found = store.gateways(cur, desk.practice_id)
    return [
        (one.gateway_id, f"{one.label} ({one.gateway_id})")
        for one in found
        if one.status is not Standing.REVOKED
    ]


def _expect_nothing(fields: forms.Fields) -> None:
    if fields:
        raise problems.Refused(problems.invalid({}))


def _back(said: Said) -> RedirectResponse:
    return RedirectResponse(f"/quiet-times?said={said}", 303)


def _refused(desk: Desk, refusal: Refusal) -> Response:
    with desk.transaction() as cur:
        return _show(desk, cur, refusal=refusal)
