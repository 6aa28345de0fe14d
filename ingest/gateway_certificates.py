"""How a gateway comes by its certificates: claimed once with a code, then renewed with a new key each time.

Every certificate is remembered, and its key is refused a second time. Claim and renewal check and act in the one
transaction that also writes their audit event, so a revocation comes before them or after them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import (
    audit,
    errors,
    fleet,
    gateway_proof,
    named_queries,
    signing_request,
    statements,
    tenancy,
)
from ingest.audit import Kind, Outcome
from ingest.directory import Standing
from ingest.errors import EnrolmentReason
from ingest.one_time_code import Redeemed
from ingest.signing import Issued, Signer
from ingest.signing_request import SigningRequest
from ingest.tenancy import Scope

log = logging.getLogger(__name__)

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "gateway_certificates")


class IssuedFor(StrEnum):
    """What a certificate was issued for."""

    CLAIM = "claim"
    RENEWAL = "renewal"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a gateway gets for a claim or a renewal.

    Attributes:
        gateway_id: Its name from now on, also at the broker.
        certificate: PEM.
        not_after: Until when it lives, aware UTC.
        renew_after: From when it should be renewed, aware UTC: after two thirds of its life.
        configuration_keys: Public keys (PEM) that its configurations are checked with.
    """

    gateway_id: str
    certificate: str
    not_after: datetime
    renew_after: datetime
    configuration_keys: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a gateway renews with: certificate and new request in PEM, signature by the current key."""

    certificate: str
    csr: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was issued; all instants are aware UTC."""

    gateway_id: str
    serial: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    issued_for: str  # one of IssuedFor


@dataclass(frozen=True, slots=True)
class Door:
    """Where a claim or a renewal comes in.

    Attributes:
        signer: Who signs.
        at: Now, aware UTC.
        network: Address that it came from, for the audit trail.
    """

    signer: Signer
    at: datetime
    network: str = ""


def enrol(cur: Cursor, redeemed: Redeemed, csr_pem: str, door: Door) -> Enrolled:
    """Make a gateway active that claimed its place with a code, and have its first certificate signed.

    Args:
        cur: Cursor of the role entrance, in the transaction that redeemed the code. Whatever is raised has to roll it
            back: then the code was not used up.
        redeemed: What the code was for.
        csr_pem: The request.
        door: Where it comes in.

    Raises:
        EnrolmentRefused: ``bad_request``, ``key_used`` or ``revoked``.
        SignerAway: try again later with the same code.
    """
    practice_id, gateway_id = redeemed.practice_id, str(redeemed.subject)
    request = signing_request.read(csr_pem)
    _refuse_used_key(cur, request)
    tenancy.enter(cur, Scope((practice_id,)))
    which = {"practice_id": practice_id, "gateway_id": gateway_id, "at": door.at}
    if cur.execute(_Q.activate, which).fetchone() is None:
        raise _revoked(gateway_id)
    issued = door.signer.issue(gateway_id, csr_pem)
    _remember(cur, practice_id, gateway_id, request, issued, IssuedFor.CLAIM, door.at)
    detail = {"serial": issued.serial, "code_id": str(redeemed.code_id)}
    _record(cur, Kind.GATEWAY_ENROLLED, practice_id, gateway_id, door, detail)
    return _enrolled(gateway_id, issued, door.signer)


def renew(cur: Cursor, renewal: Renewal, door: Door) -> Enrolled:
    """Have the next certificate of an active gateway signed, for a new key.

    Args:
        cur: Cursor of the role entrance; the caller rolls back whatever is raised.
        renewal: What the gateway sent.
        door: Where it comes in.

    Raises:
        EnrolmentRefused: ``bad_request``, ``not_trusted``, ``revoked`` or ``key_used``.
        SignerAway: try again later.
    """
    request = signing_request.read(renewal.csr)
    proven = gateway_proof.check(
        renewal.certificate, request.der, renewal.signature, door.signer.authority(), door.at
    )
    practice_id, is_superseded = _active_holder(cur, proven)
    _refuse_used_key(cur, request)
    tenancy.enter(cur, Scope((practice_id,)))
    issued = door.signer.issue(proven.gateway_id, renewal.csr)
    _remember(cur, practice_id, proven.gateway_id, request, issued, IssuedFor.RENEWAL, door.at)
    if proven.is_expired or is_superseded:
        # Seldom, and worth a look: a long absence, an answer that was lost, or a copied key.
        reason = "expired" if proven.is_expired else "superseded"
        log.warning(
            "renewed_by_old_certificate",
            extra={"gateway_id": proven.gateway_id, "reason": reason},
        )
    detail = {
        "serial": issued.serial,
        "former_serial": proven.serial,
        "former_was_expired": proven.is_expired,
        "former_was_superseded": is_superseded,
    }
    _record(cur, Kind.GATEWAY_RENEWED, practice_id, proven.gateway_id, door, detail)
    return _enrolled(proven.gateway_id, issued, door.signer)


def record_refusal(cur: Cursor, kind: Kind, reason: str, door: Door, gateway_id: str = "") -> None:
    """Write down a claim or renewal that was refused, in the trail of what belongs to no practice; role entrance.

    Args:
        cur: Cursor of a transaction that is committed.
        kind: GATEWAY_ENROLLED or GATEWAY_RENEWED.
        reason: Why; a word of ours.
        door: Where it came in.
        gateway_id: Who asked, where a code or a certificate proves it.
    """
    tenancy.enter(cur, Scope((tenancy.NOBODYS,)))
    _record(cur, kind, tenancy.NOBODYS, gateway_id, door, {"reason": reason}, Outcome.REFUSED)


def certificates(cur: Cursor, practice_id: UUID) -> list[Certificate]:
    """Return the practice's certificates, by gateway, latest first."""
    return statements.rows(cur, Certificate, _Q.certificates, {"practice_id": practice_id})


def _active_holder(cur: Cursor, proven: gateway_proof.Proven) -> tuple[UUID, bool]:
    """Return the practice of a proven gateway, and whether a later certificate was issued to it."""
    row = cur.execute(
        _Q.holder,
        {
            "gateway_id": proven.gateway_id,
            "serial": proven.serial,
            "public_key_sha256": proven.public_key_sha256,
        },
    ).fetchone()
    if row is None:
        raise errors.EnrolmentRefused(
            "no practice has this certificate; claim the gateway again with a new code",
            EnrolmentReason.NOT_TRUSTED,
            proven.gateway_id,
        )
    practice_id, status, is_superseded = row
    if Standing(status) is not Standing.ACTIVE:
        raise _revoked(proven.gateway_id)
    return practice_id, is_superseded


def _refuse_used_key(cur: Cursor, request: SigningRequest) -> None:
    used = cur.execute(_Q.key_was_used, {"public_key_sha256": request.public_key_sha256}).fetchone()
    if used is not None:
        raise _key_used()


def _remember(
    cur: Cursor,
    practice_id: UUID,
    gateway_id: str,
    request: SigningRequest,
    issued: Issued,
    issued_for: IssuedFor,
    at: datetime,
) -> None:
    if issued.public_key_sha256 != request.public_key_sha256.hex():
        raise errors.SignerAway  # an answer to another question
    remembered = cur.execute(
        _Q.remember_certificate,
        {
            "practice_id": practice_id,
            "gateway_id": gateway_id,
            "serial": issued.serial,
            "public_key_sha256": request.public_key_sha256,
            "not_before": issued.not_before,
            "not_after": issued.not_after,
            "at": at,
            "issued_for": issued_for,
        },
    ).fetchone()
    if remembered is None:
        raise _key_used()


def _enrolled(gateway_id: str, issued: Issued, signer: Signer) -> Enrolled:
    life = issued.not_after - issued.not_before
    return Enrolled(
        gateway_id,
        issued.certificate,
        issued.not_after,
        renew_after=issued.not_before + life * 2 / 3,
        configuration_keys=signer.configuration_keys().decode("ascii"),
    )


def _record(
    cur: Cursor,
    kind: Kind,
    practice_id: UUID,
    gateway_id: str,
    door: Door,
    detail: dict[str, Any],
    outcome: Outcome = Outcome.SUCCESS,
) -> None:
    agent_kind = audit.AgentKind.GATEWAY if gateway_id else audit.AgentKind.NOBODY
    event = audit.Event(
        practice_id=practice_id,
        at=door.at,
        kind=kind,
        action=audit.Action.CREATE,
        agent=audit.Agent(agent_kind, gateway_id, network=door.network),
        outcome=outcome,
        purpose=audit.Purpose.SYSTEM_ADMINISTRATION,
        resource=fleet.RESOURCE,
        resource_id=gateway_id,
        detail=detail,
    )
    audit.record(cur, [event])


def _key_used() -> errors.EnrolmentRefused:
    return errors.EnrolmentRefused(
        "this key was used before; make a new one for each request", EnrolmentReason.KEY_USED
    )


def _revoked(gateway_id: str) -> errors.EnrolmentRefused:
    return errors.EnrolmentRefused(
        "the gateway is not trusted any more; ask the practice", EnrolmentReason.REVOKED, gateway_id
    )
