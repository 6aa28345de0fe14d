"""Keys and certificates: what is accepted, and what each part proves."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from gateway import key_pair

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def certificate(*names: str, lasts: timedelta = timedelta(days=45)) -> bytes:
    key = key_pair.make()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(AT)
        .not_valid_after(AT + lasts)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_key_is_the_same_when_read_back() -> None:
    key = key_pair.make()
    assert key_pair.from_pem(key_pair.to_pem(key)).private_numbers() == key.private_numbers()


def test_no_two_keys_are_the_same() -> None:
    assert len({key_pair.to_pem(key_pair.make()) for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", id="torn"),
        pytest.param(pem_of(ec.generate_private_key(ec.SECP384R1())), id="other-curve"),
        pytest.param(pem_of(rsa.generate_private_key(65537, 2048)), id="other-algorithm"),
    ],
)
def test_key_is_refused_when_it_is_not_p256(pem: bytes) -> None:
    with pytest.raises(key_pair.UnfitError):
        key_pair.from_pem(pem)


def test_request_asks_for_no_name_and_proves_the_key() -> None:
    key = key_pair.make()
    request = key_pair.signing_request(key)
    assert list(request.subject) == []
    assert len(request.extensions) == 0
    assert request.is_signature_valid
    assert request.public_key() == key.public_key()


def test_consent_holds_for_this_request_and_no_other() -> None:
    current = key_pair.make()
    request = key_pair.signing_request(key_pair.make())
    signature = base64.b64decode(key_pair.sign_renewal(current, request), validate=True)
    der = request.public_bytes(serialization.Encoding.DER)
    algorithm = ec.ECDSA(hashes.SHA256())
    current.public_key().verify(signature, b"homevitals renewal v1\n" + der, algorithm)
    for other in (der, b"homevitals renewal v1\n" + der[:-1]):
        with pytest.raises(InvalidSignature):
            current.public_key().verify(signature, other, algorithm)


def test_certificate_says_who_and_until_when() -> None:
    read = key_pair.read_certificate(certificate("gw-aaaaaaa1"))
    assert (read.gateway_id, read.serial_number) == ("gw-aaaaaaa1", 7)
    assert (read.not_before, read.not_after) == (AT, AT + timedelta(days=45))


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(b"", id="empty"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="not-der"
        ),
        pytest.param(certificate("gw-aaaaaaa1") + certificate("gw-aaaaaaa1"), id="two"),
        pytest.param(certificate(), id="no-name"),
        pytest.param(certificate("gw-aaaaaaa1", "gw-aaaaaaa2"), id="two-names"),
        pytest.param(certificate("ingest-1"), id="another-kind"),
        pytest.param(certificate("gw-aaaaaaa1\n"), id="line-end"),
        pytest.param(certificate("gw-AAAAAAA1"), id="capitals"),
        pytest.param(certificate("gw-aaaa/#a1"), id="wildcard"),
    ],
)
def test_certificate_is_refused_when_it_is_not_one_gateway_s(pem: bytes) -> None:
    with pytest.raises(key_pair.UnfitError):
        key_pair.read_certificate(pem)


def test_pair_is_refused_when_the_certificate_is_for_another_key() -> None:
    with pytest.raises(key_pair.UnfitError, match="another key"):
        key_pair.require_pair(key_pair.make(), certificate("gw-aaaaaaa1"))
