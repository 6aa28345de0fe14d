"""This gateway's identity for people and programs: who it is, until when, and when it is renewed. Never a key."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum

from gateway import errors, identity, key_pair, renewal, rotation
from gateway.settings import GatewaySettings


class State(StrEnum):
    """How a certificate stands at a moment."""

    NOT_YET_VALID = "not_yet_valid"
    VALID = "valid"
    RENEWAL_DUE = "renewal_due"
    EXPIRED = "expired"


def state_at(generation: identity.Generation, now: datetime) -> State:
    """Return how the certificate of a generation stands."""
    certificate = generation.certificate
    if now < certificate.not_before:
        return State.NOT_YET_VALID
    if now >= certificate.not_after:
        return State.EXPIRED
    return State.RENEWAL_DUE if now >= renewal.due_at(generation) else State.VALID


def as_json(generation: identity.Generation, now: datetime) -> str:
    """Return a generation as one JSON object; times are RFC 3339 in UTC."""
    access, certificate = generation.access, generation.certificate
    members = {
        "gateway_id": access.gateway_id,
        "state": state_at(generation, now),
        "generation": generation.number,
        "valid_from": certificate.not_before.isoformat(),
        "expires_at": certificate.not_after.isoformat(),
        "renewal_due_at": renewal.due_at(generation).isoformat(timespec="seconds"),
        "serial_number": f"{certificate.serial_number:x}",
        "broker": f"{access.broker_host}:{access.broker_port}",
        "enrolment_server": generation.enrolment_server,
    }
    return json.dumps(members)


def as_text(generation: identity.Generation, now: datetime) -> str:
    """Return a generation in a few lines."""
    access, certificate = generation.access, generation.certificate
    words = {
        State.NOT_YET_VALID: "not valid yet: check this machine's clock",
        State.VALID: "valid",
        State.RENEWAL_DUE: "valid, to be renewed now; a running gateway does it by itself",
        State.EXPIRED: "expired: a running gateway still tries to renew it",
    }
    return "\n".join(
        (
            f"{access.gateway_id}: {words[state_at(generation, now)]}",
            f"certificate {generation.number}: {_life(certificate)}",
            f"renewed from {_minute(renewal.due_at(generation))} by {generation.enrolment_server}",
            f"broker {access.broker_host}:{access.broker_port}",
        )
    )


def of_settings(settings: GatewaySettings, now: datetime) -> str:
    """Say where a gateway with these settings has its identity from, and until when it is valid.

    Raises:
        ConfigurationError: the certificate that the settings name is not one of this gateway.
        IdentityError: there is none in the state folder, or it cannot be used.
    """
    by_hand = rotation.given_by_hand(settings)
    if by_hand is None:
        folder = identity.IdentityFolder(settings.state_folder)
        return f"identity: from {folder.path}, by enrolment\n{as_text(folder.newest(), now)}"
    try:
        pem = by_hand.certificate_file.read_bytes()
        certificate = key_pair.read_certificate(pem)
        key_pair.require_pair(key_pair.from_pem(by_hand.key_file.read_bytes()), pem)
    except (OSError, key_pair.UnfitError) as error:
        raise errors.ConfigurationError(f"[gateway] certificate_file, key_file: {error}") from error
    if certificate.gateway_id != by_hand.gateway_id:
        raise errors.ConfigurationError(
            f"[gateway] certificate_file is for {certificate.gateway_id}, not for {by_hand.gateway_id}"
        )
    is_over = "expired" if now >= certificate.not_after else "valid"
    return (
        "identity: given by hand; nobody but you renews it\n"
        f"{certificate.gateway_id}: {is_over}\ncertificate: {_life(certificate)}"
    )


def _life(certificate: key_pair.Certificate) -> str:
    return f"from {_minute(certificate.not_before)} to {_minute(certificate.not_after)}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
