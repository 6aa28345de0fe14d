"""The gateway's session against virtual peripherals, over a real Bluetooth host stack on both sides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bleak import exc
from bleak.backends.device import BLEDevice

from firmware_profiles import racp, uuids
from firmware_profiles.blood_pressure import BloodPressureMeasurement
from firmware_profiles.gatt_time import CurrentTime, DateTime
from firmware_profiles.glucose import GlucoseMeasurement
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.racp import OpCode, ResponseCode
from gateway import errors, scan
from gateway.adapter import Adapter, opened
from gateway.bumble_backend.client import PatientGattClient
from gateway.errors import SessionReason, StorageReason
from gateway.record import CapturedRecord
from gateway.session import Session
from gateway.settings import GatewaySettings
from gateway.sighting import Sighting
from gateway.ward import home
from gateway.ward.process import Ward
from tests.pairing import pairing

pytestmark = pytest.mark.ble

CUFF = "C4:65:1B:00:00:01"
ZONE = "America/New_York"


@dataclass
class Shelf:
    """A keeper in memory that can look at the world whenever a record comes."""

    records: list[CapturedRecord] = field(default_factory=list)
    watermarks: dict[str, int] = field(default_factory=dict)
    memories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    before_append: Callable[[], None] = lambda: None

    def append(self, record: CapturedRecord) -> int:
        self.before_append()
        self.records.append(record)
        return len(self.records)

    def watermark(self, peripheral: str, profile_id: str) -> int | None:
        return self.watermarks.get(peripheral)

    def set_watermark(self, peripheral: str, profile_id: str, last_sequence: int) -> None:
        self.watermarks[peripheral] = last_sequence

    def recall(self, peripheral: str) -> dict[str, bytes]:
        return self.memories.get(peripheral, {})

    def remember(self, peripheral: str, name: str, content: bytes) -> None:
        self.memories.setdefault(peripheral, {})[name] = content


@dataclass
class Place:
    """A ward with one peripheral, and what a gateway needs to reach it."""

    folder: Path
    model: str
    port: int = 0
    shelf: Shelf = field(default_factory=Shelf)
    ward: Any = None

    @property
    def peripheral(self) -> Any:
        return self.ward.peripherals[0]

    def plan(self, **changes: Any) -> home.Home:
        readings = "home_glucose_adult_20.csv" if "gluco" in self.model else "home_bp_one_adult.csv"
        live_from = "1991-05-20T00:00:00" if "gluco" in self.model else "2019-05-01T00:00:00"
        settings = {
            "model": self.model,
            "address": CUFF,
            "name": "A&D_UA-651BLE_000001" if "651" in self.model else "Device",
            "readings": readings,
            "live_from": live_from,
            "backlog_days": 8.0,
            "live_every_s": 3600.0,
            "clock_error_s": 95.0,
            "drift_ppm": 0.0,
        }
        ward = home.WardSettings(port=0, state_folder=self.folder / "ward", time_zone=ZONE)
        return home.Home(ward, (home.PeripheralSettings(**{**settings, **changes}),))

    def gateway_settings(self, state: str = "gateway") -> GatewaySettings:
        folder = self.folder / state
        folder.mkdir(exist_ok=True)
        return GatewaySettings(
            gateway_id="gw-aaaaaaa1",
            broker_host="localhost",
            ca_file=Path("/ca"),
            certificate_file=Path("/cert"),
            key_file=Path("/key"),
            state_folder=folder,
            time_zone=ZONE,
            peripherals=(CUFF,),
            adapter="bumble",
            hci_transport=f"tcp-client:127.0.0.1:{self.port}",
        )

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[Place]:
        self.ward = Ward(self.plan(**changes), lambda: datetime.now(UTC))
        self.port = await self.ward.start()
        try:
            yield self
        finally:
            await self.ward.stop()

    @asynccontextmanager
    async def radio(self, state: str = "gateway") -> AsyncIterator[Adapter]:
        with pairing(CUFF) as desk:
            async with opened(self.gateway_settings(state), desk) as adapter:
                yield adapter

    async def sight(self, adapter: Adapter) -> Sighting:
        async with asyncio.timeout(10):
            return await scan.next_sighting(adapter, scan.Watch([CUFF], lambda: 0.0))

    async def visit(self, adapter: Adapter) -> int:
        sighting = await self.sight(adapter)
        session = Session(adapter, sighting, self.shelf, ZONE, lambda: datetime.now(UTC))
        async with asyncio.timeout(20):
            return await session.run()


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Place]:
    return lambda model: Place(tmp_path, model)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def unsent(place: Place) -> list[int]:
    records = place.peripheral.memory.contents.records
    return [record.sequence for record in records if not record.is_sent]


async def settled(condition: Callable[[], bool]) -> None:
    """Wait for the other side to have noticed; it has no event to offer."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_a_and_d_cuff_bonds_takes_the_clock_and_delivers_everything_when_visited(
    place: Callable[[str], Place], tmp_path: Path
) -> None:
    async def work() -> None:
        async with place(home.UA_651BLE).open() as here, here.radio() as adapter:
            stored = [record.frames for record in here.peripheral.memory.contents.records]
            assert len(stored) > 10
            assert await here.visit(adapter) == len(stored)
            assert [((r.characteristic, r.raw.hex()),) for r in here.shelf.records] == stored
            await settled(lambda: not unsent(here))
            home_time = datetime.now(UTC).astimezone(here.peripheral._zone).replace(tzinfo=None)
            # Set to the home's time, with the second that the format can say.
            assert abs(here.peripheral.display_time - home_time) < timedelta(seconds=1.5)
            assert not here.peripheral.device.is_advertising

    run(work())
    for bonds in (tmp_path / "gateway" / "bonds.json", *tmp_path.glob("ward/*/bonds.json")):
        assert bonds.stat().st_mode & 0o777 == 0o600
        (peers,) = json.loads(bonds.read_text()).values()
        (keys,) = peers.values()
        assert keys["ltk"]["value"]


async def adapter_keys(adapter: Adapter) -> Any:
    return await adapter._client_arguments["radio"].device.keystore.get_all()


def test_bond_is_used_again_when_both_sides_have_been_restarted(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        here = place(home.UA_651BLE)
        async with here.open(), here.radio() as adapter:
            await here.visit(adapter)
            bonds = await adapter_keys(adapter)
        before = len(here.shelf.records)
        async with here.open(), here.radio() as adapter:
            measured = await here.peripheral.measure()
            assert await here.visit(adapter) == 1
            assert here.shelf.records[before].raw.hex() == measured.frames[0][1]
            assert await adapter_keys(adapter) == bonds

    run(work())


def test_cuff_is_told_only_after_the_commit_when_a_record_arrives(
    place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    send_confirmation = PatientGattClient.send_confirmation

    def noted(client: PatientGattClient, confirmation: Any) -> None:
        order.append("confirmed")
        send_confirmation(client, confirmation)

    monkeypatch.setattr(PatientGattClient, "send_confirmation", noted)

    async def work() -> None:
        async with place(home.UA_651BLE).open() as here, here.radio() as adapter:
            server = here.peripheral.device.gatt_server

            def before_append() -> None:
                (outstanding,) = server.pending_confirmations.values()
                assert outstanding is not None
                assert not outstanding.done()
                order.append("stored")

            here.shelf.before_append = before_append
            count = await here.visit(adapter)
            await settled(lambda: not unsent(here))
            assert order == ["stored", "confirmed"] * count

    run(work())


def test_cuff_keeps_the_record_when_it_could_not_be_stored(place: Callable[[str], Place]) -> None:
    async def work() -> None:
        async with place(home.UA_651BLE).open() as here, here.radio() as adapter:
            total = len(unsent(here))

            def fail_at_the_fourth() -> None:
                if len(here.shelf.records) == 3:
                    raise errors.OutboxError(StorageReason.FULL)

            here.shelf.before_append = fail_at_the_fourth
            with pytest.raises(errors.SessionError) as failed:
                await here.visit(adapter)
            assert failed.value.reason is SessionReason.STORAGE
            await settled(lambda: here.peripheral.connection is None)
            assert unsent(here) == list(range(3, total))
            here.shelf.before_append = lambda: None
            assert await here.visit(adapter) == total - 3

    run(work())


def test_nothing_is_sent_when_the_gate_of_the_a_and_d_cuff_closes(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        async with place(home.UA_651BLE).open() as here, here.radio() as adapter:
            here.peripheral.habits = replace(here.peripheral.habits, gate_s=0.2)
            sighting = await here.sight(adapter)
            gone = asyncio.Event()
            client = adapter.client(sighting.device, gone.set, pair=True, timeout_s=10)
            await client.connect()
            received: list[bytes] = []
            # Subscribed in time, but the clock is never written.
            await client.start_notify(
                uuids.full_uuid("2a35"), lambda _, content: received.append(bytes(content))
            )
            async with asyncio.timeout(5):
                await gone.wait()
            assert received == []
            assert len(unsent(here)) > 10

    run(work())


def test_impossible_clock_is_silently_ignored_when_written_to_the_a_and_d_cuff(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        async with place(home.UA_651BLE).open() as here, here.radio() as adapter:
            sighting = await here.sight(adapter)
            client = adapter.client(sighting.device, lambda: None, pair=True, timeout_s=10)
            await client.connect()
            clock = here.peripheral.memory.contents.clock
            impossible = DateTime(2026, 13, 1, 0, 0, 0).to_bytes()
            await client.write_gatt_char(uuids.full_uuid("2a08"), impossible, response=True)
            assert here.peripheral.memory.contents.clock == clock
            with pytest.raises(exc.BleakGATTProtocolError):
                await client.read_gatt_char(uuids.full_uuid("2a08"))
            await client.disconnect()

    run(work())


async def use(client: Any, characteristic: Any) -> None:
    """Do with a characteristic what it is for."""
    if {"notify", "indicate"} & set(characteristic.properties):
        await client.start_notify(characteristic, lambda *_: None)
    elif "read" in characteristic.properties:
        await client.read_gatt_char(characteristic)
    else:
        await client.write_gatt_char(characteristic, b"\0", response=True)


@pytest.mark.parametrize("model", [home.UA_651BLE, home.STANDARD_CUFF, home.STANDARD_GLUCOMETER])
def test_everything_is_refused_when_the_host_has_no_bond(
    place: Callable[[str], Place], model: str
) -> None:
    async def work() -> None:
        async with place(model).open() as here, here.radio() as adapter:
            sighting = await here.sight(adapter)
            client = adapter.client(sighting.device, lambda: None, pair=False, timeout_s=10)
            await client.connect()
            refusals = 0
            for service in client.services:
                if uuids.short_uuid(service.uuid) in {"1800", "1801"}:
                    continue
                for characteristic in service.characteristics:
                    with pytest.raises(exc.BleakGATTProtocolError) as refused:
                        await use(client, characteristic)
                    assert refused.value.code == 0x05  # insufficient authentication
                    refusals += 1
            assert refusals > 4
            await client.disconnect()

    run(work())


def test_gateway_says_that_the_bond_is_lost_when_the_cuff_has_forgotten_it(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        async with place(home.UA_651BLE).open() as here, here.radio() as adapter:
            await here.visit(adapter)
            await here.peripheral.device.keystore.delete_all()
            await here.peripheral.measure()
            with pytest.raises(errors.SessionError) as failed:
                await here.visit(adapter)
            assert failed.value.reason is SessionReason.PAIRING_REFUSED
            assert len(unsent(here)) == 1

    run(work())


def test_standard_cuff_is_corrected_and_loses_nothing_when_it_sends_before_being_asked(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        async with place(home.STANDARD_CUFF).open() as here, here.radio() as adapter:
            first = await here.visit(adapter)
            assert here.shelf.records[0].device_clock_offset_s == pytest.approx(-95, abs=1)
            await settled(lambda: not unsent(here))
            # It has kept the subscription, and sends as soon as the next link is encrypted.
            assert here.peripheral.memory.contents.is_subscribed
            for _ in range(3):
                await here.peripheral.measure()
            assert await here.visit(adapter) == 3
            assert len(here.shelf.records) == first + 3
            assert here.shelf.records[-1].device_clock_offset_s == pytest.approx(0, abs=1)
            stamp = BloodPressureMeasurement.from_bytes(here.shelf.records[-1].raw).time_stamp
            assert stamp is not None

    run(work())


def test_meter_delivers_all_then_only_the_new_when_visited_twice(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        async with place(home.STANDARD_GLUCOMETER).open() as here, here.radio() as adapter:
            total = len(unsent(here))
            assert await here.visit(adapter) == 2 * total
            measurements = [
                GlucoseMeasurement.from_bytes(r.raw)
                for r in here.shelf.records
                if r.characteristic == uuids.GLUCOSE_MEASUREMENT
            ]
            assert [m.sequence_number for m in measurements] == list(range(total))
            assert all(m.context_follows for m in measurements)
            context = GlucoseMeasurementContext.from_bytes(here.shelf.records[1].raw)
            assert context.sequence_number == 0
            await settled(lambda: not unsent(here))
            await here.peripheral.measure()
            assert await here.visit(adapter) == 2
            new = GlucoseMeasurement.from_bytes(here.shelf.records[-2].raw)
            assert new.sequence_number == total
            # 95 s fast: the display was set back by two minutes, the inner clock was left alone.
            assert new.time_offset_min == -2

    run(work())


def test_meter_keeps_to_the_protocol_when_asked_out_of_turn(place: Callable[[str], Place]) -> None:
    control_point = uuids.full_uuid(uuids.RECORD_ACCESS_CONTROL_POINT)

    async def work() -> None:
        async with (
            place(home.STANDARD_GLUCOMETER).open(backlog_days=30.0) as here,
            here.radio() as adapter,
        ):
            sighting = await here.sight(adapter)
            client = adapter.client(sighting.device, lambda: None, pair=True, timeout_s=10)
            await client.connect()
            answers: asyncio.Queue[bytes] = asyncio.Queue()
            records: list[bytes] = []

            async def ask(content: bytes) -> None:
                await client.write_gatt_char(control_point, content, response=True)

            with pytest.raises(exc.BleakGATTProtocolError) as refused:
                await ask(racp.report_all().to_bytes())
            assert refused.value.code == 0xFD  # subscriptions are missing
            for uuid in ("2a18", "2a34"):
                await client.start_notify(
                    uuids.full_uuid(uuid), lambda _, content: records.append(bytes(content))
                )
            await client.start_notify(
                control_point, lambda _, content: answers.put_nowait(bytes(content))
            )
            await ask(racp.count().to_bytes())
            count = racp.response_from_bytes(await answers.get())
            assert count == racp.CountResponse(len(unsent(here)))
            await ask(b"\x02\x01")
            deleted = racp.Response.from_bytes(await answers.get())
            assert deleted.code is ResponseCode.OP_CODE_NOT_SUPPORTED
            await ask(racp.report_from(60_000).to_bytes())
            none = racp.Response.from_bytes(await answers.get())
            assert none == racp.Response(OpCode.REPORT_RECORDS, ResponseCode.NO_RECORDS_FOUND)

            await ask(racp.report_all().to_bytes())
            with pytest.raises(exc.BleakGATTProtocolError) as busy:
                await ask(racp.report_all().to_bytes())
            assert busy.value.code == 0xFE  # procedure already in progress
            await ask(racp.abort().to_bytes())
            aborted = racp.Response.from_bytes(await answers.get())
            assert aborted == racp.Response(OpCode.ABORT, ResponseCode.SUCCESS)
            assert answers.empty()
            assert len(records) < 2 * count.count
            assert len(unsent(here)) == count.count
            await client.disconnect()

    run(work())


def test_current_time_is_refused_when_it_cannot_be(place: Callable[[str], Place]) -> None:
    current_time = uuids.full_uuid(uuids.CURRENT_TIME)

    async def work() -> None:
        async with place(home.STANDARD_GLUCOMETER).open() as here, here.radio() as adapter:
            sighting = await here.sight(adapter)
            client = adapter.client(sighting.device, lambda: None, pair=True, timeout_s=10)
            await client.connect()
            for content, code in ((b"\x01", 0x0D), (bytes(10), 0x80)):
                with pytest.raises(exc.BleakGATTProtocolError) as refused:
                    await client.write_gatt_char(current_time, content, response=True)
                assert refused.value.code == code
            shown = CurrentTime.from_bytes(bytes(await client.read_gatt_char(current_time)))
            assert shown.wall_clock() is not None
            await client.disconnect()

    run(work())


def test_radio_is_fresh_and_old_links_are_gone_when_another_host_takes_over(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        async with place(home.STANDARD_CUFF).open() as here, here.radio() as first:
            sighting = await here.sight(first)
            client = first.client(sighting.device, lambda: None, pair=True, timeout_s=10)
            await client.connect()
            assert here.peripheral.connection is not None
            # Somebody who only looks whether the port is open disturbs nobody.
            _, writer = await asyncio.open_connection("127.0.0.1", here.port)
            writer.close()
            await writer.wait_closed()
            assert client.is_connected
            async with here.radio() as second:
                await asyncio.wait_for(first.wait_lost(), 5)
                await settled(lambda: here.peripheral.connection is None)
                assert not client.is_connected
                assert await here.visit(second) > 10

    run(work())


def test_radio_goes_on_when_a_peripheral_does_not_answer(place: Callable[[str], Place]) -> None:
    async def work() -> None:
        async with place(home.STANDARD_CUFF).open() as here, here.radio() as adapter:
            sighting = await here.sight(adapter)
            from bumble import hci

            absent = BLEDevice("C0:00:00:00:00:77", "Absent", hci.Address("C0:00:00:00:00:77"))
            nobody = adapter.client(absent, lambda: None, pair=True, timeout_s=0.3)
            with pytest.raises(exc.BleakError):
                await nobody.connect()
            session = Session(adapter, sighting, here.shelf, ZONE, lambda: datetime.now(UTC))
            assert await session.run() > 10

    run(work())


def test_adapter_error_is_clear_when_there_is_no_radio(place: Callable[[str], Place]) -> None:
    async def work() -> None:
        here = place(home.STANDARD_CUFF)
        here.port = 1
        with pytest.raises(errors.AdapterError, match=r"tcp-client:127\.0\.0\.1:1"):
            async with here.radio():
                pass

    run(work())
