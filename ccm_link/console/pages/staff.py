"""The practice's staff: invite somebody, change a role, reset what was forgotten, close an account."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ingest import access, audit, credentials, one_time_code, people, session_store
from ingest.audit import Kind
from ingest.errors import RefusalReason, RefusedByStoreError
from ingest.one_time_code import Purpose
from ingest.people import Role, StaffMember

router = APIRouter(prefix="/staff", include_in_schema=False)

_NOT_ONESELF = problems.Problem(
    409,
    "Your own account stays as it is",
    "Nobody closes their own account or changes their own role.",
    "Ask another administrator of the practice.",
)
_SOLE_CARE = problems.Problem(
    409,
    "Restricted patients would have nobody",
    "This person is the last one in the care team of a restricted patient.",
    "Add a colleague to that care team under Restricted, then try again.",
)
_TAKEN = "Somebody in the practice signs in under this name already."


@router.get("")
def staff_page(desk: AtDesk) -> HTMLResponse:
    """Show all accounts."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("")
def add(desk: AtDesk, fields: Posted) -> Response:
    """Add an account and show the code with which its owner sets the first password."""
    given, complaints = forms.check(inputs.AddStaff, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal("staff", fields, complaints))
    try:
        with desk.transaction() as cur:
            staff_id = people.add_staff(
                cur,
                desk.practice_id,
                sign_in_name=given.sign_in_name,
                display_name=given.display_name,
                role=Role(given.role),
            )
            after = {"sign_in_name": given.sign_in_name, "role": given.role}
            desk.changed(Resource.STAFF_ACCOUNT, staff_id, after=after)
            return _invite(desk, cur, _member(desk, cur, staff_id))
    except RefusedByStoreError as error:
        if error.reason is not RefusalReason.ALREADY_THERE:
            raise
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal("staff", fields, {"sign_in_name": _TAKEN}))


@router.post("/{staff_id}/role")
def change_role(desk: AtDesk, staff_id: UUID, fields: Posted) -> Response:
    """Give somebody another role; it counts at their next request."""
    given, complaints = forms.check(inputs.ChangeRole, fields)
    with desk.transaction() as cur:
        member = _member(desk, cur, staff_id)
        if given is None:
            return _show(desk, cur, Refusal("role", fields, complaints))
        if staff_id == desk.staff_id:
            return _show(desk, cur, Refusal("role", problem=_NOT_ONESELF))
        role = Role(given.role)
        if role not in access.CLINICAL and access.sole_care(cur, desk.practice_id, staff_id):
            return _show(desk, cur, Refusal("role", problem=_SOLE_CARE))
        if people.change_role(cur, desk.practice_id, staff_id, former_role=member.role, role=role):
            desk.changed(
                Resource.STAFF_ACCOUNT, staff_id, before={"role": member.role}, after={"role": role}
            )
    return RedirectResponse("/staff", 303)


@router.post("/{staff_id}/invitation")
def invite_again(desk: AtDesk, staff_id: UUID, _fields: Posted) -> Response:
    """Show a code for a new first password, for somebody who forgot theirs; their sessions end."""
    with desk.transaction() as cur:
        member = _member(desk, cur, staff_id)
        _end_sessions(desk, cur, staff_id)
        return _invite(desk, cur, member)


@router.post("/{staff_id}/second-factor")
def reset_second_factor(desk: AtDesk, staff_id: UUID, _fields: Posted) -> Response:
    """Take a lost second factor off an account; its owner sets up a new one at the next sign-in."""
    with desk.transaction() as cur:
        _member(desk, cur, staff_id)
        if credentials.reset_totp(cur, desk.practice_id, staff_id):
            desk.changed(Resource.STAFF_ACCOUNT, staff_id, before={"second_factor": "set"})
            _end_sessions(desk, cur, staff_id)
    return RedirectResponse("/staff", 303)


@router.post("/{staff_id}/disable")
def disable(desk: AtDesk, staff_id: UUID, _fields: Posted) -> Response:
    """Close an account for good; whoever is signed in with it is out at the next request."""
    with desk.transaction() as cur:
        member = _member(desk, cur, staff_id)
        if staff_id == desk.staff_id:
            return _show(desk, cur, Refusal("disable", problem=_NOT_ONESELF))
        if access.sole_care(cur, desk.practice_id, staff_id):
            return _show(desk, cur, Refusal("disable", problem=_SOLE_CARE))
        if people.disable_staff(cur, desk.practice_id, staff_id, desk.now):
            desk.changed(Resource.STAFF_ACCOUNT, staff_id, before={"role": member.role})
            _end_sessions(desk, cur, staff_id)
    return RedirectResponse("/staff", 303)


def _member(desk: Desk, cur: Cursor, staff_id: UUID) -> StaffMember:
    found = (one for one in people.staff(cur, desk.practice_id) if one.staff_id == staff_id)
    member = next(found, None)
    if member is None:
        raise problems.Refused(problems.NOT_FOUND)
    return member


def _end_sessions(desk: Desk, cur: Cursor, staff_id: UUID) -> None:
    for token_sha256 in session_store.end_sessions(cur, desk.practice_id, staff_id=staff_id):
        desk.did(Kind.SESSION_ENDED, resource_id=staff_id, ended=audit.session_mark(token_sha256))


def _invite(desk: Desk, cur: Cursor, member: StaffMember) -> HTMLResponse:
    code = one_time_code.issue(
        cur,
        desk.practice_id,
        Purpose.INVITE_STAFF,
        member.staff_id,
        created_by=desk.staff_id,
        at=desk.now,
    )
    desk.did(Kind.CODE_ISSUED, resource_id=member.staff_id, action=audit.Action.CREATE)
    return desk.page(cur, "staff_code.html", member=member, code=code)


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    members = people.staff(cur, desk.practice_id)
    desk.saw(accounts=len(members))
    return desk.page(
        cur,
        "staff.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        members=members,
        roles=[(role.value, role.replace("_", " ")) for role in Role if role in people.STAFF_ROLES],
        refusal=refusal,
    )
