"""Who cares for a patient, on the patient's page: the named care manager, colleagues, people and services outside."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from ccm_link.console import plan_desk
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages.enrolments import form
from ccm_link.console.posted import program_inputs as posted
from ccm_link.console.posted.forms import Posted
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words.program_words import Said
from ccm_link.program import care_team
from ccm_link.program.care_team import Outside, TeamRole

router = APIRouter(prefix="/patients/{patient_id}/program/team", include_in_schema=False)


@router.post("/care-manager")
def name_care_manager(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Name the patient's care manager, in the place of whoever was."""

    def deed(cur: Cursor, given: posted.NameCareManager) -> Said:
        member_id = care_team.name_care_manager(
            cur,
            desk.practice_id,
            patient_id,
            given.staff_id,
            added_by=desk.who.display_name,
            at=desk.now,
        )
        return _added(desk, patient_id, member_id, TeamRole.CARE_MANAGER, given.staff_id)

    return plan_desk.take(
        desk, patient_id, fields, form("care-manager"), posted.NameCareManager, deed
    )


@router.post("/colleagues")
def add_colleague(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Add a colleague to the patient's team."""

    def deed(cur: Cursor, given: posted.AddColleague) -> Said:
        role = TeamRole(given.colleague_role)
        member_id = care_team.add_colleague(
            cur,
            desk.practice_id,
            patient_id,
            role,
            given.staff_id,
            added_by=desk.who.display_name,
            at=desk.now,
        )
        return _added(desk, patient_id, member_id, role, given.staff_id)

    return plan_desk.take(desk, patient_id, fields, form("colleague"), posted.AddColleague, deed)


@router.post("/outside")
def add_outside(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Add somebody outside of the practice to the patient's team."""

    def deed(cur: Cursor, given: posted.AddOutside) -> Said:
        role = TeamRole(given.outside_role)
        outside = Outside(
            name=given.outside_name,
            organisation=given.organisation,
            phone=given.phone or "",
            note=given.note,
        )
        member_id = care_team.add_outside(
            cur,
            desk.practice_id,
            patient_id,
            role,
            outside,
            added_by=desk.who.display_name,
            at=desk.now,
        )
        return _added(desk, patient_id, member_id, role, None)

    return plan_desk.take(desk, patient_id, fields, form("outside"), posted.AddOutside, deed)


@router.post("/{member_id}/end")
def end(desk: AtDesk, patient_id: UUID, member_id: UUID, fields: Posted) -> Response:
    """Note that somebody cares for the patient no more."""

    def deed(cur: Cursor, _given: posted.EndMember) -> Said:
        care_team.end(
            cur,
            desk.practice_id,
            patient_id,
            member_id,
            ended_by=desk.who.display_name,
            at=desk.now,
        )
        desk.changed(
            Resource.PROGRAM,
            member_id,
            before={"until_at": None},
            after={"until_at": desk.now},
            patient_id=patient_id,
        )
        return Said.TEAM_CHANGED

    return plan_desk.take(
        desk, patient_id, fields, form("end-member", member_id), posted.EndMember, deed
    )


def _added(
    desk: Desk, patient_id: UUID, member_id: UUID, role: TeamRole, staff_id: UUID | None
) -> Said:
    after = {"role": role, "staff_id": staff_id}
    desk.changed(Resource.PROGRAM, member_id, after=after, patient_id=patient_id)
    return Said.TEAM_CHANGED
