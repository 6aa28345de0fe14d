"""The gateway authority's revocation list and certificates, as the broker reads them from files.

A wrong list locks every gateway out (OpenSSL refuses certificates whose authority has no valid list) or lets a revoked
one in, so nothing is written that was not checked first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy import errors
from gateway import durable_file

# What the broker's user may read and nobody else needs to hide: lists and certificates are public.
_MODE: Final = 0o644
_PEM_LIST: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the broker knows of gateways' certificates.

    Attributes:
        authority: Certificates of all generations of the authority (PEM).
        lists: One list for each generation (PEM).
        serials: The revoked serial numbers on the lists.
        issued_at: When the oldest list was made, aware UTC.
        expires_at: When the first list becomes invalid, aware UTC.
    """

    authority: bytes
    lists: bytes
    serials: frozenset[int]
    issued_at: datetime
    expires_at: datetime

    def covers(self, serials: Iterable[str], now: datetime) -> bool:
        """Tell whether the lists are valid and hold all these serial numbers (hexadecimal)."""
        return now < self.expires_at and {int(serial, 16) for serial in serials} <= self.serials

    def serves_as_well_as(self, newer: Trust, now: datetime) -> bool:
        """Tell whether the broker gains nothing by a newer list: same authority, and half of the life still to come."""
        half = self.issued_at + (self.expires_at - self.issued_at) / 2
        return now < half and self.authority == newer.authority


def checked(authority: bytes, lists: bytes) -> Trust:
    """Return what the signer sent, or what lies in the files, if it can be trusted.

    Raises:
        BadRevocationList: it is not whole, or a list is not signed by its authority.
    """
    try:
        certificates = x509.load_pem_x509_certificates(authority)
        found = [x509.load_pem_x509_crl(pem) for pem in _PEM_LIST.findall(lists)]
    except ValueError as error:
        raise errors.BadRevocationList from error
    if not all(any(_is_signed(one, by) for one in found) for by in certificates):
        raise errors.BadRevocationList
    signed = [one for one in found if any(_is_signed(one, by) for by in certificates)]
    expiries = [one.next_update_utc for one in signed if one.next_update_utc is not None]
    if not signed or len(expiries) < len(signed):
        raise errors.BadRevocationList
    return Trust(
        authority,
        lists,
        frozenset(entry.serial_number for one in signed for entry in one),
        min(one.last_update_utc for one in signed),
        min(expiries),
    )


def read(authority_file: Path, list_file: Path) -> Trust | None:
    """Return what the broker has; None where a file is missing or cannot be used."""
    try:
        return checked(authority_file.read_bytes(), list_file.read_bytes())
    except (FileNotFoundError, errors.BadRevocationList):
        return None


def write(trust: Trust, authority_file: Path, list_file: Path) -> None:
    """Replace both files, each as a whole.

    The lists come first: a list too many does no harm, an authority without a list shuts its gateways out.

    Raises:
        OSError: the disk refused; what was there is still there.
    """
    durable_file.replace(list_file, trust.lists, mode=_MODE)
    durable_file.replace(authority_file, trust.authority, mode=_MODE)


def _is_signed(found: x509.CertificateRevocationList, by: x509.Certificate) -> bool:
    key = by.public_key()
    return (
        found.issuer == by.subject
        and isinstance(key, ec.EllipticCurvePublicKey)
        and found.is_signature_valid(key)
    )
