"""An enrolment server for the gateway's tests: it answers as the product's does, or badly on purpose."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

CODE = "K7QF-2M9X-ABCD-EFGH-JKMN"
GATEWAY = "gw-claimed1"
LIFE = timedelta(days=45)

Document = dict[str, Any]


@dataclass
class EnrolmentServer:
    """What stands behind the address: an authority, living codes, and every request it got."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    gateway_id: str = GATEWAY
    codes: set[str] = field(default_factory=lambda: {CODE})
    broker: tuple[str, int] = ("127.0.0.1", 8883)
    # What the broker is checked against; the server's own authority unless a test has a broker.
    broker_authority: bytes = b""
    # What the gateways' configurations are signed with; None where the server signs none.
    configuration_key: Ed25519PrivateKey | None = field(default_factory=Ed25519PrivateKey.generate)
    # Signs where a broker trusts another authority than ours: name and request in, certificate (PEM) out.
    signer: Callable[[str, str], str] | None = None
    life: timedelta = LIFE
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    # Tests bend an answer here: status and document in, status and bytes out.
    bend: Callable[[int, Document], tuple[int, bytes]] = lambda status, document: (
        status,
        json.dumps(document).encode(),
    )
    before_answer: Callable[[], None] = lambda: None
    requests: list[tuple[str, Document]] = field(default_factory=list)
    keys_seen: set[bytes] = field(default_factory=set)
    certificates: set[str] = field(default_factory=set)
    address: str = ""

    def __post_init__(self) -> None:
        self.certificate = self.sign("Gateway authority", self.key.public_key(), is_authority=True)

    @property
    def authority_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(
        self, common_name: str, public_key: Any, *, is_authority: bool = False
    ) -> x509.Certificate:
        now = self.now()
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Gateway authority")])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        life = timedelta(days=3650) if is_authority else self.life
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before((now - timedelta(hours=1)).replace(microsecond=0))
            .not_valid_after((now + life).replace(microsecond=0))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        return builder.sign(self.key, hashes.SHA256())

    def answer(self, path: str, document: Document) -> tuple[int, Document]:
        """Return status and answer as the contract says."""
        request = x509.load_pem_x509_csr(document["csr"].encode())
        if not request.is_signature_valid:
            return 422, {"title": "refused"}
        if path == "/enrol/v1/claim":
            if document["code"] not in self.codes:
                return 403, {"title": "refused"}
            self.codes.remove(document["code"])
        elif path == "/enrol/v1/renewal":
            if not self._consents(document, request):
                return 403, {"title": "refused"}
        else:
            return 404, {"title": "nothing here"}
        public_key = request.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        if public_key in self.keys_seen:
            return 409, {"title": "key used before"}
        self.keys_seen.add(public_key)
        if self.signer is None:
            return 201, self.issued(request.public_key())
        return 201, self.document_of(self.signer(self.gateway_id, document["csr"]))

    def issued(self, public_key: Any) -> Document:
        certificate = self.sign(self.gateway_id, public_key)
        return self.document_of(certificate.public_bytes(serialization.Encoding.PEM).decode())

    def document_of(self, pem: str) -> Document:
        self.certificates.add(pem)
        certificate = x509.load_pem_x509_certificate(pem.encode())
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        host, port = self.broker
        keys = {}
        if self.configuration_key is not None:
            keys = {"configuration_keys": public_pem(self.configuration_key)}
        return {
            "gateway_id": self.gateway_id,
            "certificate": pem,
            "authority": (self.broker_authority or self.authority_pem).decode(),
            "broker": {"host": host, "port": port},
            "renew_after": rfc3339(certificate.not_valid_before_utc + life * 2 / 3),
            "server_time": rfc3339(self.now()),
            **keys,
        }

    def _consents(self, document: Document, request: x509.CertificateSigningRequest) -> bool:
        if document["certificate"] not in self.certificates:
            return False
        current = x509.load_pem_x509_certificate(document["certificate"].encode())
        public_key = current.public_key()
        assert isinstance(public_key, ec.EllipticCurvePublicKey)
        consent = b"homevitals renewal v1\n" + request.public_bytes(serialization.Encoding.DER)
        public_key.verify(
            base64.b64decode(document["signature"], validate=True),
            consent,
            ec.ECDSA(hashes.SHA256()),
        )
        return True


@contextmanager
def serving(
    server: EnrolmentServer, context: ssl.SSLContext | None = None
) -> Iterator[EnrolmentServer]:
    """Serve on a port of this machine, over TLS if there is a context."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            document = json.loads(self.rfile.read(length))
            server.requests.append((self.path, document))
            server.before_answer()
            status, body = server.bend(*server.answer(self.path, document))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that hangs up is what some tests are about

    http_server = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        # The handshake belongs to the thread of the connection.
        http_server.socket = context.wrap_socket(
            http_server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.address = f"{'https' if context else 'http'}://127.0.0.1:{http_server.server_address[1]}"
    thread = threading.Thread(target=http_server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        http_server.shutdown()
        http_server.server_close()
        thread.join()


def tls_context(
    folder: Path, server: EnrolmentServer, *, names: list[x509.GeneralName], starts_at: datetime
) -> ssl.SSLContext:
    """Return a context with a certificate of the server's authority for these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(server.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts_at)
        .not_valid_after(starts_at + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(server.key, hashes.SHA256())
    )
    pair = folder / "server.pem"
    pair.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    return context


def public_pem(key: Ed25519PrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
