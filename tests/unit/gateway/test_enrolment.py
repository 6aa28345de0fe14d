"""Claiming a gateway: what comes of a code, whatever the server answers and whatever is there already."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import configuration_store, enrolment, errors, identity, key_pair
from gateway.enrolment import Claimed
from gateway.errors import EnrolmentReason
from gateway.handover import Discard, KeepFor
from gateway.identity import IdentityFolder
from gateway.outbox import Outbox
from gateway.record import CapturedRecord
from tests.enrolment_server import CODE, GATEWAY, EnrolmentServer, rfc3339

Captured = Callable[[int], CapturedRecord]
Document = dict[str, Any]

# The fixture `enrolment` of this folder is the server.
Claim = Callable[..., Claimed]


@pytest.fixture
def server(enrolment: EnrolmentServer) -> EnrolmentServer:
    return enrolment


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def claim(server: EnrolmentServer, state: Path) -> Claim:
    def run(code: str = CODE, ahead: timedelta = timedelta(), **options: Any) -> Claimed:
        return enrolment.claim(
            server.address, None, code, state, datetime.now(UTC) + ahead, **options
        )

    return run


def reason_of(claim: Claim, **options: Any) -> EnrolmentReason:
    return failure_of(claim, **options).reason


def failure_of(claim: Claim, **options: Any) -> errors.EnrolmentError:
    with pytest.raises(errors.EnrolmentError) as failed:
        claim(**options)
    return failed.value


def put_records(state: Path, captured: Captured, count: int, *, delivered: bool = False) -> None:
    outbox = Outbox(state, datetime.now(UTC))
    for number in range(count):
        outbox.append(captured(number))
    if delivered:
        outbox._file.connection.execute("update record set state = 'receipted'")
    outbox.close()


def outbox_of(state: Path) -> tuple[str, int, int]:
    outbox = Outbox(state, datetime.now(UTC))
    found = outbox.epoch, outbox.highest_seq, outbox.waiting_count
    outbox.close()
    return found


def test_identity_is_in_place_when_the_code_is_right(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    server.broker = ("broker.example.org", 8884)
    claimed = claim(f"  {CODE}\n")
    assert IdentityFolder(state).usable() == [claimed.generation]
    access = claimed.generation.access
    assert (access.gateway_id, access.broker_host, access.broker_port) == (
        GATEWAY,
        "broker.example.org",
        8884,
    )
    assert access.ca_file.read_bytes() == server.authority_pem
    assert claimed.generation.enrolment_server == server.address
    assert abs(claimed.clock_ahead_s) < 10
    ((path, sent),) = server.requests
    assert (path, sent["code"], set(sent)) == ("/enrol/v1/claim", CODE, {"code", "csr"})
    assert not IdentityFolder(state).is_unfinished


def test_authority_of_the_server_is_kept_for_renewals(
    server: EnrolmentServer, state: Path, tmp_path: Path
) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_bytes(server.authority_pem)
    claimed = enrolment.claim(server.address, authority, CODE, state, datetime.now(UTC))
    authority.unlink()
    kept = claimed.generation.enrolment_authority_file
    assert kept is not None
    assert kept.read_bytes() == server.authority_pem


def test_configuration_keys_come_with_the_identity(claim: Claim, server: EnrolmentServer) -> None:
    (key,) = claim().generation.configuration_keys.values()
    assert server.configuration_key is not None
    assert key == server.configuration_key.public_key()


def test_a_server_that_signs_no_configurations_is_no_worse(
    claim: Claim, server: EnrolmentServer
) -> None:
    server.configuration_key = None
    assert claim().generation.configuration_keys == {}


@pytest.mark.parametrize("code", ["", "  \n", "abc", "x" * 101, "K7QF\x002M9X", "K7QF\n2M9X"])
def test_nothing_is_asked_when_that_cannot_be_a_code(
    claim: Claim, server: EnrolmentServer, state: Path, code: str
) -> None:
    assert reason_of(claim, code=code) is EnrolmentReason.BAD_CODE
    assert server.requests == []
    assert not state.exists()


def test_words_say_what_to_do_when_the_code_is_wrong(claim: Claim, state: Path) -> None:
    failure = failure_of(claim, code="WRONG-CODE")
    assert failure.reason is EnrolmentReason.REFUSED
    assert "ask the practice for a new one" in str(failure)
    assert "WRONG" not in str(failure)
    assert not IdentityFolder(state).is_there
    assert not IdentityFolder(state).is_unfinished


def test_code_is_still_good_when_the_server_was_away(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    with pytest.raises(errors.ServerAwayError, match="has not been used") as failed:
        enrolment.claim("http://127.0.0.1:1", None, CODE, state, datetime.now(UTC))
    assert failed.value.exit_code is errors.ExitCode.UNREACHABLE
    assert claim().generation.number == 1


@pytest.mark.parametrize("status", [429, 503])
def test_code_is_still_good_when_the_server_is_busy(
    claim: Claim, server: EnrolmentServer, status: int
) -> None:
    server.bend = lambda _status, _document: (status, b"")
    assert "has not been used" in str(failure_of(claim))


def drop(name: str) -> Callable[[Document, EnrolmentServer], object]:
    return lambda document, _server: document.pop(name)


def put(name: str, entry: object) -> Callable[[Document, EnrolmentServer], object]:
    return lambda document, _server: document.update({name: entry})


def _for_another_key(document: Document, server: EnrolmentServer) -> None:
    document["certificate"] = server.issued(key_pair.make().public_key())["certificate"]


def _named(name: str) -> Callable[[Document, EnrolmentServer], None]:
    def change(document: Document, server: EnrolmentServer) -> None:
        request = server.requests[-1][1]["csr"].encode()
        public_key = x509.load_pem_x509_csr(request).public_key()
        certificate = server.sign(name, public_key)
        document["certificate"] = certificate.public_bytes(serialization.Encoding.PEM).decode()

    return change


def _twice(document: Document, server: EnrolmentServer) -> None:
    document["certificate"] *= 2


def _minutes_off(minutes: float) -> Callable[[Document, EnrolmentServer], None]:
    def change(document: Document, server: EnrolmentServer) -> None:
        document["server_time"] = rfc3339(server.now() + timedelta(minutes=minutes))

    return change


YEAR = 365 * 24 * 60
_P256_PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


@pytest.mark.parametrize(
    "change",
    [
        *(
            pytest.param(drop(name), id=f"no-{name}")
            for name in (
                "gateway_id",
                "certificate",
                "authority",
                "broker",
                "renew_after",
                "server_time",
            )
        ),
        pytest.param(put("gateway_id", 7), id="id-a-number"),
        pytest.param(put("gateway_id", "gw-somebody"), id="id-of-another"),
        pytest.param(put("gateway_id", "../../etc"), id="id-a-path"),
        pytest.param(put("certificate", None), id="certificate-null"),
        pytest.param(put("certificate", ""), id="certificate-empty"),
        pytest.param(put("certificate", "no PEM"), id="certificate-no-pem"),
        pytest.param(put("certificate", "ü"), id="certificate-not-ascii"),
        pytest.param(_for_another_key, id="certificate-for-another-key"),
        pytest.param(_twice, id="two-certificates"),
        pytest.param(_named("ingest-1"), id="name-of-the-server"),
        pytest.param(_named("gw-somebod1"), id="name-of-another-gateway"),
        pytest.param(_named("gw-aaaa/bbb"), id="name-with-a-slash"),
        pytest.param(_named("gw-claimed1 "), id="name-with-a-space"),
        pytest.param(_named("+"), id="name-a-wildcard"),
        pytest.param(put("authority", "no PEM"), id="authority-no-pem"),
        pytest.param(put("configuration_keys", "no PEM"), id="keys-no-pem"),
        pytest.param(put("configuration_keys", 7), id="keys-a-number"),
        pytest.param(put("configuration_keys", _P256_PEM), id="keys-of-another-kind"),
        pytest.param(put("broker", "broker:8883"), id="broker-a-string"),
        pytest.param(put("broker", {"host": "b"}), id="broker-no-port"),
        pytest.param(put("broker", {"host": "", "port": 1}), id="broker-no-host"),
        pytest.param(put("broker", {"host": "a b", "port": 1}), id="broker-a-space"),
        pytest.param(put("broker", {"host": "b", "port": 0}), id="port-zero"),
        pytest.param(put("broker", {"host": "b", "port": 65536}), id="port-too-high"),
        pytest.param(put("broker", {"host": "b", "port": True}), id="port-true"),
        pytest.param(put("broker", {"host": "b", "port": "8883"}), id="port-a-string"),
        pytest.param(put("renew_after", "2026-12-01"), id="renewal-a-date"),
        pytest.param(put("renew_after", "2026-12-01T00:00:00+01:00"), id="renewal-other-zone"),
        pytest.param(put("renew_after", "2099-01-01T00:00:00Z"), id="renewal-after-the-end"),
        pytest.param(put("renew_after", "1999-01-01T00:00:00Z"), id="renewal-before-the-start"),
        pytest.param(put("server_time", 0), id="time-a-number"),
        pytest.param(_minutes_off(-120), id="certificate-not-yet-valid-to-the-server"),
        pytest.param(_minutes_off(YEAR), id="certificate-expired-to-the-server"),
    ],
)
def test_no_identity_comes_of_an_answer_that_cannot_be_right(
    claim: Claim,
    server: EnrolmentServer,
    state: Path,
    change: Callable[[Document, EnrolmentServer], object],
) -> None:
    def bend(status: int, document: Document) -> tuple[int, bytes]:
        change(document, server)
        return status, json.dumps(document).encode()

    server.bend = bend
    failure = failure_of(claim)
    assert failure.reason is EnrolmentReason.BAD_ANSWER
    assert "may be used up" in str(failure)
    assert not IdentityFolder(state).is_there


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="an-array"),
        pytest.param(b'{"gateway_id": "gw-claimed1"', id="cut-off"),
        pytest.param(b'{"gateway_id": "a", "gateway_id": "b"}', id="twice"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="utf-16"),
        pytest.param(b'{"a":' * 1000 + b"1" + b"}" * 1000, id="deep"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="long-number"),
        pytest.param(b"<html>Welcome</html>", id="a-page"),
    ],
)
def test_no_identity_comes_of_an_answer_that_is_not_json(
    claim: Claim, server: EnrolmentServer, state: Path, body: bytes
) -> None:
    server.bend = lambda status, _document: (status, body)
    assert reason_of(claim) is EnrolmentReason.BAD_ANSWER
    assert not IdentityFolder(state).is_there


@pytest.mark.parametrize(
    "ahead", [timedelta(days=400), timedelta(days=-400)], ids=["ahead", "behind"]
)
def test_code_is_not_wasted_when_this_machine_s_clock_is_wrong(
    claim: Claim, ahead: timedelta
) -> None:
    claimed = claim(ahead=ahead)
    assert claimed.clock_ahead_s == pytest.approx(ahead.total_seconds(), abs=10)
    assert claimed.generation.number == 1


def test_next_claim_knows_when_the_answer_to_the_first_was_lost(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    server.bend = lambda status, _document: (status, b'{"gateway_id"')
    assert "try it once more" in str(failure_of(claim))
    server.bend = EnrolmentServer().bend
    refused = failure_of(claim)
    assert refused.reason is EnrolmentReason.REFUSED
    assert "An earlier claim from here was cut off" in str(refused)
    server.codes.add("A-NEW-CODE")
    assert claim("A-NEW-CODE").generation.number == 1


def test_identity_stays_when_the_gateway_is_enrolled_already(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    first = claim().generation
    server.codes.add(CODE)
    failure = failure_of(claim)
    assert failure.reason is EnrolmentReason.ENROLLED
    assert GATEWAY in str(failure)
    assert "--replace" in str(failure)
    assert len(server.requests) == 1
    assert IdentityFolder(state).usable() == [first]


def test_new_identity_is_the_only_one_when_it_replaces_another(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    first = claim().generation
    server.codes.add(CODE)
    second = claim(replace=True).generation
    assert IdentityFolder(state).usable() == [second]
    assert second.number == first.number + 1
    assert not first.access.key_file.exists()


def test_damaged_identity_can_be_replaced(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    claim().generation.access.certificate_file.unlink()
    server.codes.add(CODE)
    with pytest.raises(errors.IdentityError, match="damaged"):
        claim()
    assert claim(replace=True).generation.number == 2


def test_old_identity_stays_when_the_code_for_the_new_one_is_refused(
    claim: Claim, state: Path
) -> None:
    first = claim().generation
    assert reason_of(claim, replace=True) is EnrolmentReason.REFUSED
    assert IdentityFolder(state).usable() == [first]


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        pytest.param(None, ("3 records", "--discard 3", f"--keep-for {GATEWAY}"), id="not-told"),
        pytest.param(Discard(2), ("3 records", "not 2"), id="too-few"),
        pytest.param(Discard(4), ("3 records", "not 4"), id="too-many"),
        pytest.param(KeepFor("gw-another1"), (GATEWAY, "gw-another1"), id="for-another"),
    ],
)
def test_code_is_not_used_when_records_wait_and_nobody_said_what_becomes_of_them(
    claim: Claim,
    server: EnrolmentServer,
    state: Path,
    captured: Captured,
    waiting: Discard | KeepFor | None,
    said: tuple[str, ...],
) -> None:
    first = claim().generation
    server.codes.add(CODE)
    put_records(state, captured, 3)
    failure = failure_of(claim, replace=True, waiting=waiting)
    assert failure.reason is EnrolmentReason.RECORDS_WAIT
    assert all(words in str(failure) for words in said), str(failure)
    assert len(server.requests) == 1
    assert IdentityFolder(state).usable() == [first]
    assert outbox_of(state)[1:] == (3, 3)


def test_records_stay_when_the_new_code_is_for_the_same_gateway(
    claim: Claim, server: EnrolmentServer, state: Path, captured: Captured
) -> None:
    claim()
    server.codes |= {CODE, "SECOND-CODE"}
    put_records(state, captured, 3)
    before = outbox_of(state)
    assert claim(replace=True, waiting=KeepFor(GATEWAY)).discarded_count == 0
    assert outbox_of(state) == before
    # Permission to discard is not used where there is no need.
    claimed = claim("SECOND-CODE", replace=True, waiting=Discard(3))
    assert claimed.discarded_count == 0
    assert outbox_of(state) == before


def test_nothing_changes_when_the_records_are_kept_and_the_code_was_for_another_gateway(
    claim: Claim, server: EnrolmentServer, state: Path, captured: Captured
) -> None:
    first = claim().generation
    server.codes.add(CODE)
    put_records(state, captured, 3)
    server.gateway_id = "gw-another1"
    failure = failure_of(claim, replace=True, waiting=KeepFor(GATEWAY))
    assert failure.reason is EnrolmentReason.OTHER_GATEWAY
    assert "used up" in str(failure)
    assert IdentityFolder(state).usable() == [first]
    assert outbox_of(state)[1:] == (3, 3)
    assert not IdentityFolder(state).is_unfinished


@pytest.mark.parametrize(
    ("count", "waiting", "delivered"),
    [(3, Discard(3), False), (3, None, True), (3, Discard(0), True)],
    ids=["discarded", "all-delivered", "none-to-discard"],
)
def test_nothing_of_the_old_home_is_left_when_the_gateway_becomes_another(
    claim: Claim,
    server: EnrolmentServer,
    state: Path,
    captured: Captured,
    count: int,
    waiting: Discard | None,
    delivered: bool,
) -> None:
    claim()
    server.codes.add(CODE)
    put_records(state, captured, count, delivered=delivered)
    old_epoch, old_key = outbox_of(state)[0], (state / "outbox.key").read_bytes()
    server.gateway_id = "gw-another1"
    claimed = claim(replace=True, waiting=waiting)
    assert claimed.discarded_count == (0 if delivered else count)
    assert claimed.generation.access.gateway_id == "gw-another1"
    epoch, highest, still_waiting = outbox_of(state)
    assert (highest, still_waiting) == (0, 0)
    assert epoch != old_epoch
    assert (state / "outbox.key").read_bytes() != old_key


def test_records_from_before_the_first_enrolment_are_not_given_a_name_silently(
    claim: Claim, state: Path, captured: Captured
) -> None:
    put_records(state, captured, 2)
    assert reason_of(claim) is EnrolmentReason.RECORDS_WAIT
    assert claim(waiting=KeepFor(GATEWAY)).discarded_count == 0
    assert outbox_of(state)[1:] == (2, 2)


def test_claim_is_refused_when_a_damaged_outbox_may_hold_records(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    claim()
    server.codes.add(CODE)
    (state / "outbox.db.damaged-20261121T120000").touch()
    failure = failure_of(claim, replace=True)
    assert failure.reason is EnrolmentReason.RECORDS_WAIT
    assert "outbox.key" in str(failure)


def test_claim_is_refused_when_a_gateway_is_running(
    claim: Claim, server: EnrolmentServer, state: Path
) -> None:
    outbox = Outbox(state, datetime.now(UTC))
    with pytest.raises(errors.OutboxError, match="stop it"):
        claim()
    outbox.close()
    assert server.requests == []


def test_claim_is_refused_when_the_folder_is_another_user_s(
    claim: Claim, server: EnrolmentServer, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: state.stat().st_uid + 1)
    assert reason_of(claim) is EnrolmentReason.OTHER_OWNER
    assert server.requests == []


def test_code_is_not_used_when_the_disk_is_full(
    claim: Claim, server: EnrolmentServer, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IdentityFolder, "begin", refuse)
    with pytest.raises(errors.IdentityError, match="has not been used"):
        claim()
    assert server.requests == []


def test_words_say_that_the_code_is_gone_when_the_disk_fails_after_the_answer(
    claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(IdentityFolder, "finish", refuse)
    with pytest.raises(errors.IdentityError, match="the claim code is used up"):
        claim()


def test_every_reason_has_words_that_say_what_to_do() -> None:
    said_elsewhere = {
        EnrolmentReason.ENROLLED,
        EnrolmentReason.RECORDS_WAIT,
        EnrolmentReason.OTHER_OWNER,
        EnrolmentReason.BAD_CODE,
        EnrolmentReason.BAD_ANSWER,
        EnrolmentReason.OTHER_GATEWAY,
    }
    assert set(enrolment._WORDS) | said_elsewhere == set(EnrolmentReason)
    assert all("code" in words for words in enrolment._WORDS.values())


def test_code_and_key_stand_in_no_log_and_no_file(
    claim: Claim, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    generation = claim().generation
    assert CODE not in repr(generation)
    for path in state.rglob("*"):
        assert path.is_dir() or CODE.encode() not in path.read_bytes()
    secret = generation.access.key_file.read_text().splitlines()[1]
    for record in caplog.records:
        assert CODE not in str(record.__dict__)
        assert secret not in str(record.__dict__)
    assert identity.IdentityFolder(state).newest() == generation


@pytest.mark.parametrize("is_another", [False, True])
def test_another_homes_configuration_goes_with_its_identity(
    claim: Claim, server: EnrolmentServer, state: Path, *, is_another: bool
) -> None:
    claim()
    kept = state / configuration_store.FILE
    kept.write_text("{}")
    server.codes.add(CODE)
    server.gateway_id = "gw-somebod1" if is_another else GATEWAY
    claim(replace=True)
    assert kept.exists() is not is_another
