"""P-256 keys made on this gateway, what is asked with them, and whether a certificate belongs to one.

A private key never leaves the gateway: the server sees a signing request, which proves that we hold the key.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware_profiles import topics

# So that a signature made for a renewal can never be one for anything else.
_RENEWAL_LABEL: Final = b"homevitals renewal v1\n"


class UnfitError(Exception):
    """Key or certificate cannot be used; the text says why, in words that may stand in a log."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What this gateway must know of its certificate.

    Attributes:
        gateway_id: its common name.
        serial_number: given by the authority.
        not_before: start of its life, UTC.
        not_after: end of its life, UTC.
    """

    gateway_id: str
    serial_number: int
    not_before: datetime
    not_after: datetime


def make() -> ec.EllipticCurvePrivateKey:
    """Return a new key."""
    return ec.generate_private_key(ec.SECP256R1())


def to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the key as it is kept: PEM, PKCS #8, without a passphrase (nobody is there to type one)."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def from_pem(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Read a key.

    Raises:
        UnfitError: it is not a P-256 key in PEM.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnfitError("the key is not a private key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UnfitError("the key is not a P-256 key")
    return key


def signing_request(key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    """Return a request for a certificate. It asks for no name: the server decides who we are."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256())


def request_to_pem(request: x509.CertificateSigningRequest) -> str:
    """Return a signing request as text."""
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def sign_renewal(key: ec.EllipticCurvePrivateKey, request: x509.CertificateSigningRequest) -> str:
    """Return the current key's consent to a request for the next one: base64 of ECDSA with SHA-256."""
    consent = _RENEWAL_LABEL + request.public_bytes(serialization.Encoding.DER)
    return base64.b64encode(key.sign(consent, ec.ECDSA(hashes.SHA256()))).decode("ascii")


def read_certificate(pem: bytes) -> Certificate:
    """Read one certificate of a gateway.

    Raises:
        UnfitError: it is not exactly one certificate in PEM with a gateway's name and a life.
    """
    certificate = _one(pem)
    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError as error:
        raise UnfitError("the certificate's name cannot be read") from error
    name = str(names[0].value) if len(names) == 1 else ""
    if re.fullmatch(topics.GATEWAY_ID_PATTERN, name) is None:
        raise UnfitError("the certificate's name is not that of a gateway")
    if certificate.not_valid_before_utc >= certificate.not_valid_after_utc:
        raise UnfitError("the certificate ends before it begins")
    return Certificate(
        gateway_id=name,
        serial_number=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def require_pair(key: ec.EllipticCurvePrivateKey, certificate_pem: bytes) -> None:
    """Hold a certificate against a key.

    Raises:
        UnfitError: it was made for another key.
    """
    try:
        certified = _one(certificate_pem).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnfitError("the certificate's key cannot be read") from error
    if certified != key.public_key():
        raise UnfitError("the certificate is for another key than ours")


def require_authority(pem: bytes) -> None:
    """Look through the certificates against which the broker is checked.

    Raises:
        UnfitError: there is none, or one of them cannot be read.
    """
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise UnfitError("the authority is not a certificate in PEM") from error


def _one(pem: bytes) -> x509.Certificate:
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise UnfitError("there is no certificate in PEM") from error
    if len(certificates) != 1:
        raise UnfitError("there is more than one certificate where one was expected")
    return certificates[0]
