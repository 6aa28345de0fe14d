"""Certificates of gateways for tests: a key, a request and what the gateway authority makes of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy import certificates, ports
from deploy.certificates import Credentials
from deploy.settings import SignerSettings
from deploy.signer import service
from deploy.signer.authority import GatewayAuthority
from ingest import gateway_proof
from ingest.errors import SignerAway
from ingest.signing import Signer


def signing_request(key: ec.EllipticCurvePrivateKey, subject: x509.Name | None = None) -> str:
    """Return a request (PEM) as a gateway makes it, signed by its own key."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject or x509.Name([]))
    request = builder.sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def gateway_credentials(authority: GatewayAuthority, gateway_id: str, folder: Path) -> Credentials:
    """Return a gateway's certificate and key in a folder, made now if they are not there yet."""
    found = Credentials(folder / f"{gateway_id}.pem", folder / f"{gateway_id}.key")
    if not (found.certificate_file.exists() and found.key_file.exists()):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        certificates.write_private(found.key_file, key)
        issued = authority.issue(gateway_id, signing_request(key))
        found.certificate_file.write_text(issued.certificate, encoding="ascii")
    return found


@contextlib.contextmanager
def running_signer(
    settings: SignerSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Signer]:
    """Run the signer in a thread, as its command runs it, until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=service.run, args=(settings, stop, clock))
    thread.start()
    try:
        # The socket is there before anybody listens on it; and a caller who hangs up without a question may still be
        # at the door when a test is over at once.
        assert ports.wait_until(lambda: answers(settings), timeout_s=30)
        yield Signer(settings.socket)
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def answers(settings: SignerSettings) -> bool:
    """Whether the signer answers a question."""
    try:
        return bool(Signer(settings.socket).authority())
    except SignerAway:
        return False


def signed_renewal(current_key: ec.EllipticCurvePrivateKey, csr_pem: str) -> bytes:
    """Return what proves with the current key that a new request is the gateway's own."""
    request = x509.load_pem_x509_csr(csr_pem.encode())
    der = request.public_bytes(serialization.Encoding.DER)
    return current_key.sign(gateway_proof.SIGNED_PREFIX + der, ec.ECDSA(hashes.SHA256()))
