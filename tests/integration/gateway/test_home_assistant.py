"""A household's own broker, a real Mosquitto with TLS and a password, and what Home Assistant would find there."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy import certificates, mosquitto, ports
from firmware_profiles import uuids, wire
from firmware_profiles.blood_pressure import BloodPressureMeasurement, PressureUnit
from firmware_profiles.gateway_configuration import AllowedPeripheral
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.sfloat import Sfloat
from gateway.following import Plan
from gateway.home_assistant.discovery import GatewayState, PeripheralState
from gateway.home_assistant.telling import MOST_WAITING, Telling
from gateway.record import CapturedRecord
from gateway.settings import GatewaySettings

# paho leaves the socket of a failed handshake to the garbage collector.
pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

GATEWAY, CUFF, METER = "gw-ab12cd34", "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"
AT = datetime(2026, 11, 28, 8, tzinfo=UTC)
USER, PASSWORD = "gateway", "correct horse battery"
CUFF_TOPIC = f"homevitals/{GATEWAY}/aabbccddee01"
CONFIGS = f"homeassistant/sensor/homevitals_{GATEWAY}"


@dataclass
class Household:
    """The household's broker, and ears on everything that is said there."""

    folder: Path
    port: int
    ca_file: Path
    process: subprocess.Popen[bytes] | None = None
    retained: dict[str, bytes] = field(default_factory=dict)
    heard: list[tuple[str, bytes, bool]] = field(default_factory=list)

    def start(self) -> None:
        program = str(mosquitto.find_program().path)
        command = [program, "-c", str(self.folder / "mosquitto.conf")]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert ports.wait_until(lambda: ports.is_listening(self.port), timeout_s=30)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def client(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.username_pw_set("home_assistant", PASSWORD)
        client.tls_set(ca_certs=str(self.ca_file))
        return client

    def listen(self) -> mqtt.Client:
        """Hear everything, as Home Assistant does from its start on."""
        client, is_ready = self.client(), threading.Event()

        def on_message(_client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
            self.heard.append((message.topic, message.payload, message.retain))

        client.on_message = on_message
        client.on_subscribe = lambda *_: is_ready.set()
        client.on_connect = lambda *_: client.subscribe("#", qos=1)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        assert is_ready.wait(30)
        return client

    def last(self, topic: str) -> Any:
        found = [payload for where, payload, _ in self.heard if where == topic]
        if not found:
            return None
        try:
            return json.loads(found[-1])
        except ValueError:
            return found[-1].decode()

    def kept(self) -> dict[str, bytes]:
        """Return what the broker keeps, as somebody finds it who comes now."""
        ears = Household(self.folder, self.port, self.ca_file)
        client = ears.listen()
        time.sleep(1.0)
        client.disconnect()
        client.loop_stop()
        return {topic: payload for topic, payload, retain in ears.heard if retain}


@pytest.fixture(autouse=True)
def _sockets_of_failed_handshakes() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    authority = certificates.ThrowAwayAuthority(tmp_path / "ca", datetime.now(UTC))
    own = authority.credentials("localhost")
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    program = shutil.which("mosquitto_passwd")
    assert program is not None
    for name in (USER, "home_assistant"):
        subprocess.run([program, "-b", str(passwords), name, PASSWORD], check=True)
    port = ports.free_port()
    (tmp_path / "mosquitto.conf").write_text(
        f"user {mosquitto.present_user()}\nlistener {port} 127.0.0.1\nallow_anonymous false\n"
        f"password_file {passwords}\ncafile {authority.ca_file}\ncertfile {own.certificate_file}\n"
        f"keyfile {own.key_file}\npersistence true\npersistence_location {tmp_path}/\n"
        "autosave_interval 1\nautosave_on_changes true\n"
    )
    found = Household(tmp_path, port, authority.ca_file)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def ears(household: Household) -> Iterator[mqtt.Client]:
    client = household.listen()
    yield client
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def settings(household: Household, tmp_path: Path) -> GatewaySettings:
    password_file = tmp_path / "password"
    password_file.write_text(PASSWORD + "\n")
    password_file.chmod(0o600)
    return GatewaySettings(
        time_zone="UTC",
        home_assistant_host="127.0.0.1",
        home_assistant_port=household.port,
        home_assistant_ca_file=household.ca_file,
        home_assistant_user=USER,
        home_assistant_password_file=password_file,
        home_assistant_readings=True,
    )


@dataclass
class Home:
    """What the gateway knows; a test changes it."""

    plan: Plan
    state: GatewayState


@pytest.fixture
def home() -> Home:
    return Home(
        plan_with(AllowedPeripheral(CUFF, name="Kitchen")),
        GatewayState(
            is_connected=True, waiting_count=2, peripherals=(PeripheralState(CUFF, 80, AT),)
        ),
    )


def plan_with(*peripherals: AllowedPeripheral) -> Plan:
    return Plan(1, {one.address: one for one in peripherals}, 5.0, 15.0, 0.5)


def frame(number: int) -> CapturedRecord:
    raw = BloodPressureMeasurement(
        unit=PressureUnit.MMHG,
        systolic=Sfloat(100 + number, 0),
        diastolic=Sfloat(79, 0),
        mean_arterial=Sfloat(95, 0),
        time_stamp=DateTime.of(AT.replace(tzinfo=None, minute=number % 60)),
        pulse_rate=Sfloat(66, 0),
    ).to_bytes()
    return CapturedRecord(
        peripheral=CUFF,
        profile_id="standard-cuff",
        profile_version=1,
        characteristic=uuids.BLOOD_PRESSURE_MEASUREMENT,
        raw=raw,
        received_at=AT,
        gateway_clock=wire.GatewayClock.SYNCHRONISED,
        device_clock_offset_s=None,
        time_zone="UTC",
        link=wire.Link.ENCRYPTED,
    )


@asynccontextmanager
async def telling(settings: GatewaySettings, home: Home) -> AsyncIterator[Telling]:
    found = Telling(settings, GATEWAY, lambda: home.plan, lambda: home.state)
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], Any], timeout_s: float = 40.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - it looks at what a thread has heard
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("ears")
def test_gateway_and_peripherals_are_announced_and_told(
    household: Household, settings: GatewaySettings, home: Home
) -> None:
    async def run() -> None:
        async with telling(settings, home):
            await until(lambda: household.last(f"{CUFF_TOPIC}/state"))
        await until(lambda: household.last(f"homevitals/{GATEWAY}/availability") == "offline")

    asyncio.run(run())
    assert household.last(f"homevitals/{GATEWAY}/state") == {"connected": "ON", "waiting": 2}
    assert household.last(f"{CUFF_TOPIC}/state") == {"battery": 80, "heard_at": AT.isoformat()}
    kept = household.kept()
    assert f"{CONFIGS}/aabbccddee01_battery/config" in kept
    assert kept[f"homevitals/{GATEWAY}/availability"] == b"offline"
    assert not any(topic.endswith("/state") for topic in kept)


@pytest.mark.usefixtures("ears")
def test_a_reading_is_told_with_its_entities_and_kept_nowhere(
    household: Household, settings: GatewaySettings, home: Home
) -> None:
    async def run() -> None:
        async with telling(settings, home) as one:
            one.offer(frame(28))
            await until(lambda: household.last(f"{CUFF_TOPIC}/blood_pressure"))

    asyncio.run(run())
    said = household.last(f"{CUFF_TOPIC}/blood_pressure")
    assert (said["systolic_mmhg"], said["diastolic_mmhg"], said["pulse_bpm"]) == (128, 79, 66)
    kept = household.kept()
    config = f"{CONFIGS}/aabbccddee01_blood_pressure_systolic_mmhg/config"
    assert json.loads(kept[config])["state_topic"] == f"{CUFF_TOPIC}/blood_pressure"
    assert f"{CUFF_TOPIC}/blood_pressure" not in kept
    assert not any(b"128" in payload for payload in kept.values())


@pytest.mark.usefixtures("ears")
def test_without_the_households_wish_no_reading_leaves_and_earlier_ones_go(
    household: Household, settings: GatewaySettings, home: Home
) -> None:
    config = f"{CONFIGS}/aabbccddee01_blood_pressure_systolic_mmhg/config"

    async def run(*, wanted: bool) -> None:
        household.heard.clear()
        async with telling(replace(settings, home_assistant_readings=wanted), home) as one:
            one.offer(frame(28))
            await until(lambda: household.last(f"{CUFF_TOPIC}/state"))
            await asyncio.sleep(0.5)

    asyncio.run(run(wanted=True))
    assert config in household.kept()
    asyncio.run(run(wanted=False))
    assert household.last(f"{CUFF_TOPIC}/blood_pressure") is None
    assert config not in household.kept()
    assert f"{CONFIGS}/aabbccddee01_battery/config" in household.kept()


@pytest.mark.usefixtures("ears")
def test_a_peripheral_that_is_gone_is_taken_back(
    household: Household, settings: GatewaySettings, home: Home
) -> None:
    async def run() -> None:
        async with telling(settings, home) as one:
            await until(lambda: household.last(f"{CUFF_TOPIC}/state"))
            home.plan = plan_with(AllowedPeripheral(METER))
            one.wake()
            await until(lambda: household.last(f"{CONFIGS}/aabbccddee02_battery/config"))
            for gone in ("battery", "heard"):
                topic = f"{CONFIGS}/aabbccddee01_{gone}/config"
                await until(lambda topic=topic: household.last(topic) == "")

    asyncio.run(run())
    kept = household.kept()
    assert not any("aabbccddee01" in topic for topic in kept)
    assert f"{CONFIGS}/aabbccddee02_battery/config" in kept


def test_a_broker_that_comes_back_is_told_again_and_nothing_waits_for_it(
    household: Household, settings: GatewaySettings, home: Home
) -> None:
    household.stop()

    async def run() -> None:
        async with telling(settings, home) as one:
            started_s = time.monotonic()
            for number in range(MOST_WAITING + 10):
                one.offer(frame(number))
            assert time.monotonic() - started_s < 0.1
            assert one.dropped_count == 10
            household.start()
            client = household.listen()
            await until(lambda: household.last(f"{CUFF_TOPIC}/blood_pressure"), 30.0)
            await until(
                lambda: (
                    household.last(f"{CUFF_TOPIC}/blood_pressure")["systolic_mmhg"]
                    == 100 + MOST_WAITING + 9
                ),
                30.0,
            )
            client.disconnect()
            client.loop_stop()

    asyncio.run(run())
    told = [json.loads(p) for t, p, _ in household.heard if t == f"{CUFF_TOPIC}/blood_pressure"]
    # In the order in which they came, the oldest dropped.
    assert [one["systolic_mmhg"] for one in told] == [
        100 + number for number in range(10, MOST_WAITING + 10)
    ]


@pytest.mark.parametrize("wrong", ["password", "authority", "nobody there", "password file open"])
def test_what_is_wrong_costs_nothing_but_itself(
    household: Household,
    settings: GatewaySettings,
    home: Home,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    wrong: str,
) -> None:
    match wrong:
        case "password":
            settings.home_assistant_password_file.write_text("another password\n")
        case "authority":
            other = certificates.ThrowAwayAuthority(tmp_path / "other", datetime.now(UTC))
            settings = replace(settings, home_assistant_ca_file=other.ca_file)
        case "nobody there":
            settings = replace(settings, home_assistant_port=ports.free_port())
        case _:
            settings.home_assistant_password_file.chmod(0o644)

    async def run() -> None:
        async with telling(settings, home) as one:
            one.offer(frame(1))
            await until(
                lambda: any(record.msg == "home_assistant_down" for record in caplog.records)
            )

    asyncio.run(run())
    (record, *_) = [one for one in caplog.records if one.msg == "home_assistant_down"]
    reasons = {"password": "refused", "authority": "tls", "nobody there": "unreachable"}
    assert record.reason == reasons.get(wrong, "refused")  # type: ignore[attr-defined]
    assert PASSWORD not in caplog.text


def test_stopping_does_not_wait_for_a_broker_that_hangs(
    household: Household, settings: GatewaySettings, home: Home
) -> None:
    async def run() -> float:
        async with telling(settings, home):
            await asyncio.sleep(2.0)
            assert household.process is not None
            household.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.2)
            started_s = time.monotonic()
        return time.monotonic() - started_s

    try:
        assert asyncio.run(run()) < 5.0
    finally:
        assert household.process is not None
        household.process.send_signal(signal.SIGCONT)
