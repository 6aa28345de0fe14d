"""The authority that gateways' certificates come from, in a folder of its own.

It signs for the name that it is told, after it has checked it against the closed grammar, and takes nothing from a
request but the key. Several generations may be trusted at once: the next one is made well before the latest one ends,
and signs only after brokers have had time to learn of it.

Source: RFC 5280 (May 2008), profile of certificates and revocation lists.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy import certificates, errors
from firmware_profiles import topics
from ingest import signing_request
from ingest.errors import EnrolmentReason, EnrolmentRefused
from ingest.signing import Issued, RevokedSerial

# Renewed from two thirds of it: a gateway that was unplugged for a fortnight comes back by itself.
CERTIFICATE_LIFETIME: Final = timedelta(days=45)
_AUTHORITY_LIFETIME: Final = timedelta(days=5 * 365)
# The next generation is there half a year before the last one ends, and signs a week after it was made.
_SUCCESSOR_BEFORE: Final = timedelta(days=180)
_TRUSTED_BEFORE_SIGNING: Final = timedelta(days=7)
# A broker's clock may be a little behind the signer's.
_BACKDATED: Final = timedelta(minutes=5)
# Brokers refuse everybody once a list is out of date. The guard fetches a new one every day at least.
_REVOCATION_LIST_LIFETIME: Final = timedelta(days=30)
_CERTIFICATE_FILE: Final = re.compile(r"authority-([0-9]{1,4})\.pem")


@dataclass(frozen=True, slots=True)
class _Generation:
    number: int
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class GatewayAuthority:
    """Signs for gateways; makes its first generation when its folder is empty.

    Args:
        folder: Where keys and certificates lie; nobody else may read it.
        clock: Returns now, aware UTC.

    Raises:
        ConfigurationError: a file is there that cannot be used, or that others may read.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._generations = [
            _load(folder, int(found[1]))
            for path in folder.iterdir()
            if (found := _CERTIFICATE_FILE.fullmatch(path.name))
        ]
        self._generations.sort(key=lambda one: one.number)
        self._trusted()

    def issue(self, gateway_id: str, csr_pem: str) -> Issued:
        """Sign a gateway's request.

        Raises:
            EnrolmentRefused: the id is not of the closed grammar, or the request is not taken.
        """
        if re.fullmatch(topics.GATEWAY_ID_PATTERN, gateway_id) is None:
            raise EnrolmentRefused(
                "a gateway id is “gw-” and eight lower-case letters or digits",
                EnrolmentReason.UNKNOWN_GATEWAY,
            )
        request = signing_request.read(csr_pem)
        now = self._clock().replace(microsecond=0)
        signer = self._signing(now)
        certificate = (
            _unsigned(_name(gateway_id), signer.certificate.subject, request.public_key)
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(
                min(now + CERTIFICATE_LIFETIME, signer.certificate.not_valid_after_utc)
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(certificates.key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(_issued_by(signer.key), critical=False)
            .sign(signer.key, hashes.SHA256())
        )
        return Issued(
            certificate=_pem(certificate),
            serial=f"{certificate.serial_number:x}",
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            public_key_sha256=request.public_key_sha256.hex(),
        )

    def bundle(self) -> str:
        """Return the certificates of all trusted generations (PEM), latest first."""
        return "".join(_pem(one.certificate) for one in reversed(self._trusted()))

    def revocation_list(self, revoked: Sequence[RevokedSerial]) -> str:
        """Return a list of each trusted generation (PEM), as a broker needs one for every issuer.

        Each holds all serials: they are random, and who issued which does not matter.
        """
        now = self._clock().replace(microsecond=0)
        entries = [_entry(one) for one in {one.serial: one for one in revoked}.values()]
        return "".join(_revocation_list(one, entries, now) for one in self._trusted())

    def _trusted(self) -> list[_Generation]:
        """Return the generations that have not ended, oldest first; make the next one when it is time."""
        now = self._clock().replace(microsecond=0)
        trusted = [one for one in self._generations if one.certificate.not_valid_after_utc > now]
        if not trusted or _ends_at(trusted[-1]) - now < _SUCCESSOR_BEFORE:
            number = self._generations[-1].number + 1 if self._generations else 1
            made = _make(self._folder, number, now)
            self._generations.append(made)
            trusted.append(made)
        return trusted

    def _signing(self, now: datetime) -> _Generation:
        """Return the latest generation that brokers know by now; the only one there is at the beginning."""
        trusted = self._trusted()
        known = [
            one
            for one in trusted
            if one.certificate.not_valid_before_utc <= now - _TRUSTED_BEFORE_SIGNING
        ]
        return known[-1] if known else trusted[0]


def _make(folder: Path, number: int, now: datetime) -> _Generation:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Homevitals gateway authority {number}")
    certificate = (
        _unsigned(name, name, key.public_key())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(certificates.key_usage(signs_certificates=True), critical=True)
        .add_extension(_issued_by(key), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The certificate comes last: a generation without one never signed anything and is made again.
    certificates.write_private(folder / f"authority-{number}.key", key)
    unfinished = folder / f"authority-{number}.new"
    unfinished.write_text(_pem(certificate), encoding="ascii")
    unfinished.replace(folder / f"authority-{number}.pem")
    return _Generation(number, certificate, key)


def _load(folder: Path, number: int) -> _Generation:
    key_file = folder / f"authority-{number}.key"
    certificate_file = folder / f"authority-{number}.pem"
    try:
        mode = stat.S_IMODE(key_file.stat().st_mode)
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    except (OSError, ValueError, TypeError):
        raise errors.ConfigurationError(
            f"{certificate_file} and its key cannot be read; restore both from a backup"
        ) from None
    if mode & 0o077:
        raise errors.ConfigurationError(
            f"{key_file} can be read by others (mode {mode:o}); make it 600, and think about who has read it"
        )
    if (
        not isinstance(key, ec.EllipticCurvePrivateKey)
        or certificate.public_key() != key.public_key()
    ):
        raise errors.ConfigurationError(
            f"{key_file} is not the key of {certificate_file}; restore both from a backup"
        )
    return _Generation(number, certificate, key)


def _unsigned(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _issued_by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _entry(revoked: RevokedSerial) -> x509.RevokedCertificate:
    return (
        x509.RevokedCertificateBuilder()
        .serial_number(int(revoked.serial, 16))
        .revocation_date(revoked.revoked_at.replace(microsecond=0))
        .build()
    )


def _revocation_list(
    issuer: _Generation, entries: Sequence[x509.RevokedCertificate], now: datetime
) -> str:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - _BACKDATED)
        .next_update(now + _REVOCATION_LIST_LIFETIME)
        # Grows with time, as RFC 5280, section 5.2.3, wants it, and needs no counter to be kept.
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(_issued_by(issuer.key), critical=False)
    )
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    signed = builder.sign(issuer.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _ends_at(generation: _Generation) -> datetime:
    return generation.certificate.not_valid_after_utc


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
