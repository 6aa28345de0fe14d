"""Who is on the way into a program, as a list to work through; and whom a program may suit."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from ccm_link.console.desk import AtDesk
from ccm_link.console.posted.program_inputs import EligibleForm, ListQuery
from ccm_link.console.program_rules import rules_on, today
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import program_words
from ccm_link.program import eligibility, program_list
from ccm_link.program.chronic_conditions import catalogue
from ccm_link.program.eligibility import Verdict
from ccm_link.program.enrolment_states import State

router = APIRouter(prefix="/program", include_in_schema=False)

_PAGE: Final = 50  # lines on a page: as many as a person works through before loading it again


@router.get("")
def list_page(desk: AtDesk, asked: Annotated[ListQuery, Query()]) -> HTMLResponse:
    """List the enrolments in a state: whom to call again first."""
    state = State(asked.tab)
    with desk.transaction() as cur:
        on = today(desk, cur)
        rules = rules_on(desk, on)
        found = program_list.lines(
            cur,
            desk.practice_id,
            state,
            asked.program,
            offset=(asked.page - 1) * _PAGE,
            limit=_PAGE,
        )
        counts = program_list.counts(cur, desk.practice_id, asked.program)
        desk.saw(*(one.patient_id for one in found), state=state, enrolments=len(found))
        zone = ZoneInfo(desk.practice(cur).time_zone)
        return desk.page(
            cur,
            "program.html",
            tab=state,
            tabs=[
                (one, program_words.STATES[one], counts[one], _query(one, asked.program))
                for one in State
            ],
            lines=found,
            due=[
                one.next_try_at is not None and one.next_try_at.astimezone(zone).date() <= on
                for one in found
            ],
            program=asked.program,
            programs=program_words.programs(rules),
            rules=rules,
            page=asked.page,
            pages=-(-counts[state] // _PAGE),
            query=_query(state, asked.program),
            may_set_up=permissions.may(desk.who, Resource.PROGRAM_SET_UP, Action.VIEW),
        )


@router.get("/eligible")
def eligible_page(desk: AtDesk, asked: Annotated[EligibleForm, Query()]) -> HTMLResponse:
    """List whom a program may suit and who is in no enrolment of it, each with what speaks for it and against it."""
    with desk.transaction() as cur:
        on = today(desk, cur)
        rules = rules_on(desk, on)
        found = [
            one
            for one in eligibility.find(
                eligibility.patients(cur, desk.practice_id, asked.program, on),
                asked.program,
                rules,
                catalogue(),
            )
            if one.patient.state is None and one.verdict is not Verdict.TOO_FEW
        ]
        first = (asked.page - 1) * _PAGE
        shown = found[first : first + _PAGE]
        desk.saw(*(one.patient.patient_id for one in shown), program=asked.program)
        return desk.page(
            cur,
            "program_eligible.html",
            found=shown,
            total=len(found),
            suits=sum(one.verdict is Verdict.SUITS for one in found),
            program=asked.program,
            programs=program_words.programs(rules),
            page=asked.page,
            pages=-(-len(found) // _PAGE),
            source=catalogue().source,
        )


def _query(state: State, program: str | None) -> str:
    return urlencode({"tab": state} | ({"program": program} if program else {}))
