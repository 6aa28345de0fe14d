"""What a gateway may ask a certificate with: a PKCS #10 request that proves it has the key, and nothing more. Pure.

Of the request only the public key counts. Whatever it says about names, alternative names or extensions is not looked
at: the server knows who the gateway is.

Source: RFC 2986, PKCS #10 version 1.7, November 2000.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingest import errors
from ingest.errors import EnrolmentReason

# A request with a P-384 key, a long subject and attributes takes less than 2 KiB.
MOST_CHARACTERS: Final = 8 * 1024
# RFC 7468, section 7 (April 2015): the second label is the one that older programs write.
_ONE_REQUEST: Final = re.compile(
    r"\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END \1?CERTIFICATE REQUEST-----\s*",
    re.ASCII,
)
# 128 bits of strength and more, and every broker takes them. RSA is not needed by anything that we ship.
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1)
_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A request whose sender has the private key.

    Attributes:
        der: The request's bytes.
        public_key: What the certificate will be for.
        public_key_sha256: Of its SubjectPublicKeyInfo; one key, one hash.
    """

    der: bytes
    public_key: ec.EllipticCurvePublicKey
    public_key_sha256: bytes


def read(pem: str) -> SigningRequest:
    """Read exactly one request.

    Raises:
        EnrolmentRefused: ``bad_request``; the message never repeats what was sent.
    """
    if len(pem) > MOST_CHARACTERS:
        raise _refused("the request is too long")
    if _ONE_REQUEST.fullmatch(pem) is None:
        raise _refused("this is not one certificate signing request in PEM")
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii"))
        public_key = request.public_key()
        hash_algorithm = request.signature_hash_algorithm
        is_signed = request.is_signature_valid
        der = request.public_bytes(serialization.Encoding.DER)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise _refused("the request cannot be read") from None
    if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(
        public_key.curve, _CURVES
    ):
        raise _refused("the key has to be one on the curve P-256 or P-384")
    if not isinstance(hash_algorithm, _HASHES) or not is_signed:
        raise _refused("the request is not signed by its own key with SHA-2")
    return SigningRequest(der, public_key, public_key_sha256(public_key))


def public_key_sha256(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo."""
    return hashlib.sha256(
        public_key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).digest()


def _refused(message: str) -> errors.EnrolmentRefused:
    return errors.EnrolmentRefused(
        f"{message}; make a new key and a new request", EnrolmentReason.BAD_REQUEST
    )
