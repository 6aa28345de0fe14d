"""Asking the signer, the one process that has the gateway authority's key, over a unix socket.

One JSON object a line, each way::

    {"do": "issue", "gateway_id": …, "csr": PEM}
        → {"certificate": PEM, "serial": hex, "not_before": …, "not_after": …, "public_key_sha256": hex}
    {"do": "revocation_list", "serials": [{"serial": hex, "revoked_at": …}]} → {"crl": PEM}
    {"do": "authority"} → {"certificate": PEM of all trusted generations}
    {"do": "sign_configuration", "content": base64} → {"key_id": hex, "signature": base64}
    {"do": "configuration_keys"} → {"public_keys": PEM of all that may have signed one}
    whatever is refused → {"refused": reason}

Instants are RFC 3339 in UTC. The answer is bounded in length and time, so a signer that hangs costs its client seconds.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firmware_profiles import signed_configuration, strict_json, wire_fields
from firmware_profiles.errors import WireError
from firmware_profiles.signed_configuration import SignedConfiguration
from ingest import errors
from ingest.errors import EnrolmentReason

# A revocation list of ten thousand certificates fits, as a question and as an answer.
MOST_LINE_BYTES: Final = 1024 * 1024
# Signing takes milliseconds; a signer that starts again is back within this time.
_TIMEOUT_S: Final = 5.0
SERIAL_PATTERN: Final = re.compile(r"[0-9a-f]{1,40}")
_SHA256_PATTERN: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as the signer made it.

    Attributes:
        certificate: PEM.
        serial: Hexadecimal, lower case.
        not_before: First instant of its life, aware UTC.
        not_after: Last one, aware UTC.
        public_key_sha256: Hexadecimal, of the SubjectPublicKeyInfo.
    """

    certificate: str
    serial: str
    not_before: datetime
    not_after: datetime
    public_key_sha256: str


@dataclass(frozen=True, slots=True)
class RevokedSerial:
    """A certificate that the broker must refuse. ``revoked_at`` is aware UTC."""

    serial: str
    revoked_at: datetime


class Signer:
    """Asks the signer; one connection a question.

    Args:
        socket_path: Where the signer listens.
        timeout_s: How long each step of a question may take.
    """

    def __init__(self, socket_path: Path, timeout_s: float = _TIMEOUT_S) -> None:
        self._socket_path = socket_path
        self._timeout_s = timeout_s

    def issue(self, gateway_id: str, csr_pem: str) -> Issued:
        """Let a request be signed under a gateway's id.

        Raises:
            EnrolmentRefused: the signer does not take the request.
            SignerAway: there is no answer, or none that can be used.
        """
        answer = self._ask({"do": "issue", "gateway_id": gateway_id, "csr": csr_pem})
        try:
            return issued_of(answer)
        except ValueError:
            raise errors.SignerAway from None

    def revocation_list(self, serials: Sequence[RevokedSerial]) -> bytes:
        """Return a fresh revocation list (PEM, one for each generation of the authority).

        Raises:
            SignerAway: there is no answer, or none that can be used.
        """
        listed = [
            {"serial": one.serial, "revoked_at": instant_text(one.revoked_at)} for one in serials
        ]
        return self._text({"do": "revocation_list", "serials": listed}, "crl")

    def authority(self) -> bytes:
        """Return the certificates (PEM) that gateways' certificates are checked against.

        Raises:
            SignerAway: there is no answer, or none that can be used.
        """
        return self._text({"do": "authority"}, "certificate")

    def sign_configuration(self, content: bytes) -> SignedConfiguration:
        """Let the bytes of a gateway's configuration be signed.

        Raises:
            SignerAway: there is no answer, or none that can be used.
        """
        written = base64.b64encode(content).decode("ascii")
        answer = self._ask({"do": "sign_configuration", "content": written})
        try:
            signed = SignedConfiguration(
                key_id=str(answer["key_id"]),
                signature=base64.b64decode(str(answer["signature"]), validate=True),
                content=content,
            )
            signed_configuration.encode(signed)
        except (KeyError, binascii.Error, WireError):
            raise errors.SignerAway from None
        return signed

    def configuration_keys(self) -> bytes:
        """Return the public keys (PEM) that gateways' configurations are checked with.

        Raises:
            SignerAway: there is no answer, or none that can be used.
        """
        return self._text({"do": "configuration_keys"}, "public_keys")

    def _text(self, question: Mapping[str, object], member: str) -> bytes:
        answer = self._ask(question).get(member)
        if not isinstance(answer, str) or not answer.startswith("-----BEGIN "):
            raise errors.SignerAway
        return answer.encode()

    def _ask(self, question: Mapping[str, object]) -> dict[str, object]:
        try:
            answer = strict_json.parse_object(
                self._exchange(json.dumps(question).encode() + b"\n"), max_bytes=MOST_LINE_BYTES
            )
        except (OSError, WireError):
            raise errors.SignerAway from None
        refused = answer.get("refused")
        if refused is None:
            return answer
        if isinstance(refused, str) and refused in set(EnrolmentReason):
            raise errors.EnrolmentRefused(
                "the signer refuses this request; make a new key and a new request",
                EnrolmentReason(refused),
            )
        raise errors.SignerAway

    def _exchange(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._timeout_s)
            connection.connect(str(self._socket_path))
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                return answers.readline(MOST_LINE_BYTES + 1)


def issued_of(members: Mapping[str, object]) -> Issued:
    """Read the answer to ``issue``.

    Raises:
        ValueError: it is none.
    """
    texts = {name: members.get(name) for name in Issued.__slots__}
    certificate, serial, not_before, not_after, public_key_sha256 = (
        text if isinstance(text, str) else "" for text in texts.values()
    )
    if (
        not certificate.startswith("-----BEGIN CERTIFICATE-----")
        or SERIAL_PATTERN.fullmatch(serial) is None
        or _SHA256_PATTERN.fullmatch(public_key_sha256) is None
    ):
        raise ValueError("this is no issued certificate")
    return Issued(
        certificate, serial, instant_of(not_before), instant_of(not_after), public_key_sha256
    )


def members_of(issued: Issued) -> dict[str, object]:
    """Return the answer to ``issue``; the inverse of :func:`issued_of`."""
    return {
        "certificate": issued.certificate,
        "serial": issued.serial,
        "not_before": instant_text(issued.not_before),
        "not_after": instant_text(issued.not_after),
        "public_key_sha256": issued.public_key_sha256,
    }


def instant_text(at: datetime) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return wire_fields.time_text(at)


def instant_of(text: str) -> datetime:
    """Read an instant.

    Raises:
        ValueError: it is none, or it does not say its zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without a zone")
    return at.astimezone(UTC)
