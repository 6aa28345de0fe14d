"""A patient's record: who they are and how they stand, with forms; who pays and how they are reached beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from ccm_link import departure
from ccm_link.billing.rule_book import Rules
from ccm_link.console import patient_head, problems, program_rules, surroundings, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.patient_head import PatientHead
from ccm_link.console.posted import forms, input_types
from ccm_link.console.posted import record_inputs as inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words.wording import SKIPPED_HOUR
from ccm_link.departure import Closed
from ccm_link.errors import CcmLinkError
from ccm_link.registry import (
    cost_share,
    coverage,
    patient_contacts,
    patient_identifiers,
    related_people,
)
from ingest import patient_identity, standing
from ingest.errors import IdentityRefused, RefusalReason, RefusedByStoreError, StandingRefused
from ingest.patient_identity import Identity
from ingest.standing import NewStanding, Standing

router = APIRouter(prefix="/patients/{patient_id}/record", include_in_schema=False)

Given = TypeVar("Given", bound=BaseModel)
_RESOURCES: Final = {
    departure.Kind.ENROLMENT: Resource.PROGRAM,
    departure.Kind.MONITORING: Resource.MONTH,
    departure.Kind.SCHEDULE: Resource.TASK,
}
TAKEN: Final = "Another patient of the practice has this record number."


class Said(StrEnum):
    """What the page confirms after an action."""

    ADDED = "added"
    CORRECTED = "corrected"
    AS_IT_WAS = "as-it-was"
    STANDING_RECORDED = "standing-recorded"
    STANDING_WITHDRAWN = "standing-withdrawn"
    RECORDED = "recorded"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    ALLOWED = "allowed"
    NOT_ALLOWED = "not-allowed"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    Said.ADDED: "The patient is added. Say under Peripherals what they measure with, and enroll them when they agree.",
    Said.CORRECTED: "The record is corrected; what it was is kept below.",
    Said.AS_IT_WAS: "The record says all of this already.",
    Said.STANDING_RECORDED: "It is recorded. Lists and counts go by it, open tasks wait with the patient, and what was "
    "closed with it stands below.",
    Said.STANDING_WITHDRAWN: "It is withdrawn: what was recorded before holds again, also for the time in between. "
    "What was closed with it stays closed.",
    Said.RECORDED: "It is recorded.",
    Said.ENDED: "It is ended; what it was is kept.",
    Said.WITHDRAWN: "It is withdrawn: it never was so.",
    Said.ALLOWED: "The practice may talk with this person about the patient.",
    Said.NOT_ALLOWED: "From now on the practice may not talk with this person about the patient.",
}


@router.get("")
def record_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show all that is known of who a patient is."""
    with desk.transaction() as cur:
        return show(desk, cur, patient_id, said=said.sentence if said else "")


@router.post("/identity")
def correct(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Correct who the patient is."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.CorrectPatient) -> Said:
        changed = patient_identity.correct(
            cur,
            desk.practice_id,
            patient_id,
            given.identity(),
            based_on=given.based_on,
            reason=given.reason,
            changed_by=desk.who.display_name,
            at=desk.now,
        )
        after = {"corrected": changed, "reason": trail.sha256_of(given.reason)}
        desk.changed(Resource.REGISTRY, patient_id, before={}, after=after, patient_id=patient_id)
        return Said.CORRECTED if changed else Said.AS_IT_WAS

    return do(desk, patient_id, "identity", inputs.CorrectPatient, fields, deed)


@router.post("/standing")
def change_standing(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record how the patient stands from now on."""

    def deed(cur: Cursor, head: PatientHead, given: inputs.ChangeStanding) -> Said:
        new = _new_standing(given, head, desk.now)
        standing_id, closed = departure.record(
            cur,
            desk.practice_id,
            patient_id,
            new,
            seen=Standing(given.seen),
            reason=given.reason,
            recorded_by=desk.who.display_name,
            at=desk.now,
        )
        after = {
            "standing": new.standing,
            "since_at": new.since_at,
            "reason": trail.sha256_of(given.reason),
        }
        desk.changed(
            Resource.REGISTRY,
            standing_id,
            before={"standing": given.seen},
            after=after,
            patient_id=patient_id,
        )
        _tell_closed(desk, patient_id, closed)
        return Said.STANDING_RECORDED

    return do(desk, patient_id, "standing", inputs.ChangeStanding, fields, deed)


@router.post("/standing/{standing_id}/withdraw")
def withdraw_standing(
    desk: AtDesk, patient_id: UUID, standing_id: UUID, fields: Posted
) -> Response:
    """Withdraw a standing that was wrong."""

    def deed(cur: Cursor, head: PatientHead, given: inputs.Withdraw) -> Said:
        held, closed = departure.withdraw(
            cur,
            desk.practice_id,
            patient_id,
            standing_id,
            why=given.reason,
            withdrawn_by=desk.who.display_name,
            at=desk.now,
        )
        desk.changed(
            Resource.REGISTRY,
            standing_id,
            before={"standing": head.record.standing},
            after={"standing": held, "reason": trail.sha256_of(given.reason)},
            patient_id=patient_id,
        )
        _tell_closed(desk, patient_id, closed)
        return Said.STANDING_WITHDRAWN

    return do(desk, patient_id, f"withdraw-{standing_id}", inputs.Withdraw, fields, deed)


def do(
    desk: Desk,
    patient_id: UUID,
    form: str,
    model: type[Given],
    fields: Fields,
    deed: Callable[[Cursor, PatientHead, Given], Said],
) -> Response:
    """Check a form of the page, do what it asks for in one transaction, and lead back; or show what was refused.

    Args:
        desk: Whose request.
        patient_id: About whom.
        form: Its name, which begins the ids of its fields.
        model: What it may hold.
        fields: What was posted.
        deed: Does it, tells the trail, and returns what is said.
    """
    given, complaints = forms.check(model, fields)
    if given is None:
        return _refused(desk, patient_id, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            said = deed(cur, patient_head.load(cur, desk, patient_id), given)
    except (CcmLinkError, StandingRefused, IdentityRefused) as error:
        return _refused(desk, patient_id, Refusal(form, fields, problem=problems.of_error(error)))
    except RefusedByStoreError as error:
        if error.reason is not RefusalReason.ALREADY_THERE:
            raise
        return _refused(desk, patient_id, Refusal(form, fields, {"record_number": TAKEN}))
    return RedirectResponse(f"/patients/{patient_id}/record?said={said}", 303)


def show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    """Show the page, also with a form of it that was refused."""
    head = patient_head.load(cur, desk, patient_id)
    practice_id = desk.practice_id
    today = desk.now.astimezone(head.zone).date()
    grant = patient_head.grant(cur, desk, patient_id)
    lines = standing.history(cur, practice_id, patient_id)
    since = head.record.standing_since
    measured: tuple[int, datetime | None] = (0, None)
    if head.record.standing is not Standing.ACTIVE and since is not None:
        measured = standing.measured_since(cur, practice_id, patient_id, since, desk.now)
    paid_by = coverage.coverages_on(cur, practice_id, [patient_id], today).get(patient_id, ())
    changes = patient_identity.history(cur, practice_id, patient_id)
    desk.saw(patient_id, corrections=len(changes), standings=len(lines))
    return desk.page(
        cur,
        "record.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patient=head,
        identity=Identity.of(head.record),
        changes=changes,
        standings=lines,
        closed=departure.closed(cur, practice_id, patient_id),
        rules=_rules(desk, cur),
        measured=measured,
        identifiers=patient_identifiers.of_patient(cur, practice_id, patient_id),
        coverages=coverage.of_patient(cur, practice_id, patient_id),
        cost=cost_share.sentence([one.kind for one in paid_by]),
        no_promise=cost_share.NO_PROMISE,
        telecoms=patient_contacts.telecoms(cur, practice_id, [patient_id]),
        address=next(iter(patient_contacts.addresses(cur, practice_id, [patient_id])), None),
        related=related_people.of_patients(cur, practice_id, [patient_id]),
        talks=related_people.permissions(cur, practice_id, patient_id),
        today=today,
        grant=grant,
        may_change=not grant and permissions.may(desk.who, Resource.REGISTRY, Action.CHANGE),
        said=said,
        refusal=refusal,
    )


def _refused(desk: Desk, patient_id: UUID, refusal: Refusal) -> Response:
    with desk.transaction() as cur:
        return show(desk, cur, patient_id, refusal=refusal)


def _tell_closed(desk: Desk, patient_id: UUID, closed: list[Closed]) -> None:
    """Have the trail say of each thing that a standing closed that it is closed."""
    for one in closed:
        resource = _RESOURCES[one.kind]
        after = {"closed": one.kind, "ended_at": one.ended_at, "with": "standing"}
        desk.changed(resource, one.closed_id, before={}, after=after, patient_id=patient_id)


def _rules(desk: Desk, cur: Cursor) -> Rules | None:
    """Return what calls the programs by their titles; None: this site has no billing table of the year."""
    on = program_rules.today(desk, cur)
    has_table = on.year in surroundings.of(desk.request).tables.book.years
    return program_rules.rules_on(desk, on) if has_table else None


def _new_standing(given: inputs.ChangeStanding, head: PatientHead, now: datetime) -> NewStanding:
    """Return what is to be recorded, in instants.

    Raises:
        StandingRefused: the death is still to come.
        SkippedTime: the clocks skipped the time on that day.
    """
    becomes = Standing(given.standing)
    if becomes is Standing.DECEASED:
        return NewStanding.death(given.since_on, given.since_time, head.zone, now)
    since_at = now
    if given.since_on is not None:
        found = input_types.local_instant(given.since_on, given.since_midnight, head.zone)
        if found is None:
            raise CcmLinkError(f"{SKIPPED_HOUR} Choose another.")
        since_at = found
    return NewStanding(standing=becomes, since_at=since_at, transferred_to=given.transferred_to)
