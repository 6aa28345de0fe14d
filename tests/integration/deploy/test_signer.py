from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy import errors, ports
from deploy.settings import SignerSettings
from deploy.signer import service
from firmware_profiles import gateway_configuration
from gateway import configuration_keys
from ingest import signing
from ingest.errors import EnrolmentReason, EnrolmentRefused, SignerAway
from ingest.signing import RevokedSerial, Signer
from tests import signed_configurations
from tests.enrolled_gateways import answers, running_signer, signing_request

GATEWAY = "gw-aaaa1111"
KEY = ec.generate_private_key(ec.SECP256R1())
CSR = signing_request(KEY)


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> SignerSettings:
    folder = tmp_path_factory.mktemp("s")
    return SignerSettings(folder=folder / "signer", socket=folder / "s.sock")


@pytest.fixture
def signer(settings: SignerSettings) -> Iterator[Signer]:
    with running_signer(settings) as signer:
        yield signer


def asked(settings: SignerSettings, *lines: bytes) -> list[bytes]:
    """Send lines on one connection, nothing after them, and return the answers until the signer closes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(settings.socket))
        connection.sendall(b"".join(lines))
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").readlines()


def test_request_comes_back_as_a_certificate_of_the_authority(signer: Signer) -> None:
    issued = signer.issue(GATEWAY, CSR)

    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
    (authority,) = x509.load_pem_x509_certificates(signer.authority())
    certificate.verify_directly_issued_by(authority)
    assert certificate.subject.rfc4514_string() == f"CN={GATEWAY}"
    assert issued.not_after == certificate.not_valid_after_utc


def test_revoked_serials_come_back_in_a_list(signer: Signer) -> None:
    serial, now = signer.issue(GATEWAY, CSR).serial, datetime.now(UTC)

    found = x509.load_pem_x509_crl(signer.revocation_list([RevokedSerial(serial, now)]))

    assert [f"{one.serial_number:x}" for one in found] == [serial]


def test_list_of_ten_thousand_fits(signer: Signer) -> None:
    now = datetime.now(UTC)
    revoked = [RevokedSerial(f"{(1 << 158) + number:x}", now) for number in range(10_000)]

    found = x509.load_pem_x509_crl(signer.revocation_list(revoked))

    assert len(found) == 10_000


@pytest.mark.parametrize(
    ("gateway_id", "csr", "reason"),
    [
        (GATEWAY, "no request", EnrolmentReason.BAD_REQUEST),
        ("gw-aaaa/111", CSR, EnrolmentReason.UNKNOWN_GATEWAY),
    ],
    ids=["request", "name"],
)
def test_refusal_has_its_reason(
    signer: Signer, gateway_id: str, csr: str, reason: EnrolmentReason
) -> None:
    with pytest.raises(EnrolmentRefused) as refused:
        signer.issue(gateway_id, csr)

    assert refused.value.reason is reason


def line(**members: object) -> bytes:
    return json.dumps(members).encode() + b"\n"


REVOKED_AT = "2026-11-12T15:42:00Z"


@pytest.mark.parametrize(
    "question",
    [
        b"\n",
        b"what?\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'{"do": "issue", "do": "authority"}\n',
        b'{"do": NaN}\n',
        b"[" * 100_000 + b"\n",
        line(),
        line(do="sign"),
        line(do=["issue"]),
        line(do="issue"),
        line(do="issue", gateway_id=GATEWAY),
        line(do="issue", gateway_id=7, csr=CSR),
        line(do="issue", gateway_id=GATEWAY, csr=[CSR]),
        line(do="revocation_list"),
        line(do="revocation_list", serials={}),
        line(do="revocation_list", serials=["aa"]),
        line(do="revocation_list", serials=[{"serial": "0", "revoked_at": REVOKED_AT}]),
        line(do="revocation_list", serials=[{"serial": "-1", "revoked_at": REVOKED_AT}]),
        line(do="revocation_list", serials=[{"serial": "f" * 40, "revoked_at": REVOKED_AT}]),
        line(do="revocation_list", serials=[{"serial": "AA", "revoked_at": REVOKED_AT}]),
        line(do="revocation_list", serials=[{"serial": "aa", "revoked_at": "yesterday"}]),
        line(do="revocation_list", serials=[{"serial": "aa", "revoked_at": REVOKED_AT[:-1]}]),
        line(do="revocation_list", serials=[{"serial": "aa", "revoked_at": 5}]),
        line(do="sign_configuration"),
        line(do="sign_configuration", content="no base64"),
        line(do="sign_configuration", content="bm8gY29uZmlndXJhdGlvbg=="),
        line(do="sign_configuration", content=[]),
    ],
    ids=[
        "empty line", "no JSON", "no UTF-8", "no object", "key twice", "NaN", "nested", "empty object", "unknown",
        "no word", "without all", "without request", "id is a number", "request is a list", "without serials",
        "serials no list", "serial no object", "serial zero", "serial negative", "serial too long",
        "serial in capitals", "no instant", "instant without zone", "instant is a number",
        "without content", "content no base64", "content no configuration", "content a list",
    ],
)  # fmt: skip
def test_malformed_question_costs_its_own_answer_alone(
    settings: SignerSettings, signer: Signer, question: bytes
) -> None:
    answers = asked(settings, question, line(do="authority"))

    assert [json.loads(answer) for answer in answers[:1]] == [{"refused": "malformed"}]
    assert "certificate" in json.loads(answers[1])


def test_year_that_no_list_can_hold_is_refused(settings: SignerSettings, signer: Signer) -> None:
    question = line(
        do="revocation_list", serials=[{"serial": "aa", "revoked_at": "0001-01-01T00:00:00Z"}]
    )

    (answer, after) = asked(settings, question, line(do="authority"))

    assert "refused" in json.loads(answer)
    assert "certificate" in json.loads(after)


def test_line_without_end_is_cut_and_the_signer_lives_on(
    settings: SignerSettings, signer: Signer
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(settings.socket))
        with pytest.raises(OSError):  # noqa: PT011 - whichever the kernel says first
            connection.sendall(b"x" * (4 * signing.MOST_LINE_BYTES))
    assert signer.authority()


def test_half_a_question_is_malformed(settings: SignerSettings, signer: Signer) -> None:
    (answer,) = asked(settings, b'{"do": "auth')
    assert json.loads(answer) == {"refused": "malformed"}
    assert signer.authority()


def test_silent_guests_do_not_keep_others_out(settings: SignerSettings, signer: Signer) -> None:
    guests = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for guest in guests:
        guest.connect(str(settings.socket))

    assert signer.authority()
    for guest in guests:
        guest.close()


def test_socket_is_for_its_user_or_its_group(settings: SignerSettings, signer: Signer) -> None:
    assert stat.S_IMODE(settings.socket.stat().st_mode) == 0o600
    shared = SignerSettings(
        folder=settings.folder.parent / "t",
        socket=settings.folder.parent / "t.sock",
        socket_for_group=True,
    )
    with running_signer(shared):
        assert stat.S_IMODE(shared.socket.stat().st_mode) == 0o660


def test_every_certificate_is_noted(signer: Signer, settings: SignerSettings) -> None:
    issued = [signer.issue(GATEWAY, CSR), signer.issue("gw-bbbb2222", CSR)]

    file = settings.folder / "issued.jsonl"
    noted = [json.loads(one) for one in file.read_text().splitlines()]
    assert [(one["gateway_id"], one["serial"]) for one in noted] == [
        (GATEWAY, issued[0].serial),
        ("gw-bbbb2222", issued[1].serial),
    ]
    assert abs(signing.instant_of(noted[0]["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_configuration_comes_back_signed_and_is_noted(
    signer: Signer, settings: SignerSettings
) -> None:
    content = gateway_configuration.encode(signed_configurations.configuration(3))

    signed = signer.sign_configuration(content)

    keys = configuration_keys.read(signer.configuration_keys())
    assert configuration_keys.has_signed(keys[signed.key_id], signed)
    (noted,) = (settings.folder / "issued.jsonl").read_text().splitlines()
    assert json.loads(noted)["configuration"] == 3


def test_nothing_is_handed_out_that_could_not_be_noted(
    signer: Signer, settings: SignerSettings
) -> None:
    (settings.folder / "issued.jsonl").mkdir()

    with pytest.raises(SignerAway):
        signer.issue(GATEWAY, CSR)
    with pytest.raises(SignerAway):
        signer.sign_configuration(
            gateway_configuration.encode(signed_configurations.configuration())
        )
    (settings.folder / "issued.jsonl").rmdir()
    assert signer.issue(GATEWAY, CSR)


def test_authority_and_log_go_on_after_a_restart(settings: SignerSettings) -> None:
    with running_signer(settings) as first:
        before = first.authority()
        first.issue(GATEWAY, CSR)
    assert not settings.socket.exists()

    with socket.socket(socket.AF_UNIX) as left_over:  # as a killed signer leaves it behind
        left_over.bind(str(settings.socket))
    with running_signer(settings) as second:
        assert ports.wait_until(lambda: answers(settings), timeout_s=30)
        assert second.authority() == before
        second.issue(GATEWAY, CSR)
    assert len((settings.folder / "issued.jsonl").read_text().splitlines()) == 2


def test_second_signer_does_not_start_in_the_same_folder(
    signer: Signer, settings: SignerSettings
) -> None:
    with pytest.raises(errors.ProcessFailed):
        service.run(settings, threading.Event())
    assert signer.authority()


def test_socket_that_cannot_be_made_is_said(settings: SignerSettings, tmp_path: Path) -> None:
    with pytest.raises(errors.ProcessFailed):
        service.run(
            SignerSettings(folder=settings.folder, socket=tmp_path / "not there" / "s.sock"),
            threading.Event(),
        )


@pytest.fixture
def false_signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes], Signer]]:
    """Something on the socket that answers whatever the test says, once."""
    path = tmp_path_factory.mktemp("f") / "f.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer_with(answer: bytes) -> Signer:
            def answer_once() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

            threading.Thread(target=answer_once, daemon=True).start()
            return Signer(path, timeout_s=5.0)

        yield answer_with


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"no JSON\n", b"{}\n", b"[1]\n", b'{"certificate": 7}\n', b'{"certificate": "text"}\n',
        b'{"refused": "failed"}\n', b'{"refused": "malformed"}\n', b'{"refused": {}}\n', b'{"refused": "no"',
        b'{"certificate": "-----BEGIN CERTIFICATE-----", "serial": "zz", "not_before": "x"}\n',
    ],
    ids=[
        "nothing", "no JSON", "empty", "no object", "number", "no PEM", "failed", "malformed", "odd refusal",
        "half a line", "odd serial",
    ],
)  # fmt: skip
def test_answer_that_is_none_means_that_the_signer_is_away(
    false_signer: Callable[[bytes], Signer], answer: bytes
) -> None:
    with pytest.raises(SignerAway):
        false_signer(answer).issue(GATEWAY, CSR)


def test_signer_that_is_not_there_is_away(tmp_path: Path) -> None:
    with pytest.raises(SignerAway) as away:
        Signer(tmp_path / "s.sock").authority()
    assert "homevitals signer" in str(away.value)


def test_signer_that_hangs_is_away(false_signer: Callable[[bytes], Signer], tmp_path: Path) -> None:
    path = tmp_path / "h.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(SignerAway):
            Signer(path, timeout_s=0.2).authority()


def test_command_serves_until_it_is_told_to_stop(settings: SignerSettings, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text(f'[signer]\nfolder = "{settings.folder}"\nsocket = "{settings.socket}"\n')
    command = [sys.executable, "-m", "deploy.cli", "signer", "--config", str(file)]

    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert ports.wait_until(lambda: answers(settings), timeout_s=30)
        assert Signer(settings.socket).issue(GATEWAY, CSR)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)

    assert process.returncode == 0
    lines = [json.loads(one) for one in told.splitlines()]
    assert [one["event"] for one in lines] == ["signer_ready", "certificate_issued"]
    assert lines[1]["gateway_id"] == GATEWAY
    assert not settings.socket.exists()
