"""Restricted patients: whose data only a care team sees, and who belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link import errors as ccm_errors
from ccm_link.console import patient_head, problems, time_lines, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.minutes import timers
from ingest import access, people, tenancy
from ingest.access import Member, Restriction
from ingest.errors import AccessReason, AccessRefused
from ingest.standing import Standing

router = APIRouter(prefix="/restrictions", include_in_schema=False)

_LOST_SIGHT: Final = "Stopped because access to the patient was limited."
_WORDS: Final = {
    AccessReason.RESTRICTED_ALREADY: "The patient is restricted already.",
    AccessReason.NOT_RESTRICTED: "The patient is not restricted any more.",
    AccessReason.NO_CARE_TEAM: "Somebody has to look after the patient: name a member of the care team.",
    AccessReason.LAST_MEMBER: "A restricted patient keeps at least one member of the care team.",
    AccessReason.NO_CANDIDATE: "This person belongs to the care team already, or is no clinical staff.",
    AccessReason.ONESELF: "Nobody adds themselves: a colleague of the care team or an administrator does.",
}


@router.get("")
def restrictions_page(desk: AtDesk) -> HTMLResponse:
    """Show which records are restricted, and offer to restrict one."""
    with desk.transaction() as cur:
        return _show_all(desk, cur)


@router.post("")
def restrict(desk: AtDesk, fields: Posted) -> Response:
    """Limit a patient to a care team with one member so far; colleagues' timers for the patient end."""
    given, complaints = forms.check(inputs.RestrictPatient, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show_all(desk, cur, Refusal("restrict", fields, complaints))
    patient_id = given.patient_id
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            access.restrict(
                cur,
                desk.practice_id,
                patient_id,
                team={given.staff_id},
                reason=given.reason,
                by=desk.staff_id,
                at=desk.now,
            )
            team = access.care_team(cur, desk.practice_id, patient_id)
            after = {
                "restricted": True,
                "care_team": [one.staff_id for one in team],
                "reason": trail.sha256_of(given.reason),
            }
            desk.changed(Resource.RESTRICTION, patient_id, after=after, patient_id=patient_id)
            _end_timers(desk, cur, patient_id, team)
    except AccessRefused as error:
        with desk.transaction() as cur:
            return _show_all(desk, cur, Refusal("restrict", fields, problem=_problem(error)))
    return RedirectResponse(f"/restrictions/{patient_id}", 303)


@router.get("/{patient_id}")
def restriction_page(desk: AtDesk, patient_id: UUID) -> HTMLResponse:
    """Show one restricted patient's care team."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id)


@router.post("/{patient_id}/members")
def add_member(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Add a colleague to the care team."""
    given, complaints = forms.check(inputs.CareTeamMember, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, patient_id, Refusal("member", fields, complaints))

    def join(cur: Cursor) -> None:
        access.join_care_team(
            cur, desk.practice_id, patient_id, given.staff_id, by=desk.staff_id, at=desk.now
        )

    return _change_team(desk, patient_id, fields, "member", join)


@router.post("/{patient_id}/members/{staff_id}/leave")
def remove_member(desk: AtDesk, patient_id: UUID, staff_id: UUID, fields: Posted) -> Response:
    """Take somebody off the care team; their timer for the patient ends."""

    def leave(cur: Cursor) -> None:
        access.leave_care_team(cur, desk.practice_id, patient_id, staff_id, desk.now)

    return _change_team(desk, patient_id, fields, "leave", leave)


@router.post("/{patient_id}/end")
def end(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """End the restriction: all clinical staff see the patient again."""
    try:
        with desk.transaction() as cur:
            _managed(desk, cur, patient_id)
            access.end_restriction(cur, desk.practice_id, patient_id, desk.now)
            desk.changed(
                Resource.RESTRICTION, patient_id, before={"restricted": True}, patient_id=patient_id
            )
    except AccessRefused as error:
        with desk.transaction() as cur:
            return _show_all(desk, cur, Refusal("end", fields, problem=_problem(error)))
    return RedirectResponse("/restrictions", 303)


def _change_team(
    desk: Desk, patient_id: UUID, fields: Fields, form: str, change: Callable[[Cursor], None]
) -> Response:
    try:
        with desk.transaction() as cur:
            _managed(desk, cur, patient_id)
            before = access.care_team(cur, desk.practice_id, patient_id)
            change(cur)
            after = access.care_team(cur, desk.practice_id, patient_id)
            desk.changed(
                Resource.RESTRICTION,
                patient_id,
                before={"care_team": [one.staff_id for one in before]},
                after={"care_team": [one.staff_id for one in after]},
                patient_id=patient_id,
            )
            _end_timers(desk, cur, patient_id, after)
    except AccessRefused as error:
        with desk.transaction() as cur:
            return _show(desk, cur, patient_id, Refusal(form, fields, problem=_problem(error)))
    return RedirectResponse(f"/restrictions/{patient_id}", 303)


def _managed(desk: Desk, cur: Cursor, patient_id: UUID) -> Restriction:
    """Return a restriction that the person may change.

    Raises:
        Refused: 404; none holds.
        AccessLimited: it hides the patient from the person, whose role does not oversee the others'.
    """
    found = access.restrictions(cur, desk.practice_id)
    one = next((each for each in found if each.patient_id == patient_id), None)
    if one is None:
        raise problems.Refused(problems.NOT_FOUND)
    if one.is_hidden and not _oversees(desk):
        raise patient_head.AccessLimited(desk, patient_id)
    return one


def _oversees(desk: Desk) -> bool:
    return permissions.may(desk.who, Resource.RESTRICTION, Action.OVERSEE)


def _end_timers(desk: Desk, cur: Cursor, patient_id: UUID, team: list[Member]) -> None:
    """Store or discard the timers of those who have just lost sight of the patient, and with it of their timer."""
    members = {member.staff_id for member in team}
    with _behind_the_wall(desk, cur):
        for timer in timers.of_patient(cur, desk.practice_id, patient_id):
            if timer.staff_id in members:
                continue
            try:
                became = timers.stop(
                    cur,
                    desk.practice_id,
                    timer.staff_id,
                    note=_LOST_SIGHT,
                    at=desk.now,
                    limits=desk.timer_limits,
                )
            except ccm_errors.TimeLogError:
                became = timers.discard(
                    cur, desk.practice_id, timer.staff_id, reason=_LOST_SIGHT, at=desk.now
                )
            time_lines.ended(desk, became)


@contextmanager
def _behind_the_wall(desk: Desk, cur: Cursor) -> Iterator[None]:
    """Work for the practice and for nobody in it: an administrator ends timers that they do not see."""
    tenancy.enter(cur, tenancy.Scope((desk.practice_id,)))
    yield
    tenancy.enter(cur, desk.scope)


def _show_all(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    found = access.restrictions(cur, desk.practice_id)
    restricted = {one.patient_id for one in found}
    others = [
        patient
        for patient in people.patients(cur, desk.practice_id, tuple(Standing))
        if patient.patient_id not in restricted
    ]
    desk.saw(*restricted, *(patient.patient_id for patient in others), restricted=len(restricted))
    return desk.page(
        cur,
        "restrictions.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        restrictions=found,
        oversees=_oversees(desk),
        patients=[
            (str(one.patient_id), f"{one.display_name}, {one.record_number}") for one in others
        ],
        colleagues=_choices(desk, cur, set()),
        refusal=refusal,
    )


def _show(
    desk: Desk, cur: Cursor, patient_id: UUID, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    one = _managed(desk, cur, patient_id)
    team = access.care_team(cur, desk.practice_id, patient_id)
    desk.saw(patient_id, members=len(team))
    return desk.page(
        cur,
        "restriction.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        restriction=one,
        team=team,
        colleagues=_choices(desk, cur, {member.staff_id for member in team} | {desk.staff_id}),
        refusal=refusal,
    )


def _choices(desk: Desk, cur: Cursor, without: set[UUID]) -> list[tuple[str, str]]:
    return [
        (str(one.staff_id), f"{one.display_name}, {one.role.replace('_', ' ')}")
        for one in access.clinical_staff(cur, desk.practice_id)
        if one.staff_id not in without
    ]


def _problem(error: AccessRefused) -> problems.Problem:
    return problems.Problem(
        409,
        "Access stays as it is",
        _WORDS.get(error.reason, "This holds no longer."),
        "Look at what holds now, and decide again.",
        reason=error.reason,
    )
