"""A gateway as a process, killed while configurations rain on it: the old one or the new one holds, never half."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from deploy import ports
from firmware_profiles import signed_configuration, topics
from firmware_profiles.gateway_configuration import AllowedPeripheral
from firmware_profiles.signed_configuration import ConfigurationAnswer
from gateway import configuration_store
from tests import mqtt_peer, signed_configurations
from tests.signed_configurations import GATEWAY, KEY

pytestmark = pytest.mark.broker

KILLS = 6
MOST_PERIPHERALS = 32


class Box:
    """One gateway, started again and again over the same state folder."""

    def __init__(self, broker: Any, folder: Path) -> None:
        self.state_folder = folder / "state"
        self._log = (folder / "run.log").open("ab")
        certificate_file, key_file = broker.credentials(GATEWAY)
        signers = folder / "signers.pem"
        signers.write_bytes(
            KEY.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        self._file = folder / "gateway.toml"
        self._file.write_text(
            f"""
            [gateway]
            gateway_id = "{GATEWAY}"
            broker_host = "{broker.host}"
            broker_port = {broker.port}
            ca_file = "{broker.ca_file}"
            certificate_file = "{certificate_file}"
            key_file = "{key_file}"
            configuration_signers_file = "{signers}"
            state_folder = "{self.state_folder}"
            time_zone = "UTC"
            adapter = "bumble"
            hci_transport = "tcp-client:127.0.0.1:{ports.free_port()}"
            """
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gateway.cli", "run", "--config", str(self._file)]
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def kept(self) -> int:
        """Return the number of the configuration that holds, whole; 0 for none."""
        file = self.state_folder / configuration_store.FILE
        if not file.exists():
            return 0
        kept = configuration_store.load(self.state_folder, GATEWAY)
        assert kept is not None, "half of a configuration"
        assert kept.configuration == configuration(kept.configuration.number)
        return kept.configuration.number

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self._log.close()


def configuration(number: int) -> Any:
    """Return a version whose content is known from its number."""
    return signed_configurations.configuration(
        number,
        peripherals=tuple(
            AllowedPeripheral(f"AA:BB:CC:DD:{number % 256:02X}:{index:02X}")
            for index in range(1 + number % MOST_PERIPHERALS)
        ),
    )


@pytest.fixture
def box(broker: Any, tmp_path: Path) -> Iterator[Box]:
    box = Box(broker, tmp_path)
    yield box
    box.close()


def test_the_old_one_or_the_new_one_holds_whenever_it_is_killed(broker: Any, box: Box) -> None:
    generator, stop, sent = random.Random(7), threading.Event(), [0]
    topic = topics.configuration(GATEWAY)

    def rain(peer: mqtt_peer.Peer) -> None:
        while not stop.wait(0.02):
            sent[0] += 1
            payload = signed_configurations.message(configuration(sent[0]))
            peer.client.publish(topic, payload, qos=1, retain=True)

    with mqtt_peer.peers(broker, "ingest-1", "ingest-2") as [speaker, hearer]:
        hearer.subscribe(topics.CONFIGURED_FILTER)
        raining = threading.Thread(target=rain, args=(speaker,))
        raining.start()
        try:
            before = 0
            for _ in range(KILLS):
                box.start()
                assert ports.wait_until(lambda least=before: box.kept() > least, timeout_s=60)
                threading.Event().wait(generator.uniform(0.0, 0.2))
                box.kill()
                now = box.kept()
                assert now >= before
                before = now
        finally:
            stop.set()
            raining.join()
        last = sent[0]
        box.start()
        assert ports.wait_until(lambda: box.kept() == last, timeout_s=60)
        said: list[ConfigurationAnswer] = []

        def has_said_the_last() -> bool:
            said.extend(
                signed_configuration.decode_answer(payload) for _, payload in hearer.heard()
            )
            return bool(said) and said[-1] == ConfigurationAnswer(last)

        assert ports.wait_until(has_said_the_last, timeout_s=60)
    # What it said when it came back was never less than what it had said before.
    assert [one.applied for one in said] == sorted(one.applied for one in said)
