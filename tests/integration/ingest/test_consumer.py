from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from deploy import ports
from ingest.buffered_client import Publication
from ingest.consumer import Consumer
from ingest.errors import BrokerError, BrokerReason
from ingest.inbox import Delivery, Inbox
from ingest.settings import IngestSettings

pytestmark = pytest.mark.broker


@pytest.fixture
def start(ingest_settings: Callable[..., IngestSettings]) -> Iterator[Callable[..., Consumer]]:
    """Start a consumer and wait until it hears something."""
    started: list[Consumer] = []

    def start(*, is_idle: bool = True, **changes: Any) -> Consumer:
        settings = ingest_settings(**changes)
        inbox = Inbox(settings.receive_maximum)
        consumer = Consumer(settings, "ingest-1", inbox, hears_status=True)
        consumer.start()
        started.append(consumer)
        assert not is_idle or ports.wait_until(lambda: hears_canary(consumer), timeout_s=20)
        return consumer

    yield start
    for consumer in started:
        consumer.stop()


def unstarted(settings: IngestSettings | None = None) -> Consumer:
    return Consumer(settings or IngestSettings(), "ingest-1", Inbox(10), hears_status=True)


def taken(consumer: Consumer) -> list[Delivery]:
    return consumer._inbox.take(10, 10**9, 0)


def hears_canary(consumer: Consumer) -> bool:
    consumer.check()
    return consumer._canary._sent_at_s is not None and consumer._canary._waiting_since_s is None


def take(consumer: Consumer, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    assert ports.wait_until(
        lambda: len(taken.extend(consumer._inbox.take(100, 10**9, 0.1)) or taken) >= count,
        timeout_s=20,
    ), taken
    return taken


def payloads(deliveries: list[Delivery]) -> list[bytes]:
    return [delivery.arrival.payload for delivery in deliveries]


def test_messages_arrive_as_sent(start: Callable[..., Consumer], gateway: Any) -> None:
    consumer = start()
    gateway.publish(b"one")
    gateway.publish(b"two")

    first, second = take(consumer, 2)

    assert payloads([first, second]) == [b"one", b"two"]
    assert first.arrival.topic == f"hv/1/up/{gateway.gateway_id}/readings"
    assert first.qos == 1
    assert first.arrival.packet_id > 0
    assert first.arrival.message_id != second.arrival.message_id
    assert not first.arrival.is_retained


def test_only_acknowledged_messages_are_gone_when_the_worker_comes_back(
    start: Callable[..., Consumer], gateway: Any
) -> None:
    consumer = start()
    for payload in (b"one", b"two", b"three"):
        gateway.publish(payload)
    consumer.acknowledge(take(consumer, 3)[:1])
    consumer.stop()
    gateway.publish(b"four")  # while nobody listens

    again = start()

    assert payloads(take(again, 3)) == [b"two", b"three", b"four"]


def test_messages_stay_at_the_broker_when_nothing_is_acknowledged(
    start: Callable[..., Consumer], gateway: Any
) -> None:
    consumer = start(receive_maximum=10)
    for number in range(30):
        gateway.publish(bytes([number]))

    taken = take(consumer, 10)
    assert consumer._inbox.take(100, 10**9, 0.5) == []

    consumer.acknowledge(taken)
    while len(set(payloads(taken))) < 30:
        more = take(consumer, 1)
        consumer.acknowledge(more)
        taken += more


def test_inbox_stays_within_its_bound_when_the_broker_does_not_keep_to_the_window(
    start: Callable[..., Consumer], gateway: Any
) -> None:
    consumer = start(receive_maximum=10)
    consumer.stop()
    for number in range(200):
        gateway.publish(bytes([number]))
    again = start(is_idle=False, receive_maximum=10)

    seen: set[bytes] = set()
    while len(seen) < 200:
        (delivery,) = again._inbox.take(1, 10**9, 10)
        seen.add(delivery.arrival.payload)
        again.acknowledge([delivery])
        assert len(again._inbox) <= 10
        again.check()


def test_stopping_does_not_wait_when_the_inbox_is_full(gateway: Any) -> None:
    consumer = Consumer(IngestSettings(), "ingest-1", Inbox(1), hears_status=False)
    message = Publication(b"t", b"", 1, 1, retain=False)
    network = threading.Thread(target=lambda: consumer._on_publications([message, message]))
    network.start()
    assert ports.wait_until(lambda: consumer._inbox.is_full, timeout_s=30)

    consumer.stop()

    network.join(10)
    assert not network.is_alive()


def test_acknowledgement_is_not_sent_on_a_later_connection(
    start: Callable[..., Consumer], gateway: Any, take_over_session: Callable[[str], None]
) -> None:
    consumer = start()
    gateway.publish(b"one")
    (stale,) = take(consumer, 1)

    take_over_session("ingest-1")
    (fresh,) = take(consumer, 1)  # it came back by itself, and so did the message
    consumer.acknowledge([stale])
    consumer.stop()

    assert payloads([fresh]) == [b"one"]
    assert fresh.connection > stale.connection
    assert payloads(take(start(), 1)) == [b"one"]


def test_what_waits_is_forgotten_when_the_connection_is_lost(
    start: Callable[..., Consumer], gateway: Any, take_over_session: Callable[[str], None]
) -> None:
    consumer = start()
    gateway.publish(b"one")
    assert ports.wait_until(lambda: len(consumer._inbox) == 1, timeout_s=30)

    take_over_session("ingest-1")
    assert ports.wait_until(
        lambda: consumer._connection == 1 and consumer._is_connected, timeout_s=30
    )

    # the broker sends it again, so it waits once, not twice
    (delivery,) = take(consumer, 1)
    assert delivery.connection == consumer._connection
    assert consumer._inbox.take(10, 10**9, 0.3) == []


def test_gateway_hears_what_is_published_to_it(
    start: Callable[..., Consumer], gateway: Any
) -> None:
    consumer = start()

    consumer.publish_all([(f"hv/1/down/{gateway.gateway_id}/receipts", b"receipt")])

    assert ports.wait_until(lambda: gateway.heard == [b"receipt"], timeout_s=30)


def test_status_is_heard_although_it_was_said_before(
    start: Callable[..., Consumer], gateway: Any
) -> None:
    gateway.publish(b"status", branch="status", retain=True)

    (delivery,) = take(start(), 1)

    assert delivery.arrival.topic.endswith("/status")
    assert delivery.arrival.is_retained


def test_retained_readings_are_let_go_when_a_broker_sends_them_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer = unstarted()
    topics = (b"hv/1/up/gw-aaaa1111/readings", b"hv/1/up/gw-aaaa1111/status")
    consumer._on_publications([Publication(topic, b"old", 0, 0, retain=True) for topic in topics])

    assert [d.arrival.topic for d in taken(consumer)] == ["hv/1/up/gw-aaaa1111/status"]
    assert caplog.messages == ["retained_ignored"]


def test_start_fails_with_advice_when_credentials_cannot_be_read(
    ingest_settings: Callable[..., IngestSettings], tmp_path: Path
) -> None:
    with pytest.raises(BrokerError, match="certificate_file") as failed:
        unstarted(ingest_settings(key_file=tmp_path / "missing.key")).start()

    assert failed.value.reason is BrokerReason.BAD_CREDENTIALS


def test_check_fails_when_canaries_do_not_come_back(start: Callable[..., Consumer]) -> None:
    consumer = start()
    consumer._canary.sent(-1000.0)

    with pytest.raises(BrokerError, match="hv/1/canary/ingest-1") as failed:
        consumer.check()

    assert failed.value.reason is BrokerReason.RECEIVING_STOPPED


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_check_fails_when_the_network_thread_died(
    ingest_settings: Callable[..., IngestSettings],
) -> None:
    consumer = unstarted(ingest_settings(broker_host="no..host"))  # paho does not expect ValueError
    consumer.start()

    def fails() -> bool:
        try:
            consumer.check()
        except BrokerError as failed:
            return failed.reason is BrokerReason.RECEIVING_STOPPED
        return False

    assert ports.wait_until(fails, timeout_s=30)
    consumer.stop()


def test_check_fails_when_a_subscription_was_refused() -> None:
    consumer = unstarted()
    refused = ReasonCode(PacketTypes.SUBACK, "Not authorized")

    consumer._on_subscribe(consumer._client, None, 1, [refused], None)

    with pytest.raises(BrokerError, match="135") as failed:
        consumer.check()
    assert failed.value.reason is BrokerReason.SUBSCRIPTION_REFUSED


def test_check_fails_when_a_callback_raised_and_the_callback_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer = unstarted()

    consumer._on_publications([object()])  # type: ignore[list-item]

    assert "callback_failed" in caplog.messages
    with pytest.raises(BrokerError) as failed:
        consumer.check()
    assert failed.value.reason is BrokerReason.RECEIVING_STOPPED


def test_topic_is_made_storable_when_the_broker_lets_bad_ones_through() -> None:
    consumer = unstarted()
    topics = (b"\xff", b"a\0b", b"x" * 5000)
    consumer._on_publications([Publication(topic, b"", 0, 0, retain=False) for topic in topics])

    found = [delivery.arrival.topic for delivery in taken(consumer)]

    assert found == ["\N{REPLACEMENT CHARACTER}", "a\N{REPLACEMENT CHARACTER}b", "x" * 200]
