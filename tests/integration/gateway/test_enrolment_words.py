"""What the gateway sends to be enrolled and renewed, read by the server's own reader."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from deploy.signer.authority import GatewayAuthority
from gateway import key_pair
from ingest import errors, gateway_proof, signing_request

GATEWAY = "gw-claimed1"


@pytest.fixture
def authority(tmp_path: Path) -> GatewayAuthority:
    return GatewayAuthority(tmp_path / "authority", lambda: datetime.now(UTC))


def test_request_is_one_that_the_server_takes() -> None:
    key = key_pair.make()
    request = key_pair.signing_request(key)
    read = signing_request.read(key_pair.request_to_pem(request))
    assert read.public_key == key.public_key()
    assert read.der == request.public_bytes(serialization.Encoding.DER)


def test_certificate_is_one_that_the_gateway_takes(authority: GatewayAuthority) -> None:
    key = key_pair.make()
    request = key_pair.request_to_pem(key_pair.signing_request(key))
    issued = authority.issue(GATEWAY, request)
    pem = issued.certificate.encode()
    certificate = key_pair.read_certificate(pem)
    key_pair.require_pair(key, pem)
    key_pair.require_authority(authority.bundle().encode())
    assert certificate.gateway_id == GATEWAY
    assert (certificate.not_before, certificate.not_after) == (issued.not_before, issued.not_after)
    assert f"{certificate.serial_number:x}" == issued.serial


def test_consent_is_one_that_the_server_believes(authority: GatewayAuthority) -> None:
    current = key_pair.make()
    pem = authority.issue(
        GATEWAY, key_pair.request_to_pem(key_pair.signing_request(current))
    ).certificate
    request = key_pair.signing_request(key_pair.make())
    der = request.public_bytes(serialization.Encoding.DER)
    signature = base64.b64decode(key_pair.sign_renewal(current, request), validate=True)
    now = datetime.now(UTC)
    proven = gateway_proof.check(pem, der, signature, authority.bundle().encode(), now)
    assert proven.gateway_id == GATEWAY
    assert proven.serial == f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:x}"
    forged = base64.b64decode(key_pair.sign_renewal(key_pair.make(), request))
    with pytest.raises(errors.EnrolmentRefused):
        gateway_proof.check(pem, der, forged, authority.bundle().encode(), now)
