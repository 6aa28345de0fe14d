"""Ladders: whom the practice has called about what nobody has acknowledged, for each severity."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import errors, escalation, ladders, on_call
from alerts.channels.message import Channel
from alerts.ladders import Ladder, Rung, Whom
from alerts.measures import Severity
from alerts.on_call import Duty
from alerts.proposed_ladders import PROPOSED
from ccm_link.console import problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import escalation_inputs as posted
from ccm_link.console.posted import forms
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import calling_words
from ingest import people

router = APIRouter(prefix="/escalation", include_in_schema=False)


@router.get("")
def ladders_page(desk: AtDesk) -> HTMLResponse:
    """Show the ladder of each severity, and who is on duty now."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("/ladders/{severity}")
def set_ladder(desk: AtDesk, severity: Severity, fields: Posted) -> Response:
    """Put a new version of a ladder in force; without rungs nobody is called."""
    given, complaints = forms.check(posted.SetLadder, fields)
    if given is not None:
        complaints = dict(given.missing())
    if given is None or complaints:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal(severity, fields, complaints))
    try:
        with desk.transaction() as cur:
            escalation.set_ladder(
                cur,
                desk.practice_id,
                severity,
                given.rungs(),
                former_version=given.based_on,
                set_by=desk.staff_id,
                reason=given.reason,
                at=desk.now,
            )
            after = {
                "version": given.based_on + 1,
                "rungs": [_in_the_trail(rung) for rung in given.rungs()],
                "reason": trail.sha256_of(given.reason),
            }
            desk.changed(Resource.ESCALATION, severity, after=after)
    except (errors.BadLadder, errors.LadderChanged) as error:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal(severity, fields, problem=problems.of_error(error)))
    return RedirectResponse("/escalation", 303)


def _in_the_trail(rung: Rung) -> str:
    ((stored),) = ladders.to_json([rung])
    return f"{stored['after_minutes']} {stored['whom']} {'+'.join(stored['channels'])}"


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    found = escalation.ladders_of(cur, desk.practice_id)
    schedule = escalation.schedule(cur, desk.practice_id, desk.now)
    names = {one.staff_id: one.display_name for one in people.staff(cur, desk.practice_id)}
    on_duty = {
        calling_words.DUTIES[duty]: [
            names[staff_id] for staff_id in on_call.on_duty(schedule, duty, desk.now)
        ]
        for duty in Duty
    }
    return desk.page(
        cur,
        "escalation.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        ladders=[(severity, found.get(severity)) for severity in Severity],
        on_duty=on_duty,
        names=names,
        may_change=permissions.may(desk.who, Resource.ESCALATION, Action.CHANGE),
        proposed=PROPOSED,
        filled=_filled(found),
        rungs=posted.RUNGS,
        whom=[(one.value, calling_words.WHOM[one]) for one in Whom],
        channels=[(one.value, calling_words.CHANNELS[one]) for one in Channel],
        calls=calling_words,
        refusal=refusal,
    )


def _filled(found: Mapping[Severity, Ladder]) -> dict[tuple[str, str], str]:
    """Return what each form shows at first: the ladder in force, or the one that we propose."""
    filled: dict[tuple[str, str], str] = {}
    for severity in Severity:
        ladder = found.get(severity)
        rungs = PROPOSED.get(severity, ()) if ladder is None else ladder.rungs
        for name, rung in zip(posted.RUNGS, rungs, strict=False):
            (stored,) = ladders.to_json([rung])
            filled[severity, f"{name}_after"] = str(stored["after_minutes"])
            filled[severity, f"{name}_whom"] = rung.whom.value
            filled.update(dict.fromkeys(((severity, f"{name}_{c}") for c in rung.channels), "yes"))
    return filled
