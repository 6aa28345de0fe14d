"""Where people and the practice line are reached, and whether messages arrive there."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import errors, escalation, notifications
from alerts.channels.message import OUTWARD, Channel
from ccm_link.console import problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import escalation_inputs as posted
from ccm_link.console.posted import forms
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words import calling_words, wording
from ingest import people
from ingest.audit import Kind
from ingest.errors import RefusalReason, RefusedByStoreError

router = APIRouter(prefix="/escalation/contacts", include_in_schema=False)

_THERE_ALREADY: Final = "This address is there already."
_PRACTICE_LINE: Final = (str(posted.PRACTICE_LINE), "Practice line")


@router.get("")
def contacts_page(desk: AtDesk) -> HTMLResponse:
    """Show all addresses, and what became of the last message to each."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("")
def add(desk: AtDesk, fields: Posted) -> Response:
    """Add an address."""
    given, complaints = forms.check(posted.AddContact, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal("contact", fields, complaints))
    try:
        with desk.transaction() as cur:
            contact_id = escalation.add_contact(
                cur,
                desk.practice_id,
                given.person,
                Channel(given.channel),
                given.address,
                added_by=desk.staff_id,
                at=desk.now,
            )
            after = {
                "staff_id": given.person,
                "channel": given.channel,
                "address": trail.sha256_of(given.address),
            }
            desk.changed(Resource.ESCALATION, contact_id, after=after)
    except (errors.BadContact, RefusedByStoreError) as error:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal("contact", fields, _complaints(error)))
    return RedirectResponse("/escalation/contacts", 303)


@router.post("/{contact_id}/test")
def test(desk: AtDesk, contact_id: UUID, _fields: Posted) -> Response:
    """Send a test message there."""
    with desk.transaction() as cur:
        if not notifications.queue_test(cur, desk.practice_id, contact_id, desk.now):
            raise problems.Refused(problems.NOT_FOUND)
        desk.did(Kind.CHANGE, resource_id=contact_id, asked="test_message")
    return RedirectResponse("/escalation/contacts", 303)


@router.post("/{contact_id}/end")
def end(desk: AtDesk, contact_id: UUID, _fields: Posted) -> Response:
    """Use an address no more."""
    with desk.transaction() as cur:
        if not escalation.end_contact(
            cur, desk.practice_id, contact_id, by=desk.staff_id, at=desk.now
        ):
            raise problems.Refused(problems.NOT_FOUND)
        desk.changed(Resource.ESCALATION, contact_id, before={"holds": True})
    return RedirectResponse("/escalation/contacts", 303)


def _complaints(error: errors.BadContact | RefusedByStoreError) -> dict[str, str]:
    """Return what is wrong with which field.

    Raises:
        RefusedByStoreError: it is no field's fault.
    """
    if isinstance(error, errors.BadContact):
        return {"address": str(error)}
    match error.reason:
        case RefusalReason.ALREADY_THERE:
            return {"address": _THERE_ALREADY}
        case RefusalReason.UNKNOWN_REFERENCE:
            return {"staff_id": "Choose one of the list."}
    raise error


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    staff = people.staff(cur, desk.practice_id)
    last = notifications.last_messages(cur, desk.practice_id)
    names: dict[UUID | None, str] = {one.staff_id: one.display_name for one in staff}
    names[None] = _PRACTICE_LINE[1]
    found = escalation.contacts(cur, desk.practice_id)
    return desk.page(
        cur,
        "contacts.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        contacts=[
            (names[one.staff_id], one, last.get(one.contact_id))
            for one in sorted(found, key=lambda one: (names[one.staff_id], one.channel))
        ],
        people=[
            _PRACTICE_LINE,
            *(
                (str(one.staff_id), f"{one.display_name}, {wording.role(one.role)}")
                for one in staff
                if one.disabled_at is None
            ),
        ],
        channels=[
            (one.value, wording.sentence_case(calling_words.CHANNELS[one]))
            for one in Channel
            if one in OUTWARD
        ],
        calls=calling_words,
        refusal=refusal,
    )
