from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from ingest import gateway_proof, signing_request
from ingest.errors import EnrolmentReason, EnrolmentRefused
from ingest.gateway_proof import GRACE, SIGNED_PREFIX

NOW = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
ENDS = NOW + timedelta(days=20)
GATEWAY = "gw-aaaa1111"
SECOND = timedelta(seconds=1)
AUTHORITY_KEY, OTHER_KEY, KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
REQUEST = b"the new request"


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: x509.Name | None = None,
    issuer: str = "authority 1",
    issuer_key: Any = AUTHORITY_KEY,
    key: Any = KEY,
    *,
    is_authority: bool = False,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(name(GATEWAY) if subject is None else subject)
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(0xABCDEF)
        .not_valid_before(NOW - timedelta(days=25))
        .not_valid_after(ENDS)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


AUTHORITIES = pem(
    certificate(name("authority 2"), "authority 2", OTHER_KEY, OTHER_KEY, is_authority=True),
    certificate(name("authority 1"), "authority 1", key=AUTHORITY_KEY, is_authority=True),
).encode()


def sign(key: ec.EllipticCurvePrivateKey = KEY, what: bytes = SIGNED_PREFIX + REQUEST) -> bytes:
    return key.sign(what, ec.ECDSA(hashes.SHA256()))


GOOD = pem(certificate())


def with_version_5() -> str:
    der = certificate().public_bytes(serialization.Encoding.DER)
    der = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def check(
    certificate_pem: str = GOOD,
    signature: bytes | None = None,
    at: datetime = NOW,
    authorities: bytes = AUTHORITIES,
) -> gateway_proof.Proven:
    return gateway_proof.check(
        certificate_pem, REQUEST, sign() if signature is None else signature, authorities, at
    )


def test_current_certificate_and_its_key_prove_the_gateway() -> None:
    proven = check()

    assert (proven.gateway_id, proven.serial, proven.is_expired) == (GATEWAY, "abcdef", False)
    assert proven.public_key_sha256 == signing_request.public_key_sha256(KEY.public_key())


def test_second_generation_counts_as_well() -> None:
    theirs = certificate(issuer="authority 2", issuer_key=OTHER_KEY)

    assert check(pem(theirs)).gateway_id == GATEWAY


@pytest.mark.parametrize(
    ("at", "is_expired"),
    [(ENDS, False), (ENDS + SECOND, True), (ENDS + GRACE, True)],
    ids=["last instant", "just expired", "end of the grace"],
)
def test_expired_certificate_proves_until_the_grace_ends(at: datetime, is_expired: bool) -> None:
    assert check(at=at).is_expired is is_expired


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: check(at=ENDS + GRACE + SECOND),
        lambda: check(at=NOW - timedelta(days=26)),
        lambda: check(signature=b""),
        lambda: check(signature=sign()[:-1]),
        lambda: check(signature=sign(OTHER_KEY)),
        lambda: check(signature=sign(what=REQUEST)),
        lambda: check(signature=sign(what=SIGNED_PREFIX + b"another request")),
        lambda: check(pem(certificate(issuer_key=OTHER_KEY))),
        lambda: check(pem(certificate(issuer="authority 3", issuer_key=OTHER_KEY))),
        lambda: check(pem(certificate(name("authority 1"), is_authority=True))),
        lambda: check(pem(certificate(is_authority=True))),
        lambda: check(pem(certificate(usage=ExtendedKeyUsageOID.SERVER_AUTH))),
        lambda: check(pem(certificate(name("ingest-1")))),
        lambda: check(pem(certificate(name("gw-aaaa1111/x")))),
        lambda: check(pem(certificate(x509.Name([])))),
        lambda: check(pem(certificate(x509.Name([*name(GATEWAY), *name("gw-bbbb2222")])))),
        lambda: check(pem(certificate(key=ed25519.Ed25519PrivateKey.generate()))),
        lambda: check(with_version_5()),
        lambda: check(GOOD + GOOD),
        lambda: check(GOOD + " " * gateway_proof.MOST_CHARACTERS),
        lambda: check(GOOD[:200]),
        lambda: check(""),
        lambda: check(authorities=pem(certificate(issuer="nobody")).encode()),
    ],
    ids=[
        "after the grace", "before its time", "no signature", "cut signature", "signed by another key",
        "signed without the prefix", "signed for another request", "issuer's name borrowed", "unknown issuer",
        "the authority itself", "an authority", "for servers", "a worker", "slash in the name", "no name",
        "two names", "other kind of key", "odd version", "two certificates", "very long", "half of it", "nothing",
        "authorities of others",
    ],
)  # fmt: skip
def test_nothing_else_proves_anything(attempt: Callable[[], object]) -> None:
    with pytest.raises(EnrolmentRefused) as refused:
        attempt()

    assert refused.value.reason is EnrolmentReason.NOT_TRUSTED
    assert refused.value.gateway_id == ""


@given(
    st.text(max_size=300),
    st.binary(max_size=100),
)
def test_whatever_is_sent_nothing_else_is_raised(certificate_pem: str, signature: bytes) -> None:
    for given_pem in (certificate_pem, GOOD):
        with pytest.raises(EnrolmentRefused):
            check(given_pem, signature)
