"""The uplink against a real broker with mutual TLS; the test speaks for ingest."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy import certificates
from firmware_profiles import topics, wire
from firmware_profiles.wire_health import Bond
from gateway import errors, outbox_look, rotation
from gateway.backoff import Backoff
from gateway.broker_link import BrokerLink, Lost, Will
from gateway.following import Following
from gateway.health import HealthReport
from gateway.identity import BrokerAccess
from gateway.outbox import Outbox
from gateway.radio_journal import RadioJournal
from gateway.roll_call import RollCall
from gateway.settings import GatewaySettings
from gateway.uplink import Uplink
from tests.integration.gateway.far_end import Ingest, captured, listening, until

pytestmark = pytest.mark.broker

GATEWAY = "gw-uplink01"
CUFF = "C4:65:1B:00:00:01"
AWAY = wire.GatewayStatus(
    online=False, boot_id="0" * 32, at=datetime(2026, 11, 21, tzinfo=UTC), waiting_records=7
)


@pytest.fixture
def ingest(broker: Any) -> Iterator[Ingest]:
    with listening(broker, GATEWAY) as listener:
        yield listener


@pytest.fixture
def settings(broker: Any, tmp_path: Path) -> GatewaySettings:
    certificate_file, key_file = broker.credentials(GATEWAY)
    return GatewaySettings(
        gateway_id=GATEWAY,
        broker_host=broker.host,
        broker_port=broker.port,
        ca_file=broker.ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        state_folder=tmp_path / "state",
        time_zone="UTC",
        resend_after_s=0.2,
    )


@pytest.fixture
def outbox(settings: GatewaySettings) -> Iterator[Outbox]:
    opened = Outbox(settings.state_folder, datetime.now(UTC))
    yield opened
    opened.close()


def access(settings: GatewaySettings) -> BrokerAccess:
    by_hand = rotation.given_by_hand(settings)
    assert by_hand is not None
    return by_hand


def now() -> datetime:
    return datetime.now(UTC)


def no_health(_uplink: Uplink) -> wire.Health | None:
    return None


@asynccontextmanager
async def running(
    settings: GatewaySettings,
    outbox: Outbox,
    health: Callable[[Uplink], wire.Health | None] = no_health,
) -> AsyncIterator[Uplink]:
    identities = rotation.opened(settings)
    following = Following(settings, identities)
    uplink = Uplink(following, identities, outbox, now, lambda: health(uplink))
    task = asyncio.create_task(uplink.run())
    try:
        yield uplink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_records_are_receipted_when_the_server_has_them(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest
) -> None:
    async def work() -> None:
        for number in range(450):
            outbox.append(captured(number))
        async with running(settings, outbox) as uplink:
            await until(lambda: outbox.waiting_count == 0)
            outbox.append(captured(451))
            uplink.wake()
            await until(lambda: outbox.waiting_count == 0)
        assert sorted(set(ingest.seqs())) == list(range(1, 452))  # type: ignore[type-var]

    run(work())


def test_records_are_sent_again_when_the_broker_has_them_but_no_receipt_comes(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest
) -> None:
    ingest.gives_receipts = False

    async def work() -> None:
        outbox.append(captured(1))
        async with running(settings, outbox):
            await until(lambda: ingest.seqs().count(1) >= 3)
            assert outbox.waiting_count == 1
            assert outbox.waiting(1)[0].attempts >= 3
            ingest.give_receipt(ingest.batches[0])
            await until(lambda: outbox.waiting_count == 0)

    run(work())


def test_records_are_sent_again_at_once_when_the_connection_was_lost(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest, broker: Any
) -> None:
    ingest.gives_receipts = False
    patient = replace(settings, resend_after_s=600.0)

    async def work() -> None:
        outbox.append(captured(1))
        async with running(patient, outbox):
            await until(lambda: ingest.seqs() == [1])
            # Another connection under the same name: the broker ends the first one.
            await asyncio.to_thread(evict, patient)
            ingest.gives_receipts = True
            await until(lambda: outbox.waiting_count == 0)
        assert ingest.seqs().count(1) == 2

    run(work())


def evict(settings: GatewaySettings) -> None:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=settings.gateway_id, protocol=mqtt.MQTTv5
    )
    client.tls_set(str(settings.ca_file), str(settings.certificate_file), str(settings.key_file))
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(settings.broker_host, settings.broker_port)
    client.loop_start()
    assert connected.wait(30)
    client.disconnect()
    client.loop_stop()


def test_receipt_is_heard_when_it_was_given_while_the_gateway_was_away(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest
) -> None:
    ingest.gives_receipts = False

    async def work() -> None:
        outbox.append(captured(1))
        async with running(settings, outbox):
            await until(lambda: len(ingest.batches) > 0)
        ingest.give_receipt(ingest.batches[0])
        await asyncio.sleep(0.2)  # the broker keeps it for the session
        async with running(settings, outbox):
            await until(lambda: outbox.waiting_count == 0)

    run(work())


def test_gateway_is_shown_online_and_then_offline_when_it_comes_and_goes(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest
) -> None:
    async def work() -> None:
        outbox.append(captured(1))
        ingest.gives_receipts = False
        async with running(settings, outbox):
            await until(lambda: any(status.online for status in ingest.statuses))
        await until(lambda: not ingest.statuses[-1].online)
        assert ingest.statuses[-1].waiting_records == 1
        assert len({status.boot_id for status in ingest.statuses if status.online}) == 1

    run(work())


def test_broker_says_offline_in_our_name_when_the_gateway_vanishes(
    settings: GatewaySettings, ingest: Ingest
) -> None:
    will = Will(topics.status(GATEWAY), wire.encode_status(AWAY))

    async def work() -> None:
        link = BrokerLink(access(settings), will)
        await link.open()
        await asyncio.to_thread(evict, settings)
        async with asyncio.timeout(5):
            while not isinstance(await link.events.get(), Lost):
                pass
        await until(lambda: AWAY in ingest.statuses)
        await link.close()

    run(work())


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_sent_when_the_broker_is_not_ours(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest, tmp_path: Path
) -> None:
    async def work() -> None:
        strangers = certificates.ThrowAwayAuthority(tmp_path / "strangers", datetime.now(UTC))
        link = BrokerLink(access(replace(settings, ca_file=strangers.ca_file)), Will("t", b""))
        with pytest.raises(errors.UplinkError, match="does not prove") as refused:
            await link.open()
        assert refused.value.reason is errors.UplinkReason.TLS
        await link.close()

    run(work())
    gc.collect()


def test_reason_is_clear_when_there_is_no_broker(settings: GatewaySettings) -> None:
    async def work() -> None:
        link = BrokerLink(access(replace(settings, broker_port=1)), Will("t", b""))
        with pytest.raises(errors.UplinkError) as refused:
            await link.open()
        assert refused.value.reason is errors.UplinkReason.UNREACHABLE
        await link.close()

    run(work())


def test_refused_publication_is_seen_and_kept_when_the_access_list_forbids_it(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest
) -> None:
    async def work() -> None:
        link = BrokerLink(access(settings), Will(topics.status(GATEWAY), wire.encode_status(AWAY)))
        await link.open()
        link.publish(topics.readings("gw-somebody"), b"{}")
        async with asyncio.timeout(5):
            acknowledged = await link.events.get()
        assert getattr(acknowledged, "refusal", None) == "Not authorized"
        await link.close()

    run(work())


def test_heartbeat_says_how_the_gateway_is_and_is_not_kept_by_the_broker(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest, broker: Any
) -> None:
    def health(uplink: Uplink) -> wire.Health:
        report = HealthReport(
            outbox=outbox,
            radios=RadioJournal(now),
            roll_call=RollCall(outbox, lambda _: Bond.UNKNOWN, now),
            uplink=uplink.journal,
            allowed=lambda: (CUFF,),
            state_folder=settings.state_folder,
            now=now,
        )
        return report()

    async def work() -> None:
        async with running(replace(settings, status_every_s=1.0), outbox, health):
            await until(lambda: sum(said.health is not None for said in ingest.statuses) >= 2)
        words = [said.health for said in ingest.statuses if said.health is not None]
        assert words[-1].uplink.connected_at is not None
        assert words[-1].outbox.epoch == outbox.epoch
        assert [one.peripheral for one in words[-1].peripherals] == [CUFF]
        # Who comes later hears that it is gone, and nothing about the home.
        with listening(broker, GATEWAY) as later:
            await asyncio.sleep(0.3)
        assert all(said.health is None for said in later.statuses)

    run(work())


def test_refusal_is_kept_with_the_broker_s_own_word_and_a_lost_connection_with_its_time(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest, broker: Any
) -> None:
    # The record goes out before the name changes, and has to go out again.
    ingest.gives_receipts = False

    async def work() -> None:
        outbox.append(captured(1))
        async with running(settings, outbox) as uplink:
            await until(lambda: uplink.journal.report().connected_at is not None)
            uplink._gateway_id = "gw-somebody"  # whose topics the access list does not give us
            uplink.wake()
            await until(lambda: uplink.journal.report().refusal is not None)
            refusal = uplink.journal.report().refusal
            assert refusal is not None
            assert refusal.reason == "not_authorized"
            link = BrokerLink(access(settings), Will("t", b""))
            await link.open()  # under the same name: the broker ends the first
            await until(lambda: uplink.journal.report().failure is not None)
            await link.close()
        assert outbox.waiting_count == 1  # refused, and kept

    run(work())


def test_exception_in_a_callback_does_not_end_the_connection_when_it_happens(
    settings: GatewaySettings,
    outbox: Outbox,
    ingest: Ingest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    on_message = BrokerLink._on_message
    failures: list[int] = []

    def failing_once(link: BrokerLink, *arguments: Any) -> None:
        if not failures:
            failures.append(1)
            raise RuntimeError("poison")
        on_message(link, *arguments)

    monkeypatch.setattr(BrokerLink, "_on_message", failing_once)

    async def work() -> None:
        outbox.append(captured(1))
        async with running(settings, outbox):
            await until(lambda: outbox.waiting_count == 0)

    run(work())
    assert failures == [1]
    assert "broker_callback_failed" in {record.msg for record in caplog.records}


def test_uplink_goes_on_when_a_receipt_is_rubbish(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest
) -> None:
    async def work() -> None:
        async with running(settings, outbox) as uplink:
            await until(lambda: any(status.online for status in ingest.statuses))
            for payload in (b"", b"\xff", b"[[[[[[[[[[[[", b'{"version":1}'):
                ingest.client.publish(topics.receipts(GATEWAY), payload, qos=1)
            outbox.append(captured(1))
            uplink.wake()
            await until(lambda: outbox.waiting_count == 0)

    run(work())


def start_process(settings: GatewaySettings) -> subprocess.Popen[bytes]:
    """Run the gateway as a process; it has no radio, but an uplink."""
    file = settings.state_folder.parent / "gateway.toml"
    file.write_text(
        f"""
        [gateway]
        gateway_id = "{settings.gateway_id}"
        broker_host = "{settings.broker_host}"
        broker_port = {settings.broker_port}
        ca_file = "{settings.ca_file}"
        certificate_file = "{settings.certificate_file}"
        key_file = "{settings.key_file}"
        state_folder = "{settings.state_folder}"
        time_zone = "UTC"
        adapter = "bumble"
        hci_transport = "tcp-client:127.0.0.1:1"
        """
    )
    command = [sys.executable, "-m", "gateway.cli", "run", "--config", str(file)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def test_every_record_is_receipted_when_the_process_is_killed_while_it_waits_for_receipts(
    settings: GatewaySettings, ingest: Ingest
) -> None:
    stored = Outbox(settings.state_folder, datetime.now(UTC))
    for number in range(300):
        stored.append(captured(number))
    stored.close()
    ingest.gives_receipts = False

    async def work() -> None:
        first = start_process(settings)
        await until(lambda: len(ingest.seqs()) >= 300)
        first.kill()
        first.wait()
        ingest.gives_receipts = True
        second = start_process(settings)
        try:
            await until(lambda: waiting(settings) == 0)
            second.terminate()
            assert await asyncio.to_thread(second.wait, 10) == errors.ExitCode.OK
        finally:
            second.kill()
            second.wait()

    run(work())
    # Sent twice under the same numbers: to the server the second time is a duplicate.
    assert ingest.seqs() == [*range(1, 301), *range(1, 301)]
    assert len({batch.epoch for batch in ingest.batches}) == 1


def waiting(settings: GatewaySettings) -> int:
    return outbox_look.into(settings.state_folder, 0).fill.waiting


def test_backoff_is_what_the_uplink_waits_when_nothing_answers(
    settings: GatewaySettings, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def short(self: Backoff) -> float:
        pauses.append(0.0)
        return 0.01

    monkeypatch.setattr(Backoff, "after_failure_s", short)

    async def work() -> None:
        async with running(replace(settings, broker_port=1), outbox):
            await until(lambda: len(pauses) >= 3)

    run(work())
