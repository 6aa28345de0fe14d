from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ccm_link.settings import CcmLinkSettings
from deploy import certificates
from deploy.settings import SignerSettings
from gateway import enrolment, enrolment_server, identity
from gateway import renewal as gateway_renewal
from ingest import fleet, one_time_code, tenancy
from ingest.one_time_code import Purpose
from ingest.signing import Signer
from tests.console_server import serve
from tests.enrolled_gateways import running_signer, signed_renewal, signing_request

# The statements behind these routes run on both storage engines in the tests of ingest.
pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

PRACTICE, OTHER_PRACTICE, STAFF = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime.now(UTC).replace(microsecond=0)
BROKER = {"host": "broker.example.org", "port": 8883}

Connection = psycopg.Connection[Any]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignerSettings]:
    folder = tmp_path_factory.mktemp("s")
    settings = SignerSettings(folder=folder / "ca", socket=folder / "s.sock")
    with running_signer(settings, lambda: NOW):
        yield settings


@pytest.fixture(scope="module")
def service_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.ThrowAwayAuthority(tmp_path_factory.mktemp("services"), NOW).ca_file


@pytest.fixture
def settings(signer: SignerSettings, service_authority: Path) -> CcmLinkSettings:
    return CcmLinkSettings(
        gateway_broker_host="broker.example.org",
        gateway_broker_port=8883,
        service_authority_file=service_authority,
        signer_socket=signer.socket,
    )


@pytest.fixture
def superuser(database: Any) -> Iterator[Connection]:
    with database.connect("postgres") as connection:
        connection.autocommit = True
        connection.execute(
            "insert into ingest.practice (practice_id, slug, name, time_zone)"
            " values (%s, 'elm', 'n', 'UTC'), (%s, 'oak', 'n', 'UTC')",
            (PRACTICE, OTHER_PRACTICE),
        )
        connection.execute(
            "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)"
            " values (%s, %s, 'casey', 'Casey', 'care_manager')",
            (PRACTICE, STAFF),
        )
        yield connection


@pytest.fixture
def console(database: Any, superuser: Connection) -> Iterator[Connection]:
    with database.connect("homevitals_console") as connection:
        yield connection


@pytest.fixture
def http(
    database: Any, superuser: Connection, clock: Clock, settings: CcmLinkSettings
) -> Iterator[httpx.Client]:
    """A gateway's HTTP client: no cookie, no Origin."""
    with (
        serve(database.conninfo, clock, settings) as served,
        httpx.Client(base_url=served.address, timeout=30) as client,
    ):
        yield client


def expect(console: Connection, practice_id: UUID = PRACTICE) -> tuple[str, str]:
    with tenancy.transaction(console, practice_id) as cur:
        gateway_id = fleet.expect(cur, practice_id, "Kitchen", NOW)
        return gateway_id, fleet.claim_code(cur, practice_id, gateway_id, created_by=None, at=NOW)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def claim(http: httpx.Client, code: str, csr: str | None = None) -> httpx.Response:
    return http.post(
        "/enrol/v1/claim", json={"code": code, "csr": csr or signing_request(new_key())}
    )


def renewal(
    certificate: str, current_key: ec.EllipticCurvePrivateKey, csr: str | None = None
) -> dict[str, str]:
    csr = csr or signing_request(new_key())
    signature = base64.b64encode(signed_renewal(current_key, csr)).decode()
    return {"certificate": certificate, "csr": csr, "signature": signature}


def renew(
    http: httpx.Client,
    certificate: str,
    current_key: ec.EllipticCurvePrivateKey,
    csr: str | None = None,
) -> httpx.Response:
    return http.post("/enrol/v1/renewal", json=renewal(certificate, current_key, csr))


def problem(answer: httpx.Response, status: int, *withheld: str) -> dict[str, Any]:
    """Return a problem document, which repeats nothing of what was sent."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers
    for sent in withheld:
        assert sent not in answer.text
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["what_to_do"]
    return document


class Enrolled:
    """A gateway that has claimed its place."""

    def __init__(self, http: httpx.Client, console: Connection) -> None:
        self.key = new_key()
        self.gateway_id, code = expect(console)
        answer = claim(http, code, signing_request(self.key))
        assert answer.status_code == 201
        self.certificate: str = answer.json()["certificate"]


@pytest.fixture
def gateway(http: httpx.Client, console: Connection) -> Enrolled:
    return Enrolled(http, console)


def test_claim_is_answered_with_all_that_a_gateway_needs(
    http: httpx.Client, console: Connection, service_authority: Path, signer: SignerSettings
) -> None:
    gateway_id, code = expect(console)
    key = new_key()

    answer = claim(http, code.lower().replace("-", " "), signing_request(key))

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert set(told) == {
        "gateway_id", "certificate", "authority", "configuration_keys", "broker", "renew_after", "server_time",
    }  # fmt: skip
    certificate = x509.load_pem_x509_certificate(told["certificate"].encode())
    assert told["gateway_id"] == gateway_id
    assert certificate.subject.rfc4514_string() == f"CN={gateway_id}"
    assert certificate.public_key() == key.public_key()
    (authority,) = x509.load_pem_x509_certificates(Signer(signer.socket).authority())
    certificate.verify_directly_issued_by(authority)
    assert told["authority"] == service_authority.read_text()
    assert told["configuration_keys"] == Signer(signer.socket).configuration_keys().decode()
    assert told["broker"] == BROKER
    assert told["server_time"].endswith("Z")
    assert datetime.fromisoformat(told["server_time"]) == NOW
    assert told["renew_after"].endswith("Z")
    until_renewal = datetime.fromisoformat(told["renew_after"]) - NOW
    assert timedelta(days=29) < until_renewal < timedelta(days=31)


def test_every_code_that_does_not_count_gets_the_same_answer(
    http: httpx.Client, console: Connection, clock: Clock
) -> None:
    _, used = expect(console)
    claim(http, used)
    _, void = expect(console)
    wrong = void[:-1] + ("2" if void[-1] != "2" else "3")
    wrong_answers = [claim(http, wrong) for _ in range(5)]
    revoked_id, revoked = expect(console)
    with tenancy.transaction(console, PRACTICE) as cur:
        fleet.revoke(cur, PRACTICE, revoked_id, NOW)
        invitation = one_time_code.issue(
            cur, PRACTICE, Purpose.INVITE_STAFF, STAFF, created_by=None, at=NOW
        )
    _, expired = expect(console)
    answers = [
        *wrong_answers,
        *(
            claim(http, code)
            for code in (used, void, revoked, invitation, "0000-0000-0000-0000-0000", "?")
        ),
    ]
    clock.now += timedelta(hours=24)
    answers.append(claim(http, expired))

    documents = [problem(answer, 403, answer.request.content.decode()) for answer in answers]
    assert all(document == documents[0] for document in documents)
    assert documents[0]["reason"] == "wrong_code"


def test_code_decides_about_the_practice(
    http: httpx.Client, console: Connection, superuser: Connection
) -> None:
    theirs, code = expect(console, OTHER_PRACTICE)
    mine, _ = expect(console)

    assert claim(http, code).json()["gateway_id"] == theirs
    states = superuser.execute("select gateway_id, status from ingest.gateway").fetchall()
    assert dict(states) == {theirs: "active", mine: "expected"}


def csr_of(key: Any) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def csr_with_broken_signature() -> str:
    der = bytearray(
        x509.load_pem_x509_csr(csr_of(new_key()).encode()).public_bytes(serialization.Encoding.DER)
    )
    der[-1] ^= 1
    body = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


BAD_CSRS = {
    "no PEM": lambda: "no request",
    "NUL-free binary": lambda: "\x01\x02\x7f",
    "two requests": lambda: csr_of(new_key()) + csr_of(new_key()),
    "RSA 2048": lambda: csr_of(rsa.generate_private_key(65537, 2048)),
    "broken signature": csr_with_broken_signature,
    "private key": lambda: new_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode(),
    "other script": lambda: "-----BEGIN CERTIFICATE REQUEST-----\nÄÄÄÄ\n-----END CERTIFICATE REQUEST-----",
}  # fmt: skip


def test_request_that_is_not_taken_costs_no_code(http: httpx.Client, console: Connection) -> None:
    _, code = expect(console)

    for make in BAD_CSRS.values():
        csr = make()
        assert problem(claim(http, code, csr), 422, csr, code)["reason"] == "bad_request"
    assert claim(http, code).status_code == 201


def test_used_key_costs_no_code(http: httpx.Client, console: Connection, gateway: Enrolled) -> None:
    _, code = expect(console)

    document = problem(claim(http, code, signing_request(gateway.key)), 422, code)
    assert document["reason"] == "key_used"
    assert claim(http, code).status_code == 201


def test_renewal_is_answered_like_a_claim(
    http: httpx.Client,
    gateway: Enrolled,
    clock: Clock,
    service_authority: Path,
    signer: SignerSettings,
) -> None:
    clock.now += timedelta(days=31)
    key = new_key()

    answer = renew(http, gateway.certificate, gateway.key, signing_request(key))

    assert answer.status_code == 201
    told = answer.json()
    certificate = x509.load_pem_x509_certificate(told["certificate"].encode())
    assert told["gateway_id"] == gateway.gateway_id
    assert certificate.public_key() == key.public_key()
    assert (told["broker"], told["authority"]) == (BROKER, service_authority.read_text())
    assert told["configuration_keys"] == Signer(signer.socket).configuration_keys().decode()
    assert renew(http, told["certificate"], key).status_code == 201


def test_gateways_own_client_claims_and_renews_here(
    http: httpx.Client, console: Connection, tmp_path: Path
) -> None:
    gateway_id, code = expect(console)
    server = str(http.base_url)

    claimed = enrolment.claim(server, None, code.lower(), tmp_path, NOW).generation
    renewed, server_time = gateway_renewal.renew(
        enrolment_server.at(server, None), claimed, identity.IdentityFolder(tmp_path)
    )

    assert claimed.access.gateway_id == renewed.access.gateway_id == gateway_id
    assert claimed.access.key_file.read_bytes() != renewed.access.key_file.read_bytes()
    assert server_time == NOW


def test_certificate_renews_for_thirty_days_after_its_end(
    http: httpx.Client, gateway: Enrolled, clock: Clock
) -> None:
    clock.now = NOW + timedelta(days=76)
    document = problem(renew(http, gateway.certificate, gateway.key), 403, gateway.gateway_id)
    assert document["reason"] == "not_trusted"

    clock.now = NOW + timedelta(days=74)
    assert renew(http, gateway.certificate, gateway.key).status_code == 201


def test_renewal_that_proves_nothing_gets_the_same_answer_as_one_of_a_revoked_gateway(
    http: httpx.Client, console: Connection, gateway: Enrolled, signer: SignerSettings
) -> None:
    stray_key = new_key()
    stray = Signer(signer.socket).issue("gw-zzzz9999", signing_request(stray_key)).certificate
    good = renewal(gateway.certificate, gateway.key)
    answers = [
        renew(http, gateway.certificate, new_key()),
        renew(http, stray, stray_key),
        renew(http, "no certificate", gateway.key),
        renew(http, gateway.certificate * 2, gateway.key),
        http.post("/enrol/v1/renewal", json=good | {"csr": signing_request(new_key())}),
        http.post("/enrol/v1/renewal", json=good | {"signature": "AAAA"}),
    ]
    with tenancy.transaction(console, PRACTICE) as cur:
        assert fleet.revoke(cur, PRACTICE, gateway.gateway_id, NOW)
    answers.append(http.post("/enrol/v1/renewal", json=good))

    documents = [problem(answer, 403, gateway.gateway_id) for answer in answers]
    assert all(document == documents[0] for document in documents)


def test_key_that_was_used_before_is_a_conflict(http: httpx.Client, gateway: Enrolled) -> None:
    csr = signing_request(gateway.key)

    assert problem(renew(http, gateway.certificate, gateway.key, csr), 409)["reason"] == "key_used"


def test_renewal_with_a_request_that_is_not_taken_is_refused(
    http: httpx.Client, gateway: Enrolled, subtests: pytest.Subtests
) -> None:
    for name, bad_csr in BAD_CSRS.items():
        with subtests.test(name):
            given = renewal(gateway.certificate, gateway.key) | {"csr": bad_csr()}
            document = problem(http.post("/enrol/v1/renewal", json=given), 422, given["csr"])
            assert document["reason"] == "bad_request"


def test_signature_has_to_be_base64(
    http: httpx.Client, gateway: Enrolled, subtests: pytest.Subtests
) -> None:
    for signature in ("", "%%%", "A", "AAAA" * 200, "ÄÄÄÄ"):
        with subtests.test(signature[:8]):
            given = renewal(gateway.certificate, gateway.key) | {"signature": signature}
            document = problem(http.post("/enrol/v1/renewal", json=given), 422)
            assert set(document["fields"]) == {"signature"}


@pytest.fixture
def without_signer(settings: CcmLinkSettings, tmp_path: Path) -> CcmLinkSettings:
    return replace(settings, signer_socket=tmp_path / "none.sock")


@pytest.fixture
def without_broker(settings: CcmLinkSettings) -> CcmLinkSettings:
    return replace(settings, gateway_broker_host="")


@pytest.fixture
def without_authority(settings: CcmLinkSettings, tmp_path: Path) -> CcmLinkSettings:
    return replace(settings, service_authority_file=tmp_path / "none.pem")


@pytest.mark.parametrize("lack", ["without_signer", "without_broker", "without_authority"])
def test_code_is_good_later_when_nothing_can_be_signed_now(
    request: pytest.FixtureRequest,
    database: Any,
    console: Connection,
    clock: Clock,
    http: httpx.Client,
    lack: str,
) -> None:
    _, code = expect(console)

    with (
        serve(database.conninfo, clock, request.getfixturevalue(lack)) as served,
        httpx.Client(base_url=served.address, timeout=30) as lame,
    ):
        assert problem(claim(lame, code), 503, code)["reason"] == "signer_away"
        if lack != "without_signer":
            problem(lame.post("/enrol/v1/renewal", json=renewal("x", new_key())), 503)
    assert claim(http, code).status_code == 201


def test_too_many_tries_have_to_wait(http: httpx.Client, console: Connection) -> None:
    _, code = expect(console)
    answers = [http.post("/enrol/v1/claim", json={}) for _ in range(21)]

    problem(answers[-2], 422)
    problem(answers[-1], 429)
    assert int(answers[-1].headers["retry-after"]) >= 1
    problem(claim(http, code), 429)


def test_what_happened_is_in_the_trail_and_nothing_that_was_sent(
    http: httpx.Client,
    console: Connection,
    gateway: Enrolled,
    superuser: Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, code = expect(console)
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    with caplog.at_level("DEBUG"):
        claim(http, wrong)
        renew(http, gateway.certificate, gateway.key)
        renew(http, gateway.certificate, new_key())
        claim(http, code, "no request")

    events = superuser.execute(
        "select practice_id, kind, outcome, agent_kind, network from ingest.audit_event"
    ).fetchall()
    here = "127.0.0.1"
    assert sorted(events, key=str) == sorted(
        [
            (PRACTICE, "gateway_enrolled", "success", "gateway", here),
            (PRACTICE, "gateway_renewed", "success", "gateway", here),
            (tenancy.NOBODYS, "gateway_enrolled", "refused", "nobody", here),
            (tenancy.NOBODYS, "gateway_renewed", "refused", "nobody", here),
        ],
        key=str,
    )
    (trail,) = superuser.execute(
        "select string_agg(audit_event::text, ' ') from ingest.audit_event"
    )
    written = trail[0] + "".join(str(vars(record)) for record in caplog.records)
    for secret in (code, wrong, wrong.replace("-", ""), gateway.certificate[40:80]):
        assert secret not in written
