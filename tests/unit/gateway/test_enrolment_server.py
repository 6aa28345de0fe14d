"""Asking the server: who is believed, how long is waited, and what each end of an exchange means."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway import enrolment_server, errors
from gateway.errors import EnrolmentReason
from tests.enrolment_server import EnrolmentServer, serving, tls_context

PATH = "/enrol/v1/claim"
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("console.example.org")


@pytest.mark.parametrize(
    ("address", "host", "port", "path"),
    [
        ("https://console.example.org", "console.example.org", 443, ""),
        ("https://console.example.org:8443/", "console.example.org", 8443, ""),
        ("https://example.org/homevitals/", "example.org", 443, "/homevitals"),
        ("https://[2001:db8::1]:8443", "2001:db8::1", 8443, ""),
        ("http://127.0.0.1:8000", "127.0.0.1", 8000, ""),
        ("http://[::1]", "::1", 80, ""),
        ("http://localhost:8000", "localhost", 8000, ""),
    ],
)
def test_address_is_taken_apart_when_it_may_be_used(
    address: str, host: str, port: int, path: str
) -> None:
    server = enrolment_server.at(address, None)
    assert (server.host, server.port, server.path) == (host, port, path)
    assert server.is_secure == address.startswith("https")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "console.example.org",
        "https://",
        "ftp://console.example.org",
        "file:///etc/passwd",
        "http://console.example.org",
        "http://192.168.1.5",
        "http://0.0.0.0",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "https://user:secret@console.example.org",
        "https://console.example.org/?code=1",
        "https://console.example.org/#top",
        "https://console.example.org:99999",
        "https://[::1",
        "https://konsolé.example.org",
    ],
)
def test_address_is_refused_when_a_code_must_not_go_there(address: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        enrolment_server.at(address, None)


def ask(address: str, authority_file: Path | None = None) -> bytes:
    return enrolment_server.post(
        enrolment_server.at(address, authority_file), PATH, {"code": "x", "csr": "y"}
    )


def reason_of(address: str, authority_file: Path | None = None) -> EnrolmentReason:
    with pytest.raises(errors.EnrolmentError) as failed:
        ask(address, authority_file)
    return failed.value.reason


@pytest.fixture
def authority_file(enrolment: EnrolmentServer, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    path.write_bytes(enrolment.authority_pem)
    return path


def plain(server: EnrolmentServer) -> EnrolmentServer:
    """Answer 201 whatever comes."""
    server.answer = lambda path, document: (201, document)  # type: ignore[method-assign]
    return server


def test_answer_comes_over_tls_when_the_server_proves_itself(
    enrolment: EnrolmentServer, tmp_path: Path, authority_file: Path
) -> None:
    context = tls_context(tmp_path, enrolment, names=[LOOPBACK], starts_at=datetime.now(UTC))
    with serving(plain(enrolment), context) as server:
        assert json.loads(ask(server.address, authority_file)) == {"code": "x", "csr": "y"}


@pytest.mark.parametrize(
    ("name", "starts_in_days", "is_known", "reason"),
    [
        pytest.param(ELSEWHERE, -1, True, EnrolmentReason.TLS, id="another-name"),
        pytest.param(LOOPBACK, -1, False, EnrolmentReason.TLS, id="unknown-authority"),
        pytest.param(LOOPBACK, 1, True, EnrolmentReason.CLOCK, id="not-yet-valid"),
        pytest.param(LOOPBACK, -40, True, EnrolmentReason.CLOCK, id="expired"),
    ],
)
def test_nothing_is_sent_when_the_server_does_not_prove_itself(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    authority_file: Path,
    name: x509.GeneralName,
    starts_in_days: int,
    is_known: bool,
    reason: EnrolmentReason,
) -> None:
    starts_at = datetime.now(UTC) + timedelta(days=starts_in_days)
    context = tls_context(tmp_path, enrolment, names=[name], starts_at=starts_at)
    with serving(enrolment, context) as server:
        assert reason_of(server.address, authority_file if is_known else None) is reason
    assert enrolment.requests == []


def test_nothing_is_sent_when_plain_http_answers_where_tls_should(
    enrolment: EnrolmentServer, authority_file: Path
) -> None:
    address = enrolment.address.replace("http:", "https:")
    assert reason_of(address, authority_file) is EnrolmentReason.TLS
    assert enrolment.requests == []


@pytest.mark.parametrize("content", [b"", b"not PEM", None])
def test_authority_is_refused_when_it_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(errors.ConfigurationError, match="authority"):
        ask("https://127.0.0.1:1", path)


def test_server_is_away_when_nobody_listens_or_nobody_knows_the_name() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert reason_of(f"http://127.0.0.1:{port}") is EnrolmentReason.UNREACHABLE
    long_label = "a" * 70
    assert reason_of(f"https://{long_label}.invalid") is EnrolmentReason.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, EnrolmentReason.NOT_THE_SERVER),
        (301, EnrolmentReason.NOT_THE_SERVER),
        (307, EnrolmentReason.NOT_THE_SERVER),
        (400, EnrolmentReason.REQUEST_REFUSED),
        (403, EnrolmentReason.REFUSED),
        (404, EnrolmentReason.NOT_THE_SERVER),
        (409, EnrolmentReason.KEY_USED),
        (422, EnrolmentReason.REQUEST_REFUSED),
        (429, EnrolmentReason.BUSY),
        (500, EnrolmentReason.SERVER_FAILED),
        (503, EnrolmentReason.BUSY),
    ],
)
def test_reason_follows_from_the_status(
    enrolment: EnrolmentServer, status: int, reason: EnrolmentReason
) -> None:
    plain(enrolment).bend = lambda _status, _document: (status, b"{}")
    assert reason_of(enrolment.address) is reason
    assert len(enrolment.requests) == 1  # no redirect was followed, nothing was asked twice


def test_answer_is_refused_when_it_is_too_large(enrolment: EnrolmentServer) -> None:
    plain(enrolment).bend = lambda status, _document: (status, b" " * (64 * 1024 + 1))
    assert reason_of(enrolment.address) is EnrolmentReason.BAD_ANSWER


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen, take one connection, and let the test say what goes over it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


HEAD = b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(b"", EnrolmentReason.NO_ANSWER, id="nothing"),
        pytest.param(HEAD + b'{"gateway_id":', EnrolmentReason.NO_ANSWER, id="half-a-body"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", EnrolmentReason.NOT_THE_SERVER, id="not-http"),
        pytest.param(
            b"HTTP/1.1 201 Created\r\n" + b"X: y\r\n" * 200 + b"\r\n",
            EnrolmentReason.NOT_THE_SERVER,
            id="too-many-headers",
        ),
        pytest.param(
            b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            EnrolmentReason.NO_ANSWER,
            id="bad-chunk",
        ),
    ],
)
def test_exchange_ends_with_a_reason_when_the_answer_is_broken_off(
    sent: bytes, reason: EnrolmentReason
) -> None:
    with raw(lambda connection: connection.sendall(sent)) as address:
        assert reason_of(address) is reason


def test_waiting_ends_when_the_answer_trickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolment_server, "ANSWER_WITHIN_S", 0.3)

    def trickle(connection: socket.socket) -> None:
        # Each byte comes well within any timeout of a single read.
        try:
            connection.sendall(HEAD)
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.05)
        except OSError:
            pass

    started_s = time.monotonic()
    with raw(trickle) as address:
        assert reason_of(address) is EnrolmentReason.NO_ANSWER
        assert time.monotonic() - started_s < 2.0


def test_waiting_ends_when_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolment_server, "ANSWER_WITHIN_S", 0.2)
    done = threading.Event()
    with raw(lambda _connection: done.wait(5) and None) as address:
        assert reason_of(address) is EnrolmentReason.NO_ANSWER
        done.set()


def test_waiting_ends_over_tls_when_the_answer_trickles(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    authority_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(enrolment_server, "ANSWER_WITHIN_S", 0.3)
    context = tls_context(tmp_path, enrolment, names=[LOOPBACK], starts_at=datetime.now(UTC))
    answer_now = threading.Event()
    plain(enrolment).before_answer = lambda: answer_now.wait(5) and None
    with serving(enrolment, context) as server:
        assert reason_of(server.address, authority_file) is EnrolmentReason.NO_ANSWER
        answer_now.set()


def test_environment_names_no_proxy_that_hears_the_code(
    enrolment: EnrolmentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert json.loads(ask(plain(enrolment).address)) == {"code": "x", "csr": "y"}
