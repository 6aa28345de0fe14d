"""What the tests of the gateway beside its services share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.outbox import Outbox
from gateway.settings import GatewaySettings
from tests.integration.gateway.bluez_room import CUFF, Room, now, running_bus


@pytest.fixture(scope="module")
def bus_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_bus(tmp_path_factory.mktemp("bus")) as (address, _):
        yield address


@pytest.fixture
def room(tmp_path: Path, bus_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Return a room with a bus of its own instead of the system's, and nothing on it yet."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus_address)
    bluetoothctl = tmp_path / "programs" / "bluetoothctl"  # bleak asks it for BlueZ's version
    bluetoothctl.parent.mkdir()
    bluetoothctl.write_text("#!/bin/sh\necho 'bluetoothctl: 5.66'\n")
    bluetoothctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(bluetoothctl.parent), prepend=":")
    settings = GatewaySettings(
        gateway_id="gw-aaaaaaa1",
        broker_host="localhost",
        ca_file=Path("/ca"),
        certificate_file=Path("/cert"),
        key_file=Path("/key"),
        state_folder=tmp_path / "state",
        time_zone="Etc/UTC",
        peripherals=(CUFF,),
        revisit_after_s=0.0,
    )
    outbox = Outbox(settings.state_folder, now())
    yield Room(settings, outbox)
    outbox.close()
