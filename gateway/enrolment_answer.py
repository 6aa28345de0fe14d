"""The enrolment server's answer to a claim or a renewal, believed only after it has been checked.

All times are held against the server's own: this machine's clock may be wrong, and an answer that cost a code must
not be thrown away for that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from firmware_profiles import errors as leaf_errors
from firmware_profiles import strict_json, topics, wire_fields
from gateway import configuration_keys, enrolment_server, errors, identity, key_pair
from gateway.errors import EnrolmentReason

_PEM: Final = re.compile(r"[\n\r -~]{1,32768}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server gave.

    Attributes:
        gateway_id: who we are.
        certificate_pem: for our key, and in its life as the server has the time.
        authority_pem: what the broker's certificate is checked against.
        broker_host: name or address of the broker.
        broker_port: its TLS port.
        renew_after: when to ask for the next certificate, UTC.
        server_time: the server's clock when it answered, UTC.
        configuration_keys_pem: what signs our configurations; empty where the server signs none.
    """

    gateway_id: str
    certificate_pem: bytes
    authority_pem: bytes
    broker_host: str
    broker_port: int
    renew_after: datetime
    server_time: datetime
    configuration_keys_pem: bytes

    def content(self, server: str, server_authority_pem: bytes | None) -> identity.Content:
        """Return what is kept of the answer, with where it came from and what that server is checked against."""
        return identity.Content(
            gateway_id=self.gateway_id,
            certificate_pem=self.certificate_pem,
            authority_pem=self.authority_pem,
            broker_host=self.broker_host,
            broker_port=self.broker_port,
            renew_after=self.renew_after,
            enrolment_server=server,
            enrolment_authority_pem=server_authority_pem,
            configuration_keys_pem=self.configuration_keys_pem,
        )


def read(body: bytes, key: ec.EllipticCurvePrivateKey) -> Answer:
    """Read an answer and hold it against the key it was asked for.

    Raises:
        EnrolmentError: BAD_ANSWER, with what is wrong about it.
    """
    try:
        members = strict_json.parse_object(body, max_bytes=enrolment_server.MAX_ANSWER_BYTES)
        members.setdefault("configuration_keys", None)  # servers of before sign none
        answer = _taken_apart(wire_fields.Fields(members, "the answer"))
        _check(answer, key)
    except (leaf_errors.WireError, key_pair.UnfitError) as error:
        raise errors.EnrolmentError(
            EnrolmentReason.BAD_ANSWER, f"the server's answer cannot be used: {error}"
        ) from error
    return answer


def _taken_apart(fields: wire_fields.Fields) -> Answer:
    broker = wire_fields.Fields(fields.get("broker"), "broker")
    configuration_keys_pem = fields.text_or_null("configuration_keys", _PEM, "PEM") or ""
    return Answer(
        gateway_id=fields.text(
            "gateway_id", re.compile(topics.GATEWAY_ID_PATTERN), "“gw-” and eight of a-z, 0-9"
        ),
        certificate_pem=fields.text("certificate", _PEM, "PEM").encode("ascii"),
        authority_pem=fields.text("authority", _PEM, "PEM").encode("ascii"),
        broker_host=broker.text("host", identity.HOST, "a host name or an address"),
        broker_port=broker.whole("port", 1, 65535),
        renew_after=fields.instant("renew_after"),
        server_time=fields.instant("server_time"),
        configuration_keys_pem=configuration_keys_pem.encode("ascii"),
    )


def _check(answer: Answer, key: ec.EllipticCurvePrivateKey) -> None:
    certificate = key_pair.read_certificate(answer.certificate_pem)
    key_pair.require_pair(key, answer.certificate_pem)
    key_pair.require_authority(answer.authority_pem)
    configuration_keys.read(answer.configuration_keys_pem)
    if certificate.gateway_id != answer.gateway_id:
        raise key_pair.UnfitError("the certificate is for another gateway than the answer")
    if not certificate.not_before <= answer.server_time < certificate.not_after:
        raise key_pair.UnfitError("the certificate is outside its dates by the server's own clock")
    if not certificate.not_before <= answer.renew_after <= certificate.not_after:
        raise key_pair.UnfitError("renew_after is outside the certificate's dates")
