from __future__ import annotations

import socket
from pathlib import Path

from deploy import ports


def test_a_second_start_gets_the_same_ports(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.kept_ports(file, ("console", "broker"), {})
    assert ports.kept_ports(file, ("console", "broker"), {}) == first
    assert len(set(first.values())) == 2


def test_a_port_that_somebody_took_meanwhile_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.kept_ports(file, ("console",), {})
    with socket.create_server(("127.0.0.1", first["console"])):
        assert ports.kept_ports(file, ("console",), {}) != first


def test_a_port_of_the_settings_wins(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    ports.kept_ports(file, ("console",), {})
    assert ports.kept_ports(file, ("console",), {"console": 8123}) == {"console": 8123}


def test_waiting_ends_when_the_condition_never_holds() -> None:
    assert not ports.wait_until(lambda: False, timeout_s=0.01, poll_s=0.001)
