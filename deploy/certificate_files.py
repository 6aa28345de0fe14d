"""Whether a certificate, its key and its authority fit together and hold today. Pure: bytes in, faults out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

# Time for somebody to come back from a week's holiday.
NOTICE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Files:
    """The content of the three files, in PEM."""

    authorities: bytes
    certificate: bytes
    key: bytes


def faults(files: Files, *, name_pattern: str, at: datetime) -> list[str]:
    """Return why the files cannot be used together at an instant (aware); each fault says what to do.

    Args:
        files: A certificate file may hold a chain, its own first; a file of authorities may hold several.
        name_pattern: What the certificate's whole common name has to match.
        at: Now.
    """
    try:
        authorities = x509.load_pem_x509_certificates(files.authorities)
    except ValueError:
        return ["ca_file holds no certificates in PEM; name the authority's file"]
    try:
        own = x509.load_pem_x509_certificates(files.certificate)[0]
    except ValueError:
        return ["certificate_file holds no certificate in PEM; have one issued"]
    found = _faults_of_key(files.key, own)
    found += _faults_of_time(own, "certificate_file", at)
    issuers = [authority for authority in authorities if _is_issuer(authority, own)]
    if not issuers:
        found.append("certificate_file was not issued by an authority in ca_file; check both names")
    elif all(_faults_of_time(issuer, "", at) for issuer in issuers):
        found += _faults_of_time(issuers[0], "ca_file", at)
    if not re.fullmatch(name_pattern, _common_name(own)):
        found.append("certificate_file belongs to another name; name the file issued for this one")
    return found


def expires_at(certificate: bytes) -> datetime | None:
    """Return the end (aware UTC) of the first certificate in PEM; None where there is none."""
    try:
        return x509.load_pem_x509_certificates(certificate)[0].not_valid_after_utc
    except ValueError:
        return None


def _faults_of_key(pem: bytes, own: x509.Certificate) -> list[str]:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        return ["key_file needs a passphrase, and nobody is there to type it; store it without one"]
    except (ValueError, UnsupportedAlgorithm):
        return ["key_file holds no private key in PEM; name the key's file"]
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != own.public_key().public_bytes(*form):
        return [
            "key_file does not belong to certificate_file; name the pair that was made together"
        ]
    return []


def _faults_of_time(certificate: x509.Certificate, file: str, at: datetime) -> list[str]:
    if at < certificate.not_valid_before_utc:
        return [f"{file} is not valid yet; check this machine's clock"]
    if at >= certificate.not_valid_after_utc:
        return [f"{file} has expired; have it issued anew"]
    return []


def _is_issuer(authority: x509.Certificate, own: x509.Certificate) -> bool:
    try:
        own.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""
