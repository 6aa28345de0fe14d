"""Each channel against a real server: what arrives there, and what is made of it where nothing does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from alerts import errors
from alerts.channels.email.settings import EmailSettings, Security
from alerts.channels.email.transport import EmailTransport
from alerts.channels.message import Message
from alerts.channels.sms.settings import Content, SmsSettings
from alerts.channels.sms.transport import SmsTransport
from alerts.channels.webhook import signature
from alerts.channels.webhook.settings import WebhookSettings
from alerts.channels.webhook.transport import WebhookTransport
from alerts.errors import Failure
from alerts.measures import Severity
from deploy import certificates, ports
from tests import mail_server
from tests.mail_server import Postbox

AT = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
TASK = "https://vitals.example.org/tasks/5e0bd1a4-0000-4000-8000-000000000002"
MESSAGE = Message(
    message_id=UUID("5e0bd1a4-0000-4000-8000-000000000001"),
    practice="millbrook",
    severity=Severity.URGENT,
    address=TASK,
)
PERSON = "casey.lindqvist@example.org"
MAILBOX_WORD = "rowan-thistle-41"


# A mail server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> certificates.ThrowAwayAuthority:
    return certificates.ThrowAwayAuthority(tmp_path_factory.mktemp("ca"), datetime.now(UTC))


@pytest.fixture(scope="module")
def context(authority: certificates.ThrowAwayAuthority) -> ssl.SSLContext:
    issued = authority.credentials("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate_file, issued.key_file)
    return context


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


def signed_in(server, session, envelope, mechanism, login) -> AuthResult:
    is_known = isinstance(login, LoginPassword) and login == LoginPassword(
        b"homevitals", MAILBOX_WORD.encode()
    )
    return AuthResult(success=is_known)


@pytest.fixture
def to_mail(authority: certificates.ThrowAwayAuthority, tmp_path: Path) -> EmailSettings:
    file = tmp_path / "mail-password"
    file.write_text(f"{MAILBOX_WORD}\n")
    file.chmod(0o600)
    return EmailSettings(
        host="127.0.0.1",
        security=Security.STARTTLS,
        ca_file=authority.ca_file,
        user="homevitals",
        password_file=file,
        sender="alerts@millbrook.example",
        timeout_s=2.0,
    )


def test_an_email_goes_out_encrypted_and_signed_in_and_says_where_to_look(
    postbox: Postbox, to_mail: EmailSettings, context: ssl.SSLContext
) -> None:
    with mail_server.serve(
        postbox,
        tls_context=context,
        require_starttls=True,
        authenticator=signed_in,
        auth_required=True,
    ) as port:
        transport = EmailTransport(replace(to_mail, port=port))
        receipts = {transport.send(MESSAGE, PERSON, AT) for _ in range(2)}

    envelope, _ = postbox.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@millbrook.example", [PERSON])
    mail, again = postbox.mails
    assert receipts == {f"<{MESSAGE.message_id}@millbrook.example>"}
    assert receipts == {mail["Message-ID"], again["Message-ID"]}
    assert mail["Subject"] == "Homevitals, millbrook: urgent task"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert TASK in mail.get_content()


def test_an_email_goes_out_over_tls_from_the_first_byte(
    postbox: Postbox, to_mail: EmailSettings, context: ssl.SSLContext
) -> None:
    settings = replace(to_mail, security=Security.TLS, user="", password_file=Path())
    with mail_server.serve(postbox, ssl_context=context) as port:
        EmailTransport(replace(settings, port=port)).send(MESSAGE, PERSON, AT)
    assert len(postbox.taken) == 1


def _foreign_authority(settings: EmailSettings) -> EmailSettings:
    return replace(settings, ca_file=Path())


def _wrong_password(settings: EmailSettings) -> EmailSettings:
    settings.password_file.write_text("another-word-17")
    return settings


def _no_password(settings: EmailSettings) -> EmailSettings:
    settings.password_file.unlink()
    return settings


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (_foreign_authority, Failure.TLS),
        (_wrong_password, Failure.SIGN_IN),
        (_no_password, Failure.SETTINGS),
    ],
)
def test_an_email_that_cannot_go_out_now_may_go_out_later(
    postbox: Postbox,
    to_mail: EmailSettings,
    context: ssl.SSLContext,
    change: Callable[[EmailSettings], EmailSettings],
    failure: Failure,
) -> None:
    with mail_server.serve(
        postbox,
        tls_context=context,
        require_starttls=True,
        authenticator=signed_in,
        auth_required=True,
    ) as port:
        refused = not_sent(EmailTransport(change(replace(to_mail, port=port))), PERSON)
    assert (refused.failure, refused.is_final, postbox.taken) == (failure, False, [])


def test_a_mail_server_without_encryption_gets_neither_password_nor_message(
    postbox: Postbox, to_mail: EmailSettings
) -> None:
    with mail_server.serve(postbox) as port:
        refused = not_sent(EmailTransport(replace(to_mail, port=port)), PERSON)
    assert (refused.failure, postbox.taken) == (Failure.TLS, [])


@pytest.mark.parametrize(
    ("answer", "to_recipient", "is_final"),
    [
        ("452 no room for " + PERSON, "", False),
        ("554 " + PERSON + " looks like spam", "", True),
        ("", "450 " + PERSON + " is busy", False),
        ("", "550 no " + PERSON + " here", True),
    ],
)
def test_what_the_mail_server_says_decides_whether_there_is_use_in_trying_again(
    postbox: Postbox, to_mail: EmailSettings, answer: str, to_recipient: str, is_final: bool
) -> None:
    postbox.answer, postbox.to_recipient = answer, to_recipient
    plain = replace(to_mail, security=Security.NONE, user="", password_file=Path())
    with mail_server.serve(postbox) as port:
        refused = not_sent(EmailTransport(replace(plain, port=port)), PERSON)
    assert refused.failure is (Failure.REFUSED if is_final else Failure.BUSY)
    assert refused.is_final is is_final


def test_a_mail_server_that_is_away_is_told(to_mail: EmailSettings) -> None:
    away = replace(to_mail, port=ports.free_port())
    assert not_sent(EmailTransport(away), PERSON).failure is Failure.UNREACHABLE


# Receivers of webhooks, providers of text messages


@dataclass
class Receiver:
    """A web server: what was posted to it, and what it answers."""

    port: int = 0
    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    ends = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): text for name, text in self.headers.items()}
            found.posted.append((self.path, headers, body))
            if found.hangs:
                ends.wait(5)
                return
            self.send_response(found.status)
            for name, text in found.headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    ends.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def to_webhook(tmp_path: Path) -> WebhookSettings:
    file = tmp_path / "webhook.keys"
    keys = (hashlib.sha256(name.encode()).digest() for name in ("new", "former"))
    file.write_text("\n".join(base64.b64encode(key).decode() for key in keys))
    file.chmod(0o600)
    return WebhookSettings(hosts=("127.0.0.1",), signing_keys_file=file, timeout_s=1.0)


def test_a_webhook_is_signed_for_its_receiver_and_keeps_its_id(
    receiver: Receiver, to_webhook: WebhookSettings
) -> None:
    transport = WebhookTransport(to_webhook)
    url = f"{receiver.url}/alerts"
    receipts = {transport.send(MESSAGE, url, AT) for _ in range(2)}

    assert receipts == {f"msg_{MESSAGE.message_id}"}
    (path, headers, body), (_, _, body_again) = receiver.posted
    assert (path, body) == ("/alerts", body_again)
    assert json.loads(body) == {
        "type": "task.needs_somebody",
        "data": {
            "message_id": str(MESSAGE.message_id),
            "headline": "A reading needs somebody now",
            "severity": "urgent",
            "practice": "millbrook",
            "address": TASK,
        },
    }
    # As a receiver checks it, which knows the secret of the former key only.
    secret = base64.b64decode(
        signature.written(transport.secrets_of(url)[1]).removeprefix("whsec_")
    )
    signed = b".".join(
        (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    )
    wanted = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{wanted}" in headers["webhook-signature"].split()
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert transport.secrets_of(url) != transport.secrets_of(f"{url}/other")


@pytest.mark.parametrize(
    ("status", "failure", "is_final"),
    [
        (302, Failure.REDIRECTED, True),
        (404, Failure.REFUSED, True),
        (429, Failure.BUSY, False),
        (503, Failure.BUSY, False),
    ],
)
def test_what_a_receiver_answers_decides_whether_there_is_use_in_trying_again(
    receiver: Receiver,
    to_webhook: WebhookSettings,
    status: int,
    failure: Failure,
    is_final: bool,
) -> None:
    receiver.status = status
    receiver.headers = {"location": f"{receiver.url}/elsewhere"}
    refused = not_sent(WebhookTransport(to_webhook), f"{receiver.url}/alerts")
    assert (refused.failure, refused.is_final) == (failure, is_final)
    assert len(receiver.posted) == 1  # nothing followed the redirect


def test_a_receiver_that_never_answers_is_given_up(
    receiver: Receiver, to_webhook: WebhookSettings
) -> None:
    receiver.hangs = True
    quick = replace(to_webhook, timeout_s=0.1)
    assert not_sent(WebhookTransport(quick), receiver.url).failure is Failure.TIMEOUT


def test_an_answer_that_does_not_end_is_no_reason_to_send_again(
    receiver: Receiver, to_webhook: WebhookSettings
) -> None:
    receiver.status, receiver.body = 200, b"x" * 200_000
    assert WebhookTransport(to_webhook).send(MESSAGE, receiver.url, AT)


@pytest.mark.parametrize(
    "address",
    [
        "https://other.example/alerts",
        "https://127.0.0.1.example/alerts",
        "https://127.0.0.1@other.example/",
        "http://[::1]/",
        "file:///etc/passwd",
        "https://127.0.0.1:99999/",
    ],
)
def test_a_webhook_goes_to_no_host_that_the_operator_has_not_named(
    to_webhook: WebhookSettings, address: str
) -> None:
    refused = not_sent(WebhookTransport(to_webhook), address)
    assert (refused.failure, refused.is_final) == (Failure.NOT_ALLOWED, True)


@pytest.fixture
def to_provider(receiver: Receiver, tmp_path: Path) -> SmsSettings:
    file = tmp_path / "sms-secret"
    file.write_text(MAILBOX_WORD)
    file.chmod(0o600)
    return SmsSettings(
        url=f"{receiver.url}/accounts/1/messages",
        body="From=%2B15550001111&To={to}&Body={text}",
        headers=("Authorization: Basic {basic}", "Idempotency-Key: {id}"),
        user="account",
        secret_file=file,
        answer_id="messages.0.id",
        timeout_s=1.0,
    )


def test_a_text_message_is_posted_as_a_form(receiver: Receiver, to_provider: SmsSettings) -> None:
    receiver.status, receiver.body = 201, b'{"messages": [{"id": "SM-17"}]}'
    assert to_provider.faults() == []
    assert SmsTransport(to_provider).send(MESSAGE, "+15552223333", AT) == "SM-17"

    ((path, headers, body),) = receiver.posted
    assert path == "/accounts/1/messages"
    assert parse_qs(body.decode()) == {
        "From": ["+15550001111"],
        "To": ["+15552223333"],
        "Body": [
            f"Homevitals millbrook: urgent task. A reading needs somebody now. {TASK}",
        ],
    }
    assert headers["idempotency-key"] == str(MESSAGE.message_id)
    basic = headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic).decode() == f"account:{MAILBOX_WORD}"


def test_a_text_message_is_posted_as_json_and_nothing_in_it_becomes_a_field(
    receiver: Receiver, to_provider: SmsSettings
) -> None:
    receiver.body = b"no json"
    settings = replace(
        to_provider,
        url=f"{receiver.url}/send/{{to}}",
        content=Content.JSON,
        body='{"to": "{to}", "text": "{text}", "key": "{secret}"}',
    )
    hostile = replace(MESSAGE, practice='x", "to": "+1')
    assert SmsTransport(settings).send(hostile, "+1/../2", AT) == ""

    ((path, headers, body),) = receiver.posted
    assert path == "/send/%2B1%2F..%2F2"
    assert headers["content-type"] == "application/json"
    said = json.loads(body)
    assert (set(said), said["to"], said["key"]) == ({"to", "text", "key"}, "+1/../2", MAILBOX_WORD)


def test_no_error_tells_an_address_or_a_secret(
    receiver: Receiver, to_provider: SmsSettings, to_webhook: WebhookSettings
) -> None:
    receiver.status, receiver.body = 400, f"unknown {PERSON} {MAILBOX_WORD}".encode()
    for transport, address in (
        (SmsTransport(to_provider), "+15552223333"),
        (WebhookTransport(to_webhook), f"{receiver.url}/private-path"),
    ):
        error = not_sent(transport, address)
        said = f"{error} {error!r} {error.__cause__} {error.args}"
        assert not any(
            word in said for word in (PERSON, MAILBOX_WORD, "5552223333", "private-path", "127.")
        )


def not_sent(transport: Any, address: str) -> errors.NotSent:
    with pytest.raises(errors.NotSent) as refused:
        transport.send(MESSAGE, address, AT)
    return refused.value
