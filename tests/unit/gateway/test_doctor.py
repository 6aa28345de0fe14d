"""What the doctor says: each fault with what to do, nothing about a patient, and an answer whatever hangs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import wire
from firmware_profiles.wire_health import (
    AdapterHealth,
    AdapterState,
    Bond,
    Health,
    Machine,
    OutboxHealth,
    PeripheralHealth,
    Software,
    Trouble,
    UplinkHealth,
)
from gateway import clock_quality, machine, outbox_file
from gateway.doctor import (
    command,
    examined,
    finding,
    machine_checks,
    outbox_checks,
    radio_checks,
    server_checks,
)
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, Level
from gateway.outbox import Outbox
from gateway.record import CapturedRecord
from gateway.settings import GatewaySettings

Captured = Callable[[int], CapturedRecord]
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CUFF = PeripheralHealth(
    "AA:BB:CC:DD:EE:0F", "standard-cuff", AT, -71, AT, 80, AT, Bond.BONDED, None, 0
)
HEALTH = Health(
    software=Software("0.1.0", None, None, None),
    machine=Machine(AT, wire.GatewayClock.SYNCHRONISED, 10**9, 48.5, 6 * 10**7),
    outbox=OutboxHealth("0" * 32, None, AT, 0, 2**26, 15_552_000, None, ()),
    uplink=UplinkHealth(AT, None, None),
    adapters=(AdapterHealth("hci0", AdapterState.UP, AT, None),),
    peripherals=(CUFF,),
)


def running(health: Health = HEALTH) -> wire.GatewayStatus:
    return wire.GatewayStatus(
        online=True, boot_id="0" * 32, at=AT, waiting_records=0, health=health
    )


@pytest.fixture
def patient(tmp_path: Path) -> Examined:
    settings = GatewaySettings(time_zone="UTC", state_folder=tmp_path / "state")
    return Examined(settings, AT, is_held=False, word=None, silence="nobody answers")


def levels(found: list[Finding]) -> list[tuple[str, Level]]:
    return [(one.name, one.level) for one in found]


def test_findings_come_in_order_and_a_hanging_check_costs_only_its_own() -> None:
    never = threading.Event()

    def hangs() -> list[Finding]:
        never.wait(30)
        return []

    def fails() -> list[Finding]:
        raise RuntimeError

    def works() -> list[Finding]:
        return [finding.ok("works", "well")]

    started_s = time.monotonic()
    found = list(
        finding.run([("hangs", hangs), ("fails", fails), ("works", works)], deadline_s=0.2)
    )
    never.set()
    assert time.monotonic() - started_s < 5
    assert levels(found) == [
        ("hangs", Level.FAULT),
        ("doctor", Level.FAULT),
        ("works", Level.OK),
    ]
    assert all(one.what_to_do for one in found if one.level is not Level.OK)


@pytest.mark.parametrize(
    ("clock", "level"),
    [
        (wire.GatewayClock.SYNCHRONISED, Level.OK),
        (wire.GatewayClock.UNKNOWN, Level.WARNING),
        (wire.GatewayClock.UNSYNCHRONISED, Level.FAULT),
    ],
)
def test_clock_is_judged(
    patient: Examined, monkeypatch: pytest.MonkeyPatch, clock: wire.GatewayClock, level: Level
) -> None:
    monkeypatch.setattr(clock_quality, "judge", lambda now: clock)
    assert levels(machine_checks.clock(patient)) == [("clock", level)]


@pytest.mark.parametrize(
    ("free", "level"),
    [(10**9, Level.OK), (50 * 2**20, Level.WARNING), (10**6, Level.FAULT), (None, Level.WARNING)],
)
def test_disk_is_judged(
    patient: Examined, monkeypatch: pytest.MonkeyPatch, free: int | None, level: Level
) -> None:
    patient.settings.state_folder.mkdir()
    monkeypatch.setattr(machine, "disk_free_bytes", lambda folder: free)
    assert levels(machine_checks.disk(patient)) == [("disk", level)]


def test_broken_profile_of_the_site_is_said_with_its_line(
    patient: Examined, tmp_path: Path
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text("profile_id = \n")
    settings = replace(patient.settings, profile_folder=tmp_path / "profiles")
    (found,) = machine_checks.profiles(replace(patient, settings=settings))
    assert found.level is Level.FAULT
    assert "mine.toml" in found.found


def test_outbox_is_looked_into_beside_the_running_gateway(
    patient: Examined, captured: Captured
) -> None:
    assert levels(outbox_checks.outbox(patient)) == [("outbox", Level.WARNING)]  # none yet
    outbox = Outbox(patient.settings.state_folder, AT)
    assert levels(outbox_checks.outbox(patient)) == [("outbox", Level.OK)]
    outbox.append(replace(captured(1), received_at=AT - timedelta(hours=2)))
    (found,) = outbox_checks.outbox(patient)
    assert found.level is Level.WARNING
    assert found.found.endswith("the oldest for 2 hours")
    old = replace(patient, now=AT + timedelta(days=200))
    (found,) = outbox_checks.outbox(old)
    assert found.level is Level.FAULT
    assert "taken nothing for 180 days" in found.what_to_do
    outbox.close()


def test_repair_of_lately_is_a_reason_to_replace_the_card(
    patient: Examined, captured: Captured
) -> None:
    folder = patient.settings.state_folder
    outbox = Outbox(folder, AT)
    outbox.append(captured(1))
    outbox.mark_published([1], AT)
    outbox.close()
    (folder / "outbox.db").write_bytes(b"")
    Outbox(folder, AT).close()
    found = outbox_checks.outbox(patient)
    assert levels(found) == [("outbox", Level.OK), ("outbox repair", Level.WARNING)]
    assert "not saved: number 1 of the old outbox" in found[1].found
    later = replace(patient, now=AT + timedelta(days=31))
    assert levels(outbox_checks.outbox(later)) == [("outbox", Level.OK)]


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, Level.OK, ""),
        ({"bond": Bond.LOST}, Level.FAULT, "pair AA:BB:CC:DD:EE:0F"),
        ({"talked_at": None}, Level.WARNING, "pair"),
        ({"failure": Trouble("link_lost", AT), "failures": 3}, Level.WARNING, "nearer"),
        ({"battery_percent": 10}, Level.WARNING, "battery"),
    ],
)
def test_peripherals_are_judged(
    patient: Examined, changes: dict[str, Any], level: Level, words: str
) -> None:
    health = replace(HEALTH, peripherals=(replace(CUFF, **changes),))
    (found,) = outbox_checks.peripherals(replace(patient, word=running(health)))
    assert found.level is level
    assert words in found.what_to_do


def test_running_gateway_tells_of_its_connection(patient: Examined) -> None:
    assert levels(server_checks._running(replace(patient, word=running()))) == [
        ("connection", Level.OK)
    ]
    uplink = UplinkHealth(None, Trouble("not_authorized", AT), Trouble("tls", AT))
    found = server_checks._running(replace(patient, word=running(replace(HEALTH, uplink=uplink))))
    assert levels(found) == [("connection", Level.FAULT), ("publications", Level.WARNING)]
    assert "not authorized" in found[1].found


def test_running_gateway_tells_of_its_radios(patient: Examined) -> None:
    down = AdapterHealth("hci1", AdapterState.DOWN, AT, Trouble("absent", AT))
    word = running(replace(HEALTH, adapters=(*HEALTH.adapters, down)))
    assert levels(radio_checks._running(replace(patient, word=word))) == [
        ("radio hci0", Level.OK),
        ("radio hci1", Level.FAULT),
    ]


def test_switched_off_radio_is_found(tmp_path: Path) -> None:
    for number, (kind, soft, hard) in enumerate(
        [
            ("wlan", "1", "0"),
            ("bluetooth", "1", "0"),
            ("bluetooth", "0", "1"),
            ("bluetooth", "0", "0"),
        ]
    ):
        switch = tmp_path / f"rfkill{number}"
        switch.mkdir()
        for name, text in (
            ("type", kind),
            ("soft", soft),
            ("hard", hard),
            ("name", f"hci{number}"),
        ):
            (switch / name).write_text(text + "\n")
    found = radio_checks.blocked(tmp_path)
    assert [one.found for one in found] == ["hci1 is blocked", "hci2 is off"]


@pytest.mark.parametrize(
    ("error_name", "words"),
    [
        ("org.freedesktop.DBus.Error.AccessDenied", "group bluetooth"),
        ("org.freedesktop.DBus.Error.ServiceUnknown", "systemctl enable --now bluetooth"),
    ],
)
def test_errors_of_the_bus_are_said_in_words(error_name: str, words: str) -> None:
    assert words in radio_checks.refused(error_name).what_to_do


def test_certificate_is_missed_when_the_gateway_was_never_enrolled(patient: Examined) -> None:
    (found,) = server_checks.certificate(patient)
    assert found.level is Level.FAULT
    assert "homevitals-gateway enrol" in found.what_to_do
    assert levels(server_checks.broker(patient)) == [("broker", Level.WARNING)]


def test_holder_of_the_outbox_is_seen_without_getting_into_its_way(tmp_path: Path) -> None:
    assert not outbox_file.is_held(tmp_path)
    outbox = Outbox(tmp_path, AT)
    assert outbox_file.is_held(tmp_path)
    outbox.close()
    assert not outbox_file.is_held(tmp_path)
    Outbox(tmp_path, AT).close()


def test_gateway_that_holds_the_outbox_and_does_not_answer_is_at_fault(patient: Examined) -> None:
    assert levels(examined.service(patient)) == [("service", Level.WARNING)]
    assert levels(examined.service(replace(patient, is_held=True))) == [("service", Level.FAULT)]
    assert levels(examined.service(replace(patient, word=running()))) == [("service", Level.OK)]


def test_all_checks_answer_on_a_machine_where_nothing_is_set_up(
    patient: Examined, captured: Captured
) -> None:
    frame = bytes.fromhex("1e7800500060 00e3070704150000 4f00 01 0000".replace(" ", ""))
    outbox = Outbox(patient.settings.state_folder, AT)
    outbox.append(replace(captured(1), raw=frame))
    found = list(command.examine(patient))
    outbox.close()
    names = {one.name for one in found}
    assert {"software", "settings", "service", "clock", "disk", "certificate", "outbox"} <= names
    text = json.dumps([finding.as_text(one) for one in found])
    assert not any(word in text for word in ("mmHg", "systolic", frame.hex()))
    assert all(one.what_to_do for one in found if one.level is not Level.OK)
