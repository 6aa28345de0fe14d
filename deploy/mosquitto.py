"""Mosquitto's configuration: mutual TLS, identity from the certificate, topics by identity."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import certificates, errors

# A gateway may write only below its own name and hear only what is sent to it. %u is the certificate's name.
_ACL: Final = """\
pattern write hv/1/up/%u/#
pattern read hv/1/down/%u/#
"""
_INGEST_ACL: Final = """\

user {name}
topic read hv/1/up/#
topic write hv/1/down/#
topic readwrite hv/1/canary/{name}
"""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """What Mosquitto is started with."""

    program: str
    configuration_file: Path

    @property
    def command(self) -> list[str]:
        """Return the command line that runs the broker in the foreground."""
        return [self.program, "-c", str(self.configuration_file)]


def find_program() -> str:
    """Return Mosquitto's path.

    Raises:
        MissingProgram: it is not installed.
    """
    program = shutil.which(
        "mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    )
    if program is None:
        raise errors.MissingProgram("Mosquitto is missing: run “sudo apt-get install mosquitto”")
    return program


def configuration(
    *, port: int, ca_file: Path, server: certificates.Credentials, folder: Path, user: str | None
) -> str:
    """Return the text of mosquitto.conf.

    The limits are set by hand because the defaults drop silently (1000 queued messages a client) and because
    a PUBACK that survives no crash is enough here: only ingest's receipt ends a gateway's duty.
    """
    lines = [
        f"listener {port} 127.0.0.1",
        "protocol mqtt",
        f"cafile {ca_file}",
        f"certfile {server.certificate_file}",
        f"keyfile {server.key_file}",
        "tls_version tlsv1.2",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        f"acl_file {folder / 'acl'}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 60",
        "persistent_client_expiration 30d",
        "max_queued_messages 0",
        "max_queued_bytes 268435456",
        "max_inflight_messages 1000",
        "message_size_limit 1048576",
        "max_packet_size 1114112",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages true",
        "sys_interval 0",
        "set_tcp_nodelay true",
    ]
    if user is not None:
        lines.append(f"user {user}")
    return "\n".join(lines) + "\n"


def write_files(
    folder: Path,
    *,
    port: int,
    authority: certificates.ThrowAwayAuthority,
    ingest_names: tuple[str, ...],
) -> BrokerFiles:
    """Write configuration and ACL into ``folder``.

    Raises:
        MissingProgram: Mosquitto is not installed.
    """
    program = find_program()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = configuration(
        port=port,
        ca_file=authority.ca_file,
        server=authority.credentials("localhost"),
        folder=folder,
        # Started by root, Mosquitto would become the user “mosquitto”, which may not read the private state folder.
        user="root" if os.geteuid() == 0 else None,
    )
    acl_file = folder / "acl"
    acl_file.touch(mode=0o600)
    acl_file.write_text(
        _ACL + "".join(_INGEST_ACL.format(name=name) for name in ingest_names), encoding="utf-8"
    )
    configuration_file = folder / "mosquitto.conf"
    configuration_file.write_text(text, encoding="utf-8")
    return BrokerFiles(program, configuration_file)
