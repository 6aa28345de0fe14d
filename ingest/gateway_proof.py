"""Whether a renewal comes from the gateway that the current certificate names. Pure.

The certificate has to be one of the gateway authority's, not expired for longer than the grace, and its key has to have
signed the new request. What the store says about certificate and gateway is asked afterwards, by :mod:`ingest.fleet`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware_profiles import topics
from ingest import errors, signing_request
from ingest.errors import EnrolmentReason

# Signed before the request, so that no signature made for another end passes for one of these.
SIGNED_PREFIX: Final = b"homevitals renewal v1\n"
# A gateway that was unplugged for a season comes back by itself; one that is gone for longer is claimed again.
GRACE: Final = timedelta(days=30)
MOST_CHARACTERS: Final = 8 * 1024
_ONE_CERTIFICATE: Final = re.compile(
    r"\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Proven:
    """Whose certificate it is.

    Attributes:
        gateway_id: Its common name.
        serial: Hexadecimal, lower case.
        public_key_sha256: Of the certificate's SubjectPublicKeyInfo.
        is_expired: Whether it has ended, but not longer ago than the grace.
    """

    gateway_id: str
    serial: str
    public_key_sha256: bytes
    is_expired: bool


def check(
    certificate_pem: str, request_der: bytes, signature: bytes, authorities_pem: bytes, at: datetime
) -> Proven:
    """Return who asks for a renewal.

    Args:
        certificate_pem: The current certificate.
        request_der: The new request.
        signature: ECDSA with SHA-256 by the current key, over :data:`SIGNED_PREFIX` and the request.
        authorities_pem: The certificates of the gateway authority, all generations.
        at: Now, aware UTC.

    Raises:
        EnrolmentRefused: ``not_trusted``; the message says nothing about why.
    """
    try:
        certificate = _one_certificate(certificate_pem)
        _check_issuer(certificate, x509.load_pem_x509_certificates(authorities_pem))
        _check_use(certificate, at)
        public_key = _key(certificate)
        public_key.verify(signature, SIGNED_PREFIX + request_der, ec.ECDSA(hashes.SHA256()))
        gateway_id = _gateway_id(certificate)
    except (
        ValueError,
        TypeError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
    ):
        raise errors.EnrolmentRefused(
            "certificate and signature do not prove a gateway; claim it again with a new code",
            EnrolmentReason.NOT_TRUSTED,
        ) from None
    return Proven(
        gateway_id,
        f"{certificate.serial_number:x}",
        signing_request.public_key_sha256(public_key),
        is_expired=certificate.not_valid_after_utc < at,
    )


def _one_certificate(pem: str) -> x509.Certificate:
    if len(pem) > MOST_CHARACTERS or _ONE_CERTIFICATE.fullmatch(pem) is None:
        raise ValueError("not one certificate")
    return x509.load_pem_x509_certificate(pem.encode("ascii"))


def _key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    public_key = certificate.public_key()
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        raise TypeError("a key of another kind")
    return public_key


def _check_issuer(certificate: x509.Certificate, authorities: Sequence[x509.Certificate]) -> None:
    for authority in authorities:
        if authority.subject == certificate.issuer:
            certificate.verify_directly_issued_by(authority)
            return
    raise ValueError("nobody's")


def _check_use(certificate: x509.Certificate, at: datetime) -> None:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc + GRACE:
        raise ValueError("not in its time")
    extensions = certificate.extensions
    if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise ValueError("an authority")
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise ValueError("for another use")


def _gateway_id(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not isinstance(name.value, str) or not re.fullmatch(topics.GATEWAY_ID_PATTERN, name.value):
        raise ValueError("no gateway")
    return name.value
