"""The self-test of the broker: with our configuration, and with limits that lose messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy import mosquitto, ports
from firmware_profiles import wire
from ingest import broker_probe, service
from ingest.broker_findings import WAITING_MESSAGES, BrokerFault
from ingest.errors import BrokerAway, BrokerError, BrokerReason
from ingest.settings import IngestSettings
from tests import conftest
from tests.mqtt_peer import Peer

pytestmark = pytest.mark.broker

Settings = Callable[..., IngestSettings]
At = Callable[[Any, str], IngestSettings]


@pytest.fixture
def at() -> At:
    """Settings of a worker at some broker."""

    def settings(broker: Any, worker_name: str = "ingest-1") -> IngestSettings:
        certificate_file, key_file = broker.credentials(worker_name)
        return IngestSettings(
            broker_host=broker.host,
            broker_port=broker.service_port,
            ca_file=broker.ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            worker_name=worker_name,
        )

    return settings


@pytest.fixture
def broker_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a Mosquitto in whose configuration some lines are others."""
    ours = mosquitto.configuration

    @contextmanager
    def running(*exchanged: tuple[str, str]) -> Iterator[Any]:
        def worse(*given: Any) -> str:
            lines = ours(*given).splitlines()
            for beginning, instead in exchanged:
                at = next(n for n, line in enumerate(lines) if line.startswith(beginning))
                lines[at] = instead
            return "\n".join(lines) + "\n"

        monkeypatch.setattr(mosquitto, "configuration", worse)
        broker = conftest.prepare_broker(tmp_path)
        with conftest.running_broker(broker):
            yield broker

    return running


def faults(settings: IngestSettings) -> dict[BrokerFault, str]:
    return {found.fault: found.found for found in broker_probe.examine(settings)}


def test_a_broker_with_our_configuration_is_fit(ingest_settings: Settings) -> None:
    began_s = time.monotonic()

    assert faults(ingest_settings()) == {}

    # Two seconds on an idle machine; here others may work too.
    assert time.monotonic() - began_s < 10


def test_nothing_of_it_is_left_at_the_broker(ingest_settings: Settings, broker: Any) -> None:
    assert faults(ingest_settings()) == {}

    for name in ("ingest-1-probe", "ingest-1-probe-sender"):
        peer = Peer(broker, "ingest-1", client_id=name, session_expiry_s=60)
        assert not peer.session_present
        peer.close()
        Peer(broker, "ingest-1", client_id=name).close()  # forgets this one too


def test_it_is_fit_while_its_worker_is_connected_and_after_a_probe_was_killed(
    ingest_settings: Settings, broker: Any
) -> None:
    worker = Peer(broker, "ingest-1", session_expiry_s=60)
    worker.client.subscribe("hv/1/canary/ingest-1", qos=0)
    killed = Peer(broker, "ingest-1", client_id="ingest-1-probe", session_expiry_s=60)
    killed.subscribe("hv/1/canary/ingest-1")
    killed.vanish()
    worker.publish("hv/1/canary/ingest-1", b"left over")

    assert faults(ingest_settings()) == {}

    worker.close()
    Peer(broker, "ingest-1").close()


@pytest.mark.parametrize(
    ("exchanged", "fault", "found"),
    [
        pytest.param(
            [
                ("max_queued_messages", "max_queued_messages 1000"),
                ("max_queued_bytes", "max_queued_bytes 0"),
                ("max_inflight_messages", "max_inflight_messages 20"),
            ],
            BrokerFault.DROPS_WAITING,
            f"of {WAITING_MESSAGES} messages",
            id="Mosquitto's own limit of waiting messages",
        ),
        pytest.param(
            [("max_queued_messages", "max_queued_messages 100")],
            BrokerFault.DROPS_WAITING,
            f"of {WAITING_MESSAGES} messages",
            id="a hundred waiting messages",
        ),
        pytest.param(
            [("max_queued_bytes", "max_queued_bytes 20000")],
            BrokerFault.DROPS_WAITING,
            f"of {WAITING_MESSAGES} messages",
            id="few waiting bytes",
        ),
        pytest.param(
            [("max_packet_size", "max_packet_size 65536")],
            BrokerFault.SMALL_PACKETS,
            "up to 65536 bytes",
            id="small packets",
        ),
        pytest.param(
            [("max_packet_size", "message_size_limit 65536")],
            BrokerFault.DROPS_LARGE,
            f"lost a payload of {wire.MAX_PAYLOAD_BYTES} bytes",
            id="small payloads",
        ),
        pytest.param(
            [("max_inflight_messages", "max_inflight_messages 2")],
            BrokerFault.FEW_IN_FLIGHT,
            "takes 2 messages at once",
            id="few in flight",
        ),
        pytest.param(
            [("sys_interval", "retain_available false")],
            BrokerFault.NO_RETAINED,
            "retains no message",
            id="nothing retained",
        ),
    ],
)
def test_a_broker_that_would_lose_something_is_found_out(
    broker_with: Callable[..., Any],
    at: At,
    exchanged: list[tuple[str, str]],
    fault: BrokerFault,
    found: str,
) -> None:
    with broker_with(*exchanged) as broker:
        told = faults(at(broker, "ingest-1"))

    assert list(told) == [fault]
    assert found in told[fault]


def test_a_worker_without_rights_to_its_canary_is_told_so(
    broker_with: Callable[..., Any], at: At
) -> None:
    with broker_with() as broker:
        told = faults(at(broker, "ingest-9"))

    assert list(told) == [BrokerFault.CANARY_REFUSED]


def test_a_worker_refuses_to_start_at_such_a_broker(
    broker_with: Callable[..., Any], at: At
) -> None:
    with (
        broker_with(("max_queued_messages", "max_queued_messages 100")) as broker,
        pytest.raises(BrokerError, match=r"kept \d+ of 1500 .*max_queued_messages 0") as failed,
    ):
        service.run(at(broker, "ingest-1"), threading.Event())

    assert failed.value.reason is BrokerReason.UNFIT


def test_a_broker_that_is_away_is_no_finding_and_waited_for(
    ingest_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ingest_settings(broker_port=ports.free_port())
    with pytest.raises(BrokerAway):
        broker_probe.examine(settings)

    stop = threading.Event()
    waiting = threading.Thread(target=broker_probe.require, args=(settings, stop))
    waiting.start()
    assert ports.wait_until(lambda: caplog.messages.count("broker_unreachable") >= 2, timeout_s=20)
    stop.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_nothing_is_tried_where_the_settings_say_so(ingest_settings: Settings) -> None:
    settings = ingest_settings(broker_port=ports.free_port(), check_broker=False)
    broker_probe.require(settings, threading.Event())
