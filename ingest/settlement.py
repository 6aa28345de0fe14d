"""What remains of plans once the store has said what it knows. Pure.

A decision whose outcome the store has already loses it (``None``); what is left was written in the
same transaction. From that follow the events, the message rows and what gateways are told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar
from uuid import UUID

from firmware_profiles.wire import Batch, GatewayStatus, ReceiptStatus
from ingest import intake, quarantine
from ingest.directory import Standing
from ingest.gateway_health import Heartbeat
from ingest.intake import Decision, Plan
from ingest.quarantine import IngestReason
from ingest.receipts import Fate, Fates
from ingest.rows import (
    Candidate,
    ContextRow,
    GatewaySighting,
    MessageRow,
    OutboxPositions,
    QuarantineRow,
    SecurityEvent,
)

_Row = TypeVar("_Row", Candidate, ContextRow, QuarantineRow)

_STORED: Final = Fate(ReceiptStatus.STORED)
_DUPLICATE: Final = Fate(ReceiptStatus.DUPLICATE)

ADVISORY_DIFFERS: Final = "advisory_differs"


def outcomes(plans: Iterable[Plan], row_class: type[_Row]) -> list[_Row]:
    """Return the rows of one kind in all plans, in order."""
    return [
        decision.outcome
        for plan in plans
        for decision in plan.decisions
        if isinstance(decision.outcome, row_class)
    ]


def settle_readings(
    plans: Sequence[Plan],
    lost: Collection[UUID],
    contents: Mapping[tuple[UUID, bytes], bytes],
) -> Sequence[Plan]:
    """Take out the readings whose keys others hold: repetitions, or conflicts to quarantine.

    Args:
        plans: all of one transaction.
        lost: reading ids that did not get their key.
        contents: (practice, record key) → content hash of the holder, for these.
    """
    if not lost:
        return plans

    def settled(plan: Plan, decision: Decision) -> Decision:
        candidate = decision.outcome
        if not isinstance(candidate, Candidate) or candidate.reading.reading_id not in lost:
            return decision
        if (
            contents[candidate.reading.practice_id, candidate.record_key]
            == candidate.content_sha256
        ):
            return replace(decision, outcome=None)
        return intake.refuse_record(
            plan.opened,
            plan.gateway,
            decision.record,
            IngestReason.RECORD_CONFLICT,
            "the same record came before with other bytes; the first one stands",
        )

    return _each_decision(plans, settled)


def settle_contexts(plans: Iterable[Plan], new: Collection[tuple[UUID, int]]) -> list[Plan]:
    """Take out the glucose contexts that were there; ``new`` has (message, outbox position)."""

    def settled(_plan: Plan, decision: Decision) -> Decision:
        row = decision.outcome
        if isinstance(row, ContextRow) and (row.message_id, row.outbox_seq) not in new:
            return replace(decision, outcome=None)
        return decision

    return _each_decision(plans, settled)


def security_events(plans: Iterable[Plan], new_quarantine: Collection[UUID]) -> list[SecurityEvent]:
    """Return what an operator should look into, once for each record."""
    return [
        SecurityEvent(
            practice_id=None if plan.gateway is None else plan.gateway.practice_id,
            at=plan.opened.arrival.received_at,
            event=event,
            gateway_id=plan.opened.gateway_id,
            detail=detail,
        )
        for plan in plans
        for decision in plan.decisions
        for event, detail in _events(decision, new_quarantine)
    ]


def messages_taken_in(plans: Iterable[Plan], new_quarantine: Collection[UUID]) -> list[MessageRow]:
    """Return the messages that something in the store points at."""
    return [
        intake.message_row(plan)
        for plan in plans
        if any(_is_new(decision, new_quarantine) for decision in plan.decisions)
    ]


def sightings(plans: Iterable[Plan]) -> list[GatewaySighting]:
    """Return what all messages together say about each gateway."""
    merged: dict[str, GatewaySighting] = {}
    for plan in plans:
        latest = intake.sighting(plan)
        if latest is None:
            continue
        if before := merged.get(latest.gateway_id):
            latest = GatewaySighting(
                latest.gateway_id,
                latest.seen_at or before.seen_at,
                before.is_online if latest.is_online is None else latest.is_online,
            )
        merged[latest.gateway_id] = latest
    return list(merged.values())


def heartbeats(plans: Iterable[Plan]) -> list[Heartbeat]:
    """Return what each gateway said last of itself; what the broker has kept of it may be old."""
    said: dict[str, Heartbeat] = {}
    for plan in plans:
        arrival, content = plan.opened.arrival, plan.opened.content
        if (
            plan.gateway is not None
            and plan.gateway.status is Standing.ACTIVE
            and isinstance(content, GatewayStatus)
            and content.health is not None
            and not arrival.is_retained
        ):
            said[plan.gateway.gateway_id] = Heartbeat(
                practice_id=plan.gateway.practice_id,
                gateway_id=plan.gateway.gateway_id,
                received_at=arrival.received_at,
                said_at=content.at,
                boot_id=content.boot_id,
                waiting_records=content.waiting_records,
                health=content.health,
            )
    return list(said.values())


def positions(plans: Iterable[Plan]) -> list[OutboxPositions]:
    """Return which numbers of the outboxes of known gateways have arrived, whatever became of their records."""
    arrived: dict[tuple[UUID, str, str], list[int]] = {}
    for plan in plans:
        content = plan.opened.content
        if plan.gateway is None or not isinstance(content, Batch):
            continue
        outbox = (plan.gateway.practice_id, content.gateway_id, content.epoch)
        seqs = [record.seq for record in content.records if record.seq is not None]
        if seqs:
            arrived.setdefault(outbox, []).extend(seqs)
    return [
        OutboxPositions(*outbox, tuple(_runs(sorted(seqs)))) for outbox, seqs in arrived.items()
    ]


def _runs(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = last = seqs[0]
    for seq in seqs[1:]:
        if seq > last + 1:
            yield first, last
            first = seq
        last = seq
    yield first, last


def fates(plans: Iterable[Plan]) -> Fates:
    """Return what became of each record that has a place in an outbox."""
    return {
        (content.gateway_id, content.epoch, decision.record.seq): _fate(decision)
        for plan in plans
        if isinstance(content := plan.opened.content, Batch)
        for decision in plan.decisions
        if decision.record is not None and decision.record.seq is not None
    }


def _fate(decision: Decision) -> Fate:
    match decision.outcome:
        case QuarantineRow() as row:
            return Fate(ReceiptStatus.QUARANTINED, row.reason)
        case None:
            return _DUPLICATE
        case Candidate() | ContextRow():
            return _STORED


def _events(decision: Decision, new_quarantine: Collection[UUID]) -> Iterator[tuple[str, str]]:
    row = decision.outcome
    if isinstance(row, QuarantineRow):
        if row.quarantine_id in new_quarantine and quarantine.explain(row.reason).is_security_event:
            yield row.reason, row.detail
    elif row is not None and decision.differing:
        yield ADVISORY_DIFFERS, f"the gateway reads these fields otherwise: {decision.differing}"


def _is_new(decision: Decision, new_quarantine: Collection[UUID]) -> bool:
    row = decision.outcome
    if isinstance(row, QuarantineRow):
        return row.quarantine_id in new_quarantine
    return row is not None


def _each_decision(
    plans: Iterable[Plan], settled: Callable[[Plan, Decision], Decision]
) -> list[Plan]:
    return [
        replace(plan, decisions=tuple(settled(plan, decision) for decision in plan.decisions))
        for plan in plans
    ]
