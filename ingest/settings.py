"""What one ingest worker is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from firmware_profiles.settings import setting


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Settings of the section ``ingest``."""

    database: str = setting(
        "dbname=homevitals user=homevitals_ingest",
        help="PostgreSQL connection string of the role homevitals_ingest",
    )
    broker_host: str = setting("127.0.0.1", help="MQTT broker, as its certificate names it")
    broker_port: int = setting(8883, help="TLS port of the MQTT broker", minimum=1, maximum=65535)
    ca_file: Path = setting(
        Path("/etc/homevitals/ca.pem"),
        help="certificate of the authority that signed the broker's certificate",
    )
    certificate_file: Path = setting(
        Path("/etc/homevitals/ingest-1.pem"), help="client certificate of this worker"
    )
    key_file: Path = setting(
        Path("/etc/homevitals/ingest-1.key"),
        help="private key of the client certificate",
        secret_file=True,
    )
    worker_name: str = setting(
        "ingest-1",
        help="common name of the certificate, one for each worker; its number is that of the session "
        "that the worker prefers",
    )
    sessions: int = setting(
        1,
        help="sessions at the broker that share the gateways' messages, as many as there are workers and "
        "the same for all of them; a session whose worker is away is taken over by another. Never "
        "lower it while the broker remembers the sessions above",
        minimum=1,
        maximum=999,
    )
    batch_size: int = setting(
        1000, help="messages that go into one transaction at most", minimum=1, maximum=5000
    )
    receive_maximum: int = setting(
        2000,
        help="messages that wait here unacknowledged at most; the broker keeps the others",
        minimum=1,
        maximum=65535,
    )
    check_broker: bool = setting(
        True,
        help="whether the worker tries out the broker's limits before it begins, in about a second, "
        "and refuses to work with a broker that would lose messages",
    )
