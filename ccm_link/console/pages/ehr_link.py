"""Other systems: the practice's EHR and webhooks, how each stands, what did not arrive, who a patient is there."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link import errors, link_errors
from ccm_link.care_record import receivers
from ccm_link.care_record.outbox import ReceiverKind
from ccm_link.care_record.to_webhook import EVENTS
from ccm_link.console import patient_head, problems, surroundings, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, link_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Action, Resource, may
from ccm_link.console.words import link_words

router = APIRouter(prefix="/ehr-link", include_in_schema=False)

_MOST: Final = 200
_PAGE: Final = "/ehr-link"


@router.get("")
def link_page(desk: AtDesk) -> HTMLResponse:
    """Show where things go, and what did not arrive."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("/ehr")
def connect_ehr(desk: AtDesk, fields: Posted) -> Response:
    """Send what happens from now on to the practice's EHR."""
    given, complaints = forms.check(link_inputs.ConnectEhr, fields)
    if given is None:
        return _refused(desk, Refusal("connect", fields, complaints))
    try:
        with desk.transaction() as cur:
            receiver_id = receivers.connect_ehr(
                cur,
                desk.practice_id,
                given.ehr,
                known=surroundings.of(desk.request).settings.ehrs,
                added_by=desk.staff_id,
                at=desk.now,
            )
            desk.changed(Resource.LINK, receiver_id, after={"kind": "ehr"})
    except link_errors.LinkError as error:
        return _refused(desk, Refusal("connect", fields, problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


@router.post("/webhooks")
def add_webhook(desk: AtDesk, fields: Posted) -> Response:
    """Tell another platform what happens from now on."""
    given, complaints = forms.check(link_inputs.AddWebhook, fields)
    if given is not None and not given.events:
        complaints = {link_inputs.event_field(EVENTS[0]): "Choose what it is told."}
        given = None
    if given is None:
        return _refused(desk, Refusal("webhook", fields, complaints))
    try:
        with desk.transaction() as cur:
            receiver_id = receivers.add_webhook(
                cur,
                desk.practice_id,
                given.address,
                name=given.name,
                events=given.events,
                has_patient_data=given.names_patients is not None,
                added_by=desk.staff_id,
                at=desk.now,
            )
            after = {
                "kind": "webhook",
                "address": trail.sha256_of(given.address),
                "events": given.events,
                "has_patient_data": given.names_patients is not None,
            }
            desk.changed(Resource.LINK, receiver_id, after=after)
    except link_errors.BadAddress as error:
        return _refused(desk, Refusal("webhook", fields, {"address": str(error)}))
    except link_errors.LinkError as error:
        return _refused(desk, Refusal("webhook", fields, problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


@router.post("/receivers/{receiver_id}/pause")
def pause(desk: AtDesk, receiver_id: UUID, _fields: Posted) -> Response:
    """Send nothing there for a while."""
    return _paused(desk, receiver_id, is_paused=True)


@router.post("/receivers/{receiver_id}/resume")
def resume(desk: AtDesk, receiver_id: UUID, _fields: Posted) -> Response:
    """Go on sending, with what happened meanwhile."""
    return _paused(desk, receiver_id, is_paused=False)


@router.post("/receivers/{receiver_id}/test")
def test(desk: AtDesk, receiver_id: UUID, _fields: Posted) -> Response:
    """Send a message about nothing."""
    try:
        with desk.transaction() as cur:
            receivers.queue_test(cur, desk.practice_id, receiver_id, desk.now)
            desk.changed(Resource.LINK, receiver_id, after={"asked": "test_message"})
    except link_errors.LinkError as error:
        return _refused(desk, Refusal("test", problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


@router.post("/receivers/{receiver_id}/end")
def end(desk: AtDesk, receiver_id: UUID, fields: Posted) -> Response:
    """Send nothing there any more."""
    form = f"end-{receiver_id}"
    given, complaints = forms.check(link_inputs.EndReceiver, fields)
    if given is None:
        return _refused(desk, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            receivers.end(
                cur,
                desk.practice_id,
                receiver_id,
                by=desk.staff_id,
                reason=given.reason,
                at=desk.now,
            )
            before = {"holds": True, "reason": trail.sha256_of(given.reason)}
            desk.changed(Resource.LINK, receiver_id, before=before)
    except link_errors.LinkError as error:
        return _refused(desk, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


@router.post("/dead-letters/redrive")
def redrive_all(desk: AtDesk, _fields: Posted) -> Response:
    """Send everything again that did not arrive."""
    with desk.transaction() as cur:
        again = receivers.redrive(cur, desk.practice_id, desk.now)
        desk.changed(Resource.OUTGOING, "", after={"redriven": len(again)})
    return RedirectResponse(_PAGE, 303)


@router.post("/dead-letters/{outgoing_id}/redrive")
def redrive(desk: AtDesk, outgoing_id: UUID, fields: Posted) -> Response:
    """Send one thing again that did not arrive."""
    given, complaints = forms.check(link_inputs.Redrive, fields)
    if given is None:
        return _refused(desk, Refusal(f"letter-{outgoing_id}", fields, complaints))
    with desk.transaction() as cur:
        overwrites = given.overwrites is not None
        again = receivers.redrive(
            cur, desk.practice_id, desk.now, outgoing_id=outgoing_id, overwrites=overwrites
        )
        if not again:
            settled = problems.of_error(link_errors.LetterSettled())
            return _show(desk, cur, Refusal(f"letter-{outgoing_id}", problem=settled))
        desk.changed(Resource.OUTGOING, outgoing_id, after={"overwrites": overwrites})
    return RedirectResponse(_PAGE, 303)


@router.post("/dead-letters/{outgoing_id}/give-up")
def give_up(desk: AtDesk, outgoing_id: UUID, fields: Posted) -> Response:
    """Send one thing never."""
    form = f"letter-{outgoing_id}"
    given, complaints = forms.check(link_inputs.GiveUp, fields)
    if given is None:
        return _refused(desk, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            receivers.give_up(
                cur,
                desk.practice_id,
                outgoing_id,
                by=desk.staff_id,
                reason=given.reason,
                at=desk.now,
            )
            before = {"dead": True, "reason": trail.sha256_of(given.reason)}
            desk.changed(Resource.OUTGOING, outgoing_id, before=before)
    except link_errors.LinkError as error:
        return _refused(desk, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


@router.get("/patients")
def patients_page(desk: AtDesk) -> HTMLResponse:
    """Show patients of whom nobody knows who they are in the EHR."""
    with desk.transaction() as cur:
        return _show_patients(desk, cur)


@router.post("/patients/{patient_id}")
def match(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Say who a patient is in the EHR."""
    form = f"match-{patient_id}"
    given, complaints = forms.check(link_inputs.MatchPatient, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show_patients(desk, cur, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            receivers.match_by_hand(
                cur, desk.practice_id, patient_id, given.remote_id, by=desk.staff_id, at=desk.now
            )
            after = {"remote_id": trail.sha256_of(given.remote_id)}
            desk.changed(Resource.EHR_PATIENT, patient_id, after=after, patient_id=patient_id)
    except errors.CcmLinkError as error:
        with desk.transaction() as cur:
            refusal = Refusal(form, fields, problem=problems.of_error(error))
            return _show_patients(desk, cur, refusal)
    return RedirectResponse(f"{_PAGE}/patients", 303)


def _paused(desk: Desk, receiver_id: UUID, *, is_paused: bool) -> Response:
    try:
        with desk.transaction() as cur:
            at = desk.now if is_paused else None
            receivers.pause(cur, desk.practice_id, receiver_id, paused_at=at)
            desk.changed(Resource.LINK, receiver_id, before={}, after={"paused": is_paused})
    except link_errors.LinkError as error:
        return _refused(desk, Refusal("pause", problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


def _refused(desk: Desk, refusal: Refusal) -> HTMLResponse:
    with desk.transaction() as cur:
        return _show(desk, cur, refusal)


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    standings = receivers.standings(cur, desk.practice_id)
    letters = receivers.dead_letters(cur, desk.practice_id, _MOST)
    return desk.page(
        cur,
        "ehr_link.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        standings=standings,
        has_ehr=any(one.kind is ReceiverKind.EHR for one in standings),
        held=sum(one.held for one in standings),
        letters=letters,
        most=_MOST,
        ehrs=[(name, name) for name in surroundings.of(desk.request).settings.ehrs],
        events=[(link_inputs.event_field(one), link_words.kind(one)) for one in EVENTS],
        may_change=may(desk.who, Resource.LINK, Action.CHANGE),
        may_match=may(desk.who, Resource.EHR_PATIENT, Action.VIEW),
        link=link_words,
        refusal=refusal,
    )


def _show_patients(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    found = receivers.unmatched(cur, desk.practice_id, _MOST)
    desk.saw(*(one.patient_id for one in found), unmatched=len(found))
    return desk.page(
        cur,
        "ehr_patients.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patients=found,
        link=link_words,
        refusal=refusal,
    )
