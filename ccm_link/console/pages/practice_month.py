"""The practice's month: how each patient's stands, what it comes to, and the files of its claims."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link import claim_errors
from ccm_link.billing.fees import Amount, Fees
from ccm_link.claim import claim_exports, claim_records, month_facts, month_states
from ccm_link.claim.claim_records import Claim
from ccm_link.claim.claim_states import ClaimState
from ccm_link.claim.month_states import Listed
from ccm_link.claim_files.contents import Format
from ccm_link.console import problems, rate_limits, surroundings, worked_months
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, month_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.rate_limits import Deed
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import month_words
from ccm_link.errors import CcmLinkError
from ccm_link.minutes import month_lock
from ccm_link.month import Month
from ingest import access, audit

router = APIRouter(prefix="/month", include_in_schema=False)

_MOST_AT_ONCE: Final = 2_000
"""Patients whose months are worked out while somebody waits, some seconds; more is the command's work."""
_MOST_SHOWN: Final = 500
_ENDINGS: Final = {Format.CSV: "csv", Format.FHIR: "json", Format.X12: "837"}
_MEDIA: Final = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.FHIR: "application/fhir+json",
    Format.X12: "application/edi-x12",
}


class Show(StrEnum):
    """Which patients the page lists."""

    ALL = "all"
    READY = "ready"
    HELD = "held"
    NEAR = "near"
    LOST = "lost"

    @property
    def words(self) -> str:
        """What a person calls them."""
        return {
            Show.ALL: "All",
            Show.READY: "Ready",
            Show.HELD: "Held",
            Show.NEAR: "Near the next code",
            Show.LOST: "Cannot be reached",
        }[self]

    def shows(self, one: Listed) -> bool:
        """Tell whether a patient's month is one of them."""
        match self:
            case Show.ALL:
                return True
            case Show.READY:
                return bool(one.proposed)
            case Show.HELD:
                return bool(one.held)
            case Show.NEAR:
                return one.is_near
            case Show.LOST:
                return one.is_lost


class Said(StrEnum):
    """What the page confirms after an action."""

    WORKED_OUT = "worked-out"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        return "The month is worked out, and its claims are proposed from what is known now."


@router.get("")
def month_page(
    desk: AtDesk,
    month: str = "",
    show: Annotated[Show, Query()] = Show.ALL,
    said: Said | None = None,
) -> HTMLResponse:
    """Show how the months of the practice's patients stand."""
    with desk.transaction() as cur:
        shown = worked_months.parsed(month) if month else _current(desk, cur)
        return _show(desk, cur, shown, show, said=said.sentence if said else "")


@router.post("/work-out")
def work_out(desk: AtDesk, fields: Posted) -> Response:
    """Work the whole month out, and propose its claims anew."""
    given, complaints = forms.check(month_inputs.WorkOut, fields)
    if given is None:
        return _refused(desk, None, Refusal("work-out", fields, complaints))
    try:
        with desk.transaction() as cur:
            asked = month_facts.patients_of_month(cur, desk.practice_id, given.month)
            if len(asked) > _MOST_AT_ONCE:
                raise claim_errors.TooManyPatients
            tables = surroundings.of(desk.request).tables
            kept = month_states.work_out_all(cur, desk.practice_id, given.month, tables, desk.now)
            after = {"patients": kept.patients, "new_claims": kept.new_claims}
            desk.changed(Resource.MONTH, given.month, after=after)
    except CcmLinkError as error:
        refusal = Refusal("work-out", fields, problem=problems.of_error(error))
        return _refused(desk, given.month, refusal)
    return RedirectResponse(f"/month?month={given.month}&said={Said.WORKED_OUT}", 303)


@router.post("/export")
def export(desk: AtDesk, fields: Posted) -> Response:
    """Write attested claims of a month into a file and hand it over."""
    given, complaints = forms.check(month_inputs.Export, fields)
    if given is None:
        return _refused(desk, None, Refusal("export", fields, complaints))
    rate_limits.of_person(desk.request, desk.who, Deed.EXPORT)
    states = [ClaimState.ATTESTED, *([ClaimState.EXPORTED] if given.again else [])]
    try:
        with desk.transaction() as cur:
            chosen = claim_records.of_month(cur, desk.practice_id, given.month, states)
            done = claim_exports.export(
                cur,
                desk.practice_id,
                given.month,
                chosen,
                given.file_format,
                surroundings.of(desk.request).tables,
                given.route,
                leave_out=given.leave_out == "yes",
                made_by=desk.who.display_name,
                at=desk.now,
            )
            _tell_export(desk, done.claims, given.file_format, done.number)
    except claim_errors.Incomplete as error:
        refusal = Refusal("export", fields, problem=problems.of_error(error))
        return _refused(desk, given.month, refusal, error.lacks)
    except CcmLinkError as error:
        refusal = Refusal("export", fields, problem=problems.of_error(error))
        return _refused(desk, given.month, refusal)
    name = f"claims-{given.month}-{done.number}.{_ENDINGS[given.file_format]}"
    return Response(
        done.text,
        media_type=_MEDIA[given.file_format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _tell_export(desk: Desk, written: Sequence[Claim], wanted: Format, number: int) -> None:
    desk.did(
        audit.Kind.EXPORT,
        *(one.patient_id for one in written),
        resource=Resource.CLAIM,
        resource_id=number,
        action=audit.Action.READ,
        format=wanted,
        claims=len(written),
    )


def _current(desk: Desk, cur: Cursor) -> Month:
    return Month.of(desk.now, desk.practice(cur).time_zone)


def _refused(
    desk: Desk, month: Month | None, refusal: Refusal, lacks: Sequence[str] = ()
) -> HTMLResponse:
    with desk.transaction() as cur:
        shown = month or _current(desk, cur)
        return _show(desk, cur, shown, Show.ALL, refusal=refusal, lacks=lacks)


def _show(
    desk: Desk,
    cur: Cursor,
    month: Month,
    show: Show,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
    lacks: Sequence[str] = (),
) -> HTMLResponse:
    every = month_states.of_month(cur, desk.practice_id, month)
    listed = [one for one in every if show.shows(one)][:_MOST_SHOWN]
    tables = surroundings.of(desk.request).tables
    desk.saw(*(one.patient_id for one in listed), month=month, patients=len(listed))
    return desk.page(
        cur,
        "practice_month.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        month=month,
        earlier=worked_months.beside(month, -1),
        later=worked_months.beside(month, 1) if month < _current(desk, cur) else None,
        listed=listed,
        show=show,
        counts={one: sum(one.shows(state) for state in every) for one in Show},
        worked_out_at=min((one.worked_out_at for one in every), default=None),
        ready=_amount(every, tables.fees, held=False),
        held=_amount(every, tables.fees, held=True),
        fees=tables.fees,
        claims=claim_records.count_of_month(cur, desk.practice_id, month),
        states=list(ClaimState),
        is_locked=month_lock.is_locked(cur, desk.practice_id, month),
        restricted_count=len(access.hidden_records(cur, desk.practice_id)),
        months=month_words,
        may_change=permissions.may(desk.who, Resource.MONTH, Action.CHANGE),
        may_export=permissions.may(desk.who, Resource.CLAIM, Action.EXPORT),
        formats=[(one, month_words.FORMATS[one]) for one in Format],
        lacks=lacks,
        said=said,
        refusal=refusal,
    )


def _amount(every: Sequence[Listed], fees: Fees | None, *, held: bool) -> Amount | None:
    if fees is None:
        return None
    reached = (one for state in every for one in (state.held if held else state.proposed))
    return month_states.amount(reached, fees)
