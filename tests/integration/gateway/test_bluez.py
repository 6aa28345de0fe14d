"""The gateway on bleak's own BlueZ backend: real D-Bus, and a bluetoothd that does as it is told."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import wire
from firmware_profiles.gatt_time import CurrentTime, DateTime
from gateway import errors, rotation, scan, service
from gateway.adapter import Adapter, opened
from gateway.errors import SessionReason, StorageReason
from gateway.outbox import Outbox
from gateway.keeper import Keeper
from gateway.session import Session
from gateway.settings import GatewaySettings
from tests.integration.gateway.fake_bluez import Cuff, FakeBluez

pytestmark = [
    pytest.mark.ble,
    pytest.mark.timeout(20),
    # The end of a bus that a test breaks on purpose is collected whenever Python gets to it.
    pytest.mark.filterwarnings("ignore:unclosed <socket.*dbus:ResourceWarning"),
]

CUFF = "C4:65:1B:00:00:01"
FOREIGN = "/org/bluez/hci0/dev_C4_65_1B_00_00_02"
FRAMES = [bytes.fromhex("16820044005800ea070b120b071f3c000000")]
FRAMES.append(FRAMES[0].replace(b"\x82", b"\x7f"))

# Without service files, so that nothing starts a real bluetoothd on it.
BUS_CONFIGURATION = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>"""


@contextmanager
def running_bus(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a D-Bus daemon; yield its address and its process."""
    configuration = folder / "bus.conf"
    configuration.write_text(BUS_CONFIGURATION)
    command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip(), daemon
        daemon.terminate()


@pytest.fixture(scope="module")
def bus_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_bus(tmp_path_factory.mktemp("bus")) as (address, _):
        yield address


@pytest.fixture(autouse=True)
def _system_bus(bus_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus_address)


def a_and_d() -> Cuff:
    return Cuff(
        address=CUFF,
        name="A&D_UA-651BLE_000001",
        services={"1810": {"2a35": ["indicate"], "2a08": ["write"]}},
        clock="2a08",
        clock_content=b"",
        unsent=list(FRAMES),
    )


def standard() -> Cuff:
    return Cuff(
        address=CUFF,
        name="Cuff",
        services={"1810": {"2a35": ["indicate"]}, "1805": {"2a2b": ["read", "write"]}},
        clock="2a2b",
        clock_content=CurrentTime.of(datetime(2020, 1, 1)).to_bytes(),  # noqa: DTZ001
        unsent=list(FRAMES),
    )


@dataclass
class Place:
    """A machine with BlueZ, a cuff near it, and a gateway's settings and outbox."""

    settings: GatewaySettings
    outbox: Outbox

    @asynccontextmanager
    async def bluez(self, cuff: Cuff) -> AsyncIterator[FakeBluez]:
        bluez = FakeBluez(cuff)
        await bluez.start()
        try:
            yield bluez
        finally:
            await bluez.vanish()

    async def visit(self, adapter: Adapter, keeper: Keeper | None = None) -> int:
        async with asyncio.timeout(5):
            sighting = await scan.next_sighting(adapter, scan.Watch([CUFF], lambda: 0.0))
            session = Session(
                adapter, sighting, keeper or self.outbox, "Etc/UTC", lambda: datetime.now(UTC)
            )
            return await session.run()

    def stored(self) -> list[bytes]:
        return [row.record.raw for row in self.outbox.waiting(10)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
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
    outbox = Outbox(settings.state_folder, datetime.now(UTC))
    yield Place(settings, outbox)
    outbox.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def settled(condition: Callable[[], bool]) -> None:
    """Wait for the other side; it has no event to offer."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("model", [a_and_d, standard])
def test_cuff_bonds_takes_the_clock_and_delivers_into_the_outbox_when_visited(
    place: Place, model: Callable[[], Cuff]
) -> None:
    cuff = model()

    async def work() -> None:
        async with place.bluez(cuff) as bluez, opened(place.settings) as adapter:
            assert await place.visit(adapter) == 2
            assert cuff.is_bonded
            assert bluez.pair_count == 1
            assert place.stored() == FRAMES

            cuff.unsent.append(FRAMES[0])
            assert await place.visit(adapter) == 1
            assert bluez.pair_count == 1  # the bond is used again

    run(work())
    records = [row.record for row in place.outbox.waiting(10)]
    assert {record.peripheral for record in records} == {CUFF}
    assert {record.link for record in records} == {wire.Link.ENCRYPTED}
    codec = CurrentTime if cuff.clock == "2a2b" else DateTime
    assert len(cuff.clock_writes) == 2
    written = codec.from_bytes(cuff.clock_writes[0]).wall_clock()
    assert written is not None
    assert abs(written.replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(seconds=20)
    has_offset = {record.device_clock_offset_s is not None for record in records}
    assert has_offset == {cuff.clock == "2a2b"}


def test_pairing_fails_when_no_agent_answers(place: Place) -> None:
    async def work() -> None:
        async with place.bluez(a_and_d()) as bluez:
            lost = asyncio.get_running_loop().create_future()
            bare = Adapter(
                scanner_arguments={"bluez": {}}, client_arguments={"bluez": {}}, lost=lost
            )
            with pytest.raises(errors.SessionError) as failed:
                await place.visit(bare)
            assert failed.value.reason is SessionReason.PAIRING_REFUSED
            assert bluez.pair_count == 1

    run(work())
    assert place.stored() == []


def test_pairing_fails_and_the_log_says_why_when_the_cuff_shows_a_passkey(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.question = "RequestPasskey"
        async with place.bluez(cuff), opened(place.settings) as adapter:
            with pytest.raises(errors.SessionError) as failed:
                await place.visit(adapter)
            assert failed.value.reason is SessionReason.PAIRING_REFUSED

    run(work())
    (line,) = [r for r in caplog.records if r.message == "pairing_rejected"]
    assert (line.__dict__["peripheral_id"], line.__dict__["reason"]) == ("00:01", "passkey_needed")


@pytest.mark.parametrize(
    "question", ["RequestConfirmation", "RequestAuthorization", "RequestPasskey", "RequestPinCode"]
)
def test_pairing_is_rejected_when_a_foreign_peripheral_asks(place: Place, question: str) -> None:
    async def work() -> None:
        async with place.bluez(a_and_d()) as bluez, opened(place.settings):
            assert await bluez.ask_agent(None, question, FOREIGN) == "org.bluez.Error.Rejected"

    run(work())


@pytest.mark.parametrize("question", ["RequestConfirmation", "RequestAuthorization"])
def test_pairing_is_accepted_when_an_allowed_peripheral_asks(place: Place, question: str) -> None:
    async def work() -> None:
        cuff = a_and_d()
        async with place.bluez(cuff) as bluez, opened(place.settings):
            assert await bluez.ask_agent(None, question, cuff.path) is None

    run(work())


@asynccontextmanager
async def radio_in_use(place: Place) -> AsyncIterator[None]:
    """Run the gateway's own loop around the radio: it scans, visits, and opens the radio again when lost."""
    identities = rotation.opened(place.settings)
    gateway = service.Gateway(place.settings, identities, place.outbox)
    using = asyncio.create_task(gateway._use_radio())
    try:
        yield
    finally:
        using.cancel()
        await asyncio.gather(using, return_exceptions=True)


def test_next_visit_works_when_bluetoothd_was_killed_in_the_middle_of_one(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.patience = 1
        async with radio_in_use(place):
            async with place.bluez(cuff) as killed:
                await settled(lambda: place.stored() == FRAMES[:1])
                assert killed.pair_count == 1
            cuff.patience = 100
            async with place.bluez(cuff) as restarted:
                await settled(lambda: place.stored() == FRAMES)
                assert restarted.pair_count == 0
                assert restarted.default_agent in restarted.agents
                await settled(lambda: restarted.scan_count > 1)  # the visit is over

    with caplog.at_level(logging.INFO):
        run(work())
    events = [record.message for record in caplog.records if record.name == "gateway.service"]
    assert [event for event in events if event != "radio_down"] == [
        "radio_open",
        "radio_open",
        "session_done",
    ]


def test_next_visit_works_when_bluetoothd_was_killed_during_a_scan(place: Place) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.unsent.clear()
        async with radio_in_use(place):
            async with place.bluez(cuff) as killed:
                await settled(lambda: killed.scan_count == 1)
            cuff.unsent += FRAMES
            async with place.bluez(cuff):
                await settled(lambda: place.stored() == FRAMES)

    run(work())


@pytest.mark.parametrize("loss", ["vanish", "switch_off", "unplug"])
def test_adapter_is_lost_when(place: Place, loss: str) -> None:
    async def work() -> None:
        bluez = FakeBluez(a_and_d())
        await bluez.start()
        async with opened(place.settings) as adapter, asyncio.timeout(5):
            waiting = asyncio.create_task(adapter.wait_lost())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            if loss == "vanish":
                await bluez.vanish()
            else:
                getattr(bluez, loss)()
            await waiting
        if loss != "vanish":
            await bluez.vanish()

    run(work())


def test_adapter_is_lost_when_bluetoothd_releases_the_agent(place: Place) -> None:
    async def work() -> None:
        async with place.bluez(a_and_d()) as bluez, opened(place.settings) as adapter:
            await bluez.release_agent()
            async with asyncio.timeout(5):
                await adapter.wait_lost()

    run(work())


def test_adapter_is_lost_when_the_system_bus_ends(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(bus: subprocess.Popen[str]) -> None:
        await FakeBluez(a_and_d()).start()
        async with opened(place.settings) as adapter, asyncio.timeout(5):
            bus.kill()
            await adapter.wait_lost()

    with running_bus(tmp_path) as (address, bus):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        run(work(bus))


async def open_and_close(place: Place) -> None:
    async with opened(place.settings):
        pass


def test_there_is_no_adapter_when_bluetoothd_does_not_run(place: Place) -> None:
    with pytest.raises(errors.AdapterError, match="ServiceUnknown"):
        run(open_and_close(place))


@pytest.mark.parametrize("address", ["unix:path=/nowhere", "nonsense"])
def test_there_is_no_adapter_when_there_is_no_system_bus(
    place: Place, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    with pytest.raises(errors.AdapterError, match="no D-Bus system bus"):
        run(open_and_close(place))


def test_there_is_no_adapter_when_bluetoothd_refuses_the_agent(place: Place) -> None:
    async def work() -> None:
        async with place.bluez(a_and_d()) as bluez:
            bluez.refused_registration = "org.freedesktop.DBus.Error.AccessDenied"
            with pytest.raises(errors.AdapterError, match="AccessDenied"):
                await open_and_close(place)

    run(work())


def test_session_ends_when_the_record_cannot_be_stored(place: Place) -> None:
    class FullDisk:
        watermark = place.outbox.watermark
        set_watermark = place.outbox.set_watermark

        def append(self, _record: Any) -> int:
            raise errors.OutboxError(StorageReason.FULL)

    async def work() -> None:
        async with place.bluez(a_and_d()), opened(place.settings) as adapter:
            with pytest.raises(errors.SessionError) as failed:
                await place.visit(adapter, FullDisk())
            assert failed.value.reason is SessionReason.STORAGE

    run(work())


def test_agent_is_the_default_one_and_has_no_display_when_the_adapter_is_open(place: Place) -> None:
    async def work() -> None:
        async with place.bluez(a_and_d()) as bluez, opened(place.settings):
            assert bluez.default_agent is not None
            _, capability = bluez.agents[bluez.default_agent]
            assert capability == "NoInputNoOutput"

    run(work())
