"""Mosquitto's configuration for 2.0 and for 2.1 and later, from ``deploy/broker_rules.py``.

The access list is one for both listeners. Lists per listener would be a further wall, but Mosquitto does not always
know the listener of a client that is away: with ``per_listener_settings`` 2.0.15 to 2.0.22 refuse what should wait for
it, and with ``plugin_use`` 2.1 checks nothing for a client that it knows from before a restart. So the walls between
the listeners are the two authorities and the signer, which gives no name but a gateway's.

2.0.11 is what the tests run; the text for 2.1 is tested against Mosquitto's documentation and source, not against a
running broker. Source: mosquitto.conf(5), man/mosquitto.conf.5.xml and src/conf.c of 2.0.11 and 2.1.2.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import broker_rules, errors
from deploy.broker_rules import Act, Identity, Listener
from deploy.broker_settings import BrokerSettings

Version = tuple[int, int]

# The first that reads the access list by a plugin and can refuse clients by their version of MQTT.
PLUGINS_SINCE: Final[Version] = (2, 1)
_OLDEST: Final[Version] = (2, 0)
_WORDS: Final = {Act.PUBLISH: "write", Act.SUBSCRIBE: "read"}
_BANNER: Final = "# Written by “homevitals broker config”: change the settings, not this file."


@dataclass(frozen=True, slots=True)
class Program:
    """An installed Mosquitto."""

    path: str
    version: Version


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """What Mosquitto is started with."""

    program: str
    configuration_file: Path
    access_list_file: Path

    @property
    def command(self) -> list[str]:
        """Return the command line that runs the broker in the foreground."""
        return [self.program, "-c", str(self.configuration_file)]


def find_program() -> Program:
    """Return the installed Mosquitto.

    Raises:
        MissingProgram: it is not installed, or too old.
    """
    path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise errors.MissingProgram("Mosquitto is missing: run “sudo apt-get install mosquitto”")
    # Its help leaves with a status of its own; the first line is what counts.
    told = subprocess.run([path, "-h"], capture_output=True, check=False, text=True)  # noqa: S603
    return Program(path, version_of(told.stdout))


def version_of(text: str) -> Version:
    """Return the version that a text names, “mosquitto version 2.0.11” or “2.1”.

    Raises:
        MissingProgram: it names none, or one that is too old.
    """
    found = re.search(r"\b(\d+)\.(\d+)", text)
    if found is None:
        raise errors.MissingProgram(
            "Mosquitto does not say its version; install 2.0 or later, or give --mosquitto-version"
        )
    version = (int(found[1]), int(found[2]))
    if version < _OLDEST:
        raise errors.MissingProgram("Mosquitto is too old: install version 2.0 or later")
    return version


def present_user() -> str:
    """Return the user that Mosquitto should run as when it works with this process's own files."""
    # Started by root, Mosquitto would become the user “mosquitto”, which may not read private folders.
    return "root" if os.geteuid() == 0 else "mosquitto"


def access_list(ingest_workers: tuple[str, ...]) -> str:
    """Return the text of the access list.

    Gateways are matched by pattern: %u is the certificate's name. Patterns hold for everybody, but lead nobody out of
    his own name. Services stand there by name, because Mosquitto knows no pattern of users.

    Raises:
        ConfigurationError: a worker's name is not of the grammar.
    """
    lines = [
        _BANNER,
        *(
            f"pattern {_WORDS[rule.act]} {rule.topic_of('%u')}"
            for rule in broker_rules.rules_of(Identity.GATEWAY)
        ),
    ]
    for name in ingest_workers:
        if not re.fullmatch(broker_rules.NAME_PATTERNS[Identity.INGEST], name):
            raise errors.ConfigurationError(
                "[broker] ingest_workers: names are ingest-1, ingest-2 …"
            )
        lines += ["", f"user {name}"]
        for rule in broker_rules.rules_of(Identity.INGEST):
            lines.append(f"topic {_WORDS[rule.act]} {rule.topic_of(name)}")
    return "\n".join(lines) + "\n"


def configuration(settings: BrokerSettings, version: Version, access_list_file: Path) -> str:
    """Return the text of mosquitto.conf.

    A PUBACK that survives no crash is enough here: only ingest's receipt ends a gateway's duty.

    Raises:
        ConfigurationError: a path or a name has a line break.
    """
    limits = broker_rules.LIMITS
    lines = [
        _BANNER,
        "allow_anonymous false",
        "allow_zero_length_clientid false",
        *_access_lines(settings, version, access_list_file),
        f"pid_file {settings.pid_file}",
        f"user {settings.run_as}",
        "persistence true",
        f"persistence_location {settings.state_folder}/",
        "autosave_interval 60",
        f"persistent_client_expiration {limits.session_expiry_d}d",
        # Counted in bytes, because the number of messages is the same for all clients.
        "max_queued_messages 0",
        f"max_queued_bytes {limits.max_waiting_bytes}",
        f"max_inflight_messages {limits.max_inflight_messages}",
        f"max_packet_size {limits.max_packet_bytes}",
        f"max_keepalive {limits.keepalive_s}",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages true",
        "sys_interval 0",
        "set_tcp_nodelay true",
        *_listener_lines(broker_rules.GATEWAYS, settings, version),
        *_listener_lines(broker_rules.SERVICES, settings, version),
    ]
    if any("\n" in line for line in lines):
        raise errors.ConfigurationError("[broker]: a path or name has a line break; take it out")
    return "\n".join(lines) + "\n"


def write_files(
    folder: Path, settings: BrokerSettings, program: Program | None = None
) -> BrokerFiles:
    """Write mosquitto.conf and the access list into ``folder``.

    The files that the settings name have to be there before the broker starts, the revocation list too.

    Args:
        folder: Made if it is not there.
        settings: What the section ``broker`` says.
        program: For which Mosquitto; None finds the installed one.

    Raises:
        MissingProgram: Mosquitto is not installed.
        ConfigurationError: a setting cannot be used.
    """
    program = program or find_program()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    access_list_file = folder / "acl"
    # Mosquitto complains about, and later refuses, access lists that others can read.
    access_list_file.touch(mode=0o600)
    access_list_file.write_text(access_list(settings.ingest_workers), encoding="utf-8")
    configuration_file = folder / "mosquitto.conf"
    text = configuration(settings, program.version, access_list_file)
    configuration_file.write_text(text, encoding="utf-8")
    return BrokerFiles(program.path, configuration_file, access_list_file)


def _access_lines(settings: BrokerSettings, version: Version, access_list_file: Path) -> list[str]:
    if version < PLUGINS_SINCE:
        return [f"acl_file {access_list_file}"]
    return [
        f"global_plugin {settings.acl_plugin_file}",
        f"plugin_opt_acl_file {access_list_file}",
    ]


def _listener_lines(listener: Listener, settings: BrokerSettings, version: Version) -> list[str]:
    is_gateways = listener is broker_rules.GATEWAYS
    if is_gateways:
        port, address, most = (
            settings.gateway_port,
            settings.gateway_address,
            settings.max_gateways,
        )
        authority_lines = [
            f"cafile {settings.gateway_authority_file}",
            f"crlfile {settings.crl_file}",
        ]
    else:
        port, address, most = (
            settings.service_port,
            settings.service_address,
            settings.max_services,
        )
        authority_lines = [f"cafile {settings.service_authority_file}"]
    lines = [
        "",
        f"# For {listener.name}",
        f"listener {port} {address}",
        "protocol mqtt",
        *authority_lines,
        f"certfile {settings.certificate_file}",
        f"keyfile {settings.key_file}",
        "tls_version tlsv1.2",
        "require_certificate true",
        "use_identity_as_username true",
        f"use_username_as_clientid {str(listener.client_id_is_name).lower()}",
        f"max_connections {most}",
        f"max_qos {broker_rules.LIMITS.max_qos}",
    ]
    if version >= PLUGINS_SINCE:
        # On MQTT 3 a refused publication looks like an accepted one.
        lines.append("accept_protocol_versions 5")
    return lines
