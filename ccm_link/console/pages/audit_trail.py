"""The audit trail for the auditor: who looked at whom, who changed what; and as FHIR for other systems."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from ccm_link.console import problems, rate_limits, surroundings
from ccm_link.console.desk import AtDesk
from ccm_link.console.posted import inputs
from ccm_link.console.rate_limits import Deed
from ingest import audit, audit_fhir, audit_query, people
from ingest.audit import Kind
from ingest.audit_query import Key, Row, Wanted

router = APIRouter(prefix="/audit", include_in_schema=False)

_PAGE: Final = 100
# A month of a busy practice; more is for the command “homevitals audit export”, which streams.
_MOST_EXPORTED: Final = 20_000
_TOO_MANY: Final = problems.Problem(
    413,
    "Too many events for one file",
    f"At most {_MOST_EXPORTED:,} events come in one file.",
    "Ask for a shorter time, or let the operator run “homevitals audit export”.",
)


@router.get("")
def audit_page(desk: AtDesk, asked: Annotated[inputs.AuditQuery, Query()]) -> HTMLResponse:
    """Show events, newest first, a page at a time."""
    until_at = desk.now + timedelta(seconds=1)
    wanted = Wanted(
        until_at - timedelta(days=int(asked.days)),
        until_at,
        patient_id=asked.patient,
        staff_id=asked.staff,
        kinds=() if asked.kind is None else (asked.kind,),
    )
    with desk.transaction() as cur:
        rows, more = audit_query.page(
            cur, desk.practice_id, wanted, behind=_key(asked), limit=_PAGE
        )
        shown = {patient_id for row in rows for patient_id in row.event.patient_ids}
        desk.saw(*shown, events=len(rows))
        return desk.page(
            cur,
            "audit.html",
            rows=[(row, _detail(row)) for row in rows],
            asked=asked,
            kinds=[(kind.value, kind.replace("_", " ")) for kind in Kind],
            staff=people.staff(cur, desk.practice_id),
            later=more and asked.following(more.at, more.event_id),
        )


@router.get("/export")
def export(desk: AtDesk, asked: Annotated[inputs.AuditExport, Query()]) -> Response:
    """Hand out events as FHIR R4 AuditEvents, one JSON object a line, oldest first."""
    rate_limits.of_person(desk.request, desk.who, Deed.EXPORT)
    wanted = Wanted(asked.from_at, asked.until_at)
    site = surroundings.of(desk.request).host_names[0]
    with desk.transaction() as cur:
        lines: list[str] = []
        for count, event in enumerate(
            audit_query.in_order(cur.connection, desk.practice_id, wanted), start=1
        ):
            if count > _MOST_EXPORTED:
                raise problems.Refused(_TOO_MANY)
            lines += [
                json.dumps(resource, ensure_ascii=False, separators=(",", ":")) + "\n"
                for resource in audit_fhir.resources(event, site)
            ]
        desk.did(
            Kind.EXPORT,
            action=audit.Action.READ,
            resources=len(lines),
            from_at=asked.from_at,
            until_at=asked.until_at,
        )
    return Response(
        "".join(lines),
        media_type="application/fhir+ndjson",
        headers={"Content-Disposition": 'attachment; filename="audit-events.ndjson"'},
    )


def _key(asked: inputs.AuditQuery) -> Key | None:
    if asked.before is None or asked.event is None:
        return None
    return Key(asked.before, asked.event)


def _detail(row: Row) -> str:
    detail = dict(row.event.detail)
    return json.dumps(detail, ensure_ascii=False, sort_keys=True) if detail else ""
