"""Where gateways claim their place with a code and renew their certificates. For programs; no cookie is read here.

A claim that fails gets one answer, whatever was wrong with the code; a renewal that proves nothing likewise. Nothing
that was sent is repeated.
"""

from __future__ import annotations

import base64
import binascii
import logging
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from ccm_link.console import problems, rate_limits, surroundings
from ccm_link.console.json_api import api_models
from ccm_link.console.problems import Problem, Refused
from ccm_link.settings import CcmLinkSettings
from ingest import errors, gateway_certificates, gateway_proof, one_time_code, signing_request
from ingest.audit import Kind
from ingest.errors import EnrolmentReason
from ingest.gateway_certificates import Door, Enrolled, Renewal
from ingest.one_time_code import Purpose
from ingest.signing import Signer

log = logging.getLogger(__name__)

WRONG_CODE: Final = Problem(
    403,
    "This code does not count",
    "The code is wrong, was used before, has run out or is no longer valid.",
    "Check it; after five wrong tries it is void. The practice can issue a new one.",
    "wrong_code",
)
NOT_TRUSTED: Final = Problem(
    403,
    "This certificate is not renewed",
    "Certificate and signature do not prove a gateway that the practice trusts.",
    "Ask the practice; it can issue a new claim code for a gateway that it trusts.",
    "not_trusted",
)
BAD_REQUEST: Final = Problem(
    422,
    "This signing request is not taken",
    "It has to be one PKCS #10 request in PEM, signed with SHA-2 by its own key on the curve P-256 or P-384.",
    "Make a new key and a new request. A claim code is not used up by this.",
    "bad_request",
)
KEY_USED: Final = Problem(
    409,
    "This key was used before",
    "Every certificate is for a key of its own.",
    "Make a new key and a new request. A claim code is not used up by this.",
    "key_used",
)
UNAVAILABLE: Final = Problem(
    503,
    "Nothing can be signed now",
    "The signer or its settings are not in place. Nothing was changed; a claim code is not used up by this.",
    "Try again in some minutes; if it goes on, tell the operator.",
    "signer_away",
)

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": api_models.ProblemDocument} for status in (403, 409, 422, 429, 503)
}
router = APIRouter(
    prefix="/enrol/v1", responses=_REFUSALS, dependencies=[Depends(rate_limits.enrolment)]
)

Pem = Annotated[str, StringConstraints(min_length=1, max_length=signing_request.MOST_CHARACTERS)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Claim(_Given):
    """The code as it was typed, and the request for the key that the gateway made."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    csr: Pem


class RenewalGiven(_Given):
    """The current certificate, the request for a new key, and the signature over it by the current one (base64)."""

    certificate: Annotated[
        str, StringConstraints(min_length=1, max_length=gateway_proof.MOST_CHARACTERS)
    ]
    csr: Pem
    signature: Annotated[str, StringConstraints(min_length=1, max_length=400)]


class Broker(BaseModel):
    """Where the gateway delivers."""

    host: str
    port: int


class EnrolledGateway(BaseModel):
    """What a gateway needs to deliver, and to believe what comes back.

    ``authority`` is what the broker's own certificate is checked against, ``configuration_keys`` what signs the
    gateway's configurations.
    """

    gateway_id: str
    certificate: str
    authority: str
    configuration_keys: str
    broker: Broker
    renew_after: datetime
    server_time: datetime


@router.post("/claim", status_code=201)
def claim(request: Request, given: Claim) -> EnrolledGateway:
    """Use a claim code up and return the gateway's id and first certificate."""
    here = surroundings.of(request)
    authority = _authority(here.settings)
    door = _door(request)
    enrolled: Enrolled | None = None
    try:
        with here.entrance.connection() as connection, connection.cursor() as cur:
            redeemed = one_time_code.redeem(cur, Purpose.CLAIM_GATEWAY, given.code, door.at)
            if redeemed is None:  # committed, so that the wrong try counts
                reason = WRONG_CODE.reason
                gateway_certificates.record_refusal(cur, Kind.GATEWAY_ENROLLED, reason, door)
            else:
                enrolled = gateway_certificates.enrol(cur, redeemed, given.csr, door)
    except errors.EnrolmentRefused as error:
        _note_refusal(request, Kind.GATEWAY_ENROLLED, error, door)
        raise Refused(_of_claim(error)) from None
    except errors.SignerAway:
        log.exception("signer_away")
        raise Refused(UNAVAILABLE) from None
    if enrolled is None:
        log.info("claim_refused")
        raise Refused(WRONG_CODE)
    log.info("gateway_enrolled", extra={"gateway_id": enrolled.gateway_id})
    return _answer(enrolled, authority, here.settings, door.at)


@router.post("/renewal", status_code=201)
def renew(request: Request, given: RenewalGiven) -> EnrolledGateway:
    """Return the next certificate of an active gateway."""
    here = surroundings.of(request)
    authority = _authority(here.settings)
    door = _door(request)
    renewal = Renewal(given.certificate, given.csr, _signature(given.signature))
    try:
        with here.entrance.connection() as connection, connection.cursor() as cur:
            enrolled = gateway_certificates.renew(cur, renewal, door)
    except errors.EnrolmentRefused as error:
        _note_refusal(request, Kind.GATEWAY_RENEWED, error, door)
        raise Refused(_of_renewal(error)) from None
    except errors.SignerAway:
        log.exception("signer_away")
        raise Refused(UNAVAILABLE) from None
    log.info("gateway_renewed", extra={"gateway_id": enrolled.gateway_id})
    return _answer(enrolled, authority, here.settings, door.at)


def _door(request: Request) -> Door:
    here = surroundings.of(request)
    return Door(Signer(here.settings.signer_socket), here.clock(), surroundings.network_of(request))


def _authority(settings: CcmLinkSettings) -> str:
    """Return the authority of the broker's certificate, before a code is used up for an answer without it."""
    if not settings.gateway_broker_host:
        log.error("enrolment_not_set_up", extra={"reason": "gateway_broker_host"})
        raise Refused(UNAVAILABLE)
    try:
        return settings.service_authority_file.read_text(encoding="ascii")
    except (OSError, ValueError):
        log.exception("enrolment_not_set_up", extra={"reason": "service_authority_file"})
        raise Refused(UNAVAILABLE) from None


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        wrong = {"signature": "This is not base64."}
        raise Refused(problems.invalid(wrong)) from None


def _note_refusal(request: Request, kind: Kind, error: errors.EnrolmentRefused, door: Door) -> None:
    log.info("certificate_refused", extra={"reason": error.reason, "gateway_id": error.gateway_id})
    if error.reason is EnrolmentReason.BAD_REQUEST:
        return  # says nothing about who asks
    with (
        surroundings.of(request).entrance.connection() as connection,
        connection.cursor() as cur,
    ):
        gateway_certificates.record_refusal(cur, kind, error.reason, door, error.gateway_id)


def _of_claim(error: errors.EnrolmentRefused) -> Problem:
    if error.reason is EnrolmentReason.BAD_REQUEST:
        return BAD_REQUEST
    if error.reason is EnrolmentReason.KEY_USED:
        return replace(KEY_USED, status=422)  # for a claim: it is the request that has to change
    return WRONG_CODE


def _of_renewal(error: errors.EnrolmentRefused) -> Problem:
    if error.reason is EnrolmentReason.BAD_REQUEST:
        return BAD_REQUEST
    return KEY_USED if error.reason is EnrolmentReason.KEY_USED else NOT_TRUSTED


def _answer(
    enrolled: Enrolled, authority: str, settings: CcmLinkSettings, now: datetime
) -> EnrolledGateway:
    return EnrolledGateway(
        gateway_id=enrolled.gateway_id,
        certificate=enrolled.certificate,
        authority=authority,
        configuration_keys=enrolled.configuration_keys,
        broker=Broker(host=settings.gateway_broker_host, port=settings.gateway_broker_port),
        renew_after=enrolled.renew_after.replace(microsecond=0),
        server_time=now,
    )
