from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from ingest import signing_request
from ingest.errors import EnrolmentReason, EnrolmentRefused

KEY = ec.generate_private_key(ec.SECP256R1())


def request_of(key: object = KEY, hash_algorithm: object = hashes.SHA256()) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(key, hash_algorithm)  # type: ignore[arg-type]
    return request.public_bytes(serialization.Encoding.PEM).decode()


GOOD = request_of()


def with_broken_signature() -> str:
    der = bytearray(x509.load_pem_x509_csr(GOOD.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return as_pem(bytes(der))


def with_odd_version() -> str:
    der = x509.load_pem_x509_csr(GOOD.encode()).public_bytes(serialization.Encoding.DER)
    return as_pem(der.replace(b"\x02\x01\x00", b"\x02\x01\x05", 1))


def with_odd_algorithm() -> str:
    """Return a request whose signature was made with an algorithm that nobody knows."""
    der = x509.load_pem_x509_csr(GOOD.encode()).public_bytes(serialization.Encoding.DER)
    head, ecdsa_with_sha256, tail = der.partition(bytes.fromhex("2a8648ce3d040302"))
    assert ecdsa_with_sha256
    return as_pem(head + bytes.fromhex("2a8648ce3d04037f") + tail)


def with_other_key() -> str:
    """Return a request in which the public key was exchanged after it was signed."""
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    other = ec.generate_private_key(ec.SECP256R1())
    der = x509.load_pem_x509_csr(GOOD.encode()).public_bytes(encoding)
    return as_pem(
        der.replace(
            KEY.public_key().public_bytes(encoding, form),
            other.public_key().public_bytes(encoding, form),
        )
    )


def as_pem(der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


def refused(pem: str) -> EnrolmentRefused:
    with pytest.raises(EnrolmentRefused) as found:
        signing_request.read(pem)
    assert found.value.reason is EnrolmentReason.BAD_REQUEST
    return found.value


@pytest.mark.parametrize(
    "pem",
    [
        GOOD,
        "\n" + GOOD.replace("\n", "\r\n") + "\n",
        GOOD.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        request_of(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
    ],
    ids=["P-256", "other line ends", "older label", "P-384"],
)
def test_request_for_a_good_key_is_read(pem: str) -> None:
    request = signing_request.read(pem)

    assert len(request.public_key_sha256) == 32
    assert x509.load_der_x509_csr(request.der).is_signature_valid


@pytest.mark.parametrize(
    "make",
    [
        lambda: "",
        lambda: "no request",
        lambda: GOOD + GOOD,
        lambda: GOOD.replace("REQUEST-----\n", "REQUEST-----\n\0", 1),
        lambda: GOOD.replace("A", "Ä"),
        lambda: GOOD[: len(GOOD) // 2],
        lambda: "Some words\n" + GOOD,
        lambda: GOOD + "x" * signing_request.MOST_CHARACTERS,
        lambda: as_pem(b"\x30\x80" * 500),
        lambda: as_pem(x509.load_pem_x509_csr(GOOD.encode()).public_bytes(serialization.Encoding.DER) + b"\0"),
        lambda: request_of().replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        lambda: KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        with_odd_version,
        with_odd_algorithm,
        with_broken_signature,
        with_other_key,
        lambda: request_of(rsa.generate_private_key(65537, 2048)),
        lambda: request_of(rsa.generate_private_key(65537, 4096)),
        lambda: request_of(ed25519.Ed25519PrivateKey.generate(), None),
        lambda: request_of(ec.generate_private_key(ec.SECP256K1())),
        lambda: request_of(ec.generate_private_key(ec.SECP521R1())),
        lambda: request_of(hash_algorithm=hashes.SHA3_256()),
    ],
    ids=[
        "nothing", "words", "two requests", "NUL", "not ASCII", "half of it", "words before it", "very long",
        "endless nesting", "bytes after it", "labelled as a certificate", "private key", "odd version", "odd algorithm",
        "broken signature",
        "exchanged key", "RSA 2048", "RSA 4096", "Ed25519", "curve of coins", "P-521", "SHA-3",
    ],
)  # fmt: skip
def test_everything_else_is_refused_without_repeating_it(make: Callable[[], str]) -> None:
    pem = make()

    message = str(refused(pem))

    body = re.sub(r"\s|-----[A-Z ]+-----", "", pem)
    assert not body or body[:20] not in message


@given(st.text() | st.binary(max_size=200).map(as_pem))
def test_whatever_is_sent_nothing_else_is_raised(pem: str) -> None:
    refused(pem)


@given(st.data())
def test_request_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    der = bytearray(x509.load_pem_x509_csr(GOOD.encode()).public_bytes(serialization.Encoding.DER))
    position = data.draw(st.integers(0, len(der) - 1))
    der[position] ^= data.draw(st.integers(1, 255))
    refused(as_pem(bytes(der)))


def test_one_key_has_one_hash() -> None:
    assert (
        signing_request.read(request_of()).public_key_sha256
        == signing_request.read(GOOD).public_key_sha256
        == signing_request.public_key_sha256(KEY.public_key())
    )
