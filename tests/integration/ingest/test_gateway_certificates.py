from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy import ports
from deploy.settings import SignerSettings
from ingest import audit, fleet, gateway_certificates, one_time_code, tenancy
from ingest.errors import EnrolmentReason, EnrolmentRefused, SignerAway
from ingest.gateway_certificates import Door, Enrolled, Renewal
from ingest.one_time_code import Purpose
from ingest.signing import Signer
from tests.enrolled_gateways import running_signer, signed_renewal, signing_request

pytestmark = pytest.mark.db

PRACTICE, OTHER_PRACTICE = UUID(int=1), UUID(int=2)
NOW = datetime.now(UTC).replace(microsecond=0)
NETWORK = "198.51.100.7"

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    folder = tmp_path_factory.mktemp("s")
    settings = SignerSettings(folder=folder / "ca", socket=folder / "s.sock")
    # The instant of the tests stands still, however long the whole suite has been running.
    with running_signer(settings, lambda: NOW) as signer:
        yield signer


@pytest.fixture
def door(signer: Signer) -> Door:
    return Door(signer, NOW, NETWORK)


@pytest.fixture
def superuser(database: Any) -> Iterator[Connection]:
    with database.connect("postgres") as connection:
        connection.autocommit = True
        connection.execute(
            "insert into ingest.practice (practice_id, slug, name, time_zone)"
            " values (%s, 'elm', 'n', 'UTC'), (%s, 'oak', 'n', 'UTC')",
            (PRACTICE, OTHER_PRACTICE),
        )
        yield connection


@pytest.fixture
def console(database: Any, superuser: Connection) -> Iterator[Connection]:
    with database.connect("homevitals_console") as connection:
        yield connection


@pytest.fixture
def entrance(database: Any, superuser: Connection) -> Iterator[Connection]:
    with database.connect("homevitals_entrance") as connection:
        yield connection


class Box:
    """A gateway's side: its key, and what it got for it."""

    def __init__(self, entrance: Connection, door: Door) -> None:
        self.entrance, self.door = entrance, door
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = ""

    def claim(self, code: str, csr: str | None = None) -> Enrolled:
        with self.entrance.transaction(), self.entrance.cursor() as cur:
            redeemed = one_time_code.redeem(cur, Purpose.CLAIM_GATEWAY, code, self.door.at)
            assert redeemed is not None
            found = gateway_certificates.enrol(
                cur, redeemed, csr or signing_request(self.key), self.door
            )
        self.certificate = found.certificate
        return found

    def renew(
        self,
        key: ec.EllipticCurvePrivateKey | None = None,
        at: datetime | None = None,
        entrance: Connection | None = None,
        certificate: str = "",
    ) -> Enrolled:
        csr = signing_request(key or ec.generate_private_key(ec.SECP256R1()))
        renewal = Renewal(certificate or self.certificate, csr, signed_renewal(self.key, csr))
        door = Door(self.door.signer, at or self.door.at, NETWORK)
        connection = entrance or self.entrance
        with connection.transaction(), connection.cursor() as cur:
            return gateway_certificates.renew(cur, renewal, door)


@pytest.fixture
def box(entrance: Connection, door: Door) -> Box:
    return Box(entrance, door)


def expect(console: Connection, practice_id: UUID = PRACTICE) -> tuple[str, str]:
    """Return a new gateway and its code."""
    with tenancy.transaction(console, practice_id) as cur:
        gateway_id = fleet.expect(cur, practice_id, "Kitchen", NOW)
        return gateway_id, fleet.claim_code(cur, practice_id, gateway_id, created_by=None, at=NOW)


def revoke(console: Connection, gateway_id: str) -> None:
    with tenancy.transaction(console, PRACTICE) as cur:
        assert fleet.revoke(cur, PRACTICE, gateway_id, NOW)


def refused(reason: EnrolmentReason) -> Any:
    return pytest.raises(EnrolmentRefused, check=lambda error: error.reason is reason)


def events(superuser: Connection) -> list[Any]:
    return superuser.execute(
        "select practice_id, kind, outcome, agent_kind, agent_id, network, detail from ingest.audit_event order by at"
    ).fetchall()


def test_claim_makes_a_gateway_active_and_certified(
    console: Connection, box: Box, superuser: Connection
) -> None:
    gateway_id, code = expect(console)

    enrolled = box.claim(code)

    certificate = x509.load_pem_x509_certificate(enrolled.certificate.encode())
    assert enrolled.gateway_id == gateway_id
    assert certificate.subject.rfc4514_string() == f"CN={gateway_id}"
    assert certificate.public_key() == box.key.public_key()
    life = enrolled.not_after - certificate.not_valid_before_utc
    assert enrolled.renew_after == certificate.not_valid_before_utc + life * 2 / 3
    row = superuser.execute("select status, enrolled_at from ingest.gateway").fetchone()
    assert row == ("active", NOW)
    with tenancy.transaction(console, PRACTICE) as cur:
        (listed,) = gateway_certificates.certificates(cur, PRACTICE)
    serial = f"{certificate.serial_number:x}"
    assert (listed.gateway_id, listed.serial, listed.issued_for, listed.not_after) == (
        gateway_id, serial, "claim", enrolled.not_after,
    )  # fmt: skip
    ((practice_id, kind, outcome, *agent, detail),) = events(superuser)
    assert (practice_id, kind, outcome) == (PRACTICE, "gateway_enrolled", "success")
    assert agent == ["gateway", gateway_id, NETWORK]
    assert detail["serial"] == serial


def test_code_lives_on_when_the_request_was_refused(console: Connection, box: Box) -> None:
    _, code = expect(console)

    with refused(EnrolmentReason.BAD_REQUEST):
        box.claim(code, "no request")
    assert box.claim(code)


def test_code_lives_on_when_the_signer_is_away(
    console: Connection, box: Box, superuser: Connection, tmp_path: Any
) -> None:
    _, code = expect(console)
    here = box.door

    box.door = Door(Signer(tmp_path / "none.sock"), NOW, NETWORK)
    with pytest.raises(SignerAway):
        box.claim(code)
    assert superuser.execute("select status from ingest.gateway").fetchone() == ("expected",)
    assert events(superuser) == []
    box.door = here
    assert box.claim(code)


def test_revoked_gateway_is_not_enrolled_by_a_code_redeemed_before(
    console: Connection, entrance: Connection, door: Door, box: Box
) -> None:
    gateway_id, code = expect(console)
    with entrance.transaction(), entrance.cursor() as cur:
        redeemed = one_time_code.redeem(cur, Purpose.CLAIM_GATEWAY, code, NOW)
    assert redeemed is not None
    revoke(console, gateway_id)

    with refused(EnrolmentReason.REVOKED), entrance.transaction(), entrance.cursor() as cur:
        gateway_certificates.enrol(cur, redeemed, signing_request(box.key), door)


def test_box_that_was_installed_anew_claims_its_place_again(
    console: Connection, entrance: Connection, door: Door, box: Box
) -> None:
    gateway_id, code = expect(console)
    box.claim(code)
    with tenancy.transaction(console, PRACTICE) as cur:
        again = fleet.claim_code(cur, PRACTICE, gateway_id, created_by=None, at=NOW)

    assert Box(entrance, door).claim(again).gateway_id == gateway_id


def test_key_is_taken_once_also_across_practices(
    console: Connection, box: Box, entrance: Connection, door: Door
) -> None:
    box.claim(expect(console)[1])
    _, code = expect(console, OTHER_PRACTICE)
    twin = Box(entrance, door)

    with refused(EnrolmentReason.KEY_USED):
        twin.claim(code, signing_request(box.key))
    with refused(EnrolmentReason.KEY_USED):
        box.renew(box.key)
    twin.claim(code)
    with refused(EnrolmentReason.KEY_USED):
        box.renew(twin.key)


def test_one_key_sent_twice_at_once_gets_one_certificate(
    console: Connection, box: Box, database: Any, superuser: Connection
) -> None:
    box.claim(expect(console)[1])
    key, found = ec.generate_private_key(ec.SECP256R1()), []

    def renew() -> None:
        with database.connect("homevitals_entrance") as connection:
            try:
                found.append(box.renew(key, entrance=connection))
            except EnrolmentRefused as error:
                found.append(error.reason)

    threads = [threading.Thread(target=renew) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(isinstance(one, Enrolled) for one in found) == [False, False, True]
    assert found.count(EnrolmentReason.KEY_USED) == 2
    assert superuser.execute("select count(*) from ingest.certificate").fetchone() == (2,)


def test_renewal_gets_a_certificate_for_the_new_key(
    console: Connection, box: Box, superuser: Connection
) -> None:
    gateway_id, code = expect(console)
    box.claim(code)
    key = ec.generate_private_key(ec.SECP256R1())

    renewed = box.renew(key, at=NOW + timedelta(days=30))

    certificate = x509.load_pem_x509_certificate(renewed.certificate.encode())
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == f"CN={gateway_id}"
    *_, detail = events(superuser)[-1]
    assert (detail["former_was_expired"], detail["former_was_superseded"]) == (False, False)
    box.key, box.certificate = key, renewed.certificate
    assert box.renew(at=NOW + timedelta(days=31))


def test_lost_answer_is_made_good_by_another_renewal_with_the_old_certificate(
    console: Connection, box: Box, superuser: Connection
) -> None:
    box.claim(expect(console)[1])
    box.renew(at=NOW + timedelta(days=30))

    assert box.renew(at=NOW + timedelta(days=30, hours=1))
    assert events(superuser)[-1][-1]["former_was_superseded"] is True


def test_expired_certificate_renews_for_thirty_days_and_the_trail_says_so(
    console: Connection, box: Box, superuser: Connection
) -> None:
    ends_at = box.claim(expect(console)[1]).not_after

    with refused(EnrolmentReason.NOT_TRUSTED):
        box.renew(at=ends_at + timedelta(days=30, seconds=1))
    assert box.renew(at=ends_at + timedelta(days=30))
    assert events(superuser)[-1][-1]["former_was_expired"] is True


def test_revoked_gateway_does_not_renew(console: Connection, box: Box) -> None:
    gateway_id, code = expect(console)
    box.claim(code)
    revoke(console, gateway_id)

    with refused(EnrolmentReason.REVOKED) as found:
        box.renew()
    assert found.value.gateway_id == gateway_id


def test_certificate_that_is_in_no_practice_does_not_renew(
    console: Connection, box: Box, signer: Signer
) -> None:
    gateway_id, code = expect(console)
    box.claim(code)
    stray = signer.issue(gateway_id, signing_request(box.key)).certificate

    with refused(EnrolmentReason.NOT_TRUSTED):
        box.renew(certificate=stray)
    assert box.renew()


def test_certificate_of_another_box_does_not_renew(
    console: Connection, box: Box, entrance: Connection, door: Door
) -> None:
    box.claim(expect(console)[1])
    other = Box(entrance, door)
    other.claim(expect(console)[1])

    with refused(EnrolmentReason.NOT_TRUSTED):
        box.renew(certificate=other.certificate)


def test_renewal_waits_for_a_revocation_that_is_under_way(
    console: Connection, box: Box, database: Any, superuser: Connection
) -> None:
    gateway_id, code = expect(console)
    box.claim(code)
    found: list[object] = []

    def renew() -> None:
        with database.connect("homevitals_entrance") as connection:
            try:
                found.append(box.renew(entrance=connection))
            except EnrolmentRefused as error:
                found.append(error.reason)

    def is_waiting() -> bool:
        return (
            superuser.execute(
                "select from pg_stat_activity where usename = 'homevitals_entrance' and wait_event_type = 'Lock'"
            ).fetchone()
            is not None
        )

    thread = threading.Thread(target=renew)
    with tenancy.transaction(console, PRACTICE) as cur:
        fleet.revoke(cur, PRACTICE, gateway_id, NOW)
        thread.start()
        assert ports.wait_until(is_waiting, timeout_s=20)
    thread.join(30)
    assert found == [EnrolmentReason.REVOKED]


def test_refusals_stand_in_the_trail_of_no_practice(
    entrance: Connection, door: Door, superuser: Connection
) -> None:
    with entrance.transaction(), entrance.cursor() as cur:
        gateway_certificates.record_refusal(cur, audit.Kind.GATEWAY_ENROLLED, "wrong_code", door)
        gateway_certificates.record_refusal(
            cur, audit.Kind.GATEWAY_RENEWED, "revoked", door, "gw-aaaa1111"
        )

    assert sorted(events(superuser), key=lambda one: str(one[1])) == [
        (tenancy.NOBODYS, "gateway_enrolled", "refused", "nobody", "", NETWORK, {"reason": "wrong_code"}),
        (tenancy.NOBODYS, "gateway_renewed", "refused", "gateway", "gw-aaaa1111", NETWORK, {"reason": "revoked"}),
    ]  # fmt: skip


def test_practice_sees_its_own_certificates_only(console: Connection, box: Box) -> None:
    box.claim(expect(console, OTHER_PRACTICE)[1])

    with tenancy.transaction(console, PRACTICE) as cur:
        assert gateway_certificates.certificates(cur, OTHER_PRACTICE) == []


@pytest.mark.parametrize(
    "statement",
    [
        "update ingest.gateway set label = 'x'",
        "update ingest.gateway set revoked_at = now()",
        "insert into ingest.gateway (gateway_id, practice_id, label) values ('gw-aaaa1111', gen_random_uuid(), 'x')",
        "update ingest.certificate set not_after = now()",
        "delete from ingest.certificate",
        "insert into ingest.one_time_code default values",
    ],
)
def test_entrance_may_nothing_else_with_the_fleet(entrance: Connection, statement: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        entrance.execute(statement)
