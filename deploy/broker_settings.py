"""The settings of the broker and of its guard: sections ``broker`` and ``guard``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from firmware_profiles.settings import setting


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker listens and what it trusts; ``homevitals broker config`` writes its configuration."""

    gateway_address: str = setting(
        "0.0.0.0",  # noqa: S104 - gateways are in other people's homes
        help="address on which gateways reach the broker",
    )
    gateway_port: int = setting(8883, help="TLS port for gateways", minimum=1, maximum=65535)
    service_address: str = setting(
        "127.0.0.1",
        help="address on which ingest and the guard reach the broker; never a public one",
    )
    service_port: int = setting(
        8884, help="TLS port for ingest and the guard", minimum=1, maximum=65535
    )
    gateway_authority_file: Path = setting(
        Path("/etc/homevitals/broker/gateway-authority.pem"),
        help="certificates of the authority that signs gateways; the guard keeps this file",
    )
    crl_file: Path = setting(
        Path("/etc/homevitals/broker/revoked.pem"),
        help="the gateway authority's revocation list; the guard keeps this file",
    )
    service_authority_file: Path = setting(
        Path("/etc/homevitals/broker/service-authority.pem"),
        help="certificate of the authority that signs ingest, the guard and the broker itself",
    )
    certificate_file: Path = setting(
        Path("/etc/homevitals/broker/broker.pem"), help="the broker's own certificate"
    )
    key_file: Path = setting(
        Path("/etc/homevitals/broker/broker.key"),
        help="private key of the broker's certificate",
        secret_file=True,
    )
    state_folder: Path = setting(
        Path("/var/lib/mosquitto"), help="where Mosquitto keeps sessions and messages"
    )
    pid_file: Path = setting(
        Path("/run/mosquitto/mosquitto.pid"),
        help="where Mosquitto writes its process id when it starts; the guard looks at it",
    )
    run_as: str = setting("mosquitto", help="user that Mosquitto becomes when root starts it")
    acl_plugin_file: Path = setting(
        Path("/usr/lib/mosquitto_acl_file.so"),
        help="Mosquitto 2.1 and later only: its plugin that reads the access list",
    )
    ingest_workers: tuple[str, ...] = setting(
        ("ingest-1",), help="names of the ingest workers; the access list gives each its rights"
    )
    max_gateways: int = setting(
        5000,
        help="connections that gateways may have open at once; the broker needs a file descriptor "
        "for each",
        minimum=1,
        maximum=1_000_000,
    )
    max_services: int = setting(
        64, help="connections that ingest and the guard may have open at once", minimum=4
    )


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """How the guard reaches the database, the signer and the broker."""

    database: str = setting(
        "dbname=homevitals user=homevitals_guard",
        help="PostgreSQL connection string of the role homevitals_guard",
    )
    signer_socket: Path = setting(
        Path("/run/homevitals/signer.sock"), help="unix socket of the signer"
    )
    broker_host: str = setting("127.0.0.1", help="the broker, as its certificate names it")
    broker_port: int = setting(
        8884, help="TLS port of the broker's listener for services", minimum=1, maximum=65535
    )
    ca_file: Path = setting(
        Path("/etc/homevitals/ca.pem"),
        help="certificate of the authority that signed the broker's certificate",
    )
    certificate_file: Path = setting(
        Path("/etc/homevitals/guard-1.pem"), help="the guard's client certificate"
    )
    key_file: Path = setting(
        Path("/etc/homevitals/guard-1.key"),
        help="private key of the client certificate",
        secret_file=True,
    )
    crl_file: Path = setting(
        Path("/etc/homevitals/broker/revoked.pem"),
        help="where the broker reads the revocation list; the guard writes it",
    )
    gateway_authority_file: Path = setting(
        Path("/etc/homevitals/broker/gateway-authority.pem"),
        help="where the broker reads the gateway authority's certificates; the guard writes it",
    )
    pid_file: Path = setting(
        Path("/run/mosquitto/mosquitto.pid"),
        help="the broker's pid_file; its age tells whether the broker has read the list since",
    )
    reload_by: str = setting(
        "command",
        choices=("command", "sigterm", "sighup"),
        help="how the broker is made to read its files again: command runs reload_command; sigterm "
        "ends it, for whoever watches over it to start it again; sighup is for Mosquitto 2.1 and "
        "later only, since 2.0 damages its memory when it reads again while clients are away",
    )
    reload_command: tuple[str, ...] = setting(
        ("systemctl", "restart", "mosquitto"),
        help="command, word by word, that starts the broker again",
    )
    poll_s: float = setting(
        5.0,
        unit="s",
        help="pause between two looks for revoked gateways; a revocation wakes the guard at once",
        minimum=0.1,
        maximum=60.0,
    )
    hold_s: float = setting(
        2.0,
        unit="s",
        help="how long the guard occupies a revoked gateway's place to see that it does not return",
        minimum=0.1,
        maximum=30.0,
    )
    second_look_s: float = setting(
        120.0,
        unit="s",
        help="after this time a revoked gateway's session is ended once more: a handshake begun "
        "before the broker read the new list may have been finished after",
        minimum=1.0,
        maximum=3600.0,
    )
