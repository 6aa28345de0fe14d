"""The radio: rfkill, D-Bus, BlueZ and its version, the adapters and whether this user may use them."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

from firmware_profiles.wire_health import AdapterState
from gateway import errors
from gateway import settings as gateway_settings
from gateway.bluez import version
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, fault, ok, warning

_RFKILL: Final = Path("/sys/class/rfkill")
_ANSWER_S: Final = 5.0
_OLDEST_BLUEZ: Final = (5, 55)  # Source: bleak's documentation, "Linux backend"


def radio(examined: Examined) -> list[Finding]:
    """Look at the radio that the settings name."""
    found = _running(examined)
    if examined.settings.adapter == gateway_settings.BUMBLE:
        return found or _bumble(examined)
    if not sys.platform.startswith("linux"):
        return found or [
            warning("radio", "cannot be looked at on this system", "start the gateway")
        ]
    return [*blocked(_RFKILL), *_bluez(examined), *found]


def _running(examined: Examined) -> list[Finding]:
    """Say what the running gateway knows of its radios."""
    if examined.word is None or examined.word.health is None:
        return []
    found = []
    for adapter in examined.word.health.adapters:
        name = f"radio {adapter.name}"
        if adapter.state is AdapterState.UP:
            found.append(ok(name, f"works since {adapter.since:%Y-%m-%d %H:%M} UTC"))
        else:
            reason = adapter.failure.reason.replace("_", " ") if adapter.failure else "unknown why"
            step = "take the box off power for a minute; if it stays so, replace the adapter"
            found.append(fault(name, f"does not work ({reason})", step))
    return found


def blocked(folder: Path) -> list[Finding]:
    """Look whether the radio is switched off for the whole machine.

    Source: Linux kernel documentation, ABI/stable/sysfs-class-rfkill.
    """
    found = []
    for switch in sorted(folder.glob("rfkill*")):
        if _text(switch, "type") != "bluetooth":
            continue
        if _text(switch, "hard") == "1":
            step = "switch the radio on at the machine itself"
            found.append(fault("radio switch", f"{_text(switch, 'name')} is off", step))
        elif _text(switch, "soft") == "1":
            step = "switch it on: “rfkill unblock bluetooth”"
            found.append(fault("radio switch", f"{_text(switch, 'name')} is blocked", step))
    return found


def _bluez(examined: Examined) -> list[Finding]:
    try:
        return asyncio.run(_asked(examined.settings.platform_adapters))
    except TimeoutError:
        step = "restart it: “systemctl restart bluetooth”"
        return [fault("bluetooth service", f"does not answer within {_ANSWER_S:.0f} s", step)]


async def _asked(wanted: tuple[str, ...]) -> list[Finding]:
    from dbus_fast import BusType, DBusFastError, Message, MessageType
    from dbus_fast.aio import MessageBus

    from gateway.bluez.object_tree import BLUEZ, OBJECT_MANAGER, ObjectTree

    async with asyncio.timeout(_ANSWER_S):
        try:
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        except (OSError, EOFError, DBusFastError) as error:
            step = "this machine has no D-Bus: install and start it (“apt-get install dbus bluez”)"
            return [fault("D-Bus", f"no system bus ({type(error).__name__})", step)]
        try:
            reply = await bus.call(Message(BLUEZ, "/", OBJECT_MANAGER, "GetManagedObjects"))
        finally:
            bus.disconnect()
    if reply is None or reply.message_type is MessageType.ERROR:
        return [refused(str(reply.error_name) if reply else "")]
    tree = ObjectTree()
    tree.replace(reply.body[0])
    found = [ok("D-Bus", "this user may talk to the Bluetooth service"), _version()]
    adapters = tree.adapters()
    if not adapters:
        step = (
            "plug a Bluetooth adapter in, or on a Pi take “dtoverlay=disable-bt” out of config.txt"
        )
        return [*found, fault("adapter", "the Bluetooth service has none", step)]
    for path in adapters:
        name = path.rpartition("/")[2]
        if tree.is_powered(path):
            found.append(ok(f"adapter {name}", "is there and switched on"))
        elif not wanted or name in wanted:
            step = "the gateway switches it on when it starts; by hand: “bluetoothctl power on”"
            found.append(warning(f"adapter {name}", "is switched off", step))
    there = {path.rpartition("/")[2] for path in adapters}
    for name in sorted(set(wanted) - there - {""}):
        step = f"plug it in, or correct platform_adapters (there are: {', '.join(sorted(there))})"
        found.append(fault(f"adapter {name}", "is not there", step))
    return found


def refused(error_name: str) -> Finding:
    """Say what an error of D-Bus means for the Bluetooth service."""
    if error_name.endswith("AccessDenied"):
        step = "add the gateway's user to the group bluetooth: “usermod -aG bluetooth homevitals-gateway”"
        return fault("D-Bus", "this user may not talk to the Bluetooth service", step)
    step = "start it: “systemctl enable --now bluetooth”; if it is missing, “apt-get install bluez”"
    return fault("bluetooth service", f"does not run ({error_name.rpartition('.')[2]})", step)


def _version() -> Finding:
    words = version.installed()
    if words is None:
        step = "install bluez with its tools: “apt-get install bluez”"
        return warning("BlueZ", "version unknown: bluetoothctl is not there", step)
    numbers = tuple(int(number) for number in re.findall(r"\d+", words)[:2])
    if numbers < _OLDEST_BLUEZ:
        return fault("BlueZ", f"{words} is too old", "upgrade the operating system: 5.55 is needed")
    return ok("BlueZ", words)


def _bumble(examined: Examined) -> list[Finding]:
    """Open the controller, which nobody uses now."""
    if examined.is_held:
        return []
    from gateway.bumble_backend import radio as bumble_radio
    from gateway.pairing_window import PairingDesk

    async def open_it() -> None:
        async with asyncio.timeout(2 * _ANSWER_S):
            settings = examined.settings
            desk = PairingDesk(lambda: 0.0)
            async with bumble_radio.opened(settings.hci_transport, settings.state_folder, desk):
                pass

    name = f"radio {examined.settings.hci_transport}"
    step = "check hci_transport in the settings, that the controller is plugged in and that no other program has it"
    try:
        asyncio.run(open_it())
    except errors.AdapterError as error:
        return [fault(name, str(error), step)]
    except TimeoutError:
        return [fault(name, "does not answer", step)]
    return [ok(name, "is there and answers")]


def _text(folder: Path, name: str) -> str:
    try:
        return folder.joinpath(name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
