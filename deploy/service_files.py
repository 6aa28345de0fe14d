"""The settings files that ``deploy/up`` writes for the processes that it starts.

They are the same files that an operator would write by hand; nothing is passed to a process in another way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from deploy import certificates
from deploy.seed import Home

Section = dict[str, str | int | float | list[str]]


def write_server(
    folder: Path,
    *,
    conninfo: Callable[[str], str],
    authority: certificates.ThrowAwayAuthority,
    worker_name: str,
    ports: dict[str, int],
) -> Path:
    """Write the server's settings file and return its path."""
    credentials = authority.credentials(worker_name)
    sections: dict[str, Section] = {
        "ingest": {
            "database": conninfo("homevitals_ingest"),
            "broker_host": "127.0.0.1",
            "broker_port": ports["broker"],
            "ca_file": str(authority.ca_file),
            "certificate_file": str(credentials.certificate_file),
            "key_file": str(credentials.key_file),
            "worker_name": worker_name,
        },
        "alerts": {"database": conninfo("homevitals_alerts")},
        "ccm_link": {
            "database": conninfo("homevitals_console"),
            "host": "127.0.0.1",
            "port": ports["console"],
        },
        "scheduler": {"database": conninfo("homevitals_scheduler")},
    }
    return _write(folder / "server.toml", sections)


def write_gateway(
    folder: Path,
    state_folder: Path,
    *,
    home: Home,
    authority: certificates.ThrowAwayAuthority,
    broker_port: int,
    radio_port: int,
) -> Path:
    """Write the settings file of one home's gateway and return its path."""
    credentials = authority.credentials(home.gateway_id)
    ward = home.ward()
    return _write(
        folder / f"{home.name}.toml",
        {
            "gateway": {
                "gateway_id": home.gateway_id,
                "broker_host": "127.0.0.1",
                "broker_port": broker_port,
                "ca_file": str(authority.ca_file),
                "certificate_file": str(credentials.certificate_file),
                "key_file": str(credentials.key_file),
                "state_folder": str(state_folder),
                "time_zone": ward.ward.time_zone,
                "adapter": "bumble",
                "hci_transport": f"tcp-client:127.0.0.1:{radio_port}",
                "peripherals": [peripheral.address for peripheral in ward.peripherals],
            }
        },
    )


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
