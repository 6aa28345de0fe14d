"""Gateways: expect one, hand out its claim code, look at its certificates, revoke it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import configuration_words, gateway_health_words, gateway_words
from ccm_link.console.words.gateway_words import GatewayState
from ingest import (
    assignments,
    audit,
    fleet,
    gaps,
    gateway_certificates,
    gateway_configurations,
    gateway_health,
    store,
)
from ingest.audit import Kind
from ingest.directory import Gateway, Standing
from ingest.errors import EnrolmentRefused
from ingest.gateway_health import LastWord

router = APIRouter(prefix="/gateways", include_in_schema=False)

_PAST_SHOWN: Final = timedelta(days=7)
_MOST_PAST: Final = 50


@router.get("")
def gateways_page(desk: AtDesk) -> HTMLResponse:
    """Show the state of each home's gateway in words."""
    with desk.transaction() as cur:
        return _show_all(desk, cur)


@router.post("")
def expect(desk: AtDesk, fields: Posted) -> Response:
    """Add a gateway and show the code with which a box claims its place."""
    given, complaints = forms.check(inputs.ExpectGateway, fields)
    with desk.transaction() as cur:
        if given is None:
            return _show_all(desk, cur, Refusal("gateway", fields, complaints))
        gateway_id = fleet.expect(cur, desk.practice_id, given.label, desk.now)
        after = {"status": Standing.EXPECTED, "label": trail.sha256_of(given.label)}
        desk.changed(Resource.GATEWAY, gateway_id, after=after)
        return _show_code(desk, cur, _gateway(desk, cur, gateway_id))


@router.get("/{gateway_id}")
def gateway_page(desk: AtDesk, gateway_id: str) -> HTMLResponse:
    """Show one gateway with its certificates."""
    with desk.transaction() as cur:
        return _show(desk, cur, _gateway(desk, cur, gateway_id))


@router.post("/{gateway_id}/code")
def issue_code(desk: AtDesk, gateway_id: str, _fields: Posted) -> Response:
    """Show a new claim code; earlier ones are void."""
    try:
        with desk.transaction() as cur:
            return _show_code(desk, cur, _gateway(desk, cur, gateway_id))
    except EnrolmentRefused as error:
        return _refused(desk, gateway_id, "The gateway gets no code", str(error))


@router.post("/{gateway_id}/revoke")
def revoke(desk: AtDesk, gateway_id: str, fields: Posted) -> Response:
    """Stop trusting a gateway, for good; the broker shuts it out within seconds."""
    given, complaints = forms.check(inputs.RevokeGateway, fields)
    with desk.transaction() as cur:
        gateway = _gateway(desk, cur, gateway_id)
        if given is None:
            return _show(desk, cur, gateway, Refusal("revoke", fields, complaints))
        if fleet.revoke(cur, desk.practice_id, gateway_id, desk.now):
            desk.did(
                Kind.GATEWAY_REVOKED,
                resource_id=gateway_id,
                action=audit.Action.UPDATE,
                before=gateway.status,
                reason=trail.sha256_of(given.reason),
            )
            return RedirectResponse(f"/gateways/{gateway_id}", 303)
    return _refused(desk, gateway_id, "The gateway was revoked already", "There is nothing to do.")


def _gateway(desk: Desk, cur: Cursor, gateway_id: str) -> Gateway:
    found = (one for one in store.gateways(cur, desk.practice_id) if one.gateway_id == gateway_id)
    gateway = next(found, None)
    if gateway is None:
        raise problems.Refused(problems.NOT_FOUND)
    return gateway


def _show_all(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    gateways = store.gateways(cur, desk.practice_id)
    missing: Counter[str] = Counter()
    for gap in gaps.of_practice(cur, desk.practice_id):
        missing[gap.gateway_id] += gap.missing_count
    said = gateway_health.last(cur, desk.practice_id)
    desk.saw(gateways=len(gateways))
    return desk.page(
        cur,
        "gateways.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        gateways=[
            (
                gateway,
                gateway_words.state(gateway, desk.now),
                missing[gateway.gateway_id],
                _trouble_count(desk, gateway, said.get(gateway.gateway_id)),
            )
            for gateway in gateways
        ],
        may_create=permissions.may(desk.who, Resource.GATEWAY, Action.CREATE),
        refusal=refusal,
    )


def _show(
    desk: Desk, cur: Cursor, gateway: Gateway, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    issued = gateway_certificates.certificates(cur, desk.practice_id)
    missing = gaps.of_practice(cur, desk.practice_id, gateway.gateway_id)
    word = gateway_health.last(cur, desk.practice_id, gateway.gateway_id).get(gateway.gateway_id)
    known = {one.bluetooth_address: one for one in assignments.peripherals(cur, desk.practice_id)}
    desk.saw(resource_id=gateway.gateway_id)
    return desk.page(
        cur,
        "gateway.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        gateway=gateway,
        state=gateway_words.state(gateway, desk.now),
        certificates=[one for one in issued if one.gateway_id == gateway.gateway_id],
        gaps=[(gap, gateway_words.gap(gap), gateway_words.numbers(gap)) for gap in missing],
        is_revoked=gateway.status is Standing.REVOKED,
        configured=_configured(desk, cur, gateway),
        word=word,
        health=[] if word is None else gateway_health_words.lines(word, desk.now),
        heard=[] if word is None else gateway_health_words.peripherals(word, desk.now),
        known=known,
        salvages=[
            (one, gateway_health_words.salvage(one))
            for one in gateway_health.salvages(cur, desk.practice_id, gateway.gateway_id)
        ],
        past=gateway_health.past(
            cur, desk.practice_id, gateway.gateway_id, desk.now - _PAST_SHOWN, _MOST_PAST
        ),
        may_issue=permissions.may(desk.who, Resource.GATEWAY, Action.ISSUE_CODE),
        may_revoke=permissions.may(desk.who, Resource.GATEWAY, Action.REVOKE),
        refusal=refusal,
    )


def _configured(desk: Desk, cur: Cursor, gateway: Gateway) -> GatewayState:
    which = desk.practice_id, gateway.gateway_id
    latest = gateway_configurations.latest(cur, *which)
    following = gateway_configurations.following(cur, *which)
    return configuration_words.state(latest.number if latest else 0, following)


def _trouble_count(desk: Desk, gateway: Gateway, word: LastWord | None) -> int:
    """Count what is wrong by the gateway's own word; what is not trusted or away says nothing about now."""
    if gateway.status is not Standing.ACTIVE or not gateway.is_online:
        return 0
    return gateway_health_words.trouble_count(word, desk.now)


def _show_code(desk: Desk, cur: Cursor, gateway: Gateway) -> HTMLResponse:
    code = fleet.claim_code(
        cur, desk.practice_id, gateway.gateway_id, created_by=desk.staff_id, at=desk.now
    )
    desk.did(Kind.CODE_ISSUED, resource_id=gateway.gateway_id, action=audit.Action.CREATE)
    return desk.page(cur, "gateway_code.html", gateway=gateway, code=code)


def _refused(desk: Desk, gateway_id: str, title: str, detail: str) -> Response:
    problem = problems.Problem(409, title, detail, "Look at what holds now, and decide again.")
    with desk.transaction() as cur:
        return _show(desk, cur, _gateway(desk, cur, gateway_id), Refusal("revoke", problem=problem))
