"""The doctor tries the way to a real broker: name, port, both certificates, and whether it lets the gateway in."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy import ports
from gateway.doctor import server_checks
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, Level
from gateway.settings import GatewaySettings

pytestmark = pytest.mark.broker

GATEWAY = "gw-doctor01"


@pytest.fixture
def patient(broker: Any, tmp_path: Path) -> Examined:
    certificate_file, key_file = broker.credentials(GATEWAY)
    settings = GatewaySettings(
        gateway_id=GATEWAY,
        broker_host=broker.host,
        broker_port=broker.port,
        ca_file=broker.ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        state_folder=tmp_path / "state",
        time_zone="UTC",
    )
    return Examined(settings, datetime.now(UTC), is_held=False, word=None, silence="")


def with_(patient: Examined, **changes: Any) -> Examined:
    return replace(patient, settings=replace(patient.settings, **changes))


def levels(found: list[Finding]) -> list[tuple[str, Level]]:
    return [(one.name, one.level) for one in found]


def test_broker_that_takes_the_gateway_is_well(patient: Examined) -> None:
    found = server_checks.broker(patient)
    assert levels(found) == [("broker", Level.OK), ("broker sign-in", Level.OK)]
    assert levels(server_checks.certificate(patient)) == [("certificate", Level.OK)]


def test_nobody_signs_in_in_the_place_of_a_running_gateway(patient: Examined) -> None:
    assert levels(server_checks.broker(replace(patient, is_held=True))) == [("broker", Level.OK)]


def test_wrong_certificate_of_the_broker_is_told_from_a_wrong_one_of_ours(
    patient: Examined, broker: Any
) -> None:
    # The listener for services has another authority for clients, and the same certificate.
    (found,) = server_checks.broker(with_(patient, broker_port=broker.service_port))
    assert found.level is Level.FAULT
    assert "revoked" in found.what_to_do
    (found,) = server_checks.broker(with_(patient, ca_file=patient.settings.certificate_file))
    assert found.level is Level.FAULT
    assert "does not prove to be ours" in found.found
    assert "clock first" in found.what_to_do


def test_broker_that_is_not_there_is_told_with_its_port(patient: Examined) -> None:
    (found,) = server_checks.broker(with_(patient, broker_port=ports.free_port()))
    assert found.level is Level.FAULT
    assert "is not reachable" in found.found


def test_name_that_nobody_knows_is_a_matter_of_the_network(patient: Examined) -> None:
    (found,) = server_checks.broker(with_(patient, broker_host="broker.invalid"))
    assert found.level is Level.FAULT
    assert "DNS" in found.what_to_do


def test_something_else_that_answers_there_is_told(patient: Examined) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listening.accept()
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n")
        connection.close()

    threading.Thread(target=answer, daemon=True).start()
    (found,) = server_checks.broker(with_(patient, broker_port=listening.getsockname()[1]))
    listening.close()
    assert found.level is Level.FAULT
    assert "sign-in" in found.what_to_do


def test_certificates_end_is_told(patient: Examined) -> None:
    late = replace(patient, now=datetime(2100, 1, 1, tzinfo=UTC))
    assert levels(server_checks.certificate(late)) == [("certificate", Level.FAULT)]
    early = replace(patient, now=datetime(1970, 1, 1, tzinfo=UTC))
    (found,) = server_checks.certificate(early)
    assert "clock" in found.what_to_do
