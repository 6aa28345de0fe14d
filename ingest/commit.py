"""Messages into the store, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import psycopg

from ingest import gateway_health, intake, settlement, store, tenancy
from ingest.arrivals import Opened
from ingest.directory import Directory
from ingest.intake import Plan
from ingest.quarantine import Reason
from ingest.receipts import Fates
from ingest.rows import Candidate, ContextRow, QuarantineRow

Connection: TypeAlias = psycopg.Connection[Any]


class Committer:
    """Takes messages in over one connection.

    Args:
        connection: of the role ``homevitals_ingest``, in autocommit mode.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ensured_months: set[tuple[int, int]] = set()  # year and month, UTC
        self._has_tables = False

    def take_in(self, messages: Sequence[Opened], stored_at: datetime) -> Fates:
        """Store what messages bring and say what became of each record.

        1. Look up gateways, which say the practices that all the rest works for; then peripherals and
           assignments; register peripherals heard for the first time. In transactions of their own:
           nothing here has to be undone.
        2. Plan, and make the partitions that the plans need. Making one locks the whole series, so
           that commits before anything else is locked.
        3. Write everything in one transaction.

        Raises:
            psycopg.Error: nothing was stored, or the connection broke at the commit and all was.
        """
        return self.write(self.plan(messages, stored_at), stored_at)

    def plan(self, messages: Sequence[Opened], stored_at: datetime) -> list[Plan]:
        """Decide what should become of messages: the first half of :meth:`take_in`.

        Raises:
            psycopg.Error: nothing but the peripherals was stored.
        """
        who = self._directory(messages)
        return [intake.plan(opened, who, stored_at) for opened in messages]

    def write(self, plans: Sequence[Plan], stored_at: datetime) -> Fates:
        """Store what was decided and say what became of each record: the second half of :meth:`take_in`.

        Raises:
            psycopg.Error: nothing was stored, or the connection broke at the commit and all was.
        """
        self._ensure_series(plans)
        try:
            return self._write(plans, stored_at)
        except psycopg.errors.CheckViolation as error:
            if error.diag.constraint_name is not None:
                raise
        # No constraint of ours: a month's partition went away after it was made.
        self._ensured_months.clear()
        self._ensure_series(plans)
        return self._write(plans, stored_at)

    def refuse(self, opened: Opened, reason: Reason, detail: str, stored_at: datetime) -> Fates:
        """Send to quarantine what could not be taken in.

        Raises:
            psycopg.Error: as for :meth:`take_in`.
        """
        with self._connection.cursor() as cur:
            gateways = store.gateways_by_id(cur, [opened.gateway_id or ""])
        gateway = gateways.get(opened.gateway_id or "")
        return self._write([intake.refuse(opened, gateway, reason, detail)], stored_at)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _directory(self, messages: Sequence[Opened]) -> Directory:
        gateway_ids = {opened.gateway_id for opened in messages if opened.gateway_id}
        with self._connection.cursor() as cur:
            gateways = store.gateways_by_id(cur, gateway_ids)
        heard = intake.peripherals_heard(messages, gateways)
        wanted = {(practice_id, address) for practice_id, address, _ in heard}
        if not wanted:
            return Directory(gateways, {})
        practice_ids = {practice_id for practice_id, _ in wanted}
        with tenancy.transaction(self._connection, *practice_ids) as cur:
            peripherals = store.peripherals_by_address(cur, wanted)
            if wanted - peripherals.keys():
                store.register_peripherals(cur, heard)
                peripherals = store.peripherals_by_address(cur, wanted)
        return Directory(gateways, peripherals)

    def _ensure_series(self, plans: Sequence[Plan]) -> None:
        measured_ats = (row.reading.measured_at for row in settlement.outcomes(plans, Candidate))
        months = {(at.year, at.month) for at in measured_ats}
        for year, month in months - self._ensured_months:
            month_at = datetime(year, month, 1, tzinfo=UTC)
            with self._connection.cursor() as cur:
                store.ensure_series(cur, month_at, month_at)
            self._ensured_months.add((year, month))

    def _write(self, plans: Sequence[Plan], stored_at: datetime) -> Fates:
        """Write plans in one transaction.

        1. Claim the keys of the readings and store those that win, queueing those of patients for evaluation. What
           another transaction holds is a repetition or a conflict; two workers with the same record wait here for
           each other.
        2. Store glucose contexts and quarantine, unless they are there.
        3. Note events, messages, gateways, how they say they are, and outbox numbers.

        All transactions touch the tables, and the rows of each, in this order: no deadlock.
        """
        if not self._has_tables:
            with self._connection.cursor() as cur:
                store.make_taken_in(cur)
            self._has_tables = True
        practice_ids = {plan.gateway.practice_id for plan in plans if plan.gateway is not None}
        with tenancy.transaction(self._connection, *practice_ids) as cur:
            settled = _settle_readings(cur, plans)
            if contexts := settlement.outcomes(settled, ContextRow):
                settled = settlement.settle_contexts(settled, store.add_contexts(cur, contexts))
            refused = settlement.outcomes(settled, QuarantineRow)
            new_quarantine = store.add_quarantine(cur, refused)
            store.add_security_events(cur, settlement.security_events(settled, new_quarantine))
            store.add_messages(cur, settlement.messages_taken_in(settled, new_quarantine))
            store.see_gateways(cur, settlement.sightings(settled))
            gateway_health.note(cur, settlement.heartbeats(settled))
            store.see_outbox_positions(cur, settlement.positions(settled), stored_at)
        return settlement.fates(settled)


def _settle_readings(cur: store.Cursor, plans: Sequence[Plan]) -> Sequence[Plan]:
    candidates = settlement.outcomes(plans, Candidate)
    lost = store.claim_and_store(cur, candidates)
    if not lost:
        return plans
    keys = [
        (row.reading.practice_id, row.record_key)
        for row in candidates
        if row.reading.reading_id in lost
    ]
    return settlement.settle_readings(plans, lost, store.contents_by_record_key(cur, keys))
