"""What the catalogue says about tables, views and keys, and at least one row of two practices in every table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

SCHEMAS = ["ingest", "alerts", "ccm"]
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)

_RELATIONS = """
select n.nspname || '.' || c.relname, c.relkind::text, c.relrowsecurity, c.relforcerowsecurity,
       coalesce(c.reloptions, '{}') as options,
       exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'practice_id'),
       exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'patient_id')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%s) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
order by 1
"""
_COLUMNS = """
select a.attname, format_type(a.atttypid, null), a.attnotnull and not a.atthasdef and a.attidentity = ''
from pg_attribute a where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
_MADE: dict[str, Any] = {
    "uuid": None,  # drawn for each
    "text": "x",
    "bytea": b"x",
    "timestamp with time zone": AT,
    "integer": 1,
    "smallint": 1,
    "bigint": 1,
    "boolean": True,
    "jsonb": Jsonb({}),
    "int8multirange": "{[1,2)}",
    "date": AT.date(),
    "time without time zone": AT.time(),
    "text[]": [],
    "smallint[]": [1],
    "uuid[]": [],
}
# Where a check wants one of its own words. Keyed by column, or by table and column.
_WORDS: dict[str, Any] = {
    "time_zone": "UTC",
    "gateway_id": "gw-made0000",
    "bluetooth_address": "AA:BB:CC:00:00:01",
    "ingest.home_person.role": "carer",
    "ingest.one_time_code.purpose": "home_sign_in",
    "ingest.one_time_code.person_id": uuid4(),
    "ingest.one_time_code.expires_at": AT.replace(hour=13),
    "ingest.session.staff_id": uuid4(),
    "ingest.identity_provider.issuer": "https://login.example.org",
    "ingest.certificate.not_after": AT.replace(year=2027),
    "ingest.certificate.issued_for": "claim",
    "ingest.gateway_configuration.key_id": "ab" * 32,
    "ingest.gateway_configuration.signature": bytes(64),
    "ingest.break_glass.reason": "emergency",
    "ingest.break_glass.expires_at": AT.replace(hour=13),
    "ingest.correction.cause": "assignment",
    "ingest.reading_version.version": 2,
    "ingest.import_run.format": "generic",
    "ingest.audit_event.action": "R",
    "ingest.audit_event.outcome": "success",
    "ingest.audit_event.agent_kind": "service",
    "ccm.enrolment.program": "ccm",
    "ccm.enrolment_event.event": "identified",
    "ccm.consent_script.program": "ccm",
    "ccm.consent_script.elements": Jsonb({}),
    "ccm.consent.method": "not_recorded",
    "ccm.consent.given_by": "not_recorded",
    "ccm.outreach.method": "phone",
    "ccm.outreach.outcome": "voicemail",
    "ccm.attestation.requirement": "risk",
    "ccm.practitioner_visit.kind": "evaluation",
    "ccm.billed_beside.what": "apcm",
    "ccm.billed_beside.by_whom": "others",
    "ccm.team_member.role": "specialist",
    "ccm.team_member.name": "x",
    "ingest.patient_standing.standing": "inactive",
    "ccm.condition.code": "I10",
    "ccm.patient_identifier.kind": "MR",
    "ccm.coverage.kind": "self_pay",
    "ccm.telecom.kind": "email",
    "ccm.telecom.used_for": "home",
    "ccm.telecom.may_text": False,
    "ccm.telecom.may_voicemail": False,
    "ccm.postal_address.country": "US",
    "ccm.related_person.relationship": "SPS",
    "ccm.care_plan_share.method": "printed",
    "ccm.care_plan_share.recipient": "patient",
    "ccm.stay.kind": "inpatient",
    "ccm.education.topic": "medication",
    "ccm.education.method": "phone",
    "ccm.education.learner": "patient",
    "ccm.device_set_up.learner": "patient",
    "alerts.silence_window.cause": "travel",
    "alerts.silence_window.until_at": AT.replace(hour=13),
    "alerts.clock_breach.severity": "technical",
    "alerts.clock_breach.silence": "quiet_hours",
    "alerts.ladder.severity": "urgent",
    "alerts.ladder.rungs": Jsonb([]),
    "alerts.shift.duty": "cover",
    "alerts.shift.ends_at": AT.replace(hour=13),
    "alerts.weekly_shift.duty": "cover",
    "alerts.contact.channel": "email",
    "alerts.rung_call.whom": "owner",
    "alerts.rung_call.reason": "time",
    "alerts.notification.channel": "console",
    "ccm.receiver.kind": "ehr",
    "ccm.outgoing.kind": "task",
    "ccm.ehr_patient.state": "unknown",
    "ccm.task_schedule.program": "ccm",
    "ccm.task_schedule.severity": "outreach",
    "ccm.task_schedule.unit": "month",
    "ccm.staff_cover.ends_at": AT.replace(hour=13),
    "ccm.timer.activity": "phone_call",
    "ccm.discarded_timer.activity": "phone_call",
    "ccm.claim_line.code": "99490",
    "ccm.claim_share.until_at": AT.replace(minute=5),
    "ccm.claim_day.reading_ids": [uuid4()],
    "ccm.claim_export.format": "csv",
    "ccm.claim_event.state": "attested",
    "ccm.staff_credential.credential": "rn",
    "ccm.staff_credential.billing_role": "clinical_staff",
    "ccm.staff_credential.employer": "own",
    "ccm.staff_credential.may_bill": False,
    "ccm.month_lock.from_at": AT.replace(hour=11),
    "ccm.month_lock.chain_sha256": "ab" * 32,
    "ccm.timer_segment.ended_at": AT.replace(minute=5),
    "ccm.dropped_time.until_at": AT.replace(minute=5),
    "ccm.time_amendment.method": "phone",
    "ccm.time_amendment.counterpart": "patient",
    "ccm.time_amendment.outcome": "reached",
    "ccm.time_amendment.billing_role": "clinical_staff",
    "ccm.time_amendment.started_at": AT.replace(hour=11),
    "ccm.time_amendment.program": "ccm",
    "ccm.time_approval.entry_id": uuid4(),
    "ccm.time_decision.until_at": AT.replace(minute=5),
    "ccm.time_link.kind": "entry",
    "ccm.time_entry.activity": "phone_call",
    "ccm.time_entry.entered": "timer",
    "ccm.time_entry.ended_at": AT.replace(minute=5),
}

# What is seen only by whoever sees the row that it is about: that row's id, of the same practice.
_ABOUT = {
    "alerts.notification_attempt.notification_id": (
        "select notification_id from alerts.notification where practice_id = %s"
    ),
    "alerts.rung_call.episode_id": "select episode_id from alerts.episode where practice_id = %s",
}


@dataclass(frozen=True)
class Relation:
    """One table or view."""

    name: str
    kind: str
    is_walled: bool
    is_forced: bool
    options: list[str]
    has_practice: bool
    has_patient: bool

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(*self.name.split("."))


def relations(connection: psycopg.Connection[Any]) -> list[Relation]:
    """Return all tables and views of our schemas; partitions count as their parent."""
    return [Relation(*row) for row in connection.execute(_RELATIONS, (SCHEMAS,)).fetchall()]


def fill(connection: psycopg.Connection[Any], practice_ids: list[UUID]) -> None:
    """Give every table a row of each practice, as the superuser and past all foreign keys and triggers.

    A table whose checks refuse the made-up row has to get its words above.
    """
    connection.execute("set session_replication_role = replica")
    for relation in relations(connection):
        if relation.kind in "rp" and relation.has_practice:
            for practice_id in practice_ids:
                if not _count(connection, relation, practice_id):
                    _add(connection, relation, practice_id)
    connection.execute("set session_replication_role = origin")
    connection.commit()


def _count(connection: psycopg.Connection[Any], relation: Relation, practice_id: UUID) -> int:
    found = connection.execute(
        sql.SQL("select count(*) from {} where practice_id = %s").format(relation.identifier),
        (practice_id,),
    ).fetchone()
    assert found is not None
    return int(found[0])


def _add(connection: psycopg.Connection[Any], relation: Relation, practice_id: UUID) -> None:
    row: dict[str, Any] = {}
    for column, kind, is_needed in connection.execute(_COLUMNS, (relation.name,)).fetchall():
        words = _WORDS.get(f"{relation.name}.{column}", _WORDS.get(column))
        if column == "practice_id":
            row[column] = practice_id
        elif about := _ABOUT.get(f"{relation.name}.{column}"):
            (row[column],) = connection.execute(about, (practice_id,)).fetchone() or (None,)
        elif words is not None and (is_needed or f"{relation.name}.{column}" in _WORDS):
            row[column] = words
        elif is_needed:
            row[column] = uuid4() if kind == "uuid" else _MADE[kind]
    if relation.name == "ingest.gateway":
        row["gateway_id"] = f"gw-{practice_id.hex[:8]}"
    for drawn in ("token_sha256", "locator", "secret_argon2"):  # the same bytes only once
        if drawn in row:
            row[drawn] = practice_id.bytes if drawn == "token_sha256" else practice_id.hex
    connection.execute(
        sql.SQL("insert into {} ({}) overriding system value values ({})").format(
            relation.identifier,
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        ),
        list(row.values()),
    )
