"""The settings files that ``deploy/up`` writes for the processes that it starts.

They are the same files that an operator would write by hand; nothing is passed to a process in another way.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy import certificates, mosquitto
from deploy.seed import Home

Section = dict[str, str | int | float | list[str]]

# A unix socket's address has 108 bytes on Linux, the end mark included; see unix(7).
_LONGEST_SOCKET_ADDRESS: Final = 100


def write_server(
    folder: Path,
    *,
    conninfo: Callable[[str], str],
    authority: certificates.ThrowAwayAuthority,
    worker_name: str,
    ports: dict[str, int],
) -> Path:
    """Write the server's settings file and return its path.

    Args:
        folder: The state folder; the file lies in ``config`` below it.
        conninfo: Maps a role to its connection string.
        authority: Issues the certificates of broker, worker and guard.
        worker_name: Of the ingest worker, ``ingest-N``.
        ports: By name: console, broker (for gateways), broker-services.
    """
    authority_file, socket = str(authority.ca_file), str(_socket(folder))
    broker_folder = folder / "broker"
    watched = {
        "crl_file": str(broker_folder / "revoked.pem"),
        "gateway_authority_file": str(broker_folder / "gateway-authority.pem"),
        "pid_file": str(broker_folder / "mosquitto.pid"),
    }
    sections: dict[str, Section] = {
        "ingest": {
            "database": conninfo("homevitals_ingest"),
            "worker_name": worker_name,
            "broker_host": "127.0.0.1",
            "broker_port": ports["broker-services"],
            "ca_file": authority_file,
            **_credentials(authority, worker_name),
        },
        "alerts": {"database": conninfo("homevitals_alerts")},
        "notify": {
            "database": conninfo("homevitals_notifier"),
            "console_url": f"http://127.0.0.1:{ports['console']}",
        },
        "ehr": {
            "database": conninfo("homevitals_link"),
            "console_url": f"http://127.0.0.1:{ports['console']}",
        },
        "ccm_link": {
            "database": conninfo("homevitals_console"),
            "entrance_database": conninfo("homevitals_entrance"),
            "host": "127.0.0.1",
            "port": ports["console"],
            "secrets_key_file": str(folder / "config" / "console-secrets.keys"),
            "signer_socket": socket,
            "gateway_broker_host": "127.0.0.1",
            "gateway_broker_port": ports["broker"],
            "service_authority_file": authority_file,
        },
        "scheduler": {"database": conninfo("homevitals_scheduler")},
        "audit": {
            "database": conninfo("homevitals_sealer"),
            "anchor_file": str(folder / "audit" / "anchors.jsonl"),
            "signing_key_file": str(folder / "audit" / "anchors.key"),
        },
        "signer": {"folder": str(folder / "signer"), "socket": socket},
        "guard": {
            "database": conninfo("homevitals_guard"),
            "signer_socket": socket,
            "broker_host": "127.0.0.1",
            "broker_port": ports["broker-services"],
            "ca_file": authority_file,
            **_credentials(authority, "guard-1"),
            **watched,
            # The stack starts an ended broker again within seconds.
            "reload_by": "sigterm",
        },
        "broker": {
            "gateway_address": "127.0.0.1",
            "gateway_port": ports["broker"],
            "service_address": "127.0.0.1",
            "service_port": ports["broker-services"],
            "service_authority_file": authority_file,
            **_credentials(authority, "localhost"),
            **watched,
            "state_folder": str(broker_folder),
            # Started by root, Mosquitto would become a user who may not read the private state folder.
            "run_as": mosquitto.present_user(),
            "ingest_workers": [worker_name],
        },
    }
    (folder / "audit").mkdir(exist_ok=True, mode=0o700)
    return _write(folder / "config" / "server.toml", sections)


def write_gateway(
    folder: Path, state_folder: Path, *, home: Home, console_url: str, radio_port: int
) -> Path:
    """Write the settings file of one home's gateway and return its path."""
    ward = home.ward()
    return _write(
        folder / "config" / f"{home.name}.toml",
        {
            "gateway": {
                "enrolment_server": console_url,
                "state_folder": str(state_folder),
                "time_zone": ward.ward.time_zone,
                "adapter": "bumble",
                "hci_transport": f"tcp-client:127.0.0.1:{radio_port}",
                "peripherals": [peripheral.address for peripheral in ward.peripherals],
                # Virtual peripherals measure far more often than people do: their bursts run into each other.
                "revisit_after_s": 0.2,
            }
        },
    )


def _credentials(authority: certificates.ThrowAwayAuthority, common_name: str) -> Section:
    issued = authority.credentials(common_name)
    return {
        "certificate_file": str(issued.certificate_file),
        "key_file": str(issued.key_file),
    }


def _socket(folder: Path) -> Path:
    """Return where the signer listens: in the state folder, or where that is too deep, in a folder for it alone."""
    inside = folder / "signer.sock"
    if len(bytes(inside)) <= _LONGEST_SOCKET_ADDRESS:
        return inside
    mark = hashlib.sha256(bytes(folder)).hexdigest()[:16]
    outside = Path(tempfile.gettempdir()) / f"homevitals-{mark}"
    outside.mkdir(exist_ok=True, mode=0o700)
    return outside / "signer.sock"


def _write(path: Path, sections: dict[str, Section]) -> Path:
    """Write TOML: JSON's strings, numbers and arrays of strings are TOML's too."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines: list[str] = []
    for section, entries in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(entry)}" for name, entry in entries.items()]
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
