"""The doctor asks BlueZ over D-Bus: the daemon, its version, its adapters, and whether this user may ask."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.doctor import radio_checks
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, Level
from tests.integration.gateway.bluez_room import Room, a_and_d


def examine(room: Room) -> list[Finding]:
    patient = Examined(room.settings, datetime.now(UTC), is_held=False, word=None, silence="")
    return radio_checks.radio(patient)


def beside_bluez(room: Room) -> list[Finding]:
    async def work() -> list[Finding]:
        async with room.bluez(a_and_d()):
            return await asyncio.to_thread(examine, room)

    return asyncio.run(work())


def levels(found: list[Finding]) -> dict[str, Level]:
    return {one.name: one.level for one in found if one.name != "radio switch"}


def test_radio_is_well_when_bluez_answers_with_an_adapter(room: Room) -> None:
    found = beside_bluez(room)
    assert levels(found) == {"D-Bus": Level.OK, "BlueZ": Level.OK, "adapter hci0": Level.OK}
    assert [one.found for one in found if one.name == "BlueZ"] == ["5.66"]


def test_adapter_that_the_settings_name_is_missed_when_it_is_not_there(room: Room) -> None:
    room.change(platform_adapters=("hci7",))
    found = beside_bluez(room)
    assert levels(found)["adapter hci7"] is Level.FAULT
    (missed,) = (one for one in found if one.name == "adapter hci7")
    assert "there are: hci0" in missed.what_to_do


def test_bluetooth_service_is_missed_when_it_does_not_run(room: Room) -> None:
    found = examine(room)
    assert levels(found) == {"bluetooth service": Level.FAULT}
    assert "systemctl enable --now bluetooth" in found[-1].what_to_do


def test_bus_is_missed_when_there_is_none(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/at/all")
    assert levels(examine(room)) == {"D-Bus": Level.FAULT}
