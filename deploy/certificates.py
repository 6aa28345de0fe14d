"""A throw-away authority of services on one machine: certificates of the broker, the workers and the guard.

P-256 keys; every key file is readable by its owner alone. The common name of a client certificate is its identity:
the MQTT user name follows from it at the broker, so it is checked here against the closed grammar. Gateways have an
authority of their own, which is :mod:`deploy.signer.authority`.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# No slash, plus, hash or dollar can ever stand in a topic level or an ACL pattern.
_COMMON_NAME: Final = re.compile(r"(ingest|guard)-[0-9]{1,3}|localhost")
# Long enough for a demo that is left running, short enough that nobody relies on it.
_LIFETIME: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where one identity's certificate and private key lie (PEM)."""

    certificate_file: Path
    key_file: Path


class ThrowAwayAuthority:
    """A CA whose key stays in its folder; it issues what is missing and keeps what is there."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder = folder
        self._now = now
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.ca_file = folder / "ca.pem"
        key_file = folder / "ca.key"
        if self.ca_file.exists() and key_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
            if (
                isinstance(key, ec.EllipticCurvePrivateKey)
                and certificate.not_valid_after_utc > now
            ):
                self._key, self._certificate = key, certificate
                return
            for stale in folder.glob("*.pem"):
                stale.unlink()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._self_signed()
        write_private(key_file, self._key)
        self.ca_file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def credentials(self, common_name: str) -> Credentials:
        """Return the credentials of ``common_name``, issued now if they are not there yet.

        Raises:
            ValueError: the name is not of the closed grammar.
        """
        if not _COMMON_NAME.fullmatch(common_name):
            raise ValueError("a service's certificate is called ingest-N, guard-N or localhost")
        found = Credentials(
            self._folder / f"{common_name}.pem", self._folder / f"{common_name}.key"
        )
        if not (found.certificate_file.exists() and found.key_file.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            write_private(found.key_file, key)
            found.certificate_file.write_bytes(
                self._issue(common_name, key.public_key()).public_bytes(serialization.Encoding.PEM)
            )
        return found

    def _self_signed(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Homevitals throw-away CA")])
        return (
            self._unsigned(name, name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _issue(self, common_name: str, public_key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = (
            self._unsigned(subject, self._certificate.subject, public_key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(signs_certificates=False), critical=True)
        )
        if common_name == "localhost":
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            usage = ExtendedKeyUsageOID.SERVER_AUTH
        else:
            usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False).sign(
            self._key, hashes.SHA256()
        )

    def _unsigned(
        self, subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            # An hour back: a gateway's clock may be a little behind.
            .not_valid_before(self._now - timedelta(hours=1))
            .not_valid_after(self._now + _LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return the usage of an authority's key (certificates and revocation lists) or of anybody else's (signatures)."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a private key (PKCS #8, PEM) that nobody but the owner can read, and have it on the disk."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.flush()
        os.fsync(file.fileno())
