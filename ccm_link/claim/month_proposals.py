"""What patients' months come to: facts from the store, payers' tables, the billing rules. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ccm_link import store
from ccm_link.billing import patient_month, periods
from ccm_link.billing.facts import PatientMonth
from ccm_link.billing.proposal import Proposal
from ccm_link.claim import claim_drafts, month_facts
from ccm_link.claim.claim_drafts import Draft
from ccm_link.claim.site_tables import SiteTables
from ccm_link.month import Month
from ccm_link.registry import coverage


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """One patient's month.

    Attributes:
        payer: who is billed first on the month's last day; None: not known.
    """

    patient_id: UUID
    known: PatientMonth
    payer: str | None
    proposal: Proposal

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """The claims that it makes, by practitioner."""
        return claim_drafts.drafts(self.patient_id, self.proposal, self.known, self.payer)


def of_patients(
    cur: store.Cursor,
    practice_id: UUID,
    patient_ids: Sequence[UUID],
    month: Month,
    tables: SiteTables,
    at: datetime,
) -> dict[UUID, WorkedOut]:
    """Work out the months of some patients, by patient; ask about many in chunks of `month_facts.CHUNK`.

    Args:
        cur: a transaction that works for the practice.
        practice_id: whose.
        patient_ids: of whom.
        month: the practice's calendar month.
        tables: of rules.
        at: now, aware; what lies behind it does not count.

    Raises:
        errors.NoBillingTable: There is no table of the month's year.
    """
    known = month_facts.of_patients(cur, practice_id, patient_ids, month)
    payers = coverage.payers_on(cur, practice_id, list(known), periods.last_day_of(month))
    found = {}
    for patient_id, facts in known.items():
        payer = payers.get(patient_id)
        proposal = patient_month.propose(tables.of_payer(payer), facts, at)
        found[patient_id] = WorkedOut(patient_id, facts, payer, proposal)
    return found


def of_patient(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    month: Month,
    tables: SiteTables,
    at: datetime,
) -> WorkedOut | None:
    """Work out one patient's month; None where the practice has no such patient.

    Raises:
        errors.NoBillingTable: There is no table of the month's year.
    """
    found = of_patients(cur, practice_id, [patient_id], month, tables, at)
    return found.get(patient_id)
